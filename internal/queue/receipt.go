package queue

import (
	"context"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

// Receipt is a compact JWS (EdDSA) that says where the account stands: event, spot, arrival, joined_at, and the
// commitment of the draw if there is one; 404 not_in_queue.
func (s *Service) Receipt(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (string, error) {
	panic("not built")
}
