package devstack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

const tempPattern = "fairqueue-test-"

// StartTemp starts a PostgreSQL for tests in a temporary folder. Without
// durability it is faster; measurements want it. Stop removes the folder; what
// killed processes left is removed by the next StartTemp.
func StartTemp(ctx context.Context, durable bool) (*Stack, error) {
	sweepTemp(ctx)
	dir, err := os.MkdirTemp("", tempPattern)
	if err != nil {
		return nil, explain(os.TempDir(), err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, explain(dir, err)
	}
	s, err := Start(ctx, Config{DataDir: dir, NoSync: !durable, noRedis: true})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.temp = true
	return s, nil
}

// sweepTemp removes folders whose lock nobody holds. Young ones are left: they
// may be about to be locked. Failures do not matter, the next run tries again.
func sweepTemp(ctx context.Context) {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), tempPattern+"*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		fi, err := os.Lstat(dir)
		if err != nil || !fi.IsDir() || time.Since(fi.ModTime()) < time.Minute {
			continue
		}
		l, err := tryLock(dir)
		if err != nil {
			continue
		}
		_ = stopLeftovers(ctx, dir)
		_ = removeFar(dir)
		_ = os.RemoveAll(dir)
		_ = l.release()
	}
}
