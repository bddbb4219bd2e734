package dbtest_test

import (
	"context"
	"testing"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestPoolsAreApart(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, b := dbtest.Pool(t), dbtest.Pool(t)
	if _, err := a.Exec(ctx, `INSERT INTO leases (name, holder, until) VALUES ('drip', 'a', now())`); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := b.QueryRow(ctx, `SELECT count(*) FROM leases`).Scan(&n); err != nil || n != 0 {
		t.Fatalf("the other database has %d rows, %v", n, err)
	}
	if err := db.Migrated(ctx, b); err != nil {
		t.Fatal(err)
	}
}

func TestTxIsRolledBack(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("write", func(t *testing.T) {
		if _, err := dbtest.Tx(t).Exec(ctx, `INSERT INTO leases (name, holder, until) VALUES ('rolled back', 'a', now())`); err != nil {
			t.Fatal(err)
		}
	})
	var n int
	if err := dbtest.Tx(t).QueryRow(ctx, `SELECT count(*) FROM leases WHERE name = 'rolled back'`).Scan(&n); err != nil || n != 0 {
		t.Fatalf("found %d rows, %v", n, err)
	}
}

func TestEachRedisIsItsOwn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, b := dbtest.Redis(t), dbtest.Redis(t)
	if err := a.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Exists(ctx, "k").Result(); err != nil || n != 0 {
		t.Fatalf("the other Redis has %d, %v", n, err)
	}
}
