package payment_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
)

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
			s := open(t, config{price: price, silent: kind == "timeout"})
			c := s.hold(s.fan(), 1)
			s.faults(knobs{"initialize": kind})
			_, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
			code(t, err, "provider_unavailable")
			if fault.From(err).RetryAfter <= 0 {
				t.Fatal("no Retry-After")
			}
			s.healthy()
			var p payment.Payment
			s.until("the provider may be asked again", func() bool {
				p, _, err = s.payments.Start(t.Context(), c.AccountID, c.ID)
				return fault.Code(err) != "provider_unavailable"
			})
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
			s := open(t, config{price: price, silent: kind == "timeout"})
			_, p := s.buy(1)
			s.faults(knobs{"refund": kind})
			s.outcome(p, knobs{"outcome": "success", "amount": 1000})
			s.until("the refund was tried", func() bool {
				return s.count(`SELECT count(*) FROM refunds WHERE status = 'requested' AND attempts > 0`) == 1
			})
			s.until("the try is over", func() bool {
				return s.count(`SELECT count(*) FROM river_job WHERE kind = 'payment_refund' AND cardinality(errors) > 0`) == 1
			})
			s.healthy()
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
