package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"fairqueue/internal/fault"
	"fairqueue/internal/ticket"
)

// Ticket is the right to come in once.
type Ticket struct {
	ID         uuid.UUID `json:"id" format:"uuid"`
	EventID    uuid.UUID `json:"event_id" format:"uuid"`
	Tier       string    `json:"tier" doc:"Name of the tier."`
	Seat       *Seat     `json:"seat" doc:"Null for general admission."`
	HolderName string    `json:"holder_name"`
	Status     string    `json:"status" enum:"valid,used,returned,void"`
	Code       *string   `json:"code" doc:"What the QR code carries; null once the ticket is returned or void."`
}

// TransformSchema documents that seat may be null.
func (Ticket) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "seat")
}

type ticketList struct {
	Tickets    []Ticket `json:"tickets" nullable:"false"`
	NextCursor *string  `json:"next_cursor" doc:"Null at the end."`
}

func ticketOut(t ticket.Ticket) Ticket {
	out := Ticket{ID: t.ID, EventID: t.EventID, Tier: t.Tier, HolderName: t.HolderName, Status: t.Status, Code: next(t.Code)}
	if t.Seat != nil {
		out.Seat = &Seat{Section: t.Seat.Section, Row: t.Seat.Row, Label: t.Seat.Label}
	}
	return out
}

var (
	errNoTicket        = fault.New(fault.NotFound, "ticket_not_found", "There is no such ticket, or it is not yours.")
	errNotTransferable = fault.New(fault.Forbidden, "not_transferable", "Tickets cannot be given to another account. If you cannot go, return the ticket where the organizer allows it.")
)

func (a *API) tickets() {
	add(a, route{
		id: "list-tickets", method: http.MethodGet, path: prefix + "/tickets", tag: tagTickets, auth: bearer,
		summary: "List my tickets", doc: "Newest first.", ok: []int{http.StatusOK}, list: true,
	}, func(r *request) (*reply[ticketList], error) {
		who, err := r.bearer()
		if err != nil {
			return nil, err
		}
		limit, cursor, err := r.page()
		if err != nil {
			return nil, err
		}
		found, more, err := a.Tickets.List(r.ctx(), who.AccountID, limit, cursor)
		if err != nil {
			return nil, err
		}
		out := ticketList{Tickets: make([]Ticket, len(found)), NextCursor: next(more)}
		for i, t := range found {
			out.Tickets[i] = ticketOut(t)
		}
		return ok(out)
	})

	add(a, route{
		id: "transfer-ticket", method: http.MethodPost, path: prefix + "/tickets/{id}/transfer", tag: tagTickets, auth: bearer,
		summary: "Give a ticket away", doc: "Always refused: a ticket belongs to the account that bought it.",
		ok: []int{http.StatusForbidden}, codes: []string{"ticket_not_found", "not_transferable"},
	}, func(r *request) (*nothing, error) {
		who, err := r.bearer()
		if err != nil {
			return nil, err
		}
		id, err := r.id(errNoTicket)
		if err != nil {
			return nil, err
		}
		if _, err := a.Tickets.Get(r.ctx(), who.AccountID, id); err != nil {
			return nil, err
		}
		return nil, errNotTransferable
	})

	add(a, route{
		id: "return-ticket", method: http.MethodPost, path: prefix + "/tickets/{id}/return", tag: tagTickets, auth: bearer,
		summary: "Give a ticket back at its price",
		doc: "Where the organizer takes tickets back (`sale.returns`). The code stops working at once, the place goes to whoever waits, and the refund follows the way the money came. " +
			"409 `not_returnable` says why in `reason`: not_allowed, too_late, ended, event_cancelled or disputed.",
		ok: []int{http.StatusAccepted}, codes: []string{"ticket_not_found", "not_returnable", "ticket_used"},
	}, func(r *request) (*reply[Ticket], error) {
		who, err := r.bearer()
		if err != nil {
			return nil, err
		}
		id, err := r.id(errNoTicket)
		if err != nil {
			return nil, err
		}
		if _, err := a.Tickets.Get(r.ctx(), who.AccountID, id); err != nil {
			return nil, err
		}
		if err := r.noBody(); err != nil {
			return nil, err
		}
		if err := a.Payments.Return(r.ctx(), who.AccountID, id); err != nil {
			return nil, err
		}
		t, err := a.Tickets.Get(r.ctx(), who.AccountID, id)
		if err != nil {
			return nil, err
		}
		return &reply[Ticket]{http.StatusAccepted, ticketOut(t)}, nil
	})
}
