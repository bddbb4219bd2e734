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
}

// Notice is a webhook after its signature was checked.
type Notice struct {
	Kind      string
	Reference string
	Dedupe    []byte
	Body      []byte
	// Charge is what a charge.success says, nil when it does not say enough to settle by.
	Charge *Charge
}

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

// Open implements Provider: nobody may claim to be it.
func (None) Open(string, []byte) (Notice, error) { return Notice{}, ErrSignature }

// Read implements Provider.
func (None) Read([]byte) Notice { return Notice{} }

// ErrSignature is the answer to a webhook whose signature is wrong.
var ErrSignature = fault.New(fault.Unauthorized, "invalid_signature", "The signature does not match the body.")
