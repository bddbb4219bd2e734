package sale

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/saledb"
	"fairqueue/internal/fault"
)

// StateTx is the stored state of a sale, which nobody changes before the caller's transaction ends; 404 event_not_found.
func StateTx(ctx context.Context, tx pgx.Tx, event uuid.UUID) (State, error) {
	state, err := saledb.New().LockState(ctx, tx, event)
	if db.NoRows(err) {
		return "", notFound()
	}
	if err != nil {
		return "", fmt.Errorf("sale.StateTx: %w", err)
	}
	return State(state), nil
}

// GrowTx adds places to a tier of general admission in the caller's transaction, whose units the caller makes, and
// returns its capacity now; the tier stays locked. 422 for a tier of seats or of another event, and beyond what a tier
// may have.
func GrowTx(ctx context.Context, tx pgx.Tx, event, tier uuid.UUID, add int) (capacity int, err error) {
	q := saledb.New()
	was, err := q.LockTier(ctx, tx, tier, event)
	switch {
	case db.NoRows(err) || err == nil && was.Seated:
		return 0, fault.InvalidField(fault.Field{Path: "tier_id", Message: "Choose a tier of this event without numbered seats: seats stand on the map."})
	case err != nil:
		return 0, fmt.Errorf("sale.GrowTx: %w", err)
	}
	if most := maxCapacity - int(was.Capacity); add < 1 || add > most {
		return 0, fault.InvalidField(fault.Field{Path: "add", Message: fmt.Sprintf("A tier has at most %d places: this one can take between 1 and %d more.", maxCapacity, max(most, 0))})
	}
	capacity = int(was.Capacity) + add
	if err := q.SetCapacity(ctx, tx, small(capacity), tier); err != nil {
		return 0, fmt.Errorf("sale.GrowTx: %w", err)
	}
	return capacity, nil
}
