package views

import "fairqueue/internal/money"

// CancelProgress is how far the money of a cancelled event has gone back.
type CancelProgress struct {
	// Orders is of how many orders money goes back or went, OrdersBack of how many all of it; Open wait for their turn.
	Orders, OrdersBack, Open int
	// Free orders have good tickets and no money left; of Disputed ones a bank decides first; UnderWay payments are with the banks.
	Free, Disputed, UnderWay int
	// Stuck refunds wait for the organizer, Moving ones go by themselves.
	Stuck, Moving int
	All, Sent     money.Kobo
	Done          bool
}

// CancelView asks whether an event shall really be cancelled.
type CancelView struct {
	Event EventInfo
	// Orders were paid, and Owed came for them; OnWay is still on its way back otherwise. Of Free ones no money goes back, and of
	// Disputed ones a bank decides first.
	Orders, Free, Disputed int
	Owed, OnWay            money.Kobo
	Waiting                int64
	Reason                 string // as it was typed
	Errors                 map[string]string
}

// onlyStuck reports whether all that is left to send back waits for the organizer.
func (p CancelProgress) onlyStuck() bool {
	return p.Stuck > 0 && p.Open+p.Free+p.UnderWay+p.Moving == 0
}

// onlyBanks reports whether all that is left is what banks decide about.
func (p CancelProgress) onlyBanks() bool {
	return p.Disputed > 0 && p.Open+p.Free+p.UnderWay+p.Moving+p.Stuck == 0
}

// goesOn is what happens without the organizer.
func (p CancelProgress) goesOn() string {
	if p.onlyStuck() || p.onlyBanks() {
		return "All that goes by itself has gone."
	}
	return "It goes on by itself, also when you close this page. Banks need a few days to show it."
}

// Told is what follows from a cancellation, in figures, at the moment it is made.
func (p CancelProgress) Told() string {
	s := "The event is cancelled."
	if back := p.All - p.Sent; back > 0 {
		s += " " + back.String() + " of " + count(p.Orders, "order", "orders") + " goes back."
	} else {
		s += " There is no money to send back."
	}
	s += p.withBanks()
	if p.Stuck > 0 {
		return s + " " + count(p.Stuck, "refund does", "refunds do") + " not go by " + map[bool]string{true: "itself and needs", false: "themselves and need"}[p.Stuck == 1] + " you: see below."
	}
	return s + " You need not do anything now. If a refund gets stuck, you get an e-mail."
}

// withBanks is what banks have not decided.
func (p CancelProgress) withBanks() (s string) {
	if p.UnderWay > 0 {
		s += " " + count(p.UnderWay, "payment is", "payments are") + " with the banks: what comes of them goes back too."
	}
	if p.Disputed > 0 {
		s += " Besides, " + count(p.Disputed, "order is", "orders are") + " disputed: what a bank leaves you goes back when it has decided."
	}
	return s
}

func (p CancelProgress) title() string {
	switch {
	case p.Done && p.Orders == 0:
		return "The event is cancelled"
	case p.Done:
		return "The event is cancelled and all money has been sent back"
	case p.onlyStuck():
		return "The event is cancelled. " + count(p.Stuck, "refund waits", "refunds wait") + " for you"
	case p.onlyBanks():
		return "The event is cancelled. Banks decide about the rest"
	}
	return "The event is cancelled. The money is going back"
}

// line is how far it is, in a sentence.
func (p CancelProgress) line() string {
	s := "There was no money to send back."
	if p.Orders > 0 {
		s = p.Sent.String() + " of " + p.All.String() + " sent, " + num(p.OrdersBack) + " of " + count(p.Orders, "order", "orders") + " done."
	}
	if p.Open > 0 {
		s += " " + count(p.Open, "order is", "orders are") + " still to come."
	}
	if p.Free > 0 {
		s += " " + count(p.Free, "free order is", "free orders are") + " still to be made void."
	}
	return s + p.withBanks()
}

// money is what cancelling does to the money.
func (v CancelView) money() string {
	s := "Nobody has paid yet, so no money goes back."
	switch {
	case v.Orders > 0:
		s = count(v.Orders, "order is", "orders are") + " paid: " + v.Owed.String() + " goes back to the buyers, all of it, by itself."
	case v.Free+v.Disputed > 0 || v.OnWay > 0:
		s = "No more money goes back."
	}
	return s
}

// besides are orders and money that the sum of what goes back is without.
func (v CancelView) besides() (lines []string) {
	if v.Free > 0 {
		lines = append(lines, count(v.Free, "order was free, or its money is back already", "orders were free, or their money is back already")+": no money goes back for "+map[bool]string{true: "it", false: "them"}[v.Free == 1]+".")
	}
	if v.OnWay > 0 {
		lines = append(lines, v.OnWay.String()+" of earlier refunds has not left yet, and goes on its way as before.")
	}
	if v.Disputed > 0 {
		lines = append(lines, "Banks decide about "+count(v.Disputed, "disputed order", "disputed orders")+" first. What a bank leaves you goes back then.")
	}
	return lines
}
