package claim

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/claimdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
	"fairqueue/internal/money"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// Line is one unit of a claim at its price.
type Line struct {
	UnitID uuid.UUID
	TierID uuid.UUID
	Tier   string
	Price  money.Kobo
	// Seat is nil for general admission.
	Seat *catalog.Place
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
	// Moved reports that equal units took the place of those first held, because its money came after the hold had ended.
	Moved bool
}

// Request asks for units of a tier, or for seats.
type Request struct {
	TierID   uuid.UUID
	Quantity int
	// Best asks for neighbouring seats, the best there are; without it they are any of the tier.
	Best bool
	// Split lets a party that asks for the best seats sit in several groups where it does not fit together.
	Split bool
	// Seats are the ids of the seats asked for; then there is no tier and no quantity.
	Seats []uuid.UUID
}

// Config is what a Service needs.
type Config struct {
	DB    db.Conn
	Sales *sale.Service
	Queue *queue.Service
	// Keys makes worthless what is kept of presale codes; without it there are none.
	Keys   *keys.Ring
	Clock  *db.Clock
	Logger *slog.Logger
}

// Service is the one door to units.
type Service struct {
	cfg   Config
	q     *claimdb.Queries
	books books
	loads singleflight.Group

	batchers batchers
}

// New returns a Service. Close must be called: claims are batched by goroutines, which end when nobody claims.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, q: queries}
	s.batchers.of = map[tierKey]*batcher{}
	s.batchers.stop, s.batchers.cancel = context.WithCancel(context.Background())
	return s
}

// queries has no state; the functions that join a caller's transaction use it too.
var queries = claimdb.New()

var (
	errNotFound = fault.New(fault.NotFound, "claim_not_found", "There is no such claim of yours.")
	errExpired  = fault.New(fault.Conflict, "claim_expired", "The time to hold these tickets is over and they went back into the sale. While it is your turn you can choose again.")
	errNotOpen  = fault.New(fault.Conflict, "sale_not_open", "The sale is not open, so nothing can be claimed now.")
)

// Get returns the account's claim; 404 claim_not_found, also for a foreign one.
func (s *Service) Get(ctx context.Context, account, id uuid.UUID) (Claim, error) {
	return s.view(ctx, s.cfg.DB, account, id)
}

// view reads a claim with its lines; c may be a transaction.
func (s *Service) view(ctx context.Context, c db.Conn, account, id uuid.UUID) (Claim, error) {
	row, err := s.q.ClaimView(ctx, c, id, account)
	if db.NoRows(err) {
		return Claim{}, errNotFound
	}
	if err != nil {
		return Claim{}, db.Fault(fmt.Errorf("claim.Get: %w", err))
	}
	lines, err := readLines(ctx, c, id)
	if err != nil {
		return Claim{}, err
	}
	out := Claim{
		ID: row.ID, EventID: row.EventID, AccountID: row.AccountID, Status: Status(row.Status),
		CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt, CapAt: row.CapAt,
		Lines: lines, Total: money.Kobo(row.TotalKobo), Moved: row.Moved,
	}
	out.setExtend(seconds(row.HoldSeconds), row.Now)
	return out, nil
}

func readLines(ctx context.Context, c claimdb.DBTX, id uuid.UUID) ([]Line, error) {
	rows, err := queries.Lines(ctx, c, id)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("claim: lines: %w", err))
	}
	lines := make([]Line, len(rows))
	for i, l := range rows {
		lines[i] = Line{UnitID: l.UnitID, TierID: l.TierID, Tier: l.TierName, Price: money.Kobo(l.PriceKobo)}
		if l.SeatSection != nil && l.SeatRow != nil && l.SeatLabel != nil {
			lines[i].Seat = &catalog.Place{Section: *l.SeatSection, Row: *l.SeatRow, Label: *l.SeatLabel}
		}
	}
	return lines, nil
}

// OpenOf returns the account's open claim of an event, or nil.
func (s *Service) OpenOf(ctx context.Context, event, account uuid.UUID) (*Claim, error) {
	id, err := s.q.OpenView(ctx, s.cfg.DB, event, account)
	if db.NoRows(err) {
		return nil, nil //nolint:nilnil // none is an ordinary answer, not an error
	}
	if err != nil {
		return nil, db.Fault(fmt.Errorf("claim.OpenOf: %w", err))
	}
	c, err := s.Get(ctx, account, id)
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// The last part of a hold in which it may be extended: 120 s, or half of a shorter hold.
const extendWindow = 120 * time.Second

// minCap is the least time after a claim was made until which it may be extended.
const minCap = 15 * time.Minute

func (c *Claim) setExtend(hold time.Duration, now time.Time) {
	c.ExtendAt = c.ExpiresAt.Add(-min(extendWindow, hold/2))
	c.CanExtend = c.Status == Held && !now.Before(c.ExtendAt) && now.Before(c.ExpiresAt) && c.ExpiresAt.Before(c.CapAt)
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }
