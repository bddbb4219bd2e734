package sale_test

import (
	"testing"
	"time"

	"fairqueue/internal/sale"
)

// What a picture costs the replica each second, and a promise each poll, after an hour of selling.
func BenchmarkMeter(b *testing.B) {
	m, start := sale.Meter{}, time.Now()
	picture := func(i int) *sale.Snapshot {
		at := start.Add(time.Duration(i) * time.Second)
		s := &sale.Snapshot{State: sale.Open, At: at, LineAt: at, OpenedAt: &start, Arrivals: 1_000_000, Serving: int64(5 * i),
			Terms: sale.Terms{AdmitPerMinute: 600, MaxInside: 500, VisitSeconds: 600}, Tiers: []sale.Tier{{Available: 100_000}}}
		m.Observe(s)
		return s
	}
	for i := range 3600 {
		picture(i)
	}
	b.Run("picture", func(b *testing.B) {
		for i := 3600; b.Loop(); i++ {
			picture(i)
		}
	})
	b.Run("promise", func(b *testing.B) {
		s := picture(1 << 20)
		for b.Loop() {
			s.Pass(20_000)
		}
	})
}
