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
		Channels: []string{"card", "ussd"}, NoTransfer: TransferTooSlow, Starts: 2, Name: "Jọláadé Akinwale", PayUntil: galleryNow.Add(12 * time.Minute),
	}
}

func (b *galleryBook) checkout() {
	checkout := func(state CheckoutState, change func(*CheckoutView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := galleryCheckout(state)
			if state != CheckoutHeld {
				v.Change = ""
			}
			if change != nil {
				change(&v)
			}
			return CheckoutPage(signedIn(f), v)
		}
	}
	b.add("checkout", "Checkout", checkout(CheckoutHeld, nil))
	b.add("checkout-low", "Checkout, last two minutes", checkout(CheckoutHeld, func(v *CheckoutView) { v.ExpiresAt, v.CanExtend = galleryNow.Add(98*time.Second), true }))
	b.add("checkout-seats", "Checkout, seats and a name read out of the address", checkout(CheckoutHeld, func(v *CheckoutView) {
		v.Name, v.NameGuessed, v.Seats = "Ngozi Ade", true, []SeatSet{{Section: "Stand D", Row: "F", Seats: "6, 7"}}
		v.Lines = []OrderLine{{Tier: "Stands", Quantity: 2, Price: 1250000}}
		v.Total = 2500000
		v.Holders = []HolderField{{Place: "Stand D, row F, seat 6"}, {Place: "Stand D, row F, seat 7"}}
	}))
	b.add("checkout-names", "Checkout, names on the tickets, two of them wrong", checkout(CheckoutHeld, func(v *CheckoutView) {
		v.Name, v.NameWrong = "12345", "A name needs at least one letter."
		v.Seats = []SeatSet{{Section: "Stand D", Row: "F", Seats: "6, 7"}}
		v.Lines = []OrderLine{{Tier: "Stands", Quantity: 2, Price: 1250000}}
		v.Total = 2500000
		v.Holders = []HolderField{{Place: "Stand D, row F, seat 6", Name: "Chinonso Okwudili"}, {Place: "Stand D, row F, seat 7", Wrong: "The name is too long: 100 characters at most."}}
	}))
	b.add("checkout-cap", "Checkout, no more time", checkout(CheckoutHeld, func(v *CheckoutView) {
		v.ExpiresAt, v.ExtendAt, v.CanExtend = galleryNow.Add(98*time.Second), time.Time{}, false
		v.CapAt = v.ExpiresAt
	}))
	b.add("checkout-last", "Checkout, a short rest up to the cap", checkout(CheckoutHeld, func(v *CheckoutView) {
		v.ExpiresAt, v.CanExtend, v.CapAt = galleryNow.Add(98*time.Second), true, galleryNow.Add(5*time.Minute)
	}))
	b.add("checkout-over", "Checkout, the time ran out while typing", checkout(CheckoutHeld, func(v *CheckoutView) { v.Over, v.Name = true, "" }))
	b.add("checkout-release", "Give back, without a dialog", func(f Frame) templ.Component { return ReleasePage(signedIn(f), galleryCheckout(CheckoutHeld)) })
	b.add("checkout-fees", "Checkout, the fan bears the fee, and tax", checkout(CheckoutHeld, func(v *CheckoutView) {
		v.Fees = FeesView{ByFan: true, OnTop: 86295, TaxName: "VAT 7.5 %", Tax: 348837}
		v.Channels, v.NoTransfer = []string{"card", "ussd", "bank_transfer"}, ""
	}))
	b.add("checkout-underpaid", "Checkout, less was paid than asked", checkout(CheckoutHeld, func(v *CheckoutView) {
		v.Tried, v.Reference, v.Back = true, "fq_0190b6a07c1e", []BackView{{Amount: 4900000, Why: "underpaid", Status: "pending"}}
	}))
	b.add("checkout-scarce", "Checkout, others wait for the last tickets", checkout(CheckoutHeld, func(v *CheckoutView) { v.NoTransfer = TransferScarce }))
	b.add("checkout-down-before", "Checkout, Paystack does not answer", checkout(CheckoutHeld, func(v *CheckoutView) { v.Down = true }))
	b.add("checkout-down", "Payment started, Paystack does not answer", checkout(CheckoutDown, func(v *CheckoutView) {
		v.Reference, v.LookedAt = "fq_0190b6a07c1e", galleryNow.Add(-4*time.Second)
	}))
	b.add("checkout-failed", "Payment failed", checkout(CheckoutFailed, func(v *CheckoutView) { v.Said, v.Starts, v.Tried = "Insufficient funds", 1, true }))
	b.add("checkout-used-up", "Both payments failed", checkout(CheckoutUsedUp, func(v *CheckoutView) { v.Said, v.Starts, v.Tried = "Declined", 0, true }))
	b.add("checkout-unpaid", "Came back without paying", checkout(CheckoutPaying, func(v *CheckoutView) {
		v.Unpaid, v.Tried, v.Reference, v.PayURL, v.LookedAt = true, true, "fq_0190b6a07c1e", "https://checkout.paystack.example/x", galleryNow.Add(-3*time.Second)
	}))
	b.add("checkout-paying", "Payment started", checkout(CheckoutPaying, func(v *CheckoutView) {
		v.PayURL, v.Reference = "https://checkout.paystack.example/x", "fq_0190b6a07c1e"
	}))
	b.add("checkout-free", "Checkout, one free ticket", checkout(CheckoutHeld, func(v *CheckoutView) {
		v.Total, v.Lines, v.Channels, v.NoTransfer = 0, []OrderLine{{Tier: "Floor", Quantity: 1}}, nil, ""
	}))
	b.add("checkout-paying-last", "The last payment of a visit started", checkout(CheckoutPaying, func(v *CheckoutView) {
		v.Starts, v.PayURL, v.Reference = 0, "https://checkout.paystack.example/x", "fq_0190b6a07c1e"
	}))
	b.add("checkout-bank-last", "Waiting for the bank, the last payment of a visit", checkout(CheckoutBank, func(v *CheckoutView) {
		v.Starts, v.Reference, v.PayURL = 0, "fq_0190b6a07c1e", "https://checkout.paystack.example/x"
	}))
	b.add("checkout-bank", "Waiting for the bank", checkout(CheckoutBank, func(v *CheckoutView) {
		v.Reference, v.PayURL, v.LookedAt = "fq_0190b6a07c1e", "https://checkout.paystack.example/x", galleryNow.Add(-4*time.Second)
	}))
	b.add("checkout-transfer", "Waiting for a bank transfer", checkout(CheckoutBank, func(v *CheckoutView) {
		v.Reference, v.Channels, v.PayUntil = "fq_0190b6a07c1e", []string{"card", "ussd", "bank_transfer"}, galleryNow.Add(26*time.Minute)
	}))
	b.add("checkout-paid", "Paid", checkout(CheckoutPaid, func(v *CheckoutView) { v.Receipt = true }))
	b.add("checkout-moved", "Paid late, equal seats", checkout(CheckoutPaid, func(v *CheckoutView) {
		v.Moved, v.Receipt, v.Seats = true, true, []SeatSet{{Section: "Stand D", Row: "G", Seats: "6, 7"}}
	}))
	b.add("checkout-disputed", "Paid, and the bank disputes it", checkout(CheckoutPaid, func(v *CheckoutView) { v.Disputed = true }))
	back := func(why, status string) []BackView {
		b := BackView{Amount: 5000000, Why: why, Status: status, At: galleryNow.Add(-time.Minute)}
		if status == "processed" {
			b.Sent = galleryNow.Add(-20 * time.Second)
		}
		return []BackView{b}
	}
	b.add("checkout-overpaid", "Paid, and too much", checkout(CheckoutPaid, func(v *CheckoutView) { v.Back = back("overpaid", "pending"); v.Back[0].Amount = 100000 }))
	b.add("checkout-part", "Paid, and the organizer gives a part back", checkout(CheckoutPaid, func(v *CheckoutView) {
		v.Back, v.Receipt = back("organizer", "processing"), true
		v.Back[0].Amount, v.Back[0].Note = 500000, "The second stage was closed. We are sorry."
	}))
	b.add("checkout-expired", "Expired", checkout(CheckoutExpired, nil))
	b.add("checkout-expired-tried", "Expired, after a payment was begun", checkout(CheckoutExpired, func(v *CheckoutView) { v.Tried = true }))
	b.add("checkout-released-used-up", "Given back after two payments", checkout(CheckoutReleased, func(v *CheckoutView) { v.Tried, v.Starts = true, 0 }))
	b.add("checkout-released", "Given back", checkout(CheckoutReleased, func(v *CheckoutView) { v.Inside = false }))
	b.add("checkout-off", "The event was cancelled before the payment", checkout(CheckoutReleased, func(v *CheckoutView) { v.Event = calledOff(v.Event) }))
	b.add("checkout-off-tried", "The event was cancelled after a payment was begun", checkout(CheckoutReleased, func(v *CheckoutView) {
		v.Event, v.Tried, v.Reference = calledOff(v.Event), true, "fq_0190b6a07c1e"
	}))
	b.add("checkout-refund-due", "Paid too late, refund due", checkout(CheckoutRefundDue, func(v *CheckoutView) { v.Reference, v.Back = "fq_0190b6a07c1e", back("sold_to_others", "pending") }))
	b.add("checkout-refund-stuck", "Refund that needs somebody", checkout(CheckoutRefundDue, func(v *CheckoutView) { v.Reference, v.Back = "fq_0190b6a07c1e", back("above_limit", "needs_attention") }))
	b.add("checkout-refunded", "Refunded", checkout(CheckoutRefunded, func(v *CheckoutView) { v.Back, v.Receipt = back("event_cancelled", "processed"), true }))
	b.add("checkout-free-off", "A free order of a cancelled event", checkout(CheckoutRefunded, func(v *CheckoutView) {
		v.Event, v.Total, v.Lines = calledOff(v.Event), 0, []OrderLine{{Tier: "Floor", Quantity: 2}}
	}))
	b.add("checkout-lost", "The bank gave the money back", checkout(CheckoutRefunded, func(v *CheckoutView) { v.Disputed, v.Back = true, back("bank", "processed") }))
	receipt := func(change func(*MoneyReceiptView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := MoneyReceiptView{
				Event: galleryEvent(SaleOpen), ClaimID: "c1", Seller: "Dust & Brass Ltd.", TaxNumber: "12345678-0042", Buyer: "Jọláadé Akinwale, jolaade@mail.example",
				Reference: "fq_0190b6a07c1e", PaidAt: galleryNow, How: "card", Lines: []OrderLine{{Tier: "Floor", Quantity: 2, Price: 2500000}}, Total: 5000000,
				Fees: FeesView{Known: true, TaxName: "VAT 7.5 %", Tax: 348837},
			}
			if change != nil {
				change(&v)
			}
			return MoneyReceiptPage(signedIn(f), v)
		}
	}
	b.add("money-receipt", "Receipt", receipt(nil))
	b.add("money-receipt-back", "Receipt, one ticket given back", receipt(func(v *MoneyReceiptView) {
		v.Fees.ByFan, v.Fees.OnTop = true, 86295
		v.Back = []BackView{
			{Amount: 1500000, Why: "returned", Status: "processed", At: galleryNow.AddDate(0, 0, 2), Sent: galleryNow.AddDate(0, 0, 2)},
			{Amount: 1000000, Why: "organizer", Status: "failed", At: galleryNow.AddDate(0, 0, 3)},
		}
		v.Left, v.TaxLeft = 2586295, 174419
	}))
}
