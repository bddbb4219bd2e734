package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// What can be made to go wrong. The first four are requests, the others what happens by itself.
const (
	faultInitialize = "initialize"
	faultVerify     = "verify"
	faultRefund     = "refund"
	faultDispute    = "dispute"
	knobRefund      = "refund_outcome"
	knobWebhooks    = "webhooks"
	knobFees        = "fees"
)

const (
	hangAtMost     = 90 * time.Second  // longer than any client waits
	longest        = 366 * 24 * 3600.0 // seconds a tester may name
	slowByDefault  = 3.0               // seconds
	reorderWindow  = 2.0               // seconds within which webhooks overtake each other
	fairly         = 1000              // in so many parts the share of a fault is told
	refundStalls   = "stall"
	feesOfBuyer    = "buyer"
	feesOfMerchant = "merchant"
)

// knob is one thing that a tester may set.
type knob struct {
	Name, Label, Says string
	Values            []string // the first is how it is when nothing is set
	request           bool
}

var requestFaults = []string{"ok", "timeout", "500", "500_after_work", "429", "slow", "gibberish", "down"}

// knobs are all of them, in the order of the page.
var knobs = []knob{
	{faultInitialize, "Initialize", "POST /transaction/initialize", requestFaults, true},
	{faultVerify, "Verify", "GET /transaction…", requestFaults, true},
	{faultRefund, "Refunds", "/refund…", requestFaults, true},
	{faultDispute, "Disputes and banks", "/dispute…, /bank", requestFaults, true},
	{knobRefund, "How new refunds end", "those of POST /refund from now on", []string{"processed", "failed", "needs-attention", refundStalls}, false},
	{knobWebhooks, "Webhooks on their way", "all of them", []string{"ok", "drop", "duplicate", "late", "reorder", "corrupt"}, false},
	{knobFees, "Who bears the fees", "of payments that start now", []string{feesOfMerchant, feesOfBuyer}, false},
}

func knobNamed(name string) *knob {
	if i := slices.IndexFunc(knobs, func(k knob) bool { return k.Name == name }); i >= 0 {
		return &knobs[i]
	}
	return nil
}

// faults is what is set at the moment. It is read and written under Server.mu.
type faults struct {
	set   map[string]timed
	asked map[string]int // requests so far, by kind: which of them meet a fault is decided by seed and number
}

// timed is the setting of a knob.
type timed struct {
	value   string
	until   time.Time // zero: until it is changed
	share   float64   // of the requests, 0 to 1
	seconds float64   // slow, late, reorder
}

// now is the setting of a knob; an empty value means that nothing is set.
func (f *faults) now(key string, now time.Time) timed {
	v, ok := f.set[key]
	if !ok || (!v.until.IsZero() && !v.until.After(now)) {
		return timed{}
	}
	return v
}

// drawn is the fault that the next request of a kind meets. Called under the lock.
func (s *Server) drawn(request string) timed {
	if s.faults.asked == nil {
		s.faults.asked = map[string]int{}
	}
	s.faults.asked[request]++
	f := s.faults.now(request, time.Now())
	if f.value != "" && f.share < 1 && float64(s.pick(fairly, "share", request, strconv.Itoa(s.faults.asked[request]))) >= f.share*fairly {
		return timed{}
	}
	return f
}

// guarded is a handler of the API: it wants the secret key, and meets the faults of its kind of request.
func (s *Server) guarded(request string, next http.HandlerFunc) http.HandlerFunc {
	return s.authorized(func(w http.ResponseWriter, r *http.Request) {
		// The whole body first: only then does the server notice that a client has gone.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			fail(w, http.StatusBadRequest, apiError{Message: "The request body could not be read", Code: "invalid_params"})
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		s.mu.Lock()
		fault := s.drawn(request)
		s.mu.Unlock()
		switch fault.value {
		case "timeout":
			s.hang(r.Context(), hangAtMost)
			panic(http.ErrAbortHandler)
		case "down":
			panic(http.ErrAbortHandler)
		case "429":
			tooMany(w)
		case "500":
			s.broken(w, nil)
		case "500_after_work":
			next(nowhere{}, r)
			s.broken(w, nil)
		case "gibberish":
			// What stands between two machines and answers for one of them.
			next(nowhere{}, r)
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html><title>Please wait</title></html>")
		case "slow":
			// Done in the end, whether or not somebody still waits for the answer.
			s.hang(context.WithoutCancel(r.Context()), seconds(fault.seconds))
			next(w, r)
		default:
			next(w, r)
		}
	})
}

// hang waits until its time, the request or the sandbox ends.
func (s *Server) hang(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-s.done:
	case <-timer.C:
	}
}

// nowhere takes an answer that gets lost.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

// patience is what a 429 asks for, in seconds.
const patience = "1"

func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", patience)
	w.Header().Set("X-Ratelimit-Limit", "100")
	w.Header().Set("X-Ratelimit-Remaining", "0")
	w.Header().Set("X-Ratelimit-Reset", patience)
	fail(w, http.StatusTooManyRequests, apiError{Message: "Too many requests", Type: "api_error", Code: "rate_limited",
		Meta: &meta{NextStep: "Wait before you try again"}})
}

// settings is the body of POST /_sandbox/faults. What is not named stays as it is; the numbers belong to what is named
// beside them.
type settings struct {
	Initialize     *string  `json:"initialize"`
	Verify         *string  `json:"verify"`
	Refund         *string  `json:"refund"`
	Dispute        *string  `json:"dispute"`
	RefundOutcome  *string  `json:"refund_outcome"`
	Webhooks       *string  `json:"webhooks"`
	Fees           *string  `json:"fees"`
	ForSeconds     *float64 `json:"for_seconds"`
	Share          *float64 `json:"share"`
	SlowSeconds    *float64 `json:"slow_seconds"`
	LateSeconds    *float64 `json:"late_seconds"`
	ReorderSeconds *float64 `json:"reorder_seconds"`
}

func (in settings) named() map[string]*string {
	return map[string]*string{faultInitialize: in.Initialize, faultVerify: in.Verify, faultRefund: in.Refund, faultDispute: in.Dispute,
		knobRefund: in.RefundOutcome, knobWebhooks: in.Webhooks, knobFees: in.Fees}
}

func (s *Server) controlSetFaults(w http.ResponseWriter, r *http.Request) {
	var in settings
	if !decide(w, r, &in) {
		return
	}
	if err := s.setFaults(in); err != nil {
		refuse(w, err.Error())
		return
	}
	s.controlFaults(w, r)
}

// setFaults changes what is named and leaves the rest.
func (s *Server) setFaults(in settings) error {
	for name, n := range map[string]*float64{"for_seconds": in.ForSeconds, "slow_seconds": in.SlowSeconds, "late_seconds": in.LateSeconds,
		"reorder_seconds": in.ReorderSeconds} {
		if n != nil && !(*n >= 0 && *n <= longest) {
			return fmt.Errorf("%s is 0 or more, at most a year", name)
		}
	}
	if in.Share != nil && !(*in.Share >= 0 && *in.Share <= 1) {
		return errors.New("share is between 0 and 1")
	}
	or := func(n *float64, otherwise float64) float64 {
		if n == nil {
			return otherwise
		}
		return *n
	}
	fresh := map[string]timed{}
	for key, value := range in.named() {
		if value == nil {
			continue
		}
		k := knobNamed(key)
		if !slices.Contains(k.Values, *value) {
			return fmt.Errorf("%s is one of %v", key, k.Values)
		}
		t := timed{value: *value, share: or(in.Share, 1)}
		if n := or(in.ForSeconds, 0); n > 0 {
			t.until = time.Now().Add(seconds(n))
		}
		switch *value {
		case "slow":
			t.seconds = or(in.SlowSeconds, slowByDefault)
		case hookLate:
			t.seconds = or(in.LateSeconds, lateByDefault)
		case hookReorder:
			t.seconds = or(in.ReorderSeconds, reorderWindow)
		}
		fresh[key] = t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.set == nil {
		s.faults.set = map[string]timed{}
	}
	for key, t := range fresh {
		s.faults.set[key] = t
	}
	return nil
}

func (s *Server) controlFaults(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, s.presentFaults())
}

// presentFaults is what is set now: every request, and of the others those that are not as usual.
func (s *Server) presentFaults() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for _, k := range knobs {
		v := s.faults.now(k.Name, time.Now()).value
		if v == "" && k.request {
			v = k.Values[0]
		}
		if v == "" && k.Name == knobFees && s.cfg.FeesByBuyer {
			v = feesOfBuyer
		}
		if v != "" {
			out[k.Name] = v
		}
	}
	return out
}

func (s *Server) controlClearFaults(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	s.faults.set = nil
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
