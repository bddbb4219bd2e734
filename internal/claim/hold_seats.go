package claim

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/claimdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/sale"
)

var (
	errSeatsTaken = fault.New(fault.Conflict, "seats_taken", "Somebody else was faster with a seat you chose. Nothing was held: choose again.")
	errOrphan     = fault.New(fault.Invalid, "orphan_seat", "This would leave a single seat alone that nobody wants. Move one seat to the side, or take it as well.")
)

// NamedSeat is a seat as a refusal names it.
type NamedSeat struct {
	ID      uuid.UUID `json:"id"`
	Section string    `json:"section"`
	Row     string    `json:"row"`
	Label   string    `json:"label"`
}

func named(hall *catalog.Hall, number int) NamedSeat {
	p := hall.Place(number)
	return NamedSeat{ID: hall.IDs[number], Section: p.Section, Row: p.Row, Label: p.Label}
}

// seatedBook is the hall of an event that has seats; nil for all others.
func (s *Service) seatedBook(ctx context.Context, event *sale.Snapshot) (*book, error) {
	if !slices.ContainsFunc(event.Tiers, func(t sale.Tier) bool { return t.Seated }) {
		return nil, nil //nolint:nilnil // most events have none
	}
	return s.book(ctx, event.ID())
}

// seat says where the units of a claim are.
func (c *Claim) seat(hall *catalog.Hall) {
	for i := range c.Lines {
		if n, ok := hall.Number(c.Lines[i].UnitID); ok {
			p := hall.Place(n)
			c.Lines[i].Seat = &p
		}
	}
}

// checkSeats says what is wrong with asking for these seats.
func checkSeats(b *book, ids []uuid.UUID) error {
	if len(ids) < 1 || len(ids) > maxQuantity {
		return fault.InvalidField(fault.Field{Path: "seat_ids", Message: "Choose between 1 and 50 seats."})
	}
	var wrong []fault.Field
	for i, id := range ids {
		known := false
		if b != nil {
			_, known = b.hall.Number(id)
		}
		path := fmt.Sprintf("seat_ids[%d]", i)
		switch {
		case !known:
			wrong = append(wrong, fault.Field{Path: path, Message: "This is not a seat of this event."})
		case slices.Contains(ids[:i], id):
			wrong = append(wrong, fault.Field{Path: path, Message: "This seat is there twice."})
		}
	}
	if len(wrong) > 0 {
		return fault.InvalidField(wrong...)
	}
	return nil
}

// holdSeats takes these very seats. Rows that others have locked are waited for,
// in the order that everybody locks them in, so that no seat is refused that
// stays free.
func (s *Service) holdSeats(ctx context.Context, event *sale.Snapshot, account uuid.UUID, b *book, ids []uuid.UUID) (Claim, error) {
	refusal := checkSeats(b, ids)
	if refusal == nil {
		alone, err := s.orphan(ctx, event, b, ids)
		if err != nil {
			return Claim{}, err
		}
		if alone >= 0 {
			refusal = errOrphan.With("seat", named(b.hall, alone))
		}
	}
	check := func(claimdb.MayHoldRow) error { return refusal }
	return s.inVisit(ctx, event.ID(), account, ask{quantity: len(ids), check: check}, func(tx pgx.Tx, now claimdb.MayHoldRow, spot uuid.UUID) (Claim, error) {
		return s.grantSeats(ctx, tx, now, event.ID(), account, spot, b.hall, ids)
	})
}

// orphan is the number of a seat that these would leave alone without need, -1 for none. The rule is a courtesy: it goes
// by what was free a moment before, and only who is refused is refused by what is free now. Where one of the seats is
// gone already, that is what has to be said.
func (s *Service) orphan(ctx context.Context, event *sale.Snapshot, b *book, ids []uuid.UUID) (alone int, err error) {
	numbers := make([]int, len(ids))
	for i, id := range ids {
		numbers[i], _ = b.hall.Number(id)
	}
	by := func(seats *Seats) int {
		if slices.ContainsFunc(numbers, func(n int) bool { return !seats.free(n) }) {
			return -1
		}
		return b.plan.Orphan(seats.free, numbers)
	}
	if recent := b.recent(); recent != nil && by(recent) < 0 {
		return -1, nil
	}
	seats, err := s.Seats(ctx, event)
	if err != nil {
		return -1, err
	}
	return by(seats), nil
}

// inVisit is a transaction in which a fan who may have so many more units gets them.
func (s *Service) inVisit(ctx context.Context, event, account uuid.UUID, a ask, get func(tx pgx.Tx, now claimdb.MayHoldRow, spot uuid.UUID) (Claim, error)) (Claim, error) {
	var c Claim
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		spot, err := s.cfg.Queue.AdmitTx(ctx, tx, event, account)
		if err != nil {
			return err
		}
		now, err := s.mayHold(ctx, tx, event, account, a)
		if err != nil {
			return err
		}
		c, err = get(tx, now, spot)
		return err
	})
	if err != nil {
		return Claim{}, err
	}
	return c, nil
}

func (s *Service) grantSeats(ctx context.Context, tx pgx.Tx, now claimdb.MayHoldRow, event, account, spot uuid.UUID, hall *catalog.Hall, ids []uuid.UUID) (Claim, error) {
	c, err := begin(now, event, account)
	if err != nil {
		return Claim{}, err
	}
	taken, err := s.q.GrantSeats(ctx, tx, claimdb.GrantSeatsParams{
		SeatIds: ids, EventID: event, ClaimID: c.ID, AccountID: account, SpotID: spot,
		ExpiresAt: c.ExpiresAt, CapAt: c.CapAt, LimitThen: now.MaxTicketsPerFan,
	})
	if err != nil {
		return Claim{}, fmt.Errorf("claim.Hold: seats: %w", err)
	}
	if len(taken) < len(ids) {
		return Claim{}, errSeatsTaken.With("seats", missing(hall, ids, taken))
	}
	old := make([]uuid.UUID, 0, len(taken))
	for _, t := range taken {
		if t.OldClaim != nil {
			old = append(old, *t.OldClaim)
		}
		c.Lines = append(c.Lines, Line{UnitID: t.ID, TierID: t.TierID, Tier: t.TierName, Price: money.Kobo(t.PriceKobo)})
	}
	return c.granted(ctx, tx, now, spot, old)
}

// missing are the seats that were asked for and not taken.
func missing(hall *catalog.Hall, ids []uuid.UUID, taken []claimdb.GrantSeatsRow) []NamedSeat {
	out := []NamedSeat{}
	for _, id := range ids {
		if slices.ContainsFunc(taken, func(t claimdb.GrantSeatsRow) bool { return t.ID == id }) {
			continue
		}
		n, _ := hall.Number(id)
		out = append(out, named(hall, n))
	}
	return out
}
