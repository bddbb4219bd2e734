package claim

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
)

var (
	errTooEarly   = fault.New(fault.Conflict, "too_early", "There is still enough time. You can ask for more shortly before it runs out.")
	errCapReached = fault.New(fault.Conflict, "cap_reached", "These tickets cannot be held any longer. Please pay now, or release them for somebody else.")
	errPaying     = fault.New(fault.Conflict, "payment_pending", "A payment for these tickets is under way, so they stay yours until it is decided.")
)

// Extend moves the end of a hold to hold_seconds from now, never past the cap; 409 too_early, cap_reached, claim_expired.
func (s *Service) Extend(ctx context.Context, account, id uuid.UUID) (Claim, error) {
	var c Claim
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		l, err := LockTx(ctx, tx, id)
		if err != nil {
			return err
		}
		if l.AccountID != account {
			return errNotFound
		}
		switch {
		case l.Status == Paying:
			return errPaying
		case !l.Holding():
			return errExpired
		case l.saleState == sale.Ended:
			return errNotOpen
		case !l.ExpiresAt.Before(l.CapAt):
			return errCapReached
		}
		if at := l.ExpiresAt.Add(-min(extendWindow, l.hold/2)); l.Now.Before(at) {
			return errTooEarly.With("extendable_at", at)
		}
		until := l.Now.Add(l.hold)
		if until.After(l.CapAt) {
			until = l.CapAt
		}
		if err := l.holdUntil(ctx, tx, until); err != nil {
			return err
		}
		c, err = s.view(ctx, tx, account, id)
		return err
	})
	if err != nil {
		return Claim{}, err
	}
	return c, nil
}

// tidyClaims bounds the work of one Tidy.
const tidyClaims = 500

// Tidy sets claims whose hold is past to expired and frees their units, a bounded number a call; the leader calls it.
// Nothing depends on it.
func (s *Service) Tidy(ctx context.Context) error {
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		past, err := s.q.PastClaims(ctx, tx, tidyClaims)
		if err != nil {
			return fmt.Errorf("claim.Tidy: %w", err)
		}
		if len(past) == 0 {
			return nil
		}
		ids := make([]uuid.UUID, len(past))
		for i, p := range past {
			ids[i] = p.ID
		}
		if err := s.q.FreePast(ctx, tx, ids); err != nil {
			return fmt.Errorf("claim.Tidy: %w", err)
		}
		for _, p := range past {
			if err := writeEnded(ctx, tx, p.EventID, p.ID, Expired); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeHeld(ctx context.Context, tx pgx.Tx, l *Locked) error {
	return ledger.Write(ctx, tx, l.EventID, ledger.ClaimHeld, map[string]any{"claim": l.ID, "expires_at": l.ExpiresAt})
}
