package queue

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/fault"
	"fairqueue/internal/merkle"
	"fairqueue/internal/sale"
)

// maxPage bounds the pages of the public lists.
const maxPage = 10_000

// Proof shows that a leaf stands under the root of a draw.
type Proof struct {
	Arrival  int64
	Leaf     [32]byte
	Path     [][32]byte // from the leaf's sibling to the root
	TreeSize int64
	Root     [32]byte
}

// Leaves returns leaf hashes of the lobby in order of arrival, those after the cursor; next is "" at the end.
// 409 not_drawn before the root exists, 422 for a bad cursor.
func (s *Service) Leaves(ctx context.Context, event *sale.Snapshot, limit int, cursor string) (leaves [][32]byte, next string, err error) {
	from, err := parseCursor('l', cursor)
	if err != nil {
		return nil, "", err
	}
	tree, err := s.tree(ctx, event)
	if err != nil {
		return nil, "", err
	}
	all := tree.Leaves()
	if from > int64(len(all)) {
		return nil, "", badCursor()
	}
	leaves = all[from:]
	if limit = max(1, min(limit, maxPage)); len(leaves) > limit {
		leaves = leaves[:limit:limit]
		next = makeCursor('l', from+int64(limit))
	}
	return leaves, next, nil
}

// Proof returns the proof of an arrival; 409 not_drawn before the root exists, 404 not_in_lobby below 1 and above its size.
func (s *Service) Proof(ctx context.Context, event *sale.Snapshot, arrival int64) (Proof, error) {
	tree, err := s.tree(ctx, event)
	if err != nil {
		return Proof{}, err
	}
	if arrival < 1 || arrival > int64(tree.Size()) {
		return Proof{}, fault.New(fault.NotFound, "not_in_lobby", fmt.Sprintf("The lobby of this draw holds the arrivals 1 to %d.", tree.Size()))
	}
	return Proof{
		Arrival: arrival, Leaf: tree.Leaves()[arrival-1], Path: tree.Path(int(arrival - 1)),
		// The root that was published: rows that were changed since do not lead to it.
		TreeSize: int64(tree.Size()), Root: *event.Draw.Root,
	}, nil
}

// tree is that of a lobby whose root is published.
func (s *Service) tree(ctx context.Context, event *sale.Snapshot) (*merkle.Tree, error) {
	if event.Draw == nil || event.Draw.Root == nil || event.LobbySize == nil {
		return nil, fault.New(fault.Conflict, "not_drawn", "The lobby of this sale is not frozen, so there is no root to prove anything against.")
	}
	return s.trees.get(ctx, event.ID(), *event.LobbySize, s.leaves)
}

// Admissions returns steps of the line, oldest first, those after the cursor; next is "" at the end. 422 for a bad cursor.
func (s *Service) Admissions(ctx context.Context, event *sale.Snapshot, limit int, cursor string) (steps []Step, next string, err error) {
	after, err := parseCursor('a', cursor)
	if err != nil {
		return nil, "", err
	}
	limit = max(1, min(limit, maxPage))
	rows, err := queuedb.New().StepsAfter(ctx, s.cfg.DB, event.ID(), after, int32(limit+1)) //nolint:gosec // bounded
	if err != nil {
		return nil, "", db.Fault(fmt.Errorf("queue.Admissions: %w", err))
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = makeCursor('a', rows[limit-1].ID)
	}
	steps = make([]Step, 0, len(rows))
	for _, r := range rows {
		steps = append(steps, Step{From: r.FromNumber, To: r.ToNumber, At: r.At})
	}
	return steps, next, nil
}

// Exceptions returns the returns to the line, oldest first, those after the cursor; next is "" at the end. 422 for a bad cursor.
func (s *Service) Exceptions(ctx context.Context, event *sale.Snapshot, limit int, cursor string) (exceptions []Exception, next string, err error) {
	after, err := parseCursor('x', cursor)
	if err != nil {
		return nil, "", err
	}
	limit = max(1, min(limit, maxPage))
	rows, err := queuedb.New().ExceptionsAfter(ctx, s.cfg.DB, event.ID(), after, int32(limit+1)) //nolint:gosec // bounded
	if err != nil {
		return nil, "", db.Fault(fmt.Errorf("queue.Exceptions: %w", err))
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = makeCursor('x', rows[limit-1].ID)
	}
	o := s.order(event)
	exceptions = make([]Exception, 0, len(rows))
	for _, r := range rows {
		exceptions = append(exceptions, exceptionOf(o, queuedb.ExceptionsRow(r)))
	}
	return exceptions, next, nil
}

// exceptionOf fills in a number that was not known when somebody returned.
func exceptionOf(o order, r queuedb.ExceptionsRow) Exception {
	if r.Number == 0 && r.Arrival > 0 {
		r.Number, _ = o.number(r.Arrival)
	}
	return Exception{Number: r.Number, Rule: r.Rule, At: r.At}
}

// makeCursor is where a page of one of the lists ends; opaque to callers.
func makeCursor(list byte, at int64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte{list}, uint64(at))) //nolint:gosec // the bits are what counts
}

// parseCursor is the other way; "" is the beginning.
func parseCursor(list byte, cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != 9 || raw[0] != list {
		return 0, badCursor()
	}
	at := int64(binary.BigEndian.Uint64(raw[1:])) //nolint:gosec // the bits are what counts
	if at < 0 {
		return 0, badCursor()
	}
	return at, nil
}

func badCursor() error {
	return fault.InvalidField(fault.Field{Path: "cursor", Message: "This cursor is not one that this list gave out. Start again without it."})
}
