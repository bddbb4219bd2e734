package web

import (
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/claim"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// banks are the account's payments that are not decided, of all events. Pages that invite to pay say so first. No page
// that a crowd loads asks for them, and nothing that is polled, but for people who are inside.
func (s *Server) banks(c echo.Context, account uuid.UUID) (out []views.BankInfo, err error) {
	ctx := c.Request().Context()
	payments, err := s.cfg.Payments.UnderWay(ctx, account)
	if err != nil {
		return nil, err
	}
	for _, p := range payments {
		e, err := s.cfg.Sales.Get(ctx, p.EventID.String())
		if err != nil {
			return nil, err
		}
		out = append(out, views.BankInfo{Event: eventInfo(e), ClaimID: p.ClaimID.String(), Amount: p.Amount, Waiting: p.Waiting, Late: p.Late})
	}
	return out, nil
}

// bankOf is the account's payment for one event that is not decided, the one that tickets are kept for before others;
// nil: none.
func (s *Server) bankOf(c echo.Context, e *sale.Snapshot, account uuid.UUID) (*views.BankInfo, error) {
	all, err := s.banks(c, account)
	var found *views.BankInfo
	for i, b := range all {
		if b.Event.ID == e.ID().String() && (found == nil || found.Late && !b.Late) {
			found = &all[i]
		}
	}
	return found, err
}

// bankOfPlace is bankOf for somebody who has been inside; others have nothing to pay for.
func (s *Server) bankOfPlace(c echo.Context, e *sale.Snapshot, place queue.View) (*views.BankInfo, error) {
	switch place.Status {
	case queue.Inside, queue.Done, queue.Left:
		return s.bankOf(c, e, place.Account)
	}
	return nil, nil //nolint:nilnil // none is an ordinary answer, not an error
}

// bankOfClaim is bankOf for a claim that waits for its payment.
func (s *Server) bankOfClaim(c echo.Context, e *sale.Snapshot, open *claim.Claim) (*views.BankInfo, error) {
	if open == nil || open.Status != claim.Paying {
		return nil, nil //nolint:nilnil // none is an ordinary answer, not an error
	}
	return s.bankOf(c, e, open.AccountID)
}

// usedUp is the visit of somebody who is inside, where no payment is left in it and none is under way; nil: they can pay.
func (s *Server) usedUp(c echo.Context, e *sale.Snapshot, place queue.View) (*views.UsedUpInfo, error) {
	if place.Status != queue.Inside || e.Cancelled() {
		return nil, nil //nolint:nilnil // none is an ordinary answer, not an error
	}
	ctx := c.Request().Context()
	left, err := s.cfg.Payments.VisitStartsLeft(ctx, place.SpotID)
	if err != nil || left > 0 {
		return nil, err
	}
	open, err := s.cfg.Claims.OpenOf(ctx, e.ID(), place.Account)
	if err != nil || open != nil && open.Status == claim.Paying {
		return nil, err
	}
	bank, err := s.bankOf(c, e, place.Account)
	u := &views.UsedUpInfo{Event: eventInfo(e), Late: bank != nil}
	if open != nil {
		u.Held, u.Until = len(open.Lines), open.ExpiresAt
	}
	return u, err
}
