package claim

import (
	"context"

	"github.com/google/uuid"
)

// GrantTwice serves the same batch twice, as after a commit that was not heard of, and returns what came of each try.
func (s *Service) GrantTwice(ctx context.Context, event, account uuid.UUID, r Request) (first, second Claim, err error) {
	batch := []*member{{account: account, request: r, id: uuid.New()}}
	var got [2]Claim
	for i := range got {
		g, err := s.grantMany(ctx, tierKey{event, r.TierID}, &batcher{}, batch, false)
		if err != nil {
			return first, second, err
		}
		if got[i], err = g.out[0].claim, g.out[0].err; err != nil {
			return first, second, err
		}
	}
	return got[0], got[1], nil
}

// Waiting is how many wait for the next batch of a tier.
func (s *Service) Waiting(event, tier uuid.UUID) int {
	s.batchers.mu.Lock()
	defer s.batchers.mu.Unlock()
	b := s.batchers.of[tierKey{event, tier}]
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}
