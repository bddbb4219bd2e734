package views

// wasInside is whether the fan may have bought something.
func (v WaitingView) wasInside() bool {
	switch v.Status {
	case SpotInside, SpotLeft, SpotDone:
		return true
	}
	return false
}

func (v WaitingView) cancelledTitle() string {
	if v.Status == "" || v.wasInside() {
		return "The line is closed"
	}
	return "The line is closed, and you owe nothing"
}

// off is whether the order was never paid and cannot be, because the event does not take place.
func (v CheckoutView) off() bool {
	if !v.Event.Cancelled {
		return false
	}
	switch v.State {
	case CheckoutHeld, CheckoutFailed, CheckoutUsedUp, CheckoutExpired, CheckoutReleased:
		return true
	}
	return false
}

func (v CheckoutView) offTitle() string {
	if v.Tried {
		return "Do not pay any more"
	}
	return "There is nothing to pay"
}

func (v CheckoutView) offLine() string {
	if v.Tried {
		return "No payment of yours for this order has reached us. If one does, all of it comes back by itself, the way you paid."
	}
	return "You had not paid for " + v.them() + ", so no money was taken and none is owed."
}
