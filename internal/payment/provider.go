package payment

import (
	"context"
	"errors"
	"time"

	"fairqueue/internal/fault"
	"fairqueue/internal/money"
)

// Start is what a provider needs to take money.
type Start struct {
	Reference   string
	Email       string
	Amount      money.Kobo
	CallbackURL string
	CancelURL   string
	Channels    []string
	Metadata    map[string]string
}

// Charge is what a provider says about a reference.
type Charge struct {
	// Found is false when the provider knows no such reference.
	Found bool
	// Status: success, failed, abandoned, ongoing, pending, processing, queued, reversed.
	Status          string
	Reference       string
	ProviderID      string
	Amount          money.Kobo
	Requested       money.Kobo // 0 where the provider did not say
	Fees            money.Kobo
	Currency        string
	Channel         string
	GatewayResponse string
	PaidAt          *time.Time
}

// Refund is what a provider says about a refund.
type Refund struct {
	ProviderID string
	Status     string // pending, processing, processed, failed, needs-attention
	Amount     money.Kobo
	Reference  string // of the transaction
	// Transaction is the provider's own number of it, empty where it did not say.
	Transaction string
	// Dispute reports that it is how a bank took what it won.
	Dispute bool
}

// Notice is a webhook after its signature was checked.
type Notice struct {
	Kind      string
	Reference string
	Dedupe    []byte
	Body      []byte
	// Charge is what a charge.success says, nil when it does not say enough to settle by.
	Charge *Charge
	// Dispute is what a charge.dispute.… says, nil when it does not name its dispute.
	Dispute *Dispute
}

// Dispute is what a provider says about a bank that asks for the money of a payment back.
type Dispute struct {
	// Found is false when the provider knows no such dispute.
	Found      bool
	ProviderID string
	// Status and Resolution are the provider's words, for people; decide by Outcome.
	Status     string
	Resolution string
	Outcome    DisputeOutcome
	Category   string
	// Amount is what is asked back, 0 where the provider did not say.
	Amount     money.Kobo
	Reference  string // of the transaction
	DueAt      *time.Time
	ResolvedAt *time.Time
}

// DisputeOutcome is how a dispute stands. What a provider calls resolved without saying for whom is open: a person looks.
type DisputeOutcome string

// The outcomes of a dispute.
const (
	DisputeOpen DisputeOutcome = "open"
	DisputeWon  DisputeOutcome = "won"
	DisputeLost DisputeOutcome = "lost"
)

// BankAccount is where a refund goes that found no way back by itself. It is passed through, never stored or logged.
type BankAccount struct {
	BankID string
	Number string
}

// String hides the account from logs.
func (BankAccount) String() string { return "bank account" }

// GoString hides the account from logs.
func (BankAccount) GoString() string { return "bank account" }

// MarshalJSON hides the account from logs.
func (BankAccount) MarshalJSON() ([]byte, error) { return []byte(`"bank account"`), nil }

// Bank is a bank by the number that BankAccount takes.
type Bank struct{ ID, Name string }

// Provider takes money. Two exist: paystack, and none for free orders.
type Provider interface {
	Name() string
	// Initialize opens a transaction and returns where the buyer goes. An error that is Uncertain (time-out, 5xx)
	// must be followed by Verify before anything else.
	Initialize(ctx context.Context, s Start) (authorizationURL string, err error)
	// Verify asks what became of a reference.
	Verify(ctx context.Context, reference string) (Charge, error)
	// Refund asks for money to go back.
	Refund(ctx context.Context, reference string, amount money.Kobo, note string) (Refund, error)
	// Refunds lists the refunds of a transaction.
	Refunds(ctx context.Context, reference string) ([]Refund, error)
	// AllRefunds lists the refunds of all transactions that were made since a moment, a page at a time from 1 on; one that is
	// empty is after the last. What could not be read has no ProviderID.
	AllRefunds(ctx context.Context, since time.Time, page int) ([]Refund, error)
	// RetryRefund sends a refund that needs attention to the buyer's account; the error is Refused when it needs none.
	RetryRefund(ctx context.Context, refundID string, to BankAccount) (Refund, error)
	// Banks lists the banks that RetryRefund can send to, by name.
	Banks(ctx context.Context) ([]Bank, error)
	// Dispute asks how a dispute stands.
	Dispute(ctx context.Context, id string) (Dispute, error)
	// Down reports whether new payments cannot be opened at the moment, and when it is tried again; it asks nobody.
	Down() (until time.Time, down bool)
	// Open checks the signature of a webhook over the raw body; 401 invalid_signature.
	Open(signature string, body []byte) (Notice, error)
	// Read reads the body of a webhook whose signature was checked when it was stored.
	Read(body []byte) Notice
}

// ProviderError is a failed call to a provider.
type ProviderError struct {
	// Code is the provider's, or timeout, unreachable, malformed, http_500 …
	Code string
	// Message is the provider's sentence; for logs.
	Message string
	// Uncertain: the provider may have done the work all the same.
	Uncertain bool
	// Refused: the provider looked at the request and will never do it.
	Refused bool
	// RetryAfter is how long the provider asks to wait; zero for unknown.
	RetryAfter time.Duration
	Err        error
}

func (e *ProviderError) Error() string {
	s := "provider: " + e.Code
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *ProviderError) Unwrap() error { return e.Err }

// ProviderDown reports whether a payment cannot be opened at the moment because the provider does not answer, and when
// it is tried again. Nobody is asked: it is as cheap as a page needs it.
func (s *Service) ProviderDown() (until time.Time, down bool) { return s.cfg.Provider.Down() }

// Banks lists the banks that a refund may be sent to by hand; 503 provider_unavailable.
func (s *Service) Banks(ctx context.Context) ([]Bank, error) {
	banks, err := s.cfg.Provider.Banks(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	return banks, nil
}

// Uncertain reports whether the call behind err may have been carried out. What
// is no ProviderError is uncertain: nothing is known about it.
func Uncertain(err error) bool {
	if err == nil {
		return false
	}
	e, ok := errors.AsType[*ProviderError](err)
	return !ok || e.Uncertain
}

func refused(err error) bool {
	e, ok := errors.AsType[*ProviderError](err)
	return ok && e.Refused
}

// The words of providers for the state of a charge.
const (
	chargeSuccess   = "success"
	chargeFailed    = "failed"
	chargeAbandoned = "abandoned"
	chargeReversed  = "reversed"
)

// waiting reports whether somebody's bank is at work.
func waiting(status string) bool {
	switch status {
	case "ongoing", "pending", "processing", "queued":
		return true
	}
	return false
}

// None is the provider of free orders: nothing is asked and nothing comes.
type None struct{}

// NoneName is its name in rows.
const NoneName = "none"

// Name implements Provider.
func (None) Name() string { return NoneName }

// Initialize implements Provider; there is no page to go to.
func (None) Initialize(context.Context, Start) (string, error) { return "", nil }

// Verify implements Provider: zero was received.
func (None) Verify(_ context.Context, reference string) (Charge, error) {
	return Charge{Found: true, Status: chargeSuccess, Reference: reference, Currency: money.Currency}, nil
}

// Refund implements Provider: there is nothing to give back.
func (None) Refund(context.Context, string, money.Kobo, string) (Refund, error) {
	return Refund{}, &ProviderError{Code: "nothing_paid", Refused: true}
}

// Refunds implements Provider.
func (None) Refunds(context.Context, string) ([]Refund, error) { return nil, nil }

// AllRefunds implements Provider.
func (None) AllRefunds(context.Context, time.Time, int) ([]Refund, error) { return nil, nil }

// RetryRefund implements Provider: there is nothing to give back.
func (None) RetryRefund(context.Context, string, BankAccount) (Refund, error) {
	return Refund{}, &ProviderError{Code: "nothing_paid", Refused: true}
}

// Banks implements Provider.
func (None) Banks(context.Context) ([]Bank, error) { return nil, nil }

// Dispute implements Provider: no bank was asked for money.
func (None) Dispute(context.Context, string) (Dispute, error) { return Dispute{}, nil }

// Down implements Provider.
func (None) Down() (time.Time, bool) { return time.Time{}, false }

// Open implements Provider: nobody may claim to be it.
func (None) Open(string, []byte) (Notice, error) { return Notice{}, ErrSignature }

// Read implements Provider.
func (None) Read([]byte) Notice { return Notice{} }

// ErrSignature is the answer to a webhook whose signature is wrong.
var ErrSignature = fault.New(fault.Unauthorized, "invalid_signature", "The signature does not match the body.")
