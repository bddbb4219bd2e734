package claim_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// seated makes a hall of three rows of ten seats, the last seat of row C
// blocked, and a floor.
func seated(n *sale.NewSale) {
	n.Tiers = []sale.NewTier{{Name: "Stalls", Price: 500_000}, {Name: "Floor", Price: 100_000}}
	n.SeatMap = []byte(`{"focal":{"x":0,"y":0},"sections":[
		{"id":"stalls","name":"Stalls","kind":"seated","tier":"Stalls","rows":[{"name":"A","to":"C","count":10,"x":0,"y":3,"marks":[{"seats":["C10"],"blocked":true}]}]},
		{"id":"floor","name":"Floor","kind":"standing","tier":"Floor","capacity":20}]}`)
}

func (h *hall) seats() *claim.Seats {
	h.Helper()
	s, err := h.claims.Seats(h.Context(), h.event)
	if err != nil || s == nil {
		h.Fatal(s, err)
	}
	return s
}

// ids are the ids of seats by their labels.
func (h *hall) ids(labels ...string) []uuid.UUID {
	h.Helper()
	s := h.seats()
	out := make([]uuid.UUID, len(labels))
	for i, l := range labels {
		for n, id := range s.IDs {
			if s.Seat(n).Label == l {
				out[i] = id
			}
		}
		if out[i] == uuid.Nil {
			h.Fatalf("no seat %s", l)
		}
	}
	return out
}

// row shows the states of the seats of a row by their first letters.
func (h *hall) row(name string) string {
	h.Helper()
	s := h.seats()
	var b strings.Builder
	for n := range s.IDs {
		if s.Place(n).Row == name {
			b.WriteByte(s.States[n].String()[0])
		}
	}
	return b.String()
}

func (h *hall) take(fan uuid.UUID, labels ...string) (claim.Claim, error) {
	h.Helper()
	return h.claims.Hold(h.Context(), h.event, fan, claim.Request{Seats: h.ids(labels...)})
}

func TestSeatsAreTakenAsAsked(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	f := h.fans(3)
	c, err := h.take(f[0], "B4", "A1", "B3")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.claims.Get(t.Context(), f[0], c.ID); err != nil || c.Total != 1_500_000 || again.Total != c.Total || len(again.Lines) != 3 {
		t.Fatalf("%+v %+v %v", c, again, err)
	} else {
		for i, want := range []string{"A1", "B3", "B4"} {
			for _, l := range []claim.Line{c.Lines[i], again.Lines[i]} {
				if l.Seat == nil || l.Seat.Section != "Stalls" || l.Seat.Row != want[:1] || l.Seat.Label != want || l.UnitID != h.ids(want)[0] || l.Price != 500_000 {
					t.Errorf("line %d is %+v, want seat %s", i, l, want)
				}
			}
		}
	}
	if a, b, c := h.row("A"), h.row("B"), h.row("C"); a != "hfffffffff" || b != "ffhhffffff" || c != "fffffffffb" {
		t.Errorf("%s %s %s", a, b, c)
	}
	// Of what somebody else has nothing is held, and the others stay free.
	_, err = h.take(f[1], "B5", "B4", "A1", "C10")
	code(t, err, "seats_taken")
	taken, _ := fault.From(err).Extra["seats"].([]claim.NamedSeat)
	var labels []string
	for _, s := range taken {
		labels = append(labels, s.Section+" "+s.Row+" "+s.Label)
	}
	if got := strings.Join(labels, ", "); got != "Stalls B B4, Stalls A A1, Stalls C C10" {
		t.Errorf("taken: %s", got)
	}
	if b := h.row("B"); b != "ffhhffffff" {
		t.Errorf("%s", b)
	}
	for want, ids := range map[string][]uuid.UUID{
		"seat_ids": {}, "seat_ids[1]": {h.ids("A2")[0], h.ids("A2")[0]}, "seat_ids[0]": {uuid.New()},
	} {
		_, err := h.claims.Hold(t.Context(), h.event, f[1], claim.Request{Seats: ids})
		code(t, err, "invalid_request")
		if fields := fault.From(err).Fields; len(fields) != 1 || fields[0].Path != want {
			t.Errorf("%v, want %s", fields, want)
		}
	}
	_, err = h.take(f[1], "A6", "A7", "A8", "A9", "A10")
	code(t, err, "limit_reached")
	// A hold that is past gives way, as a whole, and shows at once that it is free.
	h.pass(c.ID)
	if _, err := h.take(f[1], "B4"); err != nil {
		t.Fatal(err)
	}
	if a, b := h.row("A"), h.row("B"); a != "ffffffffff" || b != "fffhffffff" {
		t.Errorf("%s %s", a, b)
	}
	if standing := h.mustHold(f[2], 1, 2); standing.Lines[0].Seat != nil {
		t.Errorf("a place on the floor has a seat: %+v", standing.Lines[0])
	}
	h.whole()
}

// What ends without a decision is seen when its time has come.
func TestAHoldThatEndsIsSeenFree(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	c, err := h.take(h.fans(1)[0], "A1", "A2")
	if err != nil {
		t.Fatal(err)
	}
	h.left(c.ID, 300*time.Millisecond)
	// A decision about somebody else, so that the new end is known.
	if _, err := h.take(h.fans(1)[0], "C1"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); h.row("A") != "ffffffffff"; {
		if time.Now().After(deadline) {
			t.Fatalf("still %s", h.row("A"))
		}
	}
}

func TestOneSeatHasOneWinner(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	for i, label := range []string{"A1", "B5", "C9"} {
		f := h.fans(2 + 20*i)
		var mu sync.Mutex
		var wg sync.WaitGroup
		won := 0
		for _, fan := range f {
			wg.Go(func() {
				_, err := h.take(fan, label)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if fault.Code(err) != "seats_taken" {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d fans have seat %s", won, label)
		}
	}
	h.whole()
}

// 200 fans want pairs of neighbours, every seat being in two pairs, in either
// order: whoever gets one gets both, and nothing is sold twice.
func TestPairsAreNeverOversold(t *testing.T) {
	t.Parallel()
	rounds(t, dbtest.Size(1, 50), func(t *testing.T, _ int) {
		h := open(t, func(n *sale.NewSale) {
			seated(n)
			n.SeatMap = bytes.Replace(n.SeatMap, []byte(`{"focal"`), []byte(`{"allow_orphans":true,"focal"`), 1)
		})
		row := h.ids("A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10")
		var mu sync.Mutex
		var wg sync.WaitGroup
		owners := map[uuid.UUID]uuid.UUID{}
		for i, fan := range h.fans(200) {
			pair := []uuid.UUID{row[i%9], row[i%9+1]}
			if i%2 == 1 {
				pair[0], pair[1] = pair[1], pair[0]
			}
			wg.Go(func() {
				c, err := h.claims.Hold(h.Context(), h.event, fan, claim.Request{Seats: pair})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					if fault.Code(err) != "seats_taken" {
						t.Error(err)
					}
					return
				}
				if len(c.Lines) != 2 {
					t.Errorf("%d seats of a pair", len(c.Lines))
				}
				for _, l := range c.Lines {
					if other, twice := owners[l.UnitID]; twice {
						t.Errorf("seat %s belongs to %s and %s", l.Seat.Label, other, fan)
					}
					owners[l.UnitID] = fan
				}
			})
		}
		wg.Wait()
		// No pair is left that nobody got.
		if a := h.row("A"); strings.Contains(a, "ff") || strings.Count(a, "h") != len(owners) {
			t.Errorf("%s, %d seats given out", a, len(owners))
		}
		h.whole()
	})
}

// The rows of a hall are not read again for who looks: only what decisions were about.
func TestSeatsFollowTheLedger(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	// What was decided so far is read again as long as transactions run that began before it, also those of other tests.
	h.until(`SELECT count(*) WHERE NOT EXISTS (SELECT FROM ledger WHERE event_id = $1 AND xid >= pg_snapshot_xmin(pg_current_snapshot()))`, 1, h.event.ID())
	before := h.seats()
	block := `UPDATE units u SET state = 'blocked' FROM seats s WHERE s.id = u.id AND u.event_id = $1 AND s.label = ANY($2)`
	h.sql(block, h.event.ID(), []string{"A1", "A2", "A3"})
	if h.seats() != before {
		t.Fatal("rows were read that nothing was said of")
	}
	h.sql(`INSERT INTO ledger (event_id, kind, body) SELECT $1, 'a_kind_to_be', jsonb_build_object('units', jsonb_agg(s.id)) FROM seats s WHERE s.event_id = $1 AND s.label = 'A1'`, h.event.ID())
	if a := h.row("A"); a != "bfffffffff" {
		t.Errorf("%s", a)
	}
	// A decision of another event says nothing, and one that does not say what it is about says everything.
	h.sql(`INSERT INTO ledger (event_id, kind, body) VALUES (gen_random_uuid(), 'a_kind_to_be', '{}'), ($1, 'joined', '{}')`, h.event.ID())
	if a := h.row("A"); a != "bfffffffff" {
		t.Errorf("%s", a)
	}
	h.sql(`INSERT INTO ledger (event_id, kind, body) VALUES ($1, 'a_kind_to_be', '{}')`, h.event.ID())
	if a := h.row("A"); a != "bbbfffffff" {
		t.Errorf("%s", a)
	}
	h.agrees()
}

// A decision that was taken before another and is committed after it is seen when it is there.
func TestADecisionCommittedLateIsSeen(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	tx, err := h.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	for _, q := range []string{
		`UPDATE units u SET state = 'blocked' FROM seats s WHERE s.id = u.id AND u.event_id = $1 AND s.label = 'C1'`,
		`INSERT INTO ledger (event_id, kind, body) SELECT $1, 'late', jsonb_build_object('units', jsonb_agg(s.id)) FROM seats s WHERE s.event_id = $1 AND s.label = 'C1'`,
	} {
		if _, err := tx.Exec(t.Context(), q, h.event.ID()); err != nil {
			t.Fatal(err)
		}
	}
	for _, fan := range h.fans(3) {
		if _, err := h.claims.Hold(t.Context(), h.event, fan, claim.Request{TierID: h.tier(0), Quantity: 2, Best: true}); err != nil {
			t.Fatal(err)
		}
		if c := h.row("C"); c != "fffffffffb" {
			t.Errorf("%s", c)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := h.row("C"); c != "bffffffffb" {
		t.Errorf("%s", c)
	}
	h.agrees()
}
