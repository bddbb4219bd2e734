package merkle

import "crypto/sha256"

// Tree keeps every level of a tree, so that a proof is a look-up: 64 bytes a leaf.
type Tree struct {
	// levels run from the leaves to the root. A node without a sibling is the same one a level up, which comes to
	// RFC 6962's split at the largest power of two.
	levels [][][32]byte
}

// NewTree builds the tree over leaf hashes, which it keeps: nobody may change them afterwards.
func NewTree(leafHashes [][32]byte) *Tree {
	t := &Tree{levels: [][][32]byte{leafHashes}}
	for level := leafHashes; len(level) > 1; {
		up := make([][32]byte, (len(level)+1)/2)
		for i := range up {
			if 2*i+1 < len(level) {
				up[i] = node(level[2*i], level[2*i+1])
			} else {
				up[i] = level[2*i]
			}
		}
		t.levels = append(t.levels, up)
		level = up
	}
	return t
}

// Size is the number of leaves.
func (t *Tree) Size() int { return len(t.levels[0]) }

// Leaves are the leaf hashes, which must not be changed.
func (t *Tree) Leaves() [][32]byte { return t.levels[0] }

// Root is that of the leaves.
func (t *Tree) Root() [32]byte {
	if t.Size() == 0 {
		return sha256.Sum256(nil)
	}
	return t.levels[len(t.levels)-1][0]
}

// Path is the audit path of leaf i, which must be one of the tree: hashes from the leaf's sibling to the root.
func (t *Tree) Path(i int) [][32]byte {
	path := make([][32]byte, 0, len(t.levels)-1)
	for _, level := range t.levels[:len(t.levels)-1] {
		if sibling := i ^ 1; sibling < len(level) {
			path = append(path, level[sibling])
		}
		i >>= 1
	}
	return path
}
