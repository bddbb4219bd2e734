package sale

import (
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/catalog"
	"fairqueue/internal/catalog/seatmap"
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

	// Channels are what a fan may pay with (those of KnownChannels); empty: they follow the hold and the stock.
	Channels []string
	FeesBy   FeesBy
	Tax      Tax
	// Returns allows fans to give a ticket back for its price, until ReturnsUntil or, where that is nil, until the event starts.
	Returns      bool
	ReturnsUntil *time.Time
	Disputes     DisputeRule
}

// NewTier is a tier to be.
type NewTier struct {
	Name  string
	Price money.Kobo
	// Capacity of a tier on the seat map may be 0: it follows from the map.
	Capacity int
	// OpensAt and ClosesAt narrow when the tier is sold; nil: as long as the sale.
	OpensAt, ClosesAt *time.Time

	seated bool
}

// NewSale is everything a new event needs.
type NewSale struct {
	Event catalog.NewEvent
	Terms Terms
	Tiers []NewTier
	// SeatMap is JSON as package seatmap reads it; empty for none.
	SeatMap []byte

	seats *seatmap.Map
}

// Patch changes a running sale; nil fields stay.
type Patch struct {
	AdmitPerMinute, MaxInside, MaxTicketsPerFan, TurnSeconds, VisitSeconds, HoldSeconds, GraceSeconds *int
	MaxWaiting                                                                                        *int64
	Message                                                                                           *string
	ClosesAt                                                                                          *time.Time

	Channels *[]string
	FeesBy   *FeesBy
	Tax      *Tax
	Returns  *bool
	// ReturnsUntil of the zero time means until the event starts.
	ReturnsUntil *time.Time
	Disputes     *DisputeRule
}

// DrawFacts is the public side of a draw: what is committed, published and revealed so far. Values only ever appear.
type DrawFacts struct {
	// Commitment is SHA-256 of the secret.
	Commitment  [32]byte
	CommittedAt time.Time
	// FrozenAt is when the lobby was closed to new places before the order.
	FrozenAt *time.Time
	// Root is the Merkle root over the spots of the lobby.
	Root     *[32]byte
	RootedAt *time.Time
	// BeaconRound is the round that counts; 0 without a beacon.
	BeaconRound int64
	// BeaconValue is "" until it is given.
	BeaconValue string
	// WaivedAt is when an organizer went on without the beacon that was named.
	WaivedAt *time.Time
	// Secret is revealed with the draw, or when the sale ends before it.
	Secret, Seed *[32]byte
	DrawnAt      *time.Time
}

// Tier is a tier with its stock as of the snapshot.
type Tier struct {
	ID       uuid.UUID
	Ordinal  int
	Name     string
	Price    money.Kobo
	Capacity int
	Seated   bool
	// Available: free, or held and past its time, and anybody may buy it now, or when the sale opens. Later: free, but the
	// tier is not on sale, or it takes a code. Held includes paying. Sold is sold.
	Available, Later, Held, Sold int
	// OpensAt and ClosesAt narrow when the tier is sold; nil: as long as the sale.
	OpensAt, ClosesAt *time.Time
	// PublicAt is when the presale of the tier that runs now, or when the sale opens, lets everybody in; nil: there is none.
	PublicAt *time.Time
}

// Unsold is what is not sold yet, to whomever.
func (t Tier) Unsold() int { return t.Available + t.Later + t.Held }

// same reports whether nothing of two tiers differs.
func (t Tier) same(o Tier) bool {
	same := sameTime(t.OpensAt, o.OpensAt) && sameTime(t.ClosesAt, o.ClosesAt) && sameTime(t.PublicAt, o.PublicAt)
	t.OpensAt, t.ClosesAt, t.PublicAt = o.OpensAt, o.ClosesAt, o.PublicAt
	return same && t == o
}

func sameTime(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

// OnSale reports whether the tier is sold at a moment of an open sale.
func (t Tier) OnSale(now time.Time) bool {
	return (t.OpensAt == nil || !now.Before(*t.OpensAt)) && (t.ClosesAt == nil || now.Before(*t.ClosesAt))
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
	// Presale reports that some of the stock takes a code now, or when the sale opens.
	Presale bool

	PublishedAt, OpenedAt, EndedAt, PausedAt *time.Time
	// CancelledAt is when the organizer said that the event does not take place; all money goes back.
	CancelledAt *time.Time
	// CancelReason is why, as the organizer tells the fans; may be empty.
	CancelReason string
	// At is the database's time of this picture; LineAt the sale's own clock at that
	// moment, which stands still while paused.
	At, LineAt time.Time

	Arrivals  int64
	LobbySize *int64
	Serving   int64
	// Draw is nil in fifo sales and drafts.
	Draw *DrawFacts
	// Rate is the measured outflow: numbers called a minute, over the last minutes; 0 for unknown.
	Rate float64
	// Still is for how long nobody was called although somebody waits in an open
	// sale: everything is taken up by those inside.
	Still time.Duration
	flow  *flow
	// Version of the sales row.
	Version int64
	// others are the other published events of the show, the oldest first.
	others []uuid.UUID
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

// Later is the sum over tiers.
func (s *Snapshot) Later() (n int) {
	for i := range s.Tiers {
		n += s.Tiers[i].Later
	}
	return n
}

// Stock is what Available, Later, held and sold add up to: places that can be sold at all.
func (s *Snapshot) Stock() (n int) {
	for i := range s.Tiers {
		n += s.Tiers[i].Available + s.Tiers[i].Later + s.Tiers[i].Held + s.Tiers[i].Sold
	}
	return n
}

// RealTime turns an instant of line time into clock time, as of this snapshot.
func (s *Snapshot) RealTime(line time.Time) time.Time { return line.Add(s.At.Sub(s.LineAt)) }
