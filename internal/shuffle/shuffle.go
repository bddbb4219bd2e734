package shuffle

import (
	"crypto/sha256"
	"encoding/binary"
)

// Rounds is SHUFFLE_ROUND_COUNT of the specification.
const Rounds = 90

// Index is compute_shuffled_index: where position i of n lands under seed. i must be below n.
func Index(i, n uint64, seed [32]byte) uint64 {
	h := newHasher(seed)
	for r := range Rounds {
		i = h.swap(i, n, r)
	}
	return i
}

// Inverse is the position that lands at i: the rounds backwards.
func Inverse(i, n uint64, seed [32]byte) uint64 {
	h := newHasher(seed)
	for r := Rounds - 1; r >= 0; r-- {
		i = h.swap(i, n, r)
	}
	return i
}

// hasher holds what is hashed: seed, round, and for a source of bits the block of 256 positions.
type hasher [37]byte

func newHasher(seed [32]byte) *hasher {
	var h hasher
	copy(h[:], seed[:])
	return &h
}

// pivot of a round: a position and its flip add up to it, modulo n.
func (h *hasher) pivot(n uint64, round int) uint64 {
	h[32] = byte(round)
	sum := sha256.Sum256(h[:33])
	return binary.LittleEndian.Uint64(sum[:8]) % n
}

// bits of a round say for 256 positions whether they swap.
func (h *hasher) bits(block uint64, round int) [32]byte {
	h[32] = byte(round)
	binary.LittleEndian.PutUint32(h[33:], uint32(block)) //nolint:gosec // as the specification cuts it
	return sha256.Sum256(h[:])
}

// swap is one round for one position, which is its own inverse.
func (h *hasher) swap(i, n uint64, round int) uint64 {
	flip := (h.pivot(n, round) + n - i) % n
	position := max(i, flip)
	bits := h.bits(position/256, round)
	if bits[position%256/8]>>(position%8)&1 == 1 {
		return flip
	}
	return i
}

// Table is Index for every position of n at once: t[i] is where i lands. n must be below 2³².
func Table(n int, seed [32]byte) []uint32 {
	t := make([]uint32, n)
	for i := range t {
		t[i] = uint32(i) //nolint:gosec // below n
	}
	if n < 2 {
		return t
	}
	// A round swaps the contents of pairs of positions. What stands at a position after all of them has gone through
	// the rounds in the opposite order, so they run backwards here.
	h := newHasher(seed)
	for round := Rounds - 1; round >= 0; round-- {
		pivot := int(h.pivot(uint64(n), round)) //nolint:gosec // below n
		h.swapRange(t, 0, pivot, round)
		h.swapRange(t, pivot+1, n-1, round)
	}
	return t
}

// swapRange does a round's swaps between the positions from low to high, whose pairs are each other's mirror. The
// higher of a pair has the bit, so that each hash serves up to 256 pairs that follow each other.
func (h *hasher) swapRange(t []uint32, low, high, round int) {
	for low < high {
		bits := h.bits(uint64(high)/256, round) //nolint:gosec // a position
		// As far as this block of bits and the middle go.
		pairs := min(high&255+1, (high-low+1)/2)
		a, b := t[low:low+pairs], t[high-pairs+1:high+1]
		for k, i := range a {
			j := b[pairs-1-k]
			position := (high - k) & 255
			// A swap without a branch: nothing could predict it.
			mask := -uint32(bits[position>>3] >> (position & 7) & 1)
			mask &= i ^ j
			a[k], b[pairs-1-k] = i^mask, j^mask
		}
		low, high = low+pairs, high-pairs
	}
}

// Invert is the other way of a table: Invert(t)[t[i]] = i.
func Invert(t []uint32) []uint32 {
	inv := make([]uint32, len(t))
	for i, to := range t {
		inv[to] = uint32(i) //nolint:gosec // a position of t
	}
	return inv
}
