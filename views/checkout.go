package views

import (
	"time"

	"fairqueue/internal/money"
)

// CheckoutState says where the fan and the money are.
type CheckoutState string

// The states of a checkout.
const (
	CheckoutHeld      CheckoutState = "held"       // pay, or give back
	CheckoutFailed    CheckoutState = "failed"     // held again after a payment that failed: try again
	CheckoutPaying    CheckoutState = "paying"     // a payment was started: go on at Paystack
	CheckoutBank      CheckoutState = "bank"       // came back from Paystack: waiting for the bank
	CheckoutUsedUp    CheckoutState = "used_up"    // both attempts failed
	CheckoutExpired   CheckoutState = "expired"    // the hold ran out
	CheckoutReleased  CheckoutState = "released"   // given back
	CheckoutRefundDue CheckoutState = "refund_due" // paid too late: the money goes back
	CheckoutRefunded  CheckoutState = "refunded"
	CheckoutPaid      CheckoutState = "paid"
)

// OrderLine is so many tickets of one kind.
type OrderLine struct {
	Tier     string
	Quantity int
	Price    money.Kobo // of one
}

// CheckoutView is one claim on its way to a ticket.
type CheckoutView struct {
	Event     EventInfo
	ClaimID   string
	State     CheckoutState
	Lines     []OrderLine
	Total     money.Kobo
	ExpiresAt time.Time     // the hold ends; zero while paying
	Hold      time.Duration // how long a hold is
	CanExtend bool          // asking for more time works now
	ExtendAt  time.Time     // when it begins to work; zero: it does not (the cap)
	PayURL    string        // paying: Paystack's page
	Reference string        // of the payment, to quote
	Tickets   string        // paid: /tickets or /tickets/{id}
	Email     string        // where the tickets go
	Inside    bool          // expired, released: the visit still runs, so choosing again works
	Problem   *Problem
}
