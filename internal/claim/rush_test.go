package claim_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// again puts every unit back and ends every claim, so that the same fans can rush on the same units.
func (h *hall) again() {
	h.Helper()
	h.sql(`UPDATE units SET state = 'free', claim_id = NULL, held_until = NULL WHERE state = 'held'`)
	h.sql(`UPDATE claims SET status = 'released', ended_at = now() WHERE status = 'held'`)
}

// all lets every fan ask at once.
func all(fans []uuid.UUID, ask func(i int, fan uuid.UUID) (claim.Claim, error)) (got []claim.Claim, refused []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, fan := range fans {
		wg.Go(func() {
			<-start
			c, err := ask(i, fan)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refused = append(refused, err)
				return
			}
			got = append(got, c)
		})
	}
	close(start)
	wg.Wait()
	return got, refused
}

// 200 fans want the last 10 units, again and again, through two replicas.
func TestTheLastTen(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	other := h.replica()
	fans := h.fans(200)
	for round := range dbtest.Size(100, 1000) {
		got, refused := all(fans, func(i int, fan uuid.UUID) (claim.Claim, error) {
			s := h.claims
			if i%2 == 1 {
				s = other
			}
			return s.Hold(t.Context(), h.event, fan, claim.Request{TierID: h.tier(0), Quantity: 1})
		})
		if len(got) != 10 || len(refused) != 190 {
			t.Fatalf("round %d: %d of 10 places went to 200 people", round, len(got))
		}
		seen := map[uuid.UUID]bool{}
		for _, c := range got {
			seen[c.Lines[0].UnitID] = true
		}
		if len(seen) != 10 {
			t.Fatalf("round %d: %d places for 10 claims", round, len(seen))
		}
		for _, err := range refused {
			code(t, err, "sold_out")
			if n := fault.From(err).Extra["held"]; n != int64(10) {
				t.Fatalf("round %d: held: %v", round, n)
			}
		}
		if round%10 == 0 {
			h.sound()
		}
		h.again()
	}
	h.sound()
}

// Parties of all sizes want more than there is: nobody is refused who would fit into what stays free.
func TestTheLastTenForParties(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fans := h.fans(60)
	for round := range dbtest.Size(10, 200) {
		left := 10
		got, refused := all(fans, func(i int, fan uuid.UUID) (claim.Claim, error) { return h.hold(fan, 0, 2+(i+round)%3) })
		for _, c := range got {
			left -= len(c.Lines)
		}
		for _, err := range refused {
			if fault.Code(err) != "not_enough_left" {
				code(t, err, "sold_out")
			} else if n, ok := fault.From(err).Extra["left"].(int); !ok || n < 1 || n > 3 {
				t.Fatalf("round %d: %d are left, and somebody was refused who wants 2 to 4", round, n)
			}
		}
		// There are enough parties of 2.
		if left < 0 || left > 1 || h.units(0)["free"] != left {
			t.Fatalf("round %d: %d are left, %v", round, left, h.units(0))
		}
		h.again()
	}
	h.sound()
}

// oneLast is a thousand fans for one place.
func oneLast(t *testing.T, h *hall, refusal string, ask func(fan uuid.UUID) (claim.Claim, error)) {
	t.Helper()
	got, refused := all(h.fans(1000), func(_ int, fan uuid.UUID) (claim.Claim, error) { return ask(fan) })
	if len(got) != 1 || len(refused) != 999 {
		t.Fatalf("%d winners", len(got))
	}
	for _, err := range refused {
		code(t, err, refusal)
		if status := fault.Status(err); status != http.StatusConflict {
			t.Fatalf("%d for %v", status, err)
		}
	}
	if n := h.count(`SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
	h.sound()
}

func TestOneLastUnit(t *testing.T) {
	t.Parallel()
	h := open(t, func(n *sale.NewSale) { n.Tiers[0].Capacity, n.Terms.MaxInside = 1, 1000 })
	oneLast(t, h, "sold_out", func(fan uuid.UUID) (claim.Claim, error) { return h.hold(fan, 0, 1) })
}

func TestOneLastSeat(t *testing.T) {
	t.Parallel()
	h := open(t, func(n *sale.NewSale) {
		seated(n)
		n.Terms.MaxInside = 1000
	})
	seat := h.ids("B5")
	oneLast(t, h, "seats_taken", func(fan uuid.UUID) (claim.Claim, error) {
		return h.claims.Hold(t.Context(), h.event, fan, claim.Request{Seats: seat})
	})
}
