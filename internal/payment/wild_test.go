package payment_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
)

// The ten things of PAYSTACK.md that go wrong in the wild, by their names there.
func TestWhatGoesWrongInTheWild(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(t *testing.T){
		"ongoing or abandoned treated as failure while the transfer is under way":           waitForTransfer,
		"the success arrives after the hold ended, and is refunded although seats are free": lateSuccess,
		"callback and webhook race, and both settle":                                        race,
		"the webhook never comes: reconcile finds it":                                       webhookNeverComes,
		"a reload reuses the reference":                                                     reload,
		"two attempts on one claim both succeed":                                            twoAttempts,
		"the signature is computed over re-serialised JSON":                                 rawBody,
		"a 4xx because processing failed brings 72 hours of retries":                        processingFails,
		"amount or currency is not compared":                                                compared,
		"expired holds are released without asking the provider first":                      askedFirst,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

func waitForTransfer(t *testing.T) {
	s := open(t, config{price: price, hold: 1800})
	c, p := s.buy(1)
	// Nobody has opened the page yet; then the transfer is under way, well past what a card may take.
	for outcome, minutes := range map[string]int{"abandoned": 14, "ongoing": 29} {
		s.outcome(p, knobs{"outcome": outcome})
		s.sql(`UPDATE payments SET deadline_at = deadline_at - $1::interval, initialized_at = initialized_at - $1::interval`, fmt.Sprint(minutes, " minutes"))
		s.reconcile()
		s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
		s.is(p, payment.Pending, c, claim.Paying)
		s.sql(`UPDATE payments SET deadline_at = deadline_at + $1::interval, checked_at = NULL`, fmt.Sprint(minutes, " minutes"))
	}
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the tickets are there", func() bool { return len(s.tickets1(c)) == 1 })
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

func lateSuccess(t *testing.T) {
	s := open(t, config{price: price})
	c, p := s.buy(2)
	s.outcome(p, knobs{"outcome": "ongoing"})
	s.age(p, 6*time.Minute)
	s.reconcile()
	s.is(p, payment.Abandoned, c, claim.Released)
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'free'`); n != 10 {
		t.Fatalf("%d places are free", n)
	}
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the tickets are there", func() bool { return len(s.tickets1(c)) == 2 })
	s.is(p, payment.Succeeded, c, claim.Paid)
	if n := s.count(`SELECT count(*) FROM refunds`); n != 0 {
		t.Fatalf("%d refunds although seats are free", n)
	}
	s.addsUp()
}

func race(t *testing.T) {
	s := open(t, config{price: price})
	c, p := s.buy(2)
	s.outcome(p, knobs{"outcome": "success", "webhook": "duplicate"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := s.payments.Check(t.Context(), c.AccountID, c.ID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s.until("the webhook is worked, too", func() bool {
		return s.count(`SELECT count(*) FROM webhooks WHERE processed_at IS NOT NULL`) == 1 && len(s.tickets1(c)) == 2
	})
	s.is(p, payment.Succeeded, c, claim.Paid)
	if n := s.count(`SELECT count(*) FROM ledger WHERE kind = 'settled'`); n != 1 {
		t.Fatalf("settled %d times", n)
	}
	if n := s.count(`SELECT count(*) FROM river_job WHERE kind = 'mail'`); n != 1 {
		t.Fatalf("%d mails", n)
	}
	s.addsUp()
}

func webhookNeverComes(t *testing.T) {
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.quietly(p)
	// Its turn comes within seconds, and nobody looks at a page.
	s.until("reconcile finds it", func() bool {
		s.must(s.payments.Reconcile(t.Context()))
		return len(s.tickets1(c)) == 1
	})
	s.is(p, payment.Succeeded, c, claim.Paid)
	if n := s.count(`SELECT count(*) FROM webhooks`); n != 0 {
		t.Fatalf("%d webhooks", n)
	}
	s.addsUp()
}

func reload(t *testing.T) {
	s := open(t, config{price: price})
	c, first := s.buy(1)
	again, created, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
	if err != nil || created || again.Reference != first.Reference || again.AuthorizationURL != first.AuthorizationURL {
		t.Fatalf("a reload while the bank is asked: %+v %v %v", again, created, err)
	}
	if n := s.provider.started.Load(); n != 1 {
		t.Fatalf("the provider was asked %d times to open it", n)
	}
	s.outcome(first, knobs{"outcome": "failed"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	second := s.start(c)
	if second.Reference == first.Reference || second.AuthorizationURL == first.AuthorizationURL {
		t.Fatal("the next attempt has the reference of the one before")
	}
	list, err := s.payments.OfClaim(t.Context(), c.AccountID, c.ID)
	if err != nil || len(list) != 2 || list[0].ID != second.ID || list[1].Status != payment.Failed {
		t.Fatalf("not every attempt is kept with its claim: %+v %v", list, err)
	}
	s.addsUp()
}

func twoAttempts(t *testing.T) {
	s := open(t, config{price: price})
	c, first := s.buy(1)
	s.outcome(first, knobs{"outcome": "failed"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	second := s.start(c)
	s.outcome(second, knobs{"outcome": "success"})
	s.until("the tickets are there", func() bool { return len(s.tickets1(c)) == 1 })
	s.outcome(first, knobs{"outcome": "success"})
	s.until("the other money is back", func() bool { return s.count(`SELECT count(*) FROM payments WHERE status = 'refunded'`) == 1 })
	s.is(second, payment.Succeeded, c, claim.Paid)
	s.is(first, payment.Refunded, c, claim.Paid)
	if n := s.count(`SELECT count(*) FROM refunds WHERE amount_kobo = $1 AND reason = 'second_payment'`, price); n != 1 {
		t.Fatalf("%d refunds", n)
	}
	s.until("a mail says so", func() bool {
		sent, err := s.mail.Mailbox(t.Context(), "ada."+c.AccountID.String()+"@example.com", 10)
		s.must(err)
		return len(sent) == 3 && strings.Contains(sent[1].Text, "already by another payment of yours")
	})
	s.addsUp()
}

func rawBody(t *testing.T) {
	s := open(t, config{price: price})
	c, p := s.buy(1)
	// The same JSON in bytes that no encoder gives back: order, blanks, escapes, a number that a float would change.
	body := []byte(`{ "data" : {"status":"success",  "\u0072eference":"` + p.Reference + `","currency":"NGN","requested_amount":` +
		fmt.Sprint(price) + `,"amount": ` + fmt.Sprint(price) + `,"id":9007199254740993,"log":null,"é":"\/"}, "event":"charge.success"}` + "\n")
	hook := httptest.NewServer(http.HandlerFunc(s.webhook))
	defer hook.Close()
	send := func(signature string, body []byte) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, hook.URL, strings.NewReader(string(body)))
		s.must(err)
		req.Header.Set("X-Paystack-Signature", signature)
		res, err := s.http.Do(req)
		s.must(err)
		_ = res.Body.Close()
		return res.StatusCode
	}
	if got := send(sign(body[:len(body)-1]), body); got != http.StatusUnauthorized {
		t.Fatalf("the signature of other bytes: %d", got)
	}
	if got := send(sign(body), body); got != http.StatusOK {
		t.Fatalf("the signature of these bytes: %d", got)
	}
	s.until("the tickets are there", func() bool { return len(s.tickets1(c)) == 1 })
	if n := s.count(`SELECT count(*) FROM webhooks WHERE body = $1`, body); n != 1 {
		t.Fatal("the body is not kept byte for byte")
	}
}

func processingFails(t *testing.T) {
	s := open(t, config{price: price})
	c, p := s.buy(1)
	// Nothing can be settled: the row that says who the buyer is cannot be read.
	s.sql(`ALTER TABLE accounts RENAME COLUMN name TO name_for_now`)
	body := []byte(`{"event":"charge.success","data":{"reference":"` + p.Reference + `","status":"success","currency":"NGN","amount":` + fmt.Sprint(price) + `}}`)
	if err := s.payments.Receive(t.Context(), sign(body), body); err != nil {
		t.Fatalf("a webhook that cannot be worked is answered with %v", err)
	}
	s.until("the work has failed", func() bool {
		return s.count(`SELECT count(*) FROM river_job WHERE kind = 'payment_webhook' AND array_length(errors, 1) > 0`) == 1
	})
	s.is(p, payment.Pending, c, claim.Paying)
	s.sql(`ALTER TABLE accounts RENAME COLUMN name_for_now TO name`)
	s.until("it was tried again", func() bool { s.hurry(); return len(s.tickets1(c)) == 1 })
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

func compared(t *testing.T) {
	s := open(t, config{price: price, capacity: 20})
	for k, back := range map[string]int{
		`{"outcome":"success","amount":499999}`: 499_999, `{"outcome":"success","amount":1}`: 1,
		`{"outcome":"success","currency":"USD"}`: price, `{"outcome":"success","currency":"GHS","amount":900000}`: 900_000,
	} {
		c, p := s.buy(1)
		s.outcome(p, parsed(t, k))
		s.until("it is settled", func() bool { return s.count(`SELECT count(*) FROM refunds WHERE payment_id = $1`, p.ID) == 1 })
		if n := len(s.tickets1(c)); n != 0 {
			t.Errorf("%s: %d tickets", k, n)
		}
		if n := s.count(`SELECT amount_kobo FROM refunds WHERE payment_id = $1`, p.ID); n != back {
			t.Errorf("%s: %d go back", k, n)
		}
	}
	s.addsUp()
}

func askedFirst(t *testing.T) {
	s := open(t, config{price: price, hold: 60})
	c, p := s.buy(1)
	before := s.provider.verified.Load()
	// The hold is long past, and everything that tidies runs.
	s.sql(`UPDATE claims SET expires_at = now() - interval '1 hour', created_at = created_at - interval '2 hours'`)
	s.must(s.claims.Tidy(t.Context()))
	rival := s.fan()
	if _, err := s.claims.Hold(t.Context(), s.event, rival, claim.Request{TierID: s.event.Tiers[0].ID, Quantity: 4}); err != nil {
		t.Fatal(err)
	}
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'paying' AND claim_id = $1`, c.ID); n != 1 || s.provider.verified.Load() != before {
		t.Fatalf("time alone took %d places from somebody who pays", 1-n)
	}
	s.age(p, time.Hour)
	s.quietly(p)
	if err := s.payments.Release(t.Context(), c.AccountID, c.ID); fault.Code(err) != "claim_paid" {
		t.Fatalf("given back although it is paid: %v", err)
	}
	if s.provider.verified.Load() == before {
		t.Fatal("nobody asked the provider")
	}
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}
