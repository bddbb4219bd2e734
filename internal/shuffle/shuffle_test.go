package shuffle_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fairqueue/internal/shuffle"
)

func seedOf(t testing.TB, text string) [32]byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 {
		t.Fatalf("seed %q: %v", text, err)
	}
	return [32]byte(raw)
}

// vectors are of ethereum/consensus-spec-tests, tests/mainnet/phase0/shuffling/core/shuffle/shuffle_0x<seed>_<count>:
// that repository stores of each mapping.yaml its SHA-256, which only the very same numbers give.
var vectors = []struct {
	seed  string
	count int
	file  string
}{
	{"26b25d457597a7b0463f9620f666dd10aa2c4373a505967c7c8d70922a2d6ece", 1, "f17fb008b76327cd3456c58cc8c2f89c3f54a6de5714f6806b17c66e755753e6"},
	{"0623ccb9b1619bd388284a438034d8cb6431964ba727d8b1c450303105735488", 5, "155bd957aacd98cf39ee7f85ec3f50048bcb121b3d07cf352bfee4306bf6033d"},
	{"26b25d457597a7b0463f9620f666dd10aa2c4373a505967c7c8d70922a2d6ece", 10, "4df3287e08eb483b3e412e723b0364ed14e1c1f666ad84e9681231c59fa207f7"},
	{"26b25d457597a7b0463f9620f666dd10aa2c4373a505967c7c8d70922a2d6ece", 33, "663f55643b07bec77f71fc89e5b559faab364689dbc68dfba84a7e861900f73b"},
	{"075de2b906dbd7066da008cab735bee896370154603579a50122f9b88545bd45", 100, "e5ea8ce0d10309e44715cb6790f41c5111160e8bedf1068619fbbd61c9d011b9"},
	{"26b25d457597a7b0463f9620f666dd10aa2c4373a505967c7c8d70922a2d6ece", 1000, "c26f12895fdd4bec61ba372fb1b98671b9535dd2c1c3399fa4bbbf06a402f729"},
	{"23bcd11624a07465b1c2fc1a0fe52996daae4bf87b0fb6bed45926096c644843", 1000, "3feeff7f49b9e0068d5bb08dd529116f6cf805eadd74559f24ec11abcd54df95"},
	{"26b25d457597a7b0463f9620f666dd10aa2c4373a505967c7c8d70922a2d6ece", 9999, "cf580d13279d6958681e917f0f3550dbb37f71080097c2a00e8764f4d8f7f4a8"},
	{"01b4f6bd5d6a06a7b74a8565ceb4f845afe0ae96a0ac05cf5e86066bf7b538ec", 9999, "c3577795cf7bbe42bcca0c97e2d97b8caf8bf3defa8d1b3cffd6ce7813a06575"},
}

// mappingFile is a vector's mapping.yaml as its generator writes it: lines are broken behind the comma that goes
// past the 80th column.
func mappingFile(seed string, mapping []uint64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed: '0x%s'\ncount: %d\n", seed, len(mapping))
	line := "mapping: ["
	for i, m := range mapping {
		if i > 0 {
			line += ","
			if len(line) > 80 {
				b.WriteString(line + "\n")
				line = " "
			}
			line += " "
		}
		line += fmt.Sprint(m)
	}
	b.WriteString(line + "]\n")
	return b.String()
}

func TestThePublishedVectorsOfEthereum(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		seed := seedOf(t, v.seed)
		single, table := make([]uint64, v.count), make([]uint64, v.count)
		all := shuffle.Table(v.count, seed)
		for i := range v.count {
			single[i], table[i] = shuffle.Index(uint64(i), uint64(v.count), seed), uint64(all[i])
		}
		for name, mapping := range map[string][]uint64{"Index": single, "Table": table} {
			if sum := sha256.Sum256([]byte(mappingFile(v.seed, mapping))); hex.EncodeToString(sum[:]) != v.file {
				t.Errorf("%s of %d under %s is not the published mapping: %v", name, v.count, v.seed, mapping[:min(10, v.count)])
			}
		}
	}
}

// asSpecified is compute_shuffled_index, read from the specification's Python line by line.
func asSpecified(index, count uint64, seed [32]byte) uint64 {
	for round := range 90 {
		digest := sha256.Sum256(append(seed[:len(seed):len(seed)], byte(round)))
		pivot := binary.LittleEndian.Uint64(digest[0:8]) % count
		flip := (pivot + count - index) % count
		position := max(index, flip)
		source := sha256.Sum256(binary.LittleEndian.AppendUint32(append(seed[:len(seed):len(seed)], byte(round)), uint32(position/256)))
		if source[(position%256)/8]>>(position%8)%2 != 0 {
			index = flip
		}
	}
	return index
}

func TestOrderIsAPermutationWithItsInverse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed := sha256.Sum256(rapid.SliceOf(rapid.Byte()).Draw(t, "seed"))
		n := rapid.IntRange(1, 1200).Draw(t, "n")
		table := shuffle.Table(n, seed)
		inverse := shuffle.Invert(table)
		seen := make([]bool, n)
		for i, to := range table {
			if int(to) >= n || seen[to] {
				t.Fatalf("position %d of %d lands at %d, where another landed", i, n, to)
			}
			seen[to] = true
			if int(inverse[to]) != i {
				t.Fatalf("the inverse of %d is %d, want %d", to, inverse[to], i)
			}
		}
		for range 20 {
			i := uint64(rapid.IntRange(0, n-1).Draw(t, "i"))
			to := shuffle.Index(i, uint64(n), seed)
			if want := asSpecified(i, uint64(n), seed); to != want || uint64(table[i]) != want {
				t.Fatalf("%d of %d lands at %d, in the table at %d, by the specification at %d", i, n, to, table[i], want)
			}
			if back := shuffle.Inverse(to, uint64(n), seed); back != i {
				t.Fatalf("back from %d is %d, want %d", to, back, i)
			}
		}
	})
}

// Sizes around the blocks of 256 positions, and a large one.
func TestTableIsIndexAtEverySize(t *testing.T) {
	t.Parallel()
	seed := sha256.Sum256([]byte("sizes"))
	for n := range 600 {
		for i, to := range shuffle.Table(n, seed) {
			if want := shuffle.Index(uint64(i), uint64(n), seed); n < 4 || i%37 == n%37 {
				if uint64(to) != want {
					t.Fatalf("%d of %d lands at %d, want %d", i, n, to, want)
				}
			}
		}
	}
	const large = 1_000_003
	table := shuffle.Table(large, seed)
	for i := 0; i < large; i += 9973 {
		if want := asSpecified(uint64(i), large, seed); uint64(table[i]) != want {
			t.Fatalf("%d of %d lands at %d, want %d", i, large, table[i], want)
		}
	}
}
