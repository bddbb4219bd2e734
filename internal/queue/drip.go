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
	maxCalls   = 10_000
	maxWindows = 8
	minWindow  = 256
	maxWindow  = 2 * maxCalls
	// absentPerRoom and leastAbsent bound who is called while absent in one step:
	// so many for each place in the room, and at least these.
	absentPerRoom = 4
	leastAbsent   = 10
	// maxTidy bounds what one step writes down as over.
	maxTidy = 5_000
)

// errLost wraps an error of the leader's check: no further step is made.
var errLost = errors.New("leadership was lost")

// Drip makes one step for every open sale: calls whom rate, room and stock allow. check runs inside each step's
// transaction and fails when leadership was lost.
func (s *Service) Drip(ctx context.Context, check func(ctx context.Context, tx pgx.Tx) error) error {
	q := queuedb.New()
	events, err := q.Dripping(ctx, s.cfg.DB)
	if err != nil {
		return db.Fault(fmt.Errorf("queue.Drip: %w", err))
	}
	trusted := s.led.step(s.now())
	var errs []error
	for _, event := range events {
		moved, err := s.drip(ctx, event, trusted, check)
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

// drip is one step of one line in its transaction. What is over by the clock is
// written down after it, without the lock of the head: joins need not wait for it,
// and the step has kept the places of those who were called in vain.
func (s *Service) drip(ctx context.Context, event uuid.UUID, trusted bool, check func(ctx context.Context, tx pgx.Tx) error) (moved bool, err error) {
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		moved = false
		if check != nil {
			if err := check(ctx, tx); err != nil {
				return errors.Join(errLost, err)
			}
		}
		var err error
		moved, err = s.stepTx(ctx, tx, event, trusted)
		return err
	})
	if err != nil {
		return moved, err
	}
	q := queuedb.New()
	if err := errors.Join(q.TidyTurns(ctx, s.cfg.DB, event, maxTidy), q.TidyVisits(ctx, s.cfg.DB, event, maxTidy)); err != nil {
		return moved, db.Fault(err)
	}
	return moved, nil
}

// stepTx is one step of one line; it reports whether anybody was called or passed.
func (s *Service) stepTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, trusted bool) (moved bool, err error) {
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
	if _, err := s.keepTx(ctx, tx, event, head, nil); err != nil {
		return false, err
	}
	credit := creditOf(head)
	room, err := roomTx(ctx, tx, q, event, head, credit)
	if err != nil || room.public <= 0 && len(room.gates) == 0 {
		return false, err
	}
	st := &step{tx: tx, q: q, event: event, head: head, serving: head.Serving, room: room.public, absentLeft: max(leastAbsent, absentPerRoom*room.public)}
	if st.order, err = s.orderTx(ctx, tx, event, head); err != nil {
		return false, err
	}
	if trusted && head.Serving < head.Arrivals {
		rows, err := q.Presence(ctx, tx, event, presenceWindow.Seconds())
		if err != nil {
			return false, err
		}
		st.away = absenceOf(rows)
	}
	if st.room > 0 {
		if err := st.choose(ctx); err != nil {
			return false, err
		}
	}
	if st.room == 0 && len(room.gates) > 0 {
		if err := s.chooseHolders(ctx, st, room); err != nil {
			return false, err
		}
	}
	if len(st.ids) == 0 && len(st.absent) == 0 && st.serving == head.Serving {
		return false, nil
	}
	letters, err := st.write(ctx, credit)
	if err == nil && letters {
		err = s.enqueueTurnMails(ctx, tx, event, head.Step+1)
	}
	return true, err
}

// creditOf is the token bucket of the pace, in fans: at most two seconds' worth,
// at least one so that a slow pace calls somebody at all.
func creditOf(h queuedb.LockHeadRow) float64 {
	perSecond := float64(h.AdmitPerMinute) / 60
	most := max(1, perSecond*creditFor.Seconds())
	return min(most, h.Credit+perSecond*h.Since)
}

// room is how many may be called now.
type room struct {
	// public: for what anybody can buy.
	public int64
	// gates is for how many there is something in each presale, where what anybody can buy is what holds the line; all is
	// how many may be called in all, with those.
	gates map[uuid.UUID]int64
	all   int64
}

// roomTx counts the room. What is dear to count is counted last, and only as far as it matters: who of those inside has
// claimed already does not, while there is enough for all of them.
func roomTx(ctx context.Context, tx pgx.Tx, q *queuedb.Queries, event uuid.UUID, h queuedb.LockHeadRow, credit float64) (room, error) {
	all := min(int64(credit), maxCalls)
	if all <= 0 {
		return room{}, nil
	}
	past := h.LineAt.Add(-justNow)
	reserved, err := q.Reserved(ctx, tx, event, past)
	if err != nil {
		return room{}, err
	}
	if all = min(all, int64(h.MaxInside)-reserved); all <= 0 {
		return room{}, nil
	}
	mean := 1.0
	if reserved > 0 {
		if mean, err = q.MeanUnits(ctx, tx, event); err != nil {
			return room{}, err
		}
	}
	wanted := func(wanting int64) int64 { return int64(math.Ceil(float64(wanting) * max(1, mean))) }
	rows, err := q.Gates(ctx, tx, event, past)
	if err != nil {
		return room{}, err
	}
	kept := keptBy(rows, max(1, mean))
	most := min(wanted(reserved)+all, math.MaxInt32-kept.inBlocks)
	sellable, err := q.Sellable(ctx, tx, event, int32(most+kept.inBlocks)) //nolint:gosec // bounded
	if err != nil {
		return room{}, err
	}
	sellable -= kept.inBlocks
	out := room{public: min(all, sellable), all: all}
	if sellable < wanted(reserved)+all && reserved > 0 {
		claimed, err := q.Claimed(ctx, tx, event, past)
		if err != nil {
			return room{}, err
		}
		out.public = min(all, sellable-wanted(max(0, reserved-claimed-kept.covered)))
	}
	if out.public = max(0, out.public); out.public < all {
		out.gates = kept.gates
	}
	return out, nil
}

// step collects whom to call.
type step struct {
	tx    pgx.Tx
	q     *queuedb.Queries
	event uuid.UUID
	head  queuedb.LockHeadRow
	order order
	away  absence

	serving int64
	room    int64
	// absentLeft is how many more may be called while absent.
	absentLeft int64
	ids        []uuid.UUID
	absent     []uuid.UUID
	// again are the ids among ids that had a turn before.
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
		full, err := st.walk(ctx, upTo)
		if err != nil || full {
			return err
		}
	}
	return nil
}

// walk serves some numbers up to one, or until there is no room: who waits is
// called, with room unless proved absent; who left or waits for another turn is
// passed. full: no more of the absent may be called, and none may be passed.
func (st *step) walk(ctx context.Context, upTo int64) (full bool, err error) {
	arrivals := st.window(upTo)
	if st.head.Several {
		// Who has bought all they may in another sale of the show since they joined, or before, wants no turn.
		bought, err := st.q.FinishBought(ctx, st.tx, st.event, arrivals)
		if err != nil {
			return false, err
		}
		for _, p := range bought {
			if err := writeFinished(ctx, st.tx, st.event, p.ID); err != nil {
				return false, err
			}
		}
	}
	rows, err := st.q.Next(ctx, st.tx, st.event, arrivals)
	if err != nil {
		return false, err
	}
	waits := make(map[int64]uuid.UUID, len(rows))
	for _, r := range rows {
		waits[r.Arrival] = r.ID
	}
	for _, arrival := range arrivals {
		if st.room == 0 {
			return true, nil
		}
		id, waiting := waits[arrival]
		switch {
		case !waiting:
		case !st.away.has(st.serving + 1):
			st.call(id, false)
		case st.absentLeft > 0:
			st.absent = append(st.absent, id)
			st.absentLeft--
		default:
			return true, nil
		}
		st.serving++
	}
	return false, nil
}

// window is the arrivals of the next numbers: about as many as will be called.
func (st *step) window(upTo int64) []int64 {
	here := st.room + st.room/8 + minWindow
	upTo = min(upTo, st.serving+maxWindow)
	arrivals := make([]int64, 0, min(upTo-st.serving, here+st.absentLeft))
	for n := st.serving + 1; n <= upTo && here > 0; n++ {
		arrivals = append(arrivals, st.order.arrival(n))
		if !st.away.has(n) {
			here--
		}
	}
	return arrivals
}

// write calls the chosen, moves the head and writes the step down. It reports
// whether anybody wants a letter.
func (st *step) write(ctx context.Context, credit float64) (letters bool, err error) {
	turn := st.head.LineAt.Add(time.Duration(st.head.TurnSeconds) * time.Second)
	again, absent := []int64{}, []int64{}
	called := 0
	for _, c := range []struct {
		ids    []uuid.UUID
		absent bool
	}{{st.ids, false}, {st.absent, true}} {
		if len(c.ids) == 0 {
			continue
		}
		rows, err := st.q.Call(ctx, st.tx, st.head.Step+1, turn, c.absent, c.ids)
		if err != nil {
			return false, err
		}
		if !c.absent {
			called = len(rows)
		}
		for _, r := range rows {
			letters = letters || r.MailTurn
			if !c.absent && !st.again[r.ID] {
				continue
			}
			switch n, ok := st.order.number(r.Arrival); {
			case !ok:
			case c.absent:
				absent = append(absent, n)
			default:
				again = append(again, n)
			}
		}
	}
	n, err := st.q.Serve(ctx, st.tx, st.serving, max(0, credit-float64(called)), st.event, st.head.Step)
	if err != nil {
		return false, err
	}
	if n != 1 {
		return false, errors.New("the line moved under its lock")
	}
	body := map[string]any{"step": st.head.Step + 1, "from_number": st.head.Serving + 1, "to_number": st.serving, "again": again}
	if len(absent) > 0 {
		body["absent"] = absent
	}
	return letters, ledger.Write(ctx, st.tx, st.event, ledger.Called, body)
}
