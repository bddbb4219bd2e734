package web

import (
	"slices"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
	"fairqueue/views"
)

func (s *Server) tickets(c echo.Context) error {
	id, err := requiredHere(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	mine, _, err := s.cfg.Tickets.List(ctx, id.AccountID, maxTickets, "")
	if err != nil {
		return err
	}
	var v views.TicketsView
	events := map[uuid.UUID]*sale.Snapshot{}
	for _, t := range mine {
		e := events[t.EventID]
		if e == nil {
			if e, err = s.cfg.Sales.Get(ctx, t.EventID.String()); err != nil {
				return err
			}
			events[t.EventID] = e
		}
		v.Tickets = append(v.Tickets, ticketInfo(e, t))
	}
	if len(mine) == 0 {
		if v.Places, err = s.places(c, id.AccountID); err != nil {
			return err
		}
	}
	s.knowBadge(c)
	return s.page(c, views.TicketsPage(s.frame(c), v))
}

var errNoTicket = fault.New(fault.NotFound, "ticket_not_found", "There is no ticket of yours at this address. Sign in with the e-mail you bought it with.")

func (s *Server) ticket(c echo.Context) error {
	id, err := requiredHere(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	ticketID, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return errNoTicket.Because(err)
	}
	t, err := s.cfg.Tickets.Get(ctx, id.AccountID, ticketID)
	if err != nil {
		return err
	}
	e, err := s.cfg.Sales.Get(ctx, t.EventID.String())
	if err != nil {
		return err
	}
	order, err := s.cfg.Tickets.OfClaim(ctx, id.AccountID, t.ClaimID)
	if err != nil {
		return err
	}
	v := views.TicketView{Ticket: ticketInfo(e, t), Index: 1, Of: max(len(order), 1), Email: s.email(c, id)}
	if i := slices.IndexFunc(order, func(o ticket.Ticket) bool { return o.ID == t.ID }); i >= 0 {
		v.Index = i + 1
		if i+1 < len(order) {
			v.NextID = order[i+1].ID.String()
		}
	}
	if t.Code != "" {
		if v.QR, err = ticket.QR(t.Code); err != nil {
			return err
		}
		v.CodeEnds = t.Code[max(len(t.Code)-6, 0):]
	}
	return s.page(c, views.TicketPage(s.frame(c), v))
}
