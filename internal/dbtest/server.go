package dbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"fairqueue/internal/db"
	"fairqueue/internal/devstack"
	"fairqueue/migrations"
)

// The classes of our advisory locks: who runs, and which template is in use.
const (
	lockRun      = 0x66717275 // "fqru"
	lockTemplate = 0x66717470 // "fqtp"
	lockBuild    = 0x66716275 // "fqbu"
)

const (
	templatePrefix = "fqtpl_"
	clonePrefix    = "fqtest_"
)

// server is the PostgreSQL of this test process: started when the first test
// asks, stopped by Main.
type server struct {
	mu      sync.Mutex
	started bool
	err     error

	url      string // of the database from which others are made
	stack    *devstack.Stack
	admin    *pgxpool.Pool
	lock     *pgx.Conn // holds the advisory locks of this process
	run      string
	template string
	seq      atomic.Int64

	tx     *pgxpool.Pool // on the database that Tx shares
	txName string
}

var shared server

func (s *server) start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		s.started = true
		s.err = s.setUp(ctx)
	}
	return s.err
}

func (s *server) setUp(ctx context.Context) error {
	s.url = os.Getenv("FAIRQUEUE_TEST_DATABASE_URL")
	if s.url == "" {
		stack, err := devstack.StartTemp(ctx, false)
		if err != nil {
			return err
		}
		s.stack, s.url = stack, stack.DatabaseURL
	}
	var err error
	if s.admin, err = db.Open(ctx, db.Config{URL: s.url, MaxConns: 4, AppName: "dbtest", StatementTimeout: slow, LockTimeout: -1}); err != nil {
		return err
	}
	if s.lock, err = pgx.Connect(ctx, s.url); err != nil {
		return err
	}
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	s.run = hex.EncodeToString(id)
	if _, err := s.lock.Exec(ctx, `SELECT pg_advisory_lock($1::int4, $2::int4)`, lockRun, key(s.run)); err != nil {
		return err
	}
	hash, err := schemaHash()
	if err != nil {
		return err
	}
	s.template = templatePrefix + hash
	if _, err := s.lock.Exec(ctx, `SELECT pg_advisory_lock_shared($1::int4, $2::int4)`, lockTemplate, key(hash)); err != nil {
		return err
	}
	return s.prepare(ctx)
}

// prepare drops what dead processes left and makes the template if it is not
// there, one process at a time.
func (s *server) prepare(ctx context.Context) error {
	if _, err := s.lock.Exec(ctx, `SELECT pg_advisory_lock($1::int4, 0)`, lockBuild); err != nil {
		return err
	}
	defer s.lock.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1::int4, 0)`, lockBuild) //nolint:errcheck // ends with the connection too
	if err := s.dropStale(ctx); err != nil {
		return err
	}
	var there bool
	if err := s.admin.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, s.template).Scan(&there); err != nil {
		return err
	}
	if there {
		return nil
	}
	// Built under another name and renamed, so that a half-made one is never used.
	building := clonePrefix + s.run + "_template"
	if err := s.create(ctx, building, "template0"); err != nil {
		return err
	}
	pool, err := db.Open(ctx, db.Config{URL: s.urlOf(building), MaxConns: 2, AppName: "dbtest"})
	if err != nil {
		return err
	}
	err = db.Migrate(ctx, pool)
	pool.Close()
	if err != nil {
		return err
	}
	if _, err := s.admin.Exec(ctx, `ALTER DATABASE `+quote(building)+` RENAME TO `+quote(s.template)); err != nil {
		return err
	}
	// Nobody, autovacuum included, may be connected to a template that is cloned.
	_, err = s.admin.Exec(ctx, `ALTER DATABASE `+quote(s.template)+` ALLOW_CONNECTIONS false`)
	return err
}

func (s *server) dropStale(ctx context.Context) error {
	rows, err := s.admin.Query(ctx, `SELECT datname FROM pg_database WHERE datname LIKE $1 OR datname LIKE $2`, templatePrefix+"%", clonePrefix+"%")
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		class, rest := lockTemplate, strings.TrimPrefix(name, templatePrefix)
		if r, ok := strings.CutPrefix(name, clonePrefix); ok {
			class, rest = lockRun, r
			rest, _, _ = strings.Cut(rest, "_")
		}
		if rest == s.run || name == s.template {
			continue
		}
		if err := s.dropIfDead(ctx, name, class, key(rest)); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) dropIfDead(ctx context.Context, name string, class int, id int32) error {
	var dead bool
	if err := s.lock.QueryRow(ctx, `SELECT pg_try_advisory_lock($1::int4, $2::int4)`, class, id).Scan(&dead); err != nil || !dead {
		return err
	}
	defer s.lock.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1::int4, $2::int4)`, class, id) //nolint:errcheck // ends with the connection too
	return s.drop(ctx, name)
}

func (s *server) clone(ctx context.Context) (name, url string, err error) {
	return s.make(ctx, func() string { return s.template })
}

func (s *server) empty(ctx context.Context) (name, url string, err error) {
	return s.make(ctx, func() string { return "template0" })
}

func (s *server) make(ctx context.Context, template func() string) (name, url string, err error) {
	if err := s.start(ctx); err != nil {
		return "", "", err
	}
	name = fmt.Sprintf("%s%s_%d", clonePrefix, s.run, s.seq.Add(1))
	if err := s.create(ctx, name, template()); err != nil {
		return "", "", err
	}
	return name, s.urlOf(name), nil
}

// create copies files instead of writing the WAL: faster, and safe enough for
// databases that do not outlive their test.
func (s *server) create(ctx context.Context, name, template string) error {
	if _, err := s.admin.Exec(ctx, `CREATE DATABASE `+quote(name)+` TEMPLATE `+quote(template)+` STRATEGY file_copy`); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

func (s *server) drop(ctx context.Context, name string) error {
	_, err := s.admin.Exec(ctx, `DROP DATABASE IF EXISTS `+quote(name)+` WITH (FORCE)`)
	return err
}

// txPool is the pool behind Tx.
func (s *server) txPool() (*pgxpool.Pool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tx != nil {
		return s.tx, nil
	}
	name := clonePrefix + s.run + "_tx"
	if err := s.create(ctx, name, s.template); err != nil {
		return nil, err
	}
	// A test under the race detector may think for long inside its transaction.
	pool, err := db.Open(ctx, db.Config{URL: s.urlOf(name), MaxConns: 24, AppName: "test", IdleInTransactionTimeout: -1})
	if err != nil {
		return nil, err
	}
	s.tx, s.txName = pool, name
	return pool, nil
}

func (s *server) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), slow)
	defer cancel()
	var errs []error
	if s.tx != nil {
		s.tx.Close()
		errs = append(errs, s.drop(ctx, s.txName))
	}
	if s.admin != nil {
		s.admin.Close()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close(ctx))
	}
	if s.stack != nil {
		errs = append(errs, s.stack.Stop(ctx))
	}
	return errors.Join(errs...)
}

// urlOf is the server's address with another database.
func (s *server) urlOf(name string) string {
	u, err := url.Parse(s.url)
	if err != nil || u.Scheme == "" {
		return s.url + " dbname=" + name // libpq's other format; the last word counts
	}
	u.Path = "/" + name
	return u.String()
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// key makes a lock's number of a name's hex digits.
func key(digits string) int32 {
	sum := sha256.Sum256([]byte(digits))
	return int32(binary.BigEndian.Uint32(sum[:4]))
}

// schemaHash names the state of our migrations and of River's.
func schemaHash() (string, error) {
	h := sha256.New()
	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		b, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", name, len(b))
		h.Write(b)
	}
	m, err := rivermigrate.New(riverpgxv5.New(nil), nil)
	if err != nil {
		return "", err
	}
	for _, r := range m.AllVersions() {
		fmt.Fprintf(h, "river %d\n%s", r.Version, r.SQLUp)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// FreeAddr returns an address on loopback where nobody listens, for a server whose address must be known before it
// starts.
func FreeAddr(t testing.TB) string {
	t.Helper()
	port, err := devstack.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
