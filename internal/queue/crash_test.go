package queue_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/devstack"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// PostgreSQL is killed in the middle of a rush, as a power cut would: whoever was told of a place has it afterwards,
// with the same arrival; whoever was not told finds one by trying again; there is no gap.
func TestNoAcknowledgedPlaceIsLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // the server runs as another user
		t.Fatal(err)
	}
	start := func() (*devstack.Stack, *pgxpool.Pool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		stack, err := devstack.Start(ctx, devstack.Config{DataDir: dir, RedisURL: "redis://127.0.0.1:1"}) // durable
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			_ = stack.Stop(ctx) // one of the two was killed
		})
		pool, err := db.Open(ctx, db.Config{URL: stack.DatabaseURL, MaxConns: 8, AppName: "test"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return stack, pool
	}
	stack, pool := start()
	if err := db.Migrate(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	l := newLine(t, pool, nil)
	other := newService(t, pool, l.sales)
	fans := l.fans(dbtest.Size(4000, 40_000))
	snap := l.snap()

	var mu sync.Mutex
	told := map[uuid.UUID]queue.View{}
	var next, enough atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 {
		s := []*queue.Service{l.queue, other}[i%2]
		wg.Go(func() {
			for enough.Load() == 0 {
				n := next.Add(1)
				if n > int64(len(fans)) {
					return
				}
				v, _, err := s.Join(t.Context(), snap, fans[n-1])
				if err != nil {
					return
				}
				mu.Lock()
				told[fans[n-1]] = v
				if len(told) == len(fans)/4 {
					kill(t, pool)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case err := <-stack.Dead():
		t.Log(err)
	case <-time.After(time.Minute):
		t.Error("PostgreSQL was not killed")
	}
	enough.Store(1)
	wg.Wait()
	if len(told) >= len(fans) {
		t.Fatal("everybody was told before it was killed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_ = stack.Stop(ctx) // gives the folder free

	_, pool = start()
	l.db, l.sales = pool, sale.New(sale.Config{DB: pool})
	l.queue = newService(t, pool, l.sales)
	for fan, was := range told {
		if is := l.status(fan); is.SpotID != was.SpotID || is.Arrival != was.Arrival {
			t.Fatalf("told arrival %d, found %d", was.Arrival, is.Arrival)
		}
	}
	asked := min(next.Load(), int64(len(fans)))
	rush(t, l, []*queue.Service{l.queue}, fans[:asked], 1)
	if n := l.gaps(); n != 0 {
		t.Errorf("%d gaps", n)
	}
	if n := l.int(`SELECT count(*) FROM spots WHERE event_id = $1`, l.event); n != asked {
		t.Errorf("%d spots for %d fans", n, asked)
	}
}

// kill ends PostgreSQL at once: nothing is written that was not on disk before.
func kill(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	var file string
	if err := pool.QueryRow(t.Context(), `SELECT pg_read_file('postmaster.pid')`).Scan(&file); err != nil {
		t.Error(err)
		return
	}
	line, _, _ := strings.Cut(file, "\n")
	pid, err := strconv.Atoi(line)
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGQUIT)
	}
	if err != nil {
		t.Error(err)
	}
}
