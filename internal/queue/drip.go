package queue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
)

const (
	// creditFor is how much of the pace can be saved up.
	creditFor = 2 * time.Second
	// justNow is how long an ended turn or visit still counts as reserved: its
	// owner may be entering in a transaction that began in its last instant.
	justNow = 2 * time.Second
	// maxCalls bounds one step's statements, as maxWindows does for numbers whose owners left.
	maxCalls   = 5_000
	maxWindows = 8
	minWindow  = 256
)

// errLost wraps an error of the leader's check: no further step is made.
var errLost = errors.New("leadership was lost")

// Drip makes one step for every open sale: calls whom rate, room and stock allow. check runs inside each step's
// transaction and fails when leadership was lost.
func (s *Service) Drip(ctx context.Context, check func(ctx context.Context, tx pgx.Tx) error) error {
	events, err := queuedb.New().Dripping(ctx, s.cfg.DB)
	if err != nil {
		return db.Fault(fmt.Errorf("queue.Drip: %w", err))
	}
	var errs []error
	for _, event := range events {
		moved := false
		err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
			moved = false
			if check != nil {
				if err := check(ctx, tx); err != nil {
					return errors.Join(errLost, err)
				}
			}
			var err error
			moved, err = stepTx(ctx, tx, event)
			return err
		})
		if err == nil && moved {
			_, err = s.cfg.Sales.Fresh(ctx, event)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("queue.Drip: %s: %w", event, err))
		}
		if errors.Is(err, errLost) || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// stepTx is one step of one line; it reports whether anybody was called or passed.
func stepTx(ctx context.Context, tx pgx.Tx, event uuid.UUID) (moved bool, err error) {
	q := queuedb.New()
	head, err := q.LockHead(ctx, tx, event)
	if db.NoRows(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if sale.State(head.State) != sale.Open {
		return false, nil
	}
	grace := time.Duration(head.GraceSeconds) * time.Second
	if err := q.TidySpots(ctx, tx, event, head.LineAt.Add(-grace-justNow), head.LineAt.Add(-justNow)); err != nil {
		return false, err
	}
	facts, err := q.Room(ctx, tx, event, head.LineAt.Add(-justNow))
	if err != nil {
		return false, err
	}
	credit := creditOf(head)
	room := roomOf(head, facts, credit)
	if room <= 0 {
		return false, nil
	}
	st := &step{tx: tx, q: q, event: event, head: head, serving: head.Serving, room: room}
	if err := st.choose(ctx); err != nil {
		return false, err
	}
	if len(st.ids) == 0 && st.serving == head.Serving {
		return false, nil
	}
	return true, st.write(ctx, credit)
}

// creditOf is the token bucket of the pace, in fans: at most two seconds' worth,
// at least one so that a slow pace calls somebody at all.
func creditOf(h queuedb.LockHeadRow) float64 {
	perSecond := float64(h.AdmitPerMinute) / 60
	most := max(1, perSecond*creditFor.Seconds())
	return min(most, h.Credit+perSecond*h.Since)
}

// roomOf is how many may be called now.
func roomOf(h queuedb.LockHeadRow, f queuedb.RoomRow, credit float64) int64 {
	wanted := int64(math.Ceil(float64(f.Wanting) * max(1, f.MeanUnits)))
	return min(int64(credit), int64(h.MaxInside)-f.Reserved, f.Sellable-wanted, maxCalls)
}

// step collects whom to call.
type step struct {
	tx    pgx.Tx
	q     *queuedb.Queries
	event uuid.UUID
	head  queuedb.LockHeadRow

	serving int64
	room    int64
	ids     []uuid.UUID
	// again are the ids among them that had a turn before.
	again map[uuid.UUID]bool
}

func (st *step) call(id uuid.UUID, again bool) {
	st.ids = append(st.ids, id)
	st.room--
	if again {
		if st.again == nil {
			st.again = map[uuid.UUID]bool{}
		}
		st.again[id] = true
	}
}

// choose takes missed turns first, then numbers upward; those who asked to go
// behind everybody come when everybody who was there then has been served.
func (st *step) choose(ctx context.Context) error {
	first, err := st.q.Returners(ctx, st.tx, st.event, redeem, int32(st.room)) //nolint:gosec // at most maxCalls
	if err != nil {
		return err
	}
	for _, r := range first {
		st.call(r.ID, true)
	}
	if st.room == 0 {
		return nil
	}
	last, err := st.q.Returners(ctx, st.tx, st.event, behind, int32(st.room)) //nolint:gosec // at most maxCalls
	if err != nil {
		return err
	}
	for range maxWindows {
		for len(last) > 0 && st.room > 0 && last[0].AgainAfter <= st.serving {
			st.call(last[0].ID, true)
			last = last[1:]
		}
		upTo := st.head.Arrivals
		if len(last) > 0 {
			upTo = min(upTo, last[0].AgainAfter)
		}
		if st.room == 0 || st.serving >= upTo {
			return nil
		}
		if err := st.walk(ctx, min(upTo, st.serving+max(minWindow, 2*st.room))); err != nil {
			return err
		}
	}
	return nil
}

// walk serves numbers up to one, or until there is no room: who waits is called,
// who left or waits for another turn is passed.
func (st *step) walk(ctx context.Context, upTo int64) error {
	o := order{sale.Ordering(st.head.Ordering), true}
	arrivals := make([]int64, 0, upTo-st.serving)
	for n := st.serving + 1; n <= upTo; n++ {
		arrivals = append(arrivals, o.arrival(n))
	}
	rows, err := st.q.Next(ctx, st.tx, st.event, arrivals)
	if err != nil {
		return err
	}
	waits := make(map[int64]uuid.UUID, len(rows))
	for _, r := range rows {
		waits[r.Arrival] = r.ID
	}
	for n := st.serving + 1; n <= upTo && st.room > 0; n++ {
		if id, ok := waits[o.arrival(n)]; ok {
			st.call(id, false)
		}
		st.serving = n
	}
	return nil
}

// write calls the chosen, moves the head and writes the step down.
func (st *step) write(ctx context.Context, credit float64) error {
	turn := st.head.LineAt.Add(time.Duration(st.head.TurnSeconds) * time.Second)
	rows, err := st.q.Call(ctx, st.tx, st.head.Step+1, turn, st.ids)
	if err != nil {
		return err
	}
	o := order{sale.Ordering(st.head.Ordering), true}
	again := []int64{}
	for _, r := range rows {
		if st.again[r.ID] {
			if n, ok := o.number(r.Arrival); ok {
				again = append(again, n)
			}
		}
	}
	n, err := st.q.Serve(ctx, st.tx, st.serving, max(0, credit-float64(len(rows))), st.event, st.head.Step)
	if err != nil {
		return err
	}
	if n != 1 {
		return errors.New("the line moved under its lock")
	}
	return ledger.Write(ctx, st.tx, st.event, ledger.Called, map[string]any{
		"step": st.head.Step + 1, "from_number": st.head.Serving + 1, "to_number": st.serving, "again": again,
	})
}
