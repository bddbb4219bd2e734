package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/queue"
)

type bodyless struct{}

// WithoutBody marks a request that was HEAD and is served as GET. The stream
// must know: it writes to the connection itself.
func WithoutBody(ctx context.Context) context.Context {
	return context.WithValue(ctx, bodyless{}, true)
}

// Bodyless reports whether a request was marked by WithoutBody.
func Bodyless(ctx context.Context) bool { return ctx.Value(bodyless{}) != nil }

// stream is served without huma: its answer does not end.
func (a *API) stream(e *echo.Echo) {
	rt := route{
		id: "stream-queue", method: http.MethodGet, path: prefix + "/events/{event}/queue/stream", tag: tagQueue, auth: optional,
		summary: "Hear the line move",
		doc: "Server-sent events. `serving` {serving, state, rate, at}, when it changed and at most once a second, the same for everybody. " +
			"`notice` {message, low_stock: [{tier, left}], reason} on connecting and when it changed. " +
			"`turn` {number} to the fan who is called, with a bearer token or the session cookie of the site. A comment line at least every 20 seconds.",
		ok: []int{http.StatusOK}, codes: []string{"stopping", "too_many_streams"},
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
		byCookie := false
		if !known && a.Identify != nil {
			who, known = a.Identify(c.Request())
			byCookie = known
		}
		s, err := r.event()
		if err != nil {
			return r.write(err)
		}
		if Bodyless(r.ctx()) {
			c.Response().Header().Set("Content-Type", "text/event-stream")
			c.Response().Header().Set("Cache-Control", "no-store")
			return c.NoContent(http.StatusOK)
		}
		room, err := a.hub.enter(s)
		if err != nil {
			return r.write(err)
		}
		var v *viewer
		if known {
			var spot queue.Spot
			if byCookie && a.Spot != nil {
				spot, _ = a.Spot(c.Request(), who, s.ID())
			}
			v = newViewer(room, who, spot)
		}
		if err := room.serve(c.Response(), c.Request(), v); err != nil {
			return r.write(err)
		}
		return nil
	})
}
