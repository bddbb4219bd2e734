package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// The states of a dispute, in Paystack's words.
const (
	disputeMerchant = "awaiting-merchant-feedback"
	disputeBank     = "awaiting-bank-feedback"
	disputeResolved = "resolved"
	// What it was resolved to. A merchant declines a claim that it thinks wrong.
	resolvedDeclined = "declined"
	resolvedAccepted = "merchant-accepted"
	resolvedBySelf   = "auto-accepted"
)

const (
	// disputeDue is how long a merchant has to answer, in real time: an organizer reads it as a date.
	disputeDue = 24 * time.Hour
	// bankDecides is how long a bank thinks about evidence, on Paystack's clock.
	bankDecides = 24 * time.Hour
	maxDisputes = 20
)

// dispute is a bank that asks for the money of a transaction back.
type dispute struct {
	ID         int64      `json:"id"`
	Amount     int64      `json:"amount"`
	Category   string     `json:"category"`
	Status     string     `json:"status"`
	Resolution string     `json:"resolution,omitempty"`
	Message    string     `json:"message,omitempty"`
	DueAt      time.Time  `json:"due_at"`
	StepAt     *time.Time `json:"step_at,omitempty"` // when it goes on by itself; nil: it rests
	CreatedAt  time.Time  `json:"created_at"`
	ResolvedAt *time.Time `json:"resolved_at,omitempty"`
}

// chargedBack is what banks took back.
func (t *transaction) chargedBack() int64 {
	var sum int64
	for _, d := range t.Disputes {
		if d.Status == disputeResolved && d.Resolution != resolvedDeclined {
			sum += d.Amount
		}
	}
	return sum
}

// left is what can still go back.
func (t *transaction) left() int64 { return t.Amount - t.refunded() - t.chargedBack() }

// stand is success or reversed, for a transaction that was paid.
func (t *transaction) stand() {
	switch {
	case t.PaidAt == nil:
	case t.left() <= 0:
		t.Status = statusReversed
	case t.Status == statusReversed:
		t.Status = statusSuccess
	}
}

// dispute opens a dispute. Called under the lock, before save.
func (s *Server) dispute(t *transaction, amount int64, category string, due time.Duration, now time.Time) *dispute {
	at := now.Add(due)
	d := &dispute{ID: s.number("dispute", t.Reference, strconv.Itoa(len(t.Disputes))), Amount: amount, Category: category,
		Status: disputeMerchant, DueAt: at, StepAt: &at, CreatedAt: now}
	t.Disputes = append(t.Disputes, d)
	s.disputes[d.ID] = t
	s.enqueue(t, "charge.dispute.create", s.disputeEvent("create", t, d), now, false)
	return d
}

// resolve ends a dispute.
func (s *Server) resolve(t *transaction, d *dispute, resolution string, now time.Time) {
	d.Status, d.Resolution, d.StepAt, d.ResolvedAt = disputeResolved, resolution, nil, &now
	t.stand()
	s.enqueue(t, "charge.dispute.resolve", s.disputeEvent("resolve", t, d), now, false)
}

// stepDispute is what happens when its time is over: nobody answered, or the bank has looked at the evidence.
func (s *Server) stepDispute(t *transaction, d *dispute, now time.Time) {
	if d.Status == disputeBank {
		s.resolve(t, d, resolvedDeclined, now)
		return
	}
	s.resolve(t, d, resolvedBySelf, now)
}

// findDispute finds a dispute by id, brought up to now. Called under the lock.
func (s *Server) findDispute(id string, now time.Time) (*transaction, *dispute) {
	n, err := strconv.ParseInt(id, 10, 64)
	t := s.disputes[n]
	if err != nil || t == nil {
		return nil, nil
	}
	i := slices.IndexFunc(t.Disputes, func(d *dispute) bool { return d.ID == n })
	if i < 0 {
		return nil, nil
	}
	if s.advance(t, now) {
		_ = s.save(t) // on its way to the disk
	}
	return t, t.Disputes[i]
}

func noDispute(w http.ResponseWriter) {
	fail(w, http.StatusNotFound, apiError{Message: "Dispute not found", Code: "dispute_not_found"})
}

func (s *Server) getDispute(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t, d := s.findDispute(r.PathValue("id"), time.Now().UTC())
	if d == nil {
		s.mu.Unlock()
		noDispute(w)
		return
	}
	data := s.disputeData(t, d)
	s.mu.Unlock()
	envelope(w, "Dispute retrieved", data)
}

// listDisputes answers the filters transaction (an id) and status; newest first. Under /dispute/transaction/{id} too.
func (s *Server) listDisputes(w http.ResponseWriter, r *http.Request) {
	which, status := r.URL.Query().Get("transaction"), r.URL.Query().Get("status")
	if id := r.PathValue("id"); id != "" {
		which = id
	}
	data := []any{}
	now := time.Now().UTC()
	s.mu.Lock()
	of := s.order
	if which != "" {
		of = nil
		if t := s.find(which); t != nil {
			of = []*transaction{t}
		}
	}
	for _, t := range slices.Backward(of) {
		if len(t.Disputes) == 0 {
			continue
		}
		if s.advance(t, now) {
			_ = s.save(t) // on its way to the disk
		}
		for _, d := range slices.Backward(t.Disputes) {
			if status == "" || status == d.Status {
				data = append(data, s.disputeData(t, d))
			}
		}
	}
	s.mu.Unlock()
	envelope(w, "Disputes retrieved", data)
}

// resolveDispute is PUT /dispute/{id}/resolve, the merchant's answer: merchant-accepted gives the money back at once,
// declined goes to the bank.
func (s *Server) resolveDispute(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in struct {
		Resolution string `json:"resolution"`
		Message    string `json:"message"`
		Amount     *kobo  `json:"refund_amount"`
	}
	if json.Unmarshal(body, &in) != nil || in.Message == "" || (in.Resolution != resolvedAccepted && in.Resolution != resolvedDeclined) {
		fail(w, http.StatusBadRequest, apiError{Message: "resolution is merchant-accepted or declined, with a message", Code: "missing_params"})
		return
	}
	now := time.Now().UTC()
	s.mu.Lock()
	t, d := s.findDispute(r.PathValue("id"), now)
	switch {
	case d == nil:
		s.mu.Unlock()
		noDispute(w)
		return
	case d.Status != disputeMerchant, in.Amount != nil && (int64(*in.Amount) <= 0 || int64(*in.Amount) > d.Amount):
		s.mu.Unlock()
		fail(w, http.StatusBadRequest, apiError{Message: "This dispute cannot be resolved so", Code: "invalid_params"})
		return
	}
	d.Message = cut(in.Message)
	if in.Resolution == resolvedAccepted {
		if in.Amount != nil {
			d.Amount = int64(*in.Amount)
		}
		s.resolve(t, d, resolvedAccepted, now)
	} else {
		at := now.Add(s.scaled(bankDecides))
		d.Status, d.StepAt = disputeBank, &at
	}
	s.answer(w, s.save(t), "Dispute successfully resolved", s.disputeData(t, d))
}

// disputeView is a dispute as a tester sees it.
type disputeView struct {
	ID         int64      `json:"id"`
	Reference  string     `json:"reference"`
	Amount     int64      `json:"amount"`
	Category   string     `json:"category"`
	Status     string     `json:"status"`
	Resolution string     `json:"resolution"`
	DueAt      time.Time  `json:"due_at"`
	ResolvedAt *time.Time `json:"resolved_at"`
}

func viewDispute(t *transaction, d *dispute) disputeView {
	return disputeView{d.ID, t.Reference, d.Amount, d.Category, d.Status, d.Resolution, d.DueAt, d.ResolvedAt}
}

// controlDispute is POST /_sandbox/transactions/{reference}/dispute: a bank asks for the money back.
func (s *Server) controlDispute(w http.ResponseWriter, r *http.Request) {
	in := struct {
		Amount     *int64   `json:"amount"`
		Category   *string  `json:"category"`
		DueSeconds *float64 `json:"due_seconds"`
	}{}
	if !decide(w, r, &in) {
		return
	}
	due := disputeDue
	if in.DueSeconds != nil {
		if !(*in.DueSeconds >= 0 && *in.DueSeconds <= longest) {
			refuse(w, "due_seconds is 0 or more, at most a year")
			return
		}
		due = seconds(*in.DueSeconds)
	}
	category := "chargeback"
	if in.Category != nil {
		category = cut(*in.Category)
	}
	out, problem := s.openDispute(r.PathValue("reference"), in.Amount, category, due)
	if problem != "" {
		if problem == noSuchTransaction {
			notFound(w)
			return
		}
		refuse(w, problem)
		return
	}
	reply(w, http.StatusOK, out)
}

const noSuchTransaction = "there is no such transaction"

// openDispute opens a dispute and keeps it; problem says why not.
func (s *Server) openDispute(reference string, amount *int64, category string, due time.Duration) (out disputeView, problem string) {
	now := time.Now().UTC()
	s.mu.Lock()
	t := s.byRef[reference]
	if t == nil {
		s.mu.Unlock()
		return out, noSuchTransaction
	}
	s.advance(t, now)
	sum := t.left()
	if amount != nil {
		sum = *amount
	}
	switch {
	case t.PaidAt == nil:
		problem = "a bank can ask for the money of a payment only after it was paid"
	case sum <= 0 || sum > t.left():
		problem = "amount is more than nothing, and at most what has not gone back yet"
	case len(t.Disputes) >= maxDisputes:
		problem = "there are enough disputes about this transaction"
	}
	if problem != "" {
		s.mu.Unlock()
		return out, problem
	}
	out = viewDispute(t, s.dispute(t, sum, category, due, now))
	wait := s.save(t)
	s.mu.Unlock()
	if wait() != nil {
		problem = "the sandbox cannot keep its state"
	}
	return out, problem
}

// controlDisputeOutcome is POST /_sandbox/disputes/{id}: how it ends for the merchant, or that Paystack reminds of it.
func (s *Server) controlDisputeOutcome(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Outcome string `json:"outcome"`
	}
	if !decide(w, r, &in) {
		return
	}
	out, problem := s.endDispute(r.PathValue("id"), in.Outcome)
	switch problem {
	case "":
		reply(w, http.StatusOK, out)
	case noSuchDispute:
		noDispute(w)
	default:
		refuse(w, problem)
	}
}

const noSuchDispute = "there is no such dispute"

// endDispute does what a tester says about a dispute.
func (s *Server) endDispute(id, outcome string) (out disputeView, problem string) {
	now := time.Now().UTC()
	s.mu.Lock()
	t, d := s.findDispute(id, now)
	switch {
	case d == nil:
		problem = noSuchDispute
	case d.Status == disputeResolved:
		problem = "this dispute is resolved"
	case outcome == "won":
		s.resolve(t, d, resolvedDeclined, now)
	case outcome == "lost":
		s.resolve(t, d, resolvedAccepted, now)
	case outcome == "remind":
		s.enqueue(t, "charge.dispute.remind", s.disputeEvent("remind", t, d), now, false)
	default:
		problem = "outcome is one of won, lost, remind"
	}
	if problem != "" {
		s.mu.Unlock()
		return out, problem
	}
	out = viewDispute(t, d)
	wait := s.save(t)
	s.mu.Unlock()
	if wait() != nil {
		problem = "the sandbox cannot keep its state"
	}
	return out, problem
}

// disputeData is a dispute as Paystack shows it.
func (s *Server) disputeData(t *transaction, d *dispute) map[string]any {
	id := strconv.FormatInt(d.ID, 10)
	out := map[string]any{
		"id": d.ID, "refund_amount": d.Amount, "currency": t.Currency, "status": d.Status, "resolution": nil, "domain": "test",
		"category": d.Category, "transaction": s.charge(t), "transaction_reference": nil, "customer": s.customer(t), "bin": nil, "last4": nil,
		"dueAt": d.DueAt.UTC().Format(stamp), "resolvedAt": nil, "evidence": nil, "attachments": "", "note": nil,
		"history":  []any{map[string]any{"status": disputeMerchant, "by": "sandbox@paystack.test", "createdAt": d.CreatedAt.UTC().Format(stamp)}},
		"messages": []any{}, "createdAt": d.CreatedAt.UTC().Format(stamp), "updatedAt": d.CreatedAt.UTC().Format(stamp),
	}
	if t.Card > 0 && t.Channel == "card" {
		c := cards[t.Card-1]
		out["bin"], out["last4"] = c.Number[:6], c.Number[len(c.Number)-4:]
	}
	if d.Resolution != "" {
		out["resolution"] = d.Resolution
	}
	if d.ResolvedAt != nil {
		out["resolvedAt"] = d.ResolvedAt.UTC().Format(stamp)
	}
	if s.pick(2, "dispute amount", id, d.Status) == 0 {
		out["refund_amount"] = strconv.FormatInt(d.Amount, 10)
	}
	if d.Message != "" {
		out["messages"] = []any{map[string]any{"sender": "sandbox@paystack.test", "body": d.Message}}
	}
	return out
}

func (s *Server) disputeEvent(what string, t *transaction, d *dispute) string {
	return event("charge.dispute."+what, s.disputeData(t, d))
}
