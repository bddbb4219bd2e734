package dbtest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"fairqueue/internal/db"
	"fairqueue/internal/devstack"
)

// slow bounds each step of setting up or tearing down.
const slow = 60 * time.Second

// Main runs the tests of a package, stops what they started and fails if a
// goroutine is left. Call it from TestMain; it does not return.
func Main(m *testing.M) {
	size()
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "dbtest:", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "dbtest: goroutines are left after the tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// Tx returns a transaction on a migrated database that is rolled back at the
// end of the test. Tests of one process share that database, so two tests that
// insert the same unique key wait for each other: use keys of your own.
func Tx(t testing.TB) pgx.Tx {
	t.Helper()
	pool, err := shared.txPool()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		t.Fatal("dbtest.Tx:", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), slow)
		defer cancel()
		if err := tx.Rollback(ctx); err != nil && tx.Conn() != nil && !tx.Conn().IsClosed() {
			t.Error("dbtest.Tx: rollback:", err)
		}
	})
	return tx
}

// Pool returns a pool on a migrated database of the test's own, which is
// dropped at the end. Use it when commits matter.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return open(t, DatabaseURL(t))
}

// PoolURL is Pool with the address of its database, for a second pool or a
// second process.
func PoolURL(t testing.TB) (*pgxpool.Pool, string) {
	t.Helper()
	url := DatabaseURL(t)
	return open(t, url), url
}

func open(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	pool, err := db.Open(ctx, db.Config{URL: url, MaxConns: 10, AppName: "test"})
	if err != nil {
		t.Fatal("dbtest.Pool:", err)
	}
	t.Cleanup(func() {
		closed := make(chan struct{})
		go func() { defer close(closed); pool.Close() }()
		select {
		case <-closed:
		case <-time.After(10 * time.Second):
			// Dropping the database ends these connections, and so Close.
			t.Error("dbtest.Pool: a connection was never given back")
		}
	})
	return pool
}

// DatabaseURL returns the address of a migrated database of the test's own,
// which is dropped at the end.
func DatabaseURL(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	name, url, err := shared.clone(ctx)
	if err != nil {
		t.Fatal("dbtest.DatabaseURL:", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), slow)
		defer cancel()
		if err := shared.drop(ctx, name); err != nil {
			t.Error("dbtest.DatabaseURL:", err)
		}
	})
	return url
}

// EmptyDatabaseURL is DatabaseURL without the schema.
func EmptyDatabaseURL(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	name, url, err := shared.empty(ctx)
	if err != nil {
		t.Fatal("dbtest.EmptyDatabaseURL:", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), slow)
		defer cancel()
		if err := shared.drop(ctx, name); err != nil {
			t.Error("dbtest.EmptyDatabaseURL:", err)
		}
	})
	return url
}

// RedisServer starts a Redis of the test's own. The test may stop it and start
// it again to see what the product does without it.
func RedisServer(t testing.TB) *devstack.Redis {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	r, err := devstack.StartRedis(ctx, devstack.RedisConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal("dbtest.RedisServer:", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), slow)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			t.Error("dbtest.RedisServer:", err)
		}
	})
	return r
}

// RedisURL starts a Redis of the test's own and returns its address.
func RedisURL(t testing.TB) string {
	t.Helper()
	return RedisServer(t).URL
}

// Redis starts a Redis of the test's own and returns a client of it.
func Redis(t testing.TB) *redis.Client {
	t.Helper()
	opt, err := redis.ParseURL(RedisURL(t))
	if err != nil {
		t.Fatal("dbtest.Redis:", err)
	}
	client := redis.NewClient(opt)
	t.Cleanup(func() {
		if err := client.Close(); err != nil && err != redis.ErrClosed { //nolint:errorlint // never wrapped
			t.Error("dbtest.Redis:", err)
		}
	})
	return client
}
