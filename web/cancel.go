package web

import (
	"context"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// cancellation is how far the money of a cancelled event has gone back; nil for one that takes place.
func (s *Server) cancellation(ctx context.Context, e *sale.Snapshot) (*views.CancelProgress, error) {
	if !e.Cancelled() {
		return nil, nil //nolint:nilnil // it takes place
	}
	p, err := s.cfg.Payments.Cancellation(ctx, e.ID())
	return cancelProgress(p), err
}

func cancelProgress(p payment.Cancellation) *views.CancelProgress {
	return &views.CancelProgress{
		Orders: p.Orders, OrdersBack: p.OrdersBack, Open: p.Open, Free: p.Free, Disputed: p.Disputed, UnderWay: p.UnderWay,
		Stuck: p.Stuck, Moving: p.Refunds - p.Back - p.Stuck, All: p.Kept + p.Owed, Sent: p.Sent, Done: p.Done(),
	}
}

func (s *Server) cancelLive(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	p, err := s.cancellation(c.Request().Context(), e)
	if err != nil {
		return err
	}
	if p == nil {
		return errNoOrder
	}
	return s.page(c, views.CancelLive(eventInfo(e), *p))
}

func (s *Server) cancelAsk(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	return s.askCancel(c, e, "", nil)
}

func (s *Server) askCancel(c echo.Context, e *sale.Snapshot, reason string, errs map[string]string) error {
	if e.State == sale.Draft {
		return see(c, consolePath(e, ""))
	}
	if e.Cancelled() {
		return see(c, consolePath(e, "/orders"))
	}
	ctx := c.Request().Context()
	figures, err := s.figures(ctx, e)
	if err != nil {
		return err
	}
	p, err := s.cfg.Payments.Cancellation(ctx, e.ID())
	if err != nil {
		return err
	}
	return s.page(c, views.CancelPage(s.frame(c), views.CancelView{
		Event: eventInfo(e), Orders: p.Open, Owed: p.Kept, OnWay: p.Owed, Free: p.Free, Disputed: p.Disputed, Waiting: figures.Waiting, Reason: reason, Errors: errs,
	}))
}

func (s *Server) cancelEvent(c echo.Context) error {
	e, id, err := s.own(c, consoleOf(c))
	if err != nil {
		return err
	}
	reason := c.FormValue("reason")
	if c.FormValue("sure") == "" {
		return s.askCancel(c, e, reason, map[string]string{"sure": "Tick this first. It is the last step before everything goes back."})
	}
	ctx := c.Request().Context()
	after, err := s.cfg.Payments.Cancel(ctx, e.ID(), id.AccountID, reason)
	if f := fault.From(err); err != nil && f.Kind == fault.Invalid && len(f.Fields) > 0 {
		return s.askCancel(c, e, reason, fieldErrors(f))
	}
	if err != nil {
		return s.refuse(c, consolePath(e, ""), err, nil)
	}
	p, err := s.cfg.Payments.Cancellation(ctx, e.ID())
	if err != nil {
		return err
	}
	return s.tell(c, consolePath(after, "/orders"), notice{Done: cancelProgress(p).Told()})
}
