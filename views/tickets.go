package views

import (
	"fmt"
	"strings"
	"time"

	"fairqueue/internal/money"
	"fairqueue/views/ui"
)

// TicketStatus is the state of a ticket.
type TicketStatus string

// The states of a ticket.
const (
	TicketValid    TicketStatus = "valid"
	TicketUsed     TicketStatus = "used"
	TicketReturned TicketStatus = "returned"
	TicketVoid     TicketStatus = "void"
)

// TicketInfo is one ticket in a list.
type TicketInfo struct {
	ID     string
	Event  EventInfo
	Tier   string
	Seat   string // empty: no numbered seat
	Holder string
	Status TicketStatus
	Price  money.Kobo
	UsedAt time.Time // used: when
	// Dispute is why it is void where the buyer's bank asked for the money: open until that is decided, then lost; else empty.
	Dispute string
}

// TicketsView is the fan's tickets.
type TicketsView struct {
	Tickets []TicketInfo
	Places  []PlaceInfo // lines the fan stands in, for the empty list
	Banks   []BankInfo  // payments of the fan that are not decided, newest first
}

// TicketView is one ticket with its code.
type TicketView struct {
	Ticket     TicketInfo
	Index, Of  int      // ticket Index of Of for this event, from 1
	NextID     string   // the next ticket of the same order; empty: none
	QR         [][]bool // modules by row, true is dark, no quiet zone; empty: not shown
	CodeEnds   string   // the last characters of the code, for people
	JustBought bool
	Email      string
	// Order is the claim that it was bought with; empty: no receipt is offered.
	Order string
	// Good is how many tickets of the same order are valid.
	Good int
	// ReturnUntil is until when it may be given back; zero: it may not, and Keeps says why.
	ReturnUntil time.Time
	Keeps       string
	// Back is what is given back of its price, and Refund how far that is.
	Back      money.Kobo
	Refund    RefundState
	Fee       money.Kobo // what the provider added to the price of the order: it comes back with the last ticket
	Disputed  bool       // the buyer's bank asks for the money back
	Corrected time.Time  // when the name was corrected; zero: never
	Problem   *Problem
}

// RefundState is how far a refund is, for the fan.
type RefundState string

// The states of a refund, as a fan has them.
const (
	RefundNone  RefundState = ""
	RefundOwed  RefundState = "owed"  // on its way
	RefundStuck RefundState = "stuck" // it is tried again
	// RefundAccount waits for the number of an account.
	RefundAccount RefundState = "account"
	RefundSent    RefundState = "sent"
)

// PrintView are the good tickets of an order, for paper.
type PrintView struct {
	Event   EventInfo
	Tickets []TicketView
	Back    string // address of the ticket's page
	PDF     string // address of the file
}

func seeTickets(n int) string {
	if n == 1 {
		return "See your ticket"
	}
	return "See your " + count(n, "ticket", "tickets")
}

func (t TicketInfo) what() string {
	if t.Seat != "" {
		return t.Tier + ", " + t.Seat
	}
	return t.Tier
}

func (t TicketInfo) words() (ui.State, string) {
	switch t.Status {
	case TicketUsed:
		if !t.UsedAt.IsZero() {
			return ui.Soon, "Used at " + clock(t.UsedAt, t.Event.zone())
		}
		return ui.Soon, "Used"
	case TicketReturned:
		return ui.Out, "Given back"
	case TicketVoid:
		if t.Event.Cancelled {
			return ui.Out, "Event cancelled"
		}
		if state, words := disputedTicket(t.Dispute); words != "" {
			return state, words
		}
		return ui.Out, "Not valid"
	}
	return ui.Open, "Valid"
}

func (v TicketView) statusTitle() string {
	switch {
	case v.Ticket.Status == TicketUsed:
		return "You are in"
	case v.Ticket.Event.Cancelled:
		return "The event is cancelled"
	case v.Ticket.Status == TicketReturned:
		return "You gave this ticket back"
	case v.Disputed:
		return "Your bank has asked for this money back"
	case v.Ticket.Dispute == disputeLost:
		return "Your bank has given you this money back"
	case v.Refund != RefundNone:
		return "This ticket was refunded"
	}
	return "This ticket is not valid"
}

func (v TicketView) statusLine() string {
	switch {
	case v.Ticket.Status == TicketUsed:
		return "This ticket let one person in. It cannot be used again."
	case v.Ticket.Event.Cancelled:
		return "It does not take place, so this ticket lets nobody in." + bankDecides(v.Ticket)
	case v.Ticket.Status == TicketReturned:
		return "Its code stopped working at once, and its place went to the next fan in line."
	case v.Disputed:
		return "While the bank decides, the ticket lets nobody in. If you did not ask for the money back, tell your bank; when it decides for the sale, the ticket is good again by itself."
	case v.Ticket.Dispute == disputeLost:
		return "So the ticket is not good any more and lets nobody in, and its place goes to somebody else. If your bank does not show the money, ask the bank. To go after all, join the line again while there are tickets."
	}
	return "It will be stopped at the gate."
}

// refundLine says where the money of a ticket that ended is.
func (v TicketView) refundLine() string {
	if v.Back <= 0 {
		return ""
	}
	switch v.Refund {
	case RefundOwed:
		return v.Back.String() + " is on its way back the way you paid. You need not do anything. Your bank may take a few days to show it."
	case RefundSent:
		return v.Back.String() + " went back the way you paid. If your bank does not show it after ten working days, ask it with the reference on your receipt."
	case RefundAccount:
		return v.Back.String() + " is owed to you. It cannot go back the way you paid, so the organizer will ask you for a bank and an account number. Nobody needs your PIN, your card or a password for that."
	case RefundStuck:
		return v.Back.String() + " is owed to you. It could not be sent at the first try. The organizer sees that, and it is tried again until it goes through. You lose nothing by waiting."
	}
	return ""
}

func (v TicketView) label() string { return "Ticket " + itoa(v.Index) + " of " + itoa(v.Of) }

func (v TicketView) url(more string) string { return "/tickets/" + v.Ticket.ID + more }

// TicketTimes are the date of an event as a stub has it, and its day and time in words, where it takes place.
func TicketTimes(e EventInfo) (date, starts string) {
	return in(e.StartsAt, e.Zone).Format("Mon 2 Jan 2006"), dayYear(e.StartsAt, e.Zone) + ", " + clock(e.StartsAt, e.Zone)
}

// Paid is the price of a ticket as a document says it.
func (t TicketInfo) Paid() string { return price(t.Price) }

// returnLine says what giving back does.
func (v TicketView) returnLine() string {
	if v.Back <= 0 {
		return "Its code stops working at once, and the place goes to the next fan in line. The ticket was free, so there is nothing to send back. This cannot be undone."
	}
	s := "Its code stops working at once, and the place goes to the next fan in line. " + v.Back.String() + " goes back the way you paid; your bank may take a few days to show it."
	switch {
	case v.Fee > 0 && v.Good > 1:
		s += " The fee of " + v.Fee.String() + " that Paystack added to this order comes back only with its last ticket."
	case v.Fee > 0:
		s += " It is your last ticket of this order, so the fee of " + v.Fee.String() + " that Paystack added comes back, too."
	}
	return s + " This cannot be undone."
}

// The code is one path: a run of dark modules in a row is one rectangle. The
// white ground is four modules wider on each side, as readers ask for.
func (v TicketView) qrBox() string {
	n := itoa(len(v.QR) + 8)
	return "-4 -4 " + n + " " + n
}

func (v TicketView) qrGround() string {
	n := itoa(len(v.QR) + 8)
	return "M-4-4h" + n + "v" + n + "h-" + n + "z"
}

func (v TicketView) qrPath() string {
	var b strings.Builder
	for y, row := range v.QR {
		for x := 0; x < len(row); x++ {
			if !row[x] {
				continue
			}
			w := 1
			for x+w < len(row) && row[x+w] {
				w++
			}
			fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x, y, w, w)
			x += w
		}
	}
	return b.String()
}

func (v TicketView) returnLabel() string {
	if v.Back <= 0 {
		return "Give it back"
	}
	return "Give it back for " + v.Back.String()
}

func (v PrintView) title() string {
	if len(v.Tickets) == 1 {
		return "Your ticket on paper"
	}
	return "Your " + num(len(v.Tickets)) + " tickets on paper"
}
