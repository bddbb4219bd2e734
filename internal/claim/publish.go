package claim

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/fault"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

var errNoEvent = fault.New(fault.NotFound, "event_not_found", "There is no such event.")

// Publish publishes a draft with its stock and its line in one transaction
// (sale.MoveTx, queue.CreateHeadTx, units), into scheduled, lobby or open
// as the database's clock says; 409 invalid_transition.
func (s *Service) Publish(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
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
		// The move locks the sale's row: of two who publish at once, the second
		// finds no draft. The head made after it is that of the state moved to.
		if err := sale.MoveTx(ctx, tx, event, by, []sale.State{sale.Draft}, sale.State(to)); err != nil {
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
	return s.cfg.Sales.Fresh(ctx, event)
}
