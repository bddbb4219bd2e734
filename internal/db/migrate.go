package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"fairqueue/internal/fault"
	"fairqueue/migrations"
)

// migrateLock is the advisory lock that one migration holds: the first eight
// bytes of the name as a number.
const migrateLock int64 = 0x6661697271756575 // "fairqueu"

// Migrate brings the schema up to date: ours first, then River's. It may run
// twice, and by two at once: the second waits and finds nothing to do.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	// Connections of its own: a migration may take longer than a statement of
	// the running product, and must not wait for a full pool.
	pc := pool.Config()
	pc.MaxConns, pc.MinConns, pc.MinIdleConns = 3, 0, 0
	for _, limit := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		if _, ok := pc.ConnConfig.RuntimeParams[limit]; ok {
			pc.ConnConfig.RuntimeParams[limit] = "0"
		}
	}
	own, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return Fault(fmt.Errorf("db.Migrate: %w", err))
	}
	defer own.Close()

	// A lock of a transaction and not of the session, so that it works through
	// PgBouncer. It is tried, not waited for: a waiting statement holds a
	// snapshot, which CREATE INDEX CONCURRENTLY of the other would wait for.
	tx, err := own.Begin(ctx)
	if err != nil {
		return Fault(fmt.Errorf("db.Migrate: %w", err))
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		_ = tx.Rollback(end)
	}()
	if err := lockMigration(ctx, tx); err != nil {
		return Fault(fmt.Errorf("db.Migrate: %w", err))
	}
	if err := migrateOurs(ctx, own); err != nil {
		return Fault(fmt.Errorf("db.Migrate: %w", err))
	}
	if err := migrateRiver(ctx, own); err != nil {
		return Fault(fmt.Errorf("db.Migrate: %w", err))
	}
	return nil
}

func lockMigration(ctx context.Context, tx pgx.Tx) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var got bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, migrateLock).Scan(&got); err != nil {
			return err
		}
		if got {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func migrateOurs(ctx context.Context, pool *pgxpool.Pool) error {
	sqlDB := stdlib.OpenDBFromPool(pool)
	defer sqlDB.Close() //nolint:errcheck // the pool behind it stays open
	p, err := goose.NewProvider(goose.DialectPostgres, sqlDB, migrations.FS,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func migrateRiver(ctx context.Context, pool *pgxpool.Pool) error {
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

var errNotMigrated = fault.New(fault.Unavailable, "schema_outdated",
	"The database does not have the schema of this version: run `fairqueue migrate` first.")

// Migrated returns a fault unless the database has at least the schema that
// this program was built with. A newer one is fine: during a deploy the old
// version runs beside the new.
func Migrated(ctx context.Context, c Conn) error {
	want, err := versions()
	if err != nil {
		return fmt.Errorf("db.Migrated: %w", err)
	}
	var haveOurs int64
	var haveRivers int
	err = c.QueryRow(ctx, `SELECT
		(SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied),
		(SELECT coalesce(max(version), 0) FROM river_migration WHERE line = 'main')`).Scan(&haveOurs, &haveRivers)
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && pe.Code == codeUndefinedTable {
		return errNotMigrated.Because(err)
	}
	if err != nil {
		return Fault(fmt.Errorf("db.Migrated: %w", err))
	}
	if haveOurs < want.ours || haveRivers < want.rivers {
		return errNotMigrated.Because(fmt.Errorf("schema %d and River %d, want %d and %d", haveOurs, haveRivers, want.ours, want.rivers))
	}
	return nil
}

// schemaVersions are the newest of our migrations, and of River's.
type schemaVersions struct {
	ours   int64
	rivers int
}

var versions = sync.OnceValues(func() (schemaVersions, error) {
	var v schemaVersions
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return v, err
	}
	for _, name := range names {
		digits, _, _ := strings.Cut(path.Base(name), "_")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return v, fmt.Errorf("migration %s has no number: %w", name, err)
		}
		v.ours = max(v.ours, n)
	}
	m, err := rivermigrate.New(riverpgxv5.New(nil), nil)
	if err != nil {
		return v, err
	}
	for _, r := range m.AllVersions() {
		v.rivers = max(v.rivers, r.Version)
	}
	return v, nil
})
