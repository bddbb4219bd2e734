package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/devstack"
)

// dev is a running `fairqueue dev`.
type dev struct {
	t    *testing.T
	dir  string
	url  string
	cmd  *exec.Cmd
	said *said
	env  map[string]string // what it wrote for others
	done chan error
}

// said is what a process prints.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func startDev(t *testing.T, dir string) *dev {
	t.Helper()
	d := &dev{t: t, dir: dir, said: &said{}, done: make(chan error, 1)}
	addr := dbtest.FreeAddr(t)
	d.url = "http://" + addr
	d.cmd = command(t, "dev", "FAIRQUEUE_DATA_DIR="+dir, "FAIRQUEUE_ADDR="+addr, "PAYSTACK_SANDBOX_ADDR="+dbtest.FreeAddr(t), "FAIRQUEUE_GUARD=observe")
	d.cmd.Stdout, d.cmd.Stderr = d.said, d.said
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // the cleanup waits for it
		d.done <- d.cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-ended
		if t.Failed() {
			text := d.said.String()
			t.Logf("fairqueue dev said:\n%s", text[max(0, len(text)-6000):])
		}
	})
	d.until("dev is up", func() bool { return d.ready() && strings.Contains(d.said.String(), "Ctrl-C stops everything.") })
	var err error
	if d.env, err = devstack.ReadEnv(filepath.Join(dir, "env")); err != nil {
		t.Fatal(err)
	}
	return d
}

// until waits for a condition; generous, because a loaded machine is no failure.
func (d *dev) until(what string, ok func() bool) {
	d.t.Helper()
	end := time.NewTimer(90 * time.Second)
	defer end.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-end.C:
			d.t.Fatalf("never: %s", what)
		case err := <-d.done:
			d.t.Fatalf("dev ended (%v) before: %s", err, what)
		case <-look.C:
		}
	}
}

func (d *dev) ready() bool {
	res, err := http.Get(d.url + "/readyz")
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// line asks for, or about, a fan's place in the demo's line.
func (d *dev) line(method, bearer string) (status int, arrival float64) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.url+"/api/v1/events/harmattan-nights/queue", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatalf("the server does not answer: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	var place struct {
		Spot struct {
			Arrival float64 `json:"arrival"`
		} `json:"spot"`
	}
	if res.StatusCode < 300 {
		if err := json.Unmarshal(body, &place); err != nil || place.Spot.Arrival < 1 {
			d.t.Fatalf("%s: %d %s", method, res.StatusCode, body)
		}
	}
	return res.StatusCode, place.Spot.Arrival
}

// joins lets a fan ask for a place until there is one. While PostgreSQL is away the answer is 503 and nothing else.
func (d *dev) joins(bearer string) (arrival float64) {
	d.t.Helper()
	d.until("a place", func() bool {
		var status int
		status, arrival = d.line("POST", bearer)
		if status >= 300 && status != http.StatusServiceUnavailable {
			d.t.Fatalf("a join while something is away: %d", status)
		}
		return status < 300
	})
	return arrival
}

// fans makes accounts with the operator's command, which finds the running stack by itself.
func (d *dev) fans(n int) []string {
	d.t.Helper()
	out, err := command(d.t, "lab fans --count="+strconv.Itoa(n), "FAIRQUEUE_DATA_DIR="+d.dir).Output()
	if err != nil {
		d.t.Fatal(err)
	}
	var bearers []string
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var f struct {
			Token string `json:"token"`
		}
		if err := dec.Decode(&f); err != nil {
			d.t.Fatal(err)
		}
		bearers = append(bearers, f.Token)
	}
	return bearers
}

// postgresPID and redisPID are 0 while there is none.
func (d *dev) postgresPID() int { return pidIn(filepath.Join(d.dir, "postgres", "postmaster.pid")) }
func (d *dev) redisPID() int    { return pidIn(filepath.Join(d.dir, "redis", "redis.pid")) }

func pidIn(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return pid
}

// gone waits until none of the processes is left.
func gone(t *testing.T, pids ...int) {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for _, pid := range pids {
		for runs(pid) {
			if time.Now().After(end) {
				t.Fatalf("process %d is left", pid)
			}
			<-look.C
		}
	}
}

func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	// One that ended stays until its new parent asks for it, which in a container may be never.
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func (d *dev) kill(pid int, with syscall.Signal) {
	d.t.Helper()
	if pid <= 1 {
		d.t.Fatal("there is nobody to kill")
	}
	if err := syscall.Kill(pid, with); err != nil {
		d.t.Fatal(err)
	}
}

// Whoever ends the Redis or the PostgreSQL of dev sees both come back at the same address, with all that was
// acknowledged, under a server that went on. They still end with dev, in order or not.
func TestDevStartsAgainWhatSomebodyEnded(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL may run as another user
		t.Fatal(err)
	}
	for p := filepath.Dir(dir); p != os.TempDir() && p != "/"; p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o711); err != nil { //nolint:gosec // as above
			t.Fatal(err)
		}
	}
	d := startDev(t, dir)
	fans := d.fans(4)
	first := d.joins(fans[0])
	options, err := redis.ParseURL(d.env["REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	cache := redis.NewClient(options)
	t.Cleanup(func() { _ = cache.Close() })

	was := d.redisPID()
	_ = cache.ShutdownNoSave(t.Context()) // it does not answer any more
	d.until("Redis is back", func() bool { pid := d.redisPID(); return pid > 0 && pid != was && cache.Ping(t.Context()).Err() == nil })
	d.until("the server is ready", d.ready)
	second := d.joins(fans[1])
	if second <= first {
		t.Errorf("arrival %v came after %v", second, first)
	}

	was = d.postgresPID()
	d.kill(was, syscall.SIGQUIT)
	gone(t, was)
	third := d.joins(fans[2])
	if d.postgresPID() == was {
		t.Error("the pid file is the old one")
	}
	d.until("the server is ready", d.ready)
	for i, want := range []float64{first, second, third} {
		if status, got := d.line("GET", fans[i]); status != 200 || got != want {
			t.Errorf("fan %d: %d, arrival %v, was told %v", i, status, got, want)
		}
	}
	for _, name := range []string{"Redis", "PostgreSQL"} {
		if n := strings.Count(d.said.String(), name+" ended by itself ("); n != 1 {
			t.Errorf("dev spoke %d times of the end of %s", n, name)
		}
	}

	left := []int{d.redisPID(), d.postgresPID()}
	d.kill(d.cmd.Process.Pid, syscall.SIGINT)
	if err := <-d.done; err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
	gone(t, left...)

	d = startDev(t, dir)
	d.kill(d.redisPID(), syscall.SIGKILL)
	was = d.postgresPID()
	d.kill(was, syscall.SIGKILL)
	gone(t, was)
	fourth := d.joins(fans[3])
	if fourth <= third {
		t.Errorf("arrival %v came after %v", fourth, third)
	}
	if status, got := d.line("GET", fans[0]); status != 200 || got != first {
		t.Errorf("%d, arrival %v, was told %v", status, got, first)
	}
	d.until("Redis is back", func() bool { return cache.Ping(t.Context()).Err() == nil && runs(d.redisPID()) })
	left = []int{d.redisPID(), d.postgresPID()}
	d.kill(d.cmd.Process.Pid, syscall.SIGKILL)
	<-d.done
	if runtime.GOOS == "linux" { // elsewhere the next start ends them
		gone(t, left...)
	}
}
