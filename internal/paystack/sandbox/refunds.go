package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// refund is money on its way back.
type refund struct {
	ID        int64      `json:"id"`
	Amount    int64      `json:"amount"`
	Status    string     `json:"status"`
	Final     string     `json:"final"` // processed, failed or needs-attention
	Customer  string     `json:"customer_note,omitempty"`
	Merchant  string     `json:"merchant_note,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	StepAt    *time.Time `json:"step_at,omitempty"` // when it moves on; nil: it rests
	EndedAt   *time.Time `json:"ended_at,omitempty"`
}

// refunded is what went back or is on its way.
func (t *transaction) refunded() int64 {
	var sum int64
	for _, r := range t.Refunds {
		if r.Status != "failed" {
			sum += r.Amount
		}
	}
	return sum
}

// stepRefund moves a refund one step on: pending, processing, its end.
func (s *Server) stepRefund(t *transaction, r *refund, now time.Time) {
	at := *r.StepAt
	switch {
	case r.Status != "pending":
		r.Status, r.StepAt, r.EndedAt = r.Final, nil, &at
		t.stand()
	case r.Final == refundStalls:
		r.Status, r.StepAt = "processing", nil
	default:
		r.Status = "processing"
		next := at.Add(s.scaled(refundStep))
		r.StepAt = &next
	}
	s.enqueue(t, "refund."+r.Status, s.refundEvent(t, r), now, false)
}

// refundStep is how long a refund stays in each state on Paystack's clock, shortened.
const refundStep = time.Minute

func (s *Server) createRefund(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in struct {
		Transaction text   `json:"transaction"`
		Amount      kobo   `json:"amount"`
		Currency    string `json:"currency"`
		Customer    string `json:"customer_note"`
		Merchant    string `json:"merchant_note"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Transaction == "" {
		fail(w, http.StatusBadRequest, apiError{Message: "Transaction is required", Code: "missing_params"})
		return
	}
	s.mu.Lock()
	t := s.find(string(in.Transaction))
	if t == nil {
		s.mu.Unlock()
		notFound(w)
		return
	}
	now := time.Now().UTC()
	s.advance(t, now)
	left := t.left()
	if in.Amount == 0 {
		in.Amount = kobo(left)
	}
	var refuse apiError
	switch {
	case t.PaidAt == nil:
		refuse = apiError{Message: "Transaction has not been paid", Code: "transaction_not_successful"}
	case left <= 0:
		refuse = apiError{Message: "Transaction has been fully reversed", Code: "transaction_reversed"}
	case in.Amount < 0 || int64(in.Amount) > left:
		refuse = apiError{Message: "Refund amount cannot be more than what is left of the transaction", Code: "invalid_amount"}
	case in.Currency != "" && in.Currency != t.Currency:
		refuse = apiError{Message: "Refund currency must be that of the transaction", Code: "invalid_currency"}
	case len(t.Refunds) >= 50:
		refuse = apiError{Message: "Too many refunds of one transaction", Code: "invalid_params"}
	}
	if refuse.Code != "" {
		s.mu.Unlock()
		fail(w, http.StatusBadRequest, refuse)
		return
	}
	step := now.Add(s.scaled(refundStep))
	f := &refund{
		ID: s.number("refund", t.Reference, strconv.Itoa(len(t.Refunds))), Amount: int64(in.Amount), Status: "pending",
		Final: s.refundOutcome(t, now), Customer: cut(in.Customer), Merchant: cut(in.Merchant), CreatedAt: now, StepAt: &step,
	}
	t.Refunds = append(t.Refunds, f)
	s.refunds[f.ID] = t
	t.stand()
	s.enqueue(t, "refund.pending", s.refundEvent(t, f), now, false)
	s.answer(w, s.save(t), "Refund has been queued for processing", s.refundData(t, f))
}

// cut bounds a note.
func cut(note string) string { return note[:min(len(note), 500)] }

func (s *Server) getRefund(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t, f := s.refund(r.PathValue("id"))
	if f == nil {
		s.mu.Unlock()
		fail(w, http.StatusNotFound, apiError{Message: "Refund not found", Code: "refund_not_found"})
		return
	}
	s.answer(w, s.current(t), "Refund retrieved", s.refundData(t, f))
}

// refund finds a refund by id. Called under the lock.
func (s *Server) refund(id string) (*transaction, *refund) {
	n, err := strconv.ParseInt(id, 10, 64)
	t := s.refunds[n]
	if err != nil || t == nil {
		return nil, nil
	}
	i := slices.IndexFunc(t.Refunds, func(f *refund) bool { return f.ID == n })
	if i < 0 {
		return nil, nil
	}
	return t, t.Refunds[i]
}

// listRefunds answers the filters transaction (id or reference), reference, currency, from and to (a time or a day), perPage and
// page; newest first.
func (s *Server) listRefunds(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, page := positive(q, "perPage", 50, 1000), positive(q, "page", 1, 1<<20)
	which := q.Get("transaction")
	if which == "" {
		which = q.Get("reference")
	}
	from, badFrom := at(q.Get("from"), time.Time{})
	to, badTo := at(q.Get("to"), time.Now().Add(time.Hour))
	if badFrom || badTo {
		fail(w, http.StatusBadRequest, apiError{Message: "from and to are dates", Code: "invalid_params"})
		return
	}
	s.mu.Lock()
	var of []*transaction
	switch {
	case which == "":
		of = s.order
	default:
		if t := s.find(which); t != nil {
			of = []*transaction{t}
		}
	}
	type row struct {
		t *transaction
		f *refund
	}
	var rows []row
	now := time.Now().UTC()
	for _, t := range slices.Backward(of) {
		if len(t.Refunds) == 0 {
			continue
		}
		if s.advance(t, now) {
			_ = s.save(t) // on its way to the disk; the next verify says the same again
		}
		for _, f := range slices.Backward(t.Refunds) {
			if c := q.Get("currency"); c != "" && c != t.Currency || f.CreatedAt.Before(from) || f.CreatedAt.After(to) {
				continue
			}
			rows = append(rows, row{t, f})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return b.f.CreatedAt.Compare(a.f.CreatedAt) })
	data := []any{}
	for _, r := range rows[min((page-1)*size, len(rows)):min(page*size, len(rows))] {
		data = append(data, s.refundData(r.t, r.f))
	}
	s.mu.Unlock()
	listed(w, "Refunds retrieved", data, len(rows), size, page)
}

// at reads a time, or the beginning of a day; otherwise where nothing is said.
func at(word string, otherwise time.Time) (t time.Time, bad bool) {
	if word == "" {
		return otherwise, false
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, word); err == nil {
			return t, false
		}
	}
	return t, true
}

// retryRefund is POST /refund/retry_with_customer_details/{id}, for refunds that need the buyer's account.
func (s *Server) retryRefund(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in struct {
		Details struct {
			Currency      string `json:"currency"`
			AccountNumber string `json:"account_number"`
			BankID        text   `json:"bank_id"`
		} `json:"refund_account_details"`
	}
	if json.Unmarshal(body, &in) != nil || in.Details.AccountNumber == "" || in.Details.BankID == "" {
		fail(w, http.StatusBadRequest, apiError{Message: "refund_account_details with currency, account_number and bank_id is required", Code: "missing_params"})
		return
	}
	s.mu.Lock()
	t, f := s.refund(r.PathValue("id"))
	if f == nil {
		s.mu.Unlock()
		fail(w, http.StatusNotFound, apiError{Message: "Refund not found", Code: "refund_not_found"})
		return
	}
	now := time.Now().UTC()
	s.advance(t, now)
	if f.Status != "needs-attention" {
		s.mu.Unlock()
		fail(w, http.StatusUnprocessableEntity, apiError{Message: "Refund does not need attention", Code: "invalid_params"})
		return
	}
	step := now.Add(s.scaled(refundStep))
	f.Status, f.Final, f.StepAt, f.EndedAt = "processing", "processed", &step, nil
	s.enqueue(t, "refund.processing", s.refundEvent(t, f), now, false)
	s.answer(w, s.save(t), "Refund retried and has been queued for processing", s.refundData(t, f))
}

// refundOutcome is how a refund made now will end: as the tester says, else as the card says.
func (s *Server) refundOutcome(t *transaction, now time.Time) string {
	if v := s.faults.now(knobRefund, now).value; v != "" {
		return v
	}
	if t.Card > 0 && cards[t.Card-1].Refund != "" {
		return cards[t.Card-1].Refund
	}
	return "processed"
}

// controlRefund is POST /_sandbox/refunds/{id}: how and when a refund that is under way ends.
func (s *Server) controlRefund(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Outcome      string  `json:"outcome"`
		AfterSeconds float64 `json:"after_seconds"`
	}
	if !decide(w, r, &in) {
		return
	}
	out, problem := s.endRefund(r.PathValue("id"), in.Outcome, in.AfterSeconds)
	switch problem {
	case "":
		reply(w, http.StatusOK, out)
	case noSuchRefund:
		fail(w, http.StatusNotFound, apiError{Message: "Refund not found", Code: "refund_not_found"})
	default:
		refuse(w, problem)
	}
}

const noSuchRefund = "there is no such refund"

// endRefund does what a tester says about a refund.
func (s *Server) endRefund(id, outcome string, after float64) (out refundView, problem string) {
	now := time.Now().UTC()
	s.mu.Lock()
	t, f := s.refund(id)
	if f == nil {
		s.mu.Unlock()
		return out, noSuchRefund
	}
	s.advance(t, now)
	switch {
	case !slices.Contains(knobNamed(knobRefund).Values, outcome):
		problem = "outcome is one of processed, failed, needs-attention, stall"
	case !(after >= 0 && after <= longest):
		problem = "after_seconds is 0 or more, at most a year"
	case f.Status == "processed" || f.Status == "failed":
		problem = "this refund is over"
	}
	if problem != "" {
		s.mu.Unlock()
		return out, problem
	}
	f.Final, f.StepAt = outcome, nil
	if outcome != refundStalls {
		at := now.Add(seconds(after))
		f.Status, f.StepAt, f.EndedAt = "processing", &at, nil
		s.advance(t, now)
	}
	wait := s.save(t)
	out = refundView{f.ID, f.Status, f.Amount}
	s.mu.Unlock()
	if wait() != nil {
		problem = "the sandbox cannot keep its state"
	}
	return out, problem
}
