package claim

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/fault"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

var (
	errNoEvent           = fault.New(fault.NotFound, "event_not_found", "There is no such event.")
	errInvalidTransition = fault.New(fault.Conflict, "invalid_transition", "")
)

// Publish publishes a draft with its stock and its line in one transaction
// (sale.MoveTx, queue.CreateHeadTx, units), into scheduled or lobby as the clock
// says, and opens it at once if it should be open already; 409 invalid_transition.
func (s *Service) Publish(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	opens := false
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		if err := s.q.Patience(ctx, tx); err != nil {
			return fmt.Errorf("claim.Publish: %w", err)
		}
		to, err := s.q.PublishState(ctx, tx, event)
		if db.NoRows(err) {
			return errNoEvent
		}
		if err != nil {
			return fmt.Errorf("claim.Publish: %w", err)
		}
		opens = to.Opens
		// The move locks the sale's row: of two who publish at once, the second finds no draft.
		if err := sale.MoveTx(ctx, tx, event, by, sale.State(to.State)); err != nil {
			return err
		}
		if err := queue.CreateHeadTx(ctx, tx, event); err != nil {
			return err
		}
		if _, err := s.q.CreateUnits(ctx, tx, event); err != nil {
			return fmt.Errorf("claim.Publish: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if opens {
		// Opening freezes the lobby, which belongs to the queue. Should this
		// process end here, the leader opens the sale within a second; it may
		// also have been quicker than this line.
		snap, err := s.cfg.Queue.Open(ctx, event, by)
		if !errors.Is(err, errInvalidTransition) {
			return snap, err
		}
	}
	return s.cfg.Sales.Fresh(ctx, event)
}
