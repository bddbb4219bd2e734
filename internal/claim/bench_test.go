package claim_test

import (
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/sale"
)

// A bench sells one ticket a person from one tier of its own size.
func bench(b *testing.B) *hall {
	b.Helper()
	return open(b, func(n *sale.NewSale) { n.Tiers[0].Capacity = min(b.N+100, 200_000) })
}

// BenchmarkClaim is a whole Hold: admission, limit, grant, lines, ledger, COMMIT.
func BenchmarkClaim(b *testing.B) {
	h := bench(b)
	fans := h.fans(b.N)
	var next atomic.Int64
	b.SetParallelism(5)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			fan := fans[next.Add(1)-1]
			if _, err := h.claims.Hold(b.Context(), h.event, fan, claim.Request{TierID: h.tier(0), Quantity: 1}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "claims/s")
}

// BenchmarkClaimLimit is the least there is to it: one unit in one durable transaction.
func BenchmarkClaimLimit(b *testing.B) {
	h := bench(b)
	c := h.mustHold(h.fans(1)[0], 1, 1)
	b.SetParallelism(5)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			err := db.InTx(b.Context(), h.pool, func(tx pgx.Tx) error {
				_, err := tx.Exec(b.Context(), `
					WITH pick AS MATERIALIZED (
						SELECT id FROM units WHERE tier_id = $1 AND state = 'free' ORDER BY slot LIMIT 1 FOR UPDATE SKIP LOCKED
					)
					UPDATE units u SET state = 'held', claim_id = $2, held_until = now() + interval '10 min' FROM pick WHERE u.id = pick.id`, h.tier(0), c.ID)
				return err
			})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "claims/s")
}
