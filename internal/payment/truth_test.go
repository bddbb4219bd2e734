package payment_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fairqueue/internal/claim"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
)

// hear lets a webhook arrive and waits until it is worked.
func (s *shop) hear(body string) (outcome string) {
	s.Helper()
	// The bank sends its own beside it.
	if s.count(`SELECT count(*) FROM webhooks WHERE body = $1`, []byte(body)) != 0 {
		s.Fatal("it was there already: " + body)
	}
	s.must(s.payments.Receive(s.Context(), sign([]byte(body)), []byte(body)))
	s.until("the webhook is worked", func() bool {
		return s.count(`SELECT count(*) FROM webhooks WHERE body = $1 AND processed_at IS NOT NULL`, []byte(body)) == 1
	})
	s.must(s.pool.QueryRow(s.Context(), `SELECT outcome FROM webhooks WHERE body = $1`, []byte(body)).Scan(&outcome))
	return outcome
}

func success(p payment.Payment) string {
	return fmt.Sprintf(`{"event":"charge.success","data":{"reference":%q,"status":"success","amount":%d,"currency":"NGN"}}`, p.Reference, p.Amount)
}

// Whatever a webhook is about, the charge comes first: its own success may still be on its way.
func TestAWebhookThatOvertookTheSuccessSettlesItFirst(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	for kind, body := range map[string]string{
		"a refund":  `{"event":"refund.processed","data":{"transaction_reference":%q,"status":"processed","amount":"1"}}`,
		"a dispute": `{"event":"charge.dispute.remind","data":{"id":77,"status":"awaiting-merchant-feedback","transaction":{"reference":%q}}}`,
	} {
		c, p := s.buy(1)
		s.quietly(p)
		s.hear(fmt.Sprintf(body, p.Reference))
		if n := s.count(`SELECT count(*) FROM tickets WHERE payment_id = $1`, p.ID); n != 1 {
			t.Errorf("%s overtook the success: %d tickets", kind, n)
		}
		// And then the success itself comes, as the oldest news.
		if got := s.hear(success(p)); got != "settled before" {
			t.Errorf("%s, then the success: %s", kind, got)
		}
		if n := s.count(`SELECT count(*) FROM ledger WHERE kind = 'settled' AND body->>'claim' = $1`, c.ID.String()); n != 1 {
			t.Errorf("%s: settled %d times", kind, n)
		}
	}
	s.addsUp()
}

// A success that is days old buys nothing if its money has gone back since.
func TestASuccessThatWasReversedBuysNothing(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.quietly(p)
	// The bank gives the money back by itself.
	_, err := s.provider.Refund(t.Context(), p.Reference, price, "by hand")
	s.must(err)
	s.hear(success(p))
	s.is(p, payment.Failed, c, claim.Held)
	if n := s.count(`SELECT count(*) FROM tickets`); n != 0 {
		t.Fatalf("%d tickets for money that went back", n)
	}
	s.addsUp()
}

// The provider cannot be asked, and its signature is good enough.
func TestASignedSuccessIsBelievedWhenNobodyAnswers(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.faults(knobs{"verify": "down"})
	s.hear(success(p))
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

// What nobody but a person can put right is never a ticket, and somebody hears of it.
func TestMoneyThatNeedsAPersonIsAlerted(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	unknown := payment.Payment{Reference: "fq-of-somebody-else", Amount: price}
	if got := s.hear(success(unknown)); got != "unknown reference" {
		t.Errorf("a reference that is not ours: %s", got)
	}
	if n := s.alerts(); n != 1 {
		t.Errorf("%d alerts after money under a foreign reference", n)
	}
	// The provider says success about nothing.
	s.outcome(p, knobs{"outcome": "success", "amount": 0, "webhook": "drop"})
	s.reconcile()
	if n := s.alerts(); n != 2 {
		t.Errorf("%d alerts after a success without money", n)
	}
	s.is(p, payment.Pending, c, claim.Paying)
	if n := s.count(`SELECT count(*) FROM tickets`); n != 0 {
		t.Errorf("%d tickets", n)
	}
	// It does not keep the places for ever.
	s.age(p, 6*time.Minute)
	s.reconcile()
	s.is(p, payment.Abandoned, c, claim.Released)
}

// Payments under way when an event is cancelled, or over, are settled, and go back whole.
func TestMoneyForAnEventThatIsNoMoreGoesBack(t *testing.T) {
	t.Parallel()
	for why, sql := range map[string]string{
		"event_cancelled": `UPDATE sales SET cancelled_at = now()`,
		"event_over":      `WITH e AS (UPDATE events SET starts_at = now() - interval '1 minute') UPDATE sales SET state = 'ended', ended_at = now()`,
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			s := open(t, config{price: price})
			c, p := s.buy(2)
			held := s.hold(s.fan(), 1)
			s.sql(sql)
			s.outcome(p, knobs{"outcome": "success"})
			s.until("the money is back", func() bool { return s.count(`SELECT count(*) FROM payments WHERE status = 'refunded'`) == 1 })
			s.is(p, payment.Refunded, c, claim.Released)
			if n := s.count(`SELECT count(*) FROM refunds WHERE reason = $1 AND amount_kobo = $2`, why, 2*price); n != 1 {
				t.Fatalf("%d refunds", n)
			}
			if n := s.count(`SELECT count(*) FROM units WHERE state = 'free'`); n != 9 {
				t.Errorf("%d places are free", n)
			}
			_, _, err := s.payments.Start(t.Context(), held.AccountID, held.ID)
			if why == "event_cancelled" {
				code(t, err, "event_cancelled")
				s.is(p, payment.Refunded, held, claim.Held)
			} else {
				s.must(err) // the door may still be open: only what is settled too late goes back
			}
			s.addsUp()
		})
	}
}

// A sale that merely ended sells what was being paid.
func TestPaymentsUnderWayWhenTheSaleEndsBecomeTickets(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.sql(`UPDATE sales SET state = 'ended', ended_at = now()`)
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the ticket is there", func() bool { return len(s.tickets1(c)) == 1 })
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

// Whoever cancels an event while a payment is being settled finds its tickets, or they were never issued.
func TestCancellingWaitsForWhatIsBeingSettled(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price, capacity: 40, still: true})
	type bought struct {
		c claim.Claim
		p payment.Payment
	}
	var all []bought
	for range 20 {
		c, p := s.buy(1)
		s.quietly(p)
		all = append(all, bought{c, p})
	}
	cancelled := make(chan int, 1)
	go func() { // waited for below
		tx, err := s.pool.Begin(t.Context())
		if err != nil {
			t.Error(err)
			cancelled <- -1
			return
		}
		defer tx.Rollback(t.Context()) //nolint:errcheck // nothing is left to undo
		n := -1
		if _, err = sale.CancelTx(t.Context(), tx, s.event.ID(), ""); err == nil {
			err = tx.QueryRow(t.Context(), `SELECT count(*) FROM tickets`).Scan(&n)
		}
		if err == nil {
			err = tx.Commit(t.Context())
		}
		if err != nil {
			t.Error(err)
		}
		cancelled <- n
	}()
	for _, b := range all {
		if err := s.payments.Check(t.Context(), b.c.AccountID, b.c.ID); err != nil {
			t.Error(err)
		}
	}
	seen := <-cancelled
	if n := s.count(`SELECT count(*) FROM tickets`); n != seen {
		t.Errorf("who cancelled saw %d tickets, and there are %d", seen, n)
	}
	if n := s.count(`SELECT count(*) FROM tickets`) + s.count(`SELECT count(*) FROM refunds WHERE reason = 'event_cancelled'`); n != 20 {
		t.Errorf("%d of 20 payments were decided", n)
	}
}

func TestChannelsFollowTheHoldAndTheStock(t *testing.T) {
	t.Parallel()
	long := []string{"card", "ussd", "bank_transfer"}
	for _, c := range []struct {
		name              string
		hold, free, ahead int
		chosen, want      []string
	}{
		{"a short hold", 600, 10, 0, nil, []string{"card", "ussd"}},
		{"a long hold", 1800, 10, 0, nil, long},
		{"a long hold, and people wait for plenty", 1800, 10, 5, nil, long},
		{"a long hold, the last tenth, and nobody waits", 1800, 0, 0, nil, long},
		{"a long hold, and people wait for the last tenth", 1800, 0, 5, nil, []string{"card", "ussd"}},
		{"the organizer's choice", 600, 10, 0, []string{"card", "bank"}, []string{"card", "bank"}},
		{"the organizer's choice with a transfer", 1800, 10, 0, []string{"bank_transfer"}, []string{"bank_transfer"}},
		{"the organizer's transfer in a short hold", 600, 10, 0, []string{"card", "bank_transfer"}, []string{"card"}},
		{"the organizer's transfer while people wait for the last tenth", 1800, 0, 5, []string{"card", "bank_transfer"}, []string{"card"}},
		{"nothing but a transfer in a short hold", 600, 10, 0, []string{"bank_transfer"}, []string{"card", "ussd"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, config{price: price, capacity: 1 + c.free, hold: c.hold, still: true})
			held := s.hold(s.fan(), 1)
			s.sql(`UPDATE queue_heads SET arrivals = arrivals + $1`, c.ahead)
			if c.chosen != nil {
				s.sql(`UPDATE sales SET channels = $1`, c.chosen)
			}
			event, err := s.sales.Fresh(t.Context(), s.event.ID())
			s.must(err)
			if got, _ := payment.Promise(event); !slices.Equal(got, c.want) {
				t.Errorf("promised: %v, want %v", got, c.want)
			}
			if got, _ := payment.Offer(event, time.Until(held.ExpiresAt)); !slices.Equal(got, c.want) {
				t.Errorf("shown before paying: %v, want %v", got, c.want)
			}
			p := s.start(held)
			if !slices.Equal(p.Channels, c.want) {
				t.Errorf("offered: %v, want %v", p.Channels, c.want)
			}
			if took := time.Until(p.DeadlineAt); (took > 20*time.Minute) != slices.Contains(c.want, "bank_transfer") {
				t.Errorf("%v have %s", c.want, took)
			}
		})
	}
}

// Nobody is promised a transfer who would have to be at the checkout in no time at all.
func TestWhatIsPromisedIsOffered(t *testing.T) {
	t.Parallel()
	for hold := 60; hold <= 7200; hold += 20 {
		s := &sale.Snapshot{}
		s.Terms.HoldSeconds = hold
		promised, _ := payment.Promise(s)
		for _, later := range []time.Duration{0, time.Minute, 2 * time.Minute} {
			offered, why := payment.Offer(s, time.Duration(hold)*time.Second-later)
			for _, c := range promised {
				if !slices.Contains(offered, c) {
					t.Errorf("a hold of %d s: %s is promised, and %s later %v are offered (%s)", hold, c, later, offered, why)
				}
			}
		}
		if got := slices.Contains(promised, "bank_transfer"); got != (hold >= int(payment.TransferHold/time.Second)) {
			t.Errorf("a hold of %d s: a transfer is promised: %v", hold, got)
		}
	}
}
