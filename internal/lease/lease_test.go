package lease_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/lease"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// leader is one replica's. It looks often, and its lease outlasts the slowest
// machine: expire ends one.
func leader(c db.Conn, holder string) *lease.Leader {
	return lease.New(lease.Config{DB: c, Name: "drip", Holder: holder, TTL: time.Minute, Renew: 20 * time.Millisecond, Interval: 20 * time.Millisecond})
}

func expire(t *testing.T, c db.Conn) {
	t.Helper()
	if _, err := c.Exec(t.Context(), `UPDATE leases SET until = clock_timestamp() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
}

func nothing(context.Context, func(context.Context, pgx.Tx) error) error { return nil }

func TestOneLeadsUntilItsLeaseIsPast(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	tx := dbtest.Tx(t)
	a, b := leader(tx, "a"), leader(tx, "b")
	must := func(l *lease.Leader, want bool) {
		t.Helper()
		led, err := l.RunOnce(ctx, nothing)
		if err != nil || led != want || l.Leading() != want {
			t.Fatalf("led %v, leading %v, want %v (%v)", led, l.Leading(), want, err)
		}
	}
	must(a, true)
	must(b, false)
	must(a, true) // renewed
	expire(t, tx)
	must(b, true)
	must(a, false)
	if err := b.Resign(ctx); err != nil || b.Leading() {
		t.Fatal("still leading after resigning:", err)
	}
	must(a, true)
	// Giving back what one does not hold changes nothing.
	if err := b.Resign(ctx); err != nil {
		t.Fatal(err)
	}
	must(b, false)
}

func TestAStepOfWhoLostTheLeaseIsRolledBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool := dbtest.Pool(t)
	a, b := leader(pool, "a"), leader(pool, "b")
	wrote := func(l *lease.Leader, between func()) error {
		_, err := l.RunOnce(ctx, func(ctx context.Context, check func(context.Context, pgx.Tx) error) error {
			between()
			return db.InTx(context.WithoutCancel(ctx), pool, func(tx pgx.Tx) error {
				if _, err := tx.Exec(context.WithoutCancel(ctx), `INSERT INTO leases (name, holder, until) VALUES ('proof', 'x', now())`); err != nil {
					return err
				}
				return check(context.WithoutCancel(ctx), tx)
			})
		})
		return err
	}
	// a sleeps so long in its step that b leads when it wakes.
	err := wrote(a, func() {
		expire(t, pool)
		if led, err := b.RunOnce(ctx, nothing); !led || err != nil {
			t.Fatal("b does not lead", err)
		}
	})
	if !errors.Is(err, lease.ErrLost) || a.Leading() {
		t.Errorf("a believes that it leads (%v), got %v", a.Leading(), err)
	}
	var n int
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM leases WHERE name = 'proof'`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows of the lost step are left, %v", n, err)
	}
	if err := wrote(b, func() {}); err != nil {
		t.Error(err)
	}
}

func TestRunLeadsInTurnAndGivesBack(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	steps := make(chan string, 100)
	stops := map[string]context.CancelFunc{}
	var running sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		stops[name] = cancel
		l := leader(pool, name)
		running.Go(func() {
			l.Run(ctx, func(ctx context.Context, check func(context.Context, pgx.Tx) error) error {
				return db.InTx(ctx, pool, func(tx pgx.Tx) error {
					if err := check(ctx, tx); err != nil {
						return err
					}
					select {
					case steps <- name:
					default:
					}
					return nil
				})
			})
		})
	}
	first := <-steps
	<-steps
	stops[first]()
	// The other one follows without waiting for the end of the lease.
	for {
		if name := <-steps; name != first {
			stops[name]()
			break
		}
	}
	running.Wait()
	var n int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM leases`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d leases were not given back, %v", n, err)
	}
}

func TestWhoLosesTheLeaseStopsItsStep(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := leader(pool, "a")
	ended := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() {
		l.Run(ctx, func(ctx context.Context, _ func(context.Context, pgx.Tx) error) error {
			// Another one takes over while this step hangs.
			if _, err := pool.Exec(context.WithoutCancel(ctx), `UPDATE leases SET holder = 'other', until = clock_timestamp() + interval '1 hour'`); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
			select {
			case ended <- ctx.Err():
			default:
			}
			return ctx.Err()
		})
	})
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if l.Leading() {
		t.Error("it believes that it leads")
	}
	cancel()
	running.Wait()
	var holder string
	if err := pool.QueryRow(t.Context(), `SELECT holder FROM leases`).Scan(&holder); err != nil || holder != "other" {
		t.Errorf("the lease of another was touched: %q, %v", holder, err)
	}
}
