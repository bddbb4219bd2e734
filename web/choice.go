package web

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// choice is what a form of the choosing pages asks for.
type choice struct {
	claim.Request
	hall *catalog.Hall
	// form is what the page shows again after a refusal.
	form map[string]string
	// back is that page with its query.
	back  string
	where string
}

// choice reads the form; err says what is missing, and back is known all the same.
func (s *Server) choice(c echo.Context, e *sale.Snapshot, changed string) (ch choice, err error) {
	if err := c.Request().ParseForm(); err != nil {
		return ch, err
	}
	form := c.Request().PostForm
	ch.where = eventPath(e, "/tickets")
	ch.back = views.TicketsURL(e.Event.Slug, changed, "")
	sent := form["seat_ids"]
	if in := form.Get("seats"); in != "" {
		sent = append(sent, strings.Fields(in)...)
	}
	section := form.Get("section")
	if len(sent) == 0 && section == "" {
		ch.form = map[string]string{"tier_id": form.Get("tier_id"), "quantity": form.Get("quantity"), "split": form.Get("split")}
		if len(ch.form["tier_id"]) > 64 || len(ch.form["quantity"]) > 16 || len(ch.form["split"]) > 8 {
			ch.form = nil
		}
		tier, terr := uuid.Parse(ch.form["tier_id"])
		quantity, qerr := strconv.Atoi(ch.form["quantity"])
		if err := errors.Join(terr, qerr); err != nil {
			return ch, errNoChoice.Because(err)
		}
		ch.Request = claim.Request{TierID: tier, Quantity: quantity, Best: true, Split: ch.form["split"] != ""}
		return ch, nil
	}
	if ch.hall, err = s.hallOf(c.Request().Context(), e); err != nil {
		return ch, err
	}
	if ch.hall == nil {
		return ch, errNoChoice
	}
	numbers := numbersOf(ch.hall, sent)
	ch.form = map[string]string{"seat_ids": ""}
	for _, n := range numbers {
		ch.form["seat_ids"] += strconv.Itoa(n) + " "
		ch.Seats = append(ch.Seats, ch.hall.IDs[n])
	}
	if section == "" && len(numbers) > 0 {
		section = s.sectionOf(ch.hall, numbers[0])
	}
	if len(section) <= 64 {
		ch.back = views.TicketsURL(e.Event.Slug, changed, section)
	}
	if len(numbers) == 0 {
		return ch, fault.New(fault.Invalid, "invalid_request", "Tick at least one seat, then send it again.")
	}
	return ch, nil
}

// hallOf is the hall of an event, from memory if it was drawn before.
func (s *Server) hallOf(ctx context.Context, e *sale.Snapshot) (*catalog.Hall, error) {
	if hall := s.halls.hall(e.ID()); hall != nil {
		return hall, nil
	}
	seats, err := s.cfg.Claims.Seats(ctx, e)
	if err != nil || seats == nil {
		return nil, err
	}
	s.halls.of(e.ID(), seats.Hall)
	return seats.Hall, nil
}

func (s *Server) sectionOf(hall *catalog.Hall, number int) string {
	name := ""
	n := 0
	for _, section := range hall.Map.Sections {
		for _, r := range section.Rows {
			n += len(r.Seats)
		}
		if name = section.ID; number < n {
			break
		}
	}
	return name
}

// refuseChoice leads back to the page of the choice, which shows it again and says what stands in the way.
func (s *Server) refuseChoice(c echo.Context, ch choice, err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return err
	}
	switch f.Kind {
	case fault.Conflict, fault.Forbidden, fault.Invalid, fault.NotFound:
	default:
		return err
	}
	n := notice{Problem: problem(f), Form: ch.form, Seats: seatsTold(ch.hall, f)}
	if n.Form == nil {
		n.Form = map[string]string{}
	}
	if f.Code == "not_enough_left" && ch.Best && !ch.Split {
		n.Problem.Left = number(f.Extra["left"])
	}
	if f.Code == "invalid_request" {
		n.Problem.Text = f.Message
	}
	if err := s.put(c, "at:"+ch.where, n); err != nil {
		return errors.Join(f, err)
	}
	return see(c, ch.back)
}

// claim takes tickets out of the stock for this fan.
func (s *Server) claim(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	id, err := required(c, eventPath(e, "/tickets"))
	if err != nil {
		return err
	}
	ch, err := s.choice(c, e, "")
	if err != nil {
		return s.refuseChoice(c, ch, err)
	}
	held, err := s.cfg.Claims.Hold(c.Request().Context(), e, id.AccountID, ch.Request)
	switch fault.Code(err) {
	case "":
		return see(c, checkoutPath(held.ID))
	case "claim_open":
		// A second click, or another tab: the tickets that are held already.
		if to := s.openCheckout(c, e, id, err); to != "" {
			return see(c, to)
		}
	case "not_admitted", "admission_expired", "sale_not_open":
		return s.refuse(c, eventPath(e, "/queue"), err, nil)
	}
	return s.refuseChoice(c, ch, err)
}

// change puts other tickets in place of those that are held, in one step.
func (s *Server) change(c echo.Context) error {
	cl, e, id, err := s.claimed(c, "/checkout/"+c.Param("claim"))
	if err != nil {
		return err
	}
	ch, err := s.choice(c, e, cl.ID.String())
	if err != nil {
		return s.refuseChoice(c, ch, err)
	}
	_, err = s.cfg.Claims.Change(c.Request().Context(), e, id.AccountID, cl.ID, ch.Request)
	switch fault.Code(err) {
	case "":
		return see(c, checkoutPath(cl.ID))
	case "claim_expired", "payment_pending", "claim_not_found":
		return s.refuse(c, checkoutPath(cl.ID), err, nil)
	case "not_admitted", "admission_expired", "sale_not_open":
		return s.refuse(c, checkoutPath(cl.ID), err, nil)
	}
	return s.refuseChoice(c, ch, err)
}

// presale gives a code, and comes back to the page it was given on.
func (s *Server) presale(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	where, back := eventPath(e, "/tickets"), views.TicketsURL(e.Event.Slug, claimIn(c.FormValue("claim")), "")
	if c.FormValue("from") == "event" {
		where, back = eventPath(e, ""), eventPath(e, "")
	}
	back += "#presale"
	id, err := required(c, where)
	if err != nil {
		return err
	}
	code := c.FormValue("code")
	var opened claim.Presale
	if err = s.cfg.Guard.Presale(c.Request().Context(), id.AccountID.String(), c.RealIP()); err == nil {
		opened, err = s.cfg.Claims.Unlock(c.Request().Context(), e, id.AccountID, code)
	}
	switch f := fault.From(err); {
	case err == nil:
		if err := s.put(c, "at:"+where, notice{Done: "Open to you: " + opened.Name}); err != nil {
			return err
		}
		return see(c, back)
	case f.Code == "invalid_code" || f.Code == "code_used":
		if len(code) > 64 {
			code = ""
		}
		if err := s.put(c, "at:"+where, notice{Form: map[string]string{"code": code}, Errors: map[string]string{"code": views.CodeWords(f.Code)}}); err != nil {
			return err
		}
		return see(c, back)
	}
	return err
}

// claimIn is the id of a claim in a form, or nothing.
func claimIn(text string) string {
	if id, err := uuid.Parse(text); err == nil {
		return id.String()
	}
	return ""
}
