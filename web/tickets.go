package web

import (
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
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
	if v.Places, err = s.places(c, id.AccountID); err != nil {
		return err
	}
	if v.Banks, err = s.banks(c, id.AccountID); err != nil {
		return err
	}
	s.knowBadge(c)
	return s.page(c, views.TicketsPage(s.frame(c), v))
}

var errNoTicket = fault.New(fault.NotFound, "ticket_not_found", "There is no ticket of yours at this address. Sign in with the e-mail you bought it with.")

// held is a ticket of the person who is signed in, with its event and the other tickets of its order.
type held struct {
	id    account.Identity
	t     ticket.Ticket
	e     *sale.Snapshot
	order []ticket.Ticket
}

// held returns the ticket of the route; next is where to go on after signing in.
func (s *Server) held(c echo.Context, next string) (h held, err error) {
	if h.id, err = required(c, next); err != nil {
		return h, err
	}
	personal(c)
	ctx := c.Request().Context()
	ticketID, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return h, errNoTicket.Because(err)
	}
	if h.t, err = s.cfg.Tickets.Get(ctx, h.id.AccountID, ticketID); err != nil {
		if fault.Code(err) == "ticket_not_found" {
			err = errNoTicket.Because(err)
		}
		return h, err
	}
	if h.e, err = s.cfg.Sales.Get(ctx, h.t.EventID.String()); err != nil {
		return h, err
	}
	h.order, err = s.cfg.Tickets.OfClaim(ctx, h.id.AccountID, h.t.ClaimID)
	return h, err
}

// good are the valid tickets of the order.
func (h held) good() (good []ticket.Ticket) {
	for _, t := range h.order {
		if t.Status == string(ticket.Valid) {
			good = append(good, t)
		}
	}
	return good
}

// view is a ticket of the order as pages show it.
func (h held) view(t ticket.Ticket) (v views.TicketView, err error) {
	v = views.TicketView{
		Ticket: ticketInfo(h.e, t), Index: 1, Of: max(len(h.order), 1), Good: len(h.good()),
		Back: t.Price - t.Reduced, Refund: refundState(t.Refund), Corrected: t.NameCorrectedAt,
	}
	if i := slices.IndexFunc(h.order, func(o ticket.Ticket) bool { return o.ID == t.ID }); i >= 0 {
		v.Index = i + 1
		if i+1 < len(h.order) {
			v.NextID = h.order[i+1].ID.String()
		}
	}
	if t.Price > 0 {
		v.Order = t.ClaimID.String()
	}
	if t.Code != "" {
		if v.QR, err = ticket.QR(t.Code); err != nil {
			return v, err
		}
		v.CodeEnds = t.Code[max(len(t.Code)-6, 0):]
	}
	return v, nil
}

// refundState is how far a refund is, as the fan has it.
func refundState(status string) views.RefundState {
	switch status {
	case "":
		return views.RefundNone
	case "processed":
		return views.RefundSent
	case "failed":
		return views.RefundStuck
	case "needs_attention":
		return views.RefundAccount
	}
	return views.RefundOwed
}

func ticketPath(t ticket.Ticket, more string) string { return "/tickets/" + t.ID.String() + more }

func (s *Server) ticket(c echo.Context) error {
	h, err := s.held(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	v, err := h.view(h.t)
	if err != nil {
		return err
	}
	if err := s.mayReturn(c, h, &v); err != nil {
		return err
	}
	v.Email, v.Problem = s.email(c, h.id), s.told(c).Problem
	return s.page(c, views.TicketPage(s.frame(c), v))
}

// mayReturn adds until when a ticket may be given back, or why it may not.
func (s *Server) mayReturn(c echo.Context, h held, v *views.TicketView) error {
	if h.t.Status == string(ticket.Used) {
		return nil
	}
	until, err := s.cfg.Payments.ReturnUntil(c.Request().Context(), h.id.AccountID, h.t.ID)
	if err == nil {
		v.ReturnUntil = until
		return nil
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Conflict {
		return err
	}
	v.Keeps, v.Disputed = f.Message, f.Extra["reason"] == "disputed"
	return nil
}

// returnAsk asks before a ticket is given back, because it cannot be undone.
func (s *Server) returnAsk(c echo.Context) error {
	h, err := s.held(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	v, err := h.view(h.t)
	if err != nil {
		return err
	}
	if err := s.mayReturn(c, h, &v); err != nil {
		return err
	}
	if v.ReturnUntil.IsZero() {
		return see(c, ticketPath(h.t, "")) // There it says why.
	}
	o, err := s.cfg.Payments.Order(c.Request().Context(), h.t.EventID, h.t.ClaimID)
	if err != nil {
		return err
	}
	if v.Fee = max(o.Left()-o.Worth(), 0); v.Good == 1 {
		v.Back = o.Left() // with the last ticket goes all that came, the fee too
	}
	return s.page(c, views.TicketReturnPage(s.frame(c), v))
}

// giveBack gives a ticket back at its price.
func (s *Server) giveBack(c echo.Context) error {
	h, err := s.held(c, "/tickets/"+c.Param("id"))
	if err != nil {
		return err
	}
	// A second click finds it given back: the page says so, which is what the first click was for.
	if h.t.Status != string(ticket.Returned) {
		if err := s.cfg.Payments.Return(c.Request().Context(), h.id.AccountID, h.t.ID); err != nil {
			return s.refuse(c, ticketPath(h.t, ""), err, nil)
		}
	}
	return see(c, ticketPath(h.t, ""))
}

// onPaper are the tickets that a page or a file for paper is about: that of the route, or all good ones of its order.
func (h held) onPaper(c echo.Context, all bool) (tickets []ticket.Ticket) {
	if all || c.QueryParam("all") != "" {
		return h.good()
	}
	if h.t.Status == string(ticket.Valid) {
		return []ticket.Ticket{h.t}
	}
	return nil
}

// printTickets shows the good tickets of an order, one a sheet.
func (s *Server) printTickets(c echo.Context) error {
	h, err := s.held(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	v := views.PrintView{Event: eventInfo(h.e), Back: ticketPath(h.t, ""), PDF: ticketPath(h.t, "/ticket.pdf?all=1")}
	for _, t := range h.onPaper(c, true) {
		one, err := h.view(t)
		if err != nil {
			return err
		}
		v.Tickets = append(v.Tickets, one)
	}
	if len(v.Tickets) == 0 {
		return see(c, v.Back)
	}
	return s.page(c, views.TicketPrintPage(s.frame(c), v))
}

// base is the address of the shop, without a slash at its end.
func (s *Server) base() string { return strings.TrimSuffix(s.cfg.PublicURL.String(), "/") }
