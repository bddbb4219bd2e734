package devstack

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// RedisConfig says where a Redis keeps its port and its output.
type RedisConfig struct {
	// Dir is made if it is not there; required.
	Dir string

	// inProcess takes miniredis even where there is a redis-server.
	inProcess bool
}

// Redis is a Redis that keeps nothing on disk, on a port of its own on the
// loopback interface.
type Redis struct {
	// URL stays the same over Stop and Start.
	URL string

	cfg  RedisConfig
	bin  string
	port int
	proc *process
	mini *miniredis.Miniredis
}

// StartRedis starts the machine's redis-server, else one in this process.
func StartRedis(ctx context.Context, cfg RedisConfig) (*Redis, error) {
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, explain(cfg.Dir, err)
	}
	if err := stopLeftoverRedis(ctx, cfg.Dir); err != nil {
		return nil, err
	}
	r := &Redis{cfg: cfg}
	if bin, err := exec.LookPath("redis-server"); err == nil && !cfg.inProcess {
		r.bin = bin
	}
	port := rememberedPort(ctx, cfg.Dir)
	for try := 0; ; try++ {
		if port == 0 {
			var err error
			if port, err = FreePort(ctx); err != nil {
				return nil, fmt.Errorf("Redis: %w", err)
			}
		}
		r.port, r.URL = port, fmt.Sprintf("redis://127.0.0.1:%d", port)
		err := r.Start(ctx)
		if err == nil {
			break
		}
		if try == 4 || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
		port = 0
	}
	if err := os.WriteFile(filepath.Join(cfg.Dir, "port"), []byte(strconv.Itoa(port)+"\n"), 0o600); err != nil {
		return nil, errors.Join(explain(cfg.Dir, err), r.Stop(context.WithoutCancel(ctx)))
	}
	return r, nil
}

// InProcess reports whether there is no redis-server behind it.
func (r *Redis) InProcess() bool { return r.bin == "" }

// PID is its process, 0 without one.
func (r *Redis) PID() int {
	if r.proc == nil {
		return 0
	}
	return r.proc.cmd.Process.Pid
}

// Start starts it again after Stop, empty, at the same address.
func (r *Redis) Start(ctx context.Context) error {
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port))
	if r.InProcess() {
		m := miniredis.NewMiniRedis()
		if err := m.StartAddr(addr); err != nil {
			return fmt.Errorf("Redis did not start: %w", err)
		}
		r.mini = m
		return nil
	}
	log := filepath.Join(r.cfg.Dir, "redis.log")
	f, before, err := openLog(log)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only written to by the child
	// Root is given up: whoever reaches the port could make it write files.
	var o *owner
	if os.Geteuid() == 0 {
		if o, err = unprivileged(); err != nil {
			return err
		}
	}
	cmd := exec.Command(r.bin, "--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--protected-mode", "yes", //nolint:noctx // ended by Stop
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning", "--dir", "/tmp")
	cmd.Stdout, cmd.Stderr = f, f
	proc, err := launch("Redis", cmd, o, syscall.SIGTERM)
	if err != nil {
		return err
	}
	r.proc = proc
	if err := r.ready(ctx, addr, proc); err != nil {
		err = errors.Join(err, r.Stop(context.WithoutCancel(ctx)))
		out := newOutput(log, before)
		if strings.Contains(out, "Address already in use") {
			return fmt.Errorf("port %d is taken: %w", r.port, syscall.EADDRINUSE)
		}
		if ctx.Err() == nil && out != "" {
			return explainOutput("Redis", r.cfg.Dir, log, out)
		}
		return err
	}
	if err := os.WriteFile(filepath.Join(r.cfg.Dir, "redis.pid"), []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600); err != nil {
		return errors.Join(explain(r.cfg.Dir, err), r.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

// ready waits until the process that we started, and no other on its port, answers.
func (r *Redis) ready(ctx context.Context, addr string, proc *process) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		if pid, err := askPID(ctx, addr); err == nil && pid == proc.cmd.Process.Pid {
			return nil
		}
		if proc.ended() {
			return fmt.Errorf("Redis ended: %w", proc.reason())
		}
		if sleep(ctx, 5*time.Millisecond) != nil {
			return fmt.Errorf("Redis did not answer on %s", addr)
		}
	}
}

// askPID asks a Redis for its process id. By hand: go-redis pauses for a second
// once a port was closed.
func askPID(ctx context.Context, addr string) (int, error) {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return 0, err
	}
	if _, err := conn.Write([]byte("INFO server\r\n")); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if pid, ok := strings.CutPrefix(lines.Text(), "process_id:"); ok {
			return strconv.Atoi(pid)
		}
	}
	return 0, errors.Join(lines.Err(), errors.New("no answer of a Redis"))
}

// Stop ends it. What it held is gone.
func (r *Redis) Stop(ctx context.Context) error {
	if r.mini != nil {
		r.mini.Close()
		r.mini = nil
		return nil
	}
	if r.proc == nil {
		return nil
	}
	err := r.proc.stop(ctx, stopStep{syscall.SIGTERM, 3 * time.Second})
	_ = os.Remove(filepath.Join(r.cfg.Dir, "redis.pid")) // a stale one is recognised
	return err
}

func rememberedPort(ctx context.Context, dir string) int {
	b, err := os.ReadFile(filepath.Join(dir, "port"))
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || port < 1024 || port > 65535 {
		return 0
	}
	if !portFree(ctx, port) {
		return 0
	}
	return port
}

// stopLeftoverRedis ends the Redis of a process that was killed.
func stopLeftoverRedis(ctx context.Context, dir string) error {
	path := filepath.Join(dir, "redis.pid")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain(path, err)
	}
	port, _ := os.ReadFile(filepath.Join(dir, "port"))
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err == nil && pid > 1 && alive(pid) {
		line := commandLine(ctx, pid)
		if strings.Contains(line, "redis-server") && strings.Contains(line, strings.TrimSpace(string(port))) {
			if err := stopPID(ctx, pid, stopStep{syscall.SIGTERM, 3 * time.Second}); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain(path, err)
	}
	return nil
}
