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
}

// TicketsView is the fan's tickets.
type TicketsView struct {
	Tickets []TicketInfo
	Places  []PlaceInfo // lines the fan stands in, for the empty list
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
		return ui.Out, "Not valid"
	}
	return ui.Open, "Valid"
}

func (t TicketInfo) statusTitle() string {
	switch t.Status {
	case TicketUsed:
		return "You are in"
	case TicketReturned:
		return "You gave this ticket back"
	}
	return "This ticket is not valid"
}

func (t TicketInfo) statusLine() string {
	switch t.Status {
	case TicketUsed:
		return "This ticket let one person in. It cannot be used again."
	case TicketReturned:
		return "It went to the next fan in line. Your money goes back the way you paid."
	}
	return "It will be stopped at the gate. If you paid for it, the money goes back the way you paid."
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
