package web

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/audit"
	"fairqueue/internal/fault"
)

// The figures of a sale are counted twice a minute, however many look; while a count is slow or breaks, the last figures
// are shown, and without any the answer says to come again.
func TestAuditsAreCountedTwiceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		runs, takes, broken := 0, time.Duration(0), error(nil)
		a := audits{run: func(ctx context.Context, _ uuid.UUID) ([]audit.Result, error) {
			mu.Lock()
			runs++
			n, wait, err := runs, takes, broken
			mu.Unlock()
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			return []audit.Result{{Name: audit.NeverOversold, Violations: int64(n), Failure: true}, {Name: audit.RedisHarmless, Violations: 9}}, err
		}}
		set := func(d time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			takes, broken = d, err
		}
		event := uuid.New()
		ask := func() (int64, error) {
			k, err := a.get(t.Context(), event)
			if err != nil {
				return 0, err
			}
			if len(k.v) != 1 {
				t.Errorf("%+v", k.v)
			}
			return k.v[0].Violations, nil
		}
		want := func(violations int64) {
			t.Helper()
			if n, err := ask(); n != violations || err != nil {
				t.Errorf("%d %v, want the count %d", n, err, violations)
			}
		}

		// Nothing to show yet, and the first count is slow.
		set(20*time.Second, nil)
		if _, err := ask(); fault.From(err).Kind != fault.Unavailable || fault.From(err).RetryAfter <= 0 {
			t.Errorf("%v", err)
		}
		time.Sleep(13 * time.Second) // It goes on for those who come later.
		want(1)

		set(time.Second, nil)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { want(1) })
		}
		all.Wait()
		time.Sleep(auditLife + time.Second)
		for range 100 {
			all.Go(func() { want(2) })
		}
		all.Wait()

		time.Sleep(auditLife + time.Second)
		set(time.Second, errors.New("the database is away"))
		want(2)
		set(20*time.Second, nil)
		want(2) // Slow: the last figures.
		time.Sleep(time.Minute)
		set(0, errors.New("the database is away"))
		time.Sleep(auditKept)
		if _, err := ask(); err == nil {
			t.Error("figures of long ago are shown")
		}
		time.Sleep(auditTimeout)
	})
}
