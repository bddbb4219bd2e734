package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"fairqueue/internal/db"
	"fairqueue/internal/db/auditdb"
	"fairqueue/internal/fault"
)

// Result is one invariant with its figure: how many violations were found.
type Result struct {
	Name       string `json:"name"`
	Violations int64  `json:"violations"`
	// Checked is how many things were looked at, so that a zero means something.
	Checked int64 `json:"checked"`
	// Failure reports that a violation is a failure; false for figures that never are (redis_harmless).
	Failure bool `json:"failure"`
	// Detail names up to the first twenty violations, by ids.
	Detail []string `json:"detail,omitempty"`
	// Money is what money_adds_up adds up.
	Money *Money `json:"money,omitempty"`
}

// The invariants, in the order of CONTRACT.md section 5.
const (
	NeverOversold           = "never_oversold"
	OneSpotPerFan           = "one_spot_per_fan"
	ArrivalGapless          = "arrival_gapless"
	NoLostSpot              = "no_lost_spot"
	NoOvertaking            = "no_overtaking"
	DrawVerifies            = "draw_verifies"
	WithinLimits            = "within_limits"
	PaidMeansTicketOrRefund = "paid_means_ticket_or_refund"
	TicketMeansPaid         = "ticket_means_paid"
	MoneyAddsUp             = "money_adds_up"
	RedisHarmless           = "redis_harmless"
)

const (
	maxDetail       = 20
	rollbackTimeout = 5 * time.Second
)

// Run checks every invariant of an event in one repeatable-read snapshot; 404
// event_not_found. r may be nil.
func Run(ctx context.Context, c db.Conn, r redis.UniversalClient, event uuid.UUID) ([]Result, error) {
	results, err := run(ctx, c, event)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("audit.Run: %w", err))
	}
	return append(results, redisHarmless(r)), nil
}

// run is all that PostgreSQL can answer.
func run(ctx context.Context, c db.Conn, event uuid.UUID) ([]Result, error) {
	tx, err := snapshot(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_ = tx.Rollback(end) // nothing was written
	}()
	q := auditdb.New()
	if err := q.Patience(ctx, tx); err != nil {
		return nil, err
	}
	now, err := q.Moment(ctx, tx, event)
	if err != nil {
		return nil, notFound(err)
	}
	line, err := readLine(ctx, tx, q, event, now)
	if err != nil {
		return nil, err
	}

	var results []Result
	for _, check := range []struct {
		name string
		run  func() (Result, error)
	}{
		{NeverOversold, func() (Result, error) { return figure(q.NeverOversold(ctx, tx, event, now.At)) }},
		{OneSpotPerFan, func() (Result, error) { return figure(q.OneSpotPerFan(ctx, tx, event)) }},
		{ArrivalGapless, func() (Result, error) { return figure(q.ArrivalGapless(ctx, tx, event, now.Arrivals)) }},
		{NoLostSpot, func() (Result, error) { return line.noLostSpot(), nil }},
		{NoOvertaking, func() (Result, error) { return line.noOvertaking(), nil }},
		{DrawVerifies, func() (Result, error) { return line.drawVerifies(), nil }},
		{WithinLimits, func() (Result, error) { return figure(q.WithinLimits(ctx, tx, event, now.At)) }},
		{PaidMeansTicketOrRefund, func() (Result, error) { return figure(q.PaidMeansTicketOrRefund(ctx, tx, event)) }},
		{TicketMeansPaid, func() (Result, error) { return figure(q.TicketMeansPaid(ctx, tx, event)) }},
		{MoneyAddsUp, func() (Result, error) { return moneyAddsUp(q.Money(ctx, tx, event)) }},
	} {
		res, err := check.run()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", check.name, err)
		}
		res.Name, res.Failure = check.name, true
		results = append(results, res)
	}
	return results, nil
}

// notFound says so where a look for an event found none.
func notFound(err error) error {
	if db.NoRows(err) {
		return fault.Wrap(err, fault.NotFound, "event_not_found", "There is no such event.")
	}
	return db.Fault(err)
}

// figure makes a result of what every check in SQL returns.
func figure[R ~struct {
	Checked    int64
	Violations int64
	Detail     []string
}](row R, err error) (Result, error) {
	r := auditdb.NeverOversoldRow(row)
	return Result{Checked: r.Checked, Violations: r.Violations, Detail: r.Detail}, err
}

// redisHarmless counts cached values that differ from PostgreSQL and are older
// than their refresh time. Redis carries nudges and rates, which are no copies
// of rows, so there is nothing in it that could differ.
func redisHarmless(redis.UniversalClient) Result { return Result{Name: RedisHarmless} }

// violate counts a violation and names it if there is room.
func (r *Result) violate(format string, args ...any) {
	r.Violations++
	if len(r.Detail) < maxDetail {
		r.Detail = append(r.Detail, fmt.Sprintf(format, args...))
	}
}

// snapshot begins a transaction in which all checks see the same moment and
// nothing can be written. Inside a transaction it is a savepoint, whose snapshot
// is the caller's affair.
func snapshot(ctx context.Context, c db.Conn) (pgx.Tx, error) {
	if b, ok := c.(interface {
		BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
	}); ok {
		return b.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	}
	return c.Begin(ctx)
}
