package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// OneTrip runs a transaction in one round trip: fn has statements wait and ends with the one that answers, with which
// all are sent and committed. Any that fails undoes all of them. What ends without an answer that proves the opposite
// may have been committed (OutcomeUnknown). It is not tried again.
func OneTrip(ctx context.Context, c Conn, fn func(tx pgx.Tx) error) error {
	if _, ok := c.(beginner); !ok { // inside a transaction: a part of it, which cannot go alone
		return once(ctx, c, func(tx pgx.Tx) error { return fn(NewPipe(tx)) })
	}
	p := NewPipe(trip{c: c})
	p.once = true
	err := fn(p)
	if err == nil && p.batch.Len() > 0 || errors.Is(err, errTwoTrips) {
		return errTwoTrips
	}
	if err == nil || decided(err) {
		return err
	}
	return unknownOutcome(err)
}

var errTwoTrips = errors.New("db.OneTrip: the last statement, and no other, must answer")

// trip is a transaction that is a single batch: the server commits at its end.
type trip struct {
	pgx.Tx
	c Conn
}

func (t trip) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return t.c.Query(ctx, sql, args...)
}
func (t trip) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return t.c.SendBatch(ctx, b)
}

// Pipe is a transaction in which statements that answer nothing wait until one is asked that does, and then go with it
// in one round trip: savepoints, too. Flush sends those that still wait; it must be called before the commit. An error
// of a statement that waited comes with the next answer, and is of the whole transaction.
type Pipe struct {
	pgx.Tx
	batch *pgx.Batch
	// depth counts savepoints, for their names.
	depth *int
	// name of the savepoint that this is; "": the transaction itself.
	name   string
	closed bool
	// once: there is one question in it.
	once, asked bool
}

// NewPipe returns a pipe into a transaction, whose own methods must not be used until Flush.
func NewPipe(tx pgx.Tx) *Pipe { return &Pipe{Tx: tx, batch: &pgx.Batch{}, depth: new(int)} }

// Exec makes a statement wait. What it answers cannot be known yet: the tag is empty.
func (p *Pipe) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	p.batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

// Query sends what waits, and asks.
func (p *Pipe) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if p.once && p.asked {
		return nil, errTwoTrips
	}
	p.asked = true
	if p.batch.Len() == 0 {
		return p.Tx.Query(ctx, sql, args...)
	}
	p.batch.Queue(sql, args...)
	answers, err := p.send(ctx, p.batch.Len()-1)
	if err != nil {
		return nil, err
	}
	rows, err := answers.Query()
	if err != nil {
		return nil, errors.Join(err, answers.Close())
	}
	return &pipedRows{Rows: rows, answers: answers}, nil
}

// QueryRow is Query for one row.
func (p *Pipe) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := p.Query(ctx, sql, args...)
	return &pipedRow{rows, err}
}

// Flush sends what waits.
func (p *Pipe) Flush(ctx context.Context) error {
	n := p.batch.Len()
	if n == 0 {
		return nil
	}
	answers, err := p.send(ctx, n)
	if err != nil {
		return err
	}
	return answers.Close()
}

// send sends what waits and reads the first n answers.
func (p *Pipe) send(ctx context.Context, n int) (pgx.BatchResults, error) {
	batch := *p.batch
	*p.batch = pgx.Batch{}
	answers := p.Tx.SendBatch(ctx, &batch)
	for range n {
		if _, err := answers.Exec(); err != nil {
			_ = answers.Close() // says the same again
			return nil, err
		}
	}
	return answers, nil
}

// Begin makes a savepoint, with the next statement.
func (p *Pipe) Begin(context.Context) (pgx.Tx, error) {
	*p.depth++
	point := &Pipe{Tx: p.Tx, batch: p.batch, depth: p.depth, name: fmt.Sprintf("pipe_%d", *p.depth)}
	p.batch.Queue("SAVEPOINT " + point.name)
	return point, nil
}

// Commit releases a savepoint, with the next statement. The transaction itself is not committed here.
func (p *Pipe) Commit(context.Context) error { return p.end("RELEASE SAVEPOINT ") }

// Rollback goes back to a savepoint, with the next statement.
func (p *Pipe) Rollback(context.Context) error { return p.end("ROLLBACK TO SAVEPOINT ") }

func (p *Pipe) end(how string) error {
	switch {
	case p.name == "":
		return errors.New("db.Pipe: who began the transaction ends it")
	case p.closed:
		return pgx.ErrTxClosed
	}
	p.closed = true
	p.batch.Queue(how + p.name)
	return nil
}

// pipedRows are the last answer of a batch, which ends with them.
type pipedRows struct {
	pgx.Rows
	answers pgx.BatchResults
	ended   bool
	err     error
}

func (r *pipedRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *pipedRows) Close() {
	r.Rows.Close()
	if !r.ended {
		r.ended = true
		r.err = r.answers.Close()
	}
}

func (r *pipedRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

type pipedRow struct {
	rows pgx.Rows
	err  error
}

func (r *pipedRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}
