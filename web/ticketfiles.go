package web

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
	"fairqueue/internal/ticket"
	"fairqueue/internal/ticket/pdf"
	"fairqueue/views"
)

// presses bound how many files are drawn at once. One takes 20 ms of a processor, and after a rush thousands are asked for
// while others still wait in line: those come first.
type presses chan struct{}

const pressesMost = 2

var errPresses = fault.New(fault.Unavailable, "busy", "Many people save their tickets just now. Yours is safe: try again in a minute, or show it on your phone.").After(time.Minute)

// draw waits for its turn as long as the request does, ten seconds at most.
func (p presses) draw(ctx context.Context, title string, pages []pdf.Page) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, pressPatience)
	defer cancel()
	select {
	case p <- struct{}{}:
		defer func() { <-p }()
	case <-ctx.Done():
		return nil, errPresses.Because(ctx.Err())
	}
	var file bytes.Buffer
	err := pdf.Write(&file, title, pages)
	return file.Bytes(), err
}

const pressPatience = 10 * time.Second

// ticketPDF is a ticket as a file to keep or print; with ?all=1 all good ones of its order.
func (s *Server) ticketPDF(c echo.Context) error {
	h, err := s.held(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	tickets := h.onPaper(c, false)
	if len(tickets) == 0 {
		return see(c, ticketPath(h.t, "")) // There it says what became of it.
	}
	pages := make([]pdf.Page, len(tickets))
	for i, t := range tickets {
		v, err := h.view(t)
		if err != nil {
			return err
		}
		pages[i] = paper(v)
		pages[i].Issued, pages[i].URL = t.IssuedAt, s.base()+ticketPath(t, "")
	}
	file, err := s.presses.draw(c.Request().Context(), h.e.Event.Name, pages)
	if err != nil {
		return err
	}
	name := h.e.Event.Slug + "-ticket-" + tickets[0].ID.String()[:8] + ".pdf"
	if len(tickets) > 1 {
		name = h.e.Event.Slug + "-" + strconv.Itoa(len(tickets)) + "-tickets.pdf"
	}
	return attach(c, name, "application/pdf", file)
}

// paper is a ticket as it is printed.
func paper(v views.TicketView) pdf.Page {
	p := pdf.Page{
		Label: "Ticket " + strconv.Itoa(v.Index) + " of " + strconv.Itoa(v.Of), Event: v.Ticket.Event.Name, Venue: v.Ticket.Event.Venue,
		Holder: v.Ticket.Holder, QR: v.QR, CodeEnds: v.CodeEnds,
	}
	p.Date, p.Starts = views.TicketTimes(v.Ticket.Event)
	p.Facts = []pdf.Fact{{Name: "Ticket", Value: v.Ticket.Tier}, {Name: "Seat", Value: v.Ticket.Seat}, {Name: "Price", Value: v.Ticket.Paid()}}
	p.Notes = []string{
		"At the gate: show this code, on paper or on a screen. One scan lets one person in, and a copy will be stopped.",
		"The ticket is in the name of " + v.Ticket.Holder + ". It belongs to the account that bought it and cannot be passed on. If you cannot go, the page of the ticket says whether you can give it back.",
		"The organizer may change the time or place. The page of the ticket always says what is right:",
	}
	return p
}

// attach sends a file that the browser saves under a name.
func attach(c echo.Context, name, kind string, content []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	h.Set(echo.HeaderContentLength, strconv.Itoa(len(content)))
	return c.Blob(http.StatusOK, kind, content)
}

// ticketCalendar is the event of a ticket for the fan's calendar.
func (s *Server) ticketCalendar(c echo.Context) error {
	h, err := s.held(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	url := s.base() + ticketPath(h.t, "")
	summary, words := h.e.Event.Name, "Your ticket: "+url+"\nShow its code at the gate."
	state, err := s.goes(c, h)
	if err != nil {
		return err
	}
	switch {
	case h.e.Cancelled():
		summary, words = "Cancelled: "+summary, "The event does not take place."
		if h.e.CancelReason != "" {
			words += " The organizer writes: " + h.e.CancelReason
		}
		words += "\nWhat becomes of your ticket and of your money: " + url
	case h.t.Dispute == string(payment.DisputeOpen):
		words = "Your bank asks for the money of this ticket back. Until it has decided, the ticket lets nobody in: " + url
	case h.t.Status == string(ticket.Used):
		words = "Your ticket, which was used: " + url
	case h.t.Status != string(ticket.Valid):
		words = "This ticket lets nobody in any more. What became of it: " + url
	}
	file := calendar(appointment{
		// The same for all tickets of one event, so that it stands in the calendar once.
		UID: h.e.ID().String() + "@" + s.cfg.PublicURL.Hostname(), Stamp: s.now(), Starts: h.e.Event.StartsAt,
		Summary: summary, Location: h.e.Event.Venue, URL: url, Description: words, State: state,
	})
	return attach(c, h.e.Event.Slug+".ics", "text/calendar; charset=utf-8", []byte(file))
}

// goes is whether an event takes place for the holder of a ticket of it, whose calendar has it once: as long as any ticket
// of theirs lets somebody in.
func (s *Server) goes(c echo.Context, h held) (appointmentState, error) {
	if h.e.Cancelled() {
		return appointmentCancelled, nil
	}
	live, err := s.liveTickets(c, h.e.ID(), h.id.AccountID)
	switch {
	case err != nil:
		return "", err
	case len(live) > 0:
		return appointmentSure, nil
	case slices.ContainsFunc(h.order, func(t ticket.Ticket) bool { return t.Dispute == string(payment.DisputeOpen) }):
		return appointmentTentative, nil
	}
	return appointmentCancelled, nil
}
