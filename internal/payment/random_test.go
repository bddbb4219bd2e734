package payment_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
)

// TestMoneyAddsUp does anything in any order to a small sale, then lets
// everybody pay after all, and wants every kobo in a ticket or on its way back.
func TestMoneyAddsUp(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price, capacity: 6})
	rapid.Check(t, func(rt *rapid.T) {
		// A new evening: what the last one left is given up.
		s.sql(`UPDATE payments SET deadline_at = now() - interval '1 hour' WHERE status IN ('initializing', 'pending')`)
		s.reconcile()
		s.sql(`UPDATE claims SET expires_at = now() - interval '1 s' WHERE status = 'held'`)
		s.sql(`UPDATE units SET held_until = now() - interval '1 s' WHERE state = 'held'`)
		s.sql(`UPDATE tiers SET capacity = capacity + 3`)
		s.sql(`INSERT INTO units (id, event_id, tier_id, slot) SELECT gen_random_uuid(), t.event_id, t.id, n FROM tiers t, generate_series(t.capacity - 2, t.capacity) n`)

		var claims []claim.Claim
		var all []payment.Payment
		hook := rapid.SampledFrom([]string{"send", "drop", "duplicate", "corrupt"})
		some := func(rt *rapid.T) payment.Payment {
			if len(all) == 0 {
				rt.Skip("nothing was started yet")
			}
			return all[rapid.IntRange(0, len(all)-1).Draw(rt, "payment")]
		}
		start := func(c claim.Claim) {
			p, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
			switch fault.Code(err) {
			case "":
				all = append(all, p)
			case "claim_expired", "attempts_used", "claim_paid":
			default:
				rt.Fatal(err)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"hold": func(rt *rapid.T) {
				c, err := s.claims.Hold(t.Context(), s.event, s.fan(), claim.Request{TierID: s.event.Tiers[0].ID, Quantity: rapid.IntRange(1, 2).Draw(rt, "quantity")})
				switch fault.Code(err) {
				case "":
					claims = append(claims, c)
					start(c)
				case "sold_out", "not_enough_left":
				default:
					rt.Fatal(err)
				}
			},
			"again": func(rt *rapid.T) {
				if len(claims) == 0 {
					rt.Skip("nothing is held")
				}
				start(claims[rapid.IntRange(0, len(claims)-1).Draw(rt, "claim")])
			},
			"outcome": func(rt *rapid.T) {
				p := some(rt)
				k := knobs{"outcome": rapid.SampledFrom([]string{"success", "failed", "ongoing", "abandoned"}).Draw(rt, "outcome"), "webhook": hook.Draw(rt, "webhook")}
				if s.count(`SELECT count(*) FROM payments WHERE id = $1 AND settled_at IS NOT NULL`, p.ID) == 1 || s.paid(p) {
					return // a bank does not change its mind about money it took
				}
				if rapid.IntRange(0, 4).Draw(rt, "odd") == 0 {
					k["amount"] = int(p.Amount) + rapid.SampledFrom([]int{-price / 2, -1, 1, price}).Draw(rt, "off by")
				}
				s.outcome(p, k)
			},
			"come back": func(rt *rapid.T) {
				p := some(rt)
				s.must(s.payments.Check(t.Context(), p.AccountID, p.ClaimID))
			},
			"release": func(rt *rapid.T) {
				p := some(rt)
				switch err := s.payments.Release(t.Context(), p.AccountID, p.ClaimID); fault.Code(err) {
				case "", "payment_pending", "claim_paid":
				default:
					rt.Fatal(err)
				}
			},
			"late": func(rt *rapid.T) {
				s.age(some(rt), time.Duration(rapid.IntRange(0, 10).Draw(rt, "minutes"))*time.Minute)
			},
			"reconcile": func(*rapid.T) { s.reconcile() },
			"holds end": func(*rapid.T) {
				s.sql(`WITH c AS (UPDATE claims SET expires_at = now() - interval '1 s' WHERE status = 'held' RETURNING id)
					UPDATE units u SET held_until = now() - interval '1 s' FROM c WHERE u.claim_id = c.id AND u.state = 'held'`)
			},
			"tidy": func(*rapid.T) { s.must(s.claims.Tidy(t.Context())) },
		})
		for _, p := range all {
			if !s.paid(p) {
				s.outcome(p, knobs{"outcome": "success", "webhook": hook.Draw(rt, "webhook")})
			}
		}
		s.until("every payment is decided", func() bool {
			s.reconcile()
			return s.count(`SELECT count(*) FROM payments WHERE settled_at IS NULL AND id = ANY($1)`, ids(all)) == 0 &&
				s.count(`SELECT count(*) FROM webhooks WHERE processed_at IS NULL`) == 0
		})
		s.addsUp()
		if n := s.count(`SELECT count(*) FROM units WHERE state IN ('held', 'paying', 'sold') AND claim_id IS NULL`); n != 0 {
			rt.Fatalf("%d units without an owner", n)
		}
		if s.Failed() {
			rt.FailNow()
		}
	})
	s.until("the money of the others is back", func() bool {
		s.sql(`UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE kind = 'payment_refund' AND state IN ('retryable', 'scheduled')`)
		return s.count(`SELECT count(*) FROM refunds WHERE status <> 'processed'`) == 0
	})
	s.addsUp()
}

// paid reports whether the bank has taken the money.
func (s *shop) paid(p payment.Payment) bool {
	s.Helper()
	list, _ := s.bankCall("GET", "/_sandbox/transactions?reference="+p.Reference, nil)["transactions"].([]any)
	if len(list) != 1 {
		return false
	}
	one, _ := list[0].(map[string]any)
	return one["paid_at"] != nil
}

func ids(all []payment.Payment) []string {
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = p.ID.String()
	}
	return out
}
