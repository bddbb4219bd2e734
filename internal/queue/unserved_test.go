package queue_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// Whoever was called just as stock went keeps the place: first when stock comes back, asked for or not.
func TestWhoWasCalledInVainKeepsThePlace(t *testing.T) {
	t.Parallel()
	sold := func(l *line, c claim.Claim) { l.pay(c); l.confirm(c) }
	held := func(*line, claim.Claim) {}
	silent := func(*line, uuid.UUID) {}
	again := func(l *line, fan uuid.UUID) { l.join(fan) }
	for name, c := range map[string]struct {
		visit  bool // the second is inside, not only called
		stock  func(*line, claim.Claim)
		before func(*line, uuid.UUID) // between the end and the next step
		after  func(*line, uuid.UUID)
	}{
		"a turn, sold out":                          {false, sold, silent, silent},
		"a turn, everything held":                   {false, held, silent, silent},
		"a visit, sold out":                         {true, sold, silent, silent},
		"a visit, everything held":                  {true, held, silent, silent},
		"a turn, asked for before the next step":    {false, sold, again, silent},
		"a visit, asked for before the next step":   {true, sold, again, again},
		"a turn, asked for while the place is kept": {false, held, silent, again},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) {
				n.Tiers[0].Capacity, n.Terms.MaxInside, n.Terms.MaxTicketsPerFan = 2, 2, 2
			})
			fans := l.crowd(4)
			l.drip()
			l.is(fans[1], queue.Called)
			l.is(fans[2], queue.Waiting)
			bought := l.hold(fans[0], 2)
			if c.visit {
				l.enter(fans[1])
			}
			c.stock(l, bought)
			l.endTurn(fans[1], 5*time.Second)
			c.before(l, fans[1])
			l.drip()
			c.after(l, fans[1])
			l.drip()
			if v := l.is(fans[1], queue.Waiting); !v.Redeems || *v.Ahead != 0 || *v.Number != 2 {
				t.Errorf("%+v", v)
			}
			l.is(fans[2], queue.Waiting)
			if n := l.int(`SELECT count(*) FROM ledger WHERE event_id = $1 AND kind = 'returned' AND body->>'number' = '2' AND body->>'rule' = 'redeem'`, l.event); n != 1 {
				t.Errorf("%d exceptions for number 2, want 1", n)
			}
			// One ticket comes back: it is offered to number 2 alone.
			l.exec(`UPDATE units SET state = 'free', claim_id = NULL, held_until = NULL WHERE id = $1`, bought.Lines[0].UnitID)
			l.drip()
			l.is(fans[1], queue.Called)
			l.is(fans[2], queue.Waiting)
			l.hold(fans[1], 1)
		})
	}
}

// Two who were called in vain come back in the order of their numbers, whoever's turn ended first; the audit finds every
// call disclosed.
func TestPlacesAreKeptInTheOrderOfNumbers(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) {
		n.Tiers[0].Capacity, n.Terms.MaxInside, n.Terms.MaxTicketsPerFan = 3, 3, 3
	})
	fans := l.crowd(5)
	l.drip()
	c := l.hold(fans[0], 3)
	l.endTurn(fans[2], 9*time.Second)
	l.endTurn(fans[1], 2*time.Second)
	l.drip()
	l.end(c, claim.Released)
	l.exec(`UPDATE sales SET max_inside = 2 WHERE event_id = $1`, l.event)
	l.drip()
	l.is(fans[1], queue.Called)
	if v := l.is(fans[2], queue.Waiting); *v.Ahead != 0 {
		t.Errorf("%d ahead of number 3", *v.Ahead)
	}
	l.hold(fans[1], 1)
	l.exec(`UPDATE sales SET max_inside = 3 WHERE event_id = $1`, l.event)
	l.drip()
	l.is(fans[2], queue.Called)
	l.is(fans[3], queue.Waiting)
	l.audited()
}

// Whoever could have bought, or bought, or did not come, keeps nothing.
func TestNoPlaceIsKeptForWhoHadAChance(t *testing.T) {
	t.Parallel()
	take := func(l *line, fan uuid.UUID, n int) claim.Claim {
		c := l.hold(fan, n)
		l.pay(c)
		l.confirm(c)
		return c
	}
	for name, c := range map[string]struct {
		end  func(l *line, first, second uuid.UUID)
		want queue.Status
	}{
		"one ticket is left": {func(l *line, first, second uuid.UUID) {
			take(l, first, 1)
			l.endTurn(second, 5*time.Second)
		}, queue.Missed},
		"one ticket was left": {func(l *line, first, second uuid.UUID) {
			l.endTurn(second, time.Minute)
			l.drip()
			take(l, first, 2)
		}, queue.Missed},
		"one was bought": {func(l *line, first, second uuid.UUID) {
			take(l, first, 1)
			take(l, second, 1)
			l.endTurn(second, 5*time.Second)
		}, queue.Done},
		"one was held and let go": {func(l *line, first, second uuid.UUID) {
			l.expire(l.hold(second, 1))
			take(l, first, 2)
			l.endTurn(second, 5*time.Second)
		}, queue.Done},
		"called while absent": {func(l *line, first, second uuid.UUID) {
			l.exec(`UPDATE spots SET absent = true WHERE account_id = $1`, second)
			take(l, first, 2)
			l.endTurn(second, 5*time.Second)
		}, queue.Missed},
		"a ticket is being paid": {func(l *line, first, second uuid.UUID) {
			take(l, first, 1)
			l.pay(l.hold(second, 1))
			l.endTurn(second, 5*time.Second)
		}, queue.Inside},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) {
				n.Tiers[0].Capacity, n.Terms.MaxInside, n.Terms.MaxTicketsPerFan = 2, 2, 2
			})
			fans := l.crowd(2)
			l.drip()
			c.end(l, fans[0], fans[1])
			l.drip()
			l.is(fans[1], c.want)
		})
	}
}
