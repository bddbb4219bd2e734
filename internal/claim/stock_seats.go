package claim

import (
	"context"

	"fairqueue/internal/sale"
)

// StockSeats returns the seats of an event for its organizer: by their units alone, whoever may have them now. Nil for an
// event without a seat map.
func (s *Service) StockSeats(ctx context.Context, event *sale.Snapshot) (*Seats, error) {
	return s.stored(ctx, event)
}
