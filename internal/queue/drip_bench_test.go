package queue_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/sale"
)

const (
	benchStep     = 10_000  // as many as one step calls
	benchReserved = 100_000 // as many as there may be inside
	benchUnits    = 200_000
)

// busyLine is a line in which many are inside, and others wait for a step.
func busyLine(b *testing.B, reserved, units, waiting int) *line {
	l := newLine(b, dbtest.Pool(b), func(n *sale.NewSale) {
		n.Terms.MaxInside = 100_000
		n.Tiers[0].Capacity = units
	})
	if l.int(`SELECT count(*) FROM units WHERE event_id = $1`, l.event) != int64(units) {
		b.Fatal("units are missing")
	}
	l.seat(reserved + waiting)
	l.exec(`UPDATE spots SET status = 'inside', called_at = now(), called_step = 1, turn_ends_at = now() + interval '1 hour',
		entered_at = now(), visit_ends_at = now() + interval '1 hour' WHERE event_id = $1 AND arrival <= $2`, l.event, reserved)
	l.exec(`UPDATE queue_heads SET serving = $2, step = 1 WHERE event_id = $1`, l.event, reserved)
	l.exec(`VACUUM ANALYZE spots`)
	l.exec(`VACUUM ANALYZE units`)
	return l
}

// seat gives new fans places, without the joining.
func (l *line) seat(n int) {
	l.t.Helper()
	l.exec(`WITH a AS (INSERT INTO accounts (id, email) SELECT i, i::text || '@example.com' FROM (SELECT gen_random_uuid() AS i FROM generate_series(1, $2)) g RETURNING id),
		h AS (UPDATE queue_heads SET arrivals = arrivals + $2 WHERE event_id = $1 RETURNING arrivals - $2 AS before)
		INSERT INTO spots (id, event_id, account_id, arrival) SELECT gen_random_uuid(), $1, a.id, h.before + row_number() OVER () FROM a, h`, l.event, n)
}

// BenchmarkDripStep is a step that calls 10,000.
func BenchmarkDripStep(b *testing.B) {
	l := busyLine(b, 0, benchUnits, benchStep*b.N)
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		l.exec(`UPDATE spots SET status = 'done' WHERE event_id = $1 AND status = 'called'`, l.event)
		l.exec(`UPDATE queue_heads SET credit_at = credit_at - interval '1 minute' WHERE event_id = $1`, l.event)
		before := l.serving()
		b.StartTimer()
		l.step()
		b.StopTimer()
		if n := l.serving() - before; n != benchStep {
			b.Fatalf("%d were called", n)
		}
		b.StartTimer()
	}
	b.ReportMetric(benchStep*float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkDripStepLimit is its limit: the bare update of the same rows, by their ids.
func BenchmarkDripStepLimit(b *testing.B) {
	l := busyLine(b, 0, benchUnits, benchStep*b.N)
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		rows, err := l.db.Query(b.Context(), `SELECT id FROM spots WHERE event_id = $1 AND arrival > $2 AND arrival <= $2 + $3`, l.event, i*benchStep, benchStep)
		if err != nil {
			b.Fatal(err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		l.exec(`UPDATE spots SET status = 'called', called_at = now(), called_step = 1, turn_ends_at = now() WHERE id = ANY ($1)`, ids)
	}
	b.ReportMetric(benchStep*float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkDripFull is a step that finds 100,000 inside and no room.
func BenchmarkDripFull(b *testing.B) {
	l := busyLine(b, benchReserved, benchUnits, 1)
	b.ResetTimer()
	for range b.N {
		l.step()
	}
}

// BenchmarkDripFullLimit is its limit: counting as many rows.
func BenchmarkDripFullLimit(b *testing.B) {
	l := busyLine(b, benchReserved, benchUnits, 1)
	b.ResetTimer()
	for range b.N {
		l.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND status = 'inside' AND visit_ends_at > now()`, l.event)
	}
}
