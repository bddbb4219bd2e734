package views_test

import (
	"strings"
	"testing"

	"github.com/a-h/templ"

	"fairqueue/internal/money"
	"fairqueue/views"
)

// checkoutSays is all that a page of a claim says.
func checkoutSays(t *testing.T, v views.CheckoutView) string {
	t.Helper()
	return text(parse(t, render(t, views.CheckoutPage(views.Frame{}, v))))
}

func tickets(n int, price money.Kobo) views.CheckoutView {
	return views.CheckoutView{ClaimID: "c1", Lines: []views.OrderLine{{Tier: "Floor", Quantity: n, Price: price}}, Total: price * money.Kobo(n)}
}

// Another try is promised only while one is left in the visit.
func TestTheLastPaymentOfAVisitPromisesNoOther(t *testing.T) {
	t.Parallel()
	for _, state := range []views.CheckoutState{views.CheckoutPaying, views.CheckoutBank, views.CheckoutDown} {
		for n, back := range map[int]string{1: "then it goes back to the others", 2: "then they go back to the others"} {
			v := tickets(n, 500_000)
			v.State, v.Starts = state, 1
			again := "so that you can try again"
			if says := checkoutSays(t, v); strings.Contains(says, "last payment of this visit") || state != views.CheckoutDown && !strings.Contains(says, again) {
				t.Errorf("%s, one payment left: %s", state, says)
			}
			v.Starts = 0
			says := checkoutSays(t, v)
			if strings.Contains(says, again) || !strings.Contains(says, "last payment of this visit") || !strings.Contains(says, "need another turn") {
				t.Errorf("%s, none left: %s", state, says)
			}
			if state != views.CheckoutDown && !strings.Contains(says, back) {
				t.Errorf("%s: not %q: %s", state, back, says)
			}
		}
	}
}

// One free ticket is one, and nobody is asked to pay for it.
func TestAFreeTicketIsTakenNotPaid(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]string{
		1: {"Take your free ticket", "This ticket is free", "the ticket is yours", "Take the free ticket"},
		2: {"Take your free tickets", "These tickets are free", "the tickets are yours", "Take the free tickets"},
	} {
		v := tickets(n, 0)
		v.State = views.CheckoutHeld
		says := checkoutSays(t, v)
		for _, w := range want {
			if !strings.Contains(says, w) {
				t.Errorf("%d: no %q in %s", n, w, says)
			}
		}
		if strings.Contains(says, "Pay ") || n == 1 && strings.Contains(says, "free tickets") {
			t.Errorf("%d: %s", n, says)
		}
	}
}

// What was never paid is not refunded: neither its buyer nor its organizer reads so.
func TestAFreeOrderThatEndedIsNotCalledRefunded(t *testing.T) {
	t.Parallel()
	for cancelled, badge := range map[bool]string{true: "Cancelled", false: "Ended"} {
		e := views.EventInfo{ID: "e1", Cancelled: cancelled}
		v := tickets(2, 0)
		v.State, v.Event = views.CheckoutRefunded, e
		order := views.OrderView{Event: e, Status: "refunded", Payments: []views.PaymentRow{{Reference: "fq-1", Status: "refunded"}}}
		list := views.OrdersView{Event: e, Orders: []views.OrderRow{{ID: "o1", Email: "ada@mail.example", Status: "refunded"}}}
		for name, c := range map[string]templ.Component{
			"fan": views.CheckoutPage(views.Frame{}, v), "order": views.OrderPage(views.Frame{}, order), "list": views.OrdersPage(views.Frame{}, list),
		} {
			says := text(parse(t, render(t, c)))
			for _, no := range []string{"Refunded", "was sent back", "Your money goes back", "Nothing came"} {
				if strings.Contains(says, no) {
					t.Errorf("%s, cancelled %t: %q in %s", name, cancelled, no, says)
				}
			}
			if !strings.Contains(says, badge) {
				t.Errorf("%s, cancelled %t: no %q in %s", name, cancelled, badge, says)
			}
			if name == "fan" && (!strings.Contains(says, "You paid nothing") || strings.Contains(says, "The event does not take place") != cancelled) {
				t.Errorf("cancelled %t: %s", cancelled, says)
			}
		}
		// What was paid still is.
		list.Orders[0].Amount, order.Total, order.Payments[0].Asked = 500_000, 500_000, 500_000
		for _, c := range []templ.Component{views.OrderPage(views.Frame{}, order), views.OrdersPage(views.Frame{}, list)} {
			if says := text(parse(t, render(t, c))); !strings.Contains(says, "Refunded") {
				t.Error(says)
			}
		}
	}
}

// A refund that did not go through is not sent while a bank asks for the same money, and the page does not say otherwise.
func TestAStuckRefundSaysWhenItWaits(t *testing.T) {
	t.Parallel()
	order := views.OrderView{Total: 500_000, Status: "refund_due", Refunds: []views.RefundRow{{ID: "r1", Status: "failed", Amount: 500_000}}}
	if says := text(parse(t, render(t, views.OrderPage(views.Frame{}, order)))); !strings.Contains(says, "While a bank asks for the same money, both wait") {
		t.Error(says)
	}
}

// Money that a bank took back was not given back by us.
func TestMoneyThatABankGaveBackIsNotCalledRefunded(t *testing.T) {
	t.Parallel()
	v := tickets(1, 500_000)
	v.State, v.Disputed, v.Back = views.CheckoutRefunded, true, []views.BackView{{Amount: 500_000, Why: "bank", Status: "processed"}}
	if says := checkoutSays(t, v); strings.Contains(says, "Refunded") || !strings.Contains(says, "Your bank gave the money back") {
		t.Error(says)
	}
	order := views.OrderView{Total: 500_000, Status: "refunded", Disputes: []views.DisputeRow{{Status: "lost", Amount: 500_000}}}
	order.Payments = []views.PaymentRow{{Reference: "fq-1", Status: "refunded", Lost: true, Asked: 500_000, Received: 500_000}}
	if says := text(parse(t, render(t, views.OrderPage(views.Frame{}, order)))); strings.Contains(says, "Refunded") || !strings.Contains(says, "Lost to the bank") {
		t.Error(says)
	}
}

// What banks took is not called money that somebody here sent back.
func TestTheConsoleTellsLostMoneyApart(t *testing.T) {
	t.Parallel()
	v := views.ConsoleView{Stats: views.Stats{Succeeded: 5_000_000, Refunded: 1_500_000, Lost: 1_500_000}}
	if says := text(parse(t, render(t, views.ConsolePage(views.Frame{}, v)))); strings.Contains(says, "on its way back") || !strings.Contains(says, "₦15,000 was lost to banks") {
		t.Error(says)
	}
	v.Stats.Refunded += 500_000
	if says := text(parse(t, render(t, views.ConsolePage(views.Frame{}, v)))); !strings.Contains(says, "₦5,000 is back or on its way back; ₦15,000 was lost to banks") {
		t.Error(says)
	}
}
