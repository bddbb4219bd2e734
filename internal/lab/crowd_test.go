package lab_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairqueue/internal/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is just enough of the API to see what a fan says and in which order. What the real one does with it is shown by
// internal/e2e.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	spots  map[string]int // polls by token
	claims map[string]string
	paid   map[string]bool
	failed map[string]bool
	seen   map[string]int
	busy   int // refusals still to give
	stock  int
	seats  []bool // taken; none: nobody sits
	err    string
}

func newServer(t *testing.T) *server {
	s := &server{spots: map[string]int{}, claims: map[string]string{}, paid: map[string]bool{}, failed: map[string]bool{}, seen: map[string]int{}, stock: 1000}
	mux := http.NewServeMux()
	handle := func(pattern string, h func(r *http.Request, token string) (int, any)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			if strings.HasPrefix(r.URL.Path, "/_sandbox/") != (token == "") {
				s.err = "the bearer went to the wrong server: " + r.URL.Path
			}
			s.seen[r.Method+" "+r.Pattern]++
			if s.busy > 0 {
				s.busy--
				w.Header().Set("Retry-After", "0")
				w.WriteHeader([]int{429, 503}[s.busy%2])
				fmt.Fprint(w, `{"code":"too_many_requests"}`)
				return
			}
			status, body := h(r, token)
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(body)
		})
	}
	place := func(token string) any {
		spot := map[string]any{"status": "waiting", "number": 5}
		p := map[string]any{"spot": spot, "serving": s.spots[token], "sale_state": "open", "poll_after_ms": 1}
		switch {
		case s.paid[token]:
			spot["status"] = "done"
		case s.spots[token] >= 3:
			spot["status"] = "called"
			p["admission"] = map[string]string{"token": "admit-" + token}
		}
		return p
	}
	handle("POST /api/v1/events/e/queue", func(_ *http.Request, token string) (int, any) {
		if _, ok := s.spots[token]; ok {
			return 200, place(token)
		}
		s.spots[token] = 0
		return 201, place(token)
	})
	handle("GET /api/v1/events/e/queue", func(_ *http.Request, token string) (int, any) {
		s.spots[token]++
		return 200, place(token)
	})
	handle("DELETE /api/v1/events/e/queue", func(*http.Request, string) (int, any) { return 204, nil })
	handle("GET /api/v1/events/e", func(*http.Request, string) (int, any) {
		return 200, map[string]any{"id": "e1", "sale": map[string]any{"max_tickets_per_fan": 3}, "tiers": []any{map[string]any{"id": "t", "available": s.stock, "seated": s.seats != nil}}}
	})
	handle("GET /api/v1/events/e/seats", func(r *http.Request, token string) (int, any) {
		if r.Header.Get("Admission") != "admit-"+token {
			s.err = "the seats were asked for without admission"
		}
		row := []any{map[string]string{"id": "x", "tier_id": "other", "status": "free"}}
		for i, taken := range s.seats {
			row = append(row, map[string]string{"id": fmt.Sprint(i), "tier_id": "t", "status": map[bool]string{true: "sold", false: "free"}[taken]})
		}
		return 200, map[string]any{"sections": []any{map[string]any{"rows": []any{map[string]any{"seats": row}}}}}
	})
	handle("POST /api/v1/events/e/claims", func(r *http.Request, token string) (int, any) {
		var in struct {
			Quantity int
			Best     bool     `json:"best_available"`
			Seats    []string `json:"seat_ids"`
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		if s.seats != nil && in.Best == (len(in.Seats) > 0) {
			s.err = "neither the best seats nor these"
		}
		for _, id := range in.Seats {
			if n, err := strconv.Atoi(id); err != nil || s.seats[n] {
				return 409, map[string]string{"code": "seats_taken"}
			}
		}
		for _, id := range in.Seats {
			n, _ := strconv.Atoi(id)
			s.seats[n], in.Quantity = true, len(in.Seats)
			s.seen["seat"]++
		}
		if in.Best {
			s.seen["best"]++
		}
		if r.Header.Get("Admission") != "admit-"+token || in.Quantity < 1 || in.Quantity > 3 {
			s.err = fmt.Sprintf("claim of %d with admission %q", in.Quantity, r.Header.Get("Admission"))
		}
		if c := s.claims[token]; c != "" {
			return 409, map[string]string{"code": "claim_open", "claim_id": c}
		}
		s.stock -= in.Quantity
		s.claims[token] = "c-" + token
		return 201, map[string]string{"id": "c-" + token}
	})
	handle("DELETE /api/v1/claims/{id}", func(*http.Request, string) (int, any) { return 204, nil })
	handle("POST /api/v1/claims/{id}/payments", func(_ *http.Request, token string) (int, any) {
		return 201, map[string]any{"payment": map[string]string{"id": "p-" + token, "reference": "r-" + token, "status": "pending"}}
	})
	handle("POST /_sandbox/transactions/{reference}", func(r *http.Request, _ string) (int, any) {
		var in struct{ Outcome string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		token := strings.TrimPrefix(r.PathValue("reference"), "r-")
		s.paid[token], s.failed[token] = in.Outcome == "success", in.Outcome == "failed"
		return 200, nil
	})
	handle("GET /api/v1/payments/{id}", func(_ *http.Request, token string) (int, any) {
		status := map[bool]string{true: "succeeded", false: "failed"}[s.paid[token]]
		return 200, map[string]any{"payment": map[string]string{"id": "p-" + token, "status": status}}
	})
	handle("GET /api/v1/tickets", func(*http.Request, string) (int, any) {
		return 200, map[string]any{"tickets": []any{map[string]string{"event_id": "e1", "status": "valid"}, map[string]string{"event_id": "other", "status": "valid"}}}
	})
	mux.HandleFunc("GET /api/v1/events/e/queue/stream", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen["stream"]++
		s.mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, ": hello\n\nevent: serving\ndata: {\"serving\":1,\"state\":\"open\"}\n\nevent: serving\ndata: {\"serving\":7,\"state\":\"open\"}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func fans(n int) []lab.Fan {
	out := make([]lab.Fan, n)
	for i := range out {
		out[i] = lab.Fan{Token: fmt.Sprintf("f%d", i)}
	}
	return out
}

func run(t *testing.T, s *server, cfg lab.Config) lab.Report {
	t.Helper()
	cfg.BaseURL, cfg.SandboxURL, cfg.Event = s.URL, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), "e"
	report, err := lab.Crowd(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != "" {
		t.Error(s.err)
	}
	return report
}

func TestFansBuy(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := run(t, s, lab.Config{Fans: fans(20), Arrive: lab.Arrival{AtOnce: 15, Every: time.Millisecond}, Connections: 4})
	if r.Joined != 20 || r.Called != 20 || r.Claimed != 20 || r.Paid != 20 || r.Tickets != 20 || len(r.Errors) != 0 {
		t.Error(r)
	}
}

func TestFansWaitWhenTheServerIsBusy(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.busy = 2
	r := run(t, s, lab.Config{Fans: fans(3), Connections: 2})
	if r.Paid != 3 || r.Errors["too_many_requests"] != 2 {
		t.Error(r)
	}
}

func TestFansOfEveryKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg  lab.Config
		want func(r lab.Report, s *server) bool
	}{
		"leave":     {lab.Config{Leave: 1}, func(r lab.Report, _ *server) bool { return r.Left == 5 && r.Called == 0 }},
		"do no buy": {lab.Config{Buy: 1e-9}, func(r lab.Report, _ *server) bool { return r.Left == 5 && r.Called == 5 && r.Claimed == 0 }},
		"declined":  {lab.Config{Fail: 1}, func(r lab.Report, _ *server) bool { return r.Declined == 5 && r.Paid == 5 }},
		"abandon":   {lab.Config{Abandon: 1}, func(r lab.Report, _ *server) bool { return r.Abandoned == 5 && r.Paid == 0 }},
		"stream":    {lab.Config{Stream: 1}, func(r lab.Report, s *server) bool { return r.Paid == 5 && s.seen["stream"] > 0 }},
		"keep":      {lab.Config{Keep: 1000}, func(r lab.Report, s *server) bool { return r.Called == 5 && r.Claimed == 0 && s.stock == 1000 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			c.cfg.Fans = fans(5)
			if r := run(t, s, c.cfg); !c.want(r, s) {
				t.Error(r)
			}
		})
	}
}

// Where seats have numbers, some fans choose theirs on the map and the others take the best.
func TestFansChooseSeats(t *testing.T) {
	t.Parallel()
	for share, want := range map[float64]string{0: "best", 1: "seat"} {
		s := newServer(t)
		s.seats = make([]bool, 200)
		r := run(t, s, lab.Config{Fans: fans(12), Map: share})
		if r.Paid != 12 || s.seen[want] < 12 || s.seen["best"] > 0 && s.seen["seat"] > 0 {
			t.Errorf("%v: %v, %v", share, r, s.seen)
		}
	}
}

func TestCrowdGoesAtOnceWhenToldTo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan lab.Report)
	go func() {
		r, err := lab.Crowd(ctx, lab.Config{BaseURL: s.URL, Event: "e", Fans: fans(10), Look: lab.Range{Min: time.Hour, Max: time.Hour}, Stream: 1})
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	cancel()
	if r := <-done; r.Paid != 0 {
		t.Error(r)
	}
}

func TestCrowdNeedsAServer(t *testing.T) {
	t.Parallel()
	if _, err := lab.Crowd(t.Context(), lab.Config{}); err == nil {
		t.Error("no error")
	}
}
