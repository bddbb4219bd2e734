package payment_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
)

func code(t testing.TB, err error, want string) {
	t.Helper()
	if fault.Code(err) != want {
		t.Fatalf("got %v, want %q", err, want)
	}
}

func TestATicketIsBought(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(2)
	if p.Status != payment.Pending || p.Amount != 2*price || !strings.HasPrefix(p.AuthorizationURL, s.bank) || !strings.HasPrefix(p.Reference, "fq-") {
		t.Fatalf("%+v", p)
	}
	s.is(p, payment.Pending, c, claim.Paying)
	again, created, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
	if err != nil || created || again != p {
		t.Fatalf("%+v %v %v", again, created, err)
	}
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the claim is paid", func() bool { return len(s.tickets1(c)) == 2 })
	s.is(p, payment.Succeeded, c, claim.Paid)
	for _, tk := range s.tickets1(c) {
		if id, ok := s.tickets.Read(tk.Code, s.event.ID()); !ok || id != tk.ID || tk.Status != "valid" || tk.Price != price ||
			tk.HolderName != "ada."+c.AccountID.String() {
			t.Fatalf("%+v", tk)
		}
	}
	s.until("the mail is there", func() bool {
		sent, err := s.mail.Mailbox(t.Context(), "ada."+c.AccountID.String()+"@example.com", 10)
		s.must(err)
		return len(sent) == 1 && strings.Contains(sent[0].Text, publicURL+"/tickets") && strings.Contains(sent[0].Text, "2 × Stands")
	})
	_, _, err = s.payments.Start(t.Context(), c.AccountID, c.ID)
	code(t, err, "claim_paid")
	code(t, s.payments.Release(t.Context(), c.AccountID, c.ID), "claim_paid")
	s.addsUp()
}

func TestForeignClaimsAndPaymentsAreNotFound(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	other := s.fan()
	_, _, err := s.payments.Start(t.Context(), other, c.ID)
	code(t, err, "claim_not_found")
	_, err = s.payments.Get(t.Context(), other, p.ID)
	code(t, err, "payment_not_found")
	code(t, s.payments.Release(t.Context(), other, c.ID), "claim_not_found")
	code(t, s.payments.Check(t.Context(), other, c.ID), "claim_not_found")
	if list, err := s.payments.OfClaim(t.Context(), other, c.ID); err != nil || len(list) != 0 {
		t.Fatalf("%v %v", list, err)
	}
}

func TestAFreeClaimIsSettledAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: 0})
	c := s.hold(s.fan(), 2)
	p := s.start(c)
	if p.Status != payment.Succeeded || len(s.tickets1(c)) != 2 || s.provider.started.Load() != 0 {
		t.Fatalf("%+v", p)
	}
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

func TestExactlyOneSettles(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(2)
	s.quietly(p)
	body := fmt.Appendf(nil, `{"event":"charge.success","data":{"id":1,"status":"success","reference":%q,"amount":%d,"currency":"NGN","requested_amount":"%d"}}`,
		p.Reference, 2*price, 2*price)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			var err error
			switch i % 4 {
			case 0:
				err = s.payments.Check(t.Context(), c.AccountID, c.ID)
			case 1:
				// The same event in other bytes.
				err = s.payments.Receive(t.Context(), sign(append(body, strings.Repeat(" ", i)...)), append(body, strings.Repeat(" ", i)...))
			case 2:
				if err = s.payments.Release(t.Context(), c.AccountID, c.ID); fault.Code(err) == "claim_paid" {
					err = nil
				}
			default:
				_, err = s.pool.Exec(t.Context(), `UPDATE payments SET next_check_at = now() - interval '1 s'`)
				if err == nil {
					err = s.payments.Reconcile(t.Context())
				}
			}
			if err != nil {
				t.Error(i, err)
			}
		})
	}
	wg.Wait()
	s.until("the webhook is worked", func() bool { return s.count(`SELECT count(*) FROM webhooks WHERE processed_at IS NULL`) == 0 })
	s.is(p, payment.Succeeded, c, claim.Paid)
	if n := len(s.tickets1(c)); n != 2 {
		t.Fatalf("%d tickets", n)
	}
	for what, n := range map[string]int{
		"settled":  s.count(`SELECT count(*) FROM ledger WHERE kind = 'settled'`),
		"webhooks": s.count(`SELECT count(*) FROM webhooks`),
		"mails":    s.count(`SELECT count(*) FROM river_job WHERE kind = 'mail'`),
	} {
		if n != 1 {
			t.Errorf("%s: %d", what, n)
		}
	}
	s.addsUp()
}

func TestAFailedPaymentAndTheNext(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, first := s.buy(1)
	s.outcome(first, knobs{"outcome": "failed"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	s.is(first, payment.Failed, c, claim.Held)
	second := s.start(c)
	if second.Reference == first.Reference {
		t.Fatal("a reference was used twice")
	}
	s.outcome(second, knobs{"outcome": "failed"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	_, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
	code(t, err, "attempts_used")
	s.is(second, payment.Failed, c, claim.Held)
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID))
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID)) // ended already: fine
	_, _, err = s.payments.Start(t.Context(), c.AccountID, c.ID)
	code(t, err, "claim_expired")
	s.addsUp()
}

func TestCheckAsksAtMostOnceInTwoSeconds(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	before := s.provider.verified.Load()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := s.payments.Check(t.Context(), c.AccountID, c.ID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.provider.verified.Load() - before; n != 1 {
		t.Fatalf("%d times", n)
	}
	s.is(p, payment.Pending, c, claim.Paying) // abandoned is not final
}

func TestTheBankIsAtWork(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.outcome(p, knobs{"outcome": "ongoing"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	if got, _ := s.payments.Get(t.Context(), c.AccountID, p.ID); !got.Waiting || got.Status != payment.Pending {
		t.Fatalf("%+v", got)
	}
	code(t, s.payments.Release(t.Context(), c.AccountID, c.ID), "payment_pending")
	s.age(p, 4*time.Minute)
	s.reconcile()
	s.is(p, payment.Pending, c, claim.Paying)
	s.age(p, 5*time.Minute+time.Second)
	s.reconcile()
	s.is(p, payment.Abandoned, c, claim.Released)
	s.addsUp()
}

func TestAbandonedIsKeptUntilTheDeadline(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.age(p, -time.Minute)
	s.reconcile()
	s.is(p, payment.Pending, c, claim.Paying)
	s.age(p, time.Second)
	s.reconcile()
	s.is(p, payment.Abandoned, c, claim.Released)
	// Neither is abandoned the last word.
	s.quietly(p)
	s.reconcile()
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

func TestASilentProviderIsWaitedForAndThenALateSuccessExpected(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.faults(knobs{"verify": "down"})
	code(t, s.payments.Release(t.Context(), c.AccountID, c.ID), "payment_pending")
	s.age(p, 19*time.Minute)
	s.reconcile()
	s.is(p, payment.Pending, c, claim.Paying)
	s.age(p, 21*time.Minute)
	s.reconcile()
	s.is(p, payment.Abandoned, c, claim.Released)
	if n := s.count(`SELECT count(*) FROM payments WHERE late_expected`); n != 1 {
		t.Fatal("no late success is expected")
	}
	s.healthy()
	s.quietly(p)
	s.reconcile()
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

func TestAPayingClaimIsReleasedOnlyWhenTheProviderAgrees(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID)) // abandoned
	s.is(p, payment.Abandoned, c, claim.Released)
	c, p = s.buy(1)
	s.outcome(p, knobs{"outcome": "failed"})
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID))
	s.is(p, payment.Failed, c, claim.Released)
	c, p = s.buy(1)
	s.quietly(p)
	code(t, s.payments.Release(t.Context(), c.AccountID, c.ID), "claim_paid")
	s.is(p, payment.Succeeded, c, claim.Paid)
	c = s.hold(s.fan(), 1)
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID))
	if got, _ := s.claims.Get(t.Context(), c.AccountID, c.ID); got.Status != claim.Released {
		t.Fatalf("%s", got.Status)
	}
}

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

func TestWebhooksAreStoredOnceAndOnlyWithTheirSignature(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	for _, body := range []string{
		`{"event":"charge.success","data":{"reference":"unknown","status":"success","amount":1,"currency":"NGN"}}`,
		`{"event":"something.new","data":{}}`, `{"event":"bank.transfer.rejected","data":{"reason":"x"}}`, `not json`, `{}`, `{"event":7,"data":"x"}`,
		`{"event":"refund.pending","data":{"transaction_reference":"unknown","amount":"12","refund_reference":null}}`,
		`{"event":"charge.dispute.create","data":{"id":1,"transaction":{"reference":"` + p.Reference + `"}}}`,
		`{"event":"charge.success","data":{"reference":"a\u0000b","status":"success","amount":1,"currency":"NGN"}}`,
	} {
		for range 2 {
			if err := s.payments.Receive(t.Context(), sign([]byte(body)), []byte(body)); err != nil {
				t.Fatal(body, err)
			}
		}
		code(t, s.payments.Receive(t.Context(), sign([]byte(body+" ")), []byte(body)), "invalid_signature")
		code(t, s.payments.Receive(t.Context(), "", []byte(body)), "invalid_signature")
	}
	if n := s.count(`SELECT count(*) FROM webhooks`); n != 9 {
		t.Fatalf("%d webhooks", n)
	}
	s.until("all are worked", func() bool { return s.count(`SELECT count(*) FROM webhooks WHERE processed_at IS NULL`) == 0 })
	s.is(p, payment.Pending, c, claim.Paying)
}

func TestAWebhookThatSaysTooLittleIsLookedUp(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	body := []byte(`{"event":"charge.success","data":{"reference":"` + p.Reference + `","status":"success","amount":{},"currency":"NGN"}}`)
	s.must(s.payments.Receive(t.Context(), sign(body), body))
	s.until("it is worked", func() bool { return s.count(`SELECT count(*) FROM webhooks WHERE processed_at IS NULL`) == 0 })
	s.is(p, payment.Pending, c, claim.Paying) // the provider does not say success
}

func TestTheWebhookThatNeverComes(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	for _, hook := range []string{"drop", "corrupt"} {
		c, p := s.buy(1)
		s.outcome(p, knobs{"outcome": "success", "webhook": hook})
		s.reconcile()
		s.is(p, payment.Succeeded, c, claim.Paid)
	}
	s.addsUp()
}

func TestTheProviderFailsAtTheStart(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"down", "429", "500_after_work", "timeout"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := open(t, config{price: price})
			c := s.hold(s.fan(), 1)
			s.faults(knobs{"initialize": kind})
			_, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
			code(t, err, "provider_unavailable")
			if fault.From(err).RetryAfter <= 0 {
				t.Fatal("no Retry-After")
			}
			s.healthy()
			p, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
			if err != nil || p.Status != payment.Pending || p.AuthorizationURL == "" {
				t.Fatalf("%+v %v", p, err)
			}
			s.is(p, payment.Pending, c, claim.Paying)
			if n := s.count(`SELECT count(*) FROM payments WHERE status IN ('initializing', 'pending')`); n != 1 {
				t.Fatalf("%d attempts are under way", n)
			}
			// Attempts nobody could pay do not count.
			s.outcome(p, knobs{"outcome": "failed"})
			s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
			second := s.start(c)
			s.quietly(second)
			s.reconcile()
			s.is(second, payment.Succeeded, c, claim.Paid)
			s.addsUp()
		})
	}
}

func TestADoubleClickOpensOneTransaction(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c := s.hold(s.fan(), 1)
	var mu sync.Mutex
	var wg sync.WaitGroup
	urls, created := map[string]bool{}, 0
	for i := range 10 {
		wg.Go(func() {
			ctx := t.Context()
			if i == 0 {
				// The browser drops the first click for the second.
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				cancel()
			}
			p, fresh, err := s.payments.Start(ctx, c.AccountID, c.ID)
			if i == 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			urls[p.AuthorizationURL] = true
			if fresh {
				created++
			}
		})
	}
	wg.Wait()
	if len(urls) != 1 || urls[""] || created > 1 || s.provider.started.Load() != 1 {
		t.Fatalf("%v, created %d, opened %d", urls, created, s.provider.started.Load())
	}
}

func TestAJobOpensWhatACrashLeft(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c := s.hold(s.fan(), 1)
	s.faults(knobs{"initialize": "down", "verify": "down"})
	_, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
	code(t, err, "provider_unavailable")
	s.healthy()
	// As if the process had died here: only the job is left.
	s.sql(`UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE kind = 'payment_open'`)
	s.until("the payment has its page", func() bool {
		return s.count(`SELECT count(*) FROM payments WHERE status = 'pending' AND authorization_url <> ''`) == 1
	})
}

func TestBankTransferIsOfferedOnlyWithTimeForIt(t *testing.T) {
	t.Parallel()
	for hold, want := range map[int]int{600: 0, 1800: 1} {
		s := open(t, config{price: price, hold: hold, still: true})
		s.buy(1)
		if n := s.count(`SELECT count(*) FROM payments WHERE 'bank_transfer' = ANY(channels)
			AND deadline_at BETWEEN now() + interval '29 min' AND now() + interval '31 min'`); n != want {
			t.Errorf("hold %d s: %d", hold, n)
		}
	}
}

func TestARefundIsAskedForOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"500_after_work", "timeout", "down", "429"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := open(t, config{price: price})
			_, p := s.buy(1)
			s.faults(knobs{"refund": kind, "for_seconds": 3})
			s.outcome(p, knobs{"outcome": "success", "amount": 1000})
			s.until("the refund was tried", func() bool { return s.count(`SELECT count(*) FROM refunds WHERE status = 'requested'`) == 1 })
			s.until("the money is back", func() bool {
				// The lease and the job's own pause are minutes in life.
				s.sql(`UPDATE refunds SET requested_at = now() - interval '1 min' WHERE status = 'requested' AND requested_at < now() - interval '3 s'`)
				s.sql(`UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE kind = 'payment_refund' AND state IN ('retryable', 'scheduled')`)
				return s.count(`SELECT count(*) FROM payments WHERE status = 'refunded'`) == 1
			})
			list := s.bankCall(http.MethodGet, "/_sandbox/transactions?reference="+p.Reference, nil)["transactions"].([]any)
			if refunds := list[0].(map[string]any)["refunds"].([]any); len(refunds) != 1 {
				t.Fatalf("%d refunds at the provider", len(refunds))
			}
			s.addsUp()
		})
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	var ids []uuid.UUID
	for range 3 {
		c, p := s.buy(2)
		s.quietly(p)
		s.reconcile()
		ids = append(ids, c.ID)
	}
	s.hold(s.fan(), 1) // nothing was asked for it
	first, next, err := s.payments.Orders(t.Context(), s.event.ID(), 2, "")
	if err != nil || len(first) != 2 || next == "" || first[0].ID != ids[2] || first[0].Tiers != "2 × Stands" || first[0].Quantity != 2 ||
		first[0].Payment != payment.Succeeded || first[0].Status != claim.Paid || first[0].PaidAt == nil || first[0].Total != 2*price {
		t.Fatalf("%+v %q %v", first, next, err)
	}
	rest, next, err := s.payments.Orders(t.Context(), s.event.ID(), 2, next)
	if err != nil || len(rest) != 1 || next != "" || rest[0].ID != ids[0] {
		t.Fatalf("%+v %q %v", rest, next, err)
	}
	_, _, err = s.payments.Orders(t.Context(), s.event.ID(), 2, "nonsense")
	code(t, err, "invalid_request")
}

// TestPaidMeansTicketOrRefund lets many fans pay at once for too few places,
// through a provider that loses, repeats and delays, and wants every kobo back.
func TestPaidMeansTicketOrRefund(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price, capacity: 12})
	rng := rand.New(rand.NewPCG(1, 2))
	hooks := []string{"send", "drop", "duplicate", "corrupt"}
	var all []payment.Payment
	for len(all) < 40 {
		fan := s.fan()
		c, err := s.claims.Hold(t.Context(), s.event, fan, claim.Request{TierID: s.event.Tiers[0].ID, Quantity: 1 + rng.IntN(2)})
		if err != nil {
			s.sql(`UPDATE payments SET deadline_at = now() - interval '1 s' WHERE status = 'pending'`)
			s.reconcile()
			s.sql(`UPDATE claims SET expires_at = now() - interval '1 s' WHERE status = 'held'`)
			s.sql(`UPDATE units SET held_until = now() - interval '1 s' WHERE state = 'held'`)
			if fault.Code(err) != "sold_out" && fault.Code(err) != "not_enough_left" {
				t.Fatal(err)
			}
			if s.count(`SELECT count(*) FROM units WHERE state = 'sold'`) >= 11 {
				break
			}
			continue
		}
		p := s.start(c)
		all = append(all, p)
		switch rng.IntN(4) {
		case 0:
			s.outcome(p, knobs{"outcome": "success", "webhook": hooks[rng.IntN(4)]})
		case 1:
			_ = s.payments.Release(t.Context(), fan, c.ID)
		case 2:
			s.outcome(p, knobs{"outcome": "failed"})
		}
	}
	// In the end every one of them pays after all.
	for _, p := range all {
		s.outcome(p, knobs{"outcome": "success", "webhook": hooks[rng.IntN(4)]})
	}
	s.until("every payment is decided", func() bool {
		s.reconcile()
		return s.count(`SELECT count(*) FROM payments WHERE settled_at IS NULL`) == 0
	})
	s.until("the money of the others is back", func() bool {
		s.sql(`UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE kind = 'payment_refund' AND state IN ('retryable', 'scheduled')`)
		return s.count(`SELECT count(*) FROM payments WHERE status = 'refund_due'`) == 0
	})
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'sold'`); n < 11 || n > 12 {
		t.Errorf("%d of 12 places are sold", n)
	}
	if n := s.count(`SELECT count(*) FROM tickets WHERE status = 'valid'`); n != s.count(`SELECT count(*) FROM units WHERE state = 'sold'`) {
		t.Errorf("%d tickets", n)
	}
	s.addsUp()
}

func TestAWholeSaleEndsExactly(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price, capacity: 40})
	var wg sync.WaitGroup
	fans := make(chan uuid.UUID, 120)
	for range 120 {
		fans <- s.fan()
	}
	close(fans)
	for range 8 {
		wg.Go(func() {
			for fan := range fans {
				c, err := s.claims.Hold(t.Context(), s.event, fan, claim.Request{TierID: s.event.Tiers[0].ID, Quantity: 1})
				if err != nil {
					if fault.Code(err) != "sold_out" {
						t.Error(err)
					}
					continue
				}
				p, _, err := s.payments.Start(t.Context(), fan, c.ID)
				if err != nil {
					t.Error(err)
					continue
				}
				body := bytes.NewReader([]byte(`{"outcome":"success","webhook":"duplicate"}`))
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.bank+"/_sandbox/transactions/"+p.Reference, body)
				res, err := s.http.Do(req)
				if err != nil {
					t.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if err := s.payments.Reconcile(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s.until("all is settled", func() bool { return s.count(`SELECT count(*) FROM payments WHERE settled_at IS NULL`) == 0 })
	if n := s.count(`SELECT count(*) FROM tickets WHERE status = 'valid'`); n != 40 {
		t.Fatalf("%d tickets of 40", n)
	}
	if n := s.count(`SELECT count(*) FROM refunds`); n != 0 {
		t.Fatalf("%d refunds", n)
	}
	s.addsUp()
}
