package payment_test

import (
	"testing"
	"time"

	"fairqueue/internal/claim"
	"fairqueue/internal/payment"
)

func TestLateSuccessGetsTheSamePlaces(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(2)
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID))
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the tickets are there", func() bool { return len(s.tickets1(c)) == 2 })
	s.is(p, payment.Succeeded, c, claim.Paid)
	got, _ := s.claims.Get(t.Context(), c.AccountID, c.ID)
	if got.Lines[0] != c.Lines[0] || got.Lines[1] != c.Lines[1] {
		t.Fatalf("%+v, first %+v", got.Lines, c.Lines)
	}
	s.addsUp()
}

func TestLateSuccessGetsEqualPlaces(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(2)
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID))
	s.hold(s.fan(), 1) // takes the first of the two
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the tickets are there", func() bool { return len(s.tickets1(c)) == 2 })
	got, _ := s.claims.Get(t.Context(), c.AccountID, c.ID)
	if got.Lines[0].UnitID == c.Lines[0].UnitID {
		t.Fatal("a place has two owners")
	}
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

func TestLateSuccessGoesBackWhenAllIsGone(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price, capacity: 2})
	c, p := s.buy(2)
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID))
	s.hold(s.fan(), 1)
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the money is back", func() bool { return s.count(`SELECT count(*) FROM payments WHERE status = 'refunded'`) == 1 })
	s.is(p, payment.Refunded, c, claim.Released)
	if n := s.count(`SELECT count(*) FROM refunds WHERE status = 'processed' AND amount_kobo = $1 AND reason = 'sold_to_others'`, 2*price); n != 1 {
		t.Fatalf("%d refunds", n)
	}
	s.until("both mails are there", func() bool {
		sent, err := s.mail.Mailbox(t.Context(), "ada."+c.AccountID.String()+"@example.com", 10)
		s.must(err)
		return len(sent) == 2
	})
	s.addsUp()
}

func TestLateSuccessAboveTheLimitGoesBack(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	first, p := s.buy(2)
	s.must(s.payments.Release(t.Context(), first.AccountID, first.ID))
	second := s.hold(first.AccountID, 3)
	q := s.start(second)
	s.quietly(q)
	s.must(s.payments.Check(t.Context(), second.AccountID, second.ID))
	s.is(q, payment.Succeeded, second, claim.Paid)
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the money is back", func() bool { return s.count(`SELECT count(*) FROM payments WHERE status = 'refunded'`) == 1 })
	s.is(p, payment.Refunded, first, claim.Released)
	s.addsUp()
}

func TestASecondSuccessOfAClaimGoesBack(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, first := s.buy(1)
	s.outcome(first, knobs{"outcome": "failed"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	second := s.start(c)
	// The first one succeeds after all, while the second is under way: it gets the tickets.
	s.outcome(first, knobs{"outcome": "success"})
	s.until("the tickets are there", func() bool { return len(s.tickets1(c)) == 1 })
	s.is(first, payment.Succeeded, c, claim.Paid)
	s.outcome(second, knobs{"outcome": "success", "webhook": "duplicate"})
	s.until("the money is back", func() bool { return s.count(`SELECT count(*) FROM payments WHERE status = 'refunded'`) == 1 })
	s.is(second, payment.Refunded, c, claim.Paid)
	s.addsUp()
}

// Whose attempt failed may exchange the tickets for others; if its money comes after all, it is not the price of those.
func TestALateSuccessOfOtherTicketsGoesBack(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, first := s.buy(1)
	s.outcome(first, knobs{"outcome": "failed"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	more, err := s.claims.Change(t.Context(), s.event, c.AccountID, c.ID, claim.Request{TierID: c.Lines[0].TierID, Quantity: 3})
	s.must(err)
	s.outcome(first, knobs{"outcome": "success"})
	s.until("the money is back", func() bool { return s.count(`SELECT count(*) FROM payments WHERE status = 'refunded'`) == 1 })
	s.is(first, payment.Refunded, more, claim.Held)
	if n := s.count(`SELECT count(*) FROM refunds WHERE amount_kobo = $1 AND reason = 'changed_since'`, price); n != 1 {
		t.Fatalf("%d refunds", n)
	}
	second := s.start(more)
	s.outcome(second, knobs{"outcome": "success"})
	s.until("the tickets are there", func() bool { return len(s.tickets1(more)) == 3 })
	s.is(second, payment.Succeeded, more, claim.Paid)
	s.addsUp()
}

func TestAnAttemptUnderWayEndsQuietlyOnAPaidClaim(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, first := s.buy(1)
	s.outcome(first, knobs{"outcome": "failed"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	second := s.start(c)
	s.quietly(first)
	s.reconcile()
	s.is(first, payment.Succeeded, c, claim.Paid)
	s.age(second, time.Second)
	s.reconcile()
	s.is(second, payment.Abandoned, c, claim.Paid)
	s.addsUp()
}

func TestWhatCameIsCompared(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price, capacity: 50})
	for name, k := range map[string]struct {
		knobs  knobs
		status payment.Status
		claim  claim.Status
		back   int
	}{
		"exact":          {knobs{}, payment.Succeeded, claim.Paid, 0},
		"too little":     {knobs{"amount": 1}, payment.RefundDue, claim.Held, 1},
		"a kobo short":   {knobs{"amount": price - 1}, payment.RefundDue, claim.Held, price - 1},
		"too much":       {knobs{"amount": price + 700}, payment.Succeeded, claim.Paid, 700},
		"other currency": {knobs{"currency": "GHS"}, payment.RefundDue, claim.Held, price},
	} {
		t.Run(name, func(t *testing.T) {
			c, p := s.buy(1)
			k.knobs["outcome"] = "success"
			s.outcome(p, k.knobs)
			s.until("it is settled", func() bool {
				return s.count(`SELECT count(*) FROM payments WHERE id = $1 AND settled_at IS NOT NULL`, p.ID) == 1
			})
			got, _ := s.payments.Get(t.Context(), p.AccountID, p.ID)
			if got.Status != k.status && (k.status != payment.RefundDue || got.Status != payment.Refunded) {
				t.Fatalf("%s", got.Status)
			}
			held, _ := s.claims.Get(t.Context(), c.AccountID, c.ID)
			if held.Status != k.claim {
				t.Fatalf("the claim is %s", held.Status)
			}
			if n := s.count(`SELECT coalesce(sum(amount_kobo), 0) FROM refunds WHERE payment_id = $1`, p.ID); n != k.back {
				t.Fatalf("%d kobo go back", n)
			}
		})
	}
	s.addsUp()
}
