package web_test

import (
	"net/http"
	"slices"
	"strconv"
	"testing"

	"fairqueue/internal/sale"
)

// What an organizer sets about money goes the whole way: the form of a new event, its own page, and what is wrong beside its field.
func TestAnOrganizerSetsTheMoney(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.as(s.org)
	org := must(s.accounts.BecomeOrganizer(t.Context(), s.org.ID, "Lagos Nights"))(t)
	form := eventForm(map[string]string{
		"tax.name": "VAT", "tax.percent": "7,5", "tax.number": "12345678-0001", "fees_by": "fan", "returns": "1", "disputes": "keep",
	})
	form["channels"] = []string{"bank_transfer", "card"}
	console := b.post("/organizer/events", form).status(http.StatusSeeOther).Header.Get("Location")
	e := must(s.sales.Own(t.Context(), org, console[len("/organizer/events/"):]))(t)
	if m := e.Terms; !slices.Equal(m.Channels, []string{"card", "bank_transfer"}) || m.FeesBy != sale.FeesByFan || !m.Returns ||
		m.Disputes != sale.DisputesKeep || m.Tax != (sale.Tax{Name: "VAT", BasisPoints: 750, Number: "12345678-0001"}) {
		t.Fatalf("kept: %+v", m)
	}

	p := b.get(console + "/money").at(console + "/money").status(http.StatusOK)
	for _, selector := range []string{"input[name=channels][value=card][checked]", "input[name=fees_by][value=fan][checked]", "input[name=returns][checked]", "input[name=disputes][value=keep][checked]"} {
		if len(find(p.doc, selector)) != 1 {
			t.Errorf("the page of money has no %s", selector)
		}
	}
	wrong := eventForm(map[string]string{"tax.name": "VAT", "tax.percent": "much", "fees_by": "organizer", "disputes": "void"})
	wrong["channels"] = []string{"card"}
	p = b.post(console+"/money", wrong).status(http.StatusUnprocessableEntity).has("Write the percent as a number, such as 7.5.")
	if len(find(p.doc, "input[name=channels][value=card][checked]")) != 1 {
		t.Error("what was typed beside the mistake is gone")
	}
	b.post(console+"/money", eventForm(map[string]string{"fees_by": "organizer", "disputes": "void", "returns": "1", "returns_until": "2999-01-01T10:00"})).
		status(http.StatusUnprocessableEntity).has("Tickets can be given back until the event starts at the latest.")

	b.post(console+"/money", eventForm(map[string]string{"fees_by": "organizer", "disputes": "void"})).redirects(console + "/money")
	b.get(console + "/money").has("Saved.")
	e = must(s.sales.Own(t.Context(), org, console[len("/organizer/events/"):]))(t)
	if m := e.Terms; len(m.Channels) != 0 || m.FeesBy != sale.FeesByOrganizer || m.Returns || m.Disputes != sale.DisputesVoid || m.Tax != (sale.Tax{}) {
		t.Errorf("changed to %+v", m)
	}
}

// What pages promise is what checkout offers, and an organizer hears before saving it that a choice comes to nothing.
func TestBankTransferIsPromisedWhereItIsOffered(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	for hold, want := range map[int]struct{ event, choose, checkout string }{
		600:  {"Pay by card or USSD.", "You pay at Paystack, by card or USSD.", "You pay at Paystack, by card or USSD."},
		1900: {"Pay by card, USSD or bank transfer.", "You pay at Paystack, by card, USSD or bank transfer.", "You pay at Paystack, by card, USSD or bank transfer."},
	} {
		e := s.event("Ways "+strconv.Itoa(hold), func(n *sale.NewSale) { n.Terms.HoldSeconds = hold })
		b := s.fan("ways-" + strconv.Itoa(hold) + "@fair.example")
		b.get("/events/" + e.Event.Slug).has(want.event)
		p := s.inside(b, e).has(want.choose)
		b.send(p, "/events/"+e.Event.Slug+"/claims", "tier_id", e.Tiers[0].ID.String(), "quantity", "1").has(want.checkout)
	}
	free := s.event("Gift", func(n *sale.NewSale) { n.Tiers = []sale.NewTier{{Name: "Stands", Capacity: 5}} })
	s.fan("free-ways@fair.example").get("/events/" + free.Event.Slug).has("The tickets are free. Nothing has to be paid.")

	b := s.as(s.org)
	must(s.accounts.BecomeOrganizer(t.Context(), s.org.ID, "Lagos Nights"))(t)
	form := eventForm(nil)
	form["channels"] = []string{"bank_transfer", "card"}
	console := b.post("/organizer/events", form).status(http.StatusSeeOther).Header.Get("Location")
	b.get(console+"/money").has("Fans are not offered bank transfer", "Tickets of this sale are held for 10 minutes, so fans are not offered it: they must be held for at least 30 minutes.")
	b.get("/organizer/events/new").has("Tickets of this sale are held for 10 minutes, so fans are not offered it")
	form["hold_seconds"] = []string{"1800"}
	console = b.post("/organizer/events", form).status(http.StatusSeeOther).Header.Get("Location")
	if p := b.get(console + "/money").has("Fans are offered it when they go to pay at once"); len(find(p.doc, "#transfer-short")) != 0 {
		t.Error("a warning for a hold that is long enough")
	}
}
