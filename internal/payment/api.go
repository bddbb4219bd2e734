// Package payment knows money: what was asked, what came, what goes back.
package payment

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/mail"
	"fairqueue/internal/money"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
)

// Status is where a payment is.
type Status string

// The statuses of CONTRACT.md.
const (
	Initializing Status = "initializing"
	Pending      Status = "pending"
	Succeeded    Status = "succeeded"
	Failed       Status = "failed"
	Abandoned    Status = "abandoned"
	RefundDue    Status = "refund_due"
	Refunded     Status = "refunded"
	ChargedBack  Status = "charged_back"
)

// Payment is one attempt to pay for a claim.
type Payment struct {
	ID, ClaimID, EventID, AccountID uuid.UUID
	Reference                       string
	Status                          Status
	Amount                          money.Kobo
	AuthorizationURL                string
	CreatedAt                       time.Time
	// Waiting reports that the provider says the bank is still working on it (as of the last check).
	Waiting bool
	// GatewayResponse is the provider's reason of a failure, for people.
	GatewayResponse string
}

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
}

// Config is what a Service needs.
type Config struct {
	DB       db.Conn
	Claims   *claim.Service
	Queue    *queue.Service
	Sales    *sale.Service
	Tickets  *ticket.Service
	Mail     *mail.Mailer
	Jobs     *river.Client[pgx.Tx]
	Provider Provider
	Clock    *db.Clock
	// PublicURL is where buyers come back to: PublicURL + /checkout/{claim}/return.
	PublicURL string
	Logger    *slog.Logger
}

// Service is the one door to money.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Start begins a payment for the account's claim, or returns the one that is pending (created false). 404 claim_not_found;
// 409 claim_expired, attempts_used; 503 provider_unavailable when the provider cannot be reached (the claim is kept, the
// same call tries again). A free claim is settled at once.
func (s *Service) Start(ctx context.Context, account, claimID uuid.UUID) (p Payment, created bool, err error) {
	panic("not built")
}

// Get returns the account's payment; 404 payment_not_found.
func (s *Service) Get(ctx context.Context, account, id uuid.UUID) (Payment, error) {
	panic("not built")
}

// OfClaim returns the payments of the account's claim, newest first.
func (s *Service) OfClaim(ctx context.Context, account, claimID uuid.UUID) ([]Payment, error) {
	panic("not built")
}

// Check asks the provider about the account's claim's live payment now (the buyer came back) and settles or frees
// accordingly; at most once in two seconds a payment goes to the provider.
func (s *Service) Check(ctx context.Context, account, claimID uuid.UUID) error { panic("not built") }

// Release is DELETE /claims/{id}: a held claim is released at once; a paying one only if the provider, asked now, says
// abandoned, failed or not found, else 409 payment_pending. 404 claim_not_found. Already ended: fine.
func (s *Service) Release(ctx context.Context, account, claimID uuid.UUID) error { panic("not built") }

// Receive stores a webhook; nil means it is on disk. 401 invalid_signature.
func (s *Service) Receive(ctx context.Context, signature string, body []byte) error {
	panic("not built")
}

// Register adds the workers: settle, initialize, refund.
func (s *Service) Register(w *river.Workers) { panic("not built") }

// QueueMoney is the River queue of payment jobs.
const QueueMoney = "money"

// Reconcile asks the provider about payments that are due and acts on it, a bounded number a call; the leader calls it
// every few seconds.
func (s *Service) Reconcile(ctx context.Context) error { panic("not built") }

// Order is a claim with its money, for the organizer.
type Order struct {
	ID        uuid.UUID // of the claim
	Buyer     string    // e-mail
	Quantity  int
	Tiers     string // "2 × Stands"
	Total     money.Kobo
	Status    claim.Status
	Payment   Status
	Reference string
	CreatedAt time.Time
	PaidAt    *time.Time
}

// Orders lists an event's orders (claims with a payment), newest first, in pages.
func (s *Service) Orders(ctx context.Context, event uuid.UUID, limit int, cursor string) (orders []Order, next string, err error) {
	panic("not built")
}
