package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a child that ends with us.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it ended
	err  error         // of Wait; read after done
}

// launch starts cmd as o. last is what the kernel sends it should we be killed.
func launch(name string, cmd *exec.Cmd, o *owner, last syscall.Signal) (*process, error) {
	cmd.SysProcAttr = sysProcAttr(last)
	cmd.SysProcAttr.Setpgid = true // Ctrl-C is for us alone
	cmd.SysProcAttr.Credential = o.credential()
	cmd.Dir = "/"
	cmd.Env = childEnv()
	p := &process{name: name, cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel's signal is tied to the thread that starts the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		if errors.Is(err, syscall.EPERM) && o != nil {
			return nil, fmt.Errorf("%s must not run as root, and this machine does not let root change to the user %s: run as an ordinary user", name, o.name)
		}
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

func (p *process) reason() error {
	if p.err != nil {
		return p.err
	}
	return errors.New("exit status 0")
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop sends each signal in turn until the process ends, giving each the time
// beside it, and kills its whole group when all is in vain or ctx ends.
func (p *process) stop(ctx context.Context, steps ...stopStep) error {
	for _, s := range steps {
		_ = p.cmd.Process.Signal(s.signal) // it may have ended by now
		t := time.NewTimer(s.wait)
		select {
		case <-p.done:
			t.Stop()
			return nil
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	select {
	case <-p.done:
		return nil
	case <-time.After(time.Second):
		return fmt.Errorf("%s (process %d) could not be stopped", p.name, p.cmd.Process.Pid)
	}
}

type stopStep struct {
	signal syscall.Signal
	wait   time.Duration
}

// childEnv is little, so that PGDATA, PGPORT and the like of the person at the
// terminal change nothing, and messages are in English for explainOutput.
func childEnv() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "LANG=C", "TZ=UTC", "HOME=/", "TMPDIR=/tmp"}
}

// stopPID ends a process that is not our child.
func stopPID(ctx context.Context, pid int, steps ...stopStep) error {
	for _, s := range append(steps, stopStep{syscall.SIGKILL, 2 * time.Second}) {
		if err := syscall.Kill(pid, s.signal); err != nil {
			if errors.Is(err, syscall.ESRCH) {
				return nil
			}
			return fmt.Errorf("process %d of an earlier start cannot be stopped: %w", pid, err)
		}
		for end := time.Now().Add(s.wait); time.Now().Before(end); {
			if !alive(pid) {
				return nil
			}
			if err := sleep(ctx, 20*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("process %d of an earlier start does not end", pid)
}

// alive reports whether a process runs; one that ended and was not waited for
// by its parent does not.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return errors.Is(err, syscall.EPERM)
	}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return true // no /proc here
	}
	_, after, ok := strings.Cut(string(b), ") ")
	return !ok || !strings.HasPrefix(after, "Z")
}

// commandLine is what a process was started with, or calls itself.
func commandLine(ctx context.Context, pid int) string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err == nil {
		return strings.ReplaceAll(string(b), "\x00", " ")
	}
	out, err := exec.CommandContext(ctx, "ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return string(out)
}
