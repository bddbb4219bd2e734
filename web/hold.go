package web

import (
	"errors"
	"slices"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// holdPart is the clock of a hold and what can be done about it, as it is now: the page asks for it when it has reason to
// doubt what it shows. It asks no provider.
func (s *Server) holdPart(c echo.Context) error {
	cl, e, id, err := s.claimed(c, "/checkout/"+c.Param("claim"))
	if err != nil {
		return err
	}
	if cl, err = s.keepWhileDown(c.Request().Context(), cl, id.AccountID); err != nil {
		return err
	}
	return s.renderHold(c, cl, e, id)
}

func (s *Server) renderHold(c echo.Context, cl claim.Claim, e *sale.Snapshot, id account.Identity) error {
	v, err := s.checkoutView(c, cl, e, id)
	if err != nil {
		return err
	}
	v.Over = v.State == views.CheckoutExpired && !e.Cancelled() // else the whole page is another
	return s.page(c, views.HoldPart(s.frame(c), v))
}

// extend gives more time. A page that goes on without being loaded again gets its part; what was typed there stays.
func (s *Server) extend(c echo.Context) error {
	cl, e, id, err := s.claimed(c, "/checkout/"+c.Param("claim"))
	if err != nil {
		return err
	}
	longer, err := s.cfg.Claims.Extend(c.Request().Context(), id.AccountID, cl.ID)
	if err == nil {
		cl = longer
	}
	if fromHTMX(c.Request()) {
		// A refusal is what the part shows: time that cannot be had, or has run out.
		if f, ok := errors.AsType[*fault.Error](err); err != nil && (!ok || f.Kind != fault.Conflict) {
			return err
		}
		if cl, err = s.cfg.Claims.Get(c.Request().Context(), id.AccountID, cl.ID); err != nil {
			return err
		}
		return s.renderHold(c, cl, e, id)
	}
	if err != nil {
		return s.refuse(c, checkoutPath(cl.ID), err, nil)
	}
	return see(c, checkoutPath(cl.ID))
}

// releaseAsk asks before tickets are given back, where the page cannot.
func (s *Server) releaseAsk(c echo.Context) error {
	cl, e, id, err := s.claimed(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	v, err := s.checkoutView(c, cl, e, id)
	if err != nil {
		return err
	}
	switch v.State {
	case views.CheckoutHeld, views.CheckoutFailed, views.CheckoutUsedUp:
		return s.page(c, views.ReleasePage(s.frame(c), v))
	}
	return see(c, checkoutPath(cl.ID))
}

func (s *Server) release(c echo.Context) error {
	cl, _, id, err := s.claimed(c, "/checkout/"+c.Param("claim"))
	if err != nil {
		return err
	}
	if err := s.cfg.Payments.Release(c.Request().Context(), id.AccountID, cl.ID); err != nil {
		return s.refuse(c, checkoutPath(cl.ID), err, nil)
	}
	return see(c, checkoutPath(cl.ID))
}

// keepName gives the buyer's account the name that the buyer has written, for the next order. The names of this order are
// kept with its payment, so that one that cannot be kept here stands in nobody's way to pay.
func (s *Server) keepName(c echo.Context, a account.Account, name string) {
	if name == a.Name {
		return
	}
	a, err := s.cfg.Accounts.Rename(c.Request().Context(), a.ID, name)
	if err != nil {
		s.cfg.Logger.Warn("the name of a buyer was not kept", "err", err, "request", requestID(c))
		return
	}
	s.setBadge(c, a)
}

// seatSets are the seats of a claim by row, in their order.
func seatSets(cl claim.Claim) (sets []views.SeatSet) {
	for _, l := range cl.Lines {
		if l.Seat == nil {
			continue
		}
		i := slices.IndexFunc(sets, func(s views.SeatSet) bool { return s.Section == l.Seat.Section && s.Row == l.Seat.Row })
		if i < 0 {
			sets = append(sets, views.SeatSet{Section: l.Seat.Section, Row: l.Seat.Row, Seats: l.Seat.Label})
			continue
		}
		sets[i].Seats += ", " + l.Seat.Label
	}
	return sets
}
