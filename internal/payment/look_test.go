package payment_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/audit"
	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/payment"
)

// AllRefunds counts how often the provider is asked for them.
func (c *counted) AllRefunds(ctx context.Context, since time.Time, page int) ([]payment.Refund, error) {
	c.listed.Add(1)
	return c.Provider.AllRefunds(ctx, since, page)
}

// lookNow makes the next step through the provider's refunds, whenever its turn would be.
func (s *shop) lookNow() {
	s.Helper()
	s.sql(`UPDATE refund_looks SET step_at = now(), look_at = now()`)
	s.sql(`UPDATE stray_refunds SET look_at = now()`)
	s.must(s.payments.Reconcile(s.Context()))
}

// deaf lets no webhook come.
func (s *shop) deaf() { s.Helper(); s.faults(knobs{"webhooks": "drop"}) }

// The webhook about a refund that somebody made at the provider never comes, and none of ours makes anybody look: it is found.
func TestARefundAtTheProviderWhoseWebhookIsLost(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	whole, p := s.sold(2)
	part, q := s.sold(1)
	s.deaf()
	s.inDashboard(p, 0)
	s.inDashboard(q, price/2)
	s.until("both are written down", func() bool {
		s.lookNow()
		return s.count(`SELECT count(*) FROM refunds WHERE made_by = 'provider'`) == 2
	})
	s.allBack()
	s.is(p, payment.Refunded, whole, claim.Refunded)
	s.is(q, payment.Succeeded, part, claim.Paid)
	s.lookNow()
	if n := s.count(`SELECT count(*) FROM stray_refunds`); n != 0 {
		t.Errorf("%d refunds are in no book", n)
	}
	s.addsUp()
	for _, one := range []payment.Payment{p, q} {
		sent, _ := s.refundsAtBank(one)
		if n := s.count(`SELECT sum(amount_kobo) FROM refunds WHERE payment_id = $1 AND status = 'processed'`, one.ID); n != int(sent) {
			t.Errorf("%d kobo went back here, %s at the provider", n, sent)
		}
	}
}

// However many there are, and however long nobody looked: each is found, a page at a time, and the provider is asked no more
// often than it should be, by however many.
func TestManyRefundsAtTheProviderAreFoundInBoundedSteps(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	_, p := s.sold(2)
	_, q := s.sold(2)
	s.until("a look that finds nothing has ended", func() bool {
		s.lookNow()
		return s.count(`SELECT count(*) FROM refund_looks WHERE began_at IS NULL AND look_at > now()`) == 1
	})
	s.deaf()
	for range 30 {
		s.inDashboard(p, 100)
		s.inDashboard(q, 100)
	}
	asked := s.provider.listed.Load()
	for range 5 {
		s.must(s.payments.Reconcile(t.Context())) // it rests
	}
	if n := s.provider.listed.Load() - asked; n != 0 {
		t.Errorf("asked %d times while it rests", n)
	}
	s.lookNow()
	if n := s.count(`SELECT count(*) FROM refund_looks WHERE step_at = began_at + interval '10 seconds'`); n != 1 {
		t.Error("the next step may come at once")
	}
	s.sql(`UPDATE refund_looks SET step_at = now() + interval '1 hour'`) // this machine may be slow
	for range 5 {
		s.must(s.payments.Reconcile(t.Context()))
	}
	if n := s.provider.listed.Load() - asked; n != 1 {
		t.Errorf("asked %d times for a step", n)
	}
	if n := s.count(`SELECT count(*) FROM stray_refunds`); n != 50 {
		t.Errorf("%d refunds of the first page are noted", n)
	}
	s.until("all are written down", func() bool {
		s.lookNow()
		return s.count(`SELECT count(*) FROM refunds WHERE made_by = 'provider'`) == 60
	})
	s.addsUp()
	// A page that was not answered is asked for again, and a week that nobody looked is one longer look.
	s.until("a look has ended", func() bool {
		s.lookNow()
		return s.count(`SELECT count(*) FROM refund_looks WHERE began_at IS NULL AND look_at > now()`) == 1
	})
	s.inDashboard(p, 100)
	s.sql(`UPDATE refund_looks SET since = now() - interval '7 days'`)
	s.faults(knobs{"refund": "down", "webhooks": "drop"})
	s.lookNow()
	if n := s.count(`SELECT count(*) FROM refund_looks WHERE page = 1 AND began_at IS NOT NULL AND since < now() - interval '6 days'`); n != 1 {
		t.Error("a page that was not answered counts as seen")
	}
	s.healthy()
	s.deaf()
	s.until("the last one is written down", func() bool {
		s.lookNow()
		return s.count(`SELECT count(*) FROM refunds WHERE made_by = 'provider'`) == 61
	})
	s.addsUp()
	if s.count(`SELECT count(*) FROM refund_looks WHERE since > now()`) != 0 {
		t.Error("it looks from the future on")
	}
}

// What does not fit into the books, because a bank asks for the money, is one alert, is what the audit finds, and is written
// down once it fits.
func TestARefundAtTheProviderDuringADispute(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	d := s.bankCall(http.MethodPost, "/_sandbox/transactions/"+p.Reference+"/dispute", knobs{"amount": price, "category": "chargeback"})
	s.until("the dispute is known", func() bool { return s.count(`SELECT count(*) FROM disputes WHERE status = 'open'`) == 1 })
	before := s.alerts()
	s.deaf()
	s.inDashboard(p, price/2)
	s.until("it is known not to fit", func() bool {
		s.lookNow()
		return s.count(`SELECT count(*) FROM stray_refunds WHERE misfit`) == 1
	})
	for range 3 {
		s.lookNow()
	}
	if n := s.alerts() - before; n != 1 {
		t.Errorf("%d alerts", n)
	}
	results, err := audit.Run(t.Context(), s.pool, nil, s.event.ID())
	s.must(err)
	at := slices.IndexFunc(results, func(r audit.Result) bool { return r.Name == audit.MoneyAddsUp })
	if r := results[at]; r.Violations != 1 || r.Money.Difference != -price/2 || !strings.Contains(fmt.Sprint(r.Detail), "not in the books") {
		t.Errorf("%+v %+v", r, r.Money)
	}
	s.healthy()
	s.bankCall(http.MethodPost, fmt.Sprintf("/_sandbox/disputes/%.0f", d["id"]), knobs{"outcome": "won"})
	s.until("it is written down", func() bool {
		s.lookNow()
		return s.count(`SELECT count(*) FROM refunds WHERE made_by = 'provider'`) == 1
	})
	s.allBack()
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.lookNow()
	s.addsUp()
	s.booksOfTheBank(p)
}

// Nobody heard that the money came, and nobody that some of it went: the one is found with the other, days later.
func TestARefundAtTheProviderOfASuccessThatNobodyHeardOf(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(2)
	s.age(p, time.Hour)
	s.until("it is given up", func() bool {
		s.reconcile()
		return s.count(`SELECT count(*) FROM payments WHERE status = 'abandoned'`) == 1
	})
	s.deaf()
	s.quietly(p)
	s.sql(`UPDATE payments SET late_expected = false`)
	s.inDashboard(p, price/2)
	s.until("both are written down", func() bool {
		s.lookNow()
		return s.count(`SELECT count(*) FROM refunds WHERE made_by = 'provider'`) == 1
	})
	s.allBack()
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
	s.booksOfTheBank(p)
}

// What we gave back ourselves is nobody's news, however early it is seen in the provider's list.
func TestOurOwnRefundsAreNoStrays(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	s.faults(knobs{"refund": "500_after_work"}) // it is there, and we do not know its name
	s.refund(payment.Ask{Order: c.ID, By: c.AccountID})
	s.until("the provider has it", func() bool {
		_, asked := s.refundsAtBank(p)
		return asked == 1
	})
	s.healthy()
	for range dbtest.Size(4, 40) {
		s.lookNow()
		s.hurry()
	}
	s.until("all of it is back", func() bool {
		s.lookNow()
		s.hurry()
		s.sql(`UPDATE refunds SET requested_at = requested_at - interval '1 minute' WHERE status = 'requested'`)
		return s.count(`SELECT count(*) FROM refunds WHERE status <> 'processed'`) == 0
	})
	s.lookNow()
	if n, m := s.count(`SELECT count(*) FROM refunds WHERE made_by <> 'us'`), s.count(`SELECT count(*) FROM stray_refunds`); n != 0 || m != 0 || s.alerts() != 0 {
		t.Errorf("%d refunds of others, %d strays, %d alerts", n, m, s.alerts())
	}
	if _, asked := s.refundsAtBank(p); asked != 1 {
		t.Errorf("%d refunds at the provider", asked)
	}
	s.is(p, payment.Refunded, c, claim.Refunded)
	s.addsUp()
	s.booksOfTheBank(p)
}
