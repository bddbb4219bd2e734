package payment_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
)

// sold is an order of n tickets that is paid.
func (s *shop) sold(n int) (claim.Claim, payment.Payment) {
	s.Helper()
	c, p := s.buy(n)
	s.outcome(p, knobs{"outcome": "success"})
	s.until("the tickets are there", func() bool { return len(s.tickets1(c)) == n })
	return c, p
}

// takesBack lets fans give tickets back.
func (s *shop) takesBack() {
	s.Helper()
	yes := true
	_, err := s.sales.Change(s.Context(), s.event.ID(), uuid.New(), sale.Patch{Returns: &yes})
	s.must(err)
}

func (s *shop) refused(err error, code string) *fault.Error {
	s.Helper()
	if fault.Code(err) != code {
		s.Fatalf("%v, want %s", err, code)
	}
	return fault.From(err)
}

func (s *shop) good(c claim.Claim) (ids []uuid.UUID) {
	for _, t := range s.tickets1(c) {
		if t.Status == "valid" {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// allBack waits until every refund has left.
func (s *shop) allBack() {
	s.Helper()
	s.until("all refunds are processed", func() bool {
		s.hurry()
		return s.count(`SELECT count(*) FROM refunds WHERE status <> 'processed'`) == 0
	})
}

func (s *shop) letters(c claim.Claim, title string) int {
	s.Helper()
	sent, err := s.mail.Mailbox(s.Context(), "ada."+c.AccountID.String()+"@example.com", 50)
	s.must(err)
	n := 0
	for _, m := range sent {
		if m.Subject == title+" (A night)" {
			n++
		}
	}
	return n
}

func TestReturnAtFaceValue(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price, capacity: 2})
	c, p := s.sold(2)
	ids := s.good(c)
	no := s.refused(s.payments.Return(t.Context(), c.AccountID, ids[0]), "not_returnable")
	if no.Extra["reason"] != "not_allowed" {
		t.Fatalf("%+v", no)
	}
	s.takesBack()
	s.refused(s.payments.Return(t.Context(), uuid.New(), ids[0]), "ticket_not_found")
	s.must(s.payments.Return(t.Context(), c.AccountID, ids[0]))
	if again := s.refused(s.payments.Return(t.Context(), c.AccountID, ids[0]), "not_returnable"); again.Extra["reason"] != "ended" {
		t.Fatalf("%+v", again)
	}
	for _, k := range s.tickets1(c) {
		if gone := k.ID == ids[0]; gone != (k.Status == "returned") || gone != (k.Code == "") {
			t.Fatalf("%+v", k)
		}
	}
	s.is(p, payment.Succeeded, c, claim.Paid)
	// The place is for whoever comes next, and the fan may buy up to the limit again.
	other := s.hold(s.fan(), 1)
	if other.Lines[0].UnitID != c.Lines[0].UnitID && other.Lines[0].UnitID != c.Lines[1].UnitID {
		t.Fatalf("%+v", other.Lines)
	}
	s.addsUp()
	s.must(s.payments.Return(t.Context(), c.AccountID, ids[1]))
	s.allBack()
	s.is(p, payment.Refunded, c, claim.Refunded)
	s.until("four letters", func() bool { return s.letters(c, "Your ticket is given back") == 2 && s.letters(c, "Your refund") == 2 })
	s.addsUp()
}

func TestReturnOfWhatCannotBeReturned(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	s.takesBack()
	c, _ := s.sold(1)
	id := s.good(c)[0]
	reason := func(want string) {
		t.Helper()
		if no := s.refused(s.payments.Return(t.Context(), c.AccountID, id), "not_returnable"); no.Extra["reason"] != want {
			t.Fatalf("%v, want %s", no.Extra, want)
		}
	}
	s.sql(`UPDATE sales SET returns_until = now() - interval '1 second'`)
	reason("too_late")
	s.sql(`UPDATE sales SET returns_until = NULL`)
	s.sql(`UPDATE events SET starts_at = now() - interval '1 second'`)
	reason("too_late")
	s.sql(`UPDATE events SET starts_at = now() + interval '1 day'`)
	if until, err := s.payments.ReturnUntil(t.Context(), c.AccountID, id); err != nil || time.Until(until) < 23*time.Hour {
		t.Fatal(until, err)
	}
	s.sql(`UPDATE tickets SET status = 'used'`)
	s.refused(s.payments.Return(t.Context(), c.AccountID, id), "ticket_used")
	if n := s.count(`SELECT count(*) FROM refunds`); n != 0 {
		t.Fatalf("%d refunds", n)
	}
}

func (s *shop) refund(a payment.Ask) payment.RefundDetail {
	s.Helper()
	r, err := s.payments.Refund(s.Context(), a)
	s.must(err)
	return r
}

func TestRefundByTicketThenTheRest(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(3)
	ids, by := s.good(c), s.fan()
	r := s.refund(payment.Ask{Order: c.ID, By: by, Tickets: ids[:1], Reason: "The stage moved."})
	if r.Amount != price || !r.ByOrganizer || r.Note != "The stage moved." {
		t.Fatalf("%+v", r)
	}
	_, err := s.payments.Refund(t.Context(), payment.Ask{Order: c.ID, By: by, Tickets: ids[:1]})
	if no := s.refused(err, "nothing_to_refund"); len(no.Extra["refunds"].([]map[string]any)) != 1 {
		t.Fatalf("%+v", no.Extra)
	}
	_, err = s.payments.Refund(t.Context(), payment.Ask{Order: c.ID, By: by, Tickets: ids[:2]})
	s.refused(err, "tickets_ended")
	_, err = s.payments.Refund(t.Context(), payment.Ask{Order: c.ID, By: by, Tickets: []uuid.UUID{uuid.New()}})
	s.refused(err, "invalid_request")
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
	if r := s.refund(payment.Ask{Order: c.ID, By: by}); r.Amount != 2*price {
		t.Fatalf("%+v", r)
	}
	_, err = s.payments.Refund(t.Context(), payment.Ask{Order: c.ID, By: by})
	s.refused(err, "nothing_to_refund")
	s.allBack()
	s.is(p, payment.Refunded, c, claim.Refunded)
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'free'`); n != 10 {
		t.Fatalf("%d places are free", n)
	}
	s.addsUp()
}

func TestRefundOfAnAmountKeepsTheTickets(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.sold(2)
	by, part := s.fan(), money.Kobo(price+1)
	first := s.refund(payment.Ask{Order: c.ID, By: by, Amount: &part, Request: "one"})
	if again := s.refund(payment.Ask{Order: c.ID, By: by, Amount: &part, Request: "one"}); again.ID != first.ID {
		t.Fatal("the same request made two refunds")
	}
	_, err := s.payments.Refund(t.Context(), payment.Ask{Order: c.ID, By: by, Amount: &part, Request: "two"})
	s.refused(err, "invalid_request") // more than is left
	if len(s.good(c)) != 2 {
		t.Fatal("a ticket ended")
	}
	s.is(p, payment.Succeeded, c, claim.Paid)
	s.addsUp()
	// Each ticket is worth as much less, to the kobo, and what was given back of one does not go back again with it.
	if r := s.refund(payment.Ask{Order: c.ID, By: by, Tickets: s.good(c)[1:]}); r.Amount != price/2 {
		t.Fatalf("%+v", r)
	}
	s.addsUp()
	rest := money.Kobo(price/2 - 1)
	s.refund(payment.Ask{Order: c.ID, By: by, Amount: &rest, Request: "three"})
	s.allBack()
	// The first ticket is worth nothing any more: it can still be taken back.
	if r := s.refund(payment.Ask{Order: c.ID, By: by}); r.Amount != 0 {
		t.Fatalf("%+v", r)
	}
	s.is(p, payment.Refunded, c, claim.Refunded)
	s.addsUp()
}

// Part of an order that was given back is part of each of its tickets: whoever gives one back afterwards has the rest of
// that one, whichever it is, and with the last goes the last kobo.
func TestReturnAfterAPartOfTheOrderWentBack(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	s.takesBack()
	c, p := s.sold(3)
	part := money.Kobo(price/5 + 1) // no third of it is whole
	s.refund(payment.Ask{Order: c.ID, By: c.AccountID, Amount: &part})
	ids := s.good(c)
	for i, id := range []uuid.UUID{ids[2], ids[0], ids[1]} {
		s.must(s.payments.Return(t.Context(), c.AccountID, id))
		s.addsUp()
		less := price - s.count(`SELECT r.amount_kobo FROM refunds r JOIN tickets t ON t.refund_id = r.id WHERE t.id = $1`, id)
		if least := int(part) / 3; less < least || less > least+1 {
			t.Errorf("ticket %d goes back with %d kobo less than its price, of %d that went back of three", i, less, part)
		}
	}
	s.allBack()
	s.is(p, payment.Refunded, c, claim.Refunded)
	if n := s.count(`SELECT sum(amount_kobo) FROM refunds`); n != 3*price {
		t.Errorf("%d kobo went back", n)
	}
	s.addsUp()
}

func TestRefundOfAFreeOrderTakesTheTicketsBack(t *testing.T) {
	t.Parallel()
	s := open(t, config{})
	c, p := s.buy(2)
	if r := s.refund(payment.Ask{Order: c.ID, By: s.fan()}); r.ID != uuid.Nil {
		t.Fatalf("%+v", r)
	}
	s.is(p, payment.Refunded, c, claim.Refunded)
	if n := s.count(`SELECT count(*) FROM tickets WHERE status = 'void'`); n != 2 {
		t.Fatalf("%d tickets are void", n)
	}
	s.addsUp()
}

func TestRefundKeepsPlacesOffTheSale(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, _ := s.sold(2)
	s.sql(`UPDATE tickets SET status = 'used' WHERE id = $1`, s.good(c)[0])
	s.refund(payment.Ask{Order: c.ID, By: s.fan(), KeepOff: true})
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'blocked'`); n != 2 {
		t.Fatalf("%d places are off the sale", n)
	}
	c, _ = s.sold(2)
	s.sql(`UPDATE tickets SET status = 'used' WHERE id = $1`, s.good(c)[0])
	s.refund(payment.Ask{Order: c.ID, By: s.fan()})
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'blocked'`); n != 3 {
		t.Fatalf("a place whose ticket was used is sold again (%d)", n)
	}
	s.addsUp()
}

func TestRefundOfWhatWasNotPaid(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c, p := s.buy(1)
	_, err := s.payments.Refund(t.Context(), payment.Ask{Order: c.ID, By: s.fan()})
	s.refused(err, "order_not_paid")
	_, err = s.payments.Refund(t.Context(), payment.Ask{Order: uuid.New(), By: s.fan()})
	s.refused(err, "order_not_found")
	zero := money.Kobo(0)
	_, err = s.payments.Refund(t.Context(), payment.Ask{Order: c.ID, By: s.fan(), Amount: &zero, Tickets: []uuid.UUID{}})
	if f := s.refused(err, "invalid_request"); len(f.Fields) != 3 {
		t.Fatalf("%+v", f.Fields)
	}
	s.is(p, payment.Pending, c, claim.Paying)
}

func TestOneOfManyWhoRefundAtOnceDoes(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	s.takesBack()
	c, p := s.sold(2)
	ids := s.good(c)
	done := make(chan error)
	for i := range 8 {
		go func() { // waited for by the loop below
			var err error
			if i%2 == 0 {
				_, err = s.payments.Refund(t.Context(), payment.Ask{Order: c.ID, By: c.AccountID})
			} else {
				err = s.payments.Return(t.Context(), c.AccountID, ids[i/2%2])
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil && !slices.Contains([]string{"nothing_to_refund", "not_returnable"}, fault.Code(err)) {
			t.Error(err)
		}
	}
	if n := s.count(`SELECT sum(amount_kobo) FROM refunds`); n != 2*price {
		t.Fatalf("%d kobo go back", n)
	}
	s.allBack()
	s.is(p, payment.Refunded, c, claim.Refunded)
	s.addsUp()
}

// A fee that the buyer bore stays with the order while a ticket of it is good, and goes back with the last.
func TestFeeGoesBackWithTheLastTicket(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	s.faults(knobs{"fees": "buyer"})
	c, p := s.sold(2)
	s.healthy()
	received := money.Kobo(s.count(`SELECT received_kobo FROM payments`))
	if received <= 2*price {
		t.Fatalf("no fee was borne: %d", received)
	}
	by := s.fan()
	if r := s.refund(payment.Ask{Order: c.ID, By: by, Tickets: s.good(c)[:1]}); r.Amount != price {
		t.Fatalf("%+v", r)
	}
	s.addsUp()
	if r := s.refund(payment.Ask{Order: c.ID, By: by}); r.Amount != received-price {
		t.Fatalf("%+v of %d", r, received)
	}
	s.allBack()
	s.is(p, payment.Refunded, c, claim.Refunded)
	s.addsUp()
}
