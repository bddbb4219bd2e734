package app_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/account"
	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/sale"
)

// onSale publishes a sale of which nobody is called by the clock, and makes it the rig's: a large one of general
// admission, unless it is changed.
func (r *rig) onSale(name string, change func(*sale.NewSale)) *sale.Snapshot {
	r.b.Helper()
	ctx := r.b.Context()
	owner, err := r.app.Accounts.Ensure(ctx, "owner@example.com", "")
	r.must(err)
	org, err := r.app.Accounts.BecomeOrganizer(ctx, owner.ID, "")
	r.must(err)
	now := time.Now()
	terms := sale.DefaultTerms()
	terms.OpensAt, terms.ClosesAt = now.Add(-time.Hour), now.Add(24*time.Hour)
	terms.AdmitPerMinute, terms.MaxInside = 1, 1
	n := sale.NewSale{
		Event: catalog.NewEvent{Name: name, Venue: "Eko Hotel", Timezone: "Africa/Lagos", StartsAt: now.Add(48 * time.Hour)},
		Terms: terms, Tiers: []sale.NewTier{{Name: "Regular", Price: 1_500_000, Capacity: 60_000}},
	}
	if change != nil {
		change(&n)
	}
	e, err := r.app.Sales.Create(ctx, org, n)
	r.must(err)
	e, err = r.app.Claims.Publish(ctx, e.ID(), owner.ID)
	r.must(err)
	r.id, r.slug = e.ID(), e.Event.Slug
	return e
}

// called puts fans into the line whose turn has come.
func (r *rig) called(fans []account.Fan) {
	r.b.Helper()
	ids := make([]uuid.UUID, len(fans))
	for i, f := range fans {
		ids[i] = f.Account.ID
	}
	r.exec(`INSERT INTO spots (id, event_id, account_id, arrival, status, called_at, turn_ends_at)
		SELECT gen_random_uuid(), h.event_id, f.id, h.arrivals + f.n, 'called', now(), now() + interval '1 hour'
		FROM queue_heads h, unnest($2::uuid[]) WITH ORDINALITY AS f (id, n) WHERE h.event_id = $1`, r.id, ids)
	r.exec(`UPDATE queue_heads SET arrivals = arrivals + $2::int, serving = arrivals + $2::int WHERE event_id = $1`, r.id, len(ids))
}

// oneOf asks for one ticket of a tier.
func oneOf(tier uuid.UUID) string { return fmt.Sprintf(`{"tier_id":%q,"quantity":1}`, tier) }

// claiming is the claims of fans whose turn has come: their first request with their admission.
func (r *rig) claiming(conns int, body string, fans []account.Fan) *load {
	r.b.Helper()
	r.called(fans)
	event, err := r.app.Sales.Fresh(r.b.Context(), r.id)
	r.must(err)
	reqs := make([][]byte, len(fans))
	var wg sync.WaitGroup
	const asking = 128
	for from := range asking {
		wg.Go(func() {
			for i := from; i < len(fans); i += asking {
				v, err := r.app.Queue.Status(r.b.Context(), event, fans[i].Account.ID)
				if err != nil || v.Admission == nil {
					r.b.Errorf("fan %d is %s: %v", i, v.Status, err)
					return
				}
				reqs[i] = append(r.request("POST", "/api/v1/events/"+r.slug+"/claims", "Authorization: Bearer "+fans[i].Token,
					"Admission: "+v.Admission.Token, "Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(body))), body...)
			}
		})
	}
	wg.Wait()
	return &load{addr: r.addr, conns: conns, want: []int{201}, next: once(reqs)}
}

func (r *rig) int(sql string, args ...any) (n int) {
	r.b.Helper()
	r.must(r.pool.QueryRow(r.b.Context(), sql, args...).Scan(&n))
	return n
}

// bareClaims is the limit: a bare client that takes one unit in one transaction, over and over. What it took leaves the
// index, so that the next need not walk past it.
func (r *rig) bareClaims(clients int, tier, of uuid.UUID) func(d time.Duration) result {
	r.b.Helper()
	conns := make([]*pgx.Conn, clients)
	for i := range conns {
		var err error
		conns[i], err = pgx.ConnectConfig(r.b.Context(), r.pool.Config().ConnConfig)
		r.must(err)
		r.b.Cleanup(func() { _ = conns[i].Close(context.Background()) })
	}
	return func(d time.Duration) result {
		r.b.Helper()
		var mu sync.Mutex
		var res result
		var wg sync.WaitGroup
		start, used := time.Now(), cpu()
		for _, c := range conns {
			wg.Go(func() {
				for time.Since(start) < d {
					at := time.Now()
					err := pgx.BeginFunc(r.b.Context(), c, func(tx pgx.Tx) error {
						tag, err := tx.Exec(r.b.Context(), `
							WITH pick AS MATERIALIZED (
								SELECT id FROM units WHERE tier_id = $1 AND state = 'free' ORDER BY slot LIMIT 1 FOR UPDATE SKIP LOCKED
							)
							UPDATE units u SET state = 'sold', claim_id = $2 FROM pick WHERE u.id = pick.id`, tier, of)
						if err == nil && tag.RowsAffected() != 1 {
							err = errors.New("no unit is left")
						}
						return err
					})
					if err != nil {
						r.b.Error(err)
						return
					}
					mu.Lock()
					res.waits = append(res.waits, time.Since(at))
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		res.took, res.cpu, res.answers = time.Since(start), cpu()-used, len(res.waits)
		return result{}.add(res)
	}
}

// BenchmarkClaimsHTTP is claims as fans make them: over HTTP, with bearer and admission, up to the durable commit; the
// first request of each fan's turn. The load shares the processors with the server and the database. The limit is a bare
// client of PostgreSQL that takes one unit a transaction, without HTTP, fan, limit, price or record.
func BenchmarkClaimsHTTP(b *testing.B) {
	redis := dbtest.RedisServer(b)
	r := newRig(b, redis.URL)
	theirTier := r.onSale("The limit", nil).Tiers[0].ID
	one := r.fans(1)
	r.called(one)
	event, err := r.app.Sales.Fresh(b.Context(), r.id)
	r.must(err)
	c, err := r.app.Claims.Hold(b.Context(), event, one[0].Account.ID, claim.Request{TierID: theirTier, Quantity: 1})
	r.must(err)
	limit := r.bareClaims(8, theirTier, c.ID)
	for _, conns := range []int{256, 64} {
		name := fmt.Sprintf("Claims%d", conns)
		var ours, theirs result
		tier := r.onSale(name, nil).Tiers[0].ID
		product := r.claiming(conns, oneOf(tier), r.fans(30_000))
		r.used()
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				product.closed(b, warmed)
				limit(warmed)
				ours, theirs = result{}, result{}
				for range turns {
					ours = ours.add(product.closed(b, measured/turns))
					theirs = theirs.add(limit(measured / turns))
				}
				ours.report(b, "claims")
			}
		})
		b.Run(name+"Limit", func(b *testing.B) {
			for b.Loop() { //nolint:revive // measured above
			}
			theirs.report(b, "claims")
		})
		if left := r.int(`SELECT count(*) FROM units WHERE tier_id = $1 AND state = 'held'`, tier) - r.int(`SELECT count(*) FROM claims WHERE event_id = $1`, r.id); left != 0 {
			b.Errorf("%d units more than claims", left)
		}
	}
}
