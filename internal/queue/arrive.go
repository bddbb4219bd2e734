package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/sale"
)

// away reports whether a fan's turn runs and they have not shown up for it yet.
func away(p queuedb.PlaceRow) bool { return p.Absent && derive(p) == Called }

// arrive is a fan showing up who was called while absent: from now on it is an
// ordinary turn, or, where the room is full, they are first in the next step.
// Those who come at the same moment come together.
func (s *Service) arrive(ctx context.Context, event, account uuid.UUID) error {
	_, _, err := s.line(event).comers.get(ctx, s, account)
	return err
}

// readComers lets some fans show up in one transaction. Its answers say nothing:
// what became of them is read afterwards.
func (s *Service) readComers(event uuid.UUID) func(context.Context, []uuid.UUID) (map[uuid.UUID]struct{}, error) {
	return func(ctx context.Context, accounts []uuid.UUID) (map[uuid.UUID]struct{}, error) {
		err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error { return s.arriveTx(ctx, tx, event, accounts) })
		if err != nil {
			return nil, db.Fault(fmt.Errorf("queue: arrive: %w", err))
		}
		return nil, nil
	}
}

// arriveTx gives the room that there is to those with the lowest numbers.
func (s *Service) arriveTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, accounts []uuid.UUID) error {
	q := queuedb.New()
	head, err := q.LockHead(ctx, tx, event)
	if err != nil {
		return err
	}
	if state := sale.State(head.State); state != sale.Open && state != sale.Paused {
		return nil
	}
	rows, err := q.LockAbsent(ctx, tx, event, accounts, head.LineAt)
	if err != nil || len(rows) == 0 {
		return err
	}
	o, err := s.orderTx(ctx, tx, event, head)
	if err != nil {
		return err
	}
	number := make(map[int64]int64, len(rows))
	for _, r := range rows {
		number[r.Arrival], _ = o.number(r.Arrival)
	}
	slices.SortFunc(rows, func(a, b queuedb.LockAbsentRow) int { return cmp.Compare(number[a.Arrival], number[b.Arrival]) })
	reserved, err := q.Reserved(ctx, tx, event, head.LineAt.Add(-justNow))
	if err != nil {
		return err
	}
	in := min(int64(len(rows)), max(0, int64(head.MaxInside)-reserved))
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	if in > 0 {
		if err := q.Arrive(ctx, tx, ids[:in]); err != nil {
			return err
		}
	}
	if in == int64(len(rows)) {
		return nil
	}
	if err := q.Redeem(ctx, tx, head.Returns, ids[in:]); err != nil {
		return err
	}
	if err := q.SetReturns(ctx, tx, head.Returns+int64(len(rows))-in, event); err != nil {
		return err
	}
	for _, r := range rows[in:] {
		s.turned(event, r.Arrival)
		body := map[string]any{"spot": r.ID, "number": number[r.Arrival], "rule": redeem}
		if err := ledger.Write(ctx, tx, event, ledger.Returned, body); err != nil {
			return err
		}
	}
	return nil
}

// errAway says that a fan who does something has first to show up for their turn.
var errAway = errors.New("called while absent")

// present runs what a called fan does; one who was called while absent shows up first.
func (s *Service) present(ctx context.Context, event, account uuid.UUID, do func() error) error {
	err := do()
	if !errors.Is(err, errAway) {
		return err
	}
	if err := s.arrive(ctx, event, account); err != nil {
		return err
	}
	if err = do(); errors.Is(err, errAway) {
		return notAdmitted()
	}
	return err
}
