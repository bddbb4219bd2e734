package claim_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
)

func (e *evening) actions() map[string]func(*rapid.T) {
	as := func(do func()) func(*rapid.T) {
		return func(rt *rapid.T) {
			e.t = rt
			do()
		}
	}
	hold := as(func() { e.hold(e.fan(), e.request()) })
	return map[string]func(*rapid.T){
		"hold": hold, "hold too": hold, "hold as well": hold, // most of what happens
		"everybody at once": as(func() {
			requests := make([]claim.Request, randomFans)
			services := make([]*claim.Service, randomFans)
			for i := range requests {
				requests[i], services[i] = e.request(), e.replica()
			}
			got := make([]claim.Claim, randomFans)
			errs := make([]error, randomFans)
			var wg sync.WaitGroup
			for i, fan := range e.fans {
				wg.Go(func() { got[i], errs[i] = services[i].Hold(e.Context(), e.event, fan, requests[i]) })
			}
			wg.Wait()
			for i, err := range errs {
				switch code := fault.Code(err); code {
				case "":
					e.claims = append(e.claims, got[i])
					e.got(got[i], requests[i])
				case "sold_out", "not_enough_left", "seats_taken", "limit_reached", "claim_open":
				default:
					e.t.Fatalf("asking for %+v: %v", requests[i], err)
				}
			}
			e.did["everybody at once"]++
		}),
		"change": as(func() { e.change(e.some(), e.request()) }),
		"everybody changes": as(func() {
			open := slices.DeleteFunc(slices.Clone(e.claims), func(c claim.Claim) bool { return e.status(c) != claim.Held })
			requests := make([]claim.Request, len(open))
			services := make([]*claim.Service, len(open))
			for i := range open {
				requests[i], services[i] = e.request(), e.replica()
			}
			got := make([]claim.Claim, len(open))
			errs := make([]error, len(open))
			var wg sync.WaitGroup
			for i, c := range open {
				wg.Go(func() { got[i], errs[i] = services[i].Change(e.Context(), e.event, c.AccountID, c.ID, requests[i]) })
			}
			wg.Wait()
			for i, err := range errs {
				switch code := fault.Code(err); code {
				case "":
					e.got(got[i], requests[i])
				case "sold_out", "not_enough_left", "seats_taken", "limit_reached":
				default:
					e.t.Fatalf("changing to %+v: %v", requests[i], err)
				}
			}
			e.did["everybody changes"]++
		}),
		"block": as(func() {
			e.stock("block", func(s *claim.Service, w claim.Which) error { return s.Block(e.Context(), e.event, e.org, w) })
		}),
		"unblock": as(func() {
			e.stock("unblock", func(s *claim.Service, w claim.Which) error { return s.Unblock(e.Context(), e.event, e.org, w) })
		}),
		"restock": as(func() {
			before := e.units(1)["free"]
			if err := e.replica().Restock(e.Context(), e.event, e.org, e.tier(1), 1); err != nil {
				e.t.Fatal(err)
			}
			if after := e.units(1)["free"]; after != before+1 {
				e.t.Fatalf("%d places were free, and one more makes %d", before, after)
			}
			e.did["restock"]++
		}),
		"extend": as(func() {
			c := e.some()
			_, err := e.replica().Extend(e.Context(), c.AccountID, c.ID)
			switch code := fault.Code(err); code {
			case "", "too_early", "cap_reached", "claim_expired", "payment_pending":
				e.did[strings.TrimSpace("extend "+code)]++
			default:
				e.t.Fatal(err)
			}
		}),
		"nearly over": as(func() {
			c := e.some()
			if e.status(c) != claim.Held {
				return
			}
			e.left(c.ID, 20*time.Second)
			if longer, err := e.replica().Extend(e.Context(), c.AccountID, c.ID); err != nil || !longer.ExpiresAt.After(time.Now().Add(40*time.Second)) {
				e.t.Fatalf("extended to %s: %v", longer.ExpiresAt, err)
			}
			e.did["extend"]++
		}),
		"expire": as(func() {
			if c := e.some(); e.status(c) == claim.Held {
				e.pass(c.ID)
				e.did["expire"]++
			}
		}),
		"tidy": as(func() {
			if err := e.replica().Tidy(e.Context()); err != nil {
				e.t.Fatal(err)
			}
		}),
		"release": as(func() {
			e.locked("release", e.some(), func(tx pgx.Tx, l *claim.Locked) error {
				if l.Status != claim.Held {
					return nil
				}
				return l.EndTx(e.Context(), tx, claim.Released)
			})
		}),
		"pay": as(func() {
			e.locked("pay", e.some(), func(tx pgx.Tx, l *claim.Locked) error { return l.PayTx(e.Context(), tx) })
		}),
		"payment failed": as(func() {
			e.locked("payment failed", e.some(), func(tx pgx.Tx, l *claim.Locked) error {
				if l.Status != claim.Paying {
					return nil
				}
				return l.ReholdTx(e.Context(), tx)
			})
		}),
		"given up": as(func() {
			e.locked("given up", e.some(), func(tx pgx.Tx, l *claim.Locked) error {
				if l.Status != claim.Paying {
					return nil
				}
				return l.EndTx(e.Context(), tx, claim.Released)
			})
		}),
		"confirm": as(func() { // in time, late, or a second time
			e.locked("confirm", e.some(), func(tx pgx.Tx, l *claim.Locked) error {
				if l.Status == claim.Held && l.Holding() {
					return nil // nothing was paid for it yet
				}
				_, err := l.ConfirmTx(e.Context(), tx)
				return err
			})
		}),
		"buy": as(func() { // as most do, without anything between
			e.locked("buy", e.some(), func(tx pgx.Tx, l *claim.Locked) error {
				if err := l.PayTx(e.Context(), tx); err != nil {
					return err
				}
				_, err := l.ConfirmTx(e.Context(), tx)
				return err
			})
		}),
		"refund": as(func() { e.takeBack("refund", hallSeats) }),
		"return": as(func() { e.takeBack("return", 1) }), // one ticket of an order
		"":       func(*rapid.T) { e.holds() },
	}
}

// Anything in any order happens to a small sale, at two replicas; after every step each unit has one owner who has a line
// of it, nobody has more than the limit nor two open claims, and each answer is the one that the rows demand.
func TestAnythingInAnyOrder(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	h.sql(`CREATE TABLE returned (claim_id uuid NOT NULL, unit_id uuid NOT NULL)`)
	replicas := []*claim.Service{h.claims, h.replica()}
	did := map[string]int{}
	evenings, failed := 0, false
	rapid.Check(t, func(rt *rapid.T) {
		// An evening takes longer than most of what is drawn a hundred times; a failure is run again to find the shortest.
		if evenings++; evenings > dbtest.Size(20, 1000) && !failed {
			return
		}
		defer func() { failed = failed || rt.Failed() }()
		e := newEvening(rt, h, replicas, did)
		rt.Repeat(e.actions())
		e.audited()
	})
	if t.Failed() {
		return
	}
	t.Log(did)
	for _, what := range []string{"hold", "hold claim_open", "extend", "extend too_early", "expire", "pay", "change", "change claim_expired", "everybody changes", "block", "block seats_taken", "unblock", "restock",
		"payment failed", "confirm", "everybody at once", "refund", "return"} {
		if did[what] == 0 {
			t.Errorf("it never came to %q", what)
		}
	}
}

// The rules above can be broken, and then it is said.
func TestABrokenRuleIsFound(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	h.sql(`CREATE TABLE returned (claim_id uuid NOT NULL, unit_id uuid NOT NULL)`)
	f := h.fans(2)
	held, sold := h.mustHold(f[0], 0, 2), h.mustHold(f[1], 0, 2)
	h.pay(sold.ID)
	h.confirm(sold.ID)
	find := func(c db.Conn) []string {

		rows, err := c.Query(h.Context(), broken, h.event.ID(), randomLimit)
		if err != nil {
			t.Fatal(err)
		}
		wrong, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return wrong
	}
	if wrong := find(h.pool); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for what, sql := range map[string]string{
		"a place too many":        `UPDATE tiers SET capacity = capacity - 1 WHERE id = (SELECT tier_id FROM units WHERE claim_id = $1 LIMIT 1)`,
		"a unit of an ended hold": `UPDATE claims SET status = 'released' WHERE id = $1`,
		"a unit lost":             `UPDATE units SET state = 'free', claim_id = NULL, held_until = NULL WHERE id = (SELECT id FROM units WHERE claim_id = $1 LIMIT 1)`,
		"a unit without a line":   `DELETE FROM claim_lines WHERE claim_id = $1 AND line = 1`,
		"more than the limit":     `UPDATE units SET state = 'sold', held_until = NULL, claim_id = $1 WHERE claim_id IS NULL`,
		"another time":            `UPDATE units SET held_until = held_until + interval '1 s' WHERE claim_id = $1`,
		"another price":           `UPDATE claims SET total_kobo = 1 WHERE id = $1`,
		"sold, and not paid":      `UPDATE units SET state = 'sold', held_until = NULL WHERE claim_id = $1`,
	} {
		tx, err := h.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), sql, held.ID); err != nil {
			t.Fatal(what, err)
		}
		if len(find(tx)) == 0 {
			t.Errorf("%s is not found", what)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
