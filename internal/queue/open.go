package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// CreateHeadTx makes the head row of a sale that is being published; 409 invalid_transition if there is one.
func CreateHeadTx(ctx context.Context, tx pgx.Tx, event uuid.UUID) error {
	n, err := queuedb.New().CreateHead(ctx, tx, event)
	if err != nil {
		return db.Fault(fmt.Errorf("queue.CreateHeadTx: %w", err))
	}
	if n == 0 {
		return fault.New(fault.Conflict, "invalid_transition", "The sale is published already.")
	}
	return nil
}

// Open opens the sale now (from lobby or scheduled): freezes the lobby and starts calling; 409 invalid_transition.
func (s *Service) Open(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	if err := s.move(ctx, event, by, sale.Open); err != nil {
		return nil, err
	}
	return s.cfg.Sales.Fresh(ctx, event)
}

// move takes the head first, like everything that needs head and sale.
func (s *Service) move(ctx context.Context, event, by uuid.UUID, to sale.State) error {
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		q := queuedb.New()
		if _, err := q.LockHead(ctx, tx, event); err != nil && !db.NoRows(err) {
			return err
		}
		// Without a head it is a draft or nothing, which the move itself refuses.
		from := []sale.State{sale.Scheduled, sale.Lobby}
		if to == sale.Ended {
			from = append(from, sale.Open, sale.Paused)
		}
		if err := sale.MoveTx(ctx, tx, event, by, from, to); err != nil {
			return err
		}
		if to != sale.Open {
			return nil
		}
		return q.Freeze(ctx, tx, event)
	})
	if err != nil {
		return db.Fault(fmt.Errorf("queue: move to %s: %w", to, err))
	}
	return nil
}

// Advance makes the moves that are due by the clock: scheduled to lobby, to open, to ended. The leader calls it each second.
func (s *Service) Advance(ctx context.Context) error {
	due, err := queuedb.New().Due(ctx, s.cfg.DB)
	if err != nil {
		return db.Fault(fmt.Errorf("queue.Advance: %w", err))
	}
	var errs []error
	for _, d := range due {
		err := s.move(ctx, d.EventID, uuid.Nil, sale.State(d.ToState))
		if err == nil {
			_, err = s.cfg.Sales.Fresh(ctx, d.EventID)
		}
		// Somebody was faster: an organizer, or another leader.
		if err != nil && fault.Code(err) != "invalid_transition" {
			errs = append(errs, fmt.Errorf("queue.Advance: %s: %w", d.EventID, err))
		}
	}
	return errors.Join(errs...)
}
