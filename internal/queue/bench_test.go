package queue_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/dbtest"
)

const (
	benchCallers = 512 // as many as one batch holds
	benchBatch   = 512
)

// BenchmarkJoin is durable joins through the service: 512 callers at once, each a fan of its own each time.
func BenchmarkJoin(b *testing.B) {
	l := newLine(b, dbtest.Pool(b), nil)
	fans := l.fans(b.N)
	snap := l.snap()
	var next atomic.Int64
	b.SetParallelism(max(1, benchCallers/runtime.GOMAXPROCS(0)))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := l.queue.Join(b.Context(), snap, fans[next.Add(1)-1]); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "joins/s")
}

// BenchmarkJoinLimit is the limit of BenchmarkJoin: the same rows by the bare insert, in batches of 512, one after the other.
func BenchmarkJoinLimit(b *testing.B) {
	l := newLine(b, dbtest.Pool(b), nil)
	fans := l.fans(b.N)
	q := queuedb.New()
	b.ResetTimer()
	for from := 0; from < len(fans); from += benchBatch {
		accounts := fans[from:min(from+benchBatch, len(fans))]
		ids := make([]uuid.UUID, len(accounts))
		for i := range ids {
			ids[i] = uuid.New()
		}
		err := pgx.BeginFunc(b.Context(), l.db, func(tx pgx.Tx) error {
			_, err := q.InsertSpots(b.Context(), tx, l.event, int64(from), ids, accounts)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "joins/s")
}
