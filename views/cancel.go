package views

import "fairqueue/internal/money"

// CancelProgress is how far the money of a cancelled event has gone back.
type CancelProgress struct {
	Orders, Open, UnderWay, Refunds, Back, Stuck int
	Owed, Sent                                   money.Kobo
	Done                                         bool
}

// CancelView asks whether an event shall really be cancelled.
type CancelView struct {
	Event   EventInfo
	Orders  int
	Owed    money.Kobo
	Waiting int64
	Reason  string // as it was typed
	Errors  map[string]string
}

// onlyStuck reports whether all that is left to send back waits for the organizer.
func (p CancelProgress) onlyStuck() bool {
	return p.Stuck > 0 && p.Open == 0 && p.UnderWay == 0 && p.Back+p.Stuck == p.Refunds
}

// goesOn is what happens without the organizer.
func (p CancelProgress) goesOn() string {
	if p.onlyStuck() {
		return "All that goes by itself has gone."
	}
	return "It goes on by itself, also when you close this page. Banks need a few days to show it."
}

// Told is what follows from a cancellation, in figures, at the moment it is made.
func (p CancelProgress) Told(kept money.Kobo) string {
	s := "The event is cancelled."
	if back := kept + p.Owed - p.Sent; back > 0 {
		s += " " + back.String() + " of " + count(p.Orders, "order", "orders") + " goes back."
	} else {
		s += " There is no money to send back."
	}
	if p.UnderWay > 0 {
		s += " " + count(p.UnderWay, "payment is", "payments are") + " with the banks: what comes of them goes back too."
	}
	if p.Stuck > 0 {
		return s + " " + count(p.Stuck, "refund does", "refunds do") + " not go by " + map[bool]string{true: "itself and needs", false: "themselves and need"}[p.Stuck == 1] + " you: see below."
	}
	return s + " You need not do anything now. If a refund gets stuck, you get an e-mail."
}

func (p CancelProgress) title() string {
	switch {
	case p.Done && p.Refunds == 0:
		return "The event is cancelled"
	case p.Done:
		return "The event is cancelled and all money has been sent back"
	case p.onlyStuck():
		return "The event is cancelled. " + count(p.Stuck, "refund waits", "refunds wait") + " for you"
	}
	return "The event is cancelled. The money is going back"
}

// line is how far it is, in a sentence.
func (p CancelProgress) line() string {
	if p.Refunds == 0 && p.Done {
		return "Nothing was paid, so there is nothing to send back."
	}
	s := p.Sent.String() + " of " + p.Owed.String() + " sent, " + num(p.Back) + " of " + count(p.Refunds, "refund", "refunds") + "."
	if p.Open > 0 {
		s += " " + count(p.Open, "order is", "orders are") + " still to come."
	}
	if p.UnderWay > 0 {
		s += " " + count(p.UnderWay, "payment is", "payments are") + " with the banks: what comes of them goes back too."
	}
	return s
}

// money is what cancelling does to the money.
func (v CancelView) money() string {
	if v.Orders == 0 {
		return "Nobody has paid yet, so no money goes back."
	}
	return count(v.Orders, "order is", "orders are") + " paid: " + v.Owed.String() + " goes back to the buyers, all of it, by itself."
}
