package claim

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

// Restock adds units to a tier of general admission; by is the organizer.
func (s *Service) Restock(ctx context.Context, event *sale.Snapshot, by, tier uuid.UUID, add int) error {
	return errors.New("claim.Restock: not built")
}

// Which names units to block or unblock: seats, or so many units of a tier of general admission.
type Which struct {
	Seats  []uuid.UUID
	TierID uuid.UUID
	Count  int
}

// Block takes free units out of the sale, all or nothing; 409 seats_taken, not_enough_left.
func (s *Service) Block(ctx context.Context, event *sale.Snapshot, by uuid.UUID, w Which) error {
	return errors.New("claim.Block: not built")
}

// Unblock puts blocked units into the sale.
func (s *Service) Unblock(ctx context.Context, event *sale.Snapshot, by uuid.UUID, w Which) error {
	return errors.New("claim.Unblock: not built")
}
