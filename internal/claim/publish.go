package claim

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

var errNoEvent = fault.New(fault.NotFound, "event_not_found", "There is no such event.")

// Publish publishes a draft with its stock, its line and the commitment of its draw in one transaction (sale.MoveTx,
// queue.CreateHeadTx, units), into scheduled, lobby or open as the database's clock says; a draw that is due is held at
// once, and awaits its beacon in the lobby. 409 invalid_transition, 422 for a beacon's round that is past or too early.
func (s *Service) Publish(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	draws := false
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
		draws = to.Draws
		// The move locks the sale's row: of two who publish at once, the second
		// finds no draft. The head made after it is that of the state moved to.
		if err := sale.MoveTx(ctx, tx, event, by, []sale.State{sale.Draft}, sale.State(to.State)); err != nil {
			return err
		}
		if to.BeaconName != nil && to.BeaconRound != nil {
			terms := sale.Terms{Ordering: sale.Ordering(to.Ordering), OpensAt: to.OpensAt, BeaconName: *to.BeaconName, BeaconRound: *to.BeaconRound}
			if wrong := terms.CheckBeacon(to.At); len(wrong) > 0 {
				return fault.InvalidField(wrong...)
			}
		}
		if err := s.cfg.Queue.CreateHeadTx(ctx, tx, event); err != nil {
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
	if draws {
		// What a crash before this leaves, the leader opens.
		return s.cfg.Queue.Open(ctx, event, by)
	}
	return s.cfg.Sales.Fresh(ctx, event)
}
