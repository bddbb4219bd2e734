package payment_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"fairqueue/internal/db"
	"fairqueue/internal/payment"
)

// life is one life of a process. All that it says to its database and to the provider goes over wires that the test holds;
// it dies at one chosen message, sent or not, and nothing that its goroutines still do can reach anybody: to the world
// that is a SIGKILL at that point.
type life struct {
	wires []*wire
	// left counts the messages until death, 0: not at all; sent: the last one still arrives.
	left    atomic.Int64
	sent    atomic.Bool
	dead    chan struct{}
	die     func()
	pool    *pgxpool.Pool
	workers sync.WaitGroup
	end     func(patience time.Duration) error
}

// wire passes one kind of connections on.
type wire struct {
	*life
	to    func() (net.Conn, error)
	ln    net.Listener
	mu    sync.Mutex
	conns []net.Conn
	cut   bool
	group sync.WaitGroup
}

// live boots a process on wires.
func (s *shop) live() *life {
	s.Helper()
	l := &life{dead: make(chan struct{})}
	l.die = sync.OnceFunc(func() {
		s.door.Store(nil)
		close(l.dead)
		for _, w := range l.wires {
			w.sever()
		}
	})
	cfg, err := pgx.ParseConfig(s.dbURL)
	s.must(err)
	network, address := "tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))
	if strings.HasPrefix(cfg.Host, "/") {
		network, address = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", cfg.Host, cfg.Port)
	}
	base := l.wire(s, network, address)
	host, port, err := net.SplitHostPort(base)
	s.must(err)
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: net.JoinHostPort(host, port), Path: "/" + cfg.Database, RawQuery: "sslmode=disable"}
	l.pool, err = db.Open(context.Background(), db.Config{URL: u.String(), MaxConns: 10, AppName: "process"})
	s.must(err)
	bank, err := url.Parse(s.bank)
	s.must(err)
	l.end = s.boot(l.pool, "http://"+l.wire(s, "tcp", bank.Host), false)
	for range 2 {
		l.workers.Go(func() { l.work(s.Context(), s.payments) })
	}
	return l
}

// work is what a process has of River, which itself is slow to see that nobody can be reached: it takes the jobs of money
// one after the other, and says what became of them.
func (l *life) work(ctx context.Context, payments *payment.Service) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var id int64
		var kind string
		var args []byte
		err := l.pool.QueryRow(ctx, `UPDATE river_job SET state = 'running', attempt = attempt + 1, attempted_at = now() WHERE id = (
				SELECT id FROM river_job WHERE queue = $1 AND state = 'available' AND scheduled_at <= now() ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
			RETURNING id, kind, args`, payment.QueueMoney).Scan(&id, &kind, &args)
		if err == nil {
			err = payments.Work(ctx, kind, args)
			to := `UPDATE river_job SET state = 'completed', finalized_at = now() WHERE id = $1`
			if err != nil {
				to = `UPDATE river_job SET state = 'retryable', scheduled_at = now() + interval '5 seconds' WHERE id = $1`
			}
			_, _ = l.pool.Exec(ctx, to, id)
			continue
		}
		select {
		case <-tick.C:
		case <-l.dead:
			return
		}
	}
}

// bury ends what is left of a process in this one, and lets the times pass that others would wait for it: its leases, and
// what River waits before it takes over the jobs of the dead.
func (s *shop) bury(l *life) {
	s.Helper()
	l.die()
	for _, w := range l.wires {
		w.group.Wait()
	}
	l.workers.Wait()
	_ = l.end(5 * time.Second) // it is dead, and says so
	l.pool.Close()
	s.until("the database has noticed", func() bool {
		return s.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'process'`) == 0
	})
	s.sql(`UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'running'`)
	s.sql(`UPDATE payments SET opening_until = now() - interval '1 s' WHERE opening_until > now()`)
	s.sql(`UPDATE refunds SET requested_at = requested_at - interval '1 minute' WHERE status = 'requested'`)
}

func (l *life) isDead() bool {
	select {
	case <-l.dead:
		return true
	default:
		return false
	}
}

// dieAt lets the process die at its n-th message from now on.
func (l *life) dieAt(n int, sent bool) {
	l.sent.Store(sent)
	l.left.Store(int64(n))
}

// message is what a wire asks for each one: whether it goes on.
func (l *life) message() (pass, last bool) {
	for {
		n := l.left.Load()
		if n == 0 {
			return true, false
		}
		if l.left.CompareAndSwap(n, n-1) {
			return n > 1 || l.sent.Load(), n == 1
		}
	}
}

// wire listens for the process's connections to an address, and returns where.
func (l *life) wire(s *shop, network, address string) string {
	s.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	w := &wire{life: l, ln: ln, to: func() (net.Conn, error) { return net.DialTimeout(network, address, 5*time.Second) }}
	l.wires = append(l.wires, w)
	w.group.Go(w.accept)
	s.Cleanup(w.sever)
	return ln.Addr().String()
}

func (w *wire) accept() {
	for {
		near, err := w.ln.Accept()
		if err != nil {
			return
		}
		far, err := w.to()
		if err != nil || !w.keep(near, far) {
			_ = near.Close()
			continue
		}
		w.group.Go(func() { w.talk(near, far) })
		w.group.Go(func() { pump(far, near, nil) })
	}
}

func (w *wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		for _, c := range conns {
			_ = c.Close()
		}
		return false
	}
	w.conns = append(w.conns, conns...)
	return true
}

var errDead = errors.New("the process is dead")

// talk passes on what the process says.
func (w *wire) talk(near, far net.Conn) {
	pump(near, far, func(b []byte) error {
		pass, last := w.message()
		if pass {
			if _, err := far.Write(b); err != nil {
				return err
			}
		}
		if last {
			w.die()
			return errDead
		}
		return nil
	})
}

// pump passes bytes from one to the other until either ends.
func pump(from, to net.Conn, say func([]byte) error) {
	if say == nil {
		say = func(b []byte) error { _, err := to.Write(b); return err }
	}
	defer from.Close()
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && say(b[:n]) != nil || err != nil {
			return
		}
	}
}

// sever ends everything at once.
func (w *wire) sever() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	_ = w.ln.Close()
	for _, c := range w.conns {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
}
