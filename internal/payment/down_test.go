package payment_test

import (
	"testing"
	"time"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
)

// A provider that is down is left alone: fans hear so at once, with when to come back, and keep their tickets; once it is
// back, so is the shop.
func TestTheProviderIsDown(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price, capacity: 100, still: true})
	if _, down := s.payments.ProviderDown(); down {
		t.Fatal("down without a reason")
	}
	s.faults(knobs{"initialize": "down"})
	c := s.hold(s.fan(), 1)
	var err error
	var other claim.Claim
	// Until somebody else, who has not waited for anything yet, comes while the provider is left alone: it tries itself
	// whether that is better, and a busy machine may come just then.
	s.until("a start falls into a rest", func() bool {
		_, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
		code(t, err, "provider_unavailable")
		until, down := s.payments.ProviderDown()
		if !down {
			return false
		}
		if time.Until(until) > 10*time.Second {
			t.Fatalf("it is left alone for %v", time.Until(until))
		}
		other = s.hold(s.fan(), 1)
		asked := s.provider.verified.Load() + s.provider.started.Load()
		_, _, err = s.payments.Start(t.Context(), other.AccountID, other.ID)
		code(t, err, "provider_unavailable")
		if !time.Now().Before(until) {
			return false
		}
		// So it waited for nothing: nothing was sent.
		if after := fault.From(err).RetryAfter; after < time.Second || after > 10*time.Second {
			t.Errorf("come back after %v", after)
		}
		if n := s.provider.verified.Load() + s.provider.started.Load() - asked; n != 0 {
			t.Errorf("the provider was asked %d times", n)
		}
		return true
	})
	held, err := s.claims.Get(t.Context(), other.AccountID, other.ID)
	if err != nil || held.Status != claim.Held || !held.ExpiresAt.Equal(other.ExpiresAt) {
		t.Fatalf("the tickets wait for a provider instead of their clock: %+v %v", held, err)
	}

	s.healthy()
	var p payment.Payment
	s.until("the shop is back", func() bool {
		p, _, err = s.payments.Start(t.Context(), other.AccountID, other.ID)
		return err == nil
	})
	if p.Status != payment.Pending || p.AuthorizationURL == "" {
		t.Fatalf("%+v", p)
	}
	if _, down := s.payments.ProviderDown(); down {
		t.Fatal("it is not down any more")
	}
	if n := s.count(`SELECT count(*) FROM payments WHERE claim_id = $1`, other.ID); n != 1 {
		t.Errorf("%d attempts; a call that was never made needs no fresh reference", n)
	}
	s.quietly(p)
	s.reconcile()
	s.is(p, payment.Succeeded, other, claim.Paid)
}
