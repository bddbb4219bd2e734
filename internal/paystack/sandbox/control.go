package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// The requests that can be made to fail.
const (
	faultInitialize = "initialize"
	faultVerify     = "verify"
	faultRefund     = "refund"
)

// What faulty tells the handler.
const (
	faultNone      = ""
	faultStop      = "stop"            // the answer, or its absence, is decided
	faultAfterWork = "500_after_work"  // do the work, then answer 500
	hangAtMost     = 90 * time.Second  // longer than any client waits
	longest        = 366 * 24 * 3600.0 // seconds a tester may name
)

var faultKinds = []string{"ok", "timeout", "500_after_work", "429", "down"}

// faults is what is wrong with the provider at the moment.
type faults struct {
	set map[string]timed // by request, and refund_outcome
}

type timed struct {
	value string
	until time.Time // zero: until it is changed
}

func (f *faults) now(key string, now time.Time) string {
	v, ok := f.set[key]
	if !ok || (!v.until.IsZero() && !v.until.After(now)) {
		return ""
	}
	return v.value
}

// faulty plays the fault that is set for a request. The body must have been read: only then does the server notice
// that a client has gone.
func (s *Server) faulty(w http.ResponseWriter, r *http.Request, request string) string {
	s.mu.Lock()
	kind := s.faults.now(request, time.Now())
	s.mu.Unlock()
	switch kind {
	case "timeout":
		timer := time.NewTimer(hangAtMost)
		defer timer.Stop()
		select {
		case <-r.Context().Done():
		case <-s.done:
		case <-timer.C:
		}
		panic(http.ErrAbortHandler)
	case "down":
		panic(http.ErrAbortHandler)
	case "429":
		tooMany(w)
		return faultStop
	case faultAfterWork:
		return faultAfterWork
	}
	return faultNone
}

func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	fail(w, http.StatusTooManyRequests, apiError{Message: "Too many requests", Type: "api_error", Code: "rate_limited",
		Meta: &meta{NextStep: "Wait before you try again"}})
}

// refundOutcome is how a refund made now will end: as the tester says, else as the card says.
func (s *Server) refundOutcome(t *transaction, now time.Time) string {
	if v := s.faults.now("refund_outcome", now); v != "" {
		return v
	}
	if t.Card > 0 && cards[t.Card-1].Refund != "" {
		return cards[t.Card-1].Refund
	}
	return "processed"
}

// decide reads a strict JSON body: what a tester misspells must not pass for something else.
func decide(w http.ResponseWriter, r *http.Request, into any) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, apiError{Message: "The body is too long", Code: "invalid_params"})
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err = dec.Decode(into)
	if err == nil {
		if _, extra := dec.Token(); !errors.Is(extra, io.EOF) {
			err = errors.New("something follows the JSON object")
		}
	}
	if err != nil {
		refuse(w, err.Error())
		return false
	}
	return true
}

func refuse(w http.ResponseWriter, message string) {
	fail(w, http.StatusUnprocessableEntity, apiError{Message: message, Code: "invalid_params"})
}

// order is the body of POST /_sandbox/transactions/{reference}.
type order struct {
	Outcome      string   `json:"outcome"`
	AfterSeconds float64  `json:"after_seconds"`
	Amount       *int64   `json:"amount"`
	Currency     *string  `json:"currency"`
	Webhook      string   `json:"webhook"`
	LateSeconds  *float64 `json:"late_seconds"`
}

// lateByDefault is how late a late webhook is when the tester does not say.
const lateByDefault = 30.0

func (s *Server) controlOutcome(w http.ResponseWriter, r *http.Request) {
	var in order
	if !decide(w, r, &in) {
		return
	}
	if in.Webhook == "" {
		in.Webhook = hookSend
	}
	late := lateByDefault
	if in.LateSeconds != nil {
		late = *in.LateSeconds
	}
	switch {
	case !slices.Contains([]string{statusSuccess, statusFailed, statusAbandoned, statusOngoing}, in.Outcome):
		refuse(w, "outcome is one of success, failed, abandoned, ongoing")
		return
	case !slices.Contains([]string{hookSend, hookDrop, hookDuplicate, hookLate, hookCorrupt}, in.Webhook):
		refuse(w, "webhook is one of send, drop, duplicate, late, corrupt")
		return
	case in.AfterSeconds < 0 || in.AfterSeconds > longest || late < 0 || late > longest:
		refuse(w, "after_seconds and late_seconds are 0 or more, at most a year")
		return
	case in.Amount != nil && *in.Amount < 0:
		refuse(w, "amount is 0 kobo or more")
		return
	}
	s.mu.Lock()
	t := s.byRef[r.PathValue("reference")]
	if t == nil {
		s.mu.Unlock()
		notFound(w)
		return
	}
	now := time.Now().UTC()
	s.advance(t, now)
	o := outcome{Status: in.Outcome, At: now.Add(seconds(in.AfterSeconds)), Amount: t.Requested, Currency: t.Asked,
		Hook: in.Webhook, Late: seconds(late)}
	if in.Amount != nil {
		o.Amount = *in.Amount
	}
	if in.Currency != nil {
		o.Currency = *in.Currency
	}
	s.schedule(t, o, now)
	wait := s.save(t)
	data := s.describe(t)
	s.mu.Unlock()
	if err := wait(); err != nil {
		s.broken(w, err)
		return
	}
	reply(w, http.StatusOK, data)
}

// schedule makes an outcome the one that will come, and applies it if it is due. Called under the lock, before save.
func (s *Server) schedule(t *transaction, o outcome, now time.Time) {
	t.Next = &o
	s.advance(t, now)
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

type refundView struct {
	ID     int64  `json:"id"`
	Status string `json:"status"`
	Amount int64  `json:"amount"`
}

type view struct {
	ID        int64           `json:"id"`
	Reference string          `json:"reference"`
	Status    string          `json:"status"`
	Amount    int64           `json:"amount"`
	Requested int64           `json:"requested_amount"`
	Currency  string          `json:"currency"`
	Email     string          `json:"email"`
	Channel   string          `json:"channel"`
	Channels  []string        `json:"channels"`
	Gateway   string          `json:"gateway_response"`
	Metadata  json.RawMessage `json:"metadata"`
	Callback  string          `json:"callback_url"`
	URL       string          `json:"authorization_url"`
	CreatedAt time.Time       `json:"created_at"`
	PaidAt    *time.Time      `json:"paid_at"`
	Next      *nextView       `json:"next"`
	Refunds   []refundView    `json:"refunds"`
	Waiting   int             `json:"webhooks_waiting"`
	Log       []attempt       `json:"webhooks"`
}

type nextView struct {
	Outcome string    `json:"outcome"`
	At      time.Time `json:"at"`
}

// describe is a transaction as a tester sees it.
func (s *Server) describe(t *transaction) view {
	v := view{ID: t.ID, Reference: t.Reference, Status: t.Status, Amount: t.Amount, Requested: t.Requested, Currency: t.Currency,
		Email: t.Email, Channel: t.Channel, Channels: t.Channels, Gateway: t.Gateway, Metadata: t.Metadata, Callback: t.Callback,
		URL: s.pageURL(t), CreatedAt: t.CreatedAt, PaidAt: t.PaidAt, Refunds: []refundView{}, Waiting: len(t.Deliveries),
		Log: append([]attempt{}, t.Log...)}
	if len(v.Metadata) == 0 {
		v.Metadata = json.RawMessage("null")
	}
	if t.Next != nil {
		v.Next = &nextView{t.Next.Status, t.Next.At}
	}
	for _, f := range t.Refunds {
		v.Refunds = append(v.Refunds, refundView{f.ID, f.Status, f.Amount})
	}
	return v
}

// controlList answers GET /_sandbox/transactions: newest first, all or one reference; limit is 1,000 if not given.
func (s *Server) controlList(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	out := []view{}
	now := time.Now().UTC()
	s.mu.Lock()
	if ref := q.Get("reference"); ref != "" {
		if t := s.byRef[ref]; t != nil {
			_ = s.current(t) // on its way to the disk
			out = append(out, s.describe(t))
		}
	} else {
		limit := positive(q, "limit", 1000, s.cfg.MaxTransactions)
		for _, t := range slices.Backward(s.order) {
			if len(out) == limit {
				break
			}
			if s.advance(t, now) {
				_ = s.save(t) // on its way to the disk
			}
			out = append(out, s.describe(t))
		}
	}
	s.mu.Unlock()
	reply(w, http.StatusOK, map[string]any{"transactions": out})
}

func (s *Server) controlSetFaults(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Initialize    *string  `json:"initialize"`
		Verify        *string  `json:"verify"`
		Refund        *string  `json:"refund"`
		RefundOutcome *string  `json:"refund_outcome"`
		ForSeconds    *float64 `json:"for_seconds"`
	}
	if !decide(w, r, &in) {
		return
	}
	err := s.setFaults(map[string]*string{faultInitialize: in.Initialize, faultVerify: in.Verify, faultRefund: in.Refund,
		"refund_outcome": in.RefundOutcome}, in.ForSeconds)
	if err != nil {
		refuse(w, err.Error())
		return
	}
	s.controlFaults(w, r)
}

// setFaults changes what is named and leaves the rest.
func (s *Server) setFaults(named map[string]*string, forSeconds *float64) error {
	var until time.Time
	if forSeconds != nil && *forSeconds != 0 {
		if *forSeconds < 0 || *forSeconds > longest {
			return errors.New("for_seconds is 0 or more, at most a year")
		}
		until = time.Now().Add(seconds(*forSeconds))
	}
	for key, value := range named {
		allowed := faultKinds
		if key == "refund_outcome" {
			allowed = []string{"processed", "failed", "needs-attention"}
		}
		if value != nil && !slices.Contains(allowed, *value) {
			return fmt.Errorf("%s is one of %v", key, allowed)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults.set == nil {
		s.faults.set = map[string]timed{}
	}
	for key, value := range named {
		if value != nil {
			s.faults.set[key] = timed{*value, until}
		}
	}
	return nil
}

func (s *Server) controlFaults(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, s.presentFaults())
}

// presentFaults is what is wrong now, by request.
func (s *Server) presentFaults() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for _, key := range []string{faultInitialize, faultVerify, faultRefund} {
		out[key] = "ok"
		if v := s.faults.now(key, time.Now()); v != "" {
			out[key] = v
		}
	}
	if v := s.faults.now("refund_outcome", time.Now()); v != "" {
		out["refund_outcome"] = v
	}
	return out
}

func (s *Server) controlClearFaults(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	s.faults.set = nil
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}
