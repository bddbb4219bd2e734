package payment_test

import (
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
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
		e, err := s.payments.Cancel(t.Context(), s.event.ID(), orders[0].AccountID, "")
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
	_, err := s.payments.Cancel(t.Context(), s.event.ID(), uuid.New(), "")
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

// No door opens to a ticket of an event that is cancelled, however long its money takes; and what a process left behind that
// was killed is taken up by the next one when it starts.
func TestCancelledEventIsOffAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price, still: true})
	var orders []claim.Claim
	for range 3 {
		c, p := s.buy(2)
		s.quietly(p)
		s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
		orders = append(orders, c)
	}
	by := uuid.New()
	_, err := s.payments.Cancel(t.Context(), s.event.ID(), by, "")
	s.must(err)
	if n := s.count(`SELECT count(*) FROM tickets WHERE status = 'valid'`); n != 6 {
		t.Fatalf("a job was at it: %d", n)
	}
	for _, c := range orders {
		for _, k := range s.tickets1(c) {
			if one, err := s.tickets.Get(t.Context(), c.AccountID, k.ID); err != nil || one.Status != k.Status {
				t.Error(one, err)
			}
			if k.Status != string(ticket.Void) || k.Code != "" || k.Refund != "due" || k.EndedAt.IsZero() {
				t.Errorf("%+v", k)
			}
			_, err := s.tickets.CorrectName(t.Context(), s.event.ID(), k.ID, by, "Ada")
			s.refused(err, "ticket_not_valid")
		}
		if o, err := s.payments.Order(t.Context(), s.event.ID(), c.ID); err != nil || o.Worth() != 0 {
			t.Errorf("%+v %v", o.Tickets, err)
		}
	}
	s.addsUp()
	// Killed at its work: nobody takes the job over for a long time.
	s.sql(`UPDATE river_job SET state = 'running', attempt = 1, attempted_at = now() + interval '1 hour' WHERE kind = 'payment_cancel'`)
	l := s.live()
	s.must(s.payments.Reconcile(t.Context()))
	s.until("the work went on", func() bool { return s.count(`SELECT count(*) FROM tickets WHERE status = 'void'`) == 6 })
	s.allBack()
	s.must(s.payments.Reconcile(t.Context()))
	s.bury(l)
	if n := s.count(`SELECT count(*) FROM river_job WHERE kind = 'payment_cancel'`); n != 2 {
		t.Errorf("%d jobs", n)
	}
	s.addsUp()
}

// What an organizer reads before, during and after a cancellation is about the same orders and the same money.
func TestTheFiguresOfACancellationAgree(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price, capacity: 20})
	far, _ := s.sold(1)
	s.refund(payment.Ask{Order: far.ID, By: far.AccountID})
	s.allBack() // all of it is back before: none of what follows is about it
	part, _ := s.sold(2)
	s.refund(payment.Ask{Order: part.ID, By: part.AccountID, Tickets: s.good(part)[:1]})
	s.allBack()
	second, _ := s.sold(2)
	_, disputed := s.sold(1)
	s.sql(`UPDATE tiers SET price_kobo = 0 WHERE event_id = $1`, s.event.ID())
	free, _ := s.buy(1)
	s.until("the free ticket is there", func() bool { return len(s.tickets1(free)) == 1 })
	s.bankAsks(disputed, 7, disputeOpens, "awaiting-merchant-feedback", "", price)
	figures := func() payment.Cancellation {
		c, err := s.payments.Cancellation(t.Context(), s.event.ID())
		s.must(err)
		return c
	}
	before := figures()
	if want := (payment.Cancellation{Orders: 2, Open: 2, Free: 1, Disputed: 1, Kept: 3 * price}); before != want {
		t.Fatalf("before: %+v, want %+v", before, want)
	}
	s.faults(knobs{"refund_outcome": "failed"})
	_, err := s.payments.Cancel(t.Context(), s.event.ID(), far.AccountID, "")
	s.must(err)
	s.until("every order was gone through, and its refund failed", func() bool {
		c := figures()
		if c.Orders != before.Orders || c.Kept+c.Owed != before.Kept {
			t.Fatalf("during: %+v, before %+v", c, before)
		}
		return c.Stuck == 2
	})
	if c := figures(); c.Open+c.Free+c.OrdersBack+c.Back != 0 || c.Refunds != 2 || c.Disputed != 1 || c.Sent != 0 || c.Done() {
		t.Fatalf("stuck: %+v", c)
	}
	s.healthy()
	s.faults(knobs{"refund_outcome": "processed"})
	s.allBack()
	if c := figures(); c.Orders != 2 || c.OrdersBack != 2 || c.Sent != 3*price || c.Owed != c.Sent || c.Done() {
		t.Fatalf("all but the disputed one: %+v", c)
	}
	// The bank leaves the money: it goes back too, and only now is everything done.
	s.bankAsks(disputed, 7, disputeCloses, "resolved", "declined", price)
	s.until("the last refund is there", func() bool { return figures().Refunds == 3 })
	s.allBack()
	if c := figures(); c.Orders != 3 || c.OrdersBack != 3 || c.Sent != 4*price || !c.Done() {
		t.Fatalf("after: %+v", c)
	}
	if got := s.states(second); got[0] != "void" {
		t.Fatal(got)
	}
	s.addsUp()
}
