package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/db/accountdb"
)

// Fan is one account made in bulk.
type Fan struct {
	Account Account
	Token   string
	// Cookie is the value of the session cookie.
	Cookie string
}

const (
	fanBatch = 5000
	fanTTL   = 7 * 24 * time.Hour
)

// CreateFans makes n verified fans for the load lab and calls yield for each.
// They are exempt from challenges and address limits outside production; the
// caller refuses in production. An error of yield ends it; the fans of whole
// batches made until then stay.
func (s *Service) CreateFans(ctx context.Context, n int, yield func(Fan) error) error {
	run := strings.ToLower(rand.Text()[:10]) // base32: fit for an address
	rows := make([]accountdb.AddFansParams, 0, min(n, fanBatch))
	for made := 0; made < n; {
		rows = rows[:0]
		for range min(fanBatch, n-made) {
			made++
			rows = append(rows, accountdb.AddFansParams{
				ID:     uuid.Must(uuid.NewV7()),
				Email:  fmt.Sprintf("fan-%s-%d@lab.fairqueue.test", run, made),
				Exempt: true,
			})
		}
		if _, err := s.q.AddFans(ctx, s.cfg.DB, rows); err != nil {
			return db.Fault(fmt.Errorf("account.CreateFans: %w", err))
		}
		for _, r := range rows {
			f := Fan{Account: Account{ID: r.ID, Email: r.Email, Exempt: true, Roles: []string{"fan"}}}
			f.Token, _ = s.Issue(Bearer, f.Account, fanTTL)
			f.Cookie, _ = s.Issue(Session, f.Account, fanTTL)
			if err := yield(f); err != nil {
				return err
			}
		}
	}
	return nil
}
