package devstack

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// helperDir, when set, turns the test binary into a process that runs a stack
// there until it is killed.
const helperDir = "FAIRQUEUE_TEST_DEVSTACK_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(helper(dir))
	}
	goleak.VerifyTestMain(m)
}

func helper(dir string) int {
	s, err := Start(context.Background(), Config{DataDir: dir})
	if err != nil {
		fmt.Println("ERROR", err)
		return 1
	}
	fmt.Println("READY", s.DatabaseURL, s.RedisURL)
	select {}
}

// folder is a data folder that PostgreSQL's user may enter also when we are root.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	t.Cleanup(func() {
		if err := removeFar(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func start(t *testing.T, cfg Config) *Stack {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Stack) {
	t.Helper()
	begun := time.Now()
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if d := time.Since(begun); d > 10*time.Second {
		t.Errorf("stopping took %v", d)
	}
}

func exec1(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // the test is over
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, url, table string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // the test is over
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func pong(t *testing.T, url string) error {
	t.Helper()
	opt, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	opt.DialerRetries, opt.MaxRetries = 1, -1
	c := redis.NewClient(opt)
	defer c.Close() //nolint:errcheck // the test is over
	return c.Ping(t.Context()).Err()
}

func TestASecondStartKeepsTheDataAndTheAddresses(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := start(t, Config{DataDir: dir})
	exec1(t, first.DatabaseURL, `CREATE TABLE kept AS SELECT 1 AS x`)
	if err := pong(t, first.RedisURL); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Config{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "is running already on") {
		t.Fatalf("a start beside a running one: %v", err)
	}
	pids := []int{first.pg.proc.cmd.Process.Pid, first.redis.proc.cmd.Process.Pid}
	stop(t, first)
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	second := start(t, Config{DataDir: dir})
	if second.DatabaseURL != first.DatabaseURL || second.RedisURL != first.RedisURL {
		t.Errorf("other addresses: %s %s, then %s %s", first.DatabaseURL, first.RedisURL, second.DatabaseURL, second.RedisURL)
	}
	if n := count(t, second.DatabaseURL, "kept"); n != 1 {
		t.Errorf("found %d rows", n)
	}
	var fsync string
	conn, err := pgx.Connect(t.Context(), second.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // the test is over
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		if err := conn.QueryRow(t.Context(), `SELECT current_setting($1)`, name).Scan(&fsync); err != nil || fsync != "on" {
			t.Errorf("%s is %q, %v", name, fsync, err)
		}
	}
}

func TestAKilledProcessLeavesNothingAndTheNextStartRecovers(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	cmd := exec.Command(os.Args[0]) //nolint:noctx // this test binary; killed below
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(line)
	if len(words) != 3 || words[0] != "READY" {
		t.Fatal(line)
	}
	exec1(t, words[1], `CREATE TABLE kept AS SELECT 1 AS x`)
	pids := []int{pidIn(t, filepath.Join(dir, "redis", "redis.pid"))}
	at, err := placeOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	pids = append(pids, pidIn(t, filepath.Join(at.base, "postgres", "postmaster.pid")))

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()

	s := start(t, Config{DataDir: dir})
	if n := count(t, s.DatabaseURL, "kept"); n != 1 {
		t.Errorf("found %d rows", n)
	}
	for _, pid := range pids {
		if alive(pid) && pid != s.pg.proc.cmd.Process.Pid && pid != s.redis.proc.cmd.Process.Pid {
			t.Errorf("process %d of the killed one is left", pid)
		}
	}
}

func pidIn(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestACrashWhileTheClusterIsMadeRecovers(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	at, err := placeOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := at.makeBase(dir); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(at.base, "postgres.new")
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, Config{DataDir: dir, NoSync: true, noRedis: true})
	exec1(t, s.DatabaseURL, `SELECT 1`)
}

func TestAStalePidFileIsNotTakenForAServer(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, Config{DataDir: dir, NoSync: true, noRedis: true})
	path := filepath.Join(s.pg.dataDir, "postmaster.pid")
	stop(t, s)
	// Our own pid is alive, and no PostgreSQL.
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, Config{DataDir: dir, NoSync: true, noRedis: true})
}

func TestADeadChildIsReported(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: folder(t), NoSync: true})
	for _, p := range []*process{s.redis.proc, s.pg.proc} {
		if err := syscall.Kill(p.cmd.Process.Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := <-s.Dead(); err == nil || !strings.Contains(err.Error(), p.name+" ended by itself") {
			t.Errorf("got %v", err)
		}
	}
}

func TestALongPathGetsAShortSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("a long name & 'quotes' ", 5))
	t.Cleanup(func() { _ = removeFar(dir) })
	s := start(t, Config{DataDir: dir, NoSync: true, noRedis: true})
	if len(s.pg.socketFile()) > socketMax {
		t.Errorf("the socket is %s", s.pg.socketFile())
	}
	exec1(t, s.DatabaseURL, `SELECT 1`)
	psql, err := exec.Command(filepath.Join(s.pg.bin.dir, "psql"), "-At", "-c", "SELECT 40 + 2", s.DatabaseURL).CombinedOutput() //nolint:noctx // ends by itself
	if err != nil || strings.TrimSpace(string(psql)) != "42" {
		t.Errorf("psql: %s %v", psql, err)
	}
}

func TestResetWipesAndStops(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, Config{DataDir: dir, NoSync: true, noRedis: true})
	stop(t, s)
	if err := Reset(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error("the folder is still there:", err)
	}
	if err := Reset(t.Context(), dir); err != nil {
		t.Error("a second reset:", err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Reset(t.Context(), other); err == nil {
		t.Error("a folder that is not ours was wiped")
	}
}

func TestWhatIsMissingIsOneSentence(t *testing.T) {
	t.Parallel()
	fake := func(version string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "initdb"), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "postgres"), []byte("#!/bin/sh\necho 'postgres (PostgreSQL) "+version+"'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	made := folder(t)
	s := start(t, Config{DataDir: made, NoSync: true, noRedis: true})
	major := s.pg.bin.major
	stop(t, s)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"none", Config{DataDir: folder(t), binDirs: []string{}}, "PostgreSQL is not installed: install version 15 or newer"},
		{"old", Config{DataDir: folder(t), binDirs: []string{fake("13.4")}}, "PostgreSQL 13 is too old: install version 15 or newer"},
		{"of another version", Config{DataDir: made, binDirs: []string{fake("99.1")}}, fmt.Sprintf("the data was made by PostgreSQL %d, and this machine has 99", major)},
		{"a file in the way", Config{DataDir: file}, "is not a folder"},
	} {
		_, err := Start(t.Context(), c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	for text, want := range map[string]string{
		`FATAL:  could not write lock file "postmaster.pid": No space left on device`: "is full",
		`FATAL:  could not open file "x": Read-only file system`:                      "is read-only",
		"2026-01-01 UTC [7] FATAL:  the sky fell":                                     "did not start: the sky fell (its output is in /log)",
	} {
		if err := explainOutput("PostgreSQL", "/data", "/log", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestRedisComesBackAtItsAddress(t *testing.T) {
	t.Parallel()
	for _, inProcess := range []bool{false, true} {
		r, err := StartRedis(t.Context(), RedisConfig{Dir: t.TempDir(), inProcess: inProcess})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Stop(context.Background()) })
		if err := pong(t, r.URL); err != nil {
			t.Error(err)
		}
		if err := r.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if err := pong(t, r.URL); err == nil {
			t.Error("a stopped Redis answers")
		}
		if err := r.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := pong(t, r.URL); err != nil {
			t.Error(err)
		}
	}
}

func TestEnvFileIsReadBackAndBySh(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "env")
	vars := [][2]string{
		{"A", "postgres://u@:5432/d?host=/a/b%20c"},
		{"B", "postgres://u@h/d?a=1&b=it's $HOME"},
		{"C", ""},
		{"D", "~:~"},
	}
	if err := WriteEnv(path, vars); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	got, err := ReadEnv(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vars {
		if got[v[0]] != v[1] {
			t.Errorf("%s: read %q, want %q", v[0], got[v[0]], v[1])
		}
		out, err := exec.Command("sh", "-c", `set -a; . "$1"; printenv "$2" || true`, "sh", path, v[0]).Output() //nolint:noctx // ends by itself
		if err != nil || strings.TrimSuffix(string(out), "\n") != v[1] {
			t.Errorf("%s: sh has %q, want %q (%v)", v[0], out, v[1], err)
		}
	}
	if !strings.HasPrefix(string(mustRead(t, path)), "A=postgres://u@:5432/d?host=/a/b%20c\n") {
		t.Error("a plain value is quoted")
	}
	if _, err := ReadEnv(path + ".none"); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
