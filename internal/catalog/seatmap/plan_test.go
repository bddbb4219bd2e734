package seatmap_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fairqueue/internal/catalog/seatmap"
)

// drawHall makes a small hall with some of its seats free.
func drawHall(t *rapid.T) (m *seatmap.Map, free []bool) {
	m = &seatmap.Map{FocalX: rapid.Float64Range(-5, 5).Draw(t, "focal"), AllowOrphans: rapid.IntRange(0, 5).Draw(t, "orphans") == 0}
	s := seatmap.Section{ID: "s", Name: "S", Kind: seatmap.Seated}
	for r := range rapid.IntRange(1, 4).Draw(t, "rows") {
		row := seatmap.Row{Name: fmt.Sprint(r)}
		n := rapid.IntRange(1, 9).Draw(t, "seats")
		for i := range n {
			one := func(of int, what string) bool { return rapid.IntRange(1, of).Draw(t, what) == of }
			seat := seatmap.Seat{
				Label: fmt.Sprintf("%d-%d", r, i), X: float64(i) - float64(n)/2, Y: float64(r) + 3,
				Aisle: i+1 < n && one(6, "aisle"), Restricted: one(6, "restricted"), Accessible: one(9, "accessible"),
			}
			if one(5, "tier") {
				seat.Tier = 1
			}
			if one(12, "companion") {
				seat.CompanionOf = "0-0"
			}
			row.Seats = append(row.Seats, seat)
			free = append(free, rapid.IntRange(1, 4).Draw(t, "free") > 1)
		}
		s.Rows = append(s.Rows, row)
	}
	m.Sections = []seatmap.Section{s}
	return m, free
}

// naive looks at a hall row by row, the way somebody does who sells at a desk.
type naive struct {
	m    *seatmap.Map
	free []bool
}

// stretches are the seats of each row from aisle to aisle.
func (h naive) stretches() (out [][]int) {
	n := 0
	for _, r := range h.m.Sections[0].Rows {
		var now []int
		for _, s := range r.Seats {
			now = append(now, n)
			n++
			if s.Aisle {
				out, now = append(out, now), nil
			}
		}
		out = append(out, now)
	}
	return out
}

func (h naive) seat(n int) seatmap.Seat {
	for _, r := range h.m.Sections[0].Rows {
		if n < len(r.Seats) {
			return r.Seats[n]
		}
		n -= len(r.Seats)
	}
	panic("no such seat")
}

func (h naive) apart(n int) bool { s := h.seat(n); return s.Accessible || s.CompanionOf != "" }

// lonely are the free seats without a free neighbour, that matter.
func (h naive) lonely(taken []int) (out []int) {
	for _, st := range h.stretches() {
		for i, n := range st {
			is := func(i int) bool { return i >= 0 && i < len(st) && h.free[st[i]] && !slices.Contains(taken, st[i]) }
			if is(i) && !is(i-1) && !is(i+1) && !h.apart(n) {
				out = append(out, n)
			}
		}
	}
	return out
}

// orphans are the seats that taking some leaves lonely.
func (h naive) orphans(taken []int) (out []int) {
	if h.m.AllowOrphans {
		return nil
	}
	before := h.lonely(nil)
	for _, n := range h.lonely(taken) {
		if !slices.Contains(before, n) {
			out = append(out, n)
		}
	}
	return out
}

// blocks are all n free neighbours of some tiers.
func (h naive) blocks(n int, tiers ...int) (out [][]int) {
	for _, st := range h.stretches() {
		for i := 0; i+n <= len(st); i++ {
			b := st[i : i+n]
			if !slices.ContainsFunc(b, func(s int) bool { return !h.free[s] || !slices.Contains(tiers, h.seat(s).Tier) }) {
				out = append(out, b)
			}
		}
	}
	return out
}

// cost of a block, the most important first.
func (h naive) cost(b []int) [4]int64 {
	var c [4]int64
	for _, n := range b {
		s := h.seat(n)
		if h.apart(n) {
			c[0] = 1
		}
		if s.Restricted {
			c[2]++
		}
		c[3] += int64(math.Round(100 * math.Hypot(s.X-h.m.FocalX, s.Y-h.m.FocalY)))
	}
	if len(h.orphans(b)) > 0 {
		c[1] = 1
	}
	return c
}

func TestBestIsTheBestOfAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, free := drawHall(t)
		h := naive{m, free}
		n := rapid.IntRange(1, 5).Draw(t, "party")
		first, most, ok := m.Plan().Best(func(i int) bool { return free[i] }, 0, n)
		blocks := h.blocks(n, 0)
		if ok != (len(blocks) > 0) {
			t.Fatalf("found %t, there are %v", ok, blocks)
		}
		if !ok {
			if most >= n || most > 0 && len(h.blocks(most, 0)) == 0 || len(h.blocks(most+1, 0)) > 0 {
				t.Fatalf("%d neighbours at most", most)
			}
			return
		}
		best := slices.MinFunc(blocks, func(a, b []int) int { x, y := h.cost(a), h.cost(b); return slices.Compare(x[:], y[:]) })
		if first != best[0] {
			t.Fatalf("got %d with %v, want %v with %v", first, h.cost(blocks[slices.IndexFunc(blocks, func(b []int) bool { return b[0] == first })]), best, h.cost(best))
		}
	})
}

func TestOrphanRule(t *testing.T) {
	t.Parallel()
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		m, free := drawHall(t)
		h := naive{m, free}
		var seats []int
		for n, f := range free {
			if f && len(seats) < 5 && rapid.IntRange(0, 2).Draw(t, "take") == 0 {
				seats = append(seats, n)
			}
		}
		if len(seats) == 0 {
			return
		}
		want := h.orphans(seats)
		var tiers []int
		for _, n := range seats {
			tiers = append(tiers, h.seat(n).Tier)
		}
		better := slices.ContainsFunc(h.blocks(len(seats), tiers...), func(b []int) bool { return len(h.orphans(b)) == 0 && !slices.ContainsFunc(b, h.apart) })
		if !better || slices.ContainsFunc(seats, h.apart) {
			want = nil
		}
		got := m.Plan().Orphan(func(i int) bool { return free[i] }, seats)
		if (got < 0) != (len(want) == 0) || got >= 0 && !slices.Contains(want, got) {
			t.Fatalf("taking %v leaves %d, want one of %v", seats, got, want)
		}
		if got >= 0 {
			refused++
		}
	})
	if refused == 0 {
		t.Error("nothing was ever refused")
	}
}
