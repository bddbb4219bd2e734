package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lock is the right to use a data folder. The kernel takes it back when the
// process ends, however it ends.
type lock struct{ f *os.File }

var errLocked = errors.New("locked")

// tryLock takes the lock or returns errLocked.
func tryLock(dir string) (*lock, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, explain(dir, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		l := &lock{f}
		if err := l.write(strconv.Itoa(os.Getpid()) + "\n"); err != nil {
			_ = l.release()
			return nil, explain(dir, err)
		}
		return l, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errLocked
	}
	return nil, explain(dir, err)
}

// acquire takes the lock, waiting only for a holder that is about to end.
func acquire(ctx context.Context, dir string) (*lock, error) {
	deadline := time.Now().Add(stopTimeout + 3*time.Second)
	for {
		l, err := tryLock(dir)
		if !errors.Is(err, errLocked) {
			return l, err
		}
		pid, stopping := holder(dir)
		if !stopping || time.Now().After(deadline) {
			return nil, fmt.Errorf("FairQueue is running already on %s (process %d): stop it first, or set FAIRQUEUE_DATA_DIR to another folder", dir, pid)
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// evict takes the lock and tells its holder to stop if there is one.
func evict(ctx context.Context, dir string) (*lock, error) {
	l, err := tryLock(dir)
	if !errors.Is(err, errLocked) {
		return l, err
	}
	pid, _ := holder(dir)
	if pid <= 1 {
		return nil, fmt.Errorf("another process uses %s and does not say which: stop it first", dir)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return nil, fmt.Errorf("process %d uses %s and cannot be stopped from here: %w", pid, dir, err)
	}
	for deadline := time.Now().Add(stopTimeout + 6*time.Second); time.Now().Before(deadline); {
		if l, err := tryLock(dir); !errors.Is(err, errLocked) {
			return l, err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("process %d still uses %s: stop it first", pid, dir)
}

func holder(dir string) (pid int, stopping bool) {
	b, err := os.ReadFile(filepath.Join(dir, "lock"))
	if err != nil {
		return 0, false
	}
	first, rest, _ := strings.Cut(string(b), "\n")
	pid, _ = strconv.Atoi(first)
	return pid, strings.HasPrefix(rest, "stopping")
}

func (l *lock) write(s string) error {
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(s), 0)
	return err
}

// stopping tells whoever wants the folder that waiting is worth it.
func (l *lock) stopping() {
	_ = l.write(strconv.Itoa(os.Getpid()) + "\nstopping\n") // only a courtesy
}

func (l *lock) release() error { return l.f.Close() }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
