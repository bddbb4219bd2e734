package merkle

import (
	"crypto/sha256"
	"math/bits"
)

// LeafHash is RFC 6962's hash of a leaf (section 2.1).
func LeafHash(leaf []byte) [32]byte {
	buf := make([]byte, 1, 1+len(leaf))
	return sha256.Sum256(append(buf, leaf...))
}

// Root is RFC 6962's tree hash over leaf hashes; SHA-256 of nothing for
// no leaves.
func Root(leafHashes [][32]byte) [32]byte {
	switch n := len(leafHashes); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leafHashes[0]
	default:
		// The left subtree takes the largest power of two below n.
		k := 1 << (bits.Len(uint(n-1)) - 1) //nolint:gosec // n is above 1
		return node(Root(leafHashes[:k]), Root(leafHashes[k:]))
	}
}

// Path is the audit path of leaf i (section 2.1.1): hashes from the leaf's sibling to the root.
func Path(leafHashes [][32]byte, i int) [][32]byte {
	n := len(leafHashes)
	if n <= 1 {
		return nil
	}
	k := 1 << (bits.Len(uint(n-1)) - 1) //nolint:gosec // n is above 1
	if i < k {
		return append(Path(leafHashes[:k], i), Root(leafHashes[k:]))
	}
	return append(Path(leafHashes[k:], i-k), Root(leafHashes[:k]))
}

// Verify reports whether a leaf hash is number i of n leaves under root, by its path.
func Verify(leaf [32]byte, i, n int, path [][32]byte, root [32]byte) bool {
	if i < 0 || i >= n {
		return false
	}
	h, last := leaf, n-1
	for _, p := range path {
		if last == 0 {
			return false
		}
		if i%2 == 1 || i == last {
			h = node(p, h)
			for i%2 == 0 && i != 0 {
				i, last = i>>1, last>>1
			}
		} else {
			h = node(h, p)
		}
		i, last = i>>1, last>>1
	}
	return last == 0 && h == root
}

func node(left, right [32]byte) [32]byte {
	var buf [65]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[33:], right[:])
	return sha256.Sum256(buf[:])
}
