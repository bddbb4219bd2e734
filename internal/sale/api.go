// Package sale knows a sale: its state, its tiers, its limits, and the picture of it in memory.
package sale

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/live"
	"fairqueue/internal/money"
)

// State is where a sale is.
type State string

// The states. SoldOut is not stored: it is Open without an unsold unit.
const (
	Draft     State = "draft"
	Scheduled State = "scheduled"
	Lobby     State = "lobby"
	Open      State = "open"
	Paused    State = "paused"
	SoldOut   State = "sold_out"
	Ended     State = "ended"
)

// Ordering is how numbers follow from arrivals.
type Ordering string

// The orderings.
const (
	FIFO Ordering = "fifo"
	Draw Ordering = "draw"
)

// Terms are what an organizer sets. JSON and form handlers fill it; Check is the one place with the ranges.
type Terms struct {
	Ordering         Ordering
	LobbyOpensAt     *time.Time
	OpensAt          time.Time
	ClosesAt         time.Time
	MaxTicketsPerFan int
	MaxWaiting       *int64
	AdmitPerMinute   int
	MaxInside        int
	TurnSeconds      int
	VisitSeconds     int
	HoldSeconds      int
	GraceSeconds     int
	BeaconName       string
	BeaconRound      int64
	BeaconURL        string
}

// DefaultTerms are the numbers an organizer gets when they leave a field out (those of CONTRACT.md's example).
func DefaultTerms() Terms { panic("not built") }

// NewTier is a tier to be.
type NewTier struct {
	Name     string
	Price    money.Kobo
	Capacity int
}

// NewSale is everything a new event needs.
type NewSale struct {
	Event catalog.NewEvent
	Terms Terms
	Tiers []NewTier
}

// Patch changes a running sale; nil fields stay.
type Patch struct {
	AdmitPerMinute, MaxInside, MaxTicketsPerFan, TurnSeconds, VisitSeconds, HoldSeconds, GraceSeconds *int
	MaxWaiting                                                                                        *int64
	Message                                                                                           *string
	ClosesAt                                                                                          *time.Time
}

// Tier is a tier with its stock as of the snapshot.
type Tier struct {
	ID       uuid.UUID
	Ordinal  int
	Name     string
	Price    money.Kobo
	Capacity int
	Seated   bool
	// Available: free, or held and past its time. Held includes paying. Sold is sold.
	Available, Held, Sold int
}

// Snapshot is one sale at one moment, read-only, shared by everybody.
type Snapshot struct {
	Event catalog.Event
	Terms Terms
	// State is the effective one: SoldOut where nothing is unsold.
	State     State
	Message   string
	MessageAt *time.Time
	Tiers     []Tier

	PublishedAt, OpenedAt, EndedAt, PausedAt *time.Time
	// At is the database's time of this picture; LineAt the sale's own clock at that
	// moment, which stands still while paused.
	At, LineAt time.Time

	Arrivals  int64
	LobbySize *int64
	Serving   int64
	// Rate is the measured outflow: numbers called a minute, over the last minutes; 0 for unknown.
	Rate float64
	// Version of the sales row.
	Version int64
}

// ID is the event's id.
func (s *Snapshot) ID() uuid.UUID { return s.Event.ID }

// Published reports whether everybody may see it.
func (s *Snapshot) Published() bool { return s.State != Draft }

// Joinable reports whether joining is open.
func (s *Snapshot) Joinable() bool {
	switch s.State {
	case Lobby, Open, Paused, SoldOut:
		return true
	}
	return false
}

// Available is the sum over tiers.
func (s *Snapshot) Available() (n int) {
	for i := range s.Tiers {
		n += s.Tiers[i].Available
	}
	return n
}

// Tier returns a tier by id.
func (s *Snapshot) Tier(id uuid.UUID) (Tier, bool) {
	for _, t := range s.Tiers {
		if t.ID == id {
			return t, true
		}
	}
	return Tier{}, false
}

// RealTime turns an instant of line time into clock time, as of this snapshot.
func (s *Snapshot) RealTime(line time.Time) time.Time { return line.Add(s.At.Sub(s.LineAt)) }

// Config is what a Service needs.
type Config struct {
	DB     db.Conn
	Live   *live.Hub
	Clock  *db.Clock
	Logger *slog.Logger
}

// Service is the one door to sales.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Create stores a new event in draft for an organization. Everything wrong comes back at once, with paths
// as in CONTRACT.md's JSON ("name", "sale.opens_at", "tiers[0].price_kobo").
func (s *Service) Create(ctx context.Context, organization uuid.UUID, n NewSale) (*Snapshot, error) {
	panic("not built")
}

// Get returns the snapshot of an event by id or slug: from memory for live sales (at most about a second
// old), else from a short cache or the database. 404 event_not_found. Drafts are returned too: callers check Published.
func (s *Service) Get(ctx context.Context, idOrSlug string) (*Snapshot, error) { panic("not built") }

// Fresh reads one event from the database now, puts it into memory, and nudges the other replicas.
func (s *Service) Fresh(ctx context.Context, id uuid.UUID) (*Snapshot, error) { panic("not built") }

// Own returns a fresh snapshot if the organization owns the event; 404 otherwise.
func (s *Service) Own(ctx context.Context, organization uuid.UUID, idOrSlug string) (*Snapshot, error) {
	panic("not built")
}

// List returns published events, soonest first, in pages; cursor is opaque, next is "" at the end. 422 for a bad cursor.
func (s *Service) List(ctx context.Context, limit int, cursor string) (events []*Snapshot, next string, err error) {
	panic("not built")
}

// ListOwn returns the organization's events, newest first, drafts included.
func (s *Service) ListOwn(ctx context.Context, organization uuid.UUID) ([]*Snapshot, error) {
	panic("not built")
}

// Pause, Resume and End are the organizer's moves; 409 invalid_transition. by is the account. Resume adds the
// pause to paused_total. (Publish is claim.Publish, Open is queue.Open: they touch what those own.)
func (s *Service) Pause(ctx context.Context, event, by uuid.UUID) (*Snapshot, error) {
	panic("not built")
}

// Resume ends a pause.
func (s *Service) Resume(ctx context.Context, event, by uuid.UUID) (*Snapshot, error) {
	panic("not built")
}

// End ends a sale.
func (s *Service) End(ctx context.Context, event, by uuid.UUID) (*Snapshot, error) {
	panic("not built")
}

// Change applies a patch live; ranges as Create.
func (s *Service) Change(ctx context.Context, event, by uuid.UUID, p Patch) (*Snapshot, error) {
	panic("not built")
}

// MoveTx moves a sale along the table of allowed moves inside the caller's transaction, with its ledger row;
// 409 invalid_transition.
func MoveTx(ctx context.Context, tx pgx.Tx, event, by uuid.UUID, to State) error { panic("not built") }

// Refresh reads all live sales from PostgreSQL by one query into memory; the application calls it each second.
func (s *Service) Refresh(ctx context.Context) error { panic("not built") }

// Follow returns a channel that gets the new snapshot after each change of the event (serving, state, message,
// stock); slow readers miss intermediate ones, never the last. stop must be called.
func (s *Service) Follow(event uuid.UUID) (ch <-chan *Snapshot, stop func()) { panic("not built") }
