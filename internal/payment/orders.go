package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/money"
)

// Order is a claim with its money, for the organizer.
type Order struct {
	ID        uuid.UUID // of the claim
	Buyer     string    // e-mail
	Quantity  int
	Tiers     string // "2 × Stands"
	Total     money.Kobo
	Status    claim.Status
	Payment   Status
	Reference string
	CreatedAt time.Time
	PaidAt    *time.Time
	// Back is what has gone back of it, or is on its way.
	Back money.Kobo
	// Needs: a refund of it is stuck, or a bank asks for its money back.
	Needs bool
}

const (
	maxPage     = 100
	defaultPage = 50
)

// Orders lists an event's orders (claims with a payment), newest first, in pages.
func (s *Service) Orders(ctx context.Context, event uuid.UUID, limit int, cursor string) (orders []Order, next string, err error) {
	return s.list(ctx, event, false, limit, cursor)
}

// OrdersInNeed lists the orders of an event whose money waits for a person.
func (s *Service) OrdersInNeed(ctx context.Context, event uuid.UUID, limit int, cursor string) (orders []Order, next string, err error) {
	return s.list(ctx, event, true, limit, cursor)
}

func (s *Service) list(ctx context.Context, event uuid.UUID, needing bool, limit int, cursor string) (orders []Order, next string, err error) {
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	at, id, err := db.ParseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.q.Orders(ctx, s.cfg.DB, paymentdb.OrdersParams{
		EventID: event, BeforeAt: at, BeforeID: id, Needing: needing, MaxOrders: int32(limit) + 1, //nolint:gosec // at most 100
	})
	if err != nil {
		return nil, "", db.Fault(fmt.Errorf("payment.Orders: %w", err))
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = db.Cursor(rows[limit-1].CreatedAt, rows[limit-1].ID)
	}
	orders = make([]Order, len(rows))
	for i, r := range rows {
		orders[i] = Order{
			ID: r.ID, Buyer: r.Email, Quantity: int(r.Quantity), Tiers: r.Tiers, Total: money.Kobo(r.TotalKobo),
			Status: claim.Status(r.ClaimStatus), Payment: Status(r.PaymentStatus), Reference: r.Reference,
			CreatedAt: r.CreatedAt, PaidAt: r.PaidAt, Back: money.Kobo(r.BackKobo), Needs: r.Needs,
		}
	}
	return orders, next, nil
}
