package stats_test

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/stats"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

type hall struct {
	t     testing.TB
	conn  db.Conn
	event uuid.UUID
	tier  uuid.UUID
	n     int
}

func (h *hall) exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.conn.Exec(h.t.Context(), sql, args...); err != nil {
		h.t.Fatalf("%v\n%s", err, sql)
	}
}

func build(t testing.TB, conn db.Conn) *hall {
	t.Helper()
	h := &hall{t: t, conn: conn, event: uuid.New(), tier: uuid.New()}
	org := uuid.New()
	h.exec(`INSERT INTO organizations (id, name) VALUES ($1, 'Hall')`, org)
	h.exec(`INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at)
	        VALUES ($1, $2, $3, 'Night', 'Hall', 'Africa/Lagos', now())`, h.event, org, "e-"+h.event.String())
	h.exec(`INSERT INTO sales (event_id, state, ordering, opens_at, closes_at, max_tickets_per_fan, admit_per_minute, max_inside,
	                           turn_seconds, visit_seconds, hold_seconds, grace_seconds)
	        VALUES ($1, 'open', 'fifo', now(), now() + interval '1 day', 4, 60, 100, 120, 600, 600, 300)`, h.event)
	h.exec(`INSERT INTO tiers (id, event_id, ordinal, name, price_kobo, capacity) VALUES ($1, $2, 0, 'Stand', 500000, 10)`, h.tier, h.event)
	h.exec(`INSERT INTO units (id, event_id, tier_id, slot) SELECT gen_random_uuid(), $1, $2, g FROM generate_series(1, 10) g`, h.event, h.tier)
	h.exec(`INSERT INTO queue_heads (event_id) VALUES ($1)`, h.event)
	return h
}

// spot adds a fan to the line; set is the rest of an UPDATE of the spot.
func (h *hall) spot(set string) (account, spot uuid.UUID) {
	h.t.Helper()
	account, spot = uuid.New(), uuid.New()
	h.n++
	h.exec(`INSERT INTO accounts (id, email) VALUES ($1, $2)`, account, account.String()+"@stats.example")
	h.exec(`INSERT INTO spots (id, event_id, account_id, arrival, joined_at) VALUES ($1, $2, $3, $4, now() - interval '1 hour')`, spot, h.event, account, h.n)
	if set != "" {
		h.exec(`UPDATE spots SET `+set+` WHERE id = $1`, spot)
	}
	h.exec(`UPDATE queue_heads SET arrivals = $2 WHERE event_id = $1`, h.event, h.n)
	return account, spot
}

// claim gives the next units to a fan; left is how long a hold still runs.
func (h *hall) claim(account, spot uuid.UUID, slot int, status, unit, left string) uuid.UUID {
	h.t.Helper()
	id := uuid.New()
	h.exec(`INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, created_at, expires_at, cap_at, limit_then)
	        VALUES ($1, $2, $3, $4, $5, 500000, now() - interval '1 hour', now() + $6::interval, now() + interval '1 day', 4)`,
		id, h.event, account, spot, status, left)
	h.exec(`UPDATE units SET state = $3, claim_id = $4, held_until = CASE WHEN $3 = 'held' THEN now() + $5::interval END
	        WHERE tier_id = $1 AND slot = $2`, h.tier, slot, unit, id, left)
	return id
}

func (h *hall) payment(claim, account uuid.UUID, status string, received any, ago string) uuid.UUID {
	h.t.Helper()
	id := uuid.New()
	h.exec(`INSERT INTO payments (id, claim_id, event_id, account_id, provider, reference, amount_kobo, status, deadline_at, received_kobo, settled_at, checked_at)
	        VALUES ($1, $2, $3, $4, 'paystack', $5, 500000, $6, now(), $7::bigint, CASE WHEN $7::bigint IS NOT NULL THEN now() - $8::interval END, now() - $8::interval)`,
		id, claim, h.event, account, "fq-"+id.String(), status, received, ago)
	return id
}

func of(t testing.TB, c db.Conn, event uuid.UUID) stats.Event {
	t.Helper()
	e, err := stats.Of(t.Context(), c, event)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestStatusesFollowFromRowsSaleAndClock(t *testing.T) {
	t.Parallel()
	h := build(t, dbtest.Tx(t))
	const called = `status = 'called', called_at = now() - interval '1 hour', `
	const inside = `status = 'inside', entered_at = now() - interval '1 hour', `
	h.spot(``)
	h.spot(`again = 'redeem', again_seq = 1`)
	h.spot(`again = 'behind', again_seq = 2, again_after = 9`)
	h.spot(`status = 'left'`)
	h.spot(called + `turn_ends_at = now() + interval '1 second'`)
	h.spot(called + `turn_ends_at = now()`)                        // missed
	h.spot(called + `turn_ends_at = now() - interval '5 minutes'`) // past its grace
	h.spot(inside + `visit_ends_at = now() + interval '1 second'`)
	h.spot(inside + `visit_ends_at = now() - interval '1 second'`) // over
	a, s := h.spot(inside + `visit_ends_at = now() - interval '1 second'`)
	h.claim(a, s, 1, "held", "held", "1 second") // kept inside by it
	a, s = h.spot(inside + `visit_ends_at = now() - interval '1 second'`)
	h.claim(a, s, 2, "held", "held", "0 seconds") // a hold past its time keeps nobody
	a, s = h.spot(inside + `visit_ends_at = now() - interval '1 second'`)
	h.claim(a, s, 3, "paying", "paying", "-1 hour") // a payment does
	h.spot(`status = 'done'`)
	h.exec(`UPDATE queue_heads SET serving = 12 WHERE event_id = $1`, h.event)

	q := of(t, h.conn, h.event).Queue
	if q.Lobby != 0 || q.Waiting != 3 || q.Called != 1 || q.Inside != 3 || q.Missed != 1 || q.Left != 1 || q.Done != 4 || q.Serving != 12 {
		t.Errorf("open: %+v", q)
	}

	// A pause of ten minutes: the time of the line stands where it began.
	h.exec(`UPDATE sales SET state = 'paused', paused_at = now() - interval '10 minutes' WHERE event_id = $1`, h.event)
	if q = of(t, h.conn, h.event).Queue; q.Called != 3 || q.Missed != 0 || q.Inside != 5 || q.Done != 1 {
		t.Errorf("paused: %+v", q)
	}
	h.exec(`UPDATE sales SET state = 'open', paused_at = NULL, paused_total = '10 minutes' WHERE event_id = $1`, h.event)
	if q = of(t, h.conn, h.event).Queue; q.Called != 3 || q.Inside != 5 {
		t.Errorf("resumed: %+v", q)
	}
	h.exec(`UPDATE sales SET state = 'ended' WHERE event_id = $1`, h.event)
	if q = of(t, h.conn, h.event).Queue; q.Done != 12 || q.Left != 1 || q.Waiting+q.Called+q.Inside+q.Missed+q.Lobby != 0 {
		t.Errorf("ended: %+v", q)
	}
	h.exec(`UPDATE sales SET state = 'lobby' WHERE event_id = $1`, h.event)
	if q = of(t, h.conn, h.event).Queue; q.Lobby != 1 {
		t.Errorf("lobby: %+v", q)
	}
}

func TestStockAndMoneyAreCountedFromRows(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	h, other := build(t, pool), build(t, pool)
	for _, x := range []*hall{h, other} {
		a, s := x.spot(``)
		x.claim(a, s, 1, "held", "held", "1 hour")
		a, s = x.spot(``)
		x.claim(a, s, 2, "expired", "held", "-1 second") // past its time: free
		a, s = x.spot(``)
		paying := x.claim(a, s, 3, "paying", "paying", "-1 second")
		x.payment(paying, a, "pending", nil, "1 second")
		a, s = x.spot(`called_at = now() - interval '30 seconds', joined_at = now() - interval '59 seconds'`)
		paid := x.claim(a, s, 4, "paid", "sold", "1 hour")
		x.payment(paid, a, "failed", nil, "9 minutes")
		x.payment(paid, a, "succeeded", 500_000, "5 seconds")
		back := x.payment(paid, a, "refunded", 500_000, "20 minutes")
		x.exec(`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) VALUES (gen_random_uuid(), $1, 400000, 'x', 'processed'), (gen_random_uuid(), $1, 100000, 'x', 'due')`, back)
		x.exec(`UPDATE claims SET created_at = now() WHERE id = $1`, paid)
	}
	e := of(t, pool, h.event)
	if e.Stock.Capacity != 10 || e.Stock.Free != 7 || e.Stock.Held != 2 || e.Stock.Sold != 1 {
		t.Errorf("stock %+v", e.Stock)
	}
	// Both payments came; of one everything goes back, though a part of it is still owed.
	if e.Money.Succeeded.Amount != 1_000_000 || e.Money.Refunded.Amount != 500_000 || e.Money.Refunded.Currency != "NGN" {
		t.Errorf("money %+v", e.Money)
	}
	if r := e.Rates; r.Joins != 1 || r.Admitted != 1 || r.Claims != 1 || r.Payments != 1 || r.FailedShare != 0.5 {
		t.Errorf("rates %+v", r)
	}
}

func TestTheFiguresOfNothingAreZero(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	e := of(t, tx, uuid.New())
	b, err := json.Marshal(e)
	want := `{"queue":{"lobby":0,"waiting":0,"called":0,"inside":0,"missed":0,"left":0,"done":0,"serving":0},` +
		`"stock":{"capacity":0,"free":0,"held":0,"sold":0},"money":{"succeeded":{"amount":0,"currency":"NGN"},"refunded":{"amount":0,"currency":"NGN"}},` +
		`"rates":{"joins_per_minute":0,"admitted_per_minute":0,"claims_per_minute":0,"payments_per_minute":0,"payments_failed_share":0}}`
	if err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
}
