package views

import "fairqueue/views/ui"

// freeThing is what costs nothing, in words. Seats that are "free" would be seats that nobody has, so they are tickets here.
func (v CheckoutView) freeThing() string {
	if v.quantity() == 1 {
		return "free ticket"
	}
	return "free tickets"
}

// askHeading is the heading over what is held and not paid for.
func (v CheckoutView) askHeading() string {
	if v.Total == 0 {
		return "Take your " + v.freeThing()
	}
	return "Pay for " + v.them()
}

func (v CheckoutView) freeTitle() string {
	if v.quantity() == 1 {
		return "This ticket is free"
	}
	return "These tickets are free"
}

func (v CheckoutView) freeLine() string {
	if v.quantity() == 1 {
		return "There is nothing to pay. Confirm, and the ticket is yours."
	}
	return "There is nothing to pay. Confirm, and the tickets are yours."
}

// lastPayment is whether no other payment is left in the visit for when the one that runs fails.
func (v CheckoutView) lastPayment() bool { return v.Starts == 0 }

// ifLast says what follows when the last payment of a visit fails.
func (v CheckoutView) ifLast(fails string) string {
	n := v.quantity()
	return "This is the last payment of this visit. If " + fails + ", " + v.things() + " " + is(n) + " kept for at least 2 minutes in case it says yes after all, and then " +
		goes(n) + " back to the others. To try again you need another turn."
}

// payingNext is what happens next while the fan can still pay at the provider.
func (v CheckoutView) payingNext() string {
	n := v.quantity()
	s := "when your bank says yes, this page shows " + v.them() + " and we send " + them(n) + " by e-mail. "
	if v.lastPayment() {
		return s + v.ifLast("your bank says no") + " Do not pay a second time."
	}
	return s + "If the payment fails, " + v.things() + " " + stay(n) + " held so that you can try again. Do not pay a second time."
}

// bankNext is what happens next while a bank is silent.
func (v CheckoutView) bankNext() string {
	n := v.quantity()
	s := "you may close this page. When your bank says yes, " + v.things() + " " + is(n) + " under My tickets and in your e-mail. "
	if v.lastPayment() {
		s += v.ifLast("it says no")
	} else {
		s += "If it says no, " + v.things() + " " + stay(n) + " held for at least 2 minutes so that you can try again."
	}
	return s + " If it says yes too late, you get equal tickets or all of your money back. Do not pay a second time."
}

// downNext is what happens next while the provider does not answer. A payment whose page never opened does not count as one.
func (v CheckoutView) downNext() string {
	n := v.quantity()
	s := "when Paystack answers, this page shows the way to it. You may close this page and come back: " + v.them() + " " + is(n) + " under this address."
	if v.lastPayment() {
		s += " If its page opens, this is the last payment of this visit: if it fails, you need another turn to try again."
	}
	return s
}

// endedFree is whether the order is over without money, because nothing was paid for it.
func (v CheckoutView) endedFree() bool {
	return v.allBack() && v.Total == 0 && len(v.Back) == 0 && !v.Disputed
}

// refundedBadge is how an order ended whose money is back, or which never had any.
func (v CheckoutView) refundedBadge() (ui.State, string) {
	switch {
	case v.Disputed:
		return ui.Soon, "Your bank gave the money back"
	case v.endedFree():
		return endedFree(v.Event)
	}
	return ui.Soon, "Refunded"
}

// endedFree is how an order ended that cost nothing: what was never paid is not refunded.
func endedFree(e EventInfo) (ui.State, string) {
	if e.Cancelled {
		return ui.Out, "Cancelled"
	}
	return ui.Out, "Ended"
}
