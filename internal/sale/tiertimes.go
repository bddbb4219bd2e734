package sale

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/saledb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
)

// TierTimes is when a tier is sold within its sale; nil: as long as the sale.
type TierTimes struct {
	TierID            uuid.UUID
	OpensAt, ClosesAt *time.Time
}

// SetTierTimes changes when tiers are sold, all of them or none, with a ledger row of what changed. What fans hold stays
// theirs. 422 with paths "times[i].opens_at"; 409 invalid_transition when the sale is over.
func (s *Service) SetTierTimes(ctx context.Context, event, by uuid.UUID, times []TierTimes) (*Snapshot, error) {
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		q := saledb.New()
		was, err := q.LockTerms(ctx, tx, event)
		if db.NoRows(err) {
			return notFound()
		}
		if err != nil {
			return err
		}
		tiers, err := q.TierTimes(ctx, tx, event)
		if err != nil {
			return err
		}
		rows, changes, wrong := newTimes(Terms{OpensAt: was.OpensAt, ClosesAt: was.ClosesAt}, tiers, times)
		if len(wrong) > 0 {
			return fault.InvalidField(wrong...)
		}
		if State(was.State) == Ended {
			return fault.New(fault.Conflict, "invalid_transition", "The sale is over: nothing is sold any more.").With("state", Ended)
		}
		if len(rows) == 0 {
			return nil
		}
		for _, row := range rows {
			if err := q.SetTierTimes(ctx, tx, row.OpensAt, row.ClosesAt, row.TierID); err != nil {
				return err
			}
		}
		if err := q.Touch(ctx, tx, event); err != nil {
			return err
		}
		return ledger.Write(ctx, tx, event, ledger.SaleChanged, map[string]any{"by": by, "changes": changes})
	})
	if err != nil {
		return nil, db.Fault(fmt.Errorf("sale.SetTierTimes: %w", err))
	}
	return s.Fresh(ctx, event)
}

// newTimes is what has to be written, and what is wrong with what was asked.
func newTimes(terms Terms, tiers []saledb.TierTimesRow, times []TierTimes) (rows []TierTimes, changes map[string]change, wrong []fault.Field) {
	changes = map[string]change{}
	known := make(map[uuid.UUID]saledb.TierTimesRow, len(tiers))
	for _, t := range tiers {
		known[t.ID] = t
	}
	if len(times) == 0 || len(times) > len(tiers) {
		return nil, nil, []fault.Field{{Path: "times", Message: "Name the tiers whose times change, each of them once."}}
	}
	for i, t := range times {
		add := func(field, msg string) {
			wrong = append(wrong, fault.Field{Path: fmt.Sprintf("times[%d].%s", i, field), Message: msg})
		}
		old, ok := known[t.TierID]
		if !ok {
			add("tier_id", "Choose a tier of this event, each of them once.")
			continue
		}
		delete(known, t.TierID)
		before := len(wrong)
		NewTier{OpensAt: t.OpensAt, ClosesAt: t.ClosesAt}.checkTimes(terms, add)
		if sameTime(old.OpensAt, t.OpensAt) && sameTime(old.ClosesAt, t.ClosesAt) {
			wrong = wrong[:before] // the sale may have become shorter since; whoever changes nothing hears nothing
			continue
		}
		rows = append(rows, t)
		name := fmt.Sprintf("tiers[%d].", old.Ordinal)
		if !sameTime(old.OpensAt, t.OpensAt) {
			changes[name+"opens_at"] = change{old.OpensAt, t.OpensAt}
		}
		if !sameTime(old.ClosesAt, t.ClosesAt) {
			changes[name+"closes_at"] = change{old.ClosesAt, t.ClosesAt}
		}
	}
	return rows, changes, wrong
}
