package claim_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/keys"
	"fairqueue/internal/live"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// hall is an open sale with its services on a database of its own.
type hall struct {
	testing.TB
	pool   *pgxpool.Pool
	claims *claim.Service
	sales  *sale.Service
	queue  *queue.Service
	event  *sale.Snapshot
	org    uuid.UUID
}

// open makes and publishes a sale whose time to open has come.
func open(t testing.TB, change func(*sale.NewSale)) *hall {
	t.Helper()
	h := prepare(t, change)
	var err error
	if h.event, err = h.claims.Publish(t.Context(), h.event.ID(), uuid.New()); err != nil {
		t.Fatal(err)
	}
	if h.event.State != sale.Open {
		t.Fatalf("the sale is %s", h.event.State)
	}
	return h
}

// rounds does the same again and again, up to a round that fails; what a round opens ends with it.
func rounds(t *testing.T, n int, do func(t *testing.T, round int)) {
	t.Helper()
	for round := range n {
		if !t.Run(fmt.Sprint("round ", round), func(t *testing.T) { do(t, round) }) {
			return
		}
	}
}

// prepare makes a draft.
func prepare(t testing.TB, change func(*sale.NewSale)) *hall {
	t.Helper()
	h := &hall{TB: t, pool: dbtest.Pool(t), org: uuid.New()}
	ring, err := keys.New("a secret of the tests, long enough")
	if err != nil {
		t.Fatal(err)
	}
	clock := &db.Clock{}
	hub := live.New(live.Config{})
	h.sales = sale.New(sale.Config{DB: h.pool, Live: hub, Clock: clock})
	h.queue = queue.New(queue.Config{DB: h.pool, Sales: h.sales, Keys: ring, Clock: clock, Issuer: "http://localhost"})
	h.claims = claim.New(claim.Config{DB: h.pool, Sales: h.sales, Queue: h.queue, Keys: ring, Clock: clock})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(h.claims.Close(ctx), h.queue.Close(ctx)); err != nil {
			t.Error(err)
		}
		hub.Close(ctx)
	})
	h.sql(`INSERT INTO organizations (id, name) VALUES ($1, 'House')`, h.org)
	terms := sale.DefaultTerms()
	terms.Ordering, terms.OpensAt, terms.ClosesAt = sale.FIFO, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	terms.MaxTicketsPerFan, terms.HoldSeconds = 4, 600
	n := sale.NewSale{
		Event: catalog.NewEvent{Name: "A night " + uuid.NewString(), Venue: "Hall", Timezone: "Africa/Lagos", StartsAt: time.Now().Add(48 * time.Hour)},
		Terms: terms,
		Tiers: []sale.NewTier{{Name: "Stands", Price: 500_000, Capacity: 10}, {Name: "Floor", Price: 1_000_000, Capacity: 3}},
	}
	if change != nil {
		change(&n)
	}
	if h.event, err = h.sales.Create(t.Context(), h.org, n); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hall) sql(q string, args ...any) {
	h.Helper()
	if _, err := h.pool.Exec(context.WithoutCancel(h.Context()), q, args...); err != nil {
		h.Fatal(err)
	}
}

func (h *hall) count(q string, args ...any) (n int) {
	h.Helper()
	if err := h.pool.QueryRow(h.Context(), q, args...).Scan(&n); err != nil {
		h.Fatal(err)
	}
	return n
}

// fans puts n people inside.
func (h *hall) fans(n int) []uuid.UUID {
	h.Helper()
	rows, err := h.pool.Query(h.Context(), `
		WITH head AS (
			UPDATE queue_heads SET arrivals = arrivals + $2, serving = serving + $2 WHERE event_id = $1 RETURNING arrivals - $2 AS before
		), people AS (
			INSERT INTO accounts (id, email) SELECT i, i || '@example.com' FROM (SELECT gen_random_uuid() AS i FROM generate_series(1, $2)) x RETURNING id
		), spots AS (
			INSERT INTO spots (id, event_id, account_id, arrival, status, called_at, turn_ends_at, entered_at, visit_ends_at)
			SELECT gen_random_uuid(), $1, p.id, head.before + row_number() OVER (), 'inside', now(), now() + interval '1 hour', now(), now() + interval '1 hour'
			FROM people p, head
		)
		SELECT id FROM people`, h.event.ID(), n)
	if err != nil {
		h.Fatal(err)
	}
	defer rows.Close()
	ids := make([]uuid.UUID, 0, n)
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			h.Fatal(err)
		}
		ids = append(ids, id)
	}
	if rows.Err() != nil || len(ids) != n {
		h.Fatal(rows.Err(), len(ids))
	}
	return ids
}

func (h *hall) tier(i int) uuid.UUID { return h.event.Tiers[i].ID }

func (h *hall) hold(fan uuid.UUID, tier, n int) (claim.Claim, error) {
	return h.claims.Hold(h.Context(), h.event, fan, claim.Request{TierID: h.tier(tier), Quantity: n})
}

func (h *hall) mustHold(fan uuid.UUID, tier, n int) claim.Claim {
	h.Helper()
	c, err := h.hold(fan, tier, n)
	if err != nil {
		h.Fatal(err)
	}
	return c
}

// pass lets the hold of a claim be past.
func (h *hall) pass(id uuid.UUID) { h.left(id, -time.Second) }

// left lets a hold have only that much left.
func (h *hall) left(id uuid.UUID, d time.Duration) {
	h.Helper()
	h.sql(`UPDATE claims SET expires_at = now() + $2::interval WHERE id = $1`, id, fmt.Sprintf("%d ms", d.Milliseconds()))
	h.sql(`UPDATE units u SET held_until = c.expires_at FROM claims c WHERE c.id = $1 AND u.claim_id = c.id AND u.state = 'held'`, id)
}

// units counts the units of a tier by state, holds that are past as free.
func (h *hall) units(tier int) map[string]int {
	h.Helper()
	rows, err := h.pool.Query(h.Context(), `
		SELECT CASE WHEN state = 'held' AND held_until <= now() THEN 'free' ELSE state END, count(*) FROM units WHERE tier_id = $1 GROUP BY 1`, h.tier(tier))
	if err != nil {
		h.Fatal(err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var s string
		var n int
		if err := rows.Scan(&s, &n); err != nil {
			h.Fatal(err)
		}
		out[s] = n
	}
	return out
}

// whole checks that every claim that is open has all of its units, and that no
// unit belongs to two.
func (h *hall) whole() {
	h.Helper()
	if n := h.count(`
		SELECT count(*) FROM claims c
		WHERE (c.status IN ('paying', 'paid') OR (c.status = 'held' AND c.expires_at > now()))
		  AND (SELECT count(*) FROM claim_lines l WHERE l.claim_id = c.id)
		   <> (SELECT count(*) FROM units u JOIN claim_lines l ON l.unit_id = u.id AND l.claim_id = c.id WHERE u.claim_id = c.id)`); n != 0 {
		h.Errorf("%d open claims lack units", n)
	}
}
