package payment

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/mail"
	"fairqueue/internal/money"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
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
	// Late reports that it was given up while the bank was still working on it: its money may come after all.
	Late bool
	// Unpaid reports that the provider said, when it was asked last, that the buyer has not paid: they did not finish, or
	// have not begun. It is not its last word.
	Unpaid bool
	// Stalled reports that its page could not be opened at the last try; the next one comes by itself.
	Stalled bool
	// Channels are what its page offers; DeadlineAt is until when that page takes money; CheckedAt is when the provider was asked last.
	Channels   []string
	DeadlineAt time.Time
	CheckedAt  *time.Time
	// Holders are the names for the tickets as the buyer said them, in the order of the claim's lines; an empty one: the buyer's own.
	Holders []string
	// GatewayResponse is the provider's reason of a failure, for people.
	GatewayResponse string
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
type Service struct {
	cfg Config
	q   *paymentdb.Queries
	log *slog.Logger
	// alerts counts what a person must look at.
	alerts prometheus.Counter
	// wentOn: what was left behind by a process that was killed is taken up.
	wentOn atomic.Bool
}

// New returns a Service.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg, q: paymentdb.New(), log: cfg.Logger, alerts: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "fairqueue_payment_alerts_total", Help: "Money that needs a person: each is an error in the log.",
	})}
}

// QueueMoney is the River queue of payment jobs.
const QueueMoney = "money"

var (
	errNotFound    = fault.New(fault.NotFound, "payment_not_found", "There is no such payment of yours.")
	errNoClaim     = fault.New(fault.NotFound, "claim_not_found", "There is no such claim of yours.")
	errPaid        = fault.New(fault.Conflict, "claim_paid", "These tickets are paid for. You find them under Your tickets.")
	errAttempts    = fault.New(fault.Conflict, "attempts_used", "Two payments were tried in this visit, which is all there are. The tickets go back to the others when the clock ends; ask for another turn to try again.")
	errCancelled   = fault.New(fault.Conflict, "event_cancelled", "This event does not take place, so nothing can be paid for it any more. Nothing was charged.")
	errPending     = fault.New(fault.Conflict, "payment_pending", "The bank has not decided about your payment yet, so the tickets stay yours until it has. Look again in a minute.")
	errUnavailable = fault.New(fault.Unavailable, "provider_unavailable", "Our payment partner does not answer right now. Your tickets are kept for you and nothing was charged: try again in a moment.").
			After(10 * time.Second)
)

// provider returns who took the money of a payment.
func (s *Service) provider(name string) Provider {
	if name == NoneName {
		return None{}
	}
	return s.cfg.Provider
}

// Get returns the account's payment; 404 payment_not_found.
func (s *Service) Get(ctx context.Context, account, id uuid.UUID) (Payment, error) {
	p, err := s.q.PaymentOfAccount(ctx, s.cfg.DB, id, account)
	if db.NoRows(err) {
		return Payment{}, errNotFound
	}
	if err != nil {
		return Payment{}, db.Fault(fmt.Errorf("payment.Get: %w", err))
	}
	return view(p), nil
}

// OfClaim returns the payments of the account's claim, newest first.
func (s *Service) OfClaim(ctx context.Context, account, claimID uuid.UUID) ([]Payment, error) {
	rows, err := s.q.PaymentsOfClaim(ctx, s.cfg.DB, claimID, account)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("payment.OfClaim: %w", err))
	}
	return views(rows), nil
}

// maxUnderWay bounds what UnderWay looks at: a fan has one open claim an event, and few attempts that were given up.
const maxUnderWay = 50

// UnderWay returns the payments of an account that are not decided, newest first, of all events: those that its claims
// wait for, and those that were given up (Late) while the bank was still at work.
func (s *Service) UnderWay(ctx context.Context, account uuid.UUID) ([]Payment, error) {
	rows, err := s.q.OpenOfAccount(ctx, s.cfg.DB, account, maxUnderWay)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("payment.UnderWay: %w", err))
	}
	return slices.DeleteFunc(views(rows), func(p Payment) bool { return !live(string(p.Status)) && !p.Late }), nil
}

func views(rows []paymentdb.Payment) []Payment {
	out := make([]Payment, len(rows))
	for i, p := range rows {
		out[i] = view(p)
	}
	return out
}

func view(p paymentdb.Payment) Payment {
	return Payment{
		ID: p.ID, ClaimID: p.ClaimID, EventID: p.EventID, AccountID: p.AccountID, Reference: p.Reference,
		Status: Status(p.Status), Amount: money.Kobo(p.AmountKobo), AuthorizationURL: p.AuthorizationUrl,
		Stalled:   p.Status == string(Initializing) && p.Openings > 0 && p.OpeningUntil == nil,
		Unpaid:    live(p.Status) && p.ProviderStatus == chargeAbandoned,
		Late:      p.LateExpected && waiting(p.ProviderStatus),
		Holders:   p.Holders,
		CreatedAt: p.CreatedAt, Channels: p.Channels, DeadlineAt: p.DeadlineAt, CheckedAt: p.CheckedAt, Waiting: live(p.Status) && waiting(p.ProviderStatus), GatewayResponse: p.GatewayResponse,
	}
}
