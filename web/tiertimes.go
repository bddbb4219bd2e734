package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// tierTimes shows when each kind of ticket is sold.
func (s *Server) tierTimes(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	told := s.told(c)
	v := tierTimesView(e, nil, nil)
	v.Done, v.Form.Problem = told.Done, told.Problem
	return s.page(c, views.TierTimesPage(s.frame(c), v))
}

// tierTimesView has the times as they are, or as somebody typed them.
func tierTimesView(e *sale.Snapshot, typed []views.TierForm, errs map[string]string) views.TierTimesView {
	v := views.TierTimesView{Event: eventInfo(e), Form: views.EventFormView{Tiers: typed, Errors: errs}}
	if typed == nil {
		for _, t := range e.Tiers {
			v.Form.Tiers = append(v.Form.Tiers, views.TierForm{Name: t.Name, OpensAt: wallClock(t.OpensAt, e), ClosesAt: wallClock(t.ClosesAt, e)})
		}
	}
	return v
}

// wallClock is a time as a form shows it, in the zone of the event; empty for none.
func wallClock(t *time.Time, e *sale.Snapshot) string {
	if t == nil {
		return ""
	}
	return t.In(e.Event.Location).Format(localTimes[0])
}

// changeTierTimes changes them, all or none.
func (s *Server) changeTierTimes(c echo.Context) error {
	page := stockOf(c) + "/times"
	e, id, err := s.own(c, page)
	if err != nil {
		return err
	}
	text, errs := formText(c), map[string]string{}
	typed, times := make([]views.TierForm, len(e.Tiers)), make([]sale.TierTimes, len(e.Tiers))
	for i, t := range e.Tiers {
		at := "tiers." + strconv.Itoa(i)
		typed[i] = views.TierForm{Name: t.Name, OpensAt: text(at + ".opens_at"), ClosesAt: text(at + ".closes_at")}
		times[i] = sale.TierTimes{
			TierID:   t.ID,
			OpensAt:  readWallClock(at+".opens_at", typed[i].OpensAt, t.OpensAt, e, errs),
			ClosesAt: readWallClock(at+".closes_at", typed[i].ClosesAt, t.ClosesAt, e, errs),
		}
	}
	if len(errs) == 0 {
		now, err := s.cfg.Sales.SetTierTimes(c.Request().Context(), e.ID(), id.AccountID, times)
		if err == nil {
			done := "Saved. Fans see the new times at once."
			if now.State == sale.Open && now.Available() == 0 && now.Later() > 0 {
				done += " Nothing is on sale at the moment, so nobody is called until a kind opens. The time of fans who are inside runs on."
			}
			return s.tell(c, page, notice{Done: done})
		}
		f := fault.From(err)
		if f.Kind != fault.Invalid {
			return s.refuse(c, page, err, nil)
		}
		errs = fieldErrors(f)
	}
	return s.render(c, http.StatusUnprocessableEntity, views.TierTimesPage(s.frame(c), tierTimesView(e, typed, errs)))
}

// readWallClock is the time that was typed; one that still reads as before stays what it was, to the second.
func readWallClock(name, typed string, was *time.Time, e *sale.Snapshot, errs map[string]string) *time.Time {
	if typed == wallClock(was, e) {
		return was
	}
	if typed == "" {
		return nil
	}
	var t time.Time
	readTime(name, typed, e.Event.Location, &t, errs)
	return &t
}
