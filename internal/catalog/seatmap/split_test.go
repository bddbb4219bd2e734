package seatmap_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fairqueue/internal/catalog/seatmap"
)

// parting is how bad it is to seat a party in these groups, the most important first, as somebody at a desk reckons it.
func (h naive) parting(groups [][]int, party int, x, y float64) [5]int64 {
	c := [5]int64{int64(len(groups))}
	for _, g := range groups {
		if len(g) == 1 && party > 1 {
			c[1]++
		}
		c[2] += int64(len(h.orphans(g)))
		for _, n := range g {
			s := h.seat(n)
			if s.Restricted {
				c[3]++
			}
			c[4] += int64(math.Round(100*math.Hypot(s.X-h.m.FocalX, s.Y-h.m.FocalY))) + 2*int64(math.Round(100*math.Hypot(s.X-x, s.Y-y)))
		}
	}
	return c
}

// groups are the neighbourhoods of seats, by the rows.
func (h naive) groups(seats []int) (out [][]int) {
	for _, st := range h.stretches() {
		var now []int
		for _, n := range st {
			if slices.Contains(seats, n) {
				now = append(now, n)
			} else if now != nil {
				out, now = append(out, now), nil
			}
		}
		if now != nil {
			out = append(out, now)
		}
	}
	return out
}

// subsets calls f with all choices of n of some numbers.
func subsets(of []int, n int, f func([]int)) {
	var pick func(from int, have []int)
	pick = func(from int, have []int) {
		if len(have) == n {
			f(have)
			return
		}
		for i := from; i <= len(of)-(n-len(have)); i++ {
			pick(i+1, append(have, of[i]))
		}
	}
	pick(0, make([]int, 0, n))
}

// Where a party does not fit together, no other way to seat it in groups is better than the one that is found: in small
// halls all ways are tried, around all places.
func TestSplitIsTheBestOfAll(t *testing.T) {
	t.Parallel()
	parted := 0
	rapid.Check(t, func(t *rapid.T) {
		m, free := drawHall(t)
		h := naive{m, free}
		n := rapid.IntRange(2, 5).Draw(t, "party")
		isFree := func(i int) bool { return free[i] }
		got, most := m.Plan().Choose(isFree, 0, n, true)
		var may, all []int
		for i, f := range free {
			if f && h.seat(i).Tier == 0 {
				all = append(all, i)
				if !h.apart(i) {
					may = append(may, i)
				}
			}
		}
		if len(all) < n {
			if got != nil || most != len(all) {
				t.Fatalf("%v of %v, %d at most", got, all, most)
			}
			return
		}
		if len(got) != n || !slices.IsSorted(got) || slices.ContainsFunc(got, func(i int) bool { return !slices.Contains(all, i) }) {
			t.Fatalf("%v is no party of %d of %v", got, n, all)
		}
		if together := h.blocks(n, 0); slices.ContainsFunc(together, func(b []int) bool { return !slices.ContainsFunc(b, h.apart) }) {
			if len(h.groups(got)) != 1 {
				t.Fatalf("%v are parted, and could sit at %v", got, together)
			}
			return
		} else if len(may) < n {
			if len(together) > 0 && len(h.groups(got)) != 1 {
				t.Fatalf("%v are parted, and could sit at %v", got, together)
			}
			return
		}
		parted++
		// The places around which people may sit: the middles of what is free side by side.
		type point struct{ x, y float64 }
		var places []point
		for _, g := range h.groups(may) {
			var p point
			for _, i := range g {
				p.x += h.seat(i).X / float64(len(g))
				p.y += h.seat(i).Y / float64(len(g))
			}
			places = append(places, p)
		}
		if len(places) > 16 {
			return // then not all of them are looked at
		}
		cost := func(seats []int) (best [5]int64) {
			groups := h.groups(seats)
			for i, p := range places {
				if c := h.parting(groups, n, p.x, p.y); i == 0 || slices.Compare(c[:], best[:]) < 0 {
					best = c
				}
			}
			return best
		}
		have := cost(got)
		subsets(may, n, func(seats []int) {
			if c := cost(seats); cmp.Compare(slices.Compare(c[:], have[:]), 0) < 0 {
				t.Fatalf("got %v with %v, %v has %v", got, have, seats, c)
			}
		})
	})
	if parted == 0 {
		t.Error("nobody was ever parted")
	}
}

// In a large hall that is nearly sold out a party is still seated in as few groups as can be.
func TestSplitInALargeHall(t *testing.T) {
	t.Parallel()
	v := stadium()
	m, wrong := seatmap.Read(v.bytes(t), v.tiers, "")
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	// Two seats free in every ten, and far away from each other two groups of four.
	free := func(i int) bool { return i%10 < 2 || i > 900 && i%9000 < 4 }
	lengths := make([][]int, len(v.tiers))
	n := 0
	for _, s := range m.Sections {
		for _, r := range s.Rows {
			run := 0
			for i, seat := range r.Seats {
				if free(n) {
					run++
				}
				if last := seat.Aisle || i+1 == len(r.Seats) || r.Seats[i+1].Tier != seat.Tier; run > 0 && (last || !free(n)) {
					lengths[seat.Tier] = append(lengths[seat.Tier], run)
					run = 0
				}
				n++
			}
		}
	}
	for tier, list := range lengths {
		slices.Sort(list)
		slices.Reverse(list)
		for _, party := range []int{5, 6, 9} {
			fewest, left := 0, party
			for left > 0 {
				left -= list[fewest]
				fewest++
			}
			seats, _ := m.Plan().Choose(free, tier, party, true)
			groups := 1
			for i := 1; i < len(seats); i++ {
				if seats[i] != seats[i-1]+1 {
					groups++
				}
			}
			if len(seats) != party || groups != fewest {
				t.Errorf("a party of %d sits in %d groups in tier %d, and could in %d: %v", party, groups, tier, fewest, seats)
			}
		}
	}
}

func TestNear(t *testing.T) {
	t.Parallel()
	offered, none := 0, 0
	near := func(t *rapid.T) {
		m, free := drawHall(t)
		h := naive{m, free}
		var asked []int
		for n := range free {
			if len(asked) < 4 && rapid.IntRange(0, 2).Draw(t, "ask") == 0 {
				asked = append(asked, n)
			}
		}
		if !slices.ContainsFunc(asked, func(i int) bool { return !free[i] }) {
			return
		}
		p := m.Plan()
		got := p.Near(func(i int) bool { return free[i] }, asked)
		tiers := func(seats []int) (out []int) {
			for _, n := range seats {
				out = append(out, h.seat(n).Tier)
			}
			slices.Sort(out)
			return out
		}
		if got != nil {
			offered++
			if !slices.Equal(tiers(got), tiers(asked)) || slices.ContainsFunc(got, func(i int) bool { return !free[i] }) || len(slices.Compact(slices.Clone(got))) != len(asked) {
				t.Fatalf("%v is offered for %v", got, asked)
			}
			if p.Orphan(func(i int) bool { return free[i] }, got) >= 0 {
				t.Fatalf("%v would be refused", got)
			}
			for _, g := range h.groups(asked) {
				if !slices.ContainsFunc(g, func(i int) bool { return !free[i] }) && slices.ContainsFunc(g, func(i int) bool { return !slices.Contains(got, i) }) {
					t.Fatalf("%v was free and is not among %v", g, got)
				}
			}
		}
		// One group of one tier: by hand.
		groups := h.groups(asked)
		apart := slices.ContainsFunc(asked, h.apart)
		if len(groups) != 1 || slices.Compact(tiers(asked))[0] != slices.Max(tiers(asked)) || apart {
			return
		}
		middle := func(b []int) (float64, float64) {
			a, z := h.seat(b[0]), h.seat(b[len(b)-1])
			return (a.X + z.X) / 2, (a.Y + z.Y) / 2
		}
		x, y := middle(asked)
		best := math.Inf(1)
		for _, b := range h.blocks(len(asked), tiers(asked)[0]) {
			if len(h.orphans(b)) == 0 && !slices.ContainsFunc(b, h.apart) {
				bx, by := middle(b)
				best = min(best, math.Hypot(bx-x, by-y))
			}
		}
		if math.IsInf(best, 1) {
			none++
			return // what leaves a seat alone may be offered where nothing else is left
		}
		if got == nil {
			t.Fatalf("nothing is offered for %v", asked)
		}
		if gx, gy := middle(got); math.Abs(math.Hypot(gx-x, gy-y)-best) > 1e-9 || len(h.groups(got)) != 1 {
			t.Fatalf("%v is offered for %v, something is nearer", got, asked)
		}
	}
	// Halls in which nothing is left are rare: a hundred may have none.
	for round := 0; round == 0 || round < 30 && (offered == 0 || none == 0); round++ {
		rapid.Check(t, near)
	}
	if offered == 0 || none == 0 {
		t.Errorf("%d offers, %d times nothing", offered, none)
	}
}

// What lies around seats is enough to say whether one is left alone.
func TestAroundIsEnough(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, free := drawHall(t)
		var seats []int
		for n, f := range free {
			if f && len(seats) < 4 && rapid.IntRange(0, 2).Draw(t, "take") == 0 {
				seats = append(seats, n)
			}
		}
		p := m.Plan()
		around := p.Around(seats)
		want := p.Alone(func(i int) bool { return free[i] }, seats)
		got := p.Alone(func(i int) bool {
			if !slices.Contains(seats, i) && !slices.Contains(around, i) {
				t.Fatalf("seat %d matters for %v, and is not around: %v", i, seats, around)
			}
			return free[i]
		}, seats)
		if got != want {
			t.Fatalf("%d, want %d", got, want)
		}
	})
}
