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
	body, _ := io.ReadAll(r.Body)
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
	now := time.Now().UTC()
	t := &transaction{
		ID: s.number("transaction", in.Reference), Reference: in.Reference, AccessCode: s.word(20, "access", in.Reference),
		Email: in.Email, Requested: int64(in.Amount), Amount: int64(in.Amount), Asked: in.Currency, Currency: in.Currency,
		Callback: safeURL(in.CallbackURL), Channels: in.Channels, Metadata: in.Metadata,
		CreatedAt: now, Fee: s.feeOnTop(int64(in.Amount), now), Status: statusAbandoned, Gateway: "The transaction was not completed",
	}
	if !s.insert(t) {
		s.mu.Unlock()
		tooMany(w)
		return
	}
	wait := s.save(t)
	s.mu.Unlock()
	if err := wait(); err != nil {
		s.broken(w, err)
		return
	}
	envelope(w, "Authorization URL created", map[string]string{
		"authorization_url": s.pageURL(t), "access_code": t.AccessCode, "reference": t.Reference,
	})
}

func (s *Server) pageURL(t *transaction) string { return s.origin + "/checkout/" + t.AccessCode }

func (s *Server) verify(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t := s.byRef[r.PathValue("reference")]
	if t == nil {
		s.mu.Unlock()
		notFound(w)
		return
	}
	s.answer(w, s.current(t), "Verification successful", s.charge(t))
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

// answer ends a call: what it did is told once it is on the disk. Called under the lock, which it lets go.
func (s *Server) answer(w http.ResponseWriter, wait func() error, message string, data any) {
	s.mu.Unlock()
	if err := wait(); err != nil {
		s.broken(w, err)
		return
	}
	envelope(w, message, data)
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

func positive(q url.Values, key string, otherwise, most int) int {
	n, err := strconv.Atoi(q.Get(key))
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, most)
}

// getTransaction is a transaction by its id.
func (s *Server) getTransaction(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t := s.find(r.PathValue("id"))
	if t == nil {
		s.mu.Unlock()
		notFound(w)
		return
	}
	_ = s.current(t) // on its way to the disk
	data := s.charge(t)
	s.mu.Unlock()
	envelope(w, "Transaction retrieved", data)
}

// listTransactions answers status, perPage and page; newest first.
func (s *Server) listTransactions(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, page := positive(q, "perPage", 50, 1000), positive(q, "page", 1, 1<<20)
	data, total := []any{}, 0
	s.mu.Lock()
	for _, t := range slices.Backward(s.order) {
		_ = s.current(t) // on its way to the disk
		if status := q.Get("status"); status != "" && status != t.Status {
			continue
		}
		if total/size == page-1 {
			data = append(data, s.charge(t))
		}
		total++
	}
	s.mu.Unlock()
	listed(w, "Transactions retrieved", data, total, size, page)
}

// listed is a page of a list.
func listed(w http.ResponseWriter, message string, data []any, total, size, page int) {
	reply(w, http.StatusOK, map[string]any{
		"status": true, "message": message, "data": data,
		"meta": map[string]any{"total": total, "skipped": (page - 1) * size, "perPage": strconv.Itoa(size), "page": page, "pageCount": (total + size - 1) / size},
	})
}

// banks are those of the page and of refunds that need an account; their numbers are the sandbox's own.
var banks = []string{"Access Bank", "First Bank of Nigeria", "Guaranty Trust Bank", "Sandbox Bank", "United Bank For Africa", "Zenith Bank"}

func (s *Server) listBanks(w http.ResponseWriter, _ *http.Request) {
	data := []any{}
	for i, name := range banks {
		data = append(data, map[string]any{"id": i + 1, "name": name, "slug": strings.ReplaceAll(strings.ToLower(name), " ", "-"),
			"code": strconv.Itoa(100 + i), "active": true, "country": "Nigeria", "currency": "NGN", "type": "nuban"})
	}
	envelope(w, "Banks retrieved", data)
}
