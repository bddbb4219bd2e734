package web

import (
	"github.com/labstack/echo/v4"

	"fairqueue/internal/sale"
	"fairqueue/views"
)

// fairness is what anyone may check about one sale.
func (s *Server) fairness(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	v := views.FairnessView{
		Event: eventInfo(e), Joined: e.Arrivals, Serving: e.Serving,
		Promise: "Numbers follow the order of joining, from 1, without a gap. People are called in the order of their numbers, and nobody can buy or ask a way past you.",
	}
	if e.Terms.Ordering == sale.Draw {
		v.Promise = drawNote + " " + v.Promise
	}
	for _, t := range e.Tiers {
		v.Capacity += t.Capacity
		v.Sold += t.Sold
	}
	if err := s.fairnessFigures(c, e, &v); err != nil {
		return err
	}
	return s.page(c, views.FairnessPage(s.frame(c), v))
}

// historyShown is how many steps and exceptions the page lists.
const historyShown = 100

// fairnessFigures adds the invariants and the newest steps of the line. They
// are counted at most twice a minute, however many people look.
func (s *Server) fairnessFigures(c echo.Context, e *sale.Snapshot, v *views.FairnessView) error {
	invariants, at, err := s.invariants(c.Request().Context(), e.ID())
	if err != nil {
		return err
	}
	v.Invariants, v.CheckedAt = invariants, at.Add(s.cfg.Clock.Offset())
	steps, exceptions, err := s.cfg.Queue.History(c.Request().Context(), e.ID(), historyShown)
	if err != nil {
		return err
	}
	for _, st := range steps {
		if st.To < st.From {
			continue // Only people who came back: they stand among the exceptions.
		}
		v.Admissions = append(v.Admissions, views.Admission{From: st.From, To: st.To, At: st.At})
	}
	for _, x := range exceptions {
		v.Exceptions = append(v.Exceptions, views.Exception{Number: x.Number, Rule: ruleWords(x.Rule), At: x.At})
	}
	return nil
}

// ruleWords says the rule of a return to the line.
func ruleWords(rule string) string {
	switch rule {
	case "redeem":
		return "Missed the turn and came back in time: next as soon as there is room"
	case "behind":
		return "Asked for another turn: behind everybody who waits"
	case "lobby":
		return "Left the lobby and came back before the sale: the same place"
	}
	return rule
}
