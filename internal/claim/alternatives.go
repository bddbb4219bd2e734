package claim

import (
	"context"

	"github.com/google/uuid"

	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// alternatives adds to the refusal of seats the nearest others of the same number and tiers that are free now, side by
// side where those were; none where there are none. It is computed in memory, and nobody is promised them.
func (s *Service) alternatives(ctx context.Context, event *sale.Snapshot, b *book, numbers []int, f fan, refusal error) error {
	others := []NamedSeat{}
	if seats, err := s.stored(ctx, event); err == nil {
		gone := map[uuid.UUID]bool{}
		listed, _ := fault.From(refusal).Extra["seats"].([]NamedSeat)
		for _, n := range listed {
			gone[n.ID] = true
		}
		may := f.may(seats)
		// What was refused is not offered, even if it has come back since.
		free := func(n int) bool { return may(n) && !gone[b.hall.IDs[n]] }
		for _, n := range b.plan.Near(free, numbers) {
			others = append(others, named(b.hall, n))
		}
	}
	return fault.From(refusal).With("alternatives", others)
}
