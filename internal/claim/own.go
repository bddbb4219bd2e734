package claim

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"fairqueue/internal/db"
)

// Own is how many units an account has in all sales of the event's show: sold, paying, or held and not past. The limit
// counts them; what is shown by it may have changed by the time somebody claims.
func (s *Service) Own(ctx context.Context, event, account uuid.UUID) (int, error) {
	n, err := s.q.CountOwn(ctx, s.cfg.DB, event, account)
	if err != nil {
		return 0, db.Fault(fmt.Errorf("claim.Own: %w", err))
	}
	return int(n), nil
}
