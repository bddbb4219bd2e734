package views

import "fairqueue/views/ui"

// How a dispute stands that made a ticket void.
const (
	disputeAsked = "open"
	disputeLost  = "lost"
)

// disputedTicket is why a ticket is void by a dispute, as its fan reads it in a list; nothing for another.
func disputedTicket(dispute string) (ui.State, string) {
	switch dispute {
	case disputeAsked:
		return ui.Low, "On hold: your bank decides"
	case disputeLost:
		return ui.Out, "Not valid: your bank gave the money back"
	}
	return ui.Out, ""
}

// bankDecides is where the money of a ticket is whose event is cancelled while its bank decides about it.
func bankDecides(t TicketInfo) string {
	switch t.Dispute {
	case disputeAsked:
		return " You asked your bank for the money back, and it has not decided. If it does not give it to you, we do, by itself."
	case disputeLost:
		return " Your bank has given you the money back."
	}
	return ""
}

// state is how a ticket of an order stands, and why it is void, for the organizer.
func (t OrderTicketRow) state() (ui.State, string) {
	switch {
	case t.Status == "void" && t.Dispute == disputeAsked:
		return ui.Low, "On hold: a bank decides"
	case t.Status == "void" && t.Dispute == disputeLost:
		return ui.Out, "Void: lost to the bank"
	}
	return ticketState(t.Status)
}
