package queue

import (
	"context"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

// Wish is what a fan asked for while they wait.
type Wish struct {
	// Tiers are ordinals, in order; empty: any.
	Tiers []int
	// Mail asks for a message when the turn comes.
	Mail bool
}

// SetWish stores the wishes of the account's spot and returns the spot; 404 not_in_queue, 422 for a tier that is not there.
func (s *Service) SetWish(ctx context.Context, event *sale.Snapshot, account uuid.UUID, w Wish) (Spot, error) {
	panic("not built")
}

// Extend gives a called fan two more minutes to come in, once a turn; 403 not_admitted, admission_expired, 409 cap_reached.
func (s *Service) Extend(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (View, error) {
	panic("not built")
}
