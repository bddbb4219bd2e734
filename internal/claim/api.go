// Package claim knows units: who holds, pays for or owns each sellable place.
package claim

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/money"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// Status is where a claim is.
type Status string

// The statuses of CONTRACT.md.
const (
	Held     Status = "held"
	Paying   Status = "paying"
	Paid     Status = "paid"
	Expired  Status = "expired"
	Released Status = "released"
	Refunded Status = "refunded"
)

// Line is one unit of a claim at its price.
type Line struct {
	UnitID uuid.UUID
	TierID uuid.UUID
	Tier   string
	Price  money.Kobo
}

// Claim is what one fan holds, pays for or has bought at once.
type Claim struct {
	ID        uuid.UUID
	EventID   uuid.UUID
	AccountID uuid.UUID
	// Status is the effective one: a hold past its time reads expired.
	Status    Status
	CreatedAt time.Time
	ExpiresAt time.Time
	CapAt     time.Time
	Lines     []Line
	Total     money.Kobo
	// CanExtend reports whether Extend would succeed now; ExtendAt when it first would.
	CanExtend bool
	ExtendAt  time.Time
}

// Request asks for units of a tier.
type Request struct {
	TierID   uuid.UUID
	Quantity int
}

// Config is what a Service needs.
type Config struct {
	DB     db.Conn
	Sales  *sale.Service
	Queue  *queue.Service
	Clock  *db.Clock
	Logger *slog.Logger
}

// Service is the one door to units.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Publish publishes a draft with its stock and its line in one transaction (sale.MoveTx, queue.CreateHeadTx, units),
// into scheduled, lobby or open as the clock says; 409 invalid_transition.
func (s *Service) Publish(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	panic("not built")
}

// Hold claims units for a fan who is called or inside; all or nothing. 403 not_admitted, admission_expired; 409 sold_out,
// not_enough_left (left), limit_reached (left), claim_open (claim_id), sale_not_open; 422 for quantity outside 1–50 or a tier of another event.
func (s *Service) Hold(ctx context.Context, event *sale.Snapshot, account uuid.UUID, r Request) (Claim, error) {
	panic("not built")
}

// Get returns the account's claim; 404 claim_not_found, also for a foreign one.
func (s *Service) Get(ctx context.Context, account, id uuid.UUID) (Claim, error) { panic("not built") }

// OpenOf returns the account's open claim of an event, or nil.
func (s *Service) OpenOf(ctx context.Context, event, account uuid.UUID) (*Claim, error) {
	panic("not built")
}

// Extend moves the end of a hold to hold_seconds from now, never past the cap; 409 too_early, cap_reached, claim_expired.
func (s *Service) Extend(ctx context.Context, account, id uuid.UUID) (Claim, error) {
	panic("not built")
}

// Tidy sets claims whose hold is past to expired and frees their units, a bounded number a call; the leader calls it.
// Nothing depends on it.
func (s *Service) Tidy(ctx context.Context) error { panic("not built") }
