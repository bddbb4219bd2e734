package web

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/internal/stats"
	"fairqueue/views"
)

// own returns the event of the route if it belongs to the organization of the
// person who is signed in; 404 otherwise.
func (s *Server) own(c echo.Context, next string) (*sale.Snapshot, account.Identity, error) {
	personal(c)
	id, err := required(c, next)
	if err != nil {
		return nil, id, err
	}
	org, err := s.cfg.Accounts.Organization(c.Request().Context(), id.AccountID)
	if fault.Code(err) == "not_organizer" {
		return nil, id, errNoEvent.Because(err)
	}
	if err != nil {
		return nil, id, err
	}
	e, err := s.cfg.Sales.Own(c.Request().Context(), org, c.Param("event"))
	return e, id, err
}

func consolePath(e *sale.Snapshot, more string) string {
	return "/organizer/events/" + e.ID().String() + more
}

// consoleOf is the console of the event in the route, as the way back of a form.
func consoleOf(c echo.Context) string { return safeNext("/organizer/events/" + c.Param("event")) }

func (s *Server) organizer(c echo.Context) error {
	id, err := requiredHere(c)
	if err != nil {
		return err
	}
	v := views.OrganizerView{Problem: s.told(c).Problem}
	s.knowBadge(c)
	org, err := s.cfg.Accounts.Organization(c.Request().Context(), id.AccountID)
	if fault.Code(err) == "not_organizer" {
		v.Newcomer = true
		return s.page(c, views.OrganizerPage(s.frame(c), v))
	}
	if err != nil {
		return err
	}
	events, err := s.cfg.Sales.ListOwn(c.Request().Context(), org)
	if err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(events))
	for i, e := range events {
		ids[i] = e.ID()
	}
	trouble, err := s.cfg.Payments.TroubleOf(c.Request().Context(), ids)
	if err != nil {
		return err
	}
	for _, e := range events {
		t := trouble[e.ID()]
		row := views.OrganizerEvent{Event: eventInfo(e), Trouble: views.Trouble{Refunds: t.Refunds, Disputes: t.Disputes}, Waiting: max(e.Arrivals-e.Serving, 0)}
		for _, t := range e.Tiers {
			row.Capacity += t.Capacity
			row.Sold += t.Sold
		}
		v.Events = append(v.Events, row)
	}
	return s.page(c, views.OrganizerPage(s.frame(c), v))
}

// becomeOrganizer makes a person the owner of an organization, so that they
// can create events.
func (s *Server) becomeOrganizer(c echo.Context) error {
	id, err := required(c, "/organizer")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	a, err := s.cfg.Accounts.Get(ctx, id.AccountID)
	if err != nil {
		return err
	}
	name := strings.TrimSpace(c.FormValue("name"))
	if name == "" {
		name = a.Name
	}
	if name == "" {
		name, _, _ = strings.Cut(a.Email, "@")
	}
	if _, err := s.cfg.Accounts.BecomeOrganizer(ctx, id.AccountID, name); err != nil {
		return s.refuse(c, "/organizer", err, nil)
	}
	if a, err = s.cfg.Accounts.Get(ctx, id.AccountID); err != nil {
		return err
	}
	s.setBadge(c, a)
	return see(c, "/organizer")
}

func (s *Server) console(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	v, err := s.consoleView(c.Request().Context(), e)
	if err != nil {
		return err
	}
	told := s.told(c)
	v.Problem, v.Done, v.Errors, v.Typed = told.Problem, told.Done, told.Errors, told.Form
	s.knowBadge(c)
	return s.page(c, views.ConsolePage(s.frame(c), v))
}

// consoleLive is the moving part of the console, for polling.
func (s *Server) consoleLive(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	v, err := s.consoleView(c.Request().Context(), e)
	if err != nil {
		return err
	}
	return s.page(c, views.ConsoleLive(s.frame(c), v))
}

func (s *Server) consoleView(ctx context.Context, e *sale.Snapshot) (v views.ConsoleView, err error) {
	figures, err := s.figures(ctx, e)
	if err != nil {
		return v, err
	}
	v = views.ConsoleView{
		Event: eventInfo(e), Stats: figures, Draw: drawView(e),
		AdmitPerMinute: e.Terms.AdmitPerMinute, MaxInside: e.Terms.MaxInside,
		Can: can(e),
	}
	if e.Terms.BeaconName != "" {
		v.Beacon = beaconView(e)
	}
	v.Trouble, err = s.trouble(ctx, e)
	return v, err
}

func (s *Server) figures(ctx context.Context, e *sale.Snapshot) (views.Stats, error) {
	f, err := stats.Of(ctx, s.cfg.DB, e.ID())
	if err != nil {
		return views.Stats{}, err
	}
	capacity := int(f.Stock.Capacity)
	if e.State == sale.Draft { // The stock is made when it is published.
		capacity = 0
		for _, t := range e.Tiers {
			capacity += t.Capacity
		}
	}
	return views.Stats{
		Lobby: f.Queue.Lobby, Waiting: f.Queue.Waiting, Called: f.Queue.Called, Inside: f.Queue.Inside,
		Missed: f.Queue.Missed, Left: f.Queue.Left, Done: f.Queue.Done, Serving: f.Queue.Serving,
		Joined:   e.Arrivals,
		Capacity: capacity, Free: int(f.Stock.Free), Held: int(f.Stock.Held), Sold: int(f.Stock.Sold),
		Succeeded: f.Money.Succeeded.Amount, Refunded: f.Money.Refunded.Amount, Lost: f.Money.Lost, Disputed: f.Money.Disputed,
		CalledPerMinute: int(f.Rates.Admitted + .5),
	}, nil
}

// can is what an organizer can do with a sale, the most likely first. It only
// chooses buttons: sale's table of moves decides.
func can(e *sale.Snapshot) []views.ConsoleAction {
	switch e.State {
	case sale.Draft:
		return []views.ConsoleAction{views.ActionPublish}
	case sale.Scheduled, sale.Lobby:
		if e.Draw != nil && e.Draw.FrozenAt != nil {
			return []views.ConsoleAction{views.ActionEnd} // It is being opened; its beacon has a page of its own.
		}
		return []views.ConsoleAction{views.ActionOpen, views.ActionEnd}
	case sale.Open, sale.SoldOut:
		return []views.ConsoleAction{views.ActionPause, views.ActionEnd}
	case sale.Paused:
		return []views.ConsoleAction{views.ActionResume, views.ActionEnd}
	case sale.Ended:
	}
	return nil
}

// move makes one of the organizer's moves and tells on the console what
// happened.
func (s *Server) move(c echo.Context, done string, act func(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error)) error {
	e, id, err := s.own(c, consoleOf(c))
	if err != nil {
		return err
	}
	after, err := act(c.Request().Context(), e.ID(), id.AccountID)
	if err != nil {
		return s.refuse(c, consolePath(e, ""), err, nil)
	}
	if after.Draw != nil && after.Draw.FrozenAt != nil && after.Draw.DrawnAt == nil && after.State == sale.Lobby {
		done = "The lobby is closed. The sale opens when the draw is done."
	}
	return s.tell(c, consolePath(e, ""), notice{Done: done})
}

func (s *Server) publish(c echo.Context) error {
	return s.move(c, "The event is published. Fans see it now.", s.cfg.Claims.Publish)
}

func (s *Server) open(c echo.Context) error {
	return s.move(c, "The sale is open. Numbers are being called.", s.cfg.Queue.Open)
}

func (s *Server) pause(c echo.Context) error {
	return s.move(c, "The sale is paused. Nobody is called, and no turn runs down.", s.cfg.Sales.Pause)
}

func (s *Server) resume(c echo.Context) error {
	return s.move(c, "The sale goes on. Numbers are being called again.", s.cfg.Sales.Resume)
}

func (s *Server) end(c echo.Context) error {
	return s.move(c, "The sale has ended. Payments under way are still settled.", s.cfg.Queue.End)
}

func (s *Server) endAsk(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	if e.State == sale.Ended || e.State == sale.Draft {
		return see(c, consolePath(e, ""))
	}
	figures, err := s.figures(c.Request().Context(), e)
	if err != nil {
		return err
	}
	return s.page(c, views.EndPage(s.frame(c), views.EndView{Event: eventInfo(e), Stats: figures}))
}

// pace changes how fast the line moves and how many are inside.
func (s *Server) pace(c echo.Context) error {
	e, id, err := s.own(c, consoleOf(c))
	if err != nil {
		return err
	}
	var p sale.Patch
	errs := map[string]string{}
	for name, to := range map[string]**int{"admit_per_minute": &p.AdmitPerMinute, "max_inside": &p.MaxInside} {
		n, err := strconv.Atoi(strings.TrimSpace(c.FormValue(name)))
		if err != nil {
			errs[name] = "Write a whole number, such as 300."
			continue
		}
		*to = &n
	}
	typed := map[string]string{"admit_per_minute": c.FormValue("admit_per_minute"), "max_inside": c.FormValue("max_inside")}
	if len(errs) > 0 {
		return s.tell(c, consolePath(e, ""), notice{Errors: errs, Form: typed})
	}
	after, err := s.cfg.Sales.Change(c.Request().Context(), e.ID(), id.AccountID, p)
	if err != nil {
		return s.refuseFields(c, consolePath(e, ""), err, typed)
	}
	return s.tell(c, consolePath(e, ""), notice{Done: "From now on " + strconv.Itoa(after.Terms.AdmitPerMinute) +
		" fans a minute are called, and at most " + strconv.Itoa(after.Terms.MaxInside) + " are inside."})
}

// message is what everybody who waits reads.
func (s *Server) message(c echo.Context) error {
	e, id, err := s.own(c, consoleOf(c))
	if err != nil {
		return err
	}
	text := strings.TrimSpace(strings.ReplaceAll(c.FormValue("message"), "\r\n", "\n"))
	if _, err := s.cfg.Sales.Change(c.Request().Context(), e.ID(), id.AccountID, sale.Patch{Message: &text}); err != nil {
		return s.refuseFields(c, consolePath(e, ""), err, map[string]string{"message": text})
	}
	done := "Everybody who waits sees your message within seconds."
	if text == "" {
		done = "The message is gone from every screen."
	}
	return s.tell(c, consolePath(e, ""), notice{Done: done})
}

// refuseFields is refuse for a form whose fields can say themselves what is wrong, and keep what was typed.
func (s *Server) refuseFields(c echo.Context, page string, err error, typed map[string]string) error {
	f := fault.From(err)
	if f.Kind != fault.Invalid || len(f.Fields) == 0 {
		return s.refuse(c, page, err, nil)
	}
	return s.tell(c, page, notice{Errors: fieldErrors(f), Form: typed})
}
