package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

const (
	// quietFor is the longest a stream says nothing, with a comment line at its
	// end; CONTRACT allows 20 s, and timers and networks are late.
	quietFor = 15 * time.Second
	// writeTimeout ends a stream whose reader has gone or is too slow.
	writeTimeout = 10 * time.Second
	// lookAgain is the shortest time between two looks at the place of a fan
	// whose turn does not follow from serving alone.
	lookAgain = 5 * time.Second
)

// stream is served without huma: its answer does not end.
func (a *API) stream(e *echo.Echo) {
	rt := route{
		id: "stream-queue", method: http.MethodGet, path: prefix + "/events/{event}/queue/stream", tag: tagQueue, auth: optional,
		summary: "Hear the line move",
		doc: "Server-sent events. `serving` {serving, state, rate, at}, when it changed and at most once a second, the same for everybody. " +
			"`notice` {message, low_stock: [{tier, left}], reason} on connecting and when it changed. " +
			"`turn` {number} to the fan who is called, with a bearer token or the session cookie of the site. A comment line at least every 20 seconds.",
		ok: []int{http.StatusOK}, codes: []string{"stopping"},
	}
	op := rt.operation()
	op.Responses["200"] = &huma.Response{Description: "The stream", Content: map[string]*huma.MediaType{
		"text/event-stream": {Schema: &huma.Schema{Type: "string"}},
	}}
	a.huma.OpenAPI().AddOperation(&op)
	a.describe(rt)

	e.GET(prefix+"/events/:event/queue/stream", func(c echo.Context) error {
		r := &request{api: a, Context: c}
		who, known, err := r.maybe()
		if err != nil {
			return r.write(err)
		}
		if !known && a.Identify != nil {
			who, known = a.Identify(c.Request())
		}
		s, err := r.event()
		if err != nil {
			return r.write(err)
		}
		l, err := a.hub.join(s)
		if err != nil {
			return r.write(err)
		}
		defer l.leave()
		v := &viewer{api: a, event: s, who: who, known: known}
		l.serve(c.Response(), c.Request(), v)
		return nil
	})
}

// serve writes the room's ticks to one connection until it ends. What is said
// comes from the hub; how it gets onto the wire is only here.
func (l *listener) serve(w *echo.Response, req *http.Request, v *viewer) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(w.Writer)
	// A deadline is the connection's, not the request's: it is lifted at the end.
	defer func() { _ = rc.SetWriteDeadline(time.Time{}) }()
	send := func(b []byte) bool {
		if err := rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return false
		}
		if _, err := w.Write(b); err != nil {
			return false
		}
		return rc.Flush() == nil
	}

	heard := l.room.latest.Load()
	first := append([]byte("retry: "+strconv.FormatInt((2*time.Second+spread(4*time.Second)).Milliseconds(), 10)+"\n\n"), heard.notice...)
	first = append(first, heard.serving...)
	first = append(first, v.turn(req.Context(), heard, true)...)
	if !send(first) {
		return
	}
	quiet := time.NewTimer(v.beat())
	defer quiet.Stop()
	for {
		var out []byte
		select {
		case <-req.Context().Done():
			return
		case <-l.room.hub.done:
			return
		case <-l.wake:
			is := l.room.latest.Load()
			if is.noticeSeq != heard.noticeSeq {
				out = append(out, is.notice...)
			}
			if is.servingSeq != heard.servingSeq {
				out = append(out, is.serving...)
			}
			heard = is
			out = append(out, v.turn(req.Context(), heard, false)...)
		case <-quiet.C:
			out = append([]byte(":\n\n"), v.turn(req.Context(), heard, true)...)
		}
		if len(out) == 0 {
			continue
		}
		if !send(out) {
			return
		}
		quiet.Reset(v.beat())
	}
}

// viewer is the fan behind a stream, if one is known. It looks into the
// database only when the answer can have changed.
type viewer struct {
	api   *API
	event *sale.Snapshot
	who   account.Identity
	known bool

	place    queue.View
	found    bool
	lookedAt time.Time
	state    sale.State
	told     bool
}

// turn returns the message for a fan who has just been called, or nothing. At
// every beat the place is looked at again where it does not follow from serving.
func (v *viewer) turn(ctx context.Context, t *tick, beat bool) []byte {
	if !v.known || !v.due(t, beat) {
		return nil
	}
	v.lookedAt, v.state = time.Now(), t.state
	place, err := v.api.Queue.Status(ctx, v.event, v.who.AccountID)
	if err != nil {
		if fault.Code(err) == "not_in_queue" {
			v.found = false
		}
		return nil
	}
	v.place, v.found = place, true
	if place.Status != queue.Called {
		v.told = false
		return nil
	}
	if v.told || place.Number == nil {
		return nil
	}
	v.told = true
	return turnFrame(*place.Number)
}

// beat is how long the stream may be quiet. Each has its own, so that 50,000
// comments do not leave at once. Who waits for another turn hears of it no other
// way: serving has passed them already.
func (v *viewer) beat() time.Duration {
	if n := v.place.Number; v.found && v.place.Status == queue.Waiting && n != nil && *n <= v.place.Serving {
		return lookAgain + spread(lookAgain/4)
	}
	return quietFor - spread(quietFor/4)
}

// due reports whether the place must be looked at.
func (v *viewer) due(t *tick, beat bool) bool {
	if v.lookedAt.IsZero() {
		return true
	}
	patient := time.Since(v.lookedAt) >= lookAgain
	if !v.found {
		// Somebody who has not joined may do so in another tab; they are not
		// worth a query at every tick.
		return patient && (beat || time.Since(v.lookedAt) >= 2*lookAgain)
	}
	switch v.place.Status {
	case queue.InLobby:
		return t.state != v.state || (v.place.Number != nil && t.number >= *v.place.Number)
	case queue.Waiting:
		if v.place.Number == nil {
			return t.state != v.state || patient
		}
		if *v.place.Number > v.place.Serving {
			// The turn comes with serving.
			return t.number >= *v.place.Number
		}
		// Another turn was asked for: it comes without a change of serving.
		return patient
	case queue.Called, queue.Inside, queue.Missed, queue.Left, queue.Done:
		return patient
	}
	return false
}
