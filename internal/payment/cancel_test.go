package payment_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
)

func TestCancelledEventGivesEverythingBack(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	var orders []claim.Claim
	for range 3 {
		c, _ := s.sold(2)
		orders = append(orders, c)
	}
	pending, underWay := s.buy(1)
	held := s.hold(s.fan(), 1)
	for range 2 { // twice is once
		e, err := s.payments.Cancel(t.Context(), s.event.ID(), orders[0].AccountID)
		s.must(err)
		if !e.Cancelled() || e.State != sale.Ended {
			t.Fatalf("%+v", e)
		}
	}
	s.until("all tickets are void", func() bool { return s.count(`SELECT count(*) FROM tickets WHERE status = 'void'`) == 6 })
	s.outcome(underWay, knobs{"outcome": "success"})
	s.until("the last money is known", func() bool {
		c, err := s.payments.Cancellation(t.Context(), s.event.ID())
		s.must(err)
		return c.UnderWay == 0
	})
	s.allBack()
	c, err := s.payments.Cancellation(t.Context(), s.event.ID())
	s.must(err)
	if !c.Done() || c.Orders != 4 || c.Refunds != 4 || c.Owed != 7*price || c.Sent != 7*price {
		t.Fatalf("%+v", c)
	}
	s.is(underWay, payment.Refunded, pending, claim.Released)
	if got, err := s.claims.Get(t.Context(), held.AccountID, held.ID); err != nil || got.Status != claim.Released {
		t.Fatalf("%+v %v", got, err)
	}
	s.until("a letter each", func() bool { return s.letters(orders[2], "The event is cancelled") == 1 })
	if n := s.count(`SELECT count(*) FROM ledger WHERE kind = 'event_cancelled'`); n != 1 {
		t.Fatalf("%d rows in the ledger", n)
	}
	s.addsUp()
}

// Whatever kills the process that gives the money of a cancelled event back, the next one goes on where it was.
func TestCancelledEventGoesOnAfterCrashes(t *testing.T) {
	t.Parallel()
	orders := dbtest.Size(6, 100)
	s := open(t, config{price: price, capacity: 2 * orders, still: true})
	rng := rand.New(rand.NewPCG(uint64(dbtest.Seed()), 7))
	for range orders {
		c, p := s.buy(2)
		s.quietly(p)
		s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	}
	_, err := s.payments.Cancel(t.Context(), s.event.ID(), uuid.New())
	s.must(err)
	crashes := 0
	done := func() bool {
		s.hurry()
		return s.count(`SELECT (SELECT count(*) FROM tickets WHERE status = 'valid') + (SELECT count(*) FROM refunds WHERE status <> 'processed')`) == 0
	}
	for again := true; again; {
		l := s.live()
		if crashes < 2*orders {
			l.dieAt(1+rng.IntN(80), rng.IntN(2) == 0)
		}
		s.until("the process is dead, or has done its work", func() bool {
			again = !done()
			return !again || l.isDead()
		})
		if again {
			crashes++
		}
		s.bury(l)
	}
	if crashes < orders {
		t.Errorf("only %d crashes", crashes)
	}
	if n := s.count(`SELECT count(*) FROM refunds WHERE amount_kobo = $1`, 2*price); n != orders || n != s.count(`SELECT count(*) FROM refunds`) {
		t.Errorf("%d refunds of %d orders", n, orders)
	}
	if n := s.count(`SELECT count(*) FROM payments WHERE status = 'refunded'`); n != orders {
		t.Errorf("%d of %d payments are refunded", n, orders)
	}
	s.addsUp()
	t.Logf("%d orders, %d crashes", orders, crashes)
}
