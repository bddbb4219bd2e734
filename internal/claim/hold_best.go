package claim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/claimdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

var errNotTogether = fault.New(fault.Conflict, "not_enough_left", "There are not so many seats left side by side. Choose a smaller number, or seats apart from each other.")

// picks are the seats that this process has just chosen for somebody, so that
// others who ask at the same moment are not sent to them. They are believed for
// a moment only, and by nobody who refuses.
type picks struct {
	mu    sync.Mutex
	until map[int]time.Time
}

const (
	pickedFor = 2 * time.Second
	// guesses is how often seats are chosen from memory before the rows are asked.
	guesses = 2
)

func (s *Seats) free(number int) bool { return s.States[number] == SeatFree }

// fan is who asks for seats: what is kept from them, and the seats of a claim that they would give for others.
type fan struct {
	account uuid.UUID
	kept    *kept
	own     map[int]bool
}

// may are the seats that the fan may have.
func (f fan) may(seats *Seats) func(number int) bool {
	return func(i int) bool { return seats.free(i) && !f.kept.has(i) || f.own[i] }
}

// party is a fan who asks for the best seats: so many of a tier.
type party struct {
	fan
	tier int
	r    Request
}

// seating are seats that were chosen, and whether they leave one alone as far as was known.
type seating struct {
	numbers []int
	orphan  bool
}

// pick chooses the best seats from memory and keeps others away from them. Where they would leave a seat alone, that is
// for the rows to say.
func (b *book) pick(seats *Seats, p party) (seating, bool) {
	k := &b.picks
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for n, until := range k.until {
		if now.After(until) {
			delete(k.until, n)
		}
	}
	may := p.may(seats)
	free := func(i int) bool {
		_, picked := k.until[i]
		return !picked && may(i)
	}
	numbers, _ := b.plan.Choose(free, p.tier, p.r.Quantity, p.r.Split)
	if numbers == nil || b.plan.Alone(free, numbers) >= 0 {
		return seating{}, false
	}
	if k.until == nil {
		k.until = map[int]time.Time{}
	}
	for _, n := range numbers {
		k.until[n] = now.Add(pickedFor)
	}
	return seating{numbers: numbers}, true
}

// recent are the seats as they were read less than a moment ago; nil if they were not.
func (b *book) recent() *Seats {
	if last := b.last.Load(); last != nil && time.Since(last.read) < seatsFor {
		return last.seats
	}
	return nil
}

// drop lets others have seats that were picked for nothing.
func (b *book) drop(numbers []int) {
	b.picks.mu.Lock()
	defer b.picks.mu.Unlock()
	for _, n := range numbers {
		delete(b.picks.until, n)
	}
}

// best finds the best seats for a party, which get then claims. They are chosen from what is known in memory, which
// others may have changed meanwhile; then, and before anybody is refused or a seat is left alone, from the rows, one
// request a tier at a time.
func (s *Service) best(ctx context.Context, event *sale.Snapshot, b *book, p party, get func(choose func(tx pgx.Tx) (seating, error)) (Claim, error)) (Claim, error) {
	for guess := range guesses {
		// What was read a moment ago will do for a first guess.
		seats := b.recent()
		if guess > 0 || seats == nil {
			var err error
			if seats, err = s.stored(ctx, event); err != nil {
				return Claim{}, err
			}
		}
		chosen, ok := b.pick(seats, p)
		if !ok {
			break
		}
		c, err := get(func(pgx.Tx) (seating, error) { return chosen, nil })
		if err == nil {
			return c, nil
		}
		b.drop(chosen.numbers)
		if fault.Code(err) != errSeatsTaken.Code && !errors.Is(err, errShut) {
			return Claim{}, err
		}
	}
	for tries := 0; ; tries++ {
		var err error
		if p.kept, err = s.keptFrom(ctx, event, b, p.account); err != nil {
			return Claim{}, err
		}
		c, err := get(func(tx pgx.Tx) (seating, error) { return s.bestOfRows(ctx, tx, event, b, p) })
		switch {
		case ctx.Err() != nil:
			return c, err
		case fault.Code(err) == errSeatsTaken.Code:
			// Changed since the rows were read, by somebody who chose seats one by one: each
			// time this happens there are fewer.
			continue
		case errors.Is(err, errShut) && tries < guesses:
			// A presale or the time of a tier that this process has not heard of.
			b.gates.forget()
			if event, err = s.cfg.Sales.Fresh(ctx, event.ID()); err != nil {
				return Claim{}, err
			}
			continue
		}
		return c, err
	}
}

// bestOfRows chooses from the rows as they are now; only this answer may refuse, and that only by all of them.
func (s *Service) bestOfRows(ctx context.Context, tx pgx.Tx, event *sale.Snapshot, b *book, p party) (seating, error) {
	if err := s.q.LockTier(ctx, tx, p.r.TierID.String()); err != nil {
		return seating{}, fmt.Errorf("claim.Hold: best: %w", err)
	}
	for _, last := range []*reading{b.last.Load(), nil} {
		now, err := s.look(ctx, tx, event.ID(), b, last)
		if err != nil {
			return seating{}, err
		}
		may := p.may(now.seats)
		numbers, most := b.plan.Choose(may, p.tier, p.r.Quantity, p.r.Split)
		switch {
		case numbers != nil:
			return seating{numbers, b.plan.Alone(may, numbers) >= 0}, nil
		case last != nil:
		case most == 0:
			return seating{}, b.elsewhere(b.soldOut(now.seats, p), event, now, p)
		default:
			refusal := errNotTogether.With("left", most)
			if p.r.Split {
				refusal = errNotEnough.With("left", most)
			}
			return seating{}, b.elsewhere(refusal, event, now, p)
		}
	}
	panic("claim: all rows were read and nothing was decided")
}

// soldOut says that nothing is left of a tier of seats for a party: what is only held may come back, and what a presale
// keeps is not sold.
func (b *book) soldOut(seats *Seats, p party) *fault.Error {
	held, kept := 0, false
	for n, state := range seats.States {
		if b.hall.Seat(n).Tier != p.tier {
			continue
		}
		if state == SeatHeld {
			held++
		}
		kept = kept || state == SeatFree && p.kept.has(n)
	}
	switch {
	case kept:
		return errKeptLeft.With("held", held)
	case held > 0:
		return errAllHeld.With("held", held)
	}
	return errSoldOut.With("held", 0)
}

// elsewhere adds to a refusal in which other tiers the party could sit.
func (b *book) elsewhere(refusal *fault.Error, event *sale.Snapshot, now *reading, p party) error {
	others := []uuid.UUID{}
	for i, t := range event.Tiers {
		if i == p.tier || !t.OnSale(event.At) {
			continue
		}
		fits := t.Available >= p.r.Quantity
		if t.Seated {
			numbers, _ := b.plan.Choose(p.may(now.seats), i, p.r.Quantity, p.r.Split)
			fits = numbers != nil
		}
		if fits {
			others = append(others, t.ID)
		}
	}
	return refusal.With("other_tiers", others)
}

func (s *Service) holdBest(ctx context.Context, event *sale.Snapshot, account uuid.UUID, b *book, tier int, r Request) (Claim, error) {
	kept, err := s.keptFrom(ctx, event, b, account)
	if err != nil {
		return Claim{}, err
	}
	p := party{fan: fan{account: account, kept: kept}, tier: tier, r: r}
	return s.best(ctx, event, b, p, func(choose func(tx pgx.Tx) (seating, error)) (Claim, error) {
		return s.inVisit(ctx, event.ID(), account, r.ask(), func(tx pgx.Tx, now claimdb.MayHoldRow, spot uuid.UUID) (Claim, error) {
			chosen, err := choose(tx)
			if err != nil {
				return Claim{}, err
			}
			return s.grantSeats(ctx, tx, now, event.ID(), account, spot, b, chosen.numbers, chosen.judge(b))
		})
	})
}

// judge refuses seats that leave another alone by the rows, where they did not when they were chosen.
func (c seating) judge(b *book) judge {
	return func(locked rows, claim uuid.UUID) error {
		if !c.orphan && b.plan.Alone(func(n int) bool { return locked.may(n, claim) }, c.numbers) >= 0 {
			return errSeatsTaken
		}
		return nil
	}
}
