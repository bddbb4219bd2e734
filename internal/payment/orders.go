package payment

import (
	"context"
	"fmt"
	"strings"
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
	// Stuck: a refund of it waits for a person. Disputed: a bank asks for its money back; AnswerBy is until when it can be
	// answered, nil where nobody said.
	Stuck, Disputed bool
	AnswerBy        *time.Time
}

// Needs reports whether money of the order waits for a person.
func (o Order) Needs() bool { return o.Stuck || o.Disputed }

// OrderFilter says which orders of an event are listed; its zero value is all.
type OrderFilter struct {
	// Needing: those whose money waits for a person.
	Needing bool
	// Search: those with all of these words, or parts of words, in the buyer's address or name, the names on the tickets, or the
	// references of payments, without regard to capitals and accents; or with exactly this number of an order, of a payment,
	// or of one at the provider. Also those of Found.
	Search string
	Found  []uuid.UUID
}

const (
	maxPage     = 100
	defaultPage = 50
)

// Orders lists an event's orders (claims with a payment), newest first, in pages.
func (s *Service) Orders(ctx context.Context, event uuid.UUID, limit int, cursor string) (orders []Order, next string, err error) {
	return s.FindOrders(ctx, event, OrderFilter{}, limit, cursor)
}

// FindOrders lists the orders of an event that a filter lets through, newest first, in pages.
func (s *Service) FindOrders(ctx context.Context, event uuid.UUID, f OrderFilter, limit int, cursor string) (orders []Order, next string, err error) {
	f.Search = strings.TrimSpace(strings.ToValidUTF8(storable(f.Search), ""))
	if f.Found == nil {
		f.Found = []uuid.UUID{}
	}
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	at, id, err := db.ParseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.q.Orders(ctx, s.cfg.DB, paymentdb.OrdersParams{
		EventID: event, BeforeAt: at, BeforeID: id, Needing: f.Needing, Search: f.Search, Found: f.Found, MaxOrders: int32(limit) + 1, //nolint:gosec // at most 100
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
			CreatedAt: r.CreatedAt, PaidAt: r.PaidAt, Back: money.Kobo(r.BackKobo), Stuck: r.Stuck, Disputed: r.Disputed,
		}
		if r.DueAt.Unix() > 0 {
			orders[i].AnswerBy = &r.DueAt
		}
	}
	return orders, next, nil
}
