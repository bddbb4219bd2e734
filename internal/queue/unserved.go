package queue

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/ledger"
)

// keptFor is for how long after its end a turn may still be kept: a leader may
// have been away at that moment.
const keptFor = 30 * time.Second

// keepTx, under the lock of the head, gives those another turn who were called in
// vain: their turn ran out, or their visit ended without a claim, while nothing
// could be sold. They had no chance, so they are first when stock comes back, in
// the order of their numbers, and need not ask for it. Only one spot is looked at
// where one is given. It returns how many places were kept.
func (s *Service) keepTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, head queuedb.LockHeadRow, only *uuid.UUID) (int, error) {
	q := queuedb.New()
	over, err := q.LockUnserved(ctx, tx, queuedb.LockUnservedParams{
		EventID: event, LineAt: head.LineAt, Since: head.LineAt.Add(-keptFor), Only: only, Most: maxTidy,
	})
	if err != nil || len(over) == 0 {
		return 0, err
	}
	rows, err := q.Unserved(ctx, tx, over)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	o, err := s.orderTx(ctx, tx, event, head)
	if err != nil {
		return 0, err
	}
	number := make(map[int64]int64, len(rows))
	for _, r := range rows {
		number[r.Arrival], _ = o.number(r.Arrival)
	}
	slices.SortFunc(rows, func(a, b queuedb.UnservedRow) int { return cmp.Compare(number[a.Arrival], number[b.Arrival]) })
	ids, bodies := make([]uuid.UUID, len(rows)), make([]any, len(rows))
	for i, r := range rows {
		s.turned(event, r.Arrival)
		ids[i], bodies[i] = r.ID, map[string]any{"spot": r.ID, "number": number[r.Arrival], "rule": redeem}
	}
	if err := q.Redeem(ctx, tx, head.Returns, ids); err != nil {
		return 0, err
	}
	if err := q.SetReturns(ctx, tx, head.Returns+int64(len(ids)), event); err != nil {
		return 0, err
	}
	return len(ids), ledger.WriteAll(ctx, tx, event, ledger.Returned, bodies)
}
