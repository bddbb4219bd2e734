package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
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

// AdmitTx locks the account's spots in all sales of the show FOR UPDATE in the caller's transaction, makes that of the event it inside if it is called and the
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
	spots, err := q.LockFans(ctx, tx, []uuid.UUID{account}, event)
	if err != nil {
		return uuid.Nil, db.Fault(fmt.Errorf("queue.AdmitTx: %w", err))
	}
	at := slices.IndexFunc(spots, func(p queuedb.LockFansRow) bool { return p.EventID == event })
	if at < 0 {
		return uuid.Nil, notAdmitted()
	}
	spot = spots[at].ID
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
	case outran(p):
		return uuid.Nil, admissionExpired()
	}
	return uuid.Nil, notAdmitted()
}

// Admitted is what AdmitManyTx found of one fan.
type Admitted struct {
	Spot uuid.UUID
	// Called reports that the fan is not inside yet: EnterManyTx lets them in.
	Called bool
	// Err is the 403 of who may not claim.
	Err error
}

// AdmitManyTx is AdmitTx for many fans in one round trip, but lets nobody in yet. Whose spot somebody else has locked at
// this moment is not in the answer: nobody is waited for.
func (s *Service) AdmitManyTx(ctx context.Context, p *db.Pipe, event uuid.UUID, accounts []uuid.UUID) (map[uuid.UUID]Admitted, error) {
	q := queuedb.New()
	var locked []uuid.UUID
	var turns []queuedb.TurnsRow
	err := p.Together(ctx, func(tx pgx.Tx) (err error) {
		locked, err = q.LockSpots(ctx, tx, accounts, event)
		return err
	}, func(tx pgx.Tx) (err error) {
		turns, err = q.Turns(ctx, tx, event, accounts)
		return err
	})
	if err != nil {
		return nil, db.Fault(fmt.Errorf("queue.AdmitManyTx: %w", err))
	}
	mine := make(map[uuid.UUID]int64, len(locked))
	for _, id := range locked {
		mine[id]++
	}
	out := make(map[uuid.UUID]Admitted, len(accounts))
	there := make(map[uuid.UUID]bool, len(turns))
	for _, t := range turns {
		there[t.AccountID] = true
		if mine[t.AccountID] < t.Spots {
			continue // in one sale of the show or another
		}
		s.turned(event, t.Arrival) // the picture may not know of the call yet
		out[t.AccountID] = admitted(t)
	}
	for _, id := range accounts {
		if !there[id] {
			out[id] = Admitted{Err: notAdmitted()}
		}
	}
	return out, nil
}

// admitted decides as admitTx does.
func admitted(t queuedb.TurnsRow) Admitted {
	p := queuedb.PlaceRow{
		Status: t.Status, TurnEndsAt: t.TurnEndsAt, VisitEndsAt: t.VisitEndsAt, Absent: t.Absent, State: t.State,
		GraceSeconds: t.GraceSeconds, LineAt: t.LineAt,
	}
	if t.Holds {
		p.ClaimID = &uuid.Nil // whichever it is
	}
	switch status := derive(p); {
	case status == Inside:
		return Admitted{Spot: t.ID}
	case away(p):
		return Admitted{Err: notAdmitted()}
	case status == Called:
		return Admitted{Spot: t.ID, Called: true}
	case outran(p):
		return Admitted{Err: admissionExpired()}
	}
	return Admitted{Err: notAdmitted()}
}

// outran reports that a fan who may not claim was let in, or could have been, and whose time is over.
func outran(p queuedb.PlaceRow) bool {
	return sale.State(p.State) != sale.Ended && (p.Status == stored.called || p.Status == stored.inside)
}

// EnterManyTx makes the spots of fans inside whom AdmitManyTx found called, with the next round trip; the transaction
// fails if one of them may not enter any more.
func (s *Service) EnterManyTx(ctx context.Context, tx pgx.Tx, spots []uuid.UUID) error {
	if err := queuedb.New().EnterSpots(ctx, tx, spots); err != nil {
		return db.Fault(fmt.Errorf("queue.EnterManyTx: %w", err))
	}
	return nil
}

// FinishTx ends the visit of a fan who has bought the limit (status done), and any wait for another turn; so it does in
// every other sale of the show whose limit that is. The caller has locked the fan's spots.
func (s *Service) FinishTx(ctx context.Context, tx pgx.Tx, event, account uuid.UUID) error {
	spots, err := queuedb.New().FinishSpots(ctx, tx, event, account)
	if err != nil {
		return db.Fault(fmt.Errorf("queue.FinishTx: %w", err))
	}
	for _, p := range spots {
		s.turned(p.EventID, p.Arrival)
		if p.Uncalled {
			if err := writeFinished(ctx, tx, p.EventID, p.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeFinished writes down why the number of a spot will be passed.
func writeFinished(ctx context.Context, tx pgx.Tx, event, spot uuid.UUID) error {
	return ledger.Write(ctx, tx, event, ledger.Finished, map[string]any{"spot": spot})
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
