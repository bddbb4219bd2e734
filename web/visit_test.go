package web_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// When both payments of a visit have failed there is no clock to pay by. The page says what becomes of the tickets, and
// its one button leads to another turn, with two new payments.
func TestTheWayOnAfterTwoFailedPayments(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Twice no")
	base := "/events/" + e.Event.Slug
	b, other := s.fan("twice-no@fair.example"), s.fan("behind@fair.example")
	p := s.hold(b, e, "2")
	claim := claimOf(p)
	for range 2 {
		b.submit(p, "/checkout/"+claim+"/pay")
		s.bankSays(s.reference(claim), "failed")
		p = b.get("/checkout/" + claim + "/return").at("/checkout/" + claim)
	}
	p.has("Both payments failed", "These tickets could not be paid", "Each visit has two payments", "Your tickets are kept until", "Then they go back to the others by themselves.",
		"Ask for another turn", "You stand behind everybody who waits.")
	for _, gone := range []string{"[data-timer]", "form[action=/checkout/" + claim + "/extend]", "form[action=/checkout/" + claim + "/pay]"} {
		if len(find(p.doc, gone)) != 0 {
			t.Errorf("the page of tickets that cannot be paid has %s", gone)
		}
	}
	for _, no := range []string{"Need longer", "You pay", "Time left to pay"} {
		if strings.Contains(p.says(), no) {
			t.Errorf("the page of tickets that cannot be paid says %q", no)
		}
	}

	// Given back and chosen again, they could not be paid either: that is said before.
	b.send(b.get("/checkout/"+claim+"/release"), "/checkout/"+claim+"/release").has("The tickets went back", "The two payments of this visit are used.")
	p = b.get(base+"/tickets").at(base+"/tickets").has("You need another turn", "Both payments failed")
	if len(find(p.doc, "[data-timer]")) != 0 {
		t.Error("a clock runs although there is nothing to choose")
	}
	if len(find(p.doc, "form[action="+base+"/claims]")) != 0 {
		t.Error("tickets can be chosen that cannot be paid")
	}

	other.send(other.get(base), base+"/queue")
	b.send(p, base+"/again").at(base + "/queue").has("You asked for another turn.")
	b.submit(p, base+"/again").redirects(base + "/queue")
	v := must(s.queue.Status(t.Context(), e, b.acc.ID))(t)
	if v.Status != queue.Waiting && v.Status != queue.Called || !v.Behind && v.Status == queue.Waiting {
		t.Errorf("after asking again: %+v", v)
	}
	s.called(e, b)
	p = b.send(b.get(base+"/queue"), base+"/enter").at(base + "/tickets")
	p = b.send(p, base+"/claims", "tier_id", e.Tiers[0].ID.String(), "quantity", "1").has("and you can try once more.")

	// With tickets in the hand the same button gives them back first.
	claim = claimOf(p)
	for range 2 {
		b.submit(p, "/checkout/"+claim+"/pay")
		s.bankSays(s.reference(claim), "failed")
		p = b.get("/checkout/" + claim + "/return").at("/checkout/" + claim)
	}
	b.send(p, base+"/again").at(base + "/queue")
	if n := s.count(`SELECT count(*) FROM units WHERE state IN ('held', 'paying')`); n != 0 {
		t.Errorf("%d units are held by somebody who waits", n)
	}
	b.get("/checkout/" + claim).has("The tickets went back")
}

// A visit that has payments left is not ended by a button of an old page.
func TestAnotherTurnIsNotTakenByMistake(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Not yet")
	base := "/events/" + e.Event.Slug
	b := s.fan("not-yet@fair.example")
	claim := claimOf(s.hold(b, e, "1"))
	b.post(base+"/again", nil).redirects(base + "/tickets")
	b.get("/checkout/" + claim).has("Pay for your ticket")
	s.fan("never-there@fair.example").post(base+"/again", nil).redirects(base + "/queue")
}

// Who gives up at the provider hears what the provider says of it, and for how long the tickets are kept.
func TestWhoCancelsAtTheProviderIsToldSo(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Second thoughts")
	b := s.fan("second-thoughts@fair.example")
	p := s.hold(b, e, "1")
	claim := claimOf(p)
	b.submit(p, "/checkout/"+claim+"/pay")
	ref := s.reference(claim)
	const said = "Paystack says that nothing was taken."
	back := "/checkout/" + claim + "/return?trxref=" + ref + "&reference=" + ref

	// Nobody answers: nothing is said about money.
	s.sandboxDoes(http.MethodPost, "/faults", `{"verify":"down"}`)
	if p = b.get(back).has("Your bank has not answered yet"); strings.Contains(p.says(), "nothing was taken") {
		t.Error("the provider has said nothing, and the page says that nothing was taken")
	}
	s.sandboxDoes(http.MethodDelete, "/faults", "")
	if until, down := s.payments.ProviderDown(); down {
		wait(t, time.Until(until))
	}

	s.exec(`UPDATE payments SET checked_at = NULL WHERE reference = $1`, ref)
	s.bankSays(ref, "abandoned")
	p = b.get(back).at("/checkout/"+claim).has("You did not pay", said, "Your ticket is still kept for you until", "Go on to Paystack", "Cancel and give the ticket back")
	if part := find(p.doc, "#order[hx-get]"); len(part) != 1 || !strings.HasSuffix(attr(part[0], "hx-get"), "&back=unpaid") {
		t.Error("the page forgets what it said when it looks again")
	}
	// Somebody who has not been there yet is not told so, and an address proves nothing.
	if p = b.get("/checkout/" + claim).has("Finish paying at Paystack"); strings.Contains(p.says(), said) {
		t.Error("a page that was just opened says that nothing was taken")
	}
	s.bankSays(ref, "ongoing")
	s.exec(`UPDATE payments SET checked_at = NULL WHERE reference = $1`, ref)
	if p = b.get("/checkout/" + claim + "?back=unpaid").has("Waiting for your bank"); strings.Contains(p.says(), said) {
		t.Error("the bank is at work, and the page says that nothing was taken")
	}
	s.bankSays(ref, "success")
	s.exec(`UPDATE payments SET checked_at = NULL WHERE reference = $1`, ref)
	b.get("/checkout/" + claim + "?back=unpaid").has("You are going")
}

// Why money came to nothing stands above everything else, and with both amounts.
func TestTooLittleMoneyIsExplainedFirst(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Too little")
	b := s.fan("too-little@fair.example")
	p := s.hold(b, e, "1")
	claim := claimOf(p)
	b.submit(p, "/checkout/"+claim+"/pay")
	s.sandboxDoes(http.MethodPost, "/transactions/"+s.reference(claim), `{"outcome":"success","amount":1200000,"webhook":"drop"}`)
	says := b.get("/checkout/"+claim+"/return").has("Money back to you", "until then you can pay the whole price").says()
	why, pay := strings.Index(says, "You paid ₦12,000, and the price is ₦12,500."), strings.Index(says, "Pay for your ticket")
	if why < 0 || pay < why {
		t.Errorf("the reason does not come first:\n%s", says)
	}
}

// Before a ticket is given back its fan knows when the fee comes back, too.
func TestTheFeeComesBackWithTheLastTicket(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Fee night", func(n *sale.NewSale) { n.Terms.Returns, n.Terms.FeesBy = true, sale.FeesByFan })
	b := s.fan("fee-night@fair.example")
	tickets := s.buys(b, e, "2")
	s.exec(`UPDATE payments SET received_kobo = amount_kobo + 47500, fees_kobo = 47500 WHERE status = 'succeeded'`)
	p := b.get(tickets[0]+"/return").has("₦12,500 goes back", "The fee of ₦475 that Paystack added to this order comes back only with its last ticket.")
	b.send(p, tickets[0]+"/return")
	b.get(tickets[1]+"/return").has("₦12,975 goes back", "so the fee of ₦475 that Paystack added comes back, too.", "Give it back for ₦12,975")
}

// Who has tickets of the show and stands in its line again reads how many, and what is left to take, wherever they are asked
// to wait or to choose.
func TestTicketsThatAFanHasAreNamedInTheirNextVisit(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Has three")
	base := "/events/" + e.Event.Slug
	b, other := s.fan("has-three@fair.example"), s.fan("between@fair.example")
	limit := e.Terms.MaxTicketsPerFan
	s.buys(b, e, strconv.Itoa(limit-1))
	has := "You have " + strconv.Itoa(limit-1) + " tickets already; you may take 1 more."
	b.get(base + "/queue").has(has)
	b.send(b.get(base+"/leave"), base+"/leave")
	other.send(other.get(base), base+"/queue")
	p := b.send(b.get(base+"/queue"), base+"/queue")
	if v := must(s.queue.Status(t.Context(), e, b.acc.ID))(t); v.Status != queue.Waiting {
		t.Fatalf("the fan does not wait: %s", v.Status)
	}
	p.has(has)
	s.called(e, b)
	p = b.get(base+"/queue").has("Your turn", has)
	if strings.Contains(p.says(), "You can take up to") {
		t.Error("the turn promises as many as to somebody without tickets")
	}
	b.send(p, base+"/enter").at(base + "/tickets").has(has)
	b.get(base + "/queue").has(has)
	if p = other.get(base + "/queue"); strings.Contains(p.says(), "tickets already") {
		t.Error("somebody without tickets reads of some")
	}
}
