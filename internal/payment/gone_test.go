package payment_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"fairqueue/internal/claim"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
)

// refundsAtBank is what the provider has sent back of a payment, and how often it was asked to.
func (s *shop) refundsAtBank(p payment.Payment) (sent money.Kobo, asked int) {
	s.Helper()
	for _, one := range s.bankCall(http.MethodGet, "/_sandbox/transactions?reference="+p.Reference, nil)["transactions"].([]any) {
		for _, r := range one.(map[string]any)["refunds"].([]any) {
			f := r.(map[string]any)
			if asked++; f["status"] == "processed" {
				sent += money.Kobo(f["amount"].(float64))
			}
		}
	}
	return sent, asked
}

// dashboard is what somebody does who is signed in at the provider.
func (s *shop) dashboard(method, path string, body knobs) {
	s.Helper()
	raw, err := json.Marshal(body)
	s.must(err)
	req, err := http.NewRequestWithContext(s.Context(), method, s.bank+path, bytes.NewReader(raw))
	s.must(err)
	req.Header.Set("Authorization", "Bearer "+secretKey)
	res, err := s.http.Do(req)
	s.must(err)
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	s.must(err)
	if res.StatusCode != http.StatusOK {
		s.Fatalf("%s", answer)
	}
}

// inDashboard gives money back there; zero: all of it.
func (s *shop) inDashboard(p payment.Payment, amount money.Kobo) {
	s.Helper()
	body := knobs{"transaction": p.Reference}
	if amount > 0 {
		body["amount"] = int64(amount)
	}
	s.dashboard(http.MethodPost, "/refund", body)
}

// booksOfTheBank wants that what has gone back by our books has left the provider, to the kobo.
func (s *shop) booksOfTheBank(p payment.Payment) {
	s.Helper()
	sent, _ := s.refundsAtBank(p)
	if n := s.count(`SELECT coalesce(sum(amount_kobo), 0) FROM refunds WHERE status = 'processed' AND made_by <> 'bank'`); n != int(sent) {
		s.Errorf("%d kobo went back here, %d at the provider", n, int(sent))
	}
}

// failing asks for all of an order, and lets the provider fail at it.
func (s *shop) failing(c claim.Claim) {
	s.Helper()
	s.faults(knobs{"refund_outcome": "failed", "webhooks": "drop"})
	s.refund(payment.Ask{Order: c.ID, By: c.AccountID})
	s.until("the refund is on its way", func() bool { return s.count(`SELECT count(*) FROM refunds WHERE provider_refund_id IS NOT NULL`) == 1 })
}

func (s *shop) lost(p payment.Payment, id int, amount money.Kobo) {
	s.Helper()
	s.bankAsks(p, id, disputeOpens, "awaiting-merchant-feedback", "", amount)
	s.bankAsks(p, id, disputeCloses, "resolved", "merchant-accepted", amount)
}

// A refund that is on its way while the bank pays the buyer, and fails then, is owed no more.
func TestRefundThatFailsAfterTheBankHasPaid(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	s.failing(c)
	s.lost(p, 7, 2*price)
	s.until("it has failed, and is over", func() bool {
		s.hurry()
		return s.count(`SELECT count(*) FROM refunds WHERE status = 'processed' AND made_by = 'bank'`) == 1
	})
	s.is(p, payment.Refunded, c, claim.Refunded)
	s.healthy()
	s.hurry()
	s.until("no job is left", func() bool {
		s.hurry()
		return s.count(`SELECT count(*) FROM river_job WHERE kind = 'payment_refund' AND state <> 'completed'`) == 0
	})
	if sent, _ := s.refundsAtBank(p); sent != 0 {
		t.Errorf("%s were sent on top", sent)
	}
	s.addsUp()
	s.booksOfTheBank(p)
}

// Of what a bank has paid in part, the rest is still owed, and no more.
func TestRefundThatFailsAfterTheBankHasPaidPart(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	s.failing(c)
	s.lost(p, 7, price/2)
	s.healthy()
	s.allBack()
	s.is(p, payment.Refunded, c, claim.Refunded)
	if sent, _ := s.refundsAtBank(p); sent != 2*price-price/2 {
		t.Errorf("%s were sent", sent)
	}
	if n := s.count(`SELECT sum(amount_kobo) FROM refunds WHERE made_by = 'bank'`); n != price/2 {
		t.Errorf("%d kobo by the bank", n)
	}
	s.addsUp()
	s.booksOfTheBank(p)
}

// A second dispute of one payment is no second rest.
func TestTwoLostDisputesOfOnePayment(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	s.faults(knobs{"refund": "down"})
	s.lost(p, 7, price)
	s.lost(p, 8, price/2)
	s.is(p, payment.ChargedBack, c, claim.Refunded)
	s.healthy()
	s.until("all of it is back", func() bool {
		s.hurry()
		s.sql(`UPDATE refunds SET requested_at = requested_at - interval '1 minute' WHERE status = 'requested'`)
		return s.count(`SELECT count(*) FROM refunds WHERE status <> 'processed'`) == 0
	})
	if sent, _ := s.refundsAtBank(p); sent != price/2 {
		t.Errorf("%s were sent", sent)
	}
	s.disputesAddUp()
	s.addsUp()
	s.booksOfTheBank(p)
}

func TestARefundAtTheProviderOfAllOfAnOrder(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	s.inDashboard(p, 0)
	s.until("it is written down", func() bool { return s.count(`SELECT count(*) FROM refunds WHERE made_by = 'provider'`) == 1 })
	s.allBack()
	s.is(p, payment.Refunded, c, claim.Refunded)
	if got := s.states(c); !slices.Equal(got, []string{"void", "void"}) {
		t.Fatal(got)
	}
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'free'`); n != 10 {
		t.Errorf("%d places are free", n)
	}
	if n := s.count(`SELECT count(*) FROM river_job WHERE kind LIKE 'payment%' AND max_attempts < 10000`); n != 0 {
		t.Errorf("%d jobs end with a provider that is away for a day", n)
	}
	if n := s.count(`SELECT count(*) FROM refunds`); n != 1 || s.alerts() != 0 {
		t.Errorf("%d refunds, %d alerts", n, s.alerts())
	}
	s.until("the letters", func() bool {
		return s.letters(c, "Your refund") == 1 && s.letters(c, "Your money is on its way back") == 1
	})
	s.addsUp()
	s.booksOfTheBank(p)
}

// Which tickets end with a part, only a person knows: they stay good, are worth less, and can be ended without more money.
func TestARefundAtTheProviderOfPartOfAnOrder(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	s.inDashboard(p, price)
	s.until("it is written down", func() bool { return s.count(`SELECT count(*) FROM refunds WHERE made_by = 'provider'`) == 1 })
	s.allBack()
	s.is(p, payment.Succeeded, c, claim.Paid)
	o, err := s.payments.Order(t.Context(), s.event.ID(), c.ID)
	s.must(err)
	if len(s.good(c)) != 2 || s.alerts() != 1 || o.Worth() != price || o.Left() != price {
		t.Fatalf("%d tickets, %d alerts, %s", len(s.good(c)), s.alerts(), o.Worth())
	}
	s.addsUp()
	free := o.Tickets[slices.IndexFunc(o.Tickets, func(k payment.OrderTicket) bool { return k.Reduced == k.Price })]
	if r := s.refund(payment.Ask{Order: c.ID, By: c.AccountID, Tickets: s.good(c)[:1]}); r.Amount != 0 || free.ID != o.Tickets[0].ID {
		t.Errorf("%+v", r)
	}
	s.refund(payment.Ask{Order: c.ID, By: c.AccountID})
	s.allBack()
	s.is(p, payment.Refunded, c, claim.Refunded)
	s.addsUp()
	s.booksOfTheBank(p)
}

// What we owe and could not send has been sent by somebody at the provider: once is enough.
func TestARefundAtTheProviderOfWhatIsOwed(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]money.Kobo{"all": 2 * price, "part": price / 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, config{price: price})
			c, p := s.sold(2)
			s.failing(c)
			s.until("it has failed", func() bool {
				s.hurry()
				return s.count(`SELECT count(*) FROM refunds WHERE status = 'failed'`) == 1
			})
			// It rests for an hour, unless it was hurried once too often.
			s.until("nobody asks for it", func() bool {
				s.sql(`UPDATE river_job SET state = 'scheduled', scheduled_at = now() + interval '1 hour' WHERE kind = 'payment_refund' AND state IN ('available', 'retryable', 'scheduled')`)
				return s.count(`SELECT count(*) FROM river_job WHERE kind = 'payment_refund' AND state = 'running'`) == 0
			})
			if s.count(`SELECT count(*) FROM refunds WHERE status = 'failed'`) != 1 {
				s.sql(`UPDATE refunds SET status = 'failed'`)
			}
			s.healthy()
			s.inDashboard(p, by)
			s.until("it is written down", func() bool {
				return s.count(`SELECT coalesce(sum(amount_kobo), 0) FROM refunds WHERE made_by = 'provider'`) == int(by)
			})
			s.allBack()
			s.is(p, payment.Refunded, c, claim.Refunded)
			if sent, _ := s.refundsAtBank(p); sent != 2*price {
				t.Errorf("%s went back", sent)
			}
			s.addsUp()
			s.booksOfTheBank(p)
		})
	}
}

// What is no price of any ticket is a courtesy to all of them.
func TestARefundAtTheProviderOfLessThanATicket(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	s.inDashboard(p, price/5)
	s.until("it is written down", func() bool { return s.count(`SELECT count(*) FROM refunds WHERE made_by = 'provider'`) == 1 })
	s.allBack()
	if n := s.count(`SELECT count(*) FROM tickets WHERE reduced_kobo = $1 AND status = 'valid'`, price/10); n != 2 {
		t.Errorf("%d tickets are worth a tenth less", n)
	}
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
	s.booksOfTheBank(p)
}

// A refund that failed waits while a bank asks for the same money: it is not sent before the bank has decided, and then only
// as far as the bank did not pay. Nor does an organizer send it by hand.
func TestARefundThatFailedWaitsForTheDispute(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome string
		lost    money.Kobo // of 2 × price
		sent    money.Kobo
	}{
		"won":       {outcome: "won", sent: 2 * price},
		"lost":      {outcome: "lost", lost: 2 * price},
		"lost part": {outcome: "lost", lost: price / 2, sent: 2*price - price/2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, config{price: price})
			order, p := s.sold(2)
			s.faults(knobs{"refund_outcome": "failed"})
			refund := s.refund(payment.Ask{Order: order.ID, By: order.AccountID})
			s.rests("failed", 1)
			ask := knobs{"category": "chargeback"}
			if c.lost > 0 {
				ask["amount"] = int64(c.lost)
			}
			d := s.bankCall(http.MethodPost, "/_sandbox/transactions/"+p.Reference+"/dispute", ask)
			s.until("the dispute is known", func() bool { return s.count(`SELECT count(*) FROM disputes WHERE status = 'open'`) == 1 })
			s.until("it has failed, and rests", func() bool {
				if s.count(`SELECT count(*) FROM refunds WHERE status = 'failed'`) == 0 {
					s.hurry()
					return false
				}
				return s.count(`SELECT count(*) FROM refunds WHERE status = 'failed' AND NOT EXISTS (
					SELECT FROM river_job WHERE kind = 'payment_refund' AND state IN ('available', 'running'))`) == 1
			})
			s.healthy()
			_, asked := s.refundsAtBank(p)
			worked := s.count(`SELECT max(coalesce((metadata->>'snoozes')::int, 0)) FROM river_job WHERE kind = 'payment_refund'`)
			s.until("its turn comes again and again", func() bool {
				s.hurry()
				return s.count(`SELECT max(coalesce((metadata->>'snoozes')::int, 0)) FROM river_job WHERE kind = 'payment_refund'`) > worked+2 ||
					s.count(`SELECT count(*) FROM refunds WHERE status = 'processed'`) > 0
			})
			s.refused(s.payments.RetryRefund(t.Context(), s.event.ID(), refund.ID), "order_disputed")
			if sent, again := s.refundsAtBank(p); sent != 0 || again != asked {
				t.Errorf("%s were sent, and it was asked for %d times more, while the bank decides", sent, again-asked)
			}
			s.bankCall(http.MethodPost, fmt.Sprintf("/_sandbox/disputes/%.0f", d["id"]), knobs{"outcome": c.outcome})
			s.until("the decision is known", func() bool { return s.count(`SELECT count(*) FROM disputes WHERE status = $1`, c.outcome) == 1 })
			s.allBack()
			s.is(p, payment.Refunded, order, claim.Refunded)
			if sent, _ := s.refundsAtBank(p); sent != c.sent {
				t.Errorf("%s were sent, want %s", sent, c.sent)
			}
			s.addsUp()
			s.booksOfTheBank(p)
		})
	}
}
