package e2e_test

import (
	"fmt"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// paidBy is an order of a fan, in the names of its holders, as a program buys it.
func (s *show) paidBy(t testing.TB, email string, holders ...string) (reference string) {
	t.Helper()
	bearer, _ := s.signedIn(email)
	v := s.called(t, bearer)
	claim := v.claim(len(holders))
	reference = v.api(t, "POST", "/claims/"+claim+"/payments", bearer, map[string]any{"holders": holders}).want(201).str("payment.reference")
	s.outcome(t, reference, map[string]any{"outcome": "success"})
	s.until("the tickets are there", func() bool { return len(v.tickets()) == len(holders) })
	return reference
}

// refunds waits until so many refunds of the event stand so.
func (s *show) refunds(status string, n int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%d refunds are %s", n, status), func() bool {
		return s.count(`SELECT count(*) FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.event_id = $1 AND r.status = $2`, s.id, status) == n
	})
}

// marks ticks a choice of a form by what stands beside it.
func (v *person) marks(words string) {
	v.t.Helper()
	v.must(v.Locator("label.pick", playwright.PageLocatorOptions{HasText: words}).First().Click())
}

// finds looks for an order and opens the only one that is found.
func (v *person) finds(s *show, words, email string) {
	v.t.Helper()
	v.open("/organizer/events/" + s.id + "/orders")
	v.fill("Find an order", words)
	v.click("button", "Find")
	v.reads("Orders with “" + words + "”")
	v.fits("the orders that were found")
	if n, err := v.Locator("ul.orders > li").Count(); err != nil || n != 1 {
		v.t.Fatalf("%d orders have %q, want 1 (%v)", n, words, err)
	}
	v.click("link", email)
	v.sees(email[:4])
	v.fits("an order")
}

// TestTheOrganizersMoney is an evening of an organizer at a phone: an order is found by half a name, part of it goes back, a
// refund fails and is sent again, another one needs a bank account, and a bank asks for money; then what the fans see of it. It
// has a provider of its own, because refunds fail there on demand.
func TestTheOrganizersMoney(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	s := p.newShow(t, "organizers-money", 10, nil)
	refundsEnd := func(outcome string) {
		t.Helper()
		p.request(t, "POST", p.bankURL+"/_sandbox/faults", "", map[string]any{"refund_outcome": outcome}, nil).want(200)
	}
	s.paidBy(t, "zainab@example.test", "Zàínab Béllò", "Musa Béllò")
	s.paidBy(t, "emeka@example.test", "Emeka Obi")
	disputed := s.paidBy(t, "tunde@example.test", "Túndé Àjàyí")
	o := b.visit(t, true)
	o.is("organizer@example.test")

	// One of two tickets, by the name of who holds it.
	o.finds(s, "bello musa", "zainab@example.test")
	o.marks("Some tickets")
	o.marks("Musa Béllò")
	o.fill("What the buyer reads about it", "The second stage was closed.")
	o.click("button", "Go on")
	o.sees("Give ₦15,000 back?")
	o.fits("the question before a refund")
	o.reads("1 ticket is void at once and opens no door. 1 ticket stays good.")
	if void := o.text("h2:text-is('Void at once') + ul"); void != "Musa Béllò, Standing" {
		t.Errorf("void at once: %q", void)
	}
	o.click("button", "Give ₦15,000 back")
	o.reads("₦15,000 is on its way back")
	s.refunds("processed", 1)
	o.reload()
	o.reads("Sent back")

	// Everything of another order, which does not go through at first.
	refundsEnd("failed")
	o.finds(s, "EMEKA obi", "emeka@example.test")
	o.click("button", "Go on")
	o.click("button", "Give ₦15,000 back")
	s.refunds("failed", 1)
	o.open("/organizer/events/" + s.id)
	o.reads("1 refund needs you")
	o.click("link", "See what to do")
	o.sees("Orders that need you")
	o.fits("the orders that need the organizer")
	o.click("link", "emeka@example.test")
	o.reads("did not go through")
	refundsEnd("processed")
	o.click("button", "Try again now")
	o.reads("Paystack took the refund.")
	s.refunds("processed", 2)

	// What is left of the first, which needs an account.
	refundsEnd("needs-attention")
	o.finds(s, "zainab", "zainab@example.test")
	o.click("button", "Go on")
	o.click("button", "Give ₦15,000 back")
	s.refunds("needs_attention", 1)
	o.reload()
	o.reads("needs the buyer's bank account")
	o.fits("an order whose refund needs an account")
	_, err := o.GetByLabel("Bank", playwright.PageGetByLabelOptions{Exact: playwright.Bool(true)}).SelectOption(playwright.SelectOptionValues{Indexes: &[]int{1}})
	o.must(err)
	o.fill("Number of the account", "0123456789")
	refundsEnd("processed")
	o.must(o.Locator("form[action$='/send'] button").Click())
	o.sees("Send ₦15,000 there?")
	o.reads("0123 456 789")
	o.fits("the question before money goes to an account")
	o.click("button", "Send ₦15,000")
	o.reads("Paystack has the account.")
	s.refunds("processed", 3)
	o.open("/organizer/events/" + s.id + "/orders?needs=you")
	o.reads("Nothing needs you")
	o.click("link", "All orders")
	o.waits(o.Locator("ul.orders > li").Nth(2))

	// A bank asks for money, and gets it.
	dispute := p.request(t, "POST", p.bankURL+"/_sandbox/transactions/"+disputed+"/dispute", "", map[string]any{}, nil).want(200)
	stands := func(status string) {
		t.Helper()
		s.until("the dispute is "+status, func() bool {
			return s.count(`SELECT count(*) FROM disputes d JOIN payments p ON p.id = d.payment_id WHERE p.event_id = $1 AND d.status = $2`, s.id, status) == 1
		})
	}
	stands("open")
	o.open("/organizer/events/" + s.id + "/orders?needs=you")
	o.reads("Dispute open")
	o.click("link", "tunde@example.test")
	o.reads("The buyer's bank asks for ₦15,000 back")
	o.reads("On hold: a bank decides")
	o.fits("an order under dispute")
	fan := b.visit(t, true)
	fan.is("tunde@example.test")
	fan.open("/tickets")
	fan.reads("On hold: your bank decides")
	fan.must(fan.Locator("a.row").First().Click())
	fan.sees("Your bank has asked for this money back")
	fan.fits("a ticket under dispute")
	p.request(t, "POST", p.bankURL+fmt.Sprintf("/_sandbox/disputes/%.0f", dispute.at("id")), "", map[string]any{"outcome": "lost"}, nil).want(200)
	stands("lost")
	fan.reload()
	fan.sees("Your bank has given you this money back")
	o.reload()
	o.reads("Void: lost to the bank")

	// Whose money went back reads so.
	other := b.visit(t, false)
	other.is("zainab@example.test")
	other.open("/tickets")
	other.must(other.Locator("a.row").First().Click())
	other.sees("This ticket was refunded")
	other.reads("₦15,000 went back the way you paid.")
	if n := s.sold(); n != 0 {
		t.Errorf("%d units are sold, want none", n)
	}
	s.audited(t)
}
