package views

import (
	"time"

	"github.com/a-h/templ"
)

func galleryCheckout(state CheckoutState) CheckoutView {
	return CheckoutView{
		Event: galleryEvent(SaleOpen), ClaimID: "c1", State: state, Total: 5000000,
		Lines: []OrderLine{{Tier: "Floor", Quantity: 2, Price: 2500000}}, ExpiresAt: galleryNow.Add(401 * time.Second), Hold: 10 * time.Minute,
		ExtendAt: galleryNow.Add(281 * time.Second), CapAt: galleryNow.Add(29 * time.Minute), Change: "/events/harmattan-nights/tickets?claim=c1", Email: "jolaade@mail.example", Inside: true,
	}
}

func (b *galleryBook) checkout() {
	checkout := func(state CheckoutState, change func(*CheckoutView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := galleryCheckout(state)
			if change != nil {
				change(&v)
			}
			return CheckoutPage(signedIn(f), v)
		}
	}
	b.add("checkout", "Checkout", checkout(CheckoutHeld, nil))
	b.add("checkout-low", "Checkout, last two minutes", checkout(CheckoutHeld, func(v *CheckoutView) { v.ExpiresAt, v.CanExtend = galleryNow.Add(98*time.Second), true }))
	b.add("checkout-seats", "Checkout, seats and a name", checkout(CheckoutHeld, func(v *CheckoutView) {
		v.Seats, v.AskName = []SeatSet{{Section: "Stand D", Row: "F", Seats: "6, 7"}}, true
		v.Lines = []OrderLine{{Tier: "Stands", Quantity: 2, Price: 1250000}}
		v.Total = 2500000
	}))
	b.add("checkout-cap", "Checkout, no more time", checkout(CheckoutHeld, func(v *CheckoutView) {
		v.ExpiresAt, v.ExtendAt, v.CanExtend = galleryNow.Add(98*time.Second), time.Time{}, false
		v.CapAt = v.ExpiresAt
	}))
	b.add("checkout-last", "Checkout, a short rest up to the cap", checkout(CheckoutHeld, func(v *CheckoutView) {
		v.ExpiresAt, v.CanExtend, v.CapAt = galleryNow.Add(98*time.Second), true, galleryNow.Add(5*time.Minute)
	}))
	b.add("checkout-over", "Checkout, the time ran out while typing", checkout(CheckoutHeld, func(v *CheckoutView) { v.Over, v.AskName, v.Name = true, true, "Jọláadé" }))
	b.add("checkout-release", "Give back, without a dialog", func(f Frame) templ.Component { return ReleasePage(signedIn(f), galleryCheckout(CheckoutHeld)) })
	b.add("checkout-failed", "Payment failed", checkout(CheckoutFailed, nil))
	b.add("checkout-used-up", "Both payments failed", checkout(CheckoutUsedUp, nil))
	b.add("checkout-paying", "Payment started", checkout(CheckoutPaying, func(v *CheckoutView) {
		v.PayURL, v.Reference = "https://checkout.paystack.example/x", "fq_0190b6a07c1e"
	}))
	b.add("checkout-bank", "Waiting for the bank", checkout(CheckoutBank, func(v *CheckoutView) { v.Reference = "fq_0190b6a07c1e" }))
	b.add("checkout-paid", "Paid", checkout(CheckoutPaid, nil))
	b.add("checkout-expired", "Expired", checkout(CheckoutExpired, nil))
	b.add("checkout-released", "Given back", checkout(CheckoutReleased, func(v *CheckoutView) { v.Inside = false }))
	b.add("checkout-refund-due", "Refund due", checkout(CheckoutRefundDue, func(v *CheckoutView) { v.Reference = "fq_0190b6a07c1e" }))
	b.add("checkout-refunded", "Refunded", checkout(CheckoutRefunded, nil))
}
