package stats

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/db/statsdb"
)

// Tier is the stock of one tier, counted from its units; all but Capacity are zero before an event is published.
type Tier struct {
	ID       uuid.UUID
	Capacity int
	// Free includes holds past their time; Held does not include Paying.
	Free, Held, Paying, Sold, Blocked int
}

// Tiers returns the stock of an event's tiers, in their order.
func Tiers(ctx context.Context, c db.Conn, event uuid.UUID) ([]Tier, error) {
	rows, err := statsdb.New().TierStock(ctx, c, event)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("stats.Tiers: %w", err))
	}
	out := make([]Tier, len(rows))
	for i, r := range rows {
		out[i] = Tier{
			ID: r.ID, Capacity: int(r.Capacity), Free: int(r.Free), Held: int(r.Held), Paying: int(r.Paying),
			Sold: int(r.Sold), Blocked: int(r.Blocked),
		}
	}
	return out, nil
}
