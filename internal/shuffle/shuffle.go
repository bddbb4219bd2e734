package shuffle

import (
	"crypto/sha256"
	"encoding/binary"
)

// Rounds is SHUFFLE_ROUND_COUNT of the specification.
const Rounds = 90

// Index is compute_shuffled_index: where position i of n lands under seed. i must be below n.
func Index(i, n uint64, seed [32]byte) uint64 {
	for r := range Rounds {
		i = swap(i, n, seed, byte(r))
	}
	return i
}

// Inverse is the position that lands at i: the rounds backwards.
func Inverse(i, n uint64, seed [32]byte) uint64 {
	for r := Rounds - 1; r >= 0; r-- {
		i = swap(i, n, seed, byte(r)) //nolint:gosec // below 90
	}
	return i
}

// swap is one round, which is its own inverse.
func swap(i, n uint64, seed [32]byte, round byte) uint64 {
	var in [37]byte
	copy(in[:], seed[:])
	in[32] = round
	h := sha256.Sum256(in[:33])
	pivot := binary.LittleEndian.Uint64(h[:8]) % n
	flip := (pivot + n - i) % n
	position := max(i, flip)
	binary.LittleEndian.PutUint32(in[33:], uint32(position/256)) //nolint:gosec // as the specification cuts it
	source := sha256.Sum256(in[:])
	if source[position%256/8]>>(position%8)&1 == 1 {
		return flip
	}
	return i
}

// Table is Index for every position of n at once: t[i] is where i lands.
func Table(n int, seed [32]byte) []uint32 {
	t := make([]uint32, n)
	for i := range t {
		t[i] = uint32(Index(uint64(i), uint64(n), seed)) //nolint:gosec // below n
	}
	return t
}

// Invert is the other way of a table: Invert(t)[t[i]] = i.
func Invert(t []uint32) []uint32 {
	inv := make([]uint32, len(t))
	for i, to := range t {
		inv[to] = uint32(i) //nolint:gosec // a position of t
	}
	return inv
}
