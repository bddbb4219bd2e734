package web_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// The stream takes over its connection through every middleware, and what they
// say goes out with it.
func TestTheStreamGoesThroughTheWholeServer(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	event := s.event("Stream")
	path := "/api/v1/events/" + event.Event.Slug + "/queue/stream"
	b := s.visitor()

	res, err := b.http.Do(b.request(http.MethodGet, path, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || !res.Close || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Request-Id"} {
		if len(res.Header.Values(name)) != 1 {
			t.Errorf("%s: %q", name, res.Header.Values(name))
		}
	}
	in := bufio.NewReader(res.Body)
	for line := ""; !strings.HasPrefix(line, "event: serving"); {
		if line, err = in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	metrics := func() string { return b.do(b.request(http.MethodGet, "/metrics", nil)).body }
	if m := metrics(); !strings.Contains(m, "\nfairqueue_http_streams 1\n") || !strings.Contains(m, "\nfairqueue_streams_opened_total 1\n") {
		t.Error("the stream is not counted")
	}

	// HEAD says what GET would, and is no stream.
	head := b.do(b.request(http.MethodHead, path, nil))
	if head.StatusCode != http.StatusOK || head.Header.Get("Content-Type") != "text/event-stream" || head.body != "" {
		t.Errorf("HEAD: %d %v %q", head.StatusCode, head.Header, head.body)
	}
	if p := b.do(b.request(http.MethodOptions, path, nil)); p.StatusCode != http.StatusNoContent || !strings.Contains(p.Header.Get("Allow"), http.MethodGet) {
		t.Errorf("OPTIONS: %d %v", p.StatusCode, p.Header)
	}
	if p := b.do(b.request(http.MethodPost, path, nil)); p.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", p.StatusCode)
	}
	if m := metrics(); !strings.Contains(m, "\nfairqueue_streams_opened_total 1\n") {
		t.Error("HEAD opened a stream")
	}

	s.web.CloseStreams()
	rest, err := io.ReadAll(in)
	if err != nil || !strings.Contains(string(rest), "retry: ") {
		t.Errorf("%q, %v", rest, err)
	}
	if m := metrics(); !strings.Contains(m, "\nfairqueue_http_streams 0\n") || !strings.Contains(m, "\nfairqueue_streams_ended_total{reason=\"stop\"} 1\n") {
		t.Error("the end is not counted")
	}
}
