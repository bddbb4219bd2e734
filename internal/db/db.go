package db

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"fairqueue/internal/fault"
)

// Conn is what services need of a database: the pool in life, a transaction in
// tests, where the transactions that services own become savepoints.
type Conn interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error)
}

var (
	_ Conn = (*pgxpool.Pool)(nil)
	_ Conn = pgx.Tx(nil)
)

// Config says which database to open and how patient to be. Zero durations
// take the defaults, negative ones switch a limit off.
type Config struct {
	// URL is a connection string as libpq knows it.
	URL string
	// MaxConns bounds the pool; 0: 20.
	MaxConns int32
	// AppName appears in pg_stat_activity; "": fairqueue.
	AppName string
	// StatementTimeout ends a statement; default 15 s.
	StatementTimeout time.Duration
	// LockTimeout ends the wait for a lock; default 5 s.
	LockTimeout time.Duration
	// IdleInTransactionTimeout ends a session that holds a transaction open
	// and says nothing, so that its locks do not outlive its process; default 15 s.
	IdleInTransactionTimeout time.Duration
	// PgBouncer makes the pool work behind PgBouncer in transaction mode: no
	// prepared statements and no start-up parameters, which PgBouncer refuses.
	// The three limits must then be set on the role (ALTER ROLE … SET …).
	PgBouncer bool
}

const (
	minVersion     = 150000
	connectTimeout = 5 * time.Second
)

// Open connects to the database and checks that it is PostgreSQL 15 or newer.
// The errors are faults with a sentence for the operator.
func Open(ctx context.Context, cfg Config) (*pgxpool.Pool, error) {
	pc, err := poolConfig(cfg)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, Fault(fmt.Errorf("db.Open: %w", err))
	}
	if err := checkVersion(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

func poolConfig(cfg Config) (*pgxpool.Config, error) {
	if cfg.URL == "" {
		return nil, fault.New(fault.Invalid, "database_url", "DATABASE_URL is empty: set it to a connection string like postgres://user:password@host:5432/fairqueue.")
	}
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		// pgx leaves the password out of this error.
		return nil, fault.Wrap(err, fault.Invalid, "database_url", "DATABASE_URL is not a connection string: it should look like postgres://user:password@host:5432/fairqueue.")
	}
	pc.MaxConns = 20
	if cfg.MaxConns > 0 {
		pc.MaxConns = cfg.MaxConns
	}
	// Connections are replaced now and then, so that a failover or a changed
	// DNS name is noticed, and not all at the same moment.
	pc.MaxConnLifetime = time.Hour
	pc.MaxConnLifetimeJitter = 10 * time.Minute
	pc.HealthCheckPeriod = 30 * time.Second
	if pc.ConnConfig.ConnectTimeout == 0 {
		pc.ConnConfig.ConnectTimeout = connectTimeout
	}
	if cfg.PgBouncer {
		pc.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	} else {
		rp := pc.ConnConfig.RuntimeParams
		setDefault(rp, "timezone", "UTC")
		setDefault(rp, "default_transaction_isolation", "read committed")
		setDefault(rp, "statement_timeout", millis(cfg.StatementTimeout, 15*time.Second))
		setDefault(rp, "lock_timeout", millis(cfg.LockTimeout, 5*time.Second))
		setDefault(rp, "idle_in_transaction_session_timeout", millis(cfg.IdleInTransactionTimeout, 15*time.Second))
		name := cfg.AppName
		if name == "" {
			name = "fairqueue"
		}
		setDefault(rp, "application_name", name)
	}
	pc.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		scanUTC(conn.TypeMap())
		bytesForIDs(conn.TypeMap())
		return nil
	}
	return pc, nil
}

func setDefault(params map[string]string, key, value string) {
	if _, ok := params[key]; !ok {
		params[key] = value
	}
}

func millis(d, def time.Duration) string {
	switch {
	case d == 0:
		d = def
	case d < 0:
		d = 0
	}
	return strconv.FormatInt(d.Milliseconds(), 10)
}

// scanUTC makes instants come back in UTC. pgx gives them in the machine's
// zone, which would reach JSON, pages and comparisons.
func scanUTC(m *pgtype.Map) {
	t := &pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}}
	m.RegisterType(t)
	m.RegisterType(&pgtype.Type{Name: "_timestamptz", OID: pgtype.TimestamptzArrayOID, Codec: &pgtype.ArrayCodec{ElementType: t}})
}

func checkVersion(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*connectTimeout)
	defer cancel()
	var num, version string
	err := pool.QueryRow(ctx, `SELECT current_setting('server_version_num'), current_setting('server_version')`).Scan(&num, &version)
	if err != nil {
		return Fault(fmt.Errorf("db.Open: %w", err))
	}
	n, err := strconv.Atoi(num)
	if err != nil {
		return fmt.Errorf("db.Open: server_version_num %q: %w", num, err)
	}
	return versionFault(n, version)
}

func versionFault(num int, version string) error {
	if num >= minVersion {
		return nil
	}
	return fault.New(fault.Unavailable, "database_too_old",
		fmt.Sprintf("The database is PostgreSQL %s; FairQueue needs PostgreSQL 15 or newer. Upgrade it, or point DATABASE_URL at a newer one.", version))
}

const (
	maxTries     = 5
	endTimeout   = 5 * time.Second
	backoffFirst = 5 * time.Millisecond
)

// InTx runs fn in a READ COMMITTED transaction and commits it if fn returns
// nil. On a pool it tries again, a few times, after a serialization failure or
// a deadlock, so fn must not keep anything from a run that failed. Inside a
// transaction it is a savepoint and never tries again. Errors of the database
// come back as faults.
func InTx(ctx context.Context, c Conn, fn func(tx pgx.Tx) error) error {
	tries := 1
	if _, ok := c.(beginner); ok {
		tries = maxTries
	}
	wait := backoffFirst
	for try := 1; ; try++ {
		err := once(ctx, c, fn)
		if err == nil {
			return nil
		}
		if try >= tries || !retryable(err) || OutcomeUnknown(err) {
			return Fault(err)
		}
		select {
		case <-ctx.Done():
			return Fault(err)
		case <-time.After(wait/2 + rand.N(wait)):
		}
		wait *= 2
	}
}

// beginner is a connection outside a transaction: the pool, or one connection of it.
type beginner interface {
	BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
}

func once(ctx context.Context, c Conn, fn func(tx pgx.Tx) error) error {
	var tx pgx.Tx
	var err error
	if b, ok := c.(beginner); ok {
		tx, err = b.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	} else {
		tx, err = c.Begin(ctx)
	}
	if err != nil {
		return err
	}
	done := false
	// Also when fn panics or ends the goroutine, as t.FailNow does.
	defer func() {
		if done {
			return
		}
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		_ = tx.Rollback(end) // the first error is the one to tell
	}()
	if err := fn(tx); err != nil {
		return err
	}
	// Nobody waits for the answer any more: undoing is still possible, and the
	// caller was told nothing.
	if err := ctx.Err(); err != nil {
		return err
	}
	if conn := tx.Conn(); conn != nil && conn.IsClosed() {
		return pgconn.ErrConnClosed // before COMMIT: the server rolls back
	}
	// From here on the caller's patience no longer counts: a commit that is cut
	// short leaves an unknown outcome.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	done = true
	if err := tx.Commit(end); err != nil {
		if decided(err) {
			return err
		}
		return unknownOutcome(err)
	}
	return nil
}
