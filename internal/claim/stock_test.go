package claim_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

func TestRestock(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	by := uuid.New()
	for _, fan := range h.fans(5) {
		h.mustHold(fan, 0, 2)
	}
	late := h.fans(1)[0]
	_, err := h.hold(late, 0, 1)
	code(t, err, "sold_out")
	if err := h.claims.Restock(t.Context(), h.event, by, h.tier(0), 3); err != nil {
		t.Fatal(err)
	}
	if s := h.fresh().Tiers[0]; s.Capacity != 13 || s.Available != 3 || s.Held != 10 || s.Sold != 0 {
		t.Errorf("%+v", s)
	}
	h.mustHold(late, 0, 3)
	for want, ask := range map[string]struct {
		tier uuid.UUID
		add  int
	}{"tier_id": {uuid.New(), 1}, "add": {h.tier(0), 0}} {
		err := h.claims.Restock(t.Context(), h.event, by, ask.tier, ask.add)
		code(t, err, "invalid_request")
		if f := fault.From(err).Fields; len(f) != 1 || f[0].Path != want {
			t.Errorf("%v, want %s", f, want)
		}
	}
	code(t, h.claims.Restock(t.Context(), h.event, by, h.tier(0), 199_988), "invalid_request") // one too many
	if n := h.count(`SELECT count(*) FROM ledger WHERE kind = 'stock_added' AND (body->>'added')::int = 3 AND (body->>'capacity')::int = 13`); n != 1 {
		t.Errorf("%d rows in the ledger", n)
	}
	h.sound()
	if _, err := h.sales.End(t.Context(), h.event.ID(), by); err != nil {
		t.Fatal(err)
	}
	code(t, h.claims.Restock(t.Context(), h.event, by, h.tier(0), 1), "invalid_transition")
}

func TestADraftGrows(t *testing.T) {
	t.Parallel()
	h := prepare(t, seated)
	if s := h.event.Tiers[0]; s.Capacity != 30 || s.Available != 29 {
		t.Errorf("a blocked seat of a draft counts: %+v", s)
	}
	if err := h.claims.Restock(t.Context(), h.event, uuid.New(), h.tier(1), 5); err != nil {
		t.Fatal(err)
	}
	code(t, h.claims.Restock(t.Context(), h.event, uuid.New(), h.tier(0), 5), "invalid_request") // seats
	code(t, h.claims.Block(t.Context(), h.event, uuid.New(), claim.Which{TierID: h.tier(1), Count: 1}), "invalid_transition")
	var err error
	if h.event, err = h.claims.Publish(t.Context(), h.event.ID(), uuid.New()); err != nil {
		t.Fatal(err)
	}
	if u := h.units(1); u["free"] != 25 || h.event.Tiers[1].Capacity != 25 {
		t.Errorf("%v %+v", u, h.event.Tiers[1])
	}
	h.sound()
}

// However claims and new places come one after the other, exactly the capacity is sold.
func TestARushWhilePlacesAreAdded(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fans := h.fans(60)
	var wg sync.WaitGroup
	for range 7 {
		wg.Go(func() {
			if err := h.claims.Restock(t.Context(), h.event, uuid.New(), h.tier(0), 2); err != nil {
				t.Error(err)
			}
		})
	}
	var mu sync.Mutex
	var without []uuid.UUID
	for _, fan := range fans {
		wg.Go(func() {
			if _, err := h.hold(fan, 0, 1); err != nil {
				code(t, err, "sold_out")
				mu.Lock()
				defer mu.Unlock()
				without = append(without, fan)
			}
		})
	}
	wg.Wait()
	h.rush(without, 0, func(int) int { return 1 })
	if u := h.units(0); u["held"] != 24 || len(u) != 1 {
		t.Errorf("%v", u)
	}
	h.sound()
}

func TestBlockAndUnblock(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	f := h.fans(3)
	by := uuid.New()
	c, err := h.take(f[0], "A1", "A2")
	if err != nil {
		t.Fatal(err)
	}
	block := func(labels ...string) error {
		return h.claims.Block(t.Context(), h.event, by, claim.Which{Seats: h.ids(labels...)})
	}
	err = block("A2", "A3", "A4")
	code(t, err, "seats_taken")
	if taken, _ := fault.From(err).Extra["seats"].([]claim.NamedSeat); len(taken) != 1 || taken[0].Label != "A2" {
		t.Errorf("%v", taken)
	}
	if a := h.row("A"); a != "hhffffffff" {
		t.Errorf("something was blocked: %s", a)
	}
	// C10 is blocked already and stays so.
	for range 2 {
		if err := block("A3", "A4", "C10"); err != nil {
			t.Fatal(err)
		}
	}
	if a := h.row("A"); a != "hhbbffffff" {
		t.Errorf("%s", a)
	}
	if s := h.fresh().Tiers[0]; s.Capacity != 30 || s.Available != 25 || s.Held != 2 || s.Sold != 0 {
		t.Errorf("%+v", s)
	}
	_, err = h.take(f[1], "A3", "A4")
	code(t, err, "seats_taken")
	// A hold that is past gives way, as a whole.
	h.pass(c.ID)
	if err := block("A1"); err != nil {
		t.Fatal(err)
	}
	if again, _ := h.claims.Get(t.Context(), f[0], c.ID); again.Status != claim.Expired || h.row("A") != "bfbbffffff" {
		t.Errorf("%s %s", again.Status, h.row("A"))
	}
	if err := h.claims.Unblock(t.Context(), h.event, by, claim.Which{Seats: h.ids("A1", "A2", "A3", "A4", "C10")}); err != nil {
		t.Fatal(err)
	}
	if a, c := h.row("A"), h.row("C"); a != "ffffffffff" || c != "ffffffffff" {
		t.Errorf("%s %s", a, c)
	}
	// General admission by number.
	floor := func(n int) claim.Which { return claim.Which{TierID: h.tier(1), Count: n} }
	h.mustHold(f[2], 1, 2)
	err = h.claims.Block(t.Context(), h.event, by, floor(19))
	code(t, err, "not_enough_left")
	if left := fault.From(err).Extra["left"]; left != 18 {
		t.Errorf("left: %v", left)
	}
	if err := h.claims.Block(t.Context(), h.event, by, floor(18)); err != nil {
		t.Fatal(err)
	}
	_, err = h.hold(f[1], 1, 1)
	code(t, err, "sold_out")
	code(t, h.claims.Unblock(t.Context(), h.event, by, floor(19)), "not_enough_left")
	if err := h.claims.Unblock(t.Context(), h.event, by, floor(4)); err != nil {
		t.Fatal(err)
	}
	h.mustHold(f[1], 1, 4)
	code(t, h.claims.Block(t.Context(), h.event, by, claim.Which{TierID: h.tier(0), Count: 1}), "invalid_request")
	code(t, h.claims.Block(t.Context(), h.event, by, claim.Which{Seats: []uuid.UUID{uuid.New()}}), "invalid_request")
	h.sound()
}

// An organizer blocks seats while fans take them: nobody loses what they hold, and nothing that is blocked is held.
func TestBlockingAmongClaims(t *testing.T) {
	t.Parallel()
	h := open(t, func(n *sale.NewSale) { seated(n); n.Terms.MaxTicketsPerFan = 4 })
	rnd := rand.New(rand.NewPCG(uint64(dbtest.Seed()), 1)) //nolint:gosec // a test's
	name := func() string { return fmt.Sprintf("%c%d", 'A'+rune(rnd.IntN(3)), 1+rnd.IntN(10)) }
	var wg sync.WaitGroup
	for _, fan := range h.fans(dbtest.Size(40, 400)) {
		ids := h.ids(name())
		wg.Go(func() {
			_, err := h.claims.Hold(t.Context(), h.event, fan, claim.Request{Seats: ids})
			if c := fault.Code(err); err != nil && c != "seats_taken" && c != "orphan_seat" {
				t.Error(err)
			}
		})
	}
	for range dbtest.Size(30, 300) {
		a, b, block := name(), name(), rnd.IntN(3) > 0
		if a == b {
			continue
		}
		w := claim.Which{Seats: h.ids(a, b)}
		do := h.claims.Unblock
		if block {
			do = h.claims.Block
		}
		wg.Go(func() {
			if err := do(t.Context(), h.event, uuid.New(), w); err != nil && fault.Code(err) != "seats_taken" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	h.sound()
	if n := h.count(`SELECT count(*) FROM claim_lines l JOIN claims c ON c.id = l.claim_id JOIN units u ON u.id = l.unit_id
		WHERE c.status = 'held' AND (u.state <> 'held' OR u.claim_id <> c.id)`); n != 0 {
		t.Errorf("%d seats were taken from those who hold them", n)
	}
}
