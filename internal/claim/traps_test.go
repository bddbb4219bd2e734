package claim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// The traps of DESIGN.md "Claim", each with the obvious way that falls into it.

// stated is the text of a statement of the product.
func stated(t *testing.T, name string) string {
	t.Helper()
	src, err := os.ReadFile("../db/claimdb/claim.sql.go")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)`-- name: " + name + " :\\w+\n(.*?)`").FindSubmatch(src)
	if m == nil {
		t.Fatalf("no statement %s", name)
	}
	return string(m[1])
}

// work is what a statement did: the rows that it read in tables, and the pages.
type work struct{ rows, pages float64 }

// explain runs a statement, undoes it, and says what it did.
func explain(t *testing.T, tx pgx.Tx, sql string, args ...any) (w work) {
	t.Helper()
	var raw []byte
	if err := tx.QueryRow(t.Context(), `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) `+sql, args...).Scan(&raw); err != nil {
		t.Fatal(err)
	}
	var plans []struct{ Plan map[string]any }
	if err := json.Unmarshal(raw, &plans); err != nil {
		t.Fatal(err)
	}
	number := func(node map[string]any, key string) float64 { n, _ := node[key].(float64); return n }
	w.pages = number(plans[0].Plan, "Shared Hit Blocks") + number(plans[0].Plan, "Shared Read Blocks")
	var walk func(node map[string]any)
	walk = func(node map[string]any) {
		if node["Relation Name"] == "units" {
			w.rows += (number(node, "Actual Rows") + number(node, "Rows Removed by Filter") + number(node, "Rows Removed by Index Recheck")) * number(node, "Actual Loops")
		}
		below, _ := node["Plans"].([]any)
		for _, n := range below {
			walk(n.(map[string]any))
		}
	}
	walk(plans[0].Plan)
	return w
}

// Who orders units by their key walks past every one that is sold, for each ticket, ever longer as the sale goes on.
func TestTrapWalkingPastSoldUnits(t *testing.T) {
	t.Parallel()
	const capacity, sold = 5000, 4900
	h := open(t, func(n *sale.NewSale) { n.Tiers[0].Capacity = capacity })
	h.sql(`ALTER TABLE units SET (autovacuum_enabled = false)`)
	of := h.mustHold(h.fans(1)[0], 1, 1).ID
	// Each way has sold the units that it takes first.
	for way, order := range map[string]string{"naive": "id", "ours": "slot"} {
		t.Run(way, func(t *testing.T) {
			h.sql(`UPDATE units SET state = 'free', claim_id = NULL, held_until = NULL WHERE tier_id = $1`, h.tier(0))
			h.sql(`UPDATE units SET state = 'sold', claim_id = $2 WHERE id IN (SELECT id FROM units WHERE tier_id = $1 ORDER BY `+order+` LIMIT $3)`, h.tier(0), of, sold)
			h.sql(`VACUUM ANALYZE units`)
			tx, err := h.pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
			if way == "naive" {
				if w := explain(t, tx, `SELECT id FROM units WHERE tier_id = $1 AND state = 'free' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED`, h.tier(0)); w.rows < sold/2 && w.pages < 100 {
					t.Errorf("the naive way read only %v: this is no trap any more", w)
				}
				return
			}
			for name, args := range map[string][]any{"PickUnits": {h.tier(0), 0, 1}, "PickUnitsWaiting": {h.tier(0), 1}} {
				if w := explain(t, tx, stated(t, name), args...); w.rows > 5 || w.pages > 30 {
					t.Errorf("%s read %v for one ticket", name, w)
				}
			}
		})
	}
}

// Of a tier that has just been published the planner knows nothing. Where it knows many others, it believes that this one
// is as small as they are, and reads and sorts all of its units for each batch.
func TestTrapANewTier(t *testing.T) {
	t.Parallel()
	const capacity, maxBatch = 20_000, 256
	h := open(t, nil)
	h.sql(`ALTER TABLE units SET (autovacuum_enabled = false)`)
	h.sql(`ALTER TABLE units ALTER tier_id SET STATISTICS 1`) // 60 tiers are as many as thousands
	h.sql(`INSERT INTO tiers (id, event_id, ordinal, name, price_kobo, capacity) SELECT gen_random_uuid(), $1, n, 'Tier ' || n, 1, $2 FROM generate_series(2, 61) n`, h.event.ID(), capacity)
	h.sql(`INSERT INTO units (id, event_id, tier_id, slot) SELECT gen_random_uuid(), event_id, id, n FROM tiers, generate_series(1, 100) n WHERE ordinal BETWEEN 2 AND 60`)
	h.sql(`ANALYZE units`)
	var tier uuid.UUID
	if err := h.pool.QueryRow(t.Context(), `SELECT id FROM tiers WHERE ordinal = 61`).Scan(&tier); err != nil {
		t.Fatal(err)
	}
	h.sql(`INSERT INTO units (id, event_id, tier_id, slot) SELECT gen_random_uuid(), $1, $2, n FROM generate_series(1, $3::int) n`, h.event.ID(), tier, capacity)
	tx, err := h.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if w := explain(t, tx, stated(t, "PickUnits"), tier, 0, maxBatch); w.rows < capacity {
		t.Errorf("the planner found the way by itself, reading %v: this is no trap any more", w)
	}
	if _, err := tx.Exec(t.Context(), stated(t, "BySlot")); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]any{"PickUnits": {tier, 0, maxBatch}, "PickUnitsWaiting": {tier, maxBatch}} {
		if w := explain(t, tx, stated(t, name), args...); w.rows > 2*maxBatch {
			t.Errorf("%s read %v for %d tickets", name, w, maxBatch)
		}
	}
}

// Rows that others have locked are skipped, and come back when those do not get all they want: who believes the first
// look refuses tickets that then stay free.
func TestTrapSkippedIsNotSoldOut(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fans := h.fans(4)
	other, err := h.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(t.Context(), `SELECT id FROM units WHERE tier_id = $1 FOR UPDATE`, h.tier(0)); err != nil {
		t.Fatal(err)
	}
	if n := h.count(`SELECT count(*) FROM (SELECT id FROM units WHERE tier_id = $1 AND state = 'free' ORDER BY slot LIMIT 1 FOR UPDATE SKIP LOCKED) u`, h.tier(0)); n != 0 {
		t.Fatalf("the naive way finds %d units: this is no trap any more", n)
	}
	var wg sync.WaitGroup
	for _, fan := range fans {
		wg.Go(func() {
			if _, err := h.hold(fan, 0, 2); err != nil {
				t.Error(err)
			}
		})
	}
	h.until(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, 1)
	if err := other.Rollback(t.Context()); err != nil { // they did not get all they wanted
		t.Fatal(err)
	}
	wg.Wait()
	if u := h.units(0); u["held"] != 8 || u["free"] != 2 {
		t.Fatalf("%v", u)
	}
	h.sound()
}

// until waits until a count is at least n.
func (h *hall) until(q string, n int, args ...any) {
	h.Helper()
	for deadline := time.Now().Add(30 * time.Second); h.count(q, args...) < n; {
		if time.Now().After(deadline) {
			h.Fatalf("never: %s", q)
		}
	}
}

// A hold that is past is nobody's: where the limit counts what was granted, or one open claim is one row, it stays in its
// fan's way until a sweeper comes by.
func TestTrapALimitThatSticks(t *testing.T) {
	t.Parallel()
	for name, hold := range map[string]func(h *hall, fan uuid.UUID) (claim.Claim, error){
		"in a batch": func(h *hall, fan uuid.UUID) (claim.Claim, error) { return h.hold(fan, 0, 4) },
		"alone": func(h *hall, fan uuid.UUID) (claim.Claim, error) {
			return h.claims.Hold(h.Context(), h.event, fan, claim.Request{Seats: h.ids("B1", "B2", "B3", "B4")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, func(n *sale.NewSale) {
				if name == "alone" {
					seated(n)
				}
			})
			fan := h.fans(1)[0]
			first, err := hold(h, fan)
			if err != nil {
				t.Fatal(err)
			}
			_, err = hold(h, fan)
			code(t, err, "claim_open")
			h.pass(first.ID)
			if n := h.count(`SELECT count(*) FROM units u JOIN claims c ON c.id = u.claim_id WHERE c.account_id = $1`, fan); n != 4 {
				t.Fatalf("the naive count is %d: this is no trap any more", n)
			}
			_, err = h.pool.Exec(t.Context(), `INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, expires_at, cap_at, limit_then)
				SELECT gen_random_uuid(), event_id, account_id, spot_id, 'held', 0, now(), now(), 4 FROM claims WHERE id = $1`, first.ID)
			if pe, ok := errors.AsType[*pgconn.PgError](err); !ok || pe.ConstraintName != "claims_open" {
				t.Fatalf("the naive insert: %v: this is no trap any more", err)
			}
			second, err := hold(h, fan)
			if err != nil || len(second.Lines) != 4 {
				t.Fatal(second, err)
			}
			if n := h.count(`SELECT count(*) FROM ledger WHERE kind = 'claim_ended' AND body->>'claim' = $1`, first.ID.String()); n != 1 {
				t.Errorf("the end of the first claim is written down %d times", n)
			}
			h.sound()
		})
	}
}

// together lets fans ask so that one batch serves them all: they come while the one before cannot go on.
func (h *hall) together(asks map[uuid.UUID]int) map[uuid.UUID]error {
	h.Helper()
	first := h.fans(1)[0]
	gate, err := h.pool.Begin(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	if _, err := gate.Exec(h.Context(), `LOCK TABLE units IN ACCESS EXCLUSIVE MODE`); err != nil {
		h.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := h.hold(first, 0, 1); err != nil {
			h.Error(err)
		}
	})
	h.until(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, 1)
	var mu sync.Mutex
	out := map[uuid.UUID]error{}
	for fan, n := range asks {
		wg.Go(func() {
			_, err := h.hold(fan, 0, n)
			mu.Lock()
			defer mu.Unlock()
			out[fan] = err
		})
	}
	for h.claims.Waiting(h.event.ID(), h.tier(0)) < len(asks) {
		runtime.Gosched()
	}
	if err := gate.Rollback(h.Context()); err != nil {
		h.Fatal(err)
	}
	wg.Wait()
	return out
}

// Many fans are served by one transaction. What is wrong with one of them would undo the claims of all.
func TestTrapOneMemberFailsTheOthers(t *testing.T) {
	t.Parallel()
	h := open(t, func(n *sale.NewSale) { n.Tiers[0].Capacity = 20 })
	fans := h.fans(12)
	good, holds, rich, late, stranger, left := fans[:6], fans[6], fans[7], fans[8], uuid.New(), fans[9]
	h.mustHold(holds, 1, 1)
	bought := h.mustHold(rich, 1, 2)
	h.pay(bought.ID)
	h.confirm(bought.ID)
	h.sql(`UPDATE spots SET visit_ends_at = now() - interval '1 minute' WHERE account_id = $1`, late)
	h.sql(`UPDATE spots SET status = 'left', left_at = now() WHERE account_id = $1`, left)
	h.sql(`UPDATE spots SET status = 'called', entered_at = NULL, visit_ends_at = NULL WHERE account_id = ANY($1)`, append([]uuid.UUID{rich}, good[:3]...))

	// The naive way: one of many inserts fails, and with it all.
	err := pgx.BeginFunc(t.Context(), h.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, expires_at, cap_at, limit_then)
			SELECT gen_random_uuid(), event_id, account_id, id, 'held', 0, now() + interval '1 minute', now() + interval '1 minute', 4 FROM spots WHERE account_id = ANY($1)`, append([]uuid.UUID{holds}, good...))
		return err
	})
	if pe, ok := errors.AsType[*pgconn.PgError](err); !ok || pe.ConstraintName != "claims_open" {
		t.Fatalf("the naive insert: %v: this is no trap any more", err)
	}

	want := map[uuid.UUID]string{holds: "claim_open", rich: "limit_reached", late: "admission_expired", stranger: "not_admitted", left: "not_admitted"}
	asks := map[uuid.UUID]int{holds: 1, rich: 3, late: 1, stranger: 1, left: 1}
	for _, fan := range good {
		asks[fan] = 2
	}
	for fan, err := range h.together(asks) {
		code(t, err, want[fan])
	}
	if n := h.count(`SELECT count(*) FROM ledger l WHERE kind = 'claim_granted' AND (SELECT count(*) FROM ledger k WHERE k.xid = l.xid AND k.kind = 'claim_granted') = 6`); n != 6 {
		t.Errorf("%d claims were granted by one transaction, want 6", n)
	}
	// Who used their admission is inside, with tickets or without.
	if n := h.count(`SELECT count(*) FROM spots WHERE account_id = ANY($1) AND status = 'inside' AND visit_ends_at > now()`, append([]uuid.UUID{rich}, good...)); n != 7 {
		t.Errorf("%d of 7 are inside", n)
	}
	h.sound()
}

// What nobody foresaw fails the whole transaction: then it is each for themselves.
func TestABatchThatFailsIsTriedOneByOne(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fans := h.fans(4)
	h.sql(`CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'spoilt'; END $$`)
	h.sql(`CREATE TRIGGER spoil BEFORE INSERT ON claims FOR EACH ROW WHEN (NEW.account_id = '` + fans[0].String() + `') EXECUTE FUNCTION spoil()`)
	asks := map[uuid.UUID]int{}
	for _, fan := range fans {
		asks[fan] = 2
	}
	for fan, err := range h.together(asks) {
		if (err != nil) != (fan == fans[0]) {
			t.Errorf("%v", err)
		}
		if fan == fans[0] && fault.From(err).Kind != fault.Internal {
			t.Errorf("the spoilt one is told %v", err)
		}
	}
	h.sound()
}

// A fan who is busy with something else at this moment is not waited for by the others.
func TestABatchWaitsForNobody(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fans := h.fans(2)
	busy, err := h.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := busy.Exec(t.Context(), `SELECT id FROM spots WHERE account_id = $1 FOR UPDATE`, fans[0]); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := h.hold(fans[0], 0, 1); err != nil {
			t.Error(err)
		}
	})
	h.until(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, 1)
	h.mustHold(fans[1], 0, 1)
	if err := busy.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	h.sound()
}

// A commit may happen without anybody hearing of it. The claim that it made is found again, and no second one is made.
func TestAClaimThatWasNotHeardOfIsFound(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fan := h.fans(1)[0]
	first, second, err := h.claims.GrantTwice(t.Context(), h.event.ID(), fan, claim.Request{TierID: h.tier(0), Quantity: 2})
	if err != nil {
		t.Fatal(err)
	}
	if first.ID != second.ID || len(second.Lines) != 2 || second.Total != first.Total || !second.ExpiresAt.Equal(first.ExpiresAt) {
		t.Fatalf("\n%+v\n%+v", first, second)
	}
	if u := h.units(0); u["held"] != 2 {
		t.Fatalf("%v", u)
	}
	h.sound()
}

// What is only held may come back, what is sold does not: they are told apart.
func TestHeldIsNotSold(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	f := h.fans(3)
	c := h.mustHold(f[0], 1, 2)
	h.mustHold(f[1], 1, 1)
	_, held := h.hold(f[2], 1, 1)
	code(t, held, "sold_out")
	if n := fault.From(held).Extra["held"]; n != int64(3) {
		t.Errorf("held: %v", n)
	}
	h.pay(c.ID)
	h.confirm(c.ID)
	_, one := h.hold(f[2], 1, 1)
	if n := fault.From(one).Extra["held"]; n != int64(1) {
		t.Errorf("held: %v", n)
	}
	h.sql(`UPDATE units SET state = 'sold', held_until = NULL WHERE tier_id = $1 AND state = 'held'`, h.tier(1))
	_, sold := h.hold(f[2], 1, 1)
	code(t, sold, "sold_out")
	if n := fault.From(sold).Extra["held"]; n != int64(0) {
		t.Errorf("held: %v", n)
	}
	if fault.From(sold).Message == fault.From(held).Message {
		t.Errorf("both are told %q", fault.From(sold).Message)
	}
}

// What foreign keys said row by row a trigger says of all rows of a statement: a claim is of the fan and the sale of its
// spot, and all of them stay.
func TestAClaimIsOfItsSpot(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fans := h.fans(2)
	fan, other := fans[0], fans[1]
	h.mustHold(fan, 1, 1)
	const copied = `INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, expires_at, cap_at, limit_then)
		SELECT gen_random_uuid(), %s, %s, c.spot_id, 'released', 0, now(), now(), 1 FROM claims c WHERE c.account_id = $1 AND $2::uuid IS NOT NULL`
	for name, c := range map[string]struct {
		sql   string
		other any
	}{
		"a claim of somebody else's spot": {fmt.Sprintf(copied, "c.event_id", "$2"), other},
		"a claim of nobody":               {fmt.Sprintf(copied, "c.event_id", "$2"), uuid.New()},
		"a claim in another sale":         {fmt.Sprintf(copied, "$2", "c.account_id"), uuid.New()},
		"a claim given away":              {`UPDATE claims SET account_id = $2 WHERE account_id = $1`, other},
		"a claim moved":                   {`UPDATE claims SET event_id = $2 WHERE account_id = $1`, uuid.New()},
		"a spot with a claim given away":  {`UPDATE spots SET account_id = $2 WHERE account_id = $1`, uuid.New()},
		"a spot with a claim deleted":     {`DELETE FROM spots WHERE account_id = $1 AND $2::uuid IS NOT NULL`, other},
	} {
		_, err := h.pool.Exec(t.Context(), c.sql, fan, c.other)
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "23503" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := h.count(`SELECT count(*) FROM claims WHERE account_id = $1`, fan); n != 1 {
		t.Errorf("%d claims", n)
	}
}
