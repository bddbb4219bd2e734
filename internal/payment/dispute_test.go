package payment_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
)

// bankAsks lets the bank of a buyer ask for money back; the webhook is all there is to know about it.
func (s *shop) bankAsks(p payment.Payment, id int, event, status, resolution string, amount money.Kobo) {
	s.Helper()
	body, err := json.Marshal(map[string]any{"event": event, "data": map[string]any{
		"id": id, "refund_amount": int64(amount), "currency": "NGN", "status": status, "resolution": resolution, "category": "chargeback",
		"dueAt": time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339), "transaction": map[string]any{"reference": p.Reference},
	}})
	s.must(err)
	s.must(s.payments.Receive(s.Context(), sign(body), body))
	s.until("the webhook is read", func() bool {
		return s.count(`SELECT count(*) FROM webhooks WHERE processed_at IS NULL`) == 0
	})
}

const (
	disputeOpens  = "charge.dispute.create"
	disputeCloses = "charge.dispute.resolve"
)

func (s *shop) keeps() {
	s.Helper()
	keep := sale.DisputesKeep
	_, err := s.sales.Change(s.Context(), s.event.ID(), uuid.New(), sale.Patch{Disputes: &keep})
	s.must(err)
}

func (s *shop) states(c claim.Claim) (states []string) {
	for _, k := range s.tickets1(c) {
		states = append(states, k.Status)
	}
	slices.Sort(states)
	return states
}

func TestDisputeVoidsTicketsUntilItIsWon(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	s.sql(`UPDATE tickets SET status = 'used' WHERE id = $1`, s.good(c)[0])
	s.bankAsks(p, 7, disputeOpens, "awaiting-merchant-feedback", "", 2*price)
	s.is(p, payment.ChargedBack, c, claim.Paid)
	if got := s.states(c); !slices.Equal(got, []string{"void", "void"}) {
		t.Fatal(got)
	}
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'sold'`); n != 2 {
		t.Fatalf("%d places are sold", n)
	}
	_, err := s.payments.Refund(t.Context(), payment.Ask{Order: c.ID, By: c.AccountID})
	s.refused(err, "order_disputed")
	s.disputesAddUp()
	s.bankAsks(p, 7, disputeCloses, "resolved", "declined", 2*price)
	s.is(p, payment.Succeeded, c, claim.Paid)
	if got := s.states(c); !slices.Equal(got, []string{"used", "valid"}) {
		t.Fatal(got)
	}
	s.until("both letters", func() bool {
		return s.letters(c, "Your tickets are on hold") == 1 && s.letters(c, "Your tickets are good again") == 1
	})
	s.disputesAddUp()
}

func TestLostDisputeFreesThePlaces(t *testing.T) {
	t.Parallel()
	for _, rule := range []sale.DisputeRule{sale.DisputesVoid, sale.DisputesKeep} {
		t.Run(string(rule), func(t *testing.T) {
			t.Parallel()
			s := open(t, config{price: price})
			s.takesBack()
			if rule == sale.DisputesKeep {
				s.keeps()
			}
			c, p := s.sold(2)
			s.bankAsks(p, 7, disputeOpens, "awaiting-merchant-feedback", "", 2*price)
			if rule == sale.DisputesKeep {
				s.is(p, payment.Succeeded, c, claim.Paid)
				no := s.refused(s.payments.Return(t.Context(), c.AccountID, s.good(c)[0]), "not_returnable")
				if no.Extra["reason"] != "disputed" {
					t.Fatal(no.Extra)
				}
			}
			s.bankAsks(p, 7, disputeCloses, "resolved", "merchant-accepted", 2*price)
			s.is(p, payment.ChargedBack, c, claim.Refunded)
			if n := s.count(`SELECT count(*) FROM units WHERE state = 'free'`); n != 10 {
				t.Fatalf("%d places are free", n)
			}
			if n := s.count(`SELECT count(*) FROM refunds`); n != 0 {
				t.Fatalf("%d refunds on top", n)
			}
			s.disputesAddUp()
		})
	}
}

func TestDisputeOlderThanItsOpening(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(1)
	s.bankAsks(p, 7, disputeCloses, "resolved", "declined", price)
	s.bankAsks(p, 7, disputeOpens, "awaiting-merchant-feedback", "", price)
	s.is(p, payment.Succeeded, c, claim.Paid)
	if len(s.good(c)) != 1 {
		t.Fatal("an old word about a dispute that was won made the ticket void")
	}
	s.disputesAddUp()
}

func TestLostDisputeOfPartSendsTheRest(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	s.bankAsks(p, 7, disputeOpens, "awaiting-merchant-feedback", "", price)
	s.bankAsks(p, 7, disputeCloses, "resolved", "merchant-accepted", price)
	s.allBack()
	s.is(p, payment.ChargedBack, c, claim.Refunded)
	if n := s.count(`SELECT sum(amount_kobo) FROM refunds WHERE reason = 'dispute'`); n != price {
		t.Fatalf("%d kobo go back", n)
	}
	s.disputesAddUp()
}

// What was asked for, and what the merchant gave in the end, are two things: the buyer gets the difference from us.
func TestLostDisputeOfLessThanWasAsked(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	d := s.bankCall(http.MethodPost, "/_sandbox/transactions/"+p.Reference+"/dispute", knobs{"category": "chargeback"})
	s.until("the tickets are on hold", func() bool { return len(s.good(c)) == 0 })
	s.bankAsks(p, int(d["id"].(float64)), disputeCloses, "resolved", "merchant-accepted", 2*price)
	s.is(p, payment.ChargedBack, c, claim.Paid) // the provider, asked, knows better than a webhook
	s.dashboard(http.MethodPut, fmt.Sprintf("/dispute/%.0f/resolve", d["id"]), knobs{"resolution": "merchant-accepted", "message": "Half of it.", "refund_amount": price / 2})
	s.until("it is lost", func() bool { return s.count(`SELECT count(*) FROM disputes WHERE status = 'lost'`) == 1 })
	s.allBack()
	s.is(p, payment.ChargedBack, c, claim.Refunded)
	if n := s.count(`SELECT sum(amount_kobo) FROM refunds`); n != 2*price-price/2 {
		t.Errorf("%d kobo go back", n)
	}
	s.disputesAddUp()
}

func TestWonDisputeOfACancelledEventGoesBack(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(1)
	s.bankAsks(p, 7, disputeOpens, "awaiting-merchant-feedback", "", price)
	_, err := s.payments.Cancel(t.Context(), s.event.ID(), c.AccountID, "")
	s.must(err)
	s.is(p, payment.ChargedBack, c, claim.Paid)
	s.bankAsks(p, 7, disputeCloses, "resolved", "declined", price)
	s.allBack()
	s.is(p, payment.Refunded, c, claim.Refunded)
	s.disputesAddUp()
}

// disputesAddUp is money_adds_up with what banks have taken, for every payment.
func (s *shop) disputesAddUp() {
	s.Helper()
	if n := s.count(`SELECT count(*) FROM (
		SELECT p.id, p.status, p.received_kobo,
		       coalesce((SELECT sum(t.price_kobo - t.reduced_kobo) FROM tickets t WHERE t.payment_id = p.id AND t.status IN ('valid', 'used')), 0) AS worth,
		       coalesce((SELECT sum(r.amount_kobo) FROM refunds r WHERE r.payment_id = p.id), 0) AS refunds
		FROM payments p WHERE p.settled_at IS NOT NULL) x
		WHERE CASE WHEN status = 'charged_back' THEN worth > 0 OR refunds > received_kobo ELSE received_kobo <> worth + refunds END`); n != 0 {
		s.Fatalf("%d payments do not add up", n)
	}
	if n := s.count(`SELECT count(*) FROM units u WHERE u.state = 'sold' AND NOT EXISTS (
		SELECT FROM tickets t WHERE t.unit_id = u.id AND t.claim_id = u.claim_id AND t.status <> 'returned')`); n != 0 {
		s.Fatalf("%d places are sold to nobody", n)
	}
}

func TestDisputeWhoseEndNobodyTold(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[string]payment.Status{"won": payment.Succeeded, "lost": payment.ChargedBack} {
		t.Run(outcome, func(t *testing.T) {
			t.Parallel()
			s := open(t, config{price: price})
			c, p := s.sold(2)
			d := s.bankCall(http.MethodPost, "/_sandbox/transactions/"+p.Reference+"/dispute", knobs{"category": "fraud"})
			s.until("the tickets are on hold", func() bool { return len(s.good(c)) == 0 })
			o, err := s.payments.Order(t.Context(), s.event.ID(), c.ID)
			s.must(err)
			if len(o.Disputes) != 1 || o.Disputes[0].Amount != 2*price || o.Disputes[0].Category != "fraud" || o.Disputes[0].DueAt == nil || !o.Disputed() {
				t.Fatalf("%+v", o.Disputes)
			}
			if n, err := s.payments.Trouble(t.Context(), s.event.ID()); err != nil || n.Disputes != 1 {
				t.Fatalf("%+v %v", n, err)
			}
			s.faults(knobs{"webhooks": "drop"})
			s.bankCall(http.MethodPost, fmt.Sprintf("/_sandbox/disputes/%.0f", d["id"]), knobs{"outcome": outcome})
			s.until("the end is found", func() bool {
				s.hurry()
				return s.count(`SELECT count(*) FROM disputes WHERE status = $1`, outcome) == 1
			})
			s.is(p, want, c, map[string]claim.Status{"won": claim.Paid, "lost": claim.Refunded}[outcome])
			s.disputesAddUp()
		})
	}
}

func TestDisputeOfWhatIsGoingBackAnyway(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(1)
	s.faults(knobs{"refund_outcome": "failed"})
	s.refund(payment.Ask{Order: c.ID, By: c.AccountID})
	s.until("the refund has failed", func() bool {
		s.hurry()
		return s.count(`SELECT count(*) FROM refunds WHERE status = 'failed'`) == 1
	})
	// The job may have been hurried once too often and be asking again: what is meant is a refund that rests.
	s.until("nobody asks for it", func() bool {
		s.sql(`UPDATE river_job SET state = 'cancelled', finalized_at = now() WHERE kind = 'payment_refund' AND state IN ('available', 'retryable', 'scheduled')`)
		return s.count(`SELECT count(*) FROM river_job WHERE kind = 'payment_refund' AND state = 'running'`) == 0
	})
	s.sql(`UPDATE refunds SET status = 'failed'`)
	s.bankAsks(p, 7, disputeOpens, "awaiting-merchant-feedback", "", price)
	s.is(p, payment.RefundDue, c, claim.Refunded)
	s.bankAsks(p, 7, disputeCloses, "resolved", "merchant-accepted", price)
	// The bank has paid the buyer: a refund on top would pay twice.
	s.is(p, payment.Refunded, c, claim.Refunded)
	if n := s.count(`SELECT count(*) FROM refunds WHERE status = 'processed'`); n != 1 {
		t.Fatalf("%d refunds are done", n)
	}
	s.addsUp()
}
