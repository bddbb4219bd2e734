package api

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/account"
)

// heardMessage is one message of a stream.
type heardMessage struct{ event, data, raw string }

// listen opens a stream; the channel closes when the stream ends.
func (s *stack) listen(event string, header map[string]string) (<-chan heardMessage, context.CancelFunc) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+"/api/v1/events/"+event+"/queue/stream", nil)
	s.must(err)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := s.client.Do(req) //nolint:bodyclose // closed by the reader below
	s.must(err)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("X-Accel-Buffering") != "no" {
		s.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	ch := make(chan heardMessage, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(ch)
		defer func() { _ = res.Body.Close() }()
		var m heardMessage
		for sc := bufio.NewScanner(res.Body); sc.Scan(); {
			line := sc.Text()
			m.raw += line + "\n"
			switch {
			case line == "":
				ch <- m
				m = heardMessage{}
			case strings.HasPrefix(line, "event: "):
				m.event = line[7:]
			case strings.HasPrefix(line, "data: "):
				m.data = line[6:]
			case strings.HasPrefix(line, "retry: "):
				m.event = "retry"
			}
		}
	}()
	s.Cleanup(func() { cancel(); <-done })
	return ch, cancel
}

// await reads a stream until a message of a kind fits.
func (s *stack) await(ch <-chan heardMessage, event, part string) heardMessage {
	s.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case m, ok := <-ch:
			if !ok {
				s.Fatalf("the stream ended before %s with %s", event, part)
			}
			if m.event == event && strings.Contains(m.data, part) {
				return m
			}
		case <-deadline.C:
			s.Fatalf("no %s with %s", event, part)
		}
	}
}

func TestTheStreamTellsEverybodyTheSameAndTheCalledTheirTurn(t *testing.T) {
	t.Parallel()
	// Shorter than the second between two messages: a stream outlives the
	// server's limit for reading a request.
	s := newStack(t, func(srv *http.Server) { srv.ReadTimeout, srv.IdleTimeout = 900*time.Millisecond, time.Minute })
	org := s.organizer("org@example.com")
	event, _ := s.open(org, func(e, _ map[string]any) { e["slug"] = "stream" })
	token, a := s.somebody("fan@example.com")
	cookie, _ := s.accounts.Issue(account.Session, a, time.Hour)
	s.do("POST", "/api/v1/events/"+event+"/queue", token, "").want(201, "")
	s.must(s.sales.Refresh(t.Context()))

	anyone, _ := s.listen("stream", nil)
	byToken, _ := s.listen(event, map[string]string{"Authorization": "Bearer " + token})
	byCookie, _ := s.listen(event, map[string]string{"Cookie": "fq_session=" + cookie})
	if m := <-anyone; m.event != "retry" {
		t.Errorf("first came %q", m.raw)
	}
	s.await(anyone, "notice", `"reason":""`)
	first := s.await(anyone, "serving", `"serving":0`)
	if len(first.raw) > 200 {
		t.Errorf("%d bytes: %s", len(first.raw), first.raw)
	}
	if other := s.await(byToken, "serving", `"serving":0`); other.raw != first.raw {
		t.Errorf("%q and %q", first.raw, other.raw)
	}
	s.await(byCookie, "serving", `"serving":0`)

	// Somebody joins and is called.
	for called := false; !called; {
		s.drip()
		called = s.do("GET", "/api/v1/events/"+event+"/queue", token, "").get("spot", "status") == "called"
	}
	if m := s.await(byToken, "turn", "number"); m.data != `{"number":1}` {
		t.Errorf("%q", m.raw)
	}
	s.await(byCookie, "turn", `{"number":1}`)

	s.do("PATCH", "/api/v1/organizer/events/"+event+"/sale", org, `{"message":"Bring an umbrella."}`).want(200, "")
	s.must(s.sales.Refresh(t.Context()))
	for {
		m, ok := <-anyone
		if !ok {
			t.Fatal("the stream ended")
		}
		if m.event == "turn" {
			t.Fatal("a stranger heard whose turn it is")
		}
		if m.event == "notice" && strings.Contains(m.data, "umbrella") {
			break
		}
	}

	// A called fan who connects later hears it at once.
	late, cancel := s.listen(event, map[string]string{"Authorization": "Bearer " + token})
	s.await(late, "turn", `{"number":1}`)
	if s.api.Streams() != 4 {
		t.Errorf("%d streams", s.api.Streams())
	}
	cancel()

	s.api.CloseStreams()
	for _, ch := range []<-chan heardMessage{anyone, byToken, byCookie} {
		for range ch {
			continue
		}
	}
	if s.api.Streams() != 0 {
		t.Errorf("%d streams are left", s.api.Streams())
	}
	s.do("GET", "/api/v1/events/"+event+"/queue/stream", "", "").want(503, "stopping")
}
