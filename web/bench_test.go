package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"fairqueue/internal/account"
	"fairqueue/web"
)

// sink is a writer of answers that keeps nothing.
type sink struct {
	header http.Header
	status int
}

func (w *sink) Header() http.Header { return w.header }

func (w *sink) Write(b []byte) (int, error) { return len(b), nil }

func (w *sink) WriteHeader(status int) { w.status = status }

// BenchmarkPollHandler is what a poll costs between net/http and the answer: routing, request id, headers, figures, the
// bearer's signature, the place, JSON. What it allocates is explained in doc.go.
func BenchmarkPollHandler(b *testing.B) {
	s := newStack(b, func(c *web.Config) { c.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil)) })
	e := s.event("Polled")
	a := must(s.accounts.Ensure(b.Context(), "poll@example.com", ""))(b)
	token, _ := s.accounts.Issue(account.Bearer, a, time.Hour)
	if _, _, err := s.queue.Join(b.Context(), e, a.ID); err != nil {
		b.Fatal(err)
	}
	refresh := func() {
		if err := s.sales.Refresh(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.queue.Refresh(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	refresh()
	last := time.Now()
	handler := s.web.Handler()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "/api/v1/events/"+e.Event.Slug+"/queue", http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i%1024 == 0 && time.Since(last) > time.Second {
			b.StopTimer()
			refresh()
			last = time.Now()
			b.StartTimer()
		}
		clear(w.header)
		handler.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}
