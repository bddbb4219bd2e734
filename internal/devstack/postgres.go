package devstack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	superuser = "fairqueue"
	database  = "fairqueue"
	pgPort    = 5432 // names the socket, and is what everybody tries first
	// socketMax is the longest path of a unix socket that every system takes
	// (Linux 107, macOS 103).
	socketMax = 103
	// minFree is what a cluster needs to be made.
	minFree = 200 << 20
	// startTimeout covers the recovery after a crash.
	startTimeout = 60 * time.Second
)

// postgres is a private cluster.
type postgres struct {
	place   place
	bin     pgBin
	dataDir string // of the cluster
	socket  string // its folder
	log     string
	noSync  bool
	proc    *process
}

// newPostgres makes the cluster if it is not there.
func newPostgres(ctx context.Context, dir string, cfg Config) (*postgres, []string, error) {
	at, err := placeOf(dir)
	if err != nil {
		return nil, nil, err
	}
	if err := at.makeBase(dir); err != nil {
		return nil, nil, err
	}
	p := &postgres{place: at, dataDir: filepath.Join(at.base, "postgres"), log: filepath.Join(dir, "postgres.log"), noSync: cfg.NoSync}
	var notes []string
	if at.base != dir {
		notes = append(notes, fmt.Sprintf("PostgreSQL keeps its files in %s, because the user %s that runs it may not enter %s.", at.base, at.owner.name, dir))
	}
	made, err := madeBy(p.dataDir)
	if err != nil {
		return nil, nil, err
	}
	if p.bin, err = findPostgres(ctx, cfg.binDirs, made); err != nil {
		return nil, nil, err
	}
	if err := stopLeftoverPostgres(ctx, p.dataDir); err != nil {
		return nil, nil, err
	}
	if made == 0 {
		if err := p.initdb(ctx); err != nil {
			return nil, nil, err
		}
	}
	if err := p.chooseSocket(dir); err != nil {
		return nil, nil, err
	}
	return p, notes, nil
}

// madeBy returns the major version that made the cluster, 0 if there is none.
func madeBy(dataDir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dataDir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, explain(dataDir, err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s is damaged: wipe the data with `make reset`", dataDir)
	}
	return major, nil
}

// initdb makes the cluster beside its place and renames it, so that a crash
// leaves either none or a complete one.
func (p *postgres) initdb(ctx context.Context) error {
	if free, err := freeBytes(p.place.base); err == nil && free < minFree {
		return explain(p.place.base, syscall.ENOSPC)
	}
	fresh := p.dataDir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return explain(fresh, err)
	}
	if err := makePrivate(fresh, p.place.owner); err != nil {
		return err
	}
	locale := "--locale=C.UTF-8"
	if runtime.GOOS != "linux" {
		locale = "--no-locale"
	}
	args := []string{"-D", fresh, "-U", superuser, "-A", "trust", "-E", "UTF8", locale}
	if p.noSync {
		args = append(args, "--no-sync")
	}
	f, before, err := openLog(p.log)
	if err != nil {
		return err
	}
	defer f.Close()                                                  //nolint:errcheck // only written to by the child
	cmd := exec.Command(filepath.Join(p.bin.dir, "initdb"), args...) //nolint:noctx // ended below
	cmd.Stdout, cmd.Stderr = f, f
	proc, err := launch("initdb", cmd, p.place.owner, syscall.SIGKILL)
	if err != nil {
		return err
	}
	select {
	case <-proc.done:
	case <-ctx.Done():
		return errors.Join(ctx.Err(), proc.stop(context.WithoutCancel(ctx), stopStep{syscall.SIGTERM, time.Second}))
	}
	if proc.err != nil {
		err := explainOutput("initdb", p.place.base, p.log, newOutput(p.log, before))
		return errors.Join(err, os.RemoveAll(fresh))
	}
	return explain(p.dataDir, os.Rename(fresh, p.dataDir))
}

// chooseSocket puts the socket into the base, or into /tmp where the path
// would be longer than a socket's may be.
func (p *postgres) chooseSocket(dataDir string) error {
	p.socket = filepath.Join(p.place.base, "run")
	if len(p.socketFile()) > socketMax {
		p.socket = shortSocket(dataDir)
	}
	return makePrivate(p.socket, p.place.owner)
}

func (p *postgres) socketFile() string {
	return filepath.Join(p.socket, ".s.PGSQL."+strconv.Itoa(pgPort))
}

// url is in the form that most programs know for a socket, without '&' and
// blanks, so that a shell can source it as it is. The port is left out, which
// some cannot read without a host, unless PGPORT would put another in its place.
func (p *postgres) url(db string) string {
	port := ""
	if os.Getenv("PGPORT") != "" {
		port = fmt.Sprintf(":%d", pgPort)
	}
	return fmt.Sprintf("postgres://%s@%s/%s?host=%s", superuser, port, db, escapePath(p.socket))
}

// escapePath escapes as libpq reads it: %XX for all that is special, never '+'.
func escapePath(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if c < 0x80 && strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-", rune(c)) {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func (p *postgres) settings() []string {
	s := []string{
		"listen_addresses=", // the socket's folder is the lock on the door
		"port=" + strconv.Itoa(pgPort),
		"unix_socket_directories=" + quoteGUC(p.socket),
		"max_connections=200",
		"shared_buffers=256MB",
		"jit=off", // short statements only
		"log_line_prefix=%m [%p] ",
		"logging_collector=off",
		"log_destination=stderr",
		"timezone=UTC", "log_timezone=UTC",
	}
	if p.noSync {
		return append(s, "max_connections=400", "fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0")
	}
	// Files of the log are kept to be written again: whoever commits while a new one is made waits 20 to 50 ms.
	return append(s, "fsync=on", "synchronous_commit=on", "full_page_writes=on", "min_wal_size=1GB")
}

// quoteGUC quotes one element of a list setting.
func quoteGUC(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// start starts the server and returns when the database answers.
func (p *postgres) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		output, err := p.try(ctx)
		if err == nil {
			return nil
		}
		// The children of a postmaster that was killed need a moment to notice.
		if !strings.Contains(output, "pre-existing shared memory block") || sleep(ctx, 200*time.Millisecond) != nil {
			return err
		}
	}
}

func (p *postgres) try(ctx context.Context) (output string, err error) {
	f, before, err := openLog(p.log)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only written to by the child
	args := []string{"-D", p.dataDir}
	for _, s := range p.settings() {
		args = append(args, "-c", s)
	}
	cmd := exec.Command(filepath.Join(p.bin.dir, "postgres"), args...) //nolint:noctx // ended by stop
	cmd.Stdout, cmd.Stderr = f, f
	last := syscall.SIGINT
	if p.noSync {
		last = syscall.SIGQUIT // nothing is worth saving
	}
	proc, err := launch("PostgreSQL", cmd, p.place.owner, last)
	if err != nil {
		return "", err
	}
	p.proc = proc
	if err := p.ready(ctx, proc); err != nil {
		if stopErr := p.stop(context.WithoutCancel(ctx)); stopErr != nil {
			err = errors.Join(err, stopErr)
		}
		if out := newOutput(p.log, before); out != "" && ctx.Err() == nil {
			return out, explainOutput("PostgreSQL", p.place.base, p.log, out)
		}
		return "", fmt.Errorf("PostgreSQL did not answer (its output is in %s): %w", p.log, err)
	}
	return "", nil
}

// ready waits until the server answers and has our database.
func (p *postgres) ready(ctx context.Context, proc *process) error {
	for {
		conn, err := p.connect(ctx)
		if err == nil {
			err = p.ensureDatabase(ctx, conn)
			return errors.Join(err, conn.Close(ctx))
		}
		if proc.ended() {
			return fmt.Errorf("it ended: %w", proc.reason())
		}
		if sleep(ctx, 20*time.Millisecond) != nil {
			return err
		}
	}
}

func (p *postgres) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return pgx.Connect(ctx, p.url("postgres"))
}

func (p *postgres) ensureDatabase(ctx context.Context, conn *pgx.Conn) error {
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, database).Scan(&there); err != nil || there {
		return err
	}
	_, err := conn.Exec(ctx, `CREATE DATABASE `+database)
	return err
}

func (p *postgres) stop(ctx context.Context) error {
	if p.proc == nil {
		return nil
	}
	if p.noSync {
		return p.proc.stop(ctx, stopStep{syscall.SIGQUIT, 5 * time.Second})
	}
	// Fast: sessions are ended, what is committed is written. Then immediate:
	// the next start recovers it from the log.
	return p.proc.stop(ctx, stopStep{syscall.SIGINT, 6 * time.Second}, stopStep{syscall.SIGQUIT, 2 * time.Second})
}

// stopLeftoverPostgres ends the server of a process that was killed, and
// removes the pid file if its pid is now somebody else's: PostgreSQL would
// take that for a running server.
func stopLeftoverPostgres(ctx context.Context, dataDir string) error {
	path := filepath.Join(dataDir, "postmaster.pid")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain(path, err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err == nil && pid > 1 && alive(pid) {
		line := commandLine(ctx, pid)
		if strings.Contains(line, "postgres") && strings.Contains(line, dataDir) {
			return stopPID(ctx, pid, stopStep{syscall.SIGINT, 8 * time.Second}, stopStep{syscall.SIGQUIT, 3 * time.Second})
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain(path, err)
	}
	return nil
}

func freeBytes(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil // the types differ between systems
}
