package payment

import (
	"context"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/ticket"
)

// MaxStarts is how often a fan may be sent to pay in one visit without success: choosing again begins no new count, so
// that nobody keeps tickets from others by payments that never come. What was bought is counted by the limit of tickets.
const MaxStarts = 2

// firstCheck is when the reconciler asks first.
const firstCheck = 5 * time.Second

// startPatience bounds how long one Start waits for the provider.
const startPatience = 25 * time.Second

// Start begins a payment for the account's claim, or returns the one that is pending (created false). 404 claim_not_found;
// 409 claim_expired, claim_paid, attempts_used, event_cancelled; 503 provider_unavailable when the provider cannot be reached (the claim is
// kept, the same call tries again). A free claim is settled at once. holders name who takes the tickets, in the order of the
// claim's lines (ticket.Holders has what is wrong with them); none: what was said before, else the buyer.
func (s *Service) Start(ctx context.Context, account, claimID uuid.UUID, holders ...string) (p Payment, created bool, err error) {
	row, created, err := s.begin(ctx, account, claimID, holders)
	if err != nil {
		return Payment{}, false, err
	}
	if row.Status == string(Initializing) {
		// A buyer who clicks twice ends the first request; what it began must not end with it.
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), startPatience)
		defer cancel()
		if row, err = s.open(end, row.ID); err != nil {
			return Payment{}, false, err
		}
	}
	return view(row), created, nil
}

// StartsLeft is how often the fan of a claim may still be sent to pay in this visit.
func (s *Service) StartsLeft(ctx context.Context, claimID uuid.UUID) (int, error) {
	return s.startsLeft(ctx, nil, &claimID)
}

// VisitStartsLeft is StartsLeft of whoever has a spot, whether or not they hold tickets.
func (s *Service) VisitStartsLeft(ctx context.Context, spot uuid.UUID) (int, error) {
	return s.startsLeft(ctx, &spot, nil)
}

func (s *Service) startsLeft(ctx context.Context, spot, claimID *uuid.UUID) (int, error) {
	starts, err := s.q.CountStarts(ctx, s.cfg.DB, spot, claimID)
	if err != nil {
		return 0, db.Fault(fmt.Errorf("payment.StartsLeft: %w", err))
	}
	return max(0, MaxStarts-int(starts)), nil
}

// begin is step 1.
func (s *Service) begin(ctx context.Context, account, claimID uuid.UUID, holders []string) (p paymentdb.Payment, created bool, err error) {
	event, err := s.saleOf(ctx, account, claimID)
	if err != nil {
		return p, false, err
	}
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		created = false
		l, err := claim.LockTx(ctx, tx, claimID)
		if err != nil {
			return err
		}
		names, err := ticket.Holders(holders, l.Quantity())
		if err != nil {
			return err
		}
		if l.Status == claim.Paid || l.Status == claim.Refunded {
			return errPaid
		}
		p, err = s.q.LiveOfClaim(ctx, tx, claimID)
		if err == nil && len(holders) > 0 {
			return s.q.SetHolders(ctx, tx, names, p.ID)
		}
		if err == nil {
			return nil
		}
		if !db.NoRows(err) {
			return fmt.Errorf("payment.Start: %w", err)
		}
		starts, err := s.q.CountStarts(ctx, tx, nil, &claimID)
		if err != nil {
			return fmt.Errorf("payment.Start: %w", err)
		}
		if l.Holding() && starts >= MaxStarts {
			return errAttempts
		}
		fate, err := s.q.HoldSale(ctx, tx, l.EventID)
		if err != nil {
			return fmt.Errorf("payment.Start: %w", err)
		}
		if fate.Cancelled {
			return errCancelled
		}
		if until, down := s.ProviderDown(); down && l.Total != 0 && l.Holding() {
			// Known before anything is begun: the tickets stay held, by their own clock, instead of waiting for a page.
			return errUnavailable.After(max(time.Until(until), time.Second))
		}
		offer, _ := Offer(event, l.ExpiresAt.Sub(l.Now))
		if err := l.PayTx(ctx, tx); err != nil {
			return err
		}
		p, err = s.insert(ctx, tx, l, offer, names)
		created = true
		if err != nil || l.Total != 0 {
			return err
		}
		return s.settleFree(ctx, tx, &p)
	})
	return p, created, err
}

// insert writes a new attempt with a fresh reference and the job that opens it
// should this process not get there.
func (s *Service) insert(ctx context.Context, tx pgx.Tx, l *claim.Locked, offer, holders []string) (paymentdb.Payment, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return paymentdb.Payment{}, fmt.Errorf("payment.Start: %w", err)
	}
	reference, err := newReference()
	if err != nil {
		return paymentdb.Payment{}, err
	}
	provider := s.cfg.Provider.Name()
	if l.Total == 0 {
		provider, offer = NoneName, []string{}
	}
	p, err := s.q.InsertPayment(ctx, tx, paymentdb.InsertPaymentParams{
		ID: id, ClaimID: l.ID, EventID: l.EventID, AccountID: l.AccountID, Provider: provider, Reference: reference,
		AmountKobo: int64(l.Total), Channels: offer, OpenSeconds: secs(openFor(offer)), CheckSeconds: secs(firstCheck), Holders: holders,
	})
	if err != nil {
		return p, fmt.Errorf("payment.Start: %w", err)
	}
	if l.Total != 0 {
		if err := s.enqueue(ctx, tx, openArgs{Payment: id}, openAfter); err != nil {
			return p, err
		}
	}
	return p, ledger.Write(ctx, tx, l.EventID, ledger.ClaimPaying, map[string]any{"claim": l.ID, "payment": id})
}

func (s *Service) settleFree(ctx context.Context, tx pgx.Tx, p *paymentdb.Payment) error {
	c, err := None{}.Verify(ctx, p.Reference)
	if err != nil {
		return err
	}
	if err := s.settleTx(ctx, tx, *p, c); err != nil {
		return err
	}
	if *p, err = s.q.GetPayment(ctx, tx, p.ID); err != nil {
		return fmt.Errorf("payment.Start: %w", err)
	}
	return nil
}

var base32Lower = base32.StdEncoding.WithPadding(base32.NoPadding)

// newReference makes a reference: letters, figures and a hyphen, never used before.
func newReference() (string, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return "", fmt.Errorf("payment: reference: %w", err)
	}
	return "fq-" + strings.ToLower(base32Lower.EncodeToString(id[:])), nil
}

func secs(d time.Duration) int32 { return int32(d / time.Second) }
