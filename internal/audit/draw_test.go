package audit_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/audit"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/ledger"
	"fairqueue/internal/merkle"
	"fairqueue/internal/shuffle"
)

const lobby = 9

// buildDraw is a sale that drew the order of nine with a beacon; two came later, numbers 1 to 4 were called, and the fan
// with number 2 asked for the missed turn again.
func buildDraw(t testing.TB, conn db.Conn) *hall {
	t.Helper()
	h := &hall{t: t, conn: conn, event: uuid.New()}
	org := uuid.New()
	h.exec(`INSERT INTO organizations (id, name) VALUES ($1, 'Hall')`, org)
	h.exec(`INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at)
	        VALUES ($1, $2, $3, 'Night', 'Hall', 'Africa/Lagos', now() + interval '9 days')`, h.event, org, "e-"+h.event.String())
	h.exec(`INSERT INTO sales (event_id, state, ordering, lobby_opens_at, opens_at, closes_at, max_tickets_per_fan, admit_per_minute, max_inside,
	                           turn_seconds, visit_seconds, hold_seconds, grace_seconds, published_at, opened_at, beacon_name, beacon_round)
	        VALUES ($1, 'open', 'draw', now() - interval '2 hours', now() - interval '1 hour', now() + interval '1 day', 2, 60, 4, 120, 600, 600, 600, now(), now(), 'Dice', 3)`, h.event)
	h.exec(`INSERT INTO queue_heads (event_id) VALUES ($1)`, h.event)
	secret := sha256.Sum256([]byte("secret of " + h.event.String()))
	commitment := sha256.Sum256(secret[:])
	h.exec(`INSERT INTO draws (event_id, commitment, committed_at, beacon_round) VALUES ($1, $2, now() - interval '3 hours', 3)`, h.event, commitment[:])
	h.write(ledger.DrawCommitted, map[string]any{"commitment": hex.EncodeToString(commitment[:])})
	h.join(4)
	h.join(lobby - 4)
	h.exec(`UPDATE queue_heads SET lobby_size = arrivals WHERE event_id = $1`, h.event)
	h.exec(`UPDATE draws SET frozen_at = now() - interval '2 minutes' WHERE event_id = $1`, h.event)
	h.write(ledger.DrawFrozen, map[string]any{"lobby_size": lobby, "round": 3})
	h.join(2)
	var leaves [][32]byte
	for i, spot := range h.spots[:lobby] {
		leaves = append(leaves, merkle.LeafHash(fmt.Appendf(nil, "%s:%d", spot, i+1)))
	}
	root := merkle.Root(leaves)
	h.exec(`UPDATE draws SET root = $2, rooted_at = now() - interval '1 minute' WHERE event_id = $1`, h.event, root[:])
	h.write(ledger.DrawRooted, map[string]any{"lobby_size": lobby, "root": hex.EncodeToString(root[:])})
	h.write(ledger.BeaconGiven, map[string]any{"value": "six"})
	seed := sha256.Sum256(append(binary.BigEndian.AppendUint64(append(secret[:], root[:]...), lobby), "six"...))
	h.exec(`UPDATE draws SET beacon_value = 'six', secret = $2, seed = $3, drawn_at = now() WHERE event_id = $1`, h.event, secret[:], seed[:])
	h.write(ledger.SecretRevealed, map[string]any{"secret": hex.EncodeToString(secret[:])})
	h.write(ledger.Drawn, map[string]any{"lobby_size": lobby, "seed": hex.EncodeToString(seed[:])})
	for step, to := range []int{3, 4} {
		from := []int{1, 4}[step]
		for n := from; n <= to; n++ {
			h.exec(`UPDATE spots SET status = 'called', called_at = now(), called_step = $2, turn_ends_at = now() + interval '2 minutes'
			        WHERE id = $1`, h.spots[shuffle.Inverse(uint64(n-1), lobby, seed)], step+1)
		}
		h.exec(`UPDATE queue_heads SET serving = $2 WHERE event_id = $1`, h.event, to)
		h.write(ledger.Called, map[string]any{"step": step + 1, "from_number": from, "to_number": to, "again": []int64{}})
	}
	second := h.spots[shuffle.Inverse(1, lobby, seed)]
	h.write(ledger.Returned, map[string]any{"spot": second, "number": 2, "rule": "redeem"})
	h.write(ledger.Returned, map[string]any{"spot": h.spots[5], "number": nil, "rule": "lobby"})
	h.exec(`UPDATE spots SET status = 'joined', again = 'redeem', again_seq = 1 WHERE id = $1`, second)
	return h
}

func TestADrawVerifies(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	h := buildDraw(t, tx)
	for name, r := range run(t, tx, h.event) {
		if r.Violations != 0 {
			t.Errorf("%s: %v", name, r.Detail)
		}
		if want := map[string]int64{audit.DrawVerifies: 1 + lobby, audit.NoOvertaking: 4, audit.NoLostSpot: lobby + 2}[name]; want > 0 && r.Checked != want {
			t.Errorf("%s looked at %d, want %d", name, r.Checked, want)
		}
	}
}

// Every case changes one thing behind the product's back, and draw_verifies must notice.
func TestDrawVerifiesNoticesEveryChange(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	h := buildDraw(t, pool)
	flip := func(column string) string {
		return `UPDATE draws SET ` + column + ` = set_byte(` + column + `, 7, get_byte(` + column + `, 7) # 1) WHERE event_id = $1`
	}
	for name, sql := range map[string][]string{
		"a changed commitment":          {flip("commitment")},
		"a changed secret":              {flip("secret")},
		"a changed root":                {flip("root")},
		"a changed seed":                {flip("seed")},
		"another beacon value":          {`UPDATE draws SET beacon_value = 'five' WHERE event_id = $1`},
		"a beacon value that is gone":   {`UPDATE draws SET beacon_value = NULL WHERE event_id = $1`},
		"a beacon said to be waived":    {`UPDATE draws SET beacon_value = NULL, waived_at = now() WHERE event_id = $1`},
		"a smaller lobby":               {`UPDATE queue_heads SET lobby_size = lobby_size - 1 WHERE event_id = $1`},
		"a larger lobby":                {`UPDATE queue_heads SET lobby_size = lobby_size + 1 WHERE event_id = $1`},
		"an exchanged spot":             {`UPDATE spots SET id = gen_random_uuid() WHERE event_id = $1 AND arrival = 3`},
		"two spots that changed places": {`ALTER TABLE spots DROP CONSTRAINT spots_event_id_arrival_key`, `UPDATE spots SET arrival = 5 - arrival WHERE event_id = $1 AND arrival IN (2, 3)`},
		"a spot that is gone":           {`DELETE FROM spots WHERE event_id = $1 AND arrival = 9`},
		"a draw that is gone":           {`DELETE FROM draws WHERE event_id = $1`},
		"a sale opened without its draw": {
			`UPDATE draws SET seed = NULL, drawn_at = NULL, secret = NULL WHERE event_id = $1`},
		"a secret revealed too early": {
			`UPDATE draws SET seed = NULL, drawn_at = NULL WHERE event_id = $1`, `UPDATE sales SET state = 'lobby', opened_at = NULL WHERE event_id = $1`},
		"a root from after the draw":  {`UPDATE draws SET rooted_at = drawn_at + interval '1 second' WHERE event_id = $1`},
		"a commitment from after it":  {`UPDATE draws SET committed_at = drawn_at + interval '1 second' WHERE event_id = $1`},
		"a commitment nobody told of": {`DELETE FROM ledger WHERE event_id = $1 AND kind = 'draw_committed'`},
		"a freeze nobody told of":     {`DELETE FROM ledger WHERE event_id = $1 AND kind = 'draw_frozen'`},
		"a root nobody told of":       {`DELETE FROM ledger WHERE event_id = $1 AND kind = 'draw_rooted'`},
		"a beacon nobody told of":     {`DELETE FROM ledger WHERE event_id = $1 AND kind = 'beacon_given'`},
		"a seed nobody told of":       {`DELETE FROM ledger WHERE event_id = $1 AND kind = 'drawn'`},
		"a draw held twice":           {`INSERT INTO ledger (event_id, kind, body) SELECT event_id, kind, body FROM ledger WHERE event_id = $1 AND kind = 'drawn'`},
		"a number that was not drawn": {`UPDATE ledger SET body = jsonb_set(body, '{number}', '3') WHERE event_id = $1 AND kind = 'returned' AND body->>'number' = '2'`},
		"an undisclosed draw without its beacon": {
			`DELETE FROM ledger WHERE event_id = $1 AND kind = 'beacon_given'`, `UPDATE draws SET beacon_value = NULL WHERE event_id = $1`},
	} {
		t.Run(name, func(t *testing.T) {
			broken(t, pool, func(h *hall) {
				for _, s := range sql {
					h.exec(s, argsOf(s, h.event, nil)...)
				}
				if r := run(t, h.conn, h.event)[audit.DrawVerifies]; r.Violations == 0 {
					t.Errorf("not noticed: %+v", r)
				}
			}, h.event)
		})
	}
}

// A consistent lie, with every value of the row recomputed to match, is given away by the ledger and by who was called.
func TestAnotherDrawIsNoticed(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	h := buildDraw(t, tx)
	secret := bytes.Repeat([]byte{5}, 32)
	commitment := sha256.Sum256(secret)
	var root []byte
	if err := tx.QueryRow(t.Context(), `SELECT root FROM draws WHERE event_id = $1`, h.event).Scan(&root); err != nil {
		t.Fatal(err)
	}
	seed := sha256.Sum256(append(binary.BigEndian.AppendUint64(append(bytes.Clone(secret), root...), lobby), "six"...))
	h.exec(`UPDATE draws SET secret = $2, commitment = $3, seed = $4 WHERE event_id = $1`, h.event, secret, commitment[:], seed[:])
	got := run(t, tx, h.event)
	if r := got[audit.DrawVerifies]; r.Violations == 0 {
		t.Error("draw_verifies did not notice")
	}
	if r := got[audit.NoOvertaking]; r.Violations == 0 {
		t.Error("no_overtaking did not notice: the numbers called are others")
	}
}

// Overtaking is told by numbers, not by arrivals.
func TestOvertakingInADrawIsNoticed(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	h := buildDraw(t, tx)
	h.exec(`WITH one AS (SELECT id FROM spots WHERE event_id = $1 AND called_step = 1 AND again IS NULL LIMIT 1),
		two AS (SELECT id FROM spots WHERE event_id = $1 AND called_step IS NULL AND arrival <= 9 LIMIT 1)
		UPDATE spots SET called_step = CASE WHEN id = (SELECT id FROM two) THEN 1 END,
			status = CASE WHEN id = (SELECT id FROM two) THEN 'called' ELSE 'joined' END, called_at = now(), turn_ends_at = now()
		WHERE id IN (SELECT id FROM one UNION SELECT id FROM two)`, h.event)
	if r := run(t, tx, h.event)[audit.NoOvertaking]; r.Violations < 2 {
		t.Errorf("%+v", r)
	}
}

// Sales with a draw that was not held yet, or never will be.
func TestADrawThatIsNotHeldHasNoViolations(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	h := buildDraw(t, pool)
	undo := []string{
		`UPDATE draws SET seed = NULL, drawn_at = NULL, secret = NULL, beacon_value = NULL WHERE event_id = $1`,
		`UPDATE spots SET status = 'joined', called_step = NULL, called_at = NULL, turn_ends_at = NULL, again = NULL, again_seq = NULL WHERE event_id = $1`,
		`UPDATE queue_heads SET serving = 0 WHERE event_id = $1`,
		`DELETE FROM ledger WHERE event_id = $1 AND kind IN ('secret_revealed', 'drawn', 'called', 'returned', 'beacon_given')`,
	}
	for name, sql := range map[string][]string{
		"awaiting its beacon": {`UPDATE sales SET state = 'lobby', opened_at = NULL WHERE event_id = $1`},
		"ended before it": {`UPDATE sales SET state = 'ended', opened_at = NULL WHERE event_id = $1`,
			`UPDATE draws SET secret = sha256(convert_to('secret of ' || event_id::text, 'UTF8')) WHERE event_id = $1`,
			`INSERT INTO ledger (event_id, kind, body) SELECT event_id, 'secret_revealed', jsonb_build_object('secret', encode(secret, 'hex')) FROM draws WHERE event_id = $1`},
		"opened before there were draws": {`DELETE FROM draws WHERE event_id = $1`, `DELETE FROM ledger WHERE event_id = $1 AND kind LIKE 'draw%'`},
	} {
		t.Run(name, func(t *testing.T) {
			broken(t, pool, func(h *hall) {
				for _, s := range append(undo[:len(undo):len(undo)], sql...) {
					h.exec(s, argsOf(s, h.event, nil)...)
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
