package views

import (
	"time"

	"github.com/a-h/templ"
)

func galleryHeld(status TicketStatus) TicketView {
	v := TicketView{
		Ticket: galleryTicket(status), Index: 1, Of: 2, NextID: "k2", QR: galleryCode(), CodeEnds: "7Q4Tab", Email: "jolaade@mail.example",
		Order: "c1", Good: 2, Keeps: "The organizer of this event does not take tickets back.", Back: 2500000,
	}
	if status != TicketValid {
		v.Good, v.Keeps = 1, ""
	}
	return v
}

// oneTicket is a ticket in each of its states, and what it can be kept as.
func (b *galleryBook) oneTicket() {
	ticket := func(status TicketStatus, change func(*TicketView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := galleryHeld(status)
			if change != nil {
				change(&v)
			}
			return TicketPage(signedIn(f), v)
		}
	}
	returnable := func(v *TicketView) { v.ReturnUntil, v.Keeps = galleryNow.Add(30*time.Hour), "" }
	b.add("ticket", "Ticket, just bought", ticket(TicketValid, func(v *TicketView) { v.JustBought = true }))
	b.add("ticket-returnable", "Ticket that may be given back, name corrected", ticket(TicketValid, func(v *TicketView) {
		returnable(v)
		v.Corrected, v.Ticket.Seat = galleryNow.Add(-3*time.Hour), "Block A, row 3, seat 12"
	}))
	b.add("ticket-refused", "Ticket that could not be given back", ticket(TicketValid, func(v *TicketView) {
		v.Keeps = "The time to give tickets of this event back is over."
		v.Problem = &Problem{Code: "not_returnable", Text: v.Keeps}
	}))
	b.add("ticket-used", "Ticket, used", ticket(TicketUsed, nil))
	b.add("ticket-returned", "Ticket, given back", ticket(TicketReturned, func(v *TicketView) { v.Refund = RefundOwed }))
	b.add("ticket-refunded", "Ticket, refunded", ticket(TicketVoid, func(v *TicketView) { v.Refund = RefundSent }))
	b.add("ticket-account", "Ticket, the refund waits for an account number", ticket(TicketVoid, func(v *TicketView) { v.Refund = RefundAccount }))
	b.add("ticket-stuck", "Ticket, the refund waits for somebody", ticket(TicketVoid, func(v *TicketView) { v.Refund = RefundStuck }))
	b.add("ticket-cancelled", "Ticket of a cancelled event", ticket(TicketVoid, func(v *TicketView) { v.Refund, v.Ticket.Event.Cancelled = RefundOwed, true }))
	b.add("ticket-disputed", "Ticket whose money the bank asks for", ticket(TicketVoid, func(v *TicketView) { v.Disputed = true }))
	b.add("ticket-void", "Ticket, void", ticket(TicketVoid, nil))
	b.add("ticket-return", "Giving a ticket back", func(f Frame) templ.Component {
		v := galleryHeld(TicketValid)
		returnable(&v)
		return TicketReturnPage(signedIn(f), v)
	})
	b.add("ticket-return-fee", "Giving the first ticket of an order back, with a fee", func(f Frame) templ.Component {
		v := galleryHeld(TicketValid)
		returnable(&v)
		v.Fee = 86295
		return TicketReturnPage(signedIn(f), v)
	})
	b.add("ticket-print", "Tickets for paper", func(f Frame) templ.Component {
		one, two := galleryHeld(TicketValid), galleryHeld(TicketValid)
		two.Index = 2
		return TicketPrintPage(signedIn(f), PrintView{Event: one.Ticket.Event, Tickets: []TicketView{one, two}, Back: "/tickets/k1", PDF: "/tickets/k1/ticket.pdf?all=1"})
	})
}

// eventDetails is the organizer's form of what an event is.
func (b *galleryBook) eventDetails(organizer func(Frame) Frame) {
	form := func(change func(*DetailsView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			e := galleryEvent(SaleOpen)
			v := DetailsView{Event: e, Holders: 1184, Form: EventFormView{Name: e.Name, Venue: e.Venue, Timezone: "Africa/Lagos", StartsAt: "2026-12-12T20:00"}}
			change(&v)
			return DetailsPage(organizer(f), v)
		}
	}
	b.add("organizer-details", "Details of an event", form(func(v *DetailsView) { v.Done = "Saved. Everybody with a ticket is told what changed." }))
	b.add("organizer-details-draft", "Details of an event that nobody has a ticket for", form(func(v *DetailsView) { v.Holders = 0 }))
	b.add("organizer-details-wrong", "Details of an event, something is wrong", form(func(v *DetailsView) {
		v.Form.Venue, v.Form.Errors = "", map[string]string{"venue": "The venue is missing."}
	}))
	b.add("organizer-details-cancelled", "Details of a cancelled event", form(func(v *DetailsView) { v.Cancelled = true }))
}
