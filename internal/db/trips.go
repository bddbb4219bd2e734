package db

import (
	"context"
	"errors"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// acquirer is a pool.
type acquirer interface {
	Acquire(ctx context.Context) (*pgxpool.Conn, error)
}

// InTrips is InTx in as few round trips as fn asks questions: BEGIN goes with the first, and what waits after the last
// goes with COMMIT. It is not tried again.
func InTrips(ctx context.Context, c Conn, fn func(p *Pipe) error) error {
	pool, ok := c.(acquirer)
	if !ok { // inside a transaction
		return Fault(once(ctx, c, func(tx pgx.Tx) error {
			p := NewPipe(tx)
			if err := fn(p); err != nil {
				return err
			}
			return p.Flush(ctx)
		}))
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return Fault(err)
	}
	return Fault(inTrips(ctx, conn, fn))
}

func inTrips(ctx context.Context, conn *pgxpool.Conn, fn func(p *Pipe) error) error {
	// A connection that is given back in the middle of a transaction is closed.
	defer conn.Release()
	p := NewPipe(bare{c: conn.Conn()})
	p.batch.Queue("begin isolation level read committed")
	done := false
	// Also when fn panics or ends the goroutine.
	defer func() {
		if done || conn.Conn().IsClosed() || conn.Conn().PgConn().TxStatus() == 'I' {
			return
		}
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		_, _ = conn.Exec(end, "rollback") // the first error is the one to tell
	}()
	if err := fn(p); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if conn.Conn().IsClosed() {
		return pgconn.ErrConnClosed // before COMMIT: the server rolls back
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	p.batch.Queue("commit")
	err := p.Flush(end)
	done = err == nil
	if err == nil || decided(err) {
		return err
	}
	return unknownOutcome(err)
}

// bare is a transaction whose BEGIN and COMMIT are statements like all others.
type bare struct {
	pgx.Tx
	c *pgx.Conn
}

func (b bare) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return b.c.Query(ctx, sql, args...)
}

func (b bare) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	return b.c.SendBatch(ctx, batch)
}

func (b bare) Conn() *pgx.Conn { return b.c }

// Together asks several questions in one round trip, with what waits: each function asks one, as the last of its
// statements. They are asked, and their answers read, in order; a function sees nothing of the answers of others.
func (p *Pipe) Together(ctx context.Context, asks ...func(tx pgx.Tx) error) error {
	t := &together{p: p}
	defer func() {
		for _, q := range t.open {
			q.stop()
		}
	}()
	for _, ask := range asks {
		q := &asked{Tx: p.Tx, t: t, at: -1}
		var next func() (error, bool)
		next, q.stop = iter.Pull(func(yield func(error) bool) {
			q.yield = yield
			err := ask(q)
			q.over = true
			yield(err)
		})
		q.next = func() error { err, _ := next(); return err }
		t.open = append(t.open, q)
		if err := q.next(); err != nil {
			return err
		}
	}
	if p.batch.Len() == 0 {
		return nil
	}
	batch := *p.batch
	*p.batch = pgx.Batch{}
	t.answers = p.Tx.SendBatch(ctx, &batch)
	for _, q := range t.open {
		if q.over {
			continue // it asked nothing
		}
		if err := q.next(); err != nil {
			_ = t.answers.Close()
			return err
		}
	}
	return t.answers.Close()
}

// together is one round trip with several answers.
type together struct {
	p       *Pipe
	answers pgx.BatchResults
	read    int
	open    []*asked
}

// asked is the transaction of one who asks together with others: a coroutine that stands still between its question
// and the answer.
type asked struct {
	pgx.Tx
	t     *together
	at    int
	over  bool
	yield func(error) bool
	next  func() error
	stop  func()
}

func (q *asked) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if q.at >= 0 {
		return pgconn.CommandTag{}, errAskedOnce
	}
	q.t.p.batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

func (q *asked) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	if q.at >= 0 {
		return nil, errAskedOnce
	}
	q.at = q.t.p.batch.Len()
	q.t.p.batch.Queue(sql, args...)
	if !q.yield(nil) {
		return nil, errors.New("db.Together: another question failed")
	}
	for ; q.t.read < q.at; q.t.read++ {
		if _, err := q.t.answers.Exec(); err != nil {
			return nil, err
		}
	}
	q.t.read++
	return q.t.answers.Query()
}

func (q *asked) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := q.Query(ctx, sql, args...)
	return &pipedRow{rows, err}
}

var errAskedOnce = errors.New("db.Together: one question each, and nothing after it")
