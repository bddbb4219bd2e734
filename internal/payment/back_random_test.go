package payment_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/audit"
	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
)

// give is an evening after the sale: everybody who can take something back does so, in any order.
type give struct {
	*shop
	rng      *rand.Rand
	by       uuid.UUID
	orders   []claim.Claim
	payments map[uuid.UUID]payment.Payment
	disputes []string
	did      map[string]int
}

// Whatever is given back, taken back, disputed and cancelled in whatever order: to the kobo it adds up after each step.
func TestWhatGoesBackAddsUpInAnyOrder(t *testing.T) {
	t.Parallel()
	for round := range dbtest.Size(1, 30) {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			g := &give{shop: open(t, config{price: price, capacity: 20}), rng: rand.New(rand.NewPCG(uint64(dbtest.Seed()), uint64(round))), did: map[string]int{}}
			g.payments = map[uuid.UUID]payment.Payment{}
			g.takesBack()
			g.by = g.fan()
			for i := range 6 {
				if i == 3 {
					g.faults(knobs{"fees": "buyer"})
				}
				c, p := g.sold(1 + g.rng.IntN(3))
				g.orders, g.payments[c.ID] = append(g.orders, c), p
			}
			g.healthy()
			for range 45 {
				g.step()
				g.sound()
			}
			if _, err := g.shop.payments.Cancel(t.Context(), g.event.ID(), g.by, ""); err != nil {
				t.Fatal(err)
			}
			g.until("no bank is asked and no ticket is good", func() bool {
				for _, d := range g.disputes {
					g.bankCall(http.MethodPost, "/_sandbox/disputes/"+d, knobs{"outcome": []string{"won", "lost"}[g.rng.IntN(2)]})
				}
				g.disputes = nil
				g.hurry()
				return g.count(`SELECT (SELECT count(*) FROM disputes WHERE status = 'open') + (SELECT count(*) FROM tickets WHERE status IN ('valid', 'used'))`) == 0
			})
			g.sound()
			t.Log(g.did)
		})
	}
}

// step does one thing that somebody may do.
func (g *give) step() {
	g.Helper()
	c := g.orders[g.rng.IntN(len(g.orders))]
	good := g.good(c)
	g.rng.Shuffle(len(good), func(i, j int) { good[i], good[j] = good[j], good[i] })
	expected := []string{"nothing_to_refund", "order_disputed", "tickets_ended", "invalid_request", "not_returnable", "ticket_used"}
	did, err := "", error(nil)
	switch n := g.rng.IntN(10); {
	case n < 2 && len(good) > 0:
		did, err = "return", g.shop.payments.Return(g.Context(), c.AccountID, good[0])
	case n < 4 && len(good) > 0:
		did = "by ticket"
		_, err = g.shop.payments.Refund(g.Context(), payment.Ask{Order: c.ID, By: g.by, Tickets: good[:1+g.rng.IntN(len(good))], KeepOff: n == 2})
	case n < 6:
		did = "part"
		part := money.Kobo(1 + g.rng.IntN(price))
		_, err = g.shop.payments.Refund(g.Context(), payment.Ask{Order: c.ID, By: g.by, Amount: &part})
	case n < 7 && g.rng.IntN(3) == 0:
		did = "all"
		_, err = g.shop.payments.Refund(g.Context(), payment.Ask{Order: c.ID, By: g.by})
	case n < 8 && len(good) > 0:
		did = "used"
		g.sql(`UPDATE tickets SET status = 'used' WHERE id = $1 AND status = 'valid'`, good[0])
	case n < 9:
		did = "dispute"
		g.dispute(g.payments[c.ID])
	case len(g.disputes) > 0:
		did = "decided"
		g.decided()
	}
	if err != nil && !slices.Contains(expected, fault.Code(err)) {
		g.Fatalf("%s: %v", did, err)
	}
	if err != nil {
		did += " refused"
	}
	g.did[did]++
}

// dispute lets the bank of a buyer ask for all or some of the money back, by either rule.
func (g *give) dispute(p payment.Payment) {
	g.Helper()
	if g.count(`SELECT count(*) FROM disputes WHERE payment_id = $1`, p.ID) > 0 {
		return
	}
	rule := []sale.DisputeRule{sale.DisputesKeep, sale.DisputesVoid}[g.rng.IntN(2)]
	g.sql(`UPDATE sales SET disputes = $1`, string(rule))
	left := g.count(`SELECT p.received_kobo - (SELECT coalesce(sum(r.amount_kobo), 0) FROM refunds r WHERE r.payment_id = p.id) FROM payments p WHERE p.id = $1`, p.ID)
	if left == 0 {
		return
	}
	amount := 1 + g.rng.IntN(left)
	d := g.bankCall(http.MethodPost, "/_sandbox/transactions/"+p.Reference+"/dispute", knobs{"amount": amount})
	g.disputes = append(g.disputes, fmt.Sprintf("%.0f", d["id"]))
	g.until("the dispute is known", func() bool {
		return g.count(`SELECT count(*) FROM disputes WHERE payment_id = $1`, p.ID) == 1
	})
}

func (g *give) decided() {
	g.Helper()
	i := g.rng.IntN(len(g.disputes))
	outcome := []string{"won", "lost"}[g.rng.IntN(2)]
	id := g.disputes[i]
	g.bankCall(http.MethodPost, "/_sandbox/disputes/"+id, knobs{"outcome": outcome})
	g.until("the end is known", func() bool {
		return g.count(`SELECT count(*) FROM disputes WHERE provider_dispute_id = $1 AND status = $2`, id, outcome) == 1
	})
	g.disputes = slices.Delete(g.disputes, i, i+1)
}

// sound is what the operator's audit says, and that no place is sold to nobody.
func (g *give) sound() {
	g.Helper()
	results, err := audit.Run(g.Context(), g.pool, nil, g.event.ID())
	g.must(err)
	for _, r := range results {
		switch r.Name {
		case "never_oversold", "within_limits", "paid_means_ticket_or_refund", "ticket_means_paid", "money_adds_up":
			if r.Violations != 0 {
				g.Fatalf("after %v: %s: %v", g.did, r.Name, r.Detail)
			}
		}
	}
	if n := g.count(`SELECT count(*) FROM units u WHERE u.state = 'sold' AND NOT EXISTS (
		SELECT FROM tickets k WHERE k.unit_id = u.id AND k.claim_id = u.claim_id AND k.status <> 'returned')`); n != 0 {
		g.Fatalf("after %v: %d places are sold to nobody", g.did, n)
	}
	if n := g.count(`SELECT count(*) FROM claims c WHERE c.status = 'refunded' AND EXISTS (
		SELECT FROM tickets k WHERE k.claim_id = c.id AND k.status IN ('valid', 'used'))`); n != 0 {
		g.Fatalf("after %v: %d refunded orders have good tickets", g.did, n)
	}
}
