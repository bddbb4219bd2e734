package payment_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
	"fairqueue/internal/ticket"
)

func code(t testing.TB, err error, want string) {
	t.Helper()
	if fault.Code(err) != want {
		t.Fatalf("got %v, want %q", err, want)
	}
}

func TestATicketIsBought(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(2)
	if p.Status != payment.Pending || p.Amount != 2*price || !strings.HasPrefix(p.AuthorizationURL, s.bank) || !strings.HasPrefix(p.Reference, "fq-") {
		t.Fatalf("%+v", p)
	}
	s.is(p, payment.Pending, c, claim.Paying)
	again, created, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
	if err != nil || created || !reflect.DeepEqual(again, p) {
		t.Fatalf("%+v %v %v", again, created, err)
	}
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the claim is paid", func() bool { return len(s.tickets1(c)) == 2 })
	s.is(p, payment.Succeeded, c, claim.Paid)
	for _, tk := range s.tickets1(c) {
		if id, ok := s.tickets.Read(tk.Code, s.event.ID()); !ok || id != tk.ID || tk.Status != "valid" || tk.Price != price ||
			tk.HolderName != ticket.BuyerName("", "ada."+c.AccountID.String()+"@example.com") {
			t.Fatalf("%+v", tk)
		}
	}
	s.until("the mail is there", func() bool {
		sent, err := s.mail.Mailbox(t.Context(), "ada."+c.AccountID.String()+"@example.com", 10)
		s.must(err)
		return len(sent) == 1 && strings.Contains(sent[0].Text, publicURL+"/tickets") && strings.Contains(sent[0].Text, "2 × Stands")
	})
	_, _, err = s.payments.Start(t.Context(), c.AccountID, c.ID)
	code(t, err, "claim_paid")
	code(t, s.payments.Release(t.Context(), c.AccountID, c.ID), "claim_paid")
	s.addsUp()
}

func TestForeignClaimsAndPaymentsAreNotFound(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	other := s.fan()
	_, _, err := s.payments.Start(t.Context(), other, c.ID)
	code(t, err, "claim_not_found")
	_, err = s.payments.Get(t.Context(), other, p.ID)
	code(t, err, "payment_not_found")
	code(t, s.payments.Release(t.Context(), other, c.ID), "claim_not_found")
	code(t, s.payments.Check(t.Context(), other, c.ID), "claim_not_found")
	if list, err := s.payments.OfClaim(t.Context(), other, c.ID); err != nil || len(list) != 0 {
		t.Fatalf("%v %v", list, err)
	}
}

func TestAFreeClaimIsSettledAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: 0})
	c := s.hold(s.fan(), 2)
	p := s.start(c)
	if p.Status != payment.Succeeded || len(s.tickets1(c)) != 2 || s.provider.started.Load() != 0 {
		t.Fatalf("%+v", p)
	}
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

func TestExactlyOneSettles(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(2)
	s.quietly(p)
	body := fmt.Appendf(nil, `{"event":"charge.success","data":{"id":1,"status":"success","reference":%q,"amount":%d,"currency":"NGN","requested_amount":"%d"}}`,
		p.Reference, 2*price, 2*price)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			var err error
			switch i % 4 {
			case 0:
				err = s.payments.Check(t.Context(), c.AccountID, c.ID)
			case 1:
				// The same event in other bytes.
				other := slices.Concat(body, bytes.Repeat([]byte{' '}, i))
				err = s.payments.Receive(t.Context(), sign(other), other)
			case 2:
				if err = s.payments.Release(t.Context(), c.AccountID, c.ID); fault.Code(err) == "claim_paid" {
					err = nil
				}
			default:
				_, err = s.pool.Exec(t.Context(), `UPDATE payments SET next_check_at = now() - interval '1 s'`)
				if err == nil {
					err = s.payments.Reconcile(t.Context())
				}
			}
			if err != nil {
				t.Error(i, err)
			}
		})
	}
	wg.Wait()
	s.until("the webhook is worked", func() bool { return s.count(`SELECT count(*) FROM webhooks WHERE processed_at IS NULL`) == 0 })
	s.is(p, payment.Succeeded, c, claim.Paid)
	if n := len(s.tickets1(c)); n != 2 {
		t.Fatalf("%d tickets", n)
	}
	for what, n := range map[string]int{
		"settled":  s.count(`SELECT count(*) FROM ledger WHERE kind = 'settled'`),
		"webhooks": s.count(`SELECT count(*) FROM webhooks`),
		"mails":    s.count(`SELECT count(*) FROM river_job WHERE kind = 'mail'`),
	} {
		if n != 1 {
			t.Errorf("%s: %d", what, n)
		}
	}
	s.addsUp()
}

func TestAFailedPaymentAndTheNext(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, first := s.buy(1)
	s.outcome(first, knobs{"outcome": "failed"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	s.is(first, payment.Failed, c, claim.Held)
	second := s.start(c)
	if second.Reference == first.Reference {
		t.Fatal("a reference was used twice")
	}
	s.outcome(second, knobs{"outcome": "failed"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	_, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID)
	code(t, err, "attempts_used")
	s.is(second, payment.Failed, c, claim.Held)
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID))
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID)) // ended already: fine
	_, _, err = s.payments.Start(t.Context(), c.AccountID, c.ID)
	code(t, err, "claim_expired")
	s.addsUp()
}

// CONTRACT.md counts starts in a visit: choosing again begins no new count, a new visit does, and what was bought is no try.
func TestAttemptsAreCountedInAVisit(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	bought, paid := s.buy(1)
	fan := bought.AccountID
	s.outcome(paid, knobs{"outcome": "success"})
	s.must(s.payments.Check(t.Context(), fan, bought.ID))
	left := func(c claim.Claim, want int) {
		t.Helper()
		if n, err := s.payments.StartsLeft(t.Context(), c.ID); err != nil || n != want {
			t.Errorf("%d starts are left (%v), want %d", n, err, want)
		}
	}
	fail := func() {
		t.Helper()
		c := s.hold(fan, 1)
		p := s.start(c)
		s.outcome(p, knobs{"outcome": "failed"})
		s.must(s.payments.Check(t.Context(), fan, c.ID))
		s.must(s.payments.Release(t.Context(), fan, c.ID))
	}
	left(bought, 2)
	fail()
	left(bought, 1)
	fail()
	third := s.hold(fan, 1)
	left(third, 0)
	_, _, err := s.payments.Start(t.Context(), fan, third.ID)
	code(t, err, "attempts_used")
	s.must(s.payments.Release(t.Context(), fan, third.ID))

	// Called again, and inside again.
	s.sql(`UPDATE spots SET entered_at = clock_timestamp() WHERE account_id = $1`, fan)
	fourth := s.hold(fan, 1)
	left(fourth, 2)
	s.start(fourth)
	s.addsUp()
}

func TestCheckAsksAtMostOnceInTwoSeconds(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	before, began := s.provider.verified.Load(), time.Now()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := s.payments.Check(t.Context(), c.AccountID, c.ID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// A busy machine may take longer than that for all of them.
	most := 1 + int64(time.Since(began)/(2*time.Second))
	if n := s.provider.verified.Load() - before; n < 1 || n > most {
		t.Fatalf("%d times, of at most %d", n, most)
	}
	s.is(p, payment.Pending, c, claim.Paying) // abandoned is not final
}

func TestTheBankIsAtWork(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.outcome(p, knobs{"outcome": "ongoing"})
	s.must(s.payments.Check(t.Context(), c.AccountID, c.ID))
	if got, _ := s.payments.Get(t.Context(), c.AccountID, p.ID); !got.Waiting || got.Status != payment.Pending {
		t.Fatalf("%+v", got)
	}
	code(t, s.payments.Release(t.Context(), c.AccountID, c.ID), "payment_pending")
	s.age(p, 4*time.Minute)
	s.reconcile()
	s.is(p, payment.Pending, c, claim.Paying)
	s.age(p, 5*time.Minute+time.Second)
	s.reconcile()
	s.is(p, payment.Abandoned, c, claim.Released)
	s.addsUp()
}

func TestAbandonedIsKeptUntilTheDeadline(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.age(p, -time.Minute)
	s.reconcile()
	s.is(p, payment.Pending, c, claim.Paying)
	s.age(p, time.Second)
	s.reconcile()
	s.is(p, payment.Abandoned, c, claim.Released)
	// Neither is abandoned the last word.
	s.quietly(p)
	s.reconcile()
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

func TestASilentProviderIsWaitedForAndThenALateSuccessExpected(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.faults(knobs{"verify": "down"})
	code(t, s.payments.Release(t.Context(), c.AccountID, c.ID), "payment_pending")
	s.age(p, 19*time.Minute)
	s.reconcile()
	s.is(p, payment.Pending, c, claim.Paying)
	s.age(p, 21*time.Minute)
	s.reconcile()
	s.is(p, payment.Abandoned, c, claim.Released)
	if n := s.count(`SELECT count(*) FROM payments WHERE late_expected`); n != 1 {
		t.Fatal("no late success is expected")
	}
	s.healthy()
	s.quietly(p)
	// A provider that did not answer is let rest for a moment.
	s.until("the late success is found", func() bool { s.reconcile(); return len(s.tickets1(c)) == 1 })
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
}

func TestAPayingClaimIsReleasedOnlyWhenTheProviderAgrees(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID)) // abandoned
	s.is(p, payment.Abandoned, c, claim.Released)
	c, p = s.buy(1)
	s.outcome(p, knobs{"outcome": "failed"})
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID))
	s.is(p, payment.Failed, c, claim.Released)
	c, p = s.buy(1)
	s.quietly(p)
	code(t, s.payments.Release(t.Context(), c.AccountID, c.ID), "claim_paid")
	s.is(p, payment.Succeeded, c, claim.Paid)
	c = s.hold(s.fan(), 1)
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID))
	if got, _ := s.claims.Get(t.Context(), c.AccountID, c.ID); got.Status != claim.Released {
		t.Fatalf("%s", got.Status)
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	var ids []uuid.UUID
	for range 3 {
		c, p := s.buy(2)
		s.quietly(p)
		s.reconcile()
		ids = append(ids, c.ID)
	}
	s.hold(s.fan(), 1) // nothing was asked for it
	first, next, err := s.payments.Orders(t.Context(), s.event.ID(), 2, "")
	if err != nil || len(first) != 2 || next == "" || first[0].ID != ids[2] || first[0].Tiers != "2 × Stands" || first[0].Quantity != 2 ||
		first[0].Payment != payment.Succeeded || first[0].Status != claim.Paid || first[0].PaidAt == nil || first[0].Total != 2*price {
		t.Fatalf("%+v %q %v", first, next, err)
	}
	rest, next, err := s.payments.Orders(t.Context(), s.event.ID(), 2, next)
	if err != nil || len(rest) != 1 || next != "" || rest[0].ID != ids[0] {
		t.Fatalf("%+v %q %v", rest, next, err)
	}
	_, _, err = s.payments.Orders(t.Context(), s.event.ID(), 2, "nonsense")
	code(t, err, "invalid_request")
}

// TestPaidMeansTicketOrRefund lets many fans pay at once for too few places,
// through a provider that loses, repeats and delays, and wants every kobo back.
func TestTheVisitEndsWhenTheLimitIsBought(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	done := `SELECT count(*) FROM spots WHERE account_id = $1 AND status = 'done'`
	c, p := s.buy(3)
	s.quietly(p)
	s.reconcile()
	if s.count(done, c.AccountID) != 0 {
		t.Fatal("3 of 4 tickets end the visit")
	}
	last := s.hold(c.AccountID, 1)
	s.quietly(s.start(last))
	s.reconcile()
	if s.count(done, c.AccountID) != 1 {
		t.Fatal("the limit is bought and the fan is still inside")
	}
	s.addsUp()
}
