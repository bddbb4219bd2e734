package queue

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
)

// rejoin is joining on a spot that exists: nothing for one that lives, another turn for one that does not.
func (s *Service) rejoin(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (View, error) {
	v, err := s.Status(ctx, event, account)
	if err != nil || !v.returns() {
		return v, err
	}
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error { return s.returnTx(ctx, tx, event, account) })
	if err != nil {
		return View{}, db.Fault(fmt.Errorf("queue.Join: again: %w", err))
	}
	return s.Status(ctx, event, account)
}

// returns reports whether joining again changes the spot.
func (v View) returns() bool {
	return v.Status == Left || v.Status == Missed || v.Status == Done && v.LimitLeft
}

// returnTx asks for another turn under the locks of head and spot; a second click finds it asked for.
func (s *Service) returnTx(ctx context.Context, tx pgx.Tx, event *sale.Snapshot, account uuid.UUID) error {
	q := queuedb.New()
	head, err := q.LockHead(ctx, tx, event.ID())
	if err != nil {
		return err
	}
	if err := joinable(head); err != nil {
		return err
	}
	spot, err := q.LockSpot(ctx, tx, event.ID(), account)
	if err != nil {
		return err
	}
	p, err := placeIn(ctx, tx, event.ID(), account)
	if err != nil {
		return err
	}
	v, err := s.view(event, account, p)
	if err != nil || !v.returns() {
		return err
	}
	s.turned(event.ID(), p.Arrival)
	if kept, err := s.keepTx(ctx, tx, event.ID(), head, &spot); err != nil || kept > 0 {
		return err // the next step would have done it without being asked
	}
	rule, after := behind, &p.Arrivals
	switch {
	case (v.Status == Left || v.Status == Done && v.LimitLeft) && sale.State(p.State) == sale.Lobby:
		if _, err := q.UndoLeave(ctx, tx, spot); err != nil {
			return err
		}
		return writeReturned(ctx, tx, event.ID(), v, ruleLobby)
	case !v.LimitLeft:
		return nil
	case v.Status == Missed:
		rule, after = redeem, nil
	case head.MaxWaiting != nil:
		waiting, err := s.waitingTx(ctx, tx, event.ID(), head)
		if err != nil {
			return err
		}
		if waiting >= *head.MaxWaiting {
			return lineFull()
		}
	}
	seq := head.Returns + 1
	if err := q.SetReturns(ctx, tx, seq, event.ID()); err != nil {
		return err
	}
	if err := q.AskAgain(ctx, tx, rule, seq, after, spot); err != nil {
		return err
	}
	return writeReturned(ctx, tx, event.ID(), v, rule)
}

func writeReturned(ctx context.Context, tx pgx.Tx, event uuid.UUID, v View, rule string) error {
	return ledger.Write(ctx, tx, event, ledger.Returned, map[string]any{"spot": v.SpotID, "number": v.Number, "rule": rule})
}
