package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
)

// poll sends the same request to a handler from all processors.
func poll(b *testing.B, h http.Handler, path, token string) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				b.Errorf("%d %s", w.Code, w.Body)
				return
			}
		}
	})
}

// BenchmarkPoll is GET …/queue through the whole API, database included.
func BenchmarkPoll(b *testing.B) {
	s := newStack(b)
	event, _ := s.open(s.organizer("org@example.com"), nil)
	token, _ := s.somebody("fan@example.com")
	path := "/api/v1/events/" + event + "/queue"
	s.do("POST", path, token, "").want(201, "")
	poll(b, s.server.Config.Handler, path, token)
}

// BenchmarkPollLimit is what echo alone needs to write an answer of that size.
func BenchmarkPollLimit(b *testing.B) {
	s := newStack(b)
	event, _ := s.open(s.organizer("org@example.com"), nil)
	token, _ := s.somebody("fan@example.com")
	path := "/api/v1/events/" + event + "/queue"
	s.do("POST", path, token, "").want(201, "")
	body := s.do("GET", path, token, "").want(200, "").body
	e := echo.New()
	e.GET("/api/v1/events/:event/queue", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/json", body) })
	poll(b, e, path, token)
}
