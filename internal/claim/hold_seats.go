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
	return s.very(ctx, event, b, ids, fan{account: account}, func(a ask, judge judge) (Claim, error) {
		return s.inVisit(ctx, event.ID(), account, a, func(tx pgx.Tx, now claimdb.MayHoldRow, spot uuid.UUID) (Claim, error) {
			return s.grantSeats(ctx, tx, now, event.ID(), account, spot, b, b.numbers(ids), judge)
		})
	})
}

// judge says what is wrong with taking seats, now that their rows and those around them are locked; the units of claim
// count as free.
type judge func(locked rows, claim uuid.UUID) error

// very asks get for these very seats. What needs to be known of the rest of the hall to
// judge whether a seat is left alone without need is what was known a moment before; only who is refused is refused by
// what is so now.
func (s *Service) very(ctx context.Context, event *sale.Snapshot, b *book, ids []uuid.UUID, f fan, get func(a ask, judge judge) (Claim, error)) (Claim, error) {
	if refusal := checkSeats(b, ids); refusal != nil {
		return get(ask{quantity: len(ids), check: func(claimdb.MayHoldRow) error { return refusal }}, nil)
	}
	numbers := b.numbers(ids)
	var err error
	if f.kept, err = s.keptFrom(ctx, event, b, f.account); err != nil {
		return Claim{}, err
	}
	seats := b.recent()
	for fresh := false; ; fresh = true {
		if seats == nil || fresh {
			var err error
			if seats, err = s.stored(ctx, event); err != nil {
				return Claim{}, err
			}
		}
		alone := func(free func(int) bool) error {
			if n := b.plan.Orphan(free, numbers); n >= 0 {
				return errOrphan.With("seat", named(b.hall, n))
			}
			return nil
		}
		may := f.may(seats)
		// Where one of the seats is gone already, that is what has to be said.
		var refusal error
		if !slices.ContainsFunc(numbers, func(n int) bool { return !may(n) }) {
			refusal = alone(may)
		}
		if refusal != nil && !fresh {
			continue
		}
		a := ask{quantity: len(ids), check: func(claimdb.MayHoldRow) error { return refusal }, shut: func(tx pgx.Tx, now claimdb.MayHoldRow) error {
			return s.shutSeats(ctx, tx, now, b.hall, ids)
		}}
		c, err := get(a, func(locked rows, claim uuid.UUID) error {
			return alone(func(n int) bool {
				if _, ok := locked[n]; ok {
					return locked.may(n, claim) && !f.kept.has(n)
				}
				return may(n)
			})
		})
		switch fault.Code(err) {
		case "orphan_seat":
			if !fresh {
				continue
			}
		case "seats_taken":
			return c, s.alternatives(ctx, event, b, numbers, f, err)
		}
		return c, err
	}
}

// numbers are the numbers of seats that exist.
func (b *book) numbers(ids []uuid.UUID) []int {
	numbers := make([]int, len(ids))
	for i, id := range ids {
		numbers[i], _ = b.hall.Number(id)
	}
	return numbers
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
			if a.shut != nil && fault.From(err).Kind != fault.Internal {
				// Seats that the fan may not even ask for are said before what is wrong with asking.
				if shut := a.shut(tx, now); fault.Code(shut) == errPresaleOnly.Code {
					return shut
				}
			}
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

// grantSeats takes seats for a new claim, if judge, nil for nobody, has nothing against it.
func (s *Service) grantSeats(ctx context.Context, tx pgx.Tx, now claimdb.MayHoldRow, event, account, spot uuid.UUID, b *book, numbers []int, judge judge) (Claim, error) {
	if err := s.shutSeats(ctx, tx, now, b.hall, b.ids(numbers)); err != nil {
		return Claim{}, err
	}
	if around := b.plan.Around(numbers); len(around) > 0 && judge != nil {
		rows, err := s.lockSeats(ctx, tx, b, numbers, around, nil)
		if err != nil {
			return Claim{}, err
		}
		if err := rows.refusal(b, numbers, uuid.Nil, judge); err != nil {
			return Claim{}, err
		}
	}
	c, err := begin(now, event, account)
	if err != nil {
		return Claim{}, err
	}
	ids := b.ids(numbers)
	taken, err := s.q.GrantSeats(ctx, tx, claimdb.GrantSeatsParams{
		SeatIds: ids, EventID: event, ClaimID: c.ID, AccountID: account, SpotID: spot,
		ExpiresAt: c.ExpiresAt, CapAt: c.CapAt, LimitThen: now.MaxTicketsPerFan,
	})
	if err != nil {
		return Claim{}, fmt.Errorf("claim.Hold: seats: %w", err)
	}
	if len(taken) < len(ids) {
		return Claim{}, b.taken(numbers, func(n int) bool {
			return slices.ContainsFunc(taken, func(t claimdb.GrantSeatsRow) bool { return t.ID == b.hall.IDs[n] })
		})
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

func (b *book) ids(numbers []int) []uuid.UUID {
	ids := make([]uuid.UUID, len(numbers))
	for i, n := range numbers {
		ids[i] = b.hall.IDs[n]
	}
	return ids
}

// taken is the refusal of seats, of which only some could be had.
func (b *book) taken(numbers []int, had func(number int) bool) error {
	gone := []NamedSeat{}
	for _, n := range numbers {
		if !had(n) {
			gone = append(gone, named(b.hall, n))
		}
	}
	return errSeatsTaken.With("seats", gone)
}

// rows are units whose rows are locked, by their numbers.
type rows map[int]claimdb.LockSeatsRow

// lockSeats locks seats, those around them, and the units that a claim gives for them, all in the order of everybody.
// Without those around, two who take seats at the same time could leave one between them that neither sees alone.
func (s *Service) lockSeats(ctx context.Context, tx pgx.Tx, b *book, numbers, around []int, own []uuid.UUID) (rows, error) {
	ids := append(b.ids(numbers), b.ids(around)...)
	locked, err := s.q.LockSeats(ctx, tx, append(ids, own...))
	if err != nil {
		return nil, fmt.Errorf("claim.Hold: lock seats: %w", err)
	}
	out := make(rows, len(locked))
	for _, r := range locked {
		if n, ok := b.hall.Number(r.ID); ok {
			out[n] = r
		}
	}
	return out, nil
}

// may reports whether a locked seat may be had, also by giving it for itself.
func (r rows) may(number int, claim uuid.UUID) bool {
	u, ok := r[number]
	return ok && (u.Takeable || u.Held && u.ClaimID != nil && *u.ClaimID == claim)
}

// refusal is what stands against the seats, whose rows are locked; claim is whose own units count as free.
func (r rows) refusal(b *book, numbers []int, claim uuid.UUID, judge judge) error {
	may := func(n int) bool { return r.may(n, claim) }
	if slices.ContainsFunc(numbers, func(n int) bool { return !may(n) }) {
		return b.taken(numbers, may)
	}
	if judge == nil {
		return nil
	}
	return judge(r, claim)
}
