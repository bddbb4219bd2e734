package web_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"fairqueue/internal/account"
	"fairqueue/internal/sale"
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
	s, e, a := polled(b)
	token, _ := s.accounts.Issue(account.Bearer, a, time.Hour)
	r := must(http.NewRequestWithContext(b.Context(), http.MethodGet, "/api/v1/events/"+e.Event.Slug+"/queue", http.NoBody))(b)
	r.Header.Set("Authorization", "Bearer "+token)
	s.polls(b, r, http.StatusOK)
}

// BenchmarkPagePollHandler is the same for the page of the waiting room while nothing on it changes: the cookies of
// session and place are verified, and the part that would be written is compared with the one that the page has.
func BenchmarkPagePollHandler(b *testing.B) {
	s, e, a := polled(b)
	if _, err := s.sales.Pause(b.Context(), e.ID(), s.org.ID); err != nil {
		b.Fatal(err) // The forecast names another minute in each.
	}
	s.picture(b)
	session, _ := s.accounts.Issue(account.Session, a, 300*24*time.Hour)
	r := must(http.NewRequestWithContext(b.Context(), http.MethodGet, "/events/"+e.Event.Slug+"/queue/live", http.NoBody))(b)
	r.Header.Set("HX-Request", "true")
	r.AddCookie(&http.Cookie{Name: account.CookieName(s.cfg.PublicURL.String()), Value: session})
	w := httptest.NewRecorder()
	s.web.Handler().ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	has := regexp.MustCompile(`data-part="([^"]+)"`).FindSubmatch(w.Body.Bytes())
	if has == nil {
		b.Fatalf("%d: no part: %s", w.Code, w.Body)
	}
	r.Header.Set("FQ-Part", string(has[1]))
	s.polls(b, r, http.StatusNoContent)
}

// polled is a sale with one fan in its line, and a server that logs as in production.
func polled(b *testing.B) (*stack, *sale.Snapshot, account.Account) {
	b.Helper()
	s := newStack(b, func(c *web.Config) { c.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil)) })
	e := s.event("Polled")
	a := must(s.accounts.Ensure(b.Context(), "poll@example.com", ""))(b)
	if _, _, err := s.queue.Join(b.Context(), e, a.ID); err != nil {
		b.Fatal(err)
	}
	s.picture(b)
	return s, e, a
}

// picture lets the server read what its polls are answered from.
func (s *stack) picture(b *testing.B) {
	b.Helper()
	if err := errors.Join(s.sales.Refresh(b.Context()), s.queue.Refresh(b.Context())); err != nil {
		b.Fatal(err)
	}
}

// polls asks the same again and again.
func (s *stack) polls(b *testing.B, r *http.Request, want int) {
	b.Helper()
	handler := s.web.Handler()
	w := &sink{header: http.Header{}}
	last := time.Now()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if i%1024 == 0 && time.Since(last) > time.Second {
			b.StopTimer()
			s.picture(b)
			last = time.Now()
			b.StartTimer()
		}
		clear(w.header)
		handler.ServeHTTP(w, r)
		if w.status != want {
			b.Fatal(w.status)
		}
	}
}
