package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

const (
	// maxReads is how many queries of one kind run at once for one event: while
	// they run, those who come gather for the next.
	maxReads = 2
	// maxTogether is how many fans one query asks for.
	maxTogether = 512
	// maxAsking bounds who waits for an answer.
	maxAsking   = 64 * 1024
	readTimeout = 10 * time.Second
)

// reads makes one query of many that ask about fans of one event at the same
// time. It begins after all whom it answers have asked, so that nobody is told
// of a moment before their question.
type reads[V any] struct {
	// read answers for some accounts; who is missing in the answer is not there.
	read func(ctx context.Context, accounts []uuid.UUID) (map[uuid.UUID]V, error)

	mu      sync.Mutex
	asking  []*question[V]
	running int
}

type question[V any] struct {
	account uuid.UUID
	answer  chan answer[V]
}

type answer[V any] struct {
	value V
	found bool
	err   error
}

// get returns what is known of an account; found is false where there is nothing.
func (g *reads[V]) get(ctx context.Context, s *Service, account uuid.UUID) (value V, found bool, err error) {
	q := &question[V]{account, make(chan answer[V], 1)}
	if err := g.ask(s, q); err != nil {
		return value, false, err
	}
	select {
	case a := <-q.answer:
		return a.value, a.found, a.err
	case <-ctx.Done():
		return value, false, db.Fault(ctx.Err())
	}
}

func (g *reads[V]) ask(s *Service, q *question[V]) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.asking) >= maxAsking {
		return busy(errors.New("too many ask at once"))
	}
	if g.running < maxReads {
		if !s.beside(func() { g.run(s.stop) }) {
			return busy(errors.New("the service is closed"))
		}
		g.running++
	}
	g.asking = append(g.asking, q)
	return nil
}

// run answers until nobody asks.
func (g *reads[V]) run(stop context.Context) {
	for {
		together := g.take()
		if together == nil {
			return
		}
		accounts := make([]uuid.UUID, 0, len(together))
		twice := make(map[uuid.UUID]struct{}, len(together))
		for _, q := range together {
			if _, ok := twice[q.account]; !ok {
				twice[q.account] = struct{}{}
				accounts = append(accounts, q.account)
			}
		}
		ctx, cancel := context.WithTimeout(stop, readTimeout)
		found, err := g.read(ctx, accounts)
		cancel()
		for _, q := range together {
			v, ok := found[q.account]
			q.answer <- answer[V]{v, ok, err}
		}
	}
}

// take returns those whose turn it is, or nil after it has counted itself out.
func (g *reads[V]) take() []*question[V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.asking), maxTogether)
	if n == 0 {
		g.running--
		g.asking = nil
		return nil
	}
	together := g.asking[:n:n]
	g.asking = g.asking[n:]
	return together
}

// beside runs fn on a goroutine that Close waits for; false when the service is closed.
func (s *Service) beside(fn func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Go(fn)
	return true
}

func busy(err error) error {
	wait := time.Second + rand.N(2*time.Second) //nolint:gosec // spreads retries, guards nothing
	return fault.Wrap(err, fault.Unavailable, "database_unavailable",
		"We are on hold for a moment. Your place and your money are safe. Try again in a few seconds.").After(wait)
}

// readPlaces reads the places of some accounts.
func (s *Service) readPlaces(event uuid.UUID) func(context.Context, []uuid.UUID) (map[uuid.UUID]queuedb.PlaceRow, error) {
	return func(ctx context.Context, accounts []uuid.UUID) (map[uuid.UUID]queuedb.PlaceRow, error) {
		rows, err := queuedb.New().Place(ctx, s.cfg.DB, event, accounts)
		if err != nil {
			return nil, db.Fault(fmt.Errorf("queue.Status: %w", err))
		}
		found := make(map[uuid.UUID]queuedb.PlaceRow, len(rows))
		for _, r := range rows {
			found[r.AccountID] = r
		}
		return found, nil
	}
}

// readSpots reads the spots of some accounts and keeps them.
func (s *Service) readSpots(event uuid.UUID) func(context.Context, []uuid.UUID) (map[uuid.UUID]Spot, error) {
	return func(ctx context.Context, accounts []uuid.UUID) (map[uuid.UUID]Spot, error) {
		rows, err := queuedb.New().SpotsOf(ctx, s.cfg.DB, event, accounts)
		if err != nil {
			return nil, db.Fault(fmt.Errorf("queue.SpotOf: %w", err))
		}
		found := make(map[uuid.UUID]Spot, len(rows))
		for _, r := range rows {
			spot := Spot{ID: r.ID, Event: event, Account: r.AccountID, Arrival: r.Arrival, JoinedAt: r.JoinedAt, Wish: wishOf(r.Wants, r.MailTurn)}
			found[r.AccountID] = spot
			s.spots.Set(spotKey{event, r.AccountID}, spot)
		}
		return found, nil
	}
}

// placeIn reads one place, in a transaction or outside; pgx.ErrNoRows where there is none.
func placeIn(ctx context.Context, conn queuedb.DBTX, event, account uuid.UUID) (queuedb.PlaceRow, error) {
	rows, err := queuedb.New().Place(ctx, conn, event, []uuid.UUID{account})
	if err != nil {
		return queuedb.PlaceRow{}, err
	}
	if len(rows) == 0 {
		return queuedb.PlaceRow{}, pgx.ErrNoRows
	}
	return rows[0], nil
}

// status reads one place and says what it means.
func (s *Service) status(ctx context.Context, conn queuedb.DBTX, event *sale.Snapshot, account uuid.UUID) (View, error) {
	p, err := placeIn(ctx, conn, event.ID(), account)
	if db.NoRows(err) {
		return View{}, notInQueue()
	}
	if err != nil {
		return View{}, db.Fault(fmt.Errorf("queue.Status: %w", err))
	}
	return s.view(event, account, p)
}
