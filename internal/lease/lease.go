package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/leasedb"
	"fairqueue/internal/fault"
)

// ErrLost says that this process does not hold the lease. A step that meets it
// rolls back.
var ErrLost = fault.New(fault.Unavailable, "lease_lost", "Another server is at work on this. Try again in a moment.")

// Config names a lease and who wants it. Name, Holder and DB are required.
type Config struct {
	DB   db.Conn
	Name string
	// Holder names this process and nobody else, also not the one before it.
	Holder string
	// TTL is how long a lease lasts without renewal; 0: 5 s.
	TTL time.Duration
	// Renew is the time between renewals, and between the tries of a follower; 0: 1 s.
	Renew time.Duration
	// Interval is the time between steps; 0: 1 s.
	Interval time.Duration
	// Logger hears of changes and failed steps; nil: nobody does.
	Logger *slog.Logger
}

// Step is one bounded piece of a leader's work. It calls check in the
// transaction in which it writes. Its context ends when the lease is lost.
type Step func(ctx context.Context, check func(context.Context, pgx.Tx) error) error

// Leader leads whenever nobody else does.
type Leader struct {
	cfg Config
	q   leasedb.Queries

	mu     sync.Mutex
	ctx    context.Context // of the present term; nil while following
	cancel context.CancelFunc
	expiry *time.Timer
}

// New returns a leader that does nothing until Run.
func New(cfg Config) *Leader {
	if cfg.TTL <= 0 {
		cfg.TTL = 5 * time.Second
	}
	if cfg.Renew <= 0 {
		cfg.Renew = time.Second
	}
	if cfg.Interval <= 0 {
		cfg.Interval = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Logger = cfg.Logger.With("lease", cfg.Name, "holder", cfg.Holder)
	return &Leader{cfg: cfg}
}

// Run renews the lease and runs step each Interval while this process leads.
// It returns after ctx ended, the last step too, and the lease was given back.
func (l *Leader) Run(ctx context.Context, step Step) {
	gained := make(chan struct{}, 1)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		tick := time.NewTicker(l.cfg.Renew)
		defer tick.Stop()
		for {
			if l.renew(ctx) {
				select {
				case gained <- struct{}{}:
				default:
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})

	tick := time.NewTicker(l.cfg.Interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-gained:
			l.step(ctx, step)
		case <-tick.C:
			l.step(ctx, step)
		}
	}
	renewing.Wait()
	l.resign(ctx)
}

// RunOnce tries to lead and, if it does, runs one step. Tests call it.
func (l *Leader) RunOnce(ctx context.Context, step Step) (led bool, err error) {
	if _, err := l.take(ctx); err != nil {
		return false, err
	}
	term := l.term()
	if term == nil {
		return false, nil
	}
	return true, step(term, l.check)
}

// Leading reports whether this process believes that it leads. It decides
// nothing; only a check inside a transaction does.
func (l *Leader) Leading() bool { return l.term() != nil }

// Resign gives the lease back.
func (l *Leader) Resign(ctx context.Context) error {
	l.end(nil)
	if err := l.q.ResignLease(ctx, l.cfg.DB, l.cfg.Name, l.cfg.Holder); err != nil {
		return db.Fault(fmt.Errorf("lease.Resign: %w", err))
	}
	return nil
}

// Check returns ErrLost unless holder leads at this moment of the database's
// clock. It belongs into the transaction of the step that it protects.
func Check(ctx context.Context, tx db.Conn, name, holder string) error {
	var q leasedb.Queries
	held, err := q.CheckLease(ctx, tx, name, holder)
	if err != nil {
		return db.Fault(fmt.Errorf("lease.Check: %w", err))
	}
	if !held {
		return ErrLost
	}
	return nil
}

func (l *Leader) check(ctx context.Context, tx pgx.Tx) error {
	err := Check(ctx, tx, l.cfg.Name, l.cfg.Holder)
	if errors.Is(err, ErrLost) {
		l.end(err)
	}
	return err
}

func (l *Leader) step(ctx context.Context, step Step) {
	term := l.term()
	if term == nil {
		return
	}
	// The step ends with the term, and with the process.
	stepCtx, cancel := context.WithCancel(term)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	if err := step(stepCtx, l.check); err != nil && stepCtx.Err() == nil {
		l.cfg.Logger.WarnContext(ctx, "step failed", "error", err)
	}
}

// renew takes or keeps the lease and reports whether it was gained now.
func (l *Leader) renew(ctx context.Context) (gained bool) {
	// An answer later than this is worth nothing: the next try is due.
	ctx, cancel := context.WithTimeout(ctx, l.cfg.TTL/2)
	defer cancel()
	gained, err := l.take(ctx)
	if err != nil && ctx.Err() == nil {
		// The term goes on until its time is up: it may be a short outage.
		l.cfg.Logger.WarnContext(ctx, "lease not renewed", "error", err)
	}
	return gained
}

func (l *Leader) take(ctx context.Context) (gained bool, err error) {
	// Counted from before the question, so that the local end is never later
	// than the database's.
	asked := time.Now()
	rows, err := l.q.TakeLease(ctx, l.cfg.DB, l.cfg.Name, l.cfg.Holder, l.cfg.TTL.Seconds())
	if err != nil {
		return false, db.Fault(fmt.Errorf("lease.take: %w", err))
	}
	if rows == 0 {
		l.end(ErrLost)
		return false, nil
	}
	return l.begin(time.Until(asked.Add(l.cfg.TTL))), nil
}

// begin starts a term, or makes the present one last longer.
func (l *Leader) begin(left time.Duration) (gained bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx != nil && l.ctx.Err() == nil {
		l.expiry.Reset(left)
		return false
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.expiry = time.AfterFunc(left, l.cancel)
	l.cfg.Logger.Info("leading")
	return true
}

func (l *Leader) end(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		return
	}
	l.expiry.Stop()
	l.cancel()
	l.ctx = nil
	l.cfg.Logger.Info("no longer leading", "why", why)
}

func (l *Leader) term() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil || l.ctx.Err() != nil {
		return nil
	}
	return l.ctx
}

func (l *Leader) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := l.Resign(ctx); err != nil {
		l.cfg.Logger.WarnContext(ctx, "lease not given back; it ends by itself", "error", err)
	}
}
