package stats

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/statsdb"
	"fairqueue/internal/money"
)

// Event is what an organizer watches; JSON as CONTRACT.md.
type Event struct {
	Queue struct {
		Lobby   int64 `json:"lobby"`
		Waiting int64 `json:"waiting"`
		Called  int64 `json:"called"`
		Inside  int64 `json:"inside"`
		Missed  int64 `json:"missed"`
		Left    int64 `json:"left"`
		Done    int64 `json:"done"`
		Serving int64 `json:"serving"`
	} `json:"queue"`
	// Stock: held includes paying; holds past their time count as free.
	Stock struct {
		Capacity int64 `json:"capacity"`
		Free     int64 `json:"free"`
		Held     int64 `json:"held"`
		Sold     int64 `json:"sold"`
	} `json:"stock"`
	// Money: what payments that succeeded brought in, and what of it has gone back, is owed, or was lost to banks.
	// The one less the other is what stays with the organizer.
	Money struct {
		Succeeded money.Money `json:"succeeded"`
		Refunded  money.Money `json:"refunded"`
		// Lost is what of Refunded banks took, by disputes that were lost.
		Lost money.Kobo `json:"-"`
		// Disputed is what banks ask for and have not decided about; it counts as staying.
		Disputed money.Kobo `json:"-"`
	} `json:"money"`
	// Rates: per minute, over the last minute.
	Rates struct {
		Joins    float64 `json:"joins_per_minute"`
		Admitted float64 `json:"admitted_per_minute"`
		Claims   float64 `json:"claims_per_minute"`
		Payments float64 `json:"payments_per_minute"`
		// FailedShare is the share of payments that failed among those that ended in the last ten minutes, 0 to 1.
		FailedShare float64 `json:"payments_failed_share"`
	} `json:"rates"`
}

const rollbackTimeout = 5 * time.Second

// Of returns the figures of an event now; all zero for an event that does not exist.
func Of(ctx context.Context, c db.Conn, event uuid.UUID) (Event, error) {
	e, err := of(ctx, c, event)
	if err != nil {
		return Event{}, db.Fault(fmt.Errorf("stats.Of: %w", err))
	}
	return e, nil
}

func of(ctx context.Context, c db.Conn, event uuid.UUID) (e Event, err error) {
	tx, err := snapshot(ctx, c)
	if err != nil {
		return Event{}, err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_ = tx.Rollback(end) // nothing was written
	}()
	q := statsdb.New()
	line, err := q.Queue(ctx, tx, event)
	if err != nil {
		return Event{}, err
	}
	stock, err := q.Stock(ctx, tx, event)
	if err != nil {
		return Event{}, err
	}
	cash, err := q.Money(ctx, tx, event)
	if err != nil {
		return Event{}, err
	}
	rates, err := q.Rates(ctx, tx, event)
	if err != nil {
		return Event{}, err
	}
	e.Queue.Lobby, e.Queue.Waiting, e.Queue.Called, e.Queue.Inside = line.Lobby, line.Waiting, line.Called, line.Inside
	e.Queue.Missed, e.Queue.Left, e.Queue.Done, e.Queue.Serving = line.Missed, line.Left, line.Done, line.Serving
	e.Stock.Capacity, e.Stock.Free, e.Stock.Held, e.Stock.Sold = stock.Capacity, stock.Free, stock.Held, stock.Sold
	e.Money.Succeeded, e.Money.Refunded = money.In(money.Kobo(cash.Came)), money.In(money.Kobo(cash.Back))
	e.Money.Lost, e.Money.Disputed = money.Kobo(cash.Lost), money.Kobo(cash.Asked)
	e.Rates.Joins, e.Rates.Payments = float64(line.Joins), float64(cash.Settled)
	e.Rates.Admitted, e.Rates.Claims = float64(rates.Admitted), float64(rates.Claims)
	if cash.Ended > 0 {
		e.Rates.FailedShare = float64(cash.Failed) / float64(cash.Ended)
	}
	return e, nil
}

// snapshot begins a transaction in which all queries see the same moment. Inside
// a transaction it is a savepoint, whose snapshot is the caller's affair.
func snapshot(ctx context.Context, c db.Conn) (pgx.Tx, error) {
	if b, ok := c.(interface {
		BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
	}); ok {
		return b.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	}
	return c.Begin(ctx)
}
