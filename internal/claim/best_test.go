package claim_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
)

func (h *hall) best(fan uuid.UUID, n int) (claim.Claim, error) {
	return h.claims.Hold(h.Context(), h.event, fan, claim.Request{TierID: h.tier(0), Quantity: n, Best: true})
}

func labels(c claim.Claim) string {
	out := make([]string, len(c.Lines))
	for i, l := range c.Lines {
		out[i] = l.Seat.Label
	}
	return strings.Join(out, " ")
}

func TestBestAvailable(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	f := h.fans(9)
	for i, want := range []string{"A5 A6", "A3 A4", "A7 A8", "B5 B6"} {
		// Row A ends in pairs: a pair in the middle leaves no single seat.
		if c, err := h.best(f[i], 2); err != nil || labels(c) != want {
			t.Errorf("the %dth pair sits at %s, want %s (%v)", i+1, labels(c), want, err)
		}
	}
	// A party of three would leave one alone beside any pair of row A, and sits in row C.
	if c, err := h.best(f[4], 3); err != nil || labels(c) != "C4 C5 C6" {
		t.Errorf("three sit at %s (%v)", labels(c), err)
	}
	if c, err := h.best(f[5], 4); err != nil || labels(c) != "B1 B2 B3 B4" && labels(c) != "B7 B8 B9 B10" {
		t.Errorf("four sit at %s (%v)", labels(c), err)
	}
	_, err := h.best(f[6], 5)
	code(t, err, "limit_reached")
	if _, err := h.best(f[7], 4); err != nil {
		t.Fatal(err)
	}
	_, err = h.best(f[6], 4)
	code(t, err, "not_enough_left")
	if left := fault.From(err).Extra["left"]; left != 3 {
		t.Errorf("left: %v", left)
	}
	// Who asks for any seats gets them, apart from each other.
	if c, err := h.hold(f[6], 0, 4); err != nil || len(c.Lines) != 4 {
		t.Errorf("%v", err)
	}
	if _, err := h.best(f[8], 0); fault.Code(err) != "invalid_request" {
		t.Errorf("nobody: %v", err)
	}
	h.whole()
}

// Everybody asks at once. Nobody is split, nobody has somebody else's seat, and
// who was refused could not have been seated.
func TestARushForTheBest(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	var mu sync.Mutex
	var wg sync.WaitGroup
	owned := map[int]bool{}
	var refused []int
	for i, fan := range h.fans(60) {
		n := 1 + i%4
		wg.Go(func() {
			c, err := h.best(fan, n)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				if got := fault.Code(err); got != "not_enough_left" && got != "sold_out" {
					t.Error(err)
				}
				refused = append(refused, n)
				return
			}
			s := h.seats()
			var numbers []int
			for _, l := range c.Lines {
				k, _ := s.Number(l.UnitID)
				if owned[k] {
					t.Errorf("seat %s has two owners", l.Seat.Label)
				}
				owned[k] = true
				numbers = append(numbers, k)
			}
			slices.Sort(numbers)
			if numbers[n-1]-numbers[0] != n-1 || s.Place(numbers[0]).Row != s.Place(numbers[n-1]).Row {
				t.Errorf("a party of %d sits at %s", n, labels(c))
			}
		})
	}
	wg.Wait()
	s := h.seats()
	for _, n := range refused {
		if _, _, ok := s.Map.Plan().Best(func(i int) bool { return s.States[i] == claim.SeatFree }, 0, n); ok {
			t.Errorf("a party of %d was refused, and could sit: %s %s %s", n, h.row("A"), h.row("B"), h.row("C"))
		}
	}
	if len(refused) == 0 {
		t.Error("150 people sit on 29 seats")
	}
	h.whole()
}

func TestNoSeatIsLeftAlone(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	f := h.fans(3)
	_, err := h.take(f[0], "A2", "A3")
	code(t, err, "orphan_seat")
	if seat, ok := fault.From(err).Extra["seat"].(claim.NamedSeat); !ok || seat.Label != "A1" {
		t.Errorf("%v", fault.From(err).Extra)
	}
	if a := h.row("A"); a != "ffffffffff" {
		t.Errorf("%s", a)
	}
	if _, err := h.take(f[0], "A1", "A2", "A3"); err != nil {
		t.Error(err)
	}
	// Where no other seats of that size are left, one may stay alone.
	h.sql(`UPDATE units u SET state = 'blocked' FROM seats s WHERE s.id = u.id AND u.event_id = $1 AND s.label <> ALL ('{A1,A2,A3,B1,B2,B3}')`, h.event.ID())
	h.sql(`INSERT INTO ledger (event_id, kind, body) VALUES ($1, 'sale_moved', '{}')`, h.event.ID())
	if _, err := h.take(f[1], "B2", "B3"); err != nil {
		t.Error(err)
	}
}
