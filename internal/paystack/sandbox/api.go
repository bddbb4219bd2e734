package sandbox

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// apiError is an error as Paystack words it.
type apiError struct {
	Status  bool   `json:"status"`
	Message string `json:"message"`
	Meta    *meta  `json:"meta,omitempty"`
	Type    string `json:"type,omitempty"`
	Code    string `json:"code,omitempty"`
}

type meta struct {
	NextStep string `json:"nextStep"`
}

func fail(w http.ResponseWriter, status int, e apiError) {
	if e.Type == "" {
		e.Type = "validation_error"
	}
	if e.Meta == nil {
		e.Meta = &meta{NextStep: "Ensure that you're passing the right values in the request"}
	}
	reply(w, status, e)
}

func reply(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		http.Error(w, `{"status":false,"message":"An error occurred"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

func envelope(w http.ResponseWriter, message string, data any) {
	reply(w, http.StatusOK, struct {
		Status  bool   `json:"status"`
		Message string `json:"message"`
		Data    any    `json:"data"`
	}{true, message, data})
}

// authorized lets in who shows the secret key.
func (s *Server) authorized(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case ok && strings.HasPrefix(key, "sk_live_"):
			s.log.Error("a live key was shown to the sandbox; take it back and make a new one")
			fail(w, http.StatusUnauthorized, apiError{Message: "This is a sandbox. Never send it a live key", Code: "invalid_Key",
				Meta: &meta{NextStep: "Use the test key"}})
		case !ok || subtle.ConstantTimeCompare([]byte(key), []byte(s.cfg.SecretKey)) != 1:
			fail(w, http.StatusUnauthorized, apiError{Message: "Invalid key", Code: "invalid_Key",
				Meta: &meta{NextStep: "Ensure that you provide the correct authorization key for the request"}})
		default:
			next(w, r)
		}
	}
}

// reference is what Paystack allows: letters, figures and - . =
var reference = regexp.MustCompile(`^[A-Za-z0-9.=-]{1,100}$`)

// kobo is an amount that may come as a number or as a string of figures.
type kobo int64

func (k *kobo) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	if err != nil {
		return errors.New("not a whole number of kobo")
	}
	*k = kobo(n)
	return nil
}

// text is a string that may come as a number, as ids do.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(t))
	}
	if string(b) != "null" {
		*t = text(b)
	}
	return nil
}

func (s *Server) initialize(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, http.StatusBadRequest, apiError{Message: "The request body could not be read", Code: "invalid_params"})
		return
	}
	fault := s.faulty(w, r, faultInitialize)
	if fault == faultStop {
		return
	}
	var in struct {
		Email       string          `json:"email"`
		Amount      kobo            `json:"amount"`
		Currency    string          `json:"currency"`
		Reference   string          `json:"reference"`
		CallbackURL string          `json:"callback_url"`
		Channels    []string        `json:"channels"`
		Metadata    json.RawMessage `json:"metadata"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		fail(w, http.StatusBadRequest, apiError{Message: "Invalid JSON: " + err.Error(), Code: "invalid_params"})
		return
	}
	if in.Currency == "" {
		in.Currency = "NGN"
	}
	_, badMail := mail.ParseAddress(in.Email)
	var refuse apiError
	switch {
	case in.Email == "":
		refuse = apiError{Message: "Email is required", Code: "missing_params"}
	case badMail != nil:
		refuse = apiError{Message: "Invalid Email Address Passed", Code: "invalid_email_address"}
	case in.Amount <= 0:
		refuse = apiError{Message: "Amount is required and must be above zero", Code: "missing_params"}
	case in.Currency != "NGN":
		refuse = apiError{Message: "Currency not supported by merchant", Code: "unsupported_currency"}
	case in.Reference != "" && !reference.MatchString(in.Reference):
		refuse = apiError{Message: "Reference may hold letters, figures, - . and = only", Code: "invalid_reference"}
	case len(in.Channels) > 10 || len(in.Metadata) > 16<<10 || len(in.CallbackURL) > 2000:
		refuse = apiError{Message: "The request is too long", Code: "invalid_params"}
	}
	if refuse.Code != "" {
		fail(w, http.StatusBadRequest, refuse)
		return
	}
	if string(in.Metadata) == "null" {
		in.Metadata = nil
	}

	s.mu.Lock()
	if in.Reference == "" {
		in.Reference = s.word(16, "reference", strconv.Itoa(len(s.order)), in.Email)
	}
	if s.byRef[in.Reference] != nil {
		s.mu.Unlock()
		fail(w, http.StatusBadRequest, apiError{Message: "Duplicate Transaction Reference", Code: "duplicate_reference",
			Meta: &meta{NextStep: "Try again with a new reference"}})
		return
	}
	t := &transaction{
		ID: s.number("transaction", in.Reference), Reference: in.Reference, AccessCode: s.word(20, "access", in.Reference),
		Email: in.Email, Requested: int64(in.Amount), Amount: int64(in.Amount), Asked: in.Currency, Currency: in.Currency,
		Callback: safeURL(in.CallbackURL), Channels: in.Channels, Metadata: in.Metadata,
		CreatedAt: time.Now().UTC(), Status: statusAbandoned, Gateway: "The transaction was not completed",
	}
	if !s.insert(t) {
		s.mu.Unlock()
		tooMany(w)
		return
	}
	wait := s.save(t)
	s.mu.Unlock()
	if err := wait(); err != nil || fault == faultAfterWork {
		s.broken(w, err)
		return
	}
	envelope(w, "Authorization URL created", map[string]string{
		"authorization_url": s.pageURL(t), "access_code": t.AccessCode, "reference": t.Reference,
	})
}

func (s *Server) pageURL(t *transaction) string { return s.origin + "/checkout/" + t.AccessCode }

func (s *Server) verify(w http.ResponseWriter, r *http.Request) {
	fault := s.faulty(w, r, faultVerify)
	if fault == faultStop {
		return
	}
	if fault == faultAfterWork {
		s.broken(w, nil)
		return
	}
	s.mu.Lock()
	t := s.byRef[r.PathValue("reference")]
	if t == nil {
		s.mu.Unlock()
		notFound(w)
		return
	}
	wait := s.current(t)
	data := s.charge(t)
	s.mu.Unlock()
	if err := wait(); err != nil {
		s.broken(w, err)
		return
	}
	envelope(w, "Verification successful", data)
}

// current brings a transaction up to now. Called under the lock; wait comes after it.
func (s *Server) current(t *transaction) (wait func() error) {
	if s.advance(t, time.Now().UTC()) {
		return s.save(t)
	}
	return func() error { return nil }
}

func notFound(w http.ResponseWriter) {
	fail(w, http.StatusNotFound, apiError{Message: "Transaction reference not found.", Code: "transaction_not_found",
		Meta: &meta{NextStep: "Ensure that you're passing the reference of a transaction that exists on this integration"}})
}

// broken is a 5xx: of a fault, or of a disk that does not take what is written.
func (s *Server) broken(w http.ResponseWriter, err error) {
	if err != nil {
		s.log.Error("the sandbox cannot keep its state", "error", err)
	}
	reply(w, http.StatusInternalServerError, apiError{Message: "An error occurred", Type: "api_error", Code: "unknown"})
}

// find looks a transaction up by id or reference. Called under the lock.
func (s *Server) find(idOrReference string) *transaction {
	if t := s.byRef[idOrReference]; t != nil {
		return t
	}
	id, err := strconv.ParseInt(idOrReference, 10, 64)
	if err != nil {
		return nil
	}
	return s.byID[id]
}

// refundStep is how long a refund stays in each state on Paystack's clock, shortened.
const refundStep = time.Minute

func (s *Server) createRefund(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, http.StatusBadRequest, apiError{Message: "The request body could not be read", Code: "invalid_params"})
		return
	}
	fault := s.faulty(w, r, faultRefund)
	if fault == faultStop {
		return
	}
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
	left := t.Amount - t.refunded()
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
	if t.refunded() >= t.Amount {
		t.Status = statusReversed
	}
	s.enqueue(t, "refund.pending", s.refundEvent(t, f), now, false)
	data := s.refundData(t, f)
	wait := s.save(t)
	s.mu.Unlock()
	if err := wait(); err != nil || fault == faultAfterWork {
		s.broken(w, err)
		return
	}
	envelope(w, "Refund has been queued for processing", data)
}

// cut bounds a note.
func cut(note string) string { return note[:min(len(note), 500)] }

func (s *Server) getRefund(w http.ResponseWriter, r *http.Request) {
	if s.faulty(w, r, faultRefund) == faultStop {
		return
	}
	s.mu.Lock()
	t, f := s.refund(r.PathValue("id"))
	if f == nil {
		s.mu.Unlock()
		fail(w, http.StatusNotFound, apiError{Message: "Refund not found", Code: "refund_not_found"})
		return
	}
	wait := s.current(t)
	data := s.refundData(t, f)
	s.mu.Unlock()
	if err := wait(); err != nil {
		s.broken(w, err)
		return
	}
	envelope(w, "Refund retrieved", data)
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

// listRefunds answers the filters transaction (id or reference), reference, currency, perPage and page; newest first.
func (s *Server) listRefunds(w http.ResponseWriter, r *http.Request) {
	if s.faulty(w, r, faultRefund) == faultStop {
		return
	}
	q := r.URL.Query()
	size, page := positive(q, "perPage", 50, 1000), positive(q, "page", 1, 1<<20)
	which := q.Get("transaction")
	if which == "" {
		which = q.Get("reference")
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
	data, total := []any{}, 0
	now := time.Now().UTC()
	for _, t := range slices.Backward(of) {
		if len(t.Refunds) == 0 {
			continue
		}
		if s.advance(t, now) {
			_ = s.save(t) // on its way to the disk; the next verify says the same again
		}
		for _, f := range slices.Backward(t.Refunds) {
			if c := q.Get("currency"); c != "" && c != t.Currency {
				continue
			}
			if total/size == page-1 {
				data = append(data, s.refundData(t, f))
			}
			total++
		}
	}
	s.mu.Unlock()
	reply(w, http.StatusOK, map[string]any{
		"status": true, "message": "Refunds retrieved", "data": data,
		"meta": map[string]any{"total": total, "skipped": (page - 1) * size, "perPage": strconv.Itoa(size), "page": page, "pageCount": (total + size - 1) / size},
	})
}

func positive(q url.Values, key string, otherwise, most int) int {
	n, err := strconv.Atoi(q.Get(key))
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}

// retryRefund is POST /refund/retry_with_customer_details/{id}, for refunds that need the buyer's account.
func (s *Server) retryRefund(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		fail(w, http.StatusBadRequest, apiError{Message: "The request body could not be read", Code: "invalid_params"})
		return
	}
	if s.faulty(w, r, faultRefund) == faultStop {
		return
	}
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
	data := s.refundData(t, f)
	wait := s.save(t)
	s.mu.Unlock()
	if err := wait(); err != nil {
		s.broken(w, err)
		return
	}
	envelope(w, "Refund retried and has been queued for processing", data)
}
