package merkle_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fairqueue/internal/merkle"
)

// The leaves and roots are the reference tree of Certificate Transparency's
// own tests (google/certificate-transparency, merkletree/merkle_tree_test.cc).
func TestMerkleRootIsRFC6962(t *testing.T) {
	t.Parallel()
	roots := []string{
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var leaves [][32]byte
	for i, in := range inputs {
		raw, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, merkle.LeafHash(raw))
		root := merkle.Root(leaves)
		if got := hex.EncodeToString(root[:]); got != roots[i] {
			t.Errorf("root of %d leaves = %s, want %s", i+1, got, roots[i])
		}
	}
	empty := merkle.Root(nil)
	if got := hex.EncodeToString(empty[:]); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("root of nothing = %s", got)
	}
}

// inputs are the leaves of the reference tree.
var inputs = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}

func digest(t testing.TB, text string) [32]byte {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 {
		t.Fatalf("%q: %v", text, err)
	}
	return [32]byte(raw)
}

// The paths are those of the same tests of Certificate Transparency (there counted from 1).
func TestPathsAreRFC6962(t *testing.T) {
	t.Parallel()
	var leaves [][32]byte
	for _, in := range inputs {
		raw, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, merkle.LeafHash(raw))
	}
	for _, v := range []struct {
		i, n int
		path []string
	}{
		{0, 1, nil},
		{0, 8, []string{
			"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
		}},
		{5, 8, []string{
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		}},
		{2, 3, []string{"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
		{1, 5, []string{
			"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
		}},
	} {
		var want [][32]byte
		for _, p := range v.path {
			want = append(want, digest(t, p))
		}
		tree := merkle.NewTree(leaves[:v.n])
		for name, got := range map[string][][32]byte{"Path": merkle.Path(leaves[:v.n], v.i), "Tree.Path": tree.Path(v.i)} {
			if !slices.Equal(got, want) {
				t.Errorf("%s of leaf %d of %d is %x, want %x", name, v.i, v.n, got, want)
			}
		}
		if !merkle.Verify(leaves[v.i], v.i, v.n, want, merkle.Root(leaves[:v.n])) {
			t.Errorf("the path of leaf %d of %d does not hold", v.i, v.n)
		}
	}
}

func random(t *rapid.T, n int) [][32]byte {
	salt := rapid.Uint64().Draw(t, "salt")
	leaves := make([][32]byte, n)
	for i := range leaves {
		leaves[i] = merkle.LeafHash(fmt.Appendf(nil, "%d:%d", salt, i))
	}
	return leaves
}

func TestATreeIsTheRecursiveDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		leaves := random(t, rapid.IntRange(0, 300).Draw(t, "n"))
		tree := merkle.NewTree(leaves)
		if tree.Root() != merkle.Root(leaves) || tree.Size() != len(leaves) {
			t.Fatalf("the tree of %d leaves has another root", len(leaves))
		}
		for i := range leaves {
			if !slices.Equal(tree.Path(i), merkle.Path(leaves, i)) {
				t.Fatalf("leaf %d of %d has another path", i, len(leaves))
			}
		}
	})
}

// A proof holds for its leaf at its place in its tree under its root, and for nothing else.
func TestOnlyTheRightProofHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		leaves := random(t, rapid.IntRange(1, 100).Draw(t, "n"))
		n, i := len(leaves), rapid.IntRange(0, len(leaves)-1).Draw(t, "i")
		tree := merkle.NewTree(leaves)
		path, root := tree.Path(i), tree.Root()
		if !merkle.Verify(leaves[i], i, n, path, root) {
			t.Fatalf("the proof of leaf %d of %d does not hold", i, n)
		}
		bit := func(h [32]byte) [32]byte {
			h[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			return h
		}
		if merkle.Verify(bit(leaves[i]), i, n, path, root) || merkle.Verify(leaves[i], i, n, path, bit(root)) {
			t.Fatal("a changed leaf or root holds")
		}
		for k := range path {
			changed := slices.Clone(path)
			changed[k] = bit(changed[k])
			if merkle.Verify(leaves[i], i, n, changed, root) {
				t.Fatalf("a path changed at %d holds", k)
			}
		}
		if len(path) > 0 && merkle.Verify(leaves[i], i, n, path[:len(path)-1], root) || merkle.Verify(leaves[i], i, n, append(slices.Clone(path), root), root) {
			t.Fatal("a path of another length holds")
		}
		for _, j := range []int{-1, n, n + 1, rapid.IntRange(0, n-1).Draw(t, "j")} {
			if j != i && merkle.Verify(leaves[i], j, n, path, root) {
				t.Fatalf("leaf %d of %d holds as leaf %d", i, n, j)
			}
		}
	})
}

// One operation is the tree of a million leaves.
func BenchmarkTree(b *testing.B) {
	leaves := make([][32]byte, 1_000_000)
	for b.Loop() {
		merkle.NewTree(leaves)
	}
}

// The limit is its hashing.
func BenchmarkTreeLimit(b *testing.B) {
	var in [65]byte
	for b.Loop() {
		for range 1_000_000 - 1 {
			sum := sha256.Sum256(in[:])
			copy(in[1:], sum[:])
		}
	}
}
