package views

import (
	"time"

	"fairqueue/internal/money"
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
