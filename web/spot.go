package web

import (
	"encoding/hex"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// spotFor is how long a browser keeps the cookie of a spot; the next poll or
// page gives it again.
const spotFor = 24 * time.Hour

// place is where the person stands in a line: by the spot cookie and the picture in memory where that is enough.
// It gives the browser its spot cookie where it has none. 404 not_in_queue.
func (s *Server) place(c echo.Context, e *sale.Snapshot, id account.Identity) (queue.View, error) {
	ctx := c.Request().Context()
	spot, known := s.spotCookie(c.Request(), id, e.ID())
	if !known {
		var err error
		if spot, err = s.cfg.Queue.SpotOf(ctx, e, id.AccountID); err != nil {
			return queue.View{}, err
		}
		s.setSpot(c, id, spot)
	}
	v, err := s.cfg.Queue.StatusOf(ctx, e, spot)
	if known && fault.Code(err) == "not_in_queue" {
		s.setCookie(c, s.spotName(e.ID()), "", 0)
	}
	return v, err
}

// spotName is the name of the spot cookie of an event: with the prefix by which
// browsers pin it to the host where the site is served over TLS.
func (s *Server) spotName(event uuid.UUID) string {
	name := "fq_spot_" + hex.EncodeToString(event[:4])
	if s.secure() {
		return "__Host-" + name
	}
	return name
}

// setSpot gives the browser the spot cookie of its session.
func (s *Server) setSpot(c echo.Context, id account.Identity, spot queue.Spot) {
	s.setCookie(c, s.spotName(spot.Event), s.cfg.Queue.SignSpot(spot, id.Credential), spotFor)
}

// spotCookie verifies the spot cookie of a request, without a look-up: it counts for this session and event only.
func (s *Server) spotCookie(r *http.Request, id account.Identity, event uuid.UUID) (queue.Spot, bool) {
	return s.cfg.Queue.VerifySpot(signedCookie(r, s.spotName(event)), event, id.AccountID, id.Credential)
}
