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

// Enter makes a called spot inside (the browser's way: the session proves the account); already inside is fine.
// 403 not_admitted, admission_expired.
func (s *Service) Enter(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (View, error) {
	var v View
	err := s.present(ctx, event.ID(), account, func() error {
		return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
			if _, err := s.admitTx(ctx, tx, event.ID(), account); err != nil {
				return err
			}
			var err error
			v, err = s.status(ctx, tx, event, account)
			return err
		})
	})
	if err != nil {
		return View{}, db.Fault(err)
	}
	return v, nil
}

// AdmitTx locks the account's spot FOR UPDATE in the caller's transaction, makes it inside if it is called and the
// turn still runs, and returns its id; 403 not_admitted, admission_expired otherwise. It is the first lock of every
// claim, and it never takes the head: who was called while absent has no token before they showed up.
func (s *Service) AdmitTx(ctx context.Context, tx pgx.Tx, event, account uuid.UUID) (spot uuid.UUID, err error) {
	spot, err = s.admitTx(ctx, tx, event, account)
	if errors.Is(err, errAway) {
		return uuid.Nil, notAdmitted()
	}
	return spot, err
}

// admitTx is AdmitTx that tells errAway apart.
func (s *Service) admitTx(ctx context.Context, tx pgx.Tx, event, account uuid.UUID) (spot uuid.UUID, err error) {
	q := queuedb.New()
	spot, err = q.LockSpot(ctx, tx, event, account)
	if db.NoRows(err) {
		return uuid.Nil, notAdmitted()
	}
	if err != nil {
		return uuid.Nil, db.Fault(fmt.Errorf("queue.AdmitTx: %w", err))
	}
	// A statement of its own: it sees what was committed before the lock was had.
	p, err := placeIn(ctx, tx, event, account)
	if err != nil {
		return uuid.Nil, db.Fault(fmt.Errorf("queue.AdmitTx: %w", err))
	}
	s.turned(event, p.Arrival) // the picture may not know of the call yet
	status := derive(p)
	switch {
	case status == Inside:
		return spot, nil
	case away(p):
		return uuid.Nil, errAway
	case status == Called:
		n, err := q.EnterSpot(ctx, tx, spot)
		if err != nil {
			return uuid.Nil, db.Fault(fmt.Errorf("queue.AdmitTx: %w", err))
		}
		if n == 1 {
			return spot, nil
		}
		return uuid.Nil, admissionExpired()
	case sale.State(p.State) != sale.Ended && (p.Status == stored.called || p.Status == stored.inside):
		return uuid.Nil, admissionExpired()
	}
	return uuid.Nil, notAdmitted()
}

// FinishTx ends the visit of a fan who has bought the limit (status done), and any wait for another turn.
func (s *Service) FinishTx(ctx context.Context, tx pgx.Tx, event, account uuid.UUID) error {
	if err := queuedb.New().FinishSpot(ctx, tx, event, account); err != nil {
		return db.Fault(fmt.Errorf("queue.FinishTx: %w", err))
	}
	return nil
}

// Leave gives the spot up; 404 not_in_queue, 409 claim_open while a claim is held or paying. Leaving twice is fine.
func (s *Service) Leave(ctx context.Context, event *sale.Snapshot, account uuid.UUID) error {
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		q := queuedb.New()
		spot, err := q.LockSpot(ctx, tx, event.ID(), account)
		if db.NoRows(err) {
			return notInQueue()
		}
		if err != nil {
			return err
		}
		p, err := placeIn(ctx, tx, event.ID(), account)
		if err != nil {
			return err
		}
		if p.ClaimID != nil {
			return fault.New(fault.Conflict, "claim_open", "You hold tickets. Pay for them or give them back first, then leave.").With("claim_id", *p.ClaimID)
		}
		switch derive(p) {
		case Left, Done:
			return nil // it is over already
		}
		s.turned(event.ID(), p.Arrival)
		return q.LeaveSpot(ctx, tx, spot)
	})
	if err != nil {
		return db.Fault(fmt.Errorf("queue.Leave: %w", err))
	}
	return nil
}
