package ledger

import (
	"crypto/sha256"
	"math/bits"
)

// LeafHash is RFC 6962's hash of a leaf (section 2.1).
func LeafHash(leaf []byte) [32]byte {
	buf := make([]byte, 1, 1+len(leaf))
	return sha256.Sum256(append(buf, leaf...))
}

// MerkleRoot is RFC 6962's tree hash over leaf hashes; SHA-256 of nothing for
// no leaves.
func MerkleRoot(leafHashes [][32]byte) [32]byte {
	switch n := len(leafHashes); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leafHashes[0]
	default:
		// The left subtree takes the largest power of two below n.
		k := 1 << (bits.Len(uint(n-1)) - 1) //nolint:gosec // n is above 1
		left, right := MerkleRoot(leafHashes[:k]), MerkleRoot(leafHashes[k:])
		buf := make([]byte, 0, 65)
		buf = append(buf, 1)
		buf = append(buf, left[:]...)
		return sha256.Sum256(append(buf, right[:]...))
	}
}
