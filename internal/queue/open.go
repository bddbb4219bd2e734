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

// CreateHeadTx makes the head row of a sale that is being published, and commits a sale with a draw to its secret;
// 409 invalid_transition if there is a head.
func (s *Service) CreateHeadTx(ctx context.Context, tx pgx.Tx, event uuid.UUID) error {
	n, err := queuedb.New().CreateHead(ctx, tx, event)
	if err != nil {
		return db.Fault(fmt.Errorf("queue.CreateHeadTx: %w", err))
	}
	if n == 0 {
		return fault.New(fault.Conflict, "invalid_transition", "The sale is published already.")
	}
	if err := s.commitTx(ctx, tx, event); err != nil {
		return db.Fault(fmt.Errorf("queue.CreateHeadTx: %w", err))
	}
	return nil
}

// Open opens the sale now, from lobby or scheduled: freezes the lobby, holds the draw if there is one, and starts
// calling. A draw that awaits its beacon leaves the sale in the lobby. 409 invalid_transition.
func (s *Service) Open(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	if err := s.open(ctx, event, by); err != nil {
		return nil, err
	}
	return s.cfg.Sales.Fresh(ctx, event)
}

// End ends a sale for good and reveals the secret of a draw that was not held; 409 invalid_transition.
func (s *Service) End(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	if err := s.move(ctx, event, by, sale.Ended); err != nil {
		return nil, err
	}
	// A secret that cannot be opened must not keep a sale open. The leader tries again.
	if err := s.reveal(ctx, event); err != nil {
		s.cfg.Logger.ErrorContext(ctx, "queue: the secret of a draw is not revealed", "event", event, "err", err)
	}
	return s.cfg.Sales.Fresh(ctx, event)
}

// open goes through the steps of opening, each a transaction of its own. Whatever was done before is found done.
func (s *Service) open(ctx context.Context, event, by uuid.UUID) error {
	drawn, err := s.freeze(ctx, event, by)
	if err != nil {
		return db.Fault(fmt.Errorf("queue: freeze: %w", err))
	}
	if drawn {
		return nil // a sale without a draw opens by freezing
	}
	if err := s.root(ctx, event); err != nil {
		return db.Fault(fmt.Errorf("queue: root: %w", err))
	}
	if err := s.draw(ctx, event, by); err != nil {
		return db.Fault(fmt.Errorf("queue: draw: %w", err))
	}
	return nil
}

// openTx is the last step of opening, under the lock of the head.
func openTx(ctx context.Context, tx pgx.Tx, event, by uuid.UUID) error {
	if err := sale.MoveTx(ctx, tx, event, by, []sale.State{sale.Scheduled, sale.Lobby}, sale.Open); err != nil {
		return err
	}
	return queuedb.New().Begin(ctx, tx, event)
}

// move takes the head first, like everything that needs head and sale.
func (s *Service) move(ctx context.Context, event, by uuid.UUID, to sale.State) error {
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		if _, err := queuedb.New().LockHead(ctx, tx, event); err != nil && !db.NoRows(err) {
			return err
		}
		// Without a head it is a draft or nothing, which the move itself refuses.
		from := []sale.State{sale.Scheduled, sale.Lobby}
		if to == sale.Ended {
			from = append(from, sale.Open, sale.Paused)
		}
		return sale.MoveTx(ctx, tx, event, by, from, to)
	})
	if err != nil {
		return db.Fault(fmt.Errorf("queue: move to %s: %w", to, err))
	}
	return nil
}

// Advance makes the moves that are due by the clock: scheduled to lobby, to open, to ended; and it goes on with those
// that stopped half-way. The leader calls it each second.
func (s *Service) Advance(ctx context.Context) error {
	due, err := queuedb.New().Due(ctx, s.cfg.DB)
	if err != nil {
		return db.Fault(fmt.Errorf("queue.Advance: %w", err))
	}
	var errs []error
	for _, d := range due {
		var err error
		switch to := sale.State(d.ToState); {
		case to == sale.Open:
			err = s.open(ctx, d.EventID, uuid.Nil)
		case d.Over:
			err = s.reveal(ctx, d.EventID)
		default:
			if err = s.move(ctx, d.EventID, uuid.Nil, to); err == nil && to == sale.Ended {
				err = s.reveal(ctx, d.EventID)
			}
		}
		// Also after an error: a step may have been made before it.
		if _, fresh := s.cfg.Sales.Fresh(ctx, d.EventID); err == nil {
			err = fresh
		}
		// Somebody was faster: an organizer, or another leader.
		if err != nil && fault.Code(err) != "invalid_transition" {
			errs = append(errs, fmt.Errorf("queue.Advance: %s: %w", d.EventID, err))
		}
	}
	return errors.Join(errs...)
}
