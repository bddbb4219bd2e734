package views_test

import (
	"strings"
	"testing"

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
