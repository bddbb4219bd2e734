package claim

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
)

// TakeBackTx takes units that the claim has bought back: into the sale at once, or blocked where keepOff lists them too.
// Whoever waits is called for them by the next step of the line, as for any unit that is free.
func (l *Locked) TakeBackTx(ctx context.Context, tx pgx.Tx, units, keepOff []uuid.UUID) error {
	n, err := queries.SoldToFree(ctx, tx, l.ID, units, from(unitMoves, free))
	if err != nil {
		return fmt.Errorf("claim.TakeBackTx: %w", err)
	}
	if n != int64(len(units)) {
		return fmt.Errorf("claim.TakeBackTx: claim %s has bought %d of %d units", l.ID, n, len(units))
	}
	if len(keepOff) == 0 {
		return nil
	}
	if _, err := queries.UnitsToBlocked(ctx, tx, keepOff, from(unitMoves, blocked)); err != nil {
		return fmt.Errorf("claim.TakeBackTx: %w", err)
	}
	return nil
}

// RefundedTx ends a paid claim none of whose tickets is good any more.
func (l *Locked) RefundedTx(ctx context.Context, tx pgx.Tx) error {
	n, err := queries.ClaimToRefunded(ctx, tx, l.ID, from(moves, Refunded))
	if err != nil {
		return fmt.Errorf("claim.RefundedTx: %w", err)
	}
	if n != 1 {
		return fmt.Errorf("claim.RefundedTx: claim %s is %s", l.ID, l.Status)
	}
	l.Status = Refunded
	return nil
}

// FreeHeld releases claims of an event that are held, at most so many; it returns how many there were. Those that are
// being paid for are left to their payments.
func (s *Service) FreeHeld(ctx context.Context, event uuid.UUID, most int) (int, error) {
	ids, err := s.q.HeldOfEvent(ctx, s.cfg.DB, event, int32(most)) //nolint:gosec // a page
	if err != nil {
		return 0, fmt.Errorf("claim.FreeHeld: %w", err)
	}
	for _, id := range ids {
		if err := s.freeHeld(ctx, id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

func (s *Service) freeHeld(ctx context.Context, id uuid.UUID) error {
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		l, err := LockTx(ctx, tx, id)
		if err != nil || l.Status != Held {
			return err
		}
		return l.EndTx(ctx, tx, Released)
	})
}
