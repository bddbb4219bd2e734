package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func leases(t *testing.T, c db.Conn) (n int) {
	t.Helper()
	if err := c.QueryRow(t.Context(), `SELECT count(*) FROM leases`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func put(ctx context.Context, c db.Conn, name string) error {
	_, err := c.Exec(ctx, `INSERT INTO leases (name, holder, until) VALUES ($1, 'h', now())`, name)
	return err
}

func TestInTxCommitsAndRollsBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]db.Conn{"pool": dbtest.Pool(t), "savepoint": dbtest.Tx(t)} {
		ctx := t.Context()
		before := leases(t, c)
		if err := db.InTx(ctx, c, func(tx pgx.Tx) error { return put(ctx, tx, "intx-kept") }); err != nil {
			t.Fatal(name, err)
		}
		stop := errors.New("stop")
		err := db.InTx(ctx, c, func(tx pgx.Tx) error {
			if err := put(ctx, tx, "intx-undone"); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Errorf("%s: got %v", name, err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = db.InTx(ctx, c, func(tx pgx.Tx) error {
				if err := put(ctx, tx, "intx-panicked"); err != nil {
					t.Error(err)
				}
				panic("boom")
			})
		}()
		if n := leases(t, c) - before; n != 1 {
			t.Errorf("%s: %d rows are left, want 1", name, n)
		}
	}
}

func TestInTxUndoesWhatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.InTx(ctx, pool, func(tx pgx.Tx) error {
		defer cancel()
		return put(ctx, tx, "gone")
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := leases(t, pool); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestInTxTriesAgainAfterADeadlock(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	ctx := t.Context()
	for _, name := range []string{"a", "b"} {
		if err := put(ctx, pool, name); err != nil {
			t.Fatal(err)
		}
	}
	// Each locks its own row, waits until the other has, and wants the other's.
	var both sync.WaitGroup
	both.Add(2)
	var runs [2]int
	touch := func(tx pgx.Tx, name string) error {
		_, err := tx.Exec(ctx, `UPDATE leases SET holder = holder || '+' WHERE name = $1`, name)
		return err
	}
	run := func(i int, mine, other string) error {
		return db.InTx(ctx, pool, func(tx pgx.Tx) error {
			if err := touch(tx, mine); err != nil {
				return err
			}
			if runs[i]++; runs[i] == 1 {
				both.Done()
				both.Wait()
			}
			return touch(tx, other)
		})
	}
	errs := make(chan error, 1)
	go func() { errs <- run(0, "a", "b") }()
	if err := run(1, "b", "a"); err != nil {
		t.Error(err)
	}
	if err := <-errs; err != nil {
		t.Error(err)
	}
	if runs[0]+runs[1] < 3 {
		t.Errorf("ran %v times: there was no deadlock", runs)
	}
	var holders string
	if err := pool.QueryRow(ctx, `SELECT string_agg(holder, ',') FROM leases`).Scan(&holders); err != nil || holders != "h++,h++" {
		t.Errorf("holders %q, %v", holders, err)
	}
}

// cut is a proxy to PostgreSQL that can go silent for good.
type cut struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
	when  func(toServer []byte) bool
}

func (c *cut) serve(dial func() (net.Conn, error)) {
	for {
		client, err := c.Accept()
		if err != nil {
			return
		}
		server, err := dial()
		if err != nil {
			_ = client.Close()
			continue
		}
		c.mu.Lock()
		c.conns = append(c.conns, client, server)
		c.mu.Unlock()
		go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
		go func() {
			defer server.Close()
			buf := make([]byte, 32<<10)
			for {
				n, err := client.Read(buf)
				if err != nil {
					return
				}
				if c.when(buf[:n]) {
					_ = client.Close() // the server never hears of it
					return
				}
				if _, err := server.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// cutOff is a pool whose connections go silent at what they send, and one beside it that does not.
func cutOff(t *testing.T, when func(toServer []byte) bool) (pool, direct *pgxpool.Pool) {
	t.Helper()
	direct, url := dbtest.PoolURL(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := &cut{Listener: ln, when: when}
	target, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	go proxy.serve(func() (net.Conn, error) {
		network, address := pgconn.NetworkAddress(target.Host, target.Port)
		return net.Dial(network, address)
	})
	t.Cleanup(func() {
		_ = ln.Close()
		proxy.mu.Lock()
		defer proxy.mu.Unlock()
		for _, c := range proxy.conns {
			_ = c.Close()
		}
	})
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	cfg.ConnConfig.Host, cfg.ConnConfig.Port = "127.0.0.1", uint16(port)
	cfg.ConnConfig.Fallbacks = nil
	cfg.ConnConfig.TLSConfig = nil
	pool, err = pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)

	return pool, direct
}

func TestACommitThatIsCutOffIsUnknown(t *testing.T) {
	t.Parallel()
	pool, direct := cutOff(t, func(b []byte) bool { return bytes.HasPrefix(b, []byte("Q\x00\x00\x00\x0bcommit")) })
	err := db.InTx(t.Context(), pool, func(tx pgx.Tx) error { return put(t.Context(), tx, "who knows") })
	if !db.OutcomeUnknown(err) || fault.Code(err) != "database_unavailable" {
		t.Errorf("got %v", err)
	}
	if n := leases(t, direct); n != 0 {
		t.Errorf("%d rows", n)
	}
	if err := db.InTx(t.Context(), direct, func(tx pgx.Tx) error { return errors.New("no") }); db.OutcomeUnknown(err) {
		t.Error("a rollback is not unknown")
	}
}

func TestErrorsOfTheDatabaseAreToldApart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool := dbtest.Pool(t)
	if err := put(ctx, pool, "x"); err != nil {
		t.Fatal(err)
	}
	err := fmt.Errorf("wrapped: %w", db.Fault(put(ctx, pool, "x")))
	if fault.Code(err) != "internal" {
		t.Errorf("a violated constraint is told as %q", fault.Code(err))
	}
	var n int
	if err := pool.QueryRow(ctx, `SELECT 1 WHERE false`).Scan(&n); !db.NoRows(err) || db.NoRows(io.EOF) {
		t.Errorf("no rows: %v", err)
	}

	for name, err := range map[string]error{
		"too many":      &pgconn.PgError{Code: "53300"},
		"disk full":     &pgconn.PgError{Code: "53100"},
		"shutting down": &pgconn.PgError{Code: "57P01"},
		"starting":      &pgconn.PgError{Code: "57P03"},
		"read only":     &pgconn.PgError{Code: "25006"},
		"deadlock":      &pgconn.PgError{Code: "40P01"},
		"lock timeout":  &pgconn.PgError{Code: "55P03"},
		"slow":          &pgconn.PgError{Code: "57014"},
		"eof":           io.ErrUnexpectedEOF,
		"closed":        pgconn.ErrConnClosed,
		"deadline":      context.DeadlineExceeded,
	} {
		f := fault.From(db.Fault(fmt.Errorf("wrapped: %w", err)))
		if f.Kind != fault.Unavailable || f.Code != "database_unavailable" || f.RetryAfter <= 0 {
			t.Errorf("%s: got %+v", name, f)
		}
	}
	for _, err := range []error{nil, context.Canceled, pgx.ErrNoRows, &pgconn.PgError{Code: "42601"}, errors.New("x")} {
		if got := db.Fault(err); got != err { //nolint:errorlint // the very same
			t.Errorf("%v became %v", err, got)
		}
	}
	mine := fault.New(fault.Conflict, "mine", "m").Because(io.EOF)
	if got := db.Fault(mine); fault.Code(got) != "mine" {
		t.Errorf("a fault was changed to %v", got)
	}
}

func TestADatabaseThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	_, err = db.Open(t.Context(), db.Config{URL: "postgres://u:secret@" + addr + "/d"})
	if fault.Code(err) != "database_unavailable" {
		t.Errorf("got %v", err)
	}
	for _, url := range []string{"", "postgres://%zz"} {
		if _, err := db.Open(t.Context(), db.Config{URL: url}); fault.Code(err) != "database_url" {
			t.Errorf("%q: got %v", url, err)
		}
	}
}

func TestPoolSettings(t *testing.T) {
	t.Parallel()
	url := dbtest.DatabaseURL(t)
	for _, bouncer := range []bool{false, true} {
		pool, err := db.Open(t.Context(), db.Config{URL: url, MaxConns: 2, AppName: "settings", StatementTimeout: 7 * time.Second, LockTimeout: -1, PgBouncer: bouncer})
		if err != nil {
			t.Fatal(err)
		}
		var statement, lock, app string
		err = pool.QueryRow(t.Context(), `SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('application_name')`).Scan(&statement, &lock, &app)
		if err != nil {
			t.Fatal(err)
		}
		want := "7s 0 settings"
		if bouncer {
			want = "0 0 "
		}
		if got := statement + " " + lock + " " + app; got != want {
			t.Errorf("PgBouncer %v: got %q, want %q", bouncer, got, want)
		}
		var at time.Time
		var all []time.Time
		if err := pool.QueryRow(t.Context(), `SELECT now(), array[now()]`).Scan(&at, &all); err != nil || at.Location() != time.UTC || all[0].Location() != time.UTC {
			t.Errorf("an instant in %v and %v, %v", at.Location(), all, err)
		}
		pool.Close()
	}
}

func TestMigrateTwiceAndByTwoAtOnce(t *testing.T) {
	t.Parallel()
	url := dbtest.EmptyDatabaseURL(t)
	ctx := t.Context()
	pool, err := db.Open(ctx, db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := db.Migrated(ctx, pool); fault.Code(err) != "schema_outdated" {
		t.Errorf("an empty database: %v", err)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := db.Migrate(ctx, pool); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := db.Migrate(ctx, pool); err != nil {
		t.Error(err)
	}
	if err := db.Migrated(ctx, pool); err != nil {
		t.Error(err)
	}
	// A newer version of the program was here: the older one still works.
	if _, err := pool.Exec(ctx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrated(ctx, pool); err != nil {
		t.Error(err)
	}
	if _, err := pool.Exec(ctx, `DELETE FROM river_migration WHERE version = (SELECT max(version) FROM river_migration)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrated(ctx, pool); fault.Code(err) != "schema_outdated" {
		t.Errorf("an old schema: %v", err)
	}
}

// shifted is a database whose clock is wrong.
type shifted struct {
	db.Conn
	by time.Duration
}

func (s shifted) QueryRow(ctx context.Context, _ string, _ ...any) pgx.Row {
	return s.Conn.QueryRow(ctx, `SELECT clock_timestamp() + $1::interval`, s.by)
}

func TestClockFollowsTheDatabase(t *testing.T) {
	t.Parallel()
	var zero *db.Clock
	if d := time.Since(zero.Now()).Abs(); d > time.Minute {
		t.Errorf("a nil clock is %v off", d)
	}
	var c db.Clock
	pool := dbtest.Pool(t)
	for _, by := range []time.Duration{time.Hour, -3 * time.Hour, 0} {
		if err := c.Sync(t.Context(), shifted{pool, by}); err != nil {
			t.Fatal(err)
		}
		if d := (c.Offset() - by).Abs(); d > 5*time.Second {
			t.Errorf("the offset is %v, want about %v", c.Offset(), by)
		}
		if now := c.Now(); now.Location() != time.UTC || time.Until(now.Add(-by)).Abs() > 10*time.Second {
			t.Errorf("now is %v", now)
		}
	}
	kept := c.Offset()
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Sync(dead, pool); err == nil || c.Offset() != kept {
		t.Errorf("a failed look changed the clock: %v, %v", err, c.Offset())
	}
}
