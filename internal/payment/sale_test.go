package payment_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
)

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

// Nothing but a success of the whole price makes a ticket, and each ticket has its one.
func TestTicketMeansPaid(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	for name, k := range map[string]knobs{
		"failed":           {"outcome": "failed"},
		"abandoned":        {"outcome": "abandoned"},
		"under way":        {"outcome": "ongoing"},
		"too little":       {"outcome": "success", "amount": int64(price) - 1},
		"another currency": {"outcome": "success", "currency": "USD"},
	} {
		c, p := s.buy(1)
		s.outcome(p, k)
		s.until(name+": the provider was asked", func() bool {
			s.reconcile()
			return s.count(`SELECT count(*) FROM payments WHERE id = $1 AND provider_status <> ''`, p.ID) == 1
		})
		if n := len(s.tickets1(c)); n != 0 {
			t.Errorf("%s: %d tickets", name, n)
		}
	}
	c, p := s.buy(2)
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the tickets are there", func() bool { return len(s.tickets1(c)) == 2 })
	if n := s.count(`SELECT count(*) FROM tickets t JOIN payments p ON p.id = t.payment_id
		WHERE p.status = 'succeeded' AND p.received_kobo = p.amount_kobo AND p.id = $1`, p.ID); n != 2 || s.count(`SELECT count(*) FROM tickets`) != 2 {
		t.Errorf("%d of the tickets are paid", n)
	}
	s.addsUp()
}
