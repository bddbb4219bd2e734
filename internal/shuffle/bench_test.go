package shuffle_test

import (
	"crypto/sha256"
	"testing"

	"fairqueue/internal/shuffle"
)

const people = 1_000_000

// One operation is the whole order of a million people, in both directions.
func BenchmarkDraw(b *testing.B) {
	seed := sha256.Sum256([]byte("benchmark"))
	for b.Loop() {
		shuffle.Invert(shuffle.Table(people, seed))
	}
}

// The limit is the bare hashing that the order needs: a pivot a round, and a source for each 256 pairs.
func BenchmarkDrawLimit(b *testing.B) {
	var in [37]byte
	for b.Loop() {
		for range shuffle.Rounds * (1 + people/2/256) {
			sum := sha256.Sum256(in[:])
			copy(in[:], sum[:])
		}
	}
}

// One operation is one fan's number.
func BenchmarkNumber(b *testing.B) {
	seed := sha256.Sum256([]byte("benchmark"))
	i := uint64(0)
	for b.Loop() {
		i = shuffle.Index(i, people, seed)
	}
}

// The limit is the bare hashing: two a round.
func BenchmarkNumberLimit(b *testing.B) {
	var in [37]byte
	for b.Loop() {
		for range 2 * shuffle.Rounds {
			sum := sha256.Sum256(in[:])
			copy(in[:], sum[:])
		}
	}
}
