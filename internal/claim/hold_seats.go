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

var errSeatsTaken = fault.New(fault.Conflict, "seats_taken", "Somebody else was faster with a seat you chose. Nothing was held: choose again.")

// TakenSeat is a seat that somebody else has, as a refusal names it.
type TakenSeat struct {
	ID      uuid.UUID `json:"id"`
	Section string    `json:"section"`
	Row     string    `json:"row"`
	Label   string    `json:"label"`
}

// hallOf is the hall of an event that has seats; nil for all others.
func (s *Service) hallOf(ctx context.Context, event *sale.Snapshot) (*catalog.Hall, error) {
	if !slices.ContainsFunc(event.Tiers, func(t sale.Tier) bool { return t.Seated }) {
		return nil, nil //nolint:nilnil // most events have none
	}
	b, err := s.book(ctx, event.ID())
	if err != nil {
		return nil, err
	}
	return b.hall, nil
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
func checkSeats(hall *catalog.Hall, ids []uuid.UUID) error {
	if len(ids) < 1 || len(ids) > maxQuantity {
		return fault.InvalidField(fault.Field{Path: "seat_ids", Message: "Choose between 1 and 50 seats."})
	}
	var wrong []fault.Field
	for i, id := range ids {
		known := false
		if hall != nil {
			_, known = hall.Number(id)
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
func (s *Service) holdSeats(ctx context.Context, event, account uuid.UUID, hall *catalog.Hall, ids []uuid.UUID) (Claim, error) {
	var c Claim
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		spot, err := s.cfg.Queue.AdmitTx(ctx, tx, event, account)
		if err != nil {
			return err
		}
		now, err := s.mayHold(ctx, tx, event, spot, ask{
			quantity: len(ids), check: func(claimdb.MayHoldRow) error { return checkSeats(hall, ids) },
		})
		if err != nil {
			return err
		}
		c, err = s.grantSeats(ctx, tx, now, event, account, spot, hall, ids)
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
func missing(hall *catalog.Hall, ids []uuid.UUID, taken []claimdb.GrantSeatsRow) []TakenSeat {
	out := []TakenSeat{}
	for _, id := range ids {
		if slices.ContainsFunc(taken, func(t claimdb.GrantSeatsRow) bool { return t.ID == id }) {
			continue
		}
		n, _ := hall.Number(id)
		p := hall.Place(n)
		out = append(out, TakenSeat{ID: id, Section: p.Section, Row: p.Row, Label: p.Label})
	}
	return out
}
