package queue

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/merkle"
)

const (
	// maxLeaves bounds the trees that are kept, in leaves of 64 bytes; the largest one alone is always kept.
	maxLeaves = 2 << 20
	// leafPage is how many spots one statement reads.
	leafPage    = 20_000
	treeTimeout = 2 * time.Minute
)

// Leaf is the leaf hash of a spot in the Merkle trees of CONTRACT.md.
func Leaf(spot uuid.UUID, arrival int64) [32]byte {
	buf := make([]byte, 0, 64)
	buf = append(buf, spot.String()...)
	buf = append(buf, ':')
	return merkle.LeafHash(strconv.AppendInt(buf, arrival, 10))
}

// leaves reads the leaf hashes of a frozen lobby, in order of arrival.
func (s *Service) leaves(ctx context.Context, event uuid.UUID, n int64) ([][32]byte, error) {
	all := make([][32]byte, 0, n)
	for int64(len(all)) < n {
		first := int64(len(all)) + 1
		last := min(n, first+leafPage-1)
		rows, err := queuedb.New().LobbySpots(ctx, s.cfg.DB, event, first, last)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if r.Arrival != int64(len(all))+1 {
				break
			}
			all = append(all, Leaf(r.ID, r.Arrival))
		}
		if int64(len(all)) != last {
			return nil, fmt.Errorf("event %s: the lobby has %d places, and arrival %d is nobody's", event, n, len(all)+1)
		}
	}
	return all, nil
}

// trees keeps the trees of the lobbies that were asked for, so that a public proof reads nothing.
type trees struct {
	loads singleflight.Group

	mu   sync.Mutex
	kept []keptTree // the one used last comes last
}

type keptTree struct {
	event uuid.UUID
	tree  *merkle.Tree
}

// get returns the tree of a frozen lobby of n places, read once for all who ask at the same time.
func (t *trees) get(ctx context.Context, event uuid.UUID, n int64, load func(context.Context, uuid.UUID, int64) ([][32]byte, error)) (*merkle.Tree, error) {
	if tree := t.find(event, n); tree != nil {
		return tree, nil
	}
	ch := t.loads.DoChan(event.String(), func() (any, error) {
		// Whoever came first may go away; the others still want the answer.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), treeTimeout)
		defer cancel()
		leaves, err := load(ctx, event, n)
		if err != nil {
			return nil, err
		}
		tree := merkle.NewTree(leaves)
		t.put(event, tree)
		return tree, nil
	})
	select {
	case r := <-ch:
		if r.Err != nil {
			return nil, db.Fault(fmt.Errorf("queue: tree: %w", r.Err))
		}
		return r.Val.(*merkle.Tree), nil
	case <-ctx.Done():
		return nil, db.Fault(ctx.Err())
	}
}

func (t *trees) find(event uuid.UUID, n int64) *merkle.Tree {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, k := range t.kept {
		if k.event == event && int64(k.tree.Size()) == n {
			t.kept = append(append(t.kept[:i:i], t.kept[i+1:]...), k)
			return k.tree
		}
	}
	return nil
}

func (t *trees) put(event uuid.UUID, tree *merkle.Tree) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := []keptTree{{event, tree}}
	for i, room := len(t.kept)-1, maxLeaves-tree.Size(); i >= 0; i-- {
		if k := t.kept[i]; k.event != event && k.tree.Size() <= room {
			room -= k.tree.Size()
			next = append([]keptTree{k}, next...)
		}
	}
	t.kept = next
}
