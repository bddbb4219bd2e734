package queue

import (
	"context"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

// GiveBeacon takes the value of the beacon's round that an awaited draw needs and holds the draw; 409 invalid_transition
// where none is awaited (no beacon named, the root not published yet, drawn already), 422 for an empty or overlong value.
func (s *Service) GiveBeacon(ctx context.Context, event, by uuid.UUID, value string) (*sale.Snapshot, error) {
	panic("not built")
}

// WaiveBeacon holds the draw without the beacon that was named, which the fairness page discloses; 409 as GiveBeacon.
func (s *Service) WaiveBeacon(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	panic("not built")
}
