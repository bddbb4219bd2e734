package payment_test

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
)

// storm is a sale in which everything goes wrong that can: the provider's network drops, delays, repeats, reorders and
// corrupts, the provider itself fails before and after its work, buyers do what they like, and our process dies at any
// message that it says to its database or to the provider.
type storm struct {
	*shop
	rng     *rand.Rand
	life    *life
	crashes int
	fans    []uuid.UUID
	claims  []claim.Claim
}

// Three hundred orders in the everyday tests, thousands in a soak.
func TestMoneyAddsUpThroughFaultsAndCrashes(t *testing.T) {
	t.Parallel()
	orders := dbtest.Size(300, 4000)
	s := &storm{shop: open(t, config{price: price, capacity: 40, still: true}), rng: rand.New(rand.NewPCG(uint64(dbtest.Seed()), 300))}
	s.sql(`UPDATE sales SET returns = true`)
	s.life = s.live()
	for s.count(`SELECT count(DISTINCT claim_id) FROM payments`) < orders {
		s.order()
	}
	s.calm()
	defer s.bury(s.life)
	s.addsUp()
	s.likeTheBank()
	t.Logf("%d orders, %d crashes; payments %d, tickets %d, refunds %d, webhooks %d", orders, s.crashes, s.count(`SELECT count(*) FROM payments`),
		s.count(`SELECT count(*) FROM tickets`), s.count(`SELECT count(*) FROM refunds`), s.count(`SELECT count(*) FROM webhooks`))
	if s.crashes < orders/10 {
		t.Errorf("only %d crashes", s.crashes)
	}
}

func (s *storm) one(in int) bool { return s.rng.IntN(in) == 0 }

// do asks something of the process that lives; the next one lives after a crash, and hears of nothing.
func (s *storm) do(what string, allowed []string, ask func() error) (ok bool) {
	s.Helper()
	err := ask()
	if s.life.isDead() {
		s.reborn()
		return false
	}
	if err != nil && !slices.Contains(allowed, fault.Code(err)) {
		// A crash may be noticed by others first.
		select {
		case <-s.life.dead:
			s.reborn()
			return false
		case <-time.After(10 * time.Second):
			s.Fatalf("%s: %v", what, err)
		}
	}
	return err == nil
}

func (s *storm) reborn() {
	s.Helper()
	s.bury(s.life)
	s.life = s.live()
	s.crashes++
}

// order is one fan's way, or as much of it as comes to pass.
func (s *storm) order() {
	if s.one(4) {
		s.life.dieAt(1+s.rng.IntN(150), s.one(2))
	}
	if s.one(4) {
		k := knobs{[]string{"initialize", "verify", "refund"}[s.rng.IntN(3)]: []string{"500_after_work", "down"}[s.rng.IntN(2)],
			"for_seconds": 0.02 + s.rng.Float64()/10}
		if s.one(15) {
			k = knobs{"verify": "429", "for_seconds": 0.05} // the client waits for seconds then
		}
		s.faults(k)
	}
	var fan uuid.UUID
	if len(s.fans) > 0 && s.one(4) {
		fan = s.fans[s.rng.IntN(len(s.fans))]
	} else {
		fan = s.fan()
		s.fans = append(s.fans, fan)
	}
	var c claim.Claim
	if s.do("hold", []string{"sold_out", "not_enough_left", "claim_open", "limit_reached", "not_admitted", "admission_expired"}, func() (err error) {
		c, err = s.shop.claims.Hold(s.Context(), s.event, fan, claim.Request{TierID: s.event.Tiers[0].ID, Quantity: 1 + s.rng.IntN(3)})
		return err
	}) {
		s.claims = append(s.claims, c)
		s.begin(c)
		if s.one(3) {
			s.begin(c) // a reload
		}
	}
	if s.count(`SELECT count(*) FROM units WHERE state = 'free' OR (state = 'held' AND held_until <= now())`) < 3 && s.one(3) {
		s.restock()
	}
	for range 1 + s.rng.IntN(3) {
		s.something()
	}
}

// restock keeps the sale going, and scarce.
func (s *storm) restock() {
	s.sql(`UPDATE tiers SET capacity = capacity + 9`)
	s.sql(`INSERT INTO units (id, event_id, tier_id, slot) SELECT gen_random_uuid(), t.event_id, t.id, n FROM tiers t, generate_series(t.capacity - 8, t.capacity) n`)
}

func (s *storm) begin(c claim.Claim) {
	s.do("start", []string{"provider_unavailable", "claim_expired", "attempts_used", "claim_paid", "claim_not_found"}, func() error {
		_, _, err := s.payments.Start(s.Context(), c.AccountID, c.ID)
		return err
	})
}

// some is one of the attempts whose page a buyer may have.
func (s *storm) some() (p payment.Payment, ok bool) {
	rows, err := s.pool.Query(s.Context(), `SELECT id, claim_id, account_id, reference, amount_kobo FROM payments WHERE initialized_at IS NOT NULL
		ORDER BY created_at DESC, id OFFSET $1 LIMIT 1`, s.rng.IntN(1+s.rng.IntN(20)))
	s.must(err)
	defer rows.Close()
	for rows.Next() {
		s.must(rows.Scan(&p.ID, &p.ClaimID, &p.AccountID, &p.Reference, &p.Amount))
		ok = true
	}
	s.must(rows.Err())
	return p, ok
}

func (s *storm) pays(p payment.Payment, outcome string) {
	if s.paid(p) {
		return // a bank does not change its mind about money it took
	}
	k := knobs{"outcome": outcome, "webhook": []string{"send", "drop", "duplicate", "corrupt", "late"}[s.rng.IntN(5)], "late_seconds": s.rng.Float64()}
	if s.one(12) {
		k["amount"] = int(p.Amount) + []int{-price / 2, -1, 1, price}[s.rng.IntN(4)]
	}
	if s.one(40) {
		k["currency"] = "GHS"
	}
	s.outcome(p, k)
}

// something is what a buyer, a bank, an organizer or time does next.
func (s *storm) something() {
	p, ok := s.some()
	if !ok {
		return
	}
	anything := []string{"claim_paid", "payment_pending", "claim_not_found", "ticket_not_found", "not_returnable", "ticket_used", "provider_unavailable"}
	switch s.rng.IntN(13) {
	case 0, 1, 2, 3:
		s.pays(p, "success")
	case 4:
		s.pays(p, []string{"failed", "ongoing", "abandoned"}[s.rng.IntN(3)])
	case 5, 6:
		s.do("come back", anything, func() error { return s.payments.Check(s.Context(), p.AccountID, p.ClaimID) })
	case 7:
		s.do("release", anything, func() error { return s.payments.Release(s.Context(), p.AccountID, p.ClaimID) })
	case 8:
		s.age(p, time.Duration(s.rng.IntN(25))*time.Minute)
		s.ask()
	case 9:
		s.sql(`WITH c AS (UPDATE claims SET expires_at = now() - interval '1 s' WHERE status = 'held' RETURNING id)
			UPDATE units u SET held_until = now() - interval '1 s' FROM c WHERE u.claim_id = c.id AND u.state = 'held'`)
	case 10:
		if list, err := s.tickets.OfClaim(s.Context(), p.AccountID, p.ClaimID); err == nil && len(list) > 0 {
			s.do("return", anything, func() error { return s.payments.Return(s.Context(), p.AccountID, list[s.rng.IntN(len(list))].ID) })
		}
	case 11:
		ask := payment.Ask{Order: p.ClaimID, By: p.AccountID, Reason: "Sorry"}
		if part := money.Kobo(1 + s.rng.IntN(price)); s.one(2) {
			ask.Amount = &part
		}
		s.do("refund", append(anything, "nothing_to_refund", "order_not_paid", "invalid_request", "order_not_found"), func() error {
			_, err := s.payments.Refund(s.Context(), ask)
			return err
		})
	default:
		s.sql(`UPDATE refunds SET requested_at = requested_at - interval '1 minute' WHERE status = 'requested' AND requested_at < now() - interval '3 s'`)
		s.hurry()
		s.ask()
	}
}

// ask lets the reconciler ask about whatever is open.
func (s *storm) ask() {
	s.sql(`UPDATE payments SET next_check_at = now() - interval '1 s' WHERE settled_at IS NULL`)
	if s.one(2) { // it also goes on looking for refunds that others made: there are none, whatever of ours is on its way
		s.sql(`UPDATE refund_looks SET step_at = now(), look_at = now()`)
		s.sql(`UPDATE stray_refunds SET look_at = now()`)
	}
	s.do("reconcile", nil, func() error { return s.payments.Reconcile(s.Context()) })
}

// calm ends the storm: most of those who have a page pay after all, and an ordinary start is all the repair there is.
func (s *storm) calm() {
	s.healthy()
	s.life.dieAt(0, false)
	s.reborn()
	for _, c := range s.claims {
		if s.one(3) {
			s.begin(c)
		}
	}
	rows, err := s.pool.Query(s.Context(), `SELECT id, reference, amount_kobo FROM payments WHERE initialized_at IS NOT NULL AND settled_at IS NULL`)
	s.must(err)
	var open []payment.Payment
	for rows.Next() {
		var p payment.Payment
		s.must(rows.Scan(&p.ID, &p.Reference, &p.Amount))
		open = append(open, p)
	}
	s.must(rows.Err())
	for _, p := range open {
		if !s.one(3) {
			s.pays(p, "success")
		}
	}
	paid := s.paidReferences()
	s.until("every payment is decided", func() bool {
		s.must(s.payments.Reconcile(s.Context()))
		s.hurry()
		// Again and again: a job may open one only now, and its time runs from there.
		s.sql(`UPDATE payments SET next_check_at = now() - interval '1 s', deadline_at = now() - interval '1 hour' WHERE settled_at IS NULL`)
		return s.count(`SELECT count(*) FROM payments WHERE settled_at IS NULL AND (reference = ANY($1) OR status IN ('initializing', 'pending'))`, paid) == 0 &&
			s.count(`SELECT count(*) FROM webhooks WHERE processed_at IS NULL`) == 0
	})
	s.until("all that is owed is back", func() bool {
		s.sql(`UPDATE refunds SET requested_at = requested_at - interval '1 minute' WHERE status = 'requested' AND requested_at < now() - interval '3 s'`)
		s.hurry()
		return s.count(`SELECT count(*) FROM refunds WHERE status <> 'processed'`) == 0
	})
}

// atBank is what the bank's own books say of a reference.
type atBank struct{ received, refunded, refunds int64 }

func (s *storm) books() map[string]atBank {
	s.Helper()
	out := map[string]atBank{}
	list, _ := s.bankCall(http.MethodGet, "/_sandbox/transactions?limit=100000", nil)["transactions"].([]any)
	for _, one := range list {
		m, _ := one.(map[string]any)
		if m["paid_at"] == nil {
			continue
		}
		b := atBank{received: int64(m["amount"].(float64))}
		refunds, _ := m["refunds"].([]any)
		for _, r := range refunds {
			if f, _ := r.(map[string]any); f["status"] != "failed" {
				b.refunded += int64(f["amount"].(float64))
				b.refunds++
			}
		}
		out[m["reference"].(string)] = b
	}
	return out
}

func (s *storm) paidReferences() (refs []string) {
	for ref := range s.books() {
		refs = append(refs, ref)
	}
	return refs
}

// likeTheBank compares our books with the bank's, payment by payment: what came, what went back and how often.
func (s *storm) likeTheBank() {
	s.Helper()
	books := s.books()
	rows, err := s.pool.Query(s.Context(), `SELECT p.reference, p.received_kobo, COALESCE(r.amount, 0), COALESCE(r.n, 0)
		FROM payments p LEFT JOIN (SELECT payment_id, sum(amount_kobo)::bigint AS amount, count(*) AS n FROM refunds GROUP BY 1) r ON r.payment_id = p.id
		WHERE p.settled_at IS NOT NULL`)
	s.must(err)
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var ref string
		var ours atBank
		s.must(rows.Scan(&ref, &ours.received, &ours.refunded, &ours.refunds))
		if theirs, ok := books[ref]; !ok || theirs != ours {
			s.Errorf("%s: ours %+v, the bank's %+v", ref, ours, theirs)
		}
		seen++
	}
	s.must(rows.Err())
	if seen != len(books) || seen == 0 {
		s.Errorf("%d payments brought money here, %d at the bank", seen, len(books))
	}
}
