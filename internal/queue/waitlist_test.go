package queue_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// locked does something with a claim under its locks.
func (l *line) locked(id uuid.UUID, do func(tx pgx.Tx, c *claim.Locked) error) {
	l.t.Helper()
	err := db.InTx(l.t.Context(), l.db, func(tx pgx.Tx) error {
		c, err := claim.LockTx(l.t.Context(), tx, id)
		if err != nil {
			return err
		}
		return do(tx, c)
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) pay(c claim.Claim) {
	l.t.Helper()
	l.locked(c.ID, func(tx pgx.Tx, c *claim.Locked) error { return c.PayTx(l.t.Context(), tx) })
}

func (l *line) confirm(c claim.Claim) {
	l.t.Helper()
	l.locked(c.ID, func(tx pgx.Tx, c *claim.Locked) error {
		_, err := c.ConfirmTx(l.t.Context(), tx)
		return err
	})
}

func (l *line) end(c claim.Claim, status claim.Status) {
	l.t.Helper()
	l.locked(c.ID, func(tx pgx.Tx, c *claim.Locked) error { return c.EndTx(l.t.Context(), tx, status) })
}

// expire puts the end of a hold into the past.
func (l *line) expire(c claim.Claim) {
	l.t.Helper()
	l.exec(`UPDATE claims SET expires_at = now() - interval '1 minute' WHERE id = $1`, c.ID)
	l.exec(`UPDATE units SET held_until = now() - interval '1 minute' WHERE claim_id = $1 AND state = 'held'`, c.ID)
}

// A sale that sells out keeps its line; whichever way stock comes back, the next in order is called, and nobody else.
func TestStockThatComesBackGoesToTheNext(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sold bool // the sale was sold out before
		back func(l *line, c claim.Claim)
	}{
		"a hold runs out":       {false, (*line).expire},
		"a hold is given back":  {false, func(l *line, c claim.Claim) { l.end(c, claim.Released) }},
		"a payment is given up": {false, func(l *line, c claim.Claim) { l.pay(c); l.drip(); l.end(c, claim.Released) }},
		"a payment is refunded": {true, func(l *line, c claim.Claim) { l.end(c, claim.Refunded) }},
		"one ticket is returned": {true, func(l *line, c claim.Claim) {
			l.exec(`UPDATE units SET state = 'free', claim_id = NULL WHERE id = $1`, c.Lines[0].UnitID)
		}},
		"the organizer adds some": {true, func(l *line, _ claim.Claim) {
			l.exec(`UPDATE tiers SET capacity = capacity + 1 WHERE event_id = $1`, l.event)
			l.exec(`INSERT INTO units (id, event_id, tier_id, slot) SELECT gen_random_uuid(), event_id, id, capacity FROM tiers WHERE event_id = $1`, l.event)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Tiers[0].Capacity = 2; n.Terms.MaxInside = 1 })
			fans := l.crowd(4)
			l.drip()
			held := l.hold(fans[0], 2)
			if c.sold {
				changes, stop := l.sales.Follow(l.event)
				defer stop()
				l.pay(held)
				l.confirm(held)
				l.snap()
				told := false
				for !told {
					select {
					case s := <-changes:
						told = s.State == sale.SoldOut
					case <-time.After(10 * time.Second):
						t.Fatal("nobody was told that it is sold out")
					}
				}
			}
			l.endTurn(fans[0], time.Hour)
			l.drip()
			want := sale.Open
			if c.sold {
				want = sale.SoldOut
			}
			if v := l.is(fans[1], queue.Waiting); v.State != want || *v.Ahead != 0 {
				t.Errorf("waits in state %s with %d ahead, want %s and 0", v.State, *v.Ahead, want)
			}
			if c.sold {
				// The line stays open as the waitlist, and leaving it works.
				if err := l.queue.Leave(t.Context(), l.snap(), fans[1]); err != nil {
					t.Fatal(err)
				}
				fans[1] = fans[2]
				l.crowd(1)
			}
			c.back(l, held)
			if s := l.snap(); s.State != sale.Open {
				t.Errorf("with stock back the sale is %s", s.State)
			}
			l.drip()
			l.is(fans[1], queue.Called)
			l.is(fans[3], queue.Waiting)
		})
	}
}

// The last unit is offered to the next fan within one turn and one visit, whatever the one who could have had it does.
func TestTheLastUnitIsOfferedAgain(t *testing.T) {
	t.Parallel()
	for name, idle := range map[string]func(l *line, fan uuid.UUID){
		"called and silent":      func(*line, uuid.UUID) {},
		"called and asked again": func(l *line, fan uuid.UUID) { l.endTurn(fan, time.Second); l.is(fan, queue.Missed) },
		"inside and silent":      func(l *line, fan uuid.UUID) { l.enter(fan) },
		"held and gone":          func(l *line, fan uuid.UUID) { l.expire(l.hold(fan, 1)) },
		"held, released, silent": func(l *line, fan uuid.UUID) { l.end(l.hold(fan, 1), claim.Released) },
		"more time and silent": func(l *line, fan uuid.UUID) {
			if _, err := l.queue.Extend(l.t.Context(), l.snap(), fan); err != nil {
				l.t.Fatal(err)
			}
		},
		"left": func(l *line, fan uuid.UUID) {
			l.enter(fan)
			if err := l.queue.Leave(l.t.Context(), l.snap(), fan); err != nil {
				l.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Tiers[0].Capacity = 1 })
			fans := l.crowd(3)
			l.drip()
			l.is(fans[0], queue.Called)
			l.is(fans[1], queue.Waiting)
			idle(l, fans[0])
			// A turn, its two more minutes, and a visit later, and no later.
			l.exec(`UPDATE spots SET turn_ends_at = turn_ends_at - make_interval(secs => s.turn_seconds + 120 + 2),
				visit_ends_at = visit_ends_at - make_interval(secs => s.visit_seconds + 2)
				FROM sales s WHERE s.event_id = spots.event_id AND spots.event_id = $1`, l.event)
			l.drip()
			l.is(fans[1], queue.Called)
			l.is(fans[2], queue.Waiting)
		})
	}
}

// Rate, room and the cap of the line follow the organizer while the sale runs.
func TestChangesOfARunningSaleCountAtOnce(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) { n.Terms.MaxInside = 4; n.Terms.AdmitPerMinute = 60 })
	l.crowd(30)
	change := func(p sale.Patch) {
		t.Helper()
		if _, err := l.sales.Change(t.Context(), l.event, l.by, p); err != nil {
			t.Fatal(err)
		}
	}
	drips := func(want int64, why string) {
		t.Helper()
		l.drip()
		if n := l.serving(); n != want {
			t.Fatalf("%s: serving %d, want %d", why, n, want)
		}
	}
	drips(2, "two seconds of one a second")
	change(sale.Patch{AdmitPerMinute: ptr(600)})
	drips(4, "the room is the limit now")
	change(sale.Patch{MaxInside: ptr(50)})
	drips(24, "two seconds of ten a second")
	change(sale.Patch{MaxInside: ptr(3)})
	drips(24, "more are inside than may be")
	l.exec(`UPDATE spots SET status = 'done' WHERE event_id = $1 AND status = 'called' AND arrival > 2`, l.event)
	drips(25, "room for one")
	if n := l.int(`SELECT count(*) FROM queue_heads WHERE event_id = $1 AND credit > 20`, l.event); n != 0 {
		t.Error("more than two seconds of the pace are saved up")
	}
	most := int64(6)
	change(sale.Patch{MaxWaiting: &most})
	fans := l.fans(2)
	l.join(fans[0])
	_, _, err := l.queue.Join(t.Context(), l.snap(), fans[1])
	wantCode(t, err, "line_full")
	change(sale.Patch{MaxInside: ptr(4)})
	drips(26, "room for one more")
	l.join(fans[1])
	l.audited()
}
