package audit_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/audit"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/merkle"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// hall is a sale with a line of ten: fans 1 to 3 bought (2, 1 and 1 tickets,
// the last for nothing), 4 holds, 5 pays, 6 left and was passed, 7 was called
// again after a missed turn, 8 paid too late and gets the money back, 9 and 10
// wait.
type hall struct {
	t     testing.TB
	conn  db.Conn
	event uuid.UUID
	tier  uuid.UUID
	gift  uuid.UUID
	spots []uuid.UUID
	fans  []uuid.UUID
	slot  int
}

const price = 500_000

func (h *hall) exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.conn.Exec(h.t.Context(), sql, args...); err != nil {
		h.t.Fatalf("%v\n%s", err, sql)
	}
}

func (h *hall) write(kind ledger.Kind, body any) {
	h.t.Helper()
	err := db.InTx(h.t.Context(), h.conn, func(tx pgx.Tx) error {
		return ledger.Write(h.t.Context(), tx, h.event, kind, body)
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func build(t testing.TB, conn db.Conn) *hall {
	t.Helper()
	h := &hall{t: t, conn: conn, event: uuid.New(), tier: uuid.New(), gift: uuid.New()}
	org := uuid.New()
	h.exec(`INSERT INTO organizations (id, name) VALUES ($1, 'Hall')`, org)
	h.exec(`INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at)
	        VALUES ($1, $2, $3, 'Night', 'Hall', 'Africa/Lagos', now() + interval '9 days')`, h.event, org, "e-"+h.event.String())
	h.exec(`INSERT INTO sales (event_id, state, ordering, opens_at, closes_at, max_tickets_per_fan, admit_per_minute, max_inside,
	                           turn_seconds, visit_seconds, hold_seconds, grace_seconds, published_at, opened_at)
	        VALUES ($1, 'open', 'fifo', now() - interval '1 hour', now() + interval '1 day', 2, 60, 4, 120, 600, 600, 600, now(), now())`, h.event)
	for i, tier := range []uuid.UUID{h.tier, h.gift} {
		h.exec(`INSERT INTO tiers (id, event_id, ordinal, name, price_kobo, capacity) VALUES ($1, $2, $3, $4, $5, 10)`,
			tier, h.event, i, fmt.Sprint("Tier ", i), price*(1-i))
		h.exec(`INSERT INTO units (id, event_id, tier_id, slot) SELECT gen_random_uuid(), $1, $2, g FROM generate_series(1, 10) g`, h.event, tier)
	}
	h.exec(`INSERT INTO queue_heads (event_id) VALUES ($1)`, h.event)
	h.join(4)
	h.join(6)
	h.call(1, 1, 3)
	h.call(2, 4, 6)
	h.exec(`UPDATE spots SET status = 'left', left_at = now(), called_at = NULL, called_step = NULL, turn_ends_at = NULL WHERE id = $1`, h.spots[5])
	h.call(3, 7, 8)
	h.write(ledger.Returned, map[string]any{"spot": h.spots[6], "number": 7, "rule": "redeem"})
	h.write(ledger.Called, map[string]any{"step": 4, "from_number": 9, "to_number": 8, "again": []int64{7}})
	h.exec(`UPDATE spots SET called_step = 4 WHERE id = $1`, h.spots[6])

	h.buy(1, h.tier, 2)
	h.buy(2, h.tier, 1)
	h.buy(3, h.gift, 1)
	h.claim(4, h.tier, 2, "held")
	h.claim(5, h.tier, 1, "paying")
	late := h.claim(8, h.tier, 1, "expired")
	payment := h.pay(late, 8, price, "refund_due")
	h.exec(`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) VALUES (gen_random_uuid(), $1, $2, 'late', 'due')`, payment, price)
	return h
}

func (h *hall) join(n int) {
	h.t.Helper()
	from := len(h.spots) + 1
	var leaves [][32]byte
	for range n {
		fan, spot := uuid.New(), uuid.New()
		h.fans, h.spots = append(h.fans, fan), append(h.spots, spot)
		h.exec(`INSERT INTO accounts (id, email) VALUES ($1, $2)`, fan, fan.String()+"@audit.example")
		h.exec(`INSERT INTO spots (id, event_id, account_id, arrival) VALUES ($1, $2, $3, $4)`, spot, h.event, fan, len(h.spots))
		leaves = append(leaves, merkle.LeafHash(fmt.Appendf(nil, "%s:%d", spot, len(h.spots))))
	}
	h.exec(`UPDATE queue_heads SET arrivals = $2 WHERE event_id = $1`, h.event, len(h.spots))
	root := merkle.Root(leaves)
	h.write(ledger.Joined, map[string]any{"from": from, "to": len(h.spots), "root": hex.EncodeToString(root[:])})
}

func (h *hall) call(step, from, to int) {
	h.t.Helper()
	h.exec(`UPDATE spots SET status = 'called', called_at = now(), called_step = $2, turn_ends_at = now() + interval '2 minutes'
	        WHERE event_id = $1 AND arrival BETWEEN $3 AND $4`, h.event, step, from, to)
	h.exec(`UPDATE queue_heads SET serving = $2 WHERE event_id = $1`, h.event, to)
	h.write(ledger.Called, map[string]any{"step": step, "from_number": from, "to_number": to, "again": []int64{}})
}

// claim gives units of a tier to a fan who is inside.
func (h *hall) claim(fan int, tier uuid.UUID, n int, status string) uuid.UUID {
	h.t.Helper()
	id := uuid.New()
	worth := price * n
	if tier == h.gift {
		worth = 0
	}
	h.exec(`UPDATE spots SET status = 'inside', entered_at = now(), visit_ends_at = now() + interval '10 minutes' WHERE id = $1`, h.spots[fan-1])
	h.exec(`INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, created_at, expires_at, cap_at, limit_then)
	        VALUES ($1, $2, $3, $4, $5, $6, now() - interval '1 minute', now() + interval '10 minutes', now() + interval '30 minutes', 2)`,
		id, h.event, h.fans[fan-1], h.spots[fan-1], status, worth)
	state := map[string]string{"held": "held", "paying": "paying", "paid": "sold", "expired": "free"}[status]
	for i := range n {
		h.slot++
		h.exec(`INSERT INTO claim_lines (claim_id, line, unit_id, tier_id, price_kobo) SELECT $1, $2, id, tier_id, $3 FROM units WHERE tier_id = $4 AND slot = $5`,
			id, i+1, worth/n, tier, h.slot)
		h.exec(`UPDATE units SET state = $3, claim_id = CASE WHEN $3 <> 'free' THEN $4::uuid END,
		        held_until = CASE WHEN $3 = 'held' THEN now() + interval '10 minutes' END WHERE tier_id = $1 AND slot = $2`, tier, h.slot, state, id)
	}
	return id
}

func (h *hall) pay(claim uuid.UUID, fan int, amount int, status string) uuid.UUID {
	h.t.Helper()
	id := uuid.New()
	provider := "paystack"
	if amount == 0 {
		provider = "none"
	}
	h.exec(`INSERT INTO payments (id, claim_id, event_id, account_id, provider, reference, amount_kobo, status, deadline_at, received_kobo, requested_kobo, fees_kobo, settled_at)
	        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), $7, $7, 100, now())`, id, claim, h.event, h.fans[fan-1], provider, "fq-"+id.String(), amount, status)
	return id
}

func (h *hall) buy(fan int, tier uuid.UUID, n int) {
	h.t.Helper()
	claim := h.claim(fan, tier, n, "paid")
	h.exec(`UPDATE claims SET paid_at = now() WHERE id = $1`, claim)
	h.exec(`UPDATE spots SET status = 'done' WHERE id = $1`, h.spots[fan-1])
	amount := price * n
	if tier == h.gift {
		amount = 0
	}
	payment := h.pay(claim, fan, amount, "succeeded")
	h.exec(`INSERT INTO tickets (id, event_id, tier_id, unit_id, claim_id, payment_id, account_id, price_kobo)
	        SELECT gen_random_uuid(), $1, l.tier_id, l.unit_id, l.claim_id, $2, $3, l.price_kobo FROM claim_lines l WHERE l.claim_id = $4`,
		h.event, payment, h.fans[fan-1], claim)
}

func run(t testing.TB, c db.Conn, event uuid.UUID) map[string]audit.Result {
	t.Helper()
	results, err := audit.Run(t.Context(), c, nil, event)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]audit.Result{}
	for _, r := range results {
		by[r.Name] = r
		if r.Failure != (r.Name != audit.RedisHarmless) || len(r.Detail) > 20 || (r.Violations > 0) != (len(r.Detail) > 0) {
			t.Errorf("%+v", r)
		}
	}
	return by
}

func TestACleanSaleHasNoViolations(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	h := build(t, pool)
	other := build(t, pool) // what happens elsewhere is not counted here
	other.exec(`UPDATE payments SET received_kobo = received_kobo + 1 WHERE event_id = $1`, other.event)
	got := run(t, pool, h.event)
	want := map[string]int64{
		audit.NeverOversold: 20, audit.OneSpotPerFan: 10, audit.ArrivalGapless: 10, audit.NoLostSpot: 10, audit.NoOvertaking: 8,
		audit.DrawVerifies: 0, audit.WithinLimits: 6 + 6, audit.PaidMeansTicketOrRefund: 4, audit.TicketMeansPaid: 4, audit.MoneyAddsUp: 4,
		audit.RedisHarmless: 0,
	}
	if len(got) != len(want) {
		t.Errorf("%d results", len(got))
	}
	for name, checked := range want {
		if r := got[name]; r.Violations != 0 || r.Checked != checked {
			t.Errorf("%s: %d violations of %d (want %d): %v", name, r.Violations, r.Checked, checked, r.Detail)
		}
	}
}

func TestAnEmptySaleHasNoViolations(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	h := &hall{t: t, conn: tx, event: uuid.New()}
	org := uuid.New()
	h.exec(`INSERT INTO organizations (id, name) VALUES ($1, 'Hall')`, org)
	h.exec(`INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at) VALUES ($1, $2, $3, 'Night', 'Hall', 'UTC', now())`,
		h.event, org, "e-"+h.event.String())
	h.exec(`INSERT INTO sales (event_id, ordering, opens_at, closes_at, max_tickets_per_fan, admit_per_minute, max_inside, turn_seconds, visit_seconds, hold_seconds, grace_seconds)
	        VALUES ($1, 'draw', now(), now() + interval '1 day', 2, 60, 4, 120, 600, 600, 600)`, h.event)
	for name, r := range run(t, tx, h.event) {
		if r.Violations != 0 || r.Checked != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if _, err := audit.Run(t.Context(), tx, nil, uuid.New()); fault.Code(err) != "event_not_found" {
		t.Errorf("an unknown event: %v", err)
	}
}

// Every case breaks rows behind the back of the constraints and names the
// invariant that must notice. Others may notice too.
func TestEveryInvariantNoticesItsViolation(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	h := build(t, pool)
	fan := h.fans[0]
	for _, c := range []struct {
		name, invariant string
		sql             []string
		args            []any
	}{
		{"more units taken than the tier holds", audit.NeverOversold, []string{
			`UPDATE tiers SET capacity = 3 WHERE event_id = $1 AND ordinal = 0`}, nil},
		{"more units than the tier holds", audit.NeverOversold, []string{
			`INSERT INTO units (id, event_id, tier_id, slot) SELECT gen_random_uuid(), event_id, id, 11 FROM tiers WHERE event_id = $1 AND ordinal = 0`}, nil},
		{"a tier grew by more than the ledger says", audit.NeverOversold, []string{
			`INSERT INTO ledger (event_id, kind, body) SELECT event_id, 'stock_added', jsonb_build_object('tier', id, 'added', 1, 'capacity', 9) FROM tiers WHERE event_id = $1 AND ordinal = 0`}, nil},
		{"one place twice", audit.NeverOversold, []string{
			`UPDATE units SET slot = 9 WHERE event_id = $1 AND slot = 10`}, nil},
		{"two tickets for one unit", audit.NeverOversold, []string{`DROP INDEX tickets_live`,
			`UPDATE tickets SET unit_id = (SELECT unit_id FROM tickets WHERE event_id = $1 AND account_id = $2 LIMIT 1) WHERE event_id = $1 AND account_id <> $2 AND price_kobo > 0`}, []any{fan}},
		{"a sold unit is given out again", audit.NeverOversold, []string{
			`UPDATE units SET state = 'free', claim_id = NULL WHERE id = (SELECT unit_id FROM tickets WHERE event_id = $1 LIMIT 1)`}, nil},
		{"a held unit has another owner", audit.NeverOversold, []string{
			`UPDATE units SET claim_id = (SELECT id FROM claims WHERE event_id = $1 AND status = 'paying') WHERE id = (SELECT id FROM units WHERE event_id = $1 AND state = 'held' LIMIT 1)`}, nil},
		{"a unit was taken from somebody who pays", audit.NeverOversold, []string{
			`UPDATE units SET state = 'free', claim_id = NULL WHERE event_id = $1 AND state = 'paying'`}, nil},
		{"a unit is sold without being paid", audit.NeverOversold, []string{
			`UPDATE units SET state = 'sold' WHERE event_id = $1 AND state = 'paying'`}, nil},

		{"two spots for one fan", audit.OneSpotPerFan, []string{`ALTER TABLE spots DROP CONSTRAINT spots_event_id_account_id_key`,
			`UPDATE spots SET account_id = $2 WHERE event_id = $1 AND arrival = 10`}, []any{fan}},

		{"a gap", audit.ArrivalGapless, []string{`DELETE FROM spots WHERE event_id = $1 AND arrival = 9`}, nil},
		{"the end is missing", audit.ArrivalGapless, []string{`DELETE FROM spots WHERE event_id = $1 AND arrival = 10`}, nil},
		{"a repeat", audit.ArrivalGapless, []string{`ALTER TABLE spots DROP CONSTRAINT spots_event_id_arrival_key`,
			`UPDATE spots SET arrival = 9 WHERE event_id = $1 AND arrival = 10`}, nil},
		{"an arrival beyond the head", audit.ArrivalGapless, []string{`UPDATE queue_heads SET arrivals = 9 WHERE event_id = $1`}, nil},

		{"a spot is gone", audit.NoLostSpot, []string{`DELETE FROM spots WHERE event_id = $1 AND arrival = 10`}, nil},
		{"two spots changed places", audit.NoLostSpot, []string{
			`UPDATE spots SET arrival = 99 WHERE event_id = $1 AND arrival = 10`, `UPDATE spots SET arrival = 10 WHERE event_id = $1 AND arrival = 9`,
			`UPDATE spots SET arrival = 9 WHERE event_id = $1 AND arrival = 99`}, nil},
		{"somebody else's spot", audit.NoLostSpot, []string{`UPDATE spots SET id = gen_random_uuid() WHERE event_id = $1 AND arrival = 10`}, nil},
		{"a batch is gone", audit.NoLostSpot, []string{`DELETE FROM ledger WHERE event_id = $1 AND kind = 'joined' AND body->>'from' = '5'`}, nil},
		{"the first batch is gone", audit.NoLostSpot, []string{`DELETE FROM ledger WHERE event_id = $1 AND kind = 'joined' AND body->>'from' = '1'`}, nil},
		{"a batch twice", audit.NoLostSpot, []string{`INSERT INTO ledger (event_id, kind, body) SELECT event_id, kind, body FROM ledger WHERE event_id = $1 AND kind = 'joined' AND body->>'from' = '5'`}, nil},
		{"a batch of nonsense", audit.NoLostSpot, []string{`INSERT INTO ledger (event_id, kind, body) VALUES ($1, 'joined', '{"from": "x"}')`}, nil},
		{"the whole line is gone", audit.NoLostSpot, []string{`ALTER TABLE claims DROP CONSTRAINT claims_spot_id_fkey`, `DELETE FROM spots WHERE event_id = $1`}, nil},

		{"a waiting number was passed", audit.NoOvertaking, []string{`UPDATE spots SET status = 'joined', called_step = NULL WHERE event_id = $1 AND arrival = 2`}, nil},
		{"somebody called before their turn", audit.NoOvertaking, []string{
			`UPDATE spots SET status = 'called', called_at = now(), turn_ends_at = now(), called_step = 3 WHERE event_id = $1 AND arrival = 10`}, nil},
		{"inside without having been called", audit.NoOvertaking, []string{
			`UPDATE spots SET status = 'inside', entered_at = now(), visit_ends_at = now() WHERE event_id = $1 AND arrival = 10`}, nil},
		{"called by a later step than the number's", audit.NoOvertaking, []string{`UPDATE spots SET called_step = 3 WHERE event_id = $1 AND arrival = 1`}, nil},
		{"called by a step that nobody took", audit.NoOvertaking, []string{`UPDATE spots SET called_step = 77 WHERE event_id = $1 AND arrival = 1`}, nil},
		{"serving ran ahead", audit.NoOvertaking, []string{`UPDATE queue_heads SET serving = 10 WHERE event_id = $1`}, nil},
		{"a step is gone", audit.NoOvertaking, []string{`DELETE FROM ledger WHERE event_id = $1 AND kind = 'called' AND body->>'step' = '2'`}, nil},
		{"numbers called twice", audit.NoOvertaking, []string{
			`INSERT INTO ledger (event_id, kind, body) VALUES ($1, 'called', '{"step": 5, "from_number": 8, "to_number": 8, "again": []}')`}, nil},
		{"steps out of order", audit.NoOvertaking, []string{
			`INSERT INTO ledger (event_id, kind, body) VALUES ($1, 'called', '{"step": 1, "from_number": 9, "to_number": 8, "again": []}')`}, nil},
		{"called again without having asked", audit.NoOvertaking, []string{`DELETE FROM ledger WHERE event_id = $1 AND kind = 'returned'`}, nil},
		{"called again without being disclosed", audit.NoOvertaking, []string{`UPDATE spots SET called_step = 4 WHERE event_id = $1 AND arrival = 8`}, nil},
		{"a step of nonsense", audit.NoOvertaking, []string{`INSERT INTO ledger (event_id, kind, body) VALUES ($1, 'called', '{"step": "x"}')`}, nil},

		{"a claim above the limit", audit.WithinLimits, []string{`UPDATE claims SET limit_then = 1 WHERE event_id = $1 AND status = 'held'`}, nil},
		{"a claim on top of tickets", audit.WithinLimits, []string{
			`UPDATE tickets SET issued_at = now() - interval '1 hour' WHERE event_id = $1 AND account_id = $2`,
			`DROP TRIGGER claim_stays_of_its_spot ON claims`,
			`UPDATE claims SET account_id = $2 WHERE event_id = $1 AND status = 'held'`}, []any{fan}},
		{"more tickets than the limit ever was", audit.WithinLimits, []string{
			`UPDATE tickets SET account_id = $2 WHERE event_id = $1`}, []any{fan}},
		{"two open claims", audit.WithinLimits, []string{`DROP INDEX claims_open`, `DROP TRIGGER claim_stays_of_its_spot ON claims`,
			`UPDATE claims SET account_id = (SELECT account_id FROM claims WHERE event_id = $1 AND status = 'held') WHERE event_id = $1 AND status = 'paying'`}, nil},
		{"too many inside", audit.WithinLimits, []string{
			`UPDATE spots SET status = 'inside', entered_at = now() + arrival * interval '1 second', visit_ends_at = now() + interval '10 minutes' WHERE event_id = $1 AND arrival <= 5`}, nil},

		{"a payment without tickets", audit.PaidMeansTicketOrRefund, []string{`DELETE FROM tickets WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"a payment with one ticket too few", audit.PaidMeansTicketOrRefund, []string{
			`DELETE FROM tickets WHERE id = (SELECT id FROM tickets WHERE event_id = $1 AND account_id = $2 LIMIT 1)`}, []any{fan}},
		{"a refund that nobody asks for", audit.PaidMeansTicketOrRefund, []string{`DELETE FROM refunds WHERE payment_id IN (SELECT id FROM payments WHERE event_id = $1)`}, nil},
		{"too small a refund", audit.PaidMeansTicketOrRefund, []string{`UPDATE refunds SET amount_kobo = amount_kobo - 1 WHERE payment_id IN (SELECT id FROM payments WHERE event_id = $1)`}, nil},
		{"a free order without its ticket", audit.PaidMeansTicketOrRefund, []string{`DELETE FROM tickets WHERE event_id = $1 AND price_kobo = 0`}, nil},

		{"a ticket of a payment that failed", audit.TicketMeansPaid, []string{
			`UPDATE payments SET status = 'failed', settled_at = NULL, received_kobo = NULL WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"a ticket of a payment that goes back", audit.TicketMeansPaid, []string{`UPDATE payments SET status = 'refund_due' WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"a ticket of somebody else's payment", audit.TicketMeansPaid, []string{
			`UPDATE tickets SET payment_id = (SELECT payment_id FROM tickets WHERE event_id = $1 AND account_id = $2 LIMIT 1) WHERE event_id = $1 AND account_id <> $2 AND price_kobo > 0`}, []any{fan}},
		{"a ticket given to somebody else", audit.TicketMeansPaid, []string{`UPDATE tickets SET account_id = $2 WHERE event_id = $1 AND price_kobo = 0`}, []any{fan}},
		{"a priced ticket for nothing", audit.TicketMeansPaid, []string{`UPDATE tickets SET price_kobo = 1 WHERE event_id = $1 AND price_kobo = 0`}, nil},
		{"an underpaid ticket", audit.TicketMeansPaid, []string{`UPDATE payments SET received_kobo = received_kobo - 1 WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"two successes of one claim", audit.TicketMeansPaid, []string{`DROP INDEX payments_success`,
			`INSERT INTO payments SELECT (p).* FROM (SELECT jsonb_populate_record(q, jsonb_build_object('id', gen_random_uuid(), 'reference', 'fq-again')) AS p FROM payments q WHERE q.event_id = $1 AND q.account_id = $2) x`}, []any{fan}},

		{"a kobo too much", audit.MoneyAddsUp, []string{`UPDATE payments SET received_kobo = received_kobo + 1 WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"a kobo too little", audit.MoneyAddsUp, []string{`UPDATE payments SET received_kobo = received_kobo - 1 WHERE event_id = $1 AND status = 'refund_due'`}, nil},
		{"a ticket that ended without a refund", audit.MoneyAddsUp, []string{`UPDATE tickets SET status = 'void', ended_at = now() WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"a ticket that was returned, and nobody gets the money", audit.MoneyAddsUp, []string{
			`UPDATE tickets SET status = 'returned', ended_at = now() WHERE id = (SELECT id FROM tickets WHERE event_id = $1 AND account_id = $2 LIMIT 1)`}, []any{fan}},
		{"a refund that is for other tickets", audit.MoneyAddsUp, []string{
			`UPDATE tickets SET status = 'returned', ended_at = now() WHERE id = (SELECT id FROM tickets WHERE event_id = $1 AND account_id = $2 LIMIT 1)`,
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, amount_kobo / 2, 'x', 'due' FROM payments WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"two payments whose faults cancel out", audit.MoneyAddsUp, []string{
			`UPDATE payments SET received_kobo = received_kobo + 5 WHERE event_id = $1 AND account_id = $2`,
			`UPDATE payments SET received_kobo = received_kobo - 5 WHERE event_id = $1 AND account_id <> $2 AND status = 'succeeded' AND amount_kobo > 0`}, []any{fan}},
		{"part of the price is back, and the ticket is worth all of it", audit.MoneyAddsUp, []string{
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, 100, 'organizer', 'processed' FROM payments WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"a ticket is worth less, and nothing of it is back", audit.MoneyAddsUp, []string{
			`UPDATE tickets SET reduced_kobo = 100 WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"the same refund twice", audit.MoneyAddsUp, []string{
			`INSERT INTO refunds SELECT (r).* FROM (SELECT jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid())) AS r FROM refunds o JOIN payments p ON p.id = o.payment_id WHERE p.event_id = $1) x`}, nil},
		{"a refund of what never came", audit.MoneyAddsUp, []string{
			`INSERT INTO payments (id, claim_id, event_id, account_id, provider, reference, amount_kobo, status, deadline_at)
			 SELECT gen_random_uuid(), claim_id, event_id, account_id, 'paystack', 'fq-never', 7, 'failed', now() FROM payments WHERE event_id = $1 AND status = 'refund_due'`,
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, 7, 'x', 'due' FROM payments WHERE event_id = $1 AND status = 'failed'`}, nil},
		{"called refunded before it is", audit.MoneyAddsUp, []string{`UPDATE payments SET status = 'refunded' WHERE event_id = $1 AND status = 'refund_due'`}, nil},
		{"it waits for a refund that is done", audit.MoneyAddsUp, []string{
			`UPDATE refunds SET status = 'processed' WHERE payment_id IN (SELECT id FROM payments WHERE event_id = $1)`}, nil},
		{"fees of the buyer stay although no ticket is good", audit.MoneyAddsUp, []string{
			`UPDATE payments SET received_kobo = amount_kobo + fees_kobo, status = 'refund_due' WHERE event_id = $1 AND account_id = $2`,
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, amount_kobo, 'return', 'due' FROM payments WHERE event_id = $1 AND account_id = $2`,
			returnAll}, []any{fan}},
		{"charged back without a dispute", audit.MoneyAddsUp, []string{
			`UPDATE tickets SET status = 'void', ended_at = now() WHERE event_id = $1 AND account_id = $2`,
			`UPDATE payments SET status = 'charged_back' WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"charged back although the dispute was won", audit.MoneyAddsUp, []string{
			`UPDATE tickets SET status = 'void', ended_at = now() WHERE event_id = $1 AND account_id = $2`,
			`UPDATE payments SET status = 'charged_back' WHERE event_id = $1 AND account_id = $2`, disputeWon}, []any{fan}},
		{"kept although the dispute was lost", audit.MoneyAddsUp, []string{
			`INSERT INTO disputes (id, payment_id, provider_dispute_id, status, amount_kobo, resolved_at)
			 SELECT gen_random_uuid(), id, 'lost', 'lost', amount_kobo, now() FROM payments WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"good tickets of a payment that a bank took back", audit.TicketMeansPaid, []string{
			`UPDATE payments SET status = 'charged_back' WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"a good ticket of an order that was given back", audit.TicketMeansPaid, []string{
			`UPDATE claims SET status = 'refunded' WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"the provider sent back what is not in the books", audit.MoneyAddsUp, []string{
			`INSERT INTO stray_refunds (provider_refund_id, payment_id, amount_kobo, look_at, misfit)
			 SELECT 'stray', id, 1, now(), true FROM payments WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"a refund for a live ticket", audit.MoneyAddsUp, []string{
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, 1, 'x', 'processed' FROM payments WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
	} {
		t.Run(c.invariant+"/"+c.name, func(t *testing.T) {
			broken(t, pool, func(h *hall) {
				for _, sql := range c.sql {
					h.exec(sql, argsOf(sql, h.event, c.args)...)
				}
				if r := run(t, h.conn, h.event)[c.invariant]; r.Violations == 0 {
					t.Errorf("not noticed: %+v", r)
				}
			}, h.event)
		})
	}
	// Nothing of it stayed.
	for name, r := range run(t, pool, h.event) {
		if r.Violations != 0 {
			t.Errorf("%s: %v", name, r.Detail)
		}
	}
}

// What the organizer changed while the sale ran, and what is owed or went back,
// is no violation.
func TestNoViolationIsMadeUp(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	h := build(t, pool)
	fan := h.fans[0]
	for _, c := range []struct {
		name string
		sql  []string
		args []any
	}{
		{"max_inside was lowered", []string{
			`UPDATE spots SET status = 'inside', entered_at = now() + arrival * interval '1 second', visit_ends_at = now() + interval '10 minutes' WHERE event_id = $1 AND arrival BETWEEN 1 AND 4`,
			`UPDATE sales SET max_inside = 1 WHERE event_id = $1`,
			`INSERT INTO ledger (event_id, kind, body) VALUES ($1, 'sale_changed', '{"changes": {"max_inside": {"from": 6, "to": 1}, "message": {"from": "", "to": "x"}}}')`}, nil},
		{"the limit was lowered", []string{
			`UPDATE sales SET max_tickets_per_fan = 1 WHERE event_id = $1`,
			`INSERT INTO ledger (event_id, kind, body) VALUES ($1, 'sale_changed', '{"changes": {"max_tickets_per_fan": {"from": 2, "to": 1}}}')`}, nil},
		{"a hold was taken over after its time", []string{
			`UPDATE claims SET expires_at = now() - interval '1 second' WHERE event_id = $1 AND status = 'held'`,
			`UPDATE units SET state = 'free', claim_id = NULL, held_until = NULL WHERE event_id = $1 AND state = 'held'`}, nil},
		{"a returned ticket is a refund due", []string{
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, amount_kobo, 'return', 'due' FROM payments WHERE event_id = $1 AND account_id = $2`,
			returnAll, freeAll, orderBack}, []any{fan}},
		{"one of two tickets was returned, and the fees of the buyer stay with the other", []string{
			`UPDATE payments SET received_kobo = amount_kobo + fees_kobo WHERE event_id = $1 AND account_id = $2`,
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, amount_kobo / 2, 'return', 'processed' FROM payments WHERE event_id = $1 AND account_id = $2`,
			`WITH k AS (UPDATE tickets SET status = 'returned', ended_at = now(), refund_id = (SELECT r.id FROM refunds r WHERE r.payment_id = tickets.payment_id)
			    WHERE id = (SELECT id FROM tickets WHERE event_id = $1 AND account_id = $2 LIMIT 1) RETURNING unit_id)
			 UPDATE units u SET state = 'free', claim_id = NULL FROM k WHERE u.id = k.unit_id`}, []any{fan}},
		{"part of the price went back while the tickets stay good", []string{
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, 150, 'organizer', 'failed' FROM payments WHERE event_id = $1 AND account_id = $2`,
			`UPDATE tickets SET reduced_kobo = 75 WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"all of the money went back, with the fees that the buyer bore", []string{
			`UPDATE payments SET received_kobo = amount_kobo + fees_kobo WHERE event_id = $1 AND account_id = $2`,
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, received_kobo, 'return', 'processed' FROM payments WHERE event_id = $1 AND account_id = $2`,
			returnAll, freeAll, orderBack, `UPDATE payments SET status = 'refunded' WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"tickets were returned while a claim was held, and it was changed for as many", []string{
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, amount_kobo, 'return', 'due' FROM payments WHERE event_id = $1 AND account_id = $2`,
			returnAll, freeAll, orderBack,
			`UPDATE tickets SET issued_at = now() - interval '2 hours', ended_at = now() - interval '30 minutes' WHERE event_id = $1 AND account_id = $2`,
			`INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, created_at, expires_at, cap_at, limit_then)
			 SELECT gen_random_uuid(), $1, $2, p.id, 'held', 0, now() - interval '1 hour', now() + interval '9 minutes', now() + interval '9 minutes', 2 FROM spots p WHERE p.event_id = $1 AND p.account_id = $2`,
			`WITH u AS (
			    UPDATE units u SET state = 'held', claim_id = c.id, held_until = c.expires_at FROM claims c, tiers t
			    WHERE c.event_id = $1 AND c.account_id = $2 AND c.status = 'held' AND t.event_id = $1 AND t.ordinal = 0 AND u.tier_id = t.id AND u.slot IN (9, 10)
			    RETURNING u.id, u.tier_id, u.claim_id, u.slot
			 ) INSERT INTO claim_lines (claim_id, line, unit_id, tier_id, price_kobo) SELECT claim_id, slot, id, tier_id, 0 FROM u`,
			`INSERT INTO ledger (event_id, kind, body) SELECT $1, 'claim_changed', jsonb_build_object('claim', c.id) FROM claims c WHERE c.event_id = $1 AND c.account_id = $2 AND c.status = 'held'`}, []any{fan}},
		{"a refund that is seen at the provider and is being written down", []string{
			`INSERT INTO stray_refunds (provider_refund_id, payment_id, amount_kobo, look_at)
			 SELECT 'ours', id, 1, now() FROM payments WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"the buyer paid the fee", []string{
			`UPDATE payments SET received_kobo = amount_kobo + fees_kobo WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"overpaid, and the difference goes back", []string{
			`UPDATE payments SET received_kobo = amount_kobo + 7 WHERE event_id = $1 AND account_id = $2`,
			`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) SELECT gen_random_uuid(), id, 7, 'overpaid', 'pending' FROM payments WHERE event_id = $1 AND account_id = $2`}, []any{fan}},
		{"charged back", []string{
			`UPDATE payments SET status = 'charged_back' WHERE event_id = $1 AND account_id = $2`,
			`INSERT INTO disputes (id, payment_id, provider_dispute_id, status, amount_kobo) SELECT gen_random_uuid(), id, 'open', 'open', amount_kobo FROM payments WHERE event_id = $1 AND account_id = $2`,
			`UPDATE tickets SET status = 'void', ended_at = now() WHERE event_id = $1 AND account_id = $2`,
			`UPDATE units SET state = 'free', claim_id = NULL WHERE id IN (SELECT unit_id FROM tickets WHERE event_id = $1 AND account_id = $2)`}, []any{fan}},
		{"somebody left after their turn", []string{
			`UPDATE spots SET status = 'left', left_at = now() WHERE event_id = $1 AND arrival = 7`}, nil},
		{"somebody passed asks again", []string{
			`UPDATE spots SET status = 'joined', left_at = NULL, again = 'behind', again_seq = 1, again_after = 10 WHERE event_id = $1 AND arrival = 6`,
			`INSERT INTO ledger (event_id, kind, body) VALUES ($1, 'returned', '{"number": 6, "rule": "behind"}')`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			broken(t, pool, func(h *hall) {
				for _, sql := range c.sql {
					h.exec(sql, argsOf(sql, h.event, c.args)...)
				}
				for name, r := range run(t, h.conn, h.event) {
					if r.Violations != 0 {
						t.Errorf("%s: %v", name, r.Detail)
					}
				}
			}, h.event)
		})
	}
}

func TestOnlyTheFirstTwentyAreNamed(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	h := build(t, tx)
	h.join(30)
	h.exec(`DELETE FROM ledger WHERE event_id = $1 AND kind = 'joined'`, h.event)
	h.exec(`DELETE FROM spots WHERE event_id = $1 AND arrival > 10`, h.event)
	got := run(t, tx, h.event)
	for _, name := range []string{audit.ArrivalGapless, audit.NoLostSpot} {
		if r := got[name]; r.Violations < 10 || len(r.Detail) > 20 {
			t.Errorf("%+v", r)
		}
	}
	if r := got[audit.ArrivalGapless]; r.Violations != 30 || len(r.Detail) != 20 {
		t.Errorf("%+v", r)
	}
}

// broken runs fn in a transaction that is rolled back.
func broken(t *testing.T, pool interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}, fn func(h *hall), event uuid.UUID) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background()) //nolint:errcheck // that is the point
	fn(&hall{t: t, conn: tx, event: event})
}

// argsOf gives a statement the arguments it mentions.
func argsOf(sql string, event uuid.UUID, more []any) []any {
	var args []any
	for i, a := range append([]any{event}, more...) {
		if strings.Contains(sql, fmt.Sprintf("$%d", i+1)) {
			args = append(args, a)
		}
	}
	return args
}
