package web

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/views"
	"fairqueue/web/api"
)

// signInFirstError is the error of a page that only a signed-in person may see: the
// way to the sign-in that comes back to next.
type signInFirstError struct{ next string }

func (signInFirstError) Error() string { return "not signed in" }

// fail answers a request whose handler returned an error: the one place where
// an error becomes a page, a part of a page, or a problem for a program.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return // Too late to say anything; the log line has it.
	}
	if isAPI(c.Request()) {
		if werr := api.WriteProblem(c, err); werr != nil {
			s.cfg.Logger.Warn("answer was not written", "err", werr, "request", requestID(c))
		}
		return
	}
	if first, ok := errors.AsType[signInFirstError](err); ok {
		s.toSignIn(c, first.next)
		return
	}
	f, status := explain(err)
	if wait := retryAfter(f, status); wait > 0 {
		f = f.After(wait)
		c.Response().Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(wait.Seconds())), 10))
	}
	v := views.ErrorView{Status: status, Retry: f.RetryAfter}
	if said(f) {
		v.Text = f.Message
	}
	if c.Request().Method == http.MethodGet && f.RetryAfter > 0 {
		v.RetryURL = c.Request().URL.RequestURI()
	}
	page := views.ErrorPage(s.frame(c), v)
	if fromHTMX(c.Request()) {
		page = views.ErrorFragment(s.frame(c), v)
	}
	if rerr := s.render(c, status, page); rerr != nil && !c.Response().Committed {
		s.cfg.Logger.Error("the error page itself failed", "err", rerr, "request", requestID(c))
		c.Response().Header().Set(echo.HeaderContentType, "text/plain; charset=utf-8")
		c.Response().WriteHeader(status)
		_, _ = c.Response().Write([]byte("This did not work, and it is our fault. Try again in a moment.\nRequest " + requestID(c) + "\n")) // The last word.
	}
}

// said reports whether the sentence of a fault says more than its status does.
func said(f *fault.Error) bool {
	switch f.Code {
	case "", "internal", "not_found", "method_not_allowed":
		return false
	}
	return f.Message != ""
}

// explain finds the fault and the status of any error that a handler, the
// router or the standard library returns.
func explain(err error) (*fault.Error, int) {
	if h, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch {
		case h.Code == http.StatusNotFound:
			return fault.Wrap(err, fault.NotFound, "not_found", "There is no page at this address."), h.Code
		case h.Code == http.StatusMethodNotAllowed:
			return fault.Wrap(err, fault.NotFound, "method_not_allowed", "This page cannot be used like this."), h.Code
		case h.Code == http.StatusRequestEntityTooLarge:
			return errBody.Because(err), h.Code
		case h.Code >= 400 && h.Code < 500:
			return fault.Wrap(err, fault.Invalid, "invalid_request", "This request could not be read. Load the page again and try once more."), h.Code
		}
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errBody.Because(err), http.StatusRequestEntityTooLarge
	}
	if _, ok := errors.AsType[*fault.Error](err); !ok && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		err = fault.Wrap(err, fault.Unavailable, "unavailable", "We could not answer in time. Nothing was changed. Try again in a few seconds.")
	}
	return fault.From(err), fault.Status(err)
}

// retryAfter is how long to wait, spread so that those who were refused
// together do not come back together.
func retryAfter(f *fault.Error, status int) time.Duration {
	if f.RetryAfter > 0 {
		return f.RetryAfter
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		return 2*time.Second + rand.N(4*time.Second) //nolint:gosec // Only spreads.
	}
	return 0
}

func fromHTMX(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }
