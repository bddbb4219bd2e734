package claim

import (
	"context"
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

// pick chooses the best seats of a tier from memory and keeps others away from them.
func (b *book) pick(seats *Seats, tier, n int) (numbers []int, ok bool) {
	p := &b.picks
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for k, until := range p.until {
		if now.After(until) {
			delete(p.until, k)
		}
	}
	first, _, ok := b.plan.Best(func(i int) bool {
		_, picked := p.until[i]
		return !picked && seats.free(i)
	}, tier, n)
	if !ok {
		return nil, false
	}
	if p.until == nil {
		p.until = map[int]time.Time{}
	}
	for i := first; i < first+n; i++ {
		numbers = append(numbers, i)
		p.until[i] = now.Add(pickedFor)
	}
	return numbers, true
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

// holdBest takes the best neighbouring seats of a tier. They are chosen from what
// is known in memory, which others may have taken meanwhile; then, and before
// anybody is refused, from the rows, one request a tier at a time.
func (s *Service) holdBest(ctx context.Context, event *sale.Snapshot, account uuid.UUID, b *book, tier int, r Request) (Claim, error) {
	for guess := range guesses {
		// What was read a moment ago will do for a first guess: reading a stadium again
		// after each claim would cost the next more than the claim itself.
		seats := b.recent()
		if guess > 0 || seats == nil {
			var err error
			if seats, err = s.Seats(ctx, event); err != nil {
				return Claim{}, err
			}
		}
		numbers, ok := b.pick(seats, tier, r.Quantity)
		if !ok {
			break
		}
		c, err := s.holdNumbers(ctx, event.ID(), account, b, r, func(pgx.Tx) ([]int, error) { return numbers, nil })
		if err == nil {
			return c, nil
		}
		b.drop(numbers)
		if fault.Code(err) != "seats_taken" {
			return Claim{}, err
		}
	}
	for {
		c, err := s.holdNumbers(ctx, event.ID(), account, b, r, func(tx pgx.Tx) ([]int, error) { return s.bestOfRows(ctx, tx, event.ID(), b, tier, r) })
		// Taken since the rows were read, by somebody who chose them one by one: each
		// time this happens there are fewer.
		if fault.Code(err) != "seats_taken" || ctx.Err() != nil {
			return c, err
		}
	}
}

// bestOfRows chooses from the rows as they are now; only this answer may refuse.
func (s *Service) bestOfRows(ctx context.Context, tx pgx.Tx, event uuid.UUID, b *book, tier int, r Request) ([]int, error) {
	if err := s.q.LockTier(ctx, tx, r.TierID.String()); err != nil {
		return nil, fmt.Errorf("claim.Hold: best: %w", err)
	}
	seats, _, err := s.readSeats(ctx, tx, event, b)
	if err != nil {
		return nil, err
	}
	first, most, ok := b.plan.Best(seats.free, tier, r.Quantity)
	switch {
	case ok:
	case most == 0:
		return nil, errSoldOut
	default:
		return nil, errNotTogether.With("left", most)
	}
	numbers := make([]int, r.Quantity)
	for i := range numbers {
		numbers[i] = first + i
	}
	return numbers, nil
}

func (s *Service) holdNumbers(ctx context.Context, event, account uuid.UUID, b *book, r Request, choose func(tx pgx.Tx) ([]int, error)) (Claim, error) {
	return s.inVisit(ctx, event, account, ask{r.TierID, r.Quantity, r.check}, func(tx pgx.Tx, now claimdb.MayHoldRow, spot uuid.UUID) (Claim, error) {
		numbers, err := choose(tx)
		if err != nil {
			return Claim{}, err
		}
		ids := make([]uuid.UUID, len(numbers))
		for i, n := range numbers {
			ids[i] = b.hall.IDs[n]
		}
		return s.grantSeats(ctx, tx, now, event, account, spot, b.hall, ids)
	})
}
