package devstack

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// told returns a Revive that hands its sentences on.
func told() (func(string), <-chan string) {
	c := make(chan string, 16)
	return func(sentence string) { c <- sentence }, c
}

// await waits for a condition.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !ok() {
		if sleep(ctx, 10*time.Millisecond) != nil {
			t.Fatalf("never: %s", what)
		}
	}
}

// pids of the children, from their files: the stack's own fields belong to whoever keeps the children.
func pids(t *testing.T, dir string) (postgres, redis int) {
	t.Helper()
	at, err := placeOf(dir)
	if err != nil {
		t.Fatal(err)
	}
	return pidIn(t, filepath.Join(at.base, "postgres", "postmaster.pid")), pidIn(t, filepath.Join(dir, "redis", "redis.pid"))
}

func TestWhatSomebodyEndedComesBack(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	revive, sentences := told()
	s := start(t, Config{DataDir: dir, Revive: revive})
	exec1(t, s.DatabaseURL, `CREATE TABLE kept AS SELECT 1 AS x`)
	postgres, redis := pids(t, dir)
	for _, c := range []struct {
		pid    int
		signal syscall.Signal
		says   string
		back   func() bool
	}{
		{redis, syscall.SIGKILL, "Redis ended by itself (signal: killed): starting it again", func() bool { return pong(t, s.RedisURL) == nil }},
		{postgres, syscall.SIGQUIT, "PostgreSQL ended by itself (exit status 0): starting it again", func() bool {
			conn, err := s.pg.connect(t.Context())
			if err != nil {
				return false
			}
			_ = conn.Close(context.Background())
			return true
		}},
	} {
		if err := syscall.Kill(c.pid, c.signal); err != nil {
			t.Fatal(err)
		}
		if got := <-sentences; got != c.says {
			t.Errorf("said %q, want %q", got, c.says)
		}
		await(t, "it is back", c.back)
		if alive(c.pid) {
			t.Errorf("process %d is still there", c.pid)
		}
	}
	if n := count(t, s.DatabaseURL, "kept"); n != 1 {
		t.Errorf("found %d rows", n)
	}
	select {
	case err := <-s.Dead():
		t.Error(err)
	default:
	}
	stop(t, s)
	if pong(t, s.RedisURL) == nil {
		t.Error("a Redis is left")
	}
	if _, err := s.pg.connect(t.Context()); err == nil {
		t.Error("a PostgreSQL is left")
	}
}

// Only our own children end with us, so a postmaster that somebody started in the place of ours makes room.
func TestAPostgresStartedByHandMakesRoom(t *testing.T) {
	t.Parallel()
	ended, goOn := make(chan string), make(chan struct{})
	s := start(t, Config{DataDir: folder(t), NoSync: true, noRedis: true, Revive: func(sentence string) {
		ended <- sentence
		<-goOn
	}})
	ours := s.pg.proc.cmd.Process.Pid
	if err := syscall.Kill(ours, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-ended
	theirs := *s.pg
	err := theirs.start(t.Context())
	close(goOn)
	if err != nil {
		t.Fatal(err)
	}
	<-theirs.proc.done
	await(t, "ours is back", func() bool {
		conn, err := theirs.connect(t.Context())
		if err != nil {
			return false
		}
		_ = conn.Close(context.Background())
		return true
	})
	if pid := pidIn(t, filepath.Join(theirs.dataDir, "postmaster.pid")); pid == theirs.proc.cmd.Process.Pid || pid == ours {
		t.Errorf("process %d is not one of ours", pid)
	}
}

func TestStopWhileAChildComesBackLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	revive, sentences := told()
	s := start(t, Config{DataDir: dir, Revive: revive})
	postgres, redis := pids(t, dir)
	for _, pid := range []int{postgres, redis} {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-sentences
	}
	stop(t, s)
	if pong(t, s.RedisURL) == nil || !s.redis.proc.ended() || !s.pg.proc.ended() {
		t.Error("a child is left")
	}
	if _, err := s.pg.connect(t.Context()); err == nil {
		t.Error("a PostgreSQL is left")
	}
}

// What cannot come back ends all, with the reason.
func TestAChildThatCannotComeBackIsGivenUp(t *testing.T) {
	t.Parallel()
	ended, goOn := make(chan string), make(chan struct{})
	s := start(t, Config{DataDir: folder(t), DatabaseURL: "postgres://elsewhere", Revive: func(sentence string) {
		ended <- sentence
		<-goOn
	}})
	if err := syscall.Kill(s.redis.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-ended
	l, err := net.Listen("tcp", strings.TrimPrefix(s.RedisURL, "redis://")) //nolint:noctx // at once
	close(goOn)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nobody comes
	err = <-s.Dead()
	want := "port " + strconv.Itoa(s.redis.port) + " is taken"
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want %q", err, want)
	}
}
