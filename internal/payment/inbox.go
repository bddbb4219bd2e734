package payment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
)

// Receive stores a webhook; nil means it is on disk. 401 invalid_signature.
func (s *Service) Receive(ctx context.Context, signature string, body []byte) error {
	n, err := s.cfg.Provider.Open(signature, body)
	if err != nil {
		return err
	}
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		id, err := s.q.InsertWebhook(ctx, tx, paymentdb.InsertWebhookParams{
			Provider: s.cfg.Provider.Name(), Dedupe: n.Dedupe, Kind: storable(n.Kind), Reference: storable(n.Reference), Body: n.Body,
		})
		if db.NoRows(err) {
			return nil // a repetition
		}
		if err != nil {
			return fmt.Errorf("payment.Receive: %w", err)
		}
		return s.enqueue(ctx, tx, webhookArgs{Webhook: id}, 0)
	})
}

// maxStored bounds what somebody else says of money, in bytes.
const maxStored = 200

// storable keeps what PostgreSQL cannot hold as text out of the columns people
// look at; the body is kept byte for byte.
func storable(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	return strings.ToValidUTF8(s[:min(len(s), maxStored)], "") // cut first: it may go through a letter
}

// The jobs. Their arguments are ids only: the rows say what is to be done.
type (
	openArgs struct {
		Payment uuid.UUID `json:"payment"`
	}
	webhookArgs struct {
		Webhook int64 `json:"webhook"`
	}
	refundArgs struct {
		Refund uuid.UUID `json:"refund"`
		// Look only sees one through that somebody asked for again, until it is decided: its own job goes on at its own pace.
		Look bool `json:"look,omitempty"`
	}
	disputeArgs struct {
		Dispute uuid.UUID `json:"dispute"`
	}
	cancelArgs struct {
		Event uuid.UUID `json:"event"`
	}
)

func (openArgs) Kind() string    { return "payment_open" }
func (webhookArgs) Kind() string { return "payment_webhook" }
func (refundArgs) Kind() string  { return "payment_refund" }
func (disputeArgs) Kind() string { return "payment_dispute" }
func (cancelArgs) Kind() string  { return "payment_cancel" }

// openAfter leaves the first try to the request that began the payment.
const openAfter = startPatience + 5*time.Second

// jobAttempts times the longest wait between them is about a hundred days: a provider that is away for longer than a day
// must not end a refund.
const jobAttempts = 10_000

func (s *Service) enqueue(ctx context.Context, tx pgx.Tx, args river.JobArgs, after time.Duration) error {
	opts := &river.InsertOpts{Queue: QueueMoney, MaxAttempts: jobAttempts}
	if after > 0 {
		opts.ScheduledAt = s.cfg.Clock.Now().Add(after)
	}
	if _, err := s.cfg.Jobs.InsertTx(ctx, tx, args, opts); err != nil {
		return fmt.Errorf("payment: enqueue %s: %w", args.Kind(), err)
	}
	return nil
}

// Register adds the workers: open, settle from the inbox, refund, look at disputes, give the money of cancelled events back, tell holders what
// changed, and organizers what waits for them.
func (s *Service) Register(w *river.Workers) {
	river.AddWorker(w, &worker[openArgs]{work: s.workOpen})
	river.AddWorker(w, &worker[webhookArgs]{work: s.workWebhook})
	river.AddWorker(w, &worker[refundArgs]{work: s.workRefund})
	river.AddWorker(w, &worker[disputeArgs]{work: s.workDispute})
	river.AddWorker(w, &worker[cancelArgs]{work: s.workCancel})
	river.AddWorker(w, &worker[troubleArgs]{work: s.workTrouble})
	river.AddWorker(w, &changedWorker{s: s})
}

// worker runs one kind of job.
type worker[A river.JobArgs] struct {
	river.WorkerDefaults[A]
	work func(ctx context.Context, args A) error
}

func (w *worker[A]) Work(ctx context.Context, job *river.Job[A]) error { return w.work(ctx, job.Args) }

func (w *worker[A]) Timeout(*river.Job[A]) time.Duration { return 45 * time.Second }

// NextRetry waits 5 s, 10 s … 15 min.
func (w *worker[A]) NextRetry(job *river.Job[A]) time.Time {
	wait := 5 * time.Second << min(max(len(job.Errors), 0), 10)
	return time.Now().Add(min(wait, 15*time.Minute))
}

func (s *Service) workOpen(ctx context.Context, a openArgs) error {
	p, err := s.q.GetPayment(ctx, s.cfg.DB, a.Payment)
	if err != nil {
		return fmt.Errorf("payment: open: %w", err)
	}
	if p.Status != string(Initializing) {
		return nil
	}
	_, err = s.open(ctx, p.ID)
	return err
}

func (s *Service) workWebhook(ctx context.Context, a webhookArgs) error {
	row, err := s.q.GetWebhook(ctx, s.cfg.DB, a.Webhook)
	if err != nil {
		return fmt.Errorf("payment: webhook: %w", err)
	}
	if row.ProcessedAt != nil {
		return nil
	}
	outcome, err := s.hear(ctx, s.cfg.Provider.Read(row.Body))
	if err != nil {
		return err
	}
	if err := s.q.WebhookDone(ctx, s.cfg.DB, outcome, row.ID); err != nil {
		return fmt.Errorf("payment: webhook: %w", err)
	}
	return nil
}

// hear does what follows from a webhook and says in a word what that was.
//
// Webhooks come late, twice and in any order, so none is believed to be the
// newest: a charge is settled first whatever the webhook is about, because no
// refund and no dispute comes before it; and refunds and disputes are looked up,
// so that an old word about them changes nothing.
func (s *Service) hear(ctx context.Context, n Notice) (outcome string, err error) {
	dispute := strings.HasPrefix(n.Kind, "charge.dispute.")
	refund := strings.HasPrefix(n.Kind, "refund.")
	if !dispute && !refund && !strings.HasPrefix(n.Kind, "charge.") {
		s.log.WarnContext(ctx, "a webhook that nothing follows from", "kind", storable(n.Kind), "reference", storable(n.Reference))
		return "ignored", nil
	}
	p, err := s.q.PaymentByReference(ctx, s.cfg.DB, storable(n.Reference))
	if db.NoRows(err) {
		// Signed, so it is our account's money: somebody must see whose.
		s.alert(ctx, "money moved under a reference that is not ours", "kind", storable(n.Kind), "reference", storable(n.Reference))
		return "unknown reference", nil
	}
	if err != nil {
		return "", fmt.Errorf("payment: webhook: %w", err)
	}
	if p.SettledAt == nil {
		if err := s.learn(ctx, p, n); err != nil {
			return "", errors.Join(errors.New("payment: webhook"), err)
		}
		if p, err = s.q.GetPayment(ctx, s.cfg.DB, p.ID); err != nil {
			return "", fmt.Errorf("payment: webhook: %w", err)
		}
		outcome = "acted on"
	} else if !refund && !dispute {
		return "settled before", nil
	}
	if refund {
		return "looked up", s.syncRefunds(ctx, p)
	}
	if dispute {
		return s.hearDispute(ctx, p, n)
	}
	return outcome, nil
}

// learn finds out what became of a charge and acts on it. What the provider says
// now is newer than a webhook that may be days old: money that has gone back
// since buys nothing. A success that it does not confirm, or cannot be asked
// about, is believed for its signature.
func (s *Service) learn(ctx context.Context, p paymentdb.Payment, n Notice) error {
	c, asked := s.provider(p.Provider).Verify(ctx, p.Reference)
	if asked == nil && c.Found && (c.Status == chargeSuccess || c.Status == chargeReversed) {
		return s.act(ctx, p, c, nil)
	}
	if n.Charge != nil && n.Kind == "charge.success" {
		return s.act(ctx, p, *n.Charge, nil)
	}
	if asked != nil {
		return asked
	}
	return s.act(ctx, p, c, nil)
}

// alert tells whoever runs the product that money needs a person: it is logged as an error and counted in the metrics.
func (s *Service) alert(ctx context.Context, what string, attrs ...any) {
	s.alerts.Inc()
	s.log.ErrorContext(ctx, "money needs a person: "+what, attrs...)
}

// Alerts counts what needed a person since the process began.
func (s *Service) Alerts() prometheus.Collector { return s.alerts }
