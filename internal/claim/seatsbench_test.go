package claim_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/sale"
)

// stadium is an open sale of 40,000 seats.
func stadium(b testing.TB) *hall {
	b.Helper()
	raw, err := seatmap.Venues.ReadFile("venues/stadium.json")
	if err != nil {
		b.Fatal(err)
	}
	return open(b, func(n *sale.NewSale) {
		n.Tiers = nil
		for _, name := range seatmap.Tiers(raw) {
			n.Tiers = append(n.Tiers, sale.NewTier{Name: name, Price: 500_000})
		}
		n.SeatMap = raw
	})
}

// choosers is how many fans look at the seats at the same time.
const choosers = 500

// busy lets eight fans hold the best seats and give them back until stop is called, which says how often they did.
func (h *hall) busy() (stop func() int64) {
	ctx, cancel := context.WithCancel(h.Context())
	var wg sync.WaitGroup
	var claims atomic.Int64
	for _, fan := range h.fans(8) {
		wg.Go(func() {
			for ctx.Err() == nil {
				c, err := h.claims.Hold(ctx, h.event, fan, claim.Request{TierID: h.tier(0), Quantity: 2, Best: true})
				if err == nil {
					claims.Add(1)
					err = db.InTx(ctx, h.pool, func(tx pgx.Tx) error {
						l, err := claim.LockTx(ctx, tx, c.ID)
						if err != nil {
							return err
						}
						return l.EndTx(ctx, tx, claim.Released)
					})
				}
				if err != nil && ctx.Err() == nil {
					h.Error(err)
					return
				}
			}
		})
	}
	return func() int64 {
		cancel()
		wg.Wait()
		return claims.Load()
	}
}

// looks lets all choosers look again and again while others claim; look returns what it got, which must be news.
func looks(b *testing.B, h *hall, look func() error) {
	b.Helper()
	if err := look(); err != nil {
		b.Fatal(err)
	}
	stop := h.busy()
	b.SetParallelism(choosers / 2)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := look(); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	took := b.Elapsed().Seconds()
	b.ReportMetric(float64(b.N)/took, "looks/s")
	b.ReportMetric(float64(stop())/took, "claims/s")
}

// BenchmarkSeats is what 500 fans inside a stadium see of its 40,000 seats, as they are now, while others claim.
func BenchmarkSeats(b *testing.B) {
	h := stadium(b)
	looks(b, h, func() error {
		_, err := h.claims.Seats(b.Context(), h.event)
		return err
	})
}

// BenchmarkSeatsLimit is the least there is to it: one question to the database for all who ask at once.
func BenchmarkSeatsLimit(b *testing.B) {
	h := stadium(b)
	turn := make(chan struct{}, 1)
	var asked time.Time
	looks(b, h, func() error {
		came := time.Now()
		turn <- struct{}{}
		defer func() { <-turn }()
		if asked.After(came) {
			return nil
		}
		now := time.Now()
		var one int
		err := h.pool.QueryRow(b.Context(), `SELECT 1`).Scan(&one)
		asked = now
		return err
	})
}

// BenchmarkSeatsBest is a pair of the best seats of a stadium, held and given back; its limit is the same with two seats
// that the fan names.
func BenchmarkSeatsBest(b *testing.B) {
	h := stadium(b)
	one(b, h, func(int) claim.Request { return claim.Request{TierID: h.tier(0), Quantity: 2, Best: true} })
}

// BenchmarkSeatsBestLimit is the same transaction without choosing: places of a standing area.
func BenchmarkSeatsBestLimit(b *testing.B) {
	h := open(b, nil)
	one(b, h, func(int) claim.Request { return claim.Request{TierID: h.tier(0), Quantity: 2} })
}

// BenchmarkSeatsNamed is two seats that the fan names; its limit is that of BenchmarkSeatsBest.
func BenchmarkSeatsNamed(b *testing.B) {
	h := stadium(b)
	s := h.seats()
	plan := s.Map.Plan()
	var pairs [][]uuid.UUID
	for n := 0; n+1 < len(s.IDs); n++ {
		if s.Place(n).Row == s.Place(n+1).Row && plan.Alone(func(int) bool { return true }, []int{n, n + 1}) < 0 {
			pairs = append(pairs, s.IDs[n:n+2])
		}
	}
	one(b, h, func(i int) claim.Request { return claim.Request{Seats: slices.Clone(pairs[i*97%len(pairs)])} })
}

// BenchmarkSeatsAfterAClaim is the first look at a stadium after two of its seats have changed.
func BenchmarkSeatsAfterAClaim(b *testing.B) { afterAClaim(b, func(h *hall) { h.seats() }) }

// BenchmarkSeatsAfterAClaimLimit asks the database once.
func BenchmarkSeatsAfterAClaimLimit(b *testing.B) {
	afterAClaim(b, func(h *hall) { h.count(`SELECT 1`) })
}

func afterAClaim(b *testing.B, look func(*hall)) {
	b.Helper()
	h := stadium(b)
	fan := h.fans(1)[0]
	c, err := h.claims.Hold(b.Context(), h.event, fan, claim.Request{TierID: h.tier(0), Quantity: 2, Best: true})
	if err != nil {
		b.Fatal(err)
	}
	look(h)
	var took time.Duration
	i := 0
	for b.Loop() {
		r := claim.Request{TierID: h.tier(i % 2), Quantity: 2, Best: true}
		i++
		if c, err = h.claims.Change(b.Context(), h.event, fan, c.ID, r); err != nil {
			b.Fatal(err)
		}
		now := time.Now()
		look(h)
		took += time.Since(now)
	}
	b.ReportMetric(float64(i)/took.Seconds(), "looks/s")
}

// one lets one fan after the other hold and give back.
func one(b *testing.B, h *hall, r func(i int) claim.Request) {
	b.Helper()
	fans := h.fans(16)
	free := func(fan, id uuid.UUID) error {
		return db.InTx(b.Context(), h.pool, func(tx pgx.Tx) error {
			l, err := claim.LockTx(b.Context(), tx, id)
			if err != nil {
				return err
			}
			return l.EndTx(b.Context(), tx, claim.Released)
		})
	}
	i := 0
	for b.Loop() {
		fan := fans[i%len(fans)]
		c, err := h.claims.Hold(b.Context(), h.event, fan, r(i))
		if err == nil {
			err = free(fan, c.ID)
		}
		if err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "claims/s")
}
