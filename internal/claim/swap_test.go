package claim_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/audit"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

func (h *hall) swap(fan, id uuid.UUID, labels ...string) (claim.Claim, error) {
	h.Helper()
	return h.claims.Change(h.Context(), h.event, fan, id, claim.Request{Seats: h.ids(labels...)})
}

func (h *hall) swapTier(fan, id uuid.UUID, tier, n int) (claim.Claim, error) {
	h.Helper()
	return h.claims.Change(h.Context(), h.event, fan, id, claim.Request{TierID: h.tier(tier), Quantity: n})
}

// sound checks the invariants that claims can break; the fans of a hall come without a line.
func (h *hall) sound() {
	h.Helper()
	results, err := audit.Run(h.Context(), h.pool, nil, h.event.ID())
	if err != nil {
		h.Fatal(err)
	}
	for _, r := range results {
		if (r.Name == "never_oversold" || r.Name == "within_limits") && r.Violations > 0 {
			h.Errorf("%s: %v", r.Name, r.Detail)
		}
	}
	h.whole()
}

func TestChoosingAgainInsideAHold(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	f := h.fans(3)
	c, err := h.take(f[0], "A5", "A6")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.take(f[1], "B5", "B6"); err != nil {
		t.Fatal(err)
	}
	same := func(got claim.Claim, total int64, want string) {
		t.Helper()
		stored, err := h.claims.Get(t.Context(), f[0], c.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range []claim.Claim{got, stored} {
			if g.ID != c.ID || !g.ExpiresAt.Equal(stored.ExpiresAt) || !g.CapAt.Equal(stored.CapAt) || g.Status != claim.Held || int64(g.Total) != total || labels(g) != want {
				t.Errorf("%+v is not %s for %d", g, want, total)
			}
		}
		if got.ExpiresAt.Sub(c.ExpiresAt).Abs() > time.Millisecond {
			t.Errorf("the hold ends at %s, not at %s", got.ExpiresAt, c.ExpiresAt)
		}
		if n := h.count(`SELECT count(*) FROM units WHERE claim_id = $1 AND held_until = (SELECT expires_at FROM claims WHERE id = $1)`, c.ID); n != len(got.Lines) {
			t.Errorf("%d units are held until the end of the hold, %d lines", n, len(got.Lines))
		}
	}
	// One is kept, one is given, two are new.
	got, err := h.swap(f[0], c.ID, "A6", "A7", "A8")
	if err != nil {
		t.Fatal(err)
	}
	same(got, 1_500_000, "A6 A7 A8")
	if a := h.row("A"); a != "fffffhhhff" {
		t.Errorf("%s", a)
	}
	// What is refused changes nothing.
	for want, labels := range map[string][]string{
		"seats_taken": {"A6", "B6"}, "orphan_seat": {"C2", "C3"}, "limit_reached": {"C1", "C2", "C3", "C4", "C5"},
	} {
		_, err := h.swap(f[0], c.ID, labels...)
		code(t, err, want)
		same(got, 1_500_000, "A6 A7 A8")
	}
	// The limit does not count what is given for it, and own seats leave nobody alone.
	if got, err = h.swap(f[0], c.ID, "A7", "A8", "A9", "A10"); err != nil {
		t.Fatal(err)
	}
	same(got, 2_000_000, "A7 A8 A9 A10")
	// The same once more is no change.
	if got, err = h.swap(f[0], c.ID, "A10", "A9", "A8", "A7"); err != nil {
		t.Fatal(err)
	}
	same(got, 2_000_000, "A7 A8 A9 A10")
	// The hall is judged as it will be: this would leave A7 alone, which is held now.
	_, err = h.swap(f[0], c.ID, "A8", "A9", "A10", "A6")
	code(t, err, "orphan_seat")
	// The best of the hall, own seats among it.
	if got, err = h.claims.Change(t.Context(), h.event, f[0], c.ID, claim.Request{TierID: h.tier(0), Quantity: 4, Best: true}); err != nil {
		t.Fatal(err)
	}
	same(got, 2_000_000, "A4 A5 A6 A7")
	_, err = h.claims.Change(t.Context(), h.event, f[1], c.ID, claim.Request{Seats: h.ids("C1")})
	code(t, err, "claim_not_found")
	_, err = h.swap(f[0], uuid.New(), "C1")
	code(t, err, "claim_not_found")
	for _, r := range []claim.Request{{}, {Seats: []uuid.UUID{}}, {Seats: []uuid.UUID{uuid.New()}}, {TierID: h.tier(0)}, {TierID: h.tier(0), Quantity: 51}, {TierID: uuid.New(), Quantity: 1}, {TierID: h.tier(0), Best: true}} {
		_, err = h.claims.Change(t.Context(), h.event, f[0], c.ID, r)
		code(t, err, "invalid_request")
	}
	// From seats to the floor.
	if got, err = h.swapTier(f[0], c.ID, 1, 2); err != nil || got.Total != 200_000 || got.Lines[0].Seat != nil {
		t.Fatalf("%+v %v", got, err)
	}
	if a := h.row("A"); a != "ffffffffff" || h.units(1)["held"] != 2 {
		t.Errorf("%s %v", a, h.units(1))
	}
	h.sound()
}

func TestChoosingAnotherNumberInsideAHold(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	f := h.fans(4)
	c := h.mustHold(f[0], 0, 3)
	less, err := h.swapTier(f[0], c.ID, 0, 2)
	if err != nil || len(less.Lines) != 2 || less.Total != 1_000_000 {
		t.Fatalf("%+v %v", less, err)
	}
	for i, l := range less.Lines {
		if l.UnitID != c.Lines[i].UnitID {
			t.Errorf("unit %d is another one", i)
		}
	}
	if u := h.units(0); u["held"] != 2 || u["free"] != 8 {
		t.Errorf("%v", u)
	}
	other, err := h.swapTier(f[0], c.ID, 1, 3)
	if err != nil || other.Total != 3_000_000 || h.units(0)["free"] != 10 || h.units(1)["held"] != 3 {
		t.Fatalf("%+v %v %v %v", other, err, h.units(0), h.units(1))
	}
	// Own units count as what is left.
	_, err = h.swapTier(f[0], c.ID, 1, 4)
	code(t, err, "not_enough_left")
	if left := fault.From(err).Extra["left"]; left != 3 {
		t.Errorf("left: %v", left)
	}
	d := h.mustHold(f[1], 0, 4)
	_, err = h.swapTier(f[1], d.ID, 1, 1)
	code(t, err, "sold_out")
	if got, _ := h.claims.Get(t.Context(), f[1], d.ID); got.Status != claim.Held || len(got.Lines) != 4 {
		t.Errorf("%+v", got)
	}
	// A hold that is past gives way as a whole.
	h.pass(c.ID)
	if _, err = h.swapTier(f[1], d.ID, 1, 2); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.claims.Get(t.Context(), f[0], c.ID); got.Status != claim.Expired || h.units(1)["held"] != 2 {
		t.Errorf("%+v %v", got, h.units(1))
	}
	_, err = h.swapTier(f[0], c.ID, 0, 1)
	code(t, err, "claim_expired")
	h.sound()
}

// Who pays cannot choose again, and who has not paid in the end can.
func TestAPayingClaimIsNotSwapped(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	f := h.fans(1)
	c, err := h.take(f[0], "A1", "A2")
	if err != nil {
		t.Fatal(err)
	}
	h.pay(c.ID)
	_, err = h.swap(f[0], c.ID, "A1", "A2", "A3")
	code(t, err, "payment_pending")
	// What is wrong with the request is told before what is in its way.
	_, err = h.swap(f[0], c.ID)
	code(t, err, "invalid_request")
	h.confirm(c.ID)
	_, err = h.swap(f[0], c.ID, "A1", "A2", "A3")
	code(t, err, "claim_expired")
	if u := h.units(0); u["sold"] != 2 || u["held"] != 0 {
		t.Errorf("%v", u)
	}
}

// A payment that starts while a claim is swapped pays for what was there before, or for what is there after, and all of it.
func TestAPaymentNeverStartsInTheMiddleOfASwap(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	for _, fan := range h.fans(dbtest.Size(10, 200)) {
		c, err := h.take(fan, "A1", "A2")
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := h.swap(fan, c.ID, "B1", "B2", "B3")
			if got := fault.Code(err); got != "" && got != "payment_pending" {
				t.Error(err)
			}
		})
		var paid int64
		wg.Go(func() {
			err := db.InTx(t.Context(), h.pool, func(tx pgx.Tx) error {
				l, err := claim.LockTx(t.Context(), tx, c.ID)
				if err != nil {
					return err
				}
				paid = int64(l.Total)
				return l.PayTx(t.Context(), tx)
			})
			if err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		got, err := h.claims.Get(t.Context(), fan, c.ID)
		if err != nil || int64(got.Total) != paid || got.Status != claim.Paying || len(got.Lines) != int(paid/500_000) {
			t.Fatalf("%+v was to be paid with %d (%v)", got, paid, err)
		}
		h.sound()
		if err := db.InTx(t.Context(), h.pool, func(tx pgx.Tx) error {
			l, err := claim.LockTx(t.Context(), tx, c.ID)
			if err != nil {
				return err
			}
			return l.EndTx(t.Context(), tx, claim.Released)
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// Fans take, swap and release what they like at the same time: seats one by one, the best, and the floor. No seat ever has
// two owners, and nobody has more than the limit.
func TestRandomSwapsNeverOversell(t *testing.T) {
	t.Parallel()
	h := open(t, func(n *sale.NewSale) {
		seated(n)
		n.SeatMap = []byte(strings.Replace(string(n.SeatMap), `"capacity":20`, `"capacity":12`, 1))
	})
	all := h.seats().IDs
	counts := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, fan := range h.fans(12) {
		rnd := rand.New(rand.NewPCG(uint64(dbtest.Seed()), uint64(i))) //nolint:gosec // a seed
		wg.Go(func() {
			var mine *claim.Claim
			for range dbtest.Size(15, 300) {
				r := claim.Request{TierID: h.tier(rnd.IntN(2)), Quantity: 1 + rnd.IntN(4)}
				switch rnd.IntN(4) {
				case 0, 1:
					first := rnd.IntN(len(all) - 4)
					r = claim.Request{Seats: slices.Clone(all[first : first+r.Quantity])}
				case 2:
					r.TierID, r.Best, r.Split = h.tier(0), true, rnd.IntN(2) == 0
				}
				var got claim.Claim
				var err error
				deed := "swap"
				if mine == nil {
					deed = "hold"
					got, err = h.claims.Hold(t.Context(), h.event, fan, r)
				} else {
					got, err = h.claims.Change(t.Context(), h.event, fan, mine.ID, r)
				}
				mu.Lock()
				counts[deed+" "+fault.Code(err)]++
				mu.Unlock()
				if err == nil {
					mine = &got
				}
				if mine != nil && rnd.IntN(6) == 0 {
					if err := db.InTx(t.Context(), h.pool, func(tx pgx.Tx) error {
						l, err := claim.LockTx(t.Context(), tx, mine.ID)
						if err != nil {
							return err
						}
						return l.EndTx(t.Context(), tx, claim.Released)
					}); err != nil {
						t.Error(err)
					}
					mine = nil
				}
			}
		})
	}
	wg.Wait()
	for _, want := range []string{"hold ", "swap ", "swap seats_taken", "hold seats_taken", "swap orphan_seat"} {
		if counts[want] == 0 {
			t.Errorf("nothing ended as %q", want)
		}
	}
	for kind, n := range counts {
		switch _, code, _ := strings.Cut(kind, " "); code {
		case "", "seats_taken", "orphan_seat", "sold_out", "not_enough_left":
		default:
			t.Errorf("%d times %s", n, kind)
		}
	}
	h.sound()
	// What memory says of the hall is what the rows say.
	h.agrees()
}

// agrees checks that the seats as they are shown are those that are stored.
func (h *hall) agrees() {
	h.Helper()
	s := h.seats()
	rows, err := h.pool.Query(h.Context(), `SELECT id, CASE WHEN state = 'paying' THEN 'held' WHEN held_until <= now() THEN 'free' ELSE state END FROM units WHERE event_id = $1`, h.event.ID())
	if err != nil {
		h.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		var state string
		if err := rows.Scan(&id, &state); err != nil {
			h.Fatal(err)
		}
		if n, ok := s.Number(id); ok && s.States[n].String() != state {
			h.Errorf("seat %s is shown %s and is %s", s.Seat(n).Label, s.States[n], state)
		}
	}
}

// Whole rows are free at any time here, so that nobody has to leave a seat alone: two who each take seats with room
// between them do not leave one between them, whoever comes first, and neither does a rush for the best.
func TestARushLeavesNoSeatAlone(t *testing.T) {
	t.Parallel()
	rounds(t, dbtest.Size(4, 60), func(t *testing.T, round int) {
		h := open(t, func(n *sale.NewSale) {
			seated(n)
			n.SeatMap = []byte(strings.Replace(string(n.SeatMap), `"to":"C","count":10`, `"to":"Z","count":9`, 1))
			n.SeatMap = []byte(strings.Replace(string(n.SeatMap), `,"marks":[{"seats":["C10"],"blocked":true}]`, ``, 1))
		})
		replica := h.replica()
		ids := h.seats().IDs
		var wg sync.WaitGroup
		for i, fan := range h.fans(40) {
			rnd := rand.New(rand.NewPCG(uint64(dbtest.Seed()), uint64(100*round+i))) //nolint:gosec // a seed
			service := []*claim.Service{h.claims, replica}[i%2]
			wg.Go(func() {
				r := claim.Request{TierID: h.tier(0), Quantity: 1 + rnd.IntN(4), Best: true}
				if i%4 < 2 {
					first := rnd.IntN(6*9 - 4)
					r = claim.Request{Seats: slices.Clone(ids[first : first+r.Quantity])}
				}
				if _, err := service.Hold(t.Context(), h.event, fan, r); err != nil && fault.Code(err) != "seats_taken" && fault.Code(err) != "orphan_seat" {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for row := 'A'; row <= 'Z'; row++ {
			if got := h.row(string(row)); strings.Contains("h"+got+"h", "hfh") {
				t.Errorf("row %c: %s", row, got)
			}
		}
		h.agrees()
	})
}

func TestWhoLosesASeatIsOfferedOthers(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	f := h.fans(3)
	if _, err := h.take(f[0], "A5", "A6"); err != nil {
		t.Fatal(err)
	}
	offered := func(err error) string {
		t.Helper()
		code(t, err, "seats_taken")
		list, ok := fault.From(err).Extra["alternatives"].([]claim.NamedSeat)
		if !ok {
			t.Fatalf("%v", fault.From(err).Extra)
		}
		var out []string
		for _, s := range list {
			out = append(out, s.Label)
		}
		return strings.Join(out, " ")
	}
	_, err := h.take(f[1], "A6", "A7")
	if got := offered(err); got != "A7 A8" {
		t.Errorf("offered %s", got)
	}
	// Apart from each other: the one that is free stays.
	_, err = h.take(f[1], "A6", "C1")
	if got := offered(err); got != "A7 C1" {
		t.Errorf("offered %s", got)
	}
	c, err := h.take(f[1], "B5", "B6", "B7", "B8")
	if err != nil {
		t.Fatal(err)
	}
	// Own seats may be among those that are offered for a swap.
	_, err = h.swap(f[1], c.ID, "A6", "A7")
	if got := offered(err); got != "B6 B7" && got != "A7 A8" {
		t.Errorf("offered %s", got)
	}
	h.sql(`UPDATE units u SET state = 'blocked', claim_id = NULL, held_until = NULL FROM seats s WHERE s.id = u.id AND u.event_id = $1 AND s.label NOT IN ('C1', 'C3')`, h.event.ID())
	h.sql(`INSERT INTO ledger (event_id, kind, body) VALUES ($1, 'sale_moved', '{}')`, h.event.ID())
	_, err = h.take(f[2], "A5", "A6")
	if got := offered(err); got != "" {
		t.Errorf("offered %s", got)
	}
}

func TestAPartyMayBeParted(t *testing.T) {
	t.Parallel()
	h := open(t, func(n *sale.NewSale) {
		seated(n)
		n.Terms.MaxTicketsPerFan = 10
	})
	f := h.fans(6)
	best := func(fan uuid.UUID, n int, split bool) (claim.Claim, error) {
		return h.claims.Hold(t.Context(), h.event, fan, claim.Request{TierID: h.tier(0), Quantity: n, Best: true, Split: split})
	}
	if c, err := best(f[0], 10, true); err != nil || labels(c) != "A1 A2 A3 A4 A5 A6 A7 A8 A9 A10" {
		t.Fatalf("together where they fit: %s %v", labels(c), err)
	}
	if _, err := h.take(f[1], "B1", "B2", "B3", "B4", "B5"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.take(f[2], "C6", "C7", "C8", "C9"); err != nil {
		t.Fatal(err)
	}
	// B6–B10 and C1–C5 are left.
	_, err := best(f[3], 7, false)
	code(t, err, "not_enough_left")
	if left := fault.From(err).Extra["left"]; left != 5 {
		t.Errorf("left: %v", left)
	}
	if others, _ := fault.From(err).Extra["other_tiers"].([]uuid.UUID); !slices.Equal(others, []uuid.UUID{h.tier(1)}) {
		t.Errorf("other tiers: %v", fault.From(err).Extra)
	}
	c, err := best(f[3], 7, true)
	if err != nil || len(c.Lines) != 7 {
		t.Fatal(err)
	}
	if b, cc := h.row("B"), h.row("C"); strings.Contains("h"+b+"h", "hfh") || strings.Contains("h"+cc+"b", "hfh") || strings.Count(b, "h") == 6 || strings.Count(cc, "h") == 5 {
		t.Errorf("%s %s", b, cc)
	}
	_, err = best(f[4], 9, true)
	code(t, err, "not_enough_left")
	if left := fault.From(err).Extra["left"]; left != 3 {
		t.Errorf("left: %v", left)
	}
	h.sound()
}

// Whose money comes when their seats are gone sits side by side again, and leaves nobody alone, if that can be.
func TestALateSuccessSitsTogether(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	f := h.fans(5)
	late, err := h.take(f[0], "A5", "A6", "A7")
	if err != nil {
		t.Fatal(err)
	}
	h.pass(late.ID)
	if _, err := h.take(f[1], "A6", "A7"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.take(f[2], "B4", "B5"); err != nil {
		t.Fatal(err)
	}
	if got := h.confirm(late.ID); !got.Moved || labels(claim.Claim{Lines: got.Lines}) != "B6 B7 B8" {
		t.Errorf("%s: %+v", labels(claim.Claim{Lines: got.Lines}), got)
	}
	// Where no three are left side by side, in groups.
	third, err := h.take(f[3], "C1", "C2", "C3")
	if err != nil {
		t.Fatal(err)
	}
	h.pass(third.ID)
	h.sql(`UPDATE units u SET state = 'blocked', claim_id = NULL, held_until = NULL FROM seats s
		WHERE s.id = u.id AND u.event_id = $1 AND (u.state = 'free' OR u.claim_id = $2) AND s.label NOT IN ('A1', 'A2', 'A9', 'A10', 'C9')`, h.event.ID(), third.ID)
	if got := labels(claim.Claim{Lines: h.confirm(third.ID).Lines}); got != "A1 A2 A9" && got != "A1 A9 A10" && got != "A1 A2 C9" && got != "C9 A9 A10" && got != "A9 A10 C9" && got != "A2 A9 A10" {
		t.Errorf("%s", got)
	}
	h.sound()
}
