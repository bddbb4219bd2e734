package payment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
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

// storable keeps what PostgreSQL cannot hold as text out of the columns people
// look at; the body is kept byte for byte.
func storable(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
	return s[:min(len(s), 200)]
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
	}
)

func (openArgs) Kind() string    { return "payment_open" }
func (webhookArgs) Kind() string { return "payment_webhook" }
func (refundArgs) Kind() string  { return "payment_refund" }

// openAfter leaves the first try to the request that began the payment.
const openAfter = startPatience + 5*time.Second

// jobAttempts times the longest wait between them is about a day.
const jobAttempts = 100

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

// Register adds the workers: open, settle from the inbox, refund.
func (s *Service) Register(w *river.Workers) {
	river.AddWorker(w, &worker[openArgs]{work: s.workOpen})
	river.AddWorker(w, &worker[webhookArgs]{work: s.workWebhook})
	river.AddWorker(w, &worker[refundArgs]{work: s.workRefund})
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
func (s *Service) hear(ctx context.Context, n Notice) (outcome string, err error) {
	charge := strings.HasPrefix(n.Kind, "charge.") && !strings.HasPrefix(n.Kind, "charge.dispute.")
	refund := strings.HasPrefix(n.Kind, "refund.")
	if !charge && !refund {
		s.log.WarnContext(ctx, "a webhook that nothing follows from", "kind", storable(n.Kind), "reference", storable(n.Reference))
		return "ignored", nil
	}
	p, err := s.q.PaymentByReference(ctx, s.cfg.DB, storable(n.Reference))
	if db.NoRows(err) {
		return "unknown reference", nil
	}
	if err != nil {
		return "", fmt.Errorf("payment: webhook: %w", err)
	}
	if refund {
		return "looked up", s.syncRefunds(ctx, p)
	}
	c := n.Charge
	if c == nil || n.Kind != "charge.success" {
		asked, err := s.cfg.Provider.Verify(ctx, p.Reference)
		if err != nil {
			return "", fmt.Errorf("payment: webhook: %w", err)
		}
		c = &asked
	}
	if err := s.act(ctx, p, *c, nil); err != nil {
		return "", errors.Join(errors.New("payment: webhook"), err)
	}
	return "acted on", nil
}
