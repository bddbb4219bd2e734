package web_test

import (
	"net/http"
	"strings"
	"testing"

	"fairqueue/internal/sale"
)

// fails lets a payment for a claim fail at the bank.
func (b *browser) fails(claim string) *page {
	b.t.Helper()
	b.submit(b.get("/checkout/"+claim), "/checkout/"+claim+"/pay")
	b.s.bankSays(b.s.reference(claim), "failed")
	return b.get("/checkout/" + claim + "/return")
}

// Where no payment is left in a visit, no page invites to choose or to pay: each says where the money and the tickets are,
// and leads to another turn.
func TestBothPaymentsFailedIsSaidEverywhere(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Two tries")
	b := s.fan("two-tries@fair.example")
	claim, base := claimOf(s.hold(b, e, "2")), "/events/"+e.Event.Slug
	pages := []string{"/", "/tickets", base, base + "/queue", base + "/queue/live", base + "/tickets"}
	b.fails(claim)
	for _, path := range pages {
		if len(find(b.get(path).doc, "[data-used-up]")) != 0 {
			t.Errorf("%s: no payment is left after one", path)
		}
	}
	b.fails(claim).has("Both payments failed")
	says := func(want ...string) {
		t.Helper()
		for _, path := range pages {
			p := b.get(path).status(http.StatusOK).has(append(want, "Both payments failed", "No money was taken, or your bank gives it back.", "this visit ends")...)
			if n := len(find(p.doc, "[data-used-up="+e.Event.Slug+"] form[action="+base+"/again]")); n != 1 {
				t.Errorf("%s: %d ways to another turn", path, n)
			}
			for _, no := range []string{"Choose tickets", "Choose your tickets", "Go on to pay", "Pay for", "You already hold", "When you buy one it stays here", "Time left inside"} {
				if strings.Contains(p.says(), no) {
					t.Errorf("%s says %q", path, no)
				}
			}
		}
	}
	says("Your 2 tickets are kept until", "the tickets go back to the others at once")
	if n := len(find(s.fan("other-two@fair.example").get("/").doc, "[data-used-up]")); n != 0 {
		t.Error("somebody else is told of it")
	}
	// The tickets go back; what failed stays failed.
	b.send(b.get("/checkout/"+claim+"/release"), "/checkout/"+claim+"/release")
	says("No tickets are held for you")
	b.send(b.get("/"), base+"/again").at(base + "/queue")
	for _, path := range []string{"/", "/tickets", base, base + "/queue"} {
		if len(find(b.get(path).doc, "[data-used-up]")) != 0 {
			t.Errorf("%s: the visit that is over is still told of", path)
		}
	}
}

// A payment that was given up may still arrive: then it is not said to have failed.
func TestAPaymentThatMayStillComeHasNotFailed(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("One is late")
	b := s.fan("one-late@fair.example")
	claim, base := claimOf(s.hold(b, e, "1")), "/events/"+e.Event.Slug
	b.fails(claim)
	b.submit(b.get("/checkout/"+claim), "/checkout/"+claim+"/pay")
	s.bankSays(s.reference(claim), "ongoing")
	s.exec(`UPDATE payments SET deadline_at = now() - interval '1 hour', checked_at = NULL WHERE reference = $1`, s.reference(claim))
	b.get("/checkout/" + claim).has("The tickets went back")
	for _, path := range []string{"/", "/tickets", base, base + "/queue", base + "/tickets"} {
		if p := b.get(path).has("Both payments of your visit are used", "If one is confirmed later after all, you get equal tickets or all of the money back."); strings.Contains(p.says(), "No money was taken") {
			t.Errorf("%s: the money may be at the bank", path)
		}
	}
}

// Whoever had to do with an event that does not take place reads so wherever they look, with the organizer's reason, and
// nothing there sells.
func TestACancelledEventIsSaidEverywhere(t *testing.T) {
	t.Parallel()
	const reason = "The stage was damaged by the storm."
	s := newStack(t)
	e := s.event("Storm night", func(n *sale.NewSale) { n.Terms.HoldSeconds = 1900 })
	base := "/events/" + e.Event.Slug
	holds, pays, tried, goes := s.fan("holds-storm@fair.example"), s.fan("pays-storm@fair.example"), s.fan("tried-storm@fair.example"), s.fan("goes-storm@fair.example")
	held := claimOf(s.hold(holds, e, "2"))
	p := s.hold(pays, e, "1")
	paying := claimOf(p)
	pays.submit(p, "/checkout/"+paying+"/pay")
	ref := s.reference(paying)
	s.sandboxDoes(http.MethodPost, "/transactions/"+ref, `{"outcome":"ongoing","channel":"ussd"}`)
	pays.get("/checkout/" + paying)
	failed := claimOf(s.hold(tried, e, "1"))
	tried.fails(failed)
	p = s.hold(goes, e, "1")
	paid := claimOf(p)
	goes.submit(p, "/checkout/"+paid+"/pay")
	s.bankSays(s.reference(paid), "success")
	goes.get("/checkout/" + paid + "/return")
	ticket := "/tickets/" + s.text(`SELECT id::text FROM tickets`)
	if file := goes.look(ticket + "/event.ics").body; !strings.Contains(file, "STATUS:CONFIRMED") || strings.Contains(file, "Cancelled") {
		t.Errorf("before:\n%s", file)
	}

	must(s.payments.Cancel(t.Context(), e.ID(), s.org.ID, reason))(t)
	// What the job for the orders does with what is held.
	must(s.claims.FreeHeld(t.Context(), e.ID(), 50))(t)
	if err := s.sales.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	sells := []string{"Pay by", "No booking fee", "The price you see", "cannot be passed on", "₦12,500", "Choose", "Go to the line", "gave the tickets back", "Join", "Up to "}
	quiet := func(p *page) *page {
		t.Helper()
		for _, no := range sells {
			if strings.Contains(p.says(), no) {
				t.Errorf("%s of a cancelled event says %q:\n%s", p.Request.URL.Path, no, p.says())
			}
		}
		return p.has("The event is cancelled", reason)
	}
	for _, b := range []*browser{s.visitor(), holds, pays, tried, goes} {
		quiet(b.get(base))
	}
	for _, path := range []string{base + "/queue", base + "/tickets"} {
		quiet(holds.get(path).at(base + "/queue"))
		if n := len(find(quiet(pays.get(path)).has("Do not pay any more for Storm night.").doc, "[data-bank="+paying+"] a[href=/checkout/"+paying+"]")); n != 1 {
			t.Errorf("%s: %d ways to the payment", path, n)
		}
	}
	// Of orders the price stays: it is what was not paid.
	sells = []string{"Choose", "Go to the line", "gave the tickets back", "went back", "You pay ", "another turn"}
	quiet(holds.get("/checkout/"+held)).has("There is nothing to pay", "no money was taken and none is owed")
	quiet(tried.get("/checkout/"+failed)).has("Do not pay any more", "No payment of yours for this order has reached us.")
	quiet(pays.get("/checkout/" + paying)).has("Do not pay any more")
	quiet(goes.get(ticket))
	if to := goes.look(ticket + "/ticket.pdf").redirects(ticket); strings.HasPrefix(to.body, "%PDF") {
		t.Error("a ticket of a cancelled event is printed")
	}
	file := strings.ReplaceAll(goes.look(ticket+"/event.ics").status(http.StatusOK).body, "\r\n ", "")
	for _, want := range []string{"STATUS:CANCELLED", "SUMMARY:Cancelled: Storm night", "The organizer writes: The stage was damaged by the storm."} {
		if !strings.Contains(file, want) {
			t.Errorf("the calendar does not say %q:\n%s", want, file)
		}
	}
	if strings.Contains(file, "at the gate") {
		t.Errorf("the calendar leads to the gate:\n%s", file)
	}

	// The bank says yes after all: the letter has the reason, too.
	s.bankSays(ref, "success")
	s.exec(`UPDATE payments SET checked_at = NULL WHERE reference = $1`, ref)
	pays.get("/checkout/"+paying+"/return").at("/checkout/"+paying).has("The event does not take place", reason, "You get ₦12,500 back.")
	s.work()
	s.letter("pays-storm@fair.example", "Your money is on its way back (Storm night)", "The organizer writes: "+reason)
}

// letter waits for a letter to an address with a subject and words.
func (s *stack) letter(to, subject, words string) {
	s.t.Helper()
	s.heard(to, subject)
	for _, m := range must(s.mail.Mailbox(s.t.Context(), to, 20))(s.t) {
		if m.Subject == subject && !strings.Contains(strings.Join(strings.Fields(m.Text), " "), words) {
			s.t.Errorf("the letter does not say %q:\n%s", words, m.Text)
		}
	}
}
