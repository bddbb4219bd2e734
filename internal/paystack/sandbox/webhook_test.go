package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fairqueue/internal/paystack/sandbox"
)

func TestWebhookIsSignedOverTheRawBodyAndRetriedUntil200(t *testing.T) {
	t.Parallel()
	shop := newShop(t)
	shop.answer = func(n int) int { return []int{0, 500, 302, 201, 200}[min(n, 4)] }
	s := start(t, sandbox.Config{WebhookURL: shop.url, SpeedUp: 1e5})
	s.initialize("fq-1")
	s.outcome("fq-1", map[string]any{"outcome": "success"})
	var first hook
	for i := range 4 {
		h := shop.next(t)
		if h.signature != sandbox.Sign(secret, h.body) || len(h.signature) != 128 {
			t.Fatalf("signature %q does not fit the raw body", h.signature)
		}
		if i == 0 {
			first = h
		} else if !bytes.Equal(h.body, first.body) {
			t.Error("a retry carries another body")
		}
	}
	if first.event != "charge.success" || first.data["reference"] != "fq-1" || first.data["status"] != "success" {
		t.Errorf("event: %s %v", first.event, first.data)
	}
	var parsed map[string]any
	_ = json.Unmarshal(first.body, &parsed)
	if again, _ := json.Marshal(parsed); bytes.Equal(again, first.body) {
		t.Error("a re-serialised body is the same, so a shop that signs that one would pass")
	}
	s.waitFor("fq-1", func(tx map[string]any) bool { return tx["webhooks_waiting"] == 0.0 })
}

// waitFor asks for a transaction until it is as wished.
func (s *stack) waitFor(reference string, ok func(map[string]any) bool) {
	s.t.Helper()
	var tx map[string]any
	for s.t.Context().Err() == nil {
		_, out := s.call("GET", "/_sandbox/transactions?reference="+reference, nil)
		if tx = out["transactions"].([]any)[0].(map[string]any); ok(tx) {
			return
		}
	}
	s.t.Fatalf("never: %v", tx)
}

// roundTrip is a shop inside a bubble of fake time.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inBubble runs a sandbox on fake time; do plays the tester, and times gets when webhooks came after the start.
func inBubble(t *testing.T, speedUp float64, answer func(n int) (int, error), do func(call func(method, path, body string) int), hold time.Duration) (times []time.Duration, bodies []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex // webhooks may come side by side
		s, err := sandbox.New(sandbox.Config{SecretKey: secret, WebhookURL: "http://shop.test/hook", SpeedUp: speedUp,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				b, _ := io.ReadAll(r.Body)
				mu.Lock()
				defer mu.Unlock()
				times = append(times, time.Since(began))
				bodies = append(bodies, string(b)+" "+r.Header.Get("X-Paystack-Signature"))
				status, err := answer(len(times))
				if err != nil {
					return nil, err
				}
				return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}}, nil
			})})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		do(func(method, path, body string) int {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+secret)
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			return w.Code
		})
		<-time.After(hold) // fake time: the bubble's clock jumps
		synctest.Wait()
		cancel()
		<-ended
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return times, bodies
}

const opening = `{"email":"a@b.test","amount":5000,"reference":"fq-1"}`

func TestRetryLadder(t *testing.T) {
	t.Parallel()
	times, _ := inBubble(t, 1, func(n int) (int, error) {
		if n == 2 {
			return 0, errors.New("connection refused")
		}
		return 503, nil
	}, func(call func(method, path, body string) int) {
		call("POST", "/transaction/initialize", opening)
		call("POST", "/_sandbox/transactions/fq-1", `{"outcome":"success"}`)
	}, 100*time.Hour)
	if len(times) != 1+4+72 {
		t.Fatalf("%d tries, want 77", len(times))
	}
	for i, at := range times {
		want := 3 * time.Minute * time.Duration(min(i, 4))
		if i > 4 {
			want += time.Hour * time.Duration(i-4)
		}
		if at != want {
			t.Errorf("try %d after %v, want %v", i+1, at, want)
		}
	}
}

func TestWebhookKnobs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		knob  string
		times []time.Duration
	}{
		"send":      {`"webhook":"send"`, []time.Duration{0}},
		"omitted":   {`"after_seconds":0`, []time.Duration{0}},
		"drop":      {`"webhook":"drop"`, nil},
		"duplicate": {`"webhook":"duplicate"`, []time.Duration{0, 0}},
		"late":      {`"webhook":"late","late_seconds":45`, []time.Duration{45 * time.Second}},
		"corrupt":   {`"webhook":"corrupt"`, []time.Duration{0}},
		"after":     {`"after_seconds":90`, []time.Duration{90 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			times, bodies := inBubble(t, 60, func(int) (int, error) {
				if name == "corrupt" {
					return 401, nil
				}
				return 200, nil
			}, func(call func(method, path, body string) int) {
				call("POST", "/transaction/initialize", opening)
				call("POST", "/_sandbox/transactions/fq-1", `{"outcome":"success",`+c.knob+`}`)
			}, time.Hour)
			if fmt.Sprint(times) != fmt.Sprint(c.times) {
				t.Errorf("webhooks after %v, want %v", times, c.times)
			}
			for _, b := range bodies {
				body, signature, _ := strings.Cut(b, "} ")
				if good := sandbox.Sign(secret, []byte(body+"}")) == signature; good == (name == "corrupt") {
					t.Errorf("signature good: %v", good)
				}
			}
			if name == "duplicate" && bodies[0] != bodies[1] {
				t.Error("the copies differ")
			}
		})
	}
}

func TestOnlyASuccessSendsAWebhook(t *testing.T) {
	t.Parallel()
	times, _ := inBubble(t, 60, func(int) (int, error) { return 200, nil }, func(call func(method, path, body string) int) {
		call("POST", "/transaction/initialize", opening)
		for _, o := range []string{"failed", "abandoned", "ongoing"} {
			call("POST", "/_sandbox/transactions/fq-1", `{"outcome":"`+o+`"}`)
		}
	}, time.Hour)
	if len(times) != 0 {
		t.Errorf("webhooks after %v", times)
	}
}

// What is set for all webhooks happens to those of refunds and disputes too.
func TestKnobsOfAllWebhooks(t *testing.T) {
	t.Parallel()
	run := func(knob string) (events []string, times []time.Duration) {
		times, bodies := inBubble(t, 60, func(int) (int, error) { return 200, nil }, func(call func(method, path, body string) int) {
			call("POST", "/transaction/initialize", opening)
			call("POST", "/_sandbox/faults", `{"webhooks":"`+knob+`","late_seconds":30,"reorder_seconds":10}`)
			call("POST", "/_sandbox/transactions/fq-1", `{"outcome":"success"}`)
			call("POST", "/_sandbox/transactions/fq-1/dispute", `{"amount":1000}`)
			call("POST", "/refund", `{"transaction":"fq-1","amount":1000}`)
		}, time.Minute)
		for _, b := range bodies {
			_, rest, _ := strings.Cut(b, `"event":"`)
			name, _, _ := strings.Cut(rest, `"`)
			events = append(events, name)
		}
		return events, times
	}
	inOrder, at := run("ok")
	if len(inOrder) != 5 || at[4] > 3*time.Second {
		t.Fatal(inOrder, at)
	}
	if events, _ := run("drop"); len(events) != 0 {
		t.Errorf("dropped: %v", events)
	}
	if events, _ := run("duplicate"); len(events) != 10 {
		t.Errorf("twice: %v", events)
	}
	if events, at := run("late"); len(events) != 5 || at[0] != 30*time.Second {
		t.Errorf("late: %v at %v", events, at)
	}
	events, at := run("reorder")
	if again, _ := run("reorder"); len(events) != 5 || strings.Join(events, " ") == strings.Join(inOrder, " ") || strings.Join(again, " ") != strings.Join(events, " ") || at[4] > 13*time.Second {
		t.Errorf("out of order: %v at %v, again %v", events, at, again)
	}
}

func TestASuccessIsToldOnceMore(t *testing.T) {
	t.Parallel()
	shop := newShop(t)
	s := start(t, sandbox.Config{WebhookURL: shop.url})
	s.initialize("fq-1")
	if status, _ := s.call("POST", "/_sandbox/transactions/fq-1/webhook", nil); status != 422 {
		t.Errorf("of none: %d", status)
	}
	s.outcome("fq-1", map[string]any{"outcome": "success", "webhook": "drop"})
	s.control("/_sandbox/transactions/fq-1/webhook", nil)
	if h := shop.next(t); h.event != "charge.success" || h.signature != sandbox.Sign(secret, h.body) {
		t.Error(h.event)
	}
}

func TestMinutesOnTheFastClock(t *testing.T) {
	t.Parallel()
	times, _ := inBubble(t, 60, func(int) (int, error) { return 200, nil }, func(call func(method, path, body string) int) {
		call("POST", "/transaction/initialize", opening)
		if status := call("POST", "/_sandbox/transactions/fq-1", `{"outcome":"success","after_minutes":10,"channel":"bank_transfer"}`); status != 200 {
			t.Error(status)
		}
	}, time.Minute)
	if len(times) != 1 || times[0] != 10*time.Second {
		t.Fatal(times)
	}
}
