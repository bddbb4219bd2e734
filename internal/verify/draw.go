package verify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"

	beacons "fairqueue/internal/beacon"
	"fairqueue/internal/merkle"
	"fairqueue/internal/shuffle"
)

const (
	// maxLobby keeps a lie about the size of the lobby from filling the memory.
	maxLobby   = 20_000_000
	leavesPage = 10_000
)

// digest reads 32 bytes of hex.
func digest(s *string) (d [32]byte, ok bool) {
	if s == nil {
		return d, false
	}
	b, err := hex.DecodeString(*s)
	if err != nil || len(b) != len(d) || hex.EncodeToString(b) != *s {
		return d, false
	}
	return [32]byte(b), true
}

// draw checks everything about the draw of a sale that has one.
func (v *run) draw(ctx context.Context) error {
	d := v.first.Draw
	if v.Ordering == "fifo" {
		if d != nil && (d.Commitment != nil || d.Secret != nil || d.Root != nil || d.Seed != nil || d.DrawnAt != nil) {
			v.add(Form, Fail, "a sale without a draw tells of one")
		}
		return nil
	}
	v.commitment(d)
	if d.Root == nil {
		if d.Seed != nil || d.DrawnAt != nil {
			v.add(Root, Fail, "the draw was held without a root")
			return nil
		}
		v.add(Root, Later, "the lobby is not frozen yet")
		v.add(Seed, Later, "there was no draw yet")
		return nil
	}
	leaves, err := v.root(ctx, d)
	if err != nil {
		return err
	}
	v.seed(d)
	return v.proofs(ctx, d, leaves)
}

func (v *run) commitment(d *draw) {
	commitment, ok := digest(d.Commitment)
	switch {
	case !ok:
		v.add(Commitment, Fail, "the commitment is not 32 bytes in hex")
		return
	case d.CommittedAt == nil:
		v.add(Commitment, Fail, "nothing says when the commitment was published")
		return
	case d.Secret == nil && (d.Seed != nil || d.DrawnAt != nil):
		v.add(Commitment, Fail, "the draw was held, and its secret is not public")
		return
	case d.Secret == nil:
		v.add(Commitment, Later, "the secret is public with the draw; until then keep %s", *d.Commitment)
		return
	}
	secret, ok := digest(d.Secret)
	if !ok || sha256.Sum256(secret[:]) != commitment {
		v.add(Commitment, Fail, "SHA-256 of the secret is not the commitment")
		return
	}
	v.add(Commitment, Pass, "SHA-256 of the secret is the commitment of %s", d.CommittedAt.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// root reads all leaves. They are nil when they do not even have the form of leaves.
func (v *run) root(ctx context.Context, d *draw) (leaves [][32]byte, err error) {
	root, ok := digest(d.Root)
	if !ok || d.LobbySize == nil || *d.LobbySize < 0 || *d.LobbySize > maxLobby {
		v.add(Root, Fail, "the root is not 32 bytes in hex, or the size of the lobby is missing")
		return nil, nil
	}
	size := *d.LobbySize
	broken := int64(0)
	err = pages(ctx, v.client, "leaves", leavesPage, func(page []string) bool {
		for _, s := range page {
			leaf, ok := digest(&s)
			if !ok && broken == 0 {
				broken = int64(len(leaves)) + 1
			}
			leaves = append(leaves, leaf)
		}
		return int64(len(leaves)) <= size
	})
	if bad, ok := errors.AsType[malformedError](err); ok {
		v.add(Root, Fail, "%s", bad.says)
		return nil, nil
	}
	switch {
	case err != nil:
		return nil, err
	case broken > 0:
		v.add(Root, Fail, "the leaf of arrival %d is not 32 bytes in hex", broken)
		return nil, nil
	case int64(len(leaves)) != size:
		v.add(Root, Fail, "the lobby has %d places, and there are %s leaves", size, moreOrLess(int64(len(leaves)), size))
		return nil, nil
	case merkle.Root(leaves) != root:
		v.add(Root, Fail, "the Merkle root of the %d leaves is not the published one", size)
	default:
		v.add(Root, Pass, "the Merkle root of all %d leaves of the lobby is the published one", size)
	}
	return leaves, nil
}

func moreOrLess(n, than int64) string {
	if n > than {
		return "more"
	}
	return fmt.Sprint("only ", n)
}

// seed also makes the order, of the seed that should be: never of the one that was told.
func (v *run) seed(d *draw) {
	if d.Seed == nil && d.DrawnAt == nil {
		v.add(Seed, Later, "the lobby is frozen, and the draw was not held yet")
		return
	}
	secret, okSecret := digest(d.Secret)
	root, okRoot := digest(d.Root)
	told, okSeed := digest(d.Seed)
	if !okSecret || !okRoot || !okSeed || d.LobbySize == nil || *d.LobbySize < 0 || *d.LobbySize > maxLobby || d.DrawnAt == nil {
		v.add(Seed, Fail, "secret, root, size of the lobby, seed or time of the draw are missing or not in hex")
		return
	}
	size := *d.LobbySize
	in := append(append([]byte{}, secret[:]...), root[:]...)
	in = binary.BigEndian.AppendUint64(in, uint64(size)) //nolint:gosec // not below 0
	with := "without a beacon: its operator could have known the order before the sale"
	switch b := d.Beacon; {
	case b != nil && b.Value != nil && cannotBe(d) != "":
		in = append(in, *b.Value...)
		with = fmt.Sprintf("with what was given for round %d of the beacon %s: %s", b.Round, b.Name, *b.Value)
	case b != nil && b.Value != nil:
		in = append(in, *b.Value...)
		with = fmt.Sprintf("round %d of the beacon %s (compare its value with what the beacon published: %s)", b.Round, b.Name, *b.Value)
	case b != nil:
		with = fmt.Sprintf("without the beacon %s that was named: the organizer went on without it", b.Name)
	}
	seed := sha256.Sum256(in)
	if seed != told {
		v.add(Seed, Fail, "the seed is not that of secret, root, size of the lobby and beacon")
		return
	}
	v.add(Seed, Pass, "secret, root and size of the lobby make the seed, %s", with)
	if why := cannotBe(d); why != "" {
		v.add(Beacon, Note, "the value cannot be the beacon's: %s; the draw proves only what one without a beacon proves", why)
	}
	v.order = shuffle.Table(int(size), seed)
	v.numbers(seed)
}

// cannotBe says why the value that was given is not the beacon's, as far as its schedule is known; empty where it may be.
func cannotBe(d *draw) string {
	b := d.Beacon
	if b == nil || b.Value == nil || d.DrawnAt == nil {
		return ""
	}
	switch due, known := beacons.Time(b.Name, b.Round); {
	case known && d.DrawnAt.Before(due):
		return "it came before its round"
	case !beacons.MayGive(b.Name, *b.Value):
		return "it is not 64 hex digits"
	}
	return ""
}

// numbers checks that the table is an order at all, and that it is that of the algorithm taken one by one.
func (v *run) numbers(seed [32]byte) {
	n := len(v.order)
	seen := make([]bool, n)
	for a, to := range v.order {
		if int(to) >= n || seen[to] {
			v.add(Numbers, Fail, "arrival %d has no number of its own", a+1)
			return
		}
		seen[to] = true
	}
	for range min(n, 1000) {
		a := rand.IntN(n) //nolint:gosec // a sample, nothing secret
		//nolint:gosec // positions of a table
		if i := shuffle.Index(uint64(a), uint64(n), seed); i != uint64(v.order[a]) || shuffle.Inverse(i, uint64(n), seed) != uint64(a) {
			v.add(Numbers, Fail, "the number of arrival %d is not that of the algorithm", a+1)
			return
		}
	}
	v.add(Numbers, Pass, "the seed gives each of the %d places of the lobby its own number; later arrivals keep theirs", n)
}

// proofs asks for what fans ask for, the ends of the lobby first.
func (v *run) proofs(ctx context.Context, d *draw, leaves [][32]byte) error {
	root, ok := digest(d.Root)
	if leaves == nil || !ok {
		return nil // Said already.
	}
	n := len(leaves)
	if n == 0 {
		v.add(Proofs, Pass, "nobody stood in the lobby")
		return nil
	}
	want := v.cfg.Proofs
	if want <= 0 {
		want = defaultProofs
	}
	arrivals := []int{1, n}
	for len(arrivals) < want {
		arrivals = append(arrivals, 1+rand.IntN(n)) //nolint:gosec // a sample, nothing secret
	}
	for _, a := range arrivals {
		var p proof
		err := v.client.get(ctx, fmt.Sprintf("/proof?arrival=%d", a), &p)
		if bad, ok := errors.AsType[malformedError](err); ok {
			v.add(Proofs, Fail, "%s", bad.says)
			return nil
		}
		if err != nil {
			return err
		}
		if says := wrongProof(p, a, leaves, root); says != "" {
			v.add(Proofs, Fail, "the proof of arrival %d: %s", a, says)
			return nil
		}
	}
	v.add(Proofs, Pass, "%d proofs lead from their leaf to the root", len(arrivals))
	return nil
}

func wrongProof(p proof, arrival int, leaves [][32]byte, root [32]byte) string {
	leaf, ok := digest(&p.Leaf)
	told, okRoot := digest(&p.Root)
	path := make([][32]byte, len(p.Path))
	for i := range p.Path {
		var okPath bool
		path[i], okPath = digest(&p.Path[i])
		ok = ok && okPath
	}
	switch {
	case !ok || !okRoot:
		return "a hash in it is not 32 bytes in hex"
	case p.Arrival != int64(arrival):
		return "it is that of another arrival"
	case p.TreeSize != int64(len(leaves)):
		return "its tree has another size than the lobby"
	case told != root:
		return "its root is not the published one"
	case leaf != leaves[arrival-1]:
		return "its leaf is not the published one"
	case !merkle.Verify(leaf, arrival-1, len(leaves), path, root):
		return "its path does not lead from the leaf to the root"
	}
	return ""
}
