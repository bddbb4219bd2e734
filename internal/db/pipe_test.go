package db_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
)

func TestPipe(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	begin := func(t *testing.T) (*db.Pipe, pgx.Tx) {
		t.Helper()
		tx := dbtest.Tx(t)
		if _, err := tx.Exec(ctx, `CREATE TEMPORARY TABLE piped (n int PRIMARY KEY)`); err != nil {
			t.Fatal(err)
		}
		return db.NewPipe(tx), tx
	}
	add := func(t *testing.T, p pgx.Tx, n int) {
		t.Helper()
		if _, err := p.Exec(ctx, `INSERT INTO piped VALUES ($1)`, n); err != nil {
			t.Fatal(err)
		}
	}
	count := func(t *testing.T, p interface {
		pgx.Tx
	}) (n int) {
		t.Helper()
		if err := p.QueryRow(ctx, `SELECT count(*) FROM piped`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}

	t.Run("what waits goes before what is asked", func(t *testing.T) {
		t.Parallel()
		p, _ := begin(t)
		add(t, p, 1)
		add(t, p, 2)
		if n := count(t, p); n != 2 {
			t.Errorf("%d rows", n)
		}
		rows, err := p.Query(ctx, `SELECT n FROM piped ORDER BY n`)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := pgx.CollectRows(rows, pgx.RowTo[int]); err != nil || len(all) != 2 {
			t.Errorf("%v, %v", all, err)
		}
		add(t, p, 3)
		rows, err = p.Query(ctx, `SELECT n FROM piped ORDER BY n`)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := pgx.CollectRows(rows, pgx.RowTo[int]); err != nil || len(all) != 3 {
			t.Errorf("%v, %v", all, err)
		}
	})
	t.Run("flush", func(t *testing.T) {
		t.Parallel()
		p, tx := begin(t)
		add(t, p, 1)
		if err := p.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if err := p.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if n := count(t, tx); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
	t.Run("savepoints", func(t *testing.T) {
		t.Parallel()
		p, tx := begin(t)
		add(t, p, 1)
		for i, keep := range []bool{false, true, false} {
			point, err := p.Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			add(t, point, 10+i)
			if n := count(t, point); n < 2 {
				t.Errorf("%d rows inside", n)
			}
			end := point.Rollback
			if keep {
				end = point.Commit
			}
			if err := end(ctx); err != nil {
				t.Fatal(err)
			}
			if err := end(ctx); !errors.Is(err, pgx.ErrTxClosed) {
				t.Errorf("ended twice: %v", err)
			}
		}
		if err := p.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if n := count(t, tx); n != 2 {
			t.Errorf("%d rows, want 1 and 11", n)
		}
	})
	t.Run("errors come with the next answer", func(t *testing.T) {
		t.Parallel()
		for name, ask := range map[string]func(p *db.Pipe) error{
			"flush": func(p *db.Pipe) error { return p.Flush(ctx) },
			"row": func(p *db.Pipe) error {
				var n int
				return p.QueryRow(ctx, `SELECT 1`).Scan(&n)
			},
			"rows": func(p *db.Pipe) error {
				rows, err := p.Query(ctx, `SELECT 1`) //nolint:sqlclosecheck // there are rows only where there should be an error
				if err == nil {
					rows.Close()
				}
				return err
			},
		} {
			p, _ := begin(t)
			add(t, p, 1)
			add(t, p, 1)
			if pe, ok := errors.AsType[*pgconn.PgError](ask(p)); !ok || pe.Code != "23505" {
				t.Errorf("%s: %v", name, pe)
			}
		}
		p, _ := begin(t)
		add(t, p, 1)
		var n int
		if err := p.QueryRow(ctx, `SELECT 1 / (count(*) - 1) FROM piped`).Scan(&n); err == nil || !strings.Contains(err.Error(), "22012") {
			t.Errorf("of the asked one: %v", err)
		}
	})
	t.Run("no rows", func(t *testing.T) {
		t.Parallel()
		p, _ := begin(t)
		add(t, p, 1)
		var n int
		if err := p.QueryRow(ctx, `SELECT n FROM piped WHERE n = 7`).Scan(&n); !errors.Is(err, pgx.ErrNoRows) {
			t.Errorf("%v", err)
		}
		if err := p.Commit(ctx); err == nil {
			t.Error("it committed what it did not begin")
		}
	})
}

func TestOneTrip(t *testing.T) {
	t.Parallel()
	add := func(t *testing.T, tx pgx.Tx, name string) {
		t.Helper()
		if _, err := tx.Exec(t.Context(), `INSERT INTO leases (name, holder, until) VALUES ($1, gen_random_uuid(), now())`, name); err != nil {
			t.Fatal(err)
		}
	}
	count := func(t *testing.T, tx pgx.Tx) (n int, err error) {
		t.Helper()
		err = tx.QueryRow(t.Context(), `SELECT count(*) FROM leases`).Scan(&n)
		return n, err
	}
	t.Run("all of it is done", func(t *testing.T) {
		t.Parallel()
		pool := dbtest.Pool(t)
		err := db.OneTrip(t.Context(), pool, func(tx pgx.Tx) error {
			add(t, tx, "a")
			add(t, tx, "b")
			n, err := count(t, tx)
			if n != 2 {
				t.Errorf("%d rows inside", n)
			}
			return err
		})
		if n := leases(t, pool); err != nil || n != 2 {
			t.Errorf("%d rows: %v", n, err)
		}
	})
	t.Run("or nothing", func(t *testing.T) {
		t.Parallel()
		pool := dbtest.Pool(t)
		err := db.OneTrip(t.Context(), pool, func(tx pgx.Tx) error {
			add(t, tx, "a")
			add(t, tx, "a")
			add(t, tx, "b")
			_, err := count(t, tx)
			return err
		})
		if pe, ok := errors.AsType[*pgconn.PgError](err); !ok || pe.Code != "23505" || db.OutcomeUnknown(err) {
			t.Errorf("got %v", err)
		}
		if n := leases(t, pool); n != 0 {
			t.Errorf("%d rows", n)
		}
		// The connection is good for the next.
		if err := db.OneTrip(t.Context(), pool, func(tx pgx.Tx) error { _, err := count(t, tx); return err }); err != nil {
			t.Error(err)
		}
	})
	t.Run("the last statement answers", func(t *testing.T) {
		t.Parallel()
		pool := dbtest.Pool(t)
		if err := db.OneTrip(t.Context(), pool, func(tx pgx.Tx) error { add(t, tx, "a"); return nil }); err == nil {
			t.Error("statements that were never sent are no error")
		}
		if n := leases(t, pool); n != 0 {
			t.Errorf("%d rows", n)
		}
	})
	t.Run("and no other", func(t *testing.T) {
		t.Parallel()
		pool := dbtest.Pool(t)
		err := db.OneTrip(t.Context(), pool, func(tx pgx.Tx) error {
			if _, err := count(t, tx); err != nil {
				return err
			}
			_, err := count(t, tx)
			return err
		})
		if err == nil || db.OutcomeUnknown(err) {
			t.Errorf("two transactions: %v", err)
		}
	})
	t.Run("within a transaction it is a part of that", func(t *testing.T) {
		t.Parallel()
		tx := dbtest.Tx(t)
		err := db.OneTrip(t.Context(), tx, func(tx pgx.Tx) error {
			add(t, tx, "a")
			add(t, tx, "a")
			_, err := count(t, tx)
			return err
		})
		if n, again := count(t, tx); err == nil || again != nil || n != 0 {
			t.Errorf("%v, then %d rows: %v", err, n, again)
		}
	})
	t.Run("cut off, nobody knows", func(t *testing.T) {
		t.Parallel()
		pool, direct := cutOff(t, func(b []byte) bool { return bytes.Contains(b, []byte("cut me off")) })
		err := db.OneTrip(t.Context(), pool, func(tx pgx.Tx) error {
			add(t, tx, "cut me off")
			_, err := count(t, tx)
			return err
		})
		if !db.OutcomeUnknown(err) || leases(t, direct) != 0 {
			t.Errorf("got %v", err)
		}
	})
}

func TestTogether(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool := dbtest.Pool(t)
	one := func(sql string, into *int, before ...string) func(pgx.Tx) error {
		return func(tx pgx.Tx) error {
			for _, b := range before {
				if _, err := tx.Exec(ctx, b); err != nil {
					return err
				}
			}
			return tx.QueryRow(ctx, sql).Scan(into)
		}
	}
	count := func(t *testing.T) (n int) {
		t.Helper()
		if err := pool.QueryRow(ctx, `SELECT count(*) FROM together`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if _, err := pool.Exec(ctx, `CREATE TABLE together (n int PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	var a, b, c int
	err := db.InTrips(ctx, pool, func(p *db.Pipe) error {
		if _, err := p.Exec(ctx, `INSERT INTO together VALUES (1)`); err != nil {
			return err
		}
		err := p.Together(ctx, one(`SELECT count(*) FROM together`, &a),
			func(tx pgx.Tx) error { _, err := tx.Exec(ctx, `INSERT INTO together VALUES (3)`); return err },
			one(`SELECT count(*) FROM together`, &b, `INSERT INTO together VALUES (2)`))
		if err != nil {
			return err
		}
		if err := p.QueryRow(ctx, `SELECT max(n) FROM together`).Scan(&c); err != nil {
			return err
		}
		_, err = p.Exec(ctx, `INSERT INTO together VALUES (4)`)
		return err
	})
	if err != nil || a != 1 || b != 3 || c != 3 || count(t) != 4 {
		t.Fatalf("%d, %d, %d, %d rows: %v", a, b, c, count(t), err)
	}

	errMine := errors.New("mine")
	for name, fn := range map[string]func(p *db.Pipe) error{
		"a question fails": func(p *db.Pipe) error {
			return p.Together(ctx, one(`SELECT 1 / 0`, &a, `INSERT INTO together VALUES (5)`), one(`SELECT 1`, &b))
		},
		"what waits fails at the commit": func(p *db.Pipe) error {
			_, err := p.Exec(ctx, `INSERT INTO together VALUES (6), (1)`)
			return err
		},
		"one gives up before it asks": func(p *db.Pipe) error {
			return p.Together(ctx, one(`SELECT 1`, &a, `INSERT INTO together VALUES (7)`), func(pgx.Tx) error { return errMine })
		},
		"one gives up with its answer": func(p *db.Pipe) error {
			return p.Together(ctx, func(tx pgx.Tx) error {
				return errors.Join(one(`SELECT 1`, &a, `INSERT INTO together VALUES (8)`)(tx), errMine)
			}, one(`SELECT 1`, &b))
		},
		"one asks twice": func(p *db.Pipe) error {
			return p.Together(ctx, func(tx pgx.Tx) error { return errors.Join(one(`SELECT 1`, &a)(tx), one(`SELECT 2`, &a)(tx)) })
		},
		"the caller gives up": func(p *db.Pipe) error {
			return errors.Join(p.Together(ctx, one(`SELECT 1`, &a, `INSERT INTO together VALUES (9)`)), errMine)
		},
	} {
		err := db.InTrips(ctx, pool, fn)
		if err == nil || db.OutcomeUnknown(err) {
			t.Errorf("%s: %v", name, err)
		}
		if n := count(t); n != 4 {
			t.Errorf("%s: %d rows", name, n)
		}
	}
	// No connection was spoilt or lost.
	if s := pool.Stat(); s.AcquiredConns() != 0 {
		t.Errorf("%d connections are out", s.AcquiredConns())
	}
}
