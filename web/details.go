package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// details shows what an event is: its name, place and time.
func (s *Server) details(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	told := s.told(c)
	v := views.DetailsView{Done: told.Done, Form: views.EventFormView{
		Name: e.Event.Name, Venue: e.Event.Venue, Timezone: e.Event.Timezone, StartsAt: e.Event.StartsAt.In(e.Event.Location).Format(localTimes[0]),
		Problem: told.Problem,
	}}
	return s.detailsPage(c, http.StatusOK, e, v)
}

func (s *Server) detailsPage(c echo.Context, status int, e *sale.Snapshot, v views.DetailsView) error {
	holders, err := s.cfg.Payments.Holders(c.Request().Context(), e.ID())
	if err != nil {
		return err
	}
	v.Event, v.Holders, v.Cancelled = eventInfo(e), holders, e.Cancelled()
	return s.render(c, status, views.DetailsPage(s.frame(c), v))
}

// changeDetails changes them, and everybody with a ticket is told.
func (s *Server) changeDetails(c echo.Context) error {
	e, id, err := s.own(c, consoleOf(c)+"/details")
	if err != nil {
		return err
	}
	text, errs := formText(c), map[string]string{}
	v := views.DetailsView{Form: views.EventFormView{Name: text("name"), Venue: text("venue"), Timezone: text("timezone"), StartsAt: text("starts_at")}}
	zone, err := catalog.Location(v.Form.Timezone)
	if err != nil {
		zone = time.UTC // the check says that the zone is wrong
	}
	// The form knows minutes: a time that was set to the second stays unless another one is typed.
	starts := e.Event.StartsAt
	if v.Form.Timezone != e.Event.Timezone || v.Form.StartsAt != starts.In(e.Event.Location).Format(localTimes[0]) {
		readTime("starts_at", v.Form.StartsAt, zone, &starts, errs)
	}
	if len(errs) == 0 {
		_, err := s.cfg.Payments.ChangeDetails(c.Request().Context(), e.ID(), id.AccountID, catalog.Details{
			Name: &v.Form.Name, Venue: &v.Form.Venue, Timezone: &v.Form.Timezone, StartsAt: &starts,
		})
		if err == nil {
			return s.tell(c, consolePath(e, "/details"), notice{Done: "Saved. Everybody with a ticket is told what changed."})
		}
		f := fault.From(err)
		if f.Kind != fault.Invalid || len(f.Fields) == 0 {
			return s.refuse(c, consolePath(e, "/details"), err, nil)
		}
		errs = fieldErrors(f)
	} else if _, wrong := catalog.Check(catalog.NewEvent{Name: v.Form.Name, Venue: v.Form.Venue, Timezone: v.Form.Timezone, StartsAt: starts}); len(wrong) > 0 {
		addErrors(errs, &fault.Error{Fields: wrong})
	}
	v.Form.Errors = errs
	return s.detailsPage(c, http.StatusUnprocessableEntity, e, v)
}
