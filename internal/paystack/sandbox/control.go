package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"
)

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
	AfterMinutes float64  `json:"after_minutes"` // on Paystack's clock, which runs faster here
	Amount       *int64   `json:"amount"`
	Currency     *string  `json:"currency"`
	Channel      *string  `json:"channel"`
	Webhook      string   `json:"webhook"`
	LateSeconds  *float64 `json:"late_seconds"`
}

// lateByDefault is how late a late webhook is when the tester does not say.
const lateByDefault = 30.0

var (
	outcomes = []string{statusSuccess, statusFailed, statusAbandoned, statusOngoing}
	hooks    = []string{hookSend, hookDrop, hookDuplicate, hookLate, hookCorrupt}
	apiNames = []string{"card", "bank", "ussd", "qr", "bank_transfer", "apple_pay"}
)

func (s *Server) controlOutcome(w http.ResponseWriter, r *http.Request) {
	var in order
	if !decide(w, r, &in) {
		return
	}
	out, problem := s.play(r.PathValue("reference"), in)
	switch problem {
	case "":
		reply(w, http.StatusOK, out)
	case noSuchTransaction:
		notFound(w)
	default:
		refuse(w, problem)
	}
}

// play does what a tester says that a buyer and a network do.
func (s *Server) play(reference string, in order) (out view, problem string) {
	if in.Webhook == "" {
		in.Webhook = hookSend
	}
	late := lateByDefault
	if in.LateSeconds != nil {
		late = *in.LateSeconds
	}
	after := seconds(in.AfterSeconds) + s.scaled(seconds(60*in.AfterMinutes))
	switch {
	case !slices.Contains(outcomes, in.Outcome):
		return out, "outcome is one of success, failed, abandoned, ongoing"
	case !slices.Contains(hooks, in.Webhook):
		return out, "webhook is one of send, drop, duplicate, late, corrupt"
	case !(in.AfterSeconds >= 0 && in.AfterSeconds <= longest && in.AfterMinutes >= 0 && in.AfterMinutes <= longest/60 && late >= 0 && late <= longest):
		return out, "after_seconds, after_minutes and late_seconds are 0 or more, at most a year"
	case in.Amount != nil && *in.Amount < 0:
		return out, "amount is 0 kobo or more"
	case in.Channel != nil && !slices.Contains(apiNames, *in.Channel):
		return out, "channel is one of card, bank, ussd, qr, bank_transfer, apple_pay"
	}
	s.mu.Lock()
	t := s.byRef[reference]
	if t == nil {
		s.mu.Unlock()
		return out, noSuchTransaction
	}
	now := time.Now().UTC()
	s.advance(t, now)
	o := outcome{Status: in.Outcome, At: now.Add(after), Amount: t.due(), Currency: t.Asked, Hook: in.Webhook, Late: seconds(late)}
	if in.Amount != nil {
		o.Amount = *in.Amount
	}
	if in.Currency != nil {
		o.Currency = *in.Currency
	}
	if in.Channel != nil {
		t.Channel = *in.Channel
	}
	s.schedule(t, o, now)
	wait := s.save(t)
	out = s.describe(t)
	s.mu.Unlock()
	if wait() != nil {
		problem = "the sandbox cannot keep its state"
	}
	return out, problem
}

// controlResend is POST /_sandbox/transactions/{reference}/webhook: the success is told once more, as the dashboard can.
func (s *Server) controlResend(w http.ResponseWriter, r *http.Request) {
	var in struct{}
	if r.ContentLength != 0 && !decide(w, r, &in) {
		return
	}
	switch problem := s.resend(r.PathValue("reference")); problem {
	case "":
		reply(w, http.StatusOK, map[string]string{"sent": "charge.success"})
	case noSuchTransaction:
		notFound(w)
	default:
		refuse(w, problem)
	}
}

func (s *Server) resend(reference string) (problem string) {
	now := time.Now().UTC()
	s.mu.Lock()
	t := s.byRef[reference]
	if t == nil {
		s.mu.Unlock()
		return noSuchTransaction
	}
	s.advance(t, now)
	if t.PaidAt == nil {
		s.mu.Unlock()
		return "only a success sends a webhook, and this is none"
	}
	s.deliverAt(t, "charge.success", s.chargeEvent(t), now, false)
	wait := s.save(t)
	s.mu.Unlock()
	if wait() != nil {
		return "the sandbox cannot keep its state"
	}
	return ""
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
	Fee       int64           `json:"fee_on_top"`
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
	Disputes  []disputeView   `json:"disputes"`
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
		URL: s.pageURL(t), CreatedAt: t.CreatedAt, PaidAt: t.PaidAt, Fee: t.Fee, Refunds: []refundView{}, Disputes: []disputeView{}, Waiting: len(t.Deliveries),
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
	for _, d := range t.Disputes {
		v.Disputes = append(v.Disputes, viewDispute(t, d))
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
