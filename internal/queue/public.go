package queue

import (
	"context"

	"fairqueue/internal/sale"
)

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
	panic("not built")
}

// Proof returns the proof of an arrival; 409 not_drawn before the root exists, 404 not_in_lobby below 1 and above its size.
func (s *Service) Proof(ctx context.Context, event *sale.Snapshot, arrival int64) (Proof, error) {
	panic("not built")
}

// Admissions returns steps of the line, oldest first, those after the cursor; next is "" at the end. 422 for a bad cursor.
func (s *Service) Admissions(ctx context.Context, event *sale.Snapshot, limit int, cursor string) (steps []Step, next string, err error) {
	panic("not built")
}

// Exceptions returns the returns to the line, oldest first, those after the cursor; next is "" at the end. 422 for a bad cursor.
func (s *Service) Exceptions(ctx context.Context, event *sale.Snapshot, limit int, cursor string) (exceptions []Exception, next string, err error) {
	panic("not built")
}
