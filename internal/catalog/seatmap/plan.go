package seatmap

import (
	"math"
	"slices"
)

// Plan is a map flattened for choosing: its seats by number.
type Plan struct {
	tier []int32
	// far is the distance to the focal point, in hundredths of a seat, so that sums are exact.
	far []int64
	// joined: the next seat is a neighbour.
	joined []bool
	// apart are accessible seats and their companions, which are given only when nothing else is left.
	apart      []bool
	restricted []bool
	x, y       []float64
	orphans    bool // may be left
}

// Plan makes the plan of a map.
func (m *Map) Plan() *Plan {
	p := &Plan{orphans: m.AllowOrphans}
	for _, s := range m.Sections {
		for _, r := range s.Rows {
			for i, seat := range r.Seats {
				p.tier = append(p.tier, int32(seat.Tier)) //nolint:gosec // an index of a short list
				p.far = append(p.far, int64(math.Round(100*math.Hypot(seat.X-m.FocalX, seat.Y-m.FocalY))))
				p.joined = append(p.joined, !seat.Aisle && i+1 < len(r.Seats))
				p.apart = append(p.apart, seat.Accessible || seat.CompanionOf != "")
				p.restricted = append(p.restricted, seat.Restricted)
				p.x, p.y = append(p.x, seat.X), append(p.y, seat.Y)
			}
		}
	}
	return p
}

// rank orders blocks of seats; the least is the best.
type rank struct {
	apart, orphan bool
	restricted    int
	far           int64
}

func (r rank) less(o rank) bool {
	switch {
	case r.apart != o.apart:
		return o.apart
	case r.orphan != o.orphan:
		return o.orphan
	case r.restricted != o.restricted:
		return r.restricted < o.restricted
	}
	return r.far < o.far
}

// Best returns the first number of the best n neighbouring free seats of a tier: without accessible seats and their
// companions, leaving no single seat alone, with a full view, nearest to the focal point, in that order of importance;
// among equals the first. If there are none it says how many neighbours are left at most.
func (p *Plan) Best(free func(number int) bool, tier, n int) (first, most int, ok bool) {
	var best rank
	run := 0
	for i := range p.tier {
		if run > 0 && !p.joined[i-1] {
			run = 0
		}
		if int(p.tier[i]) != tier || !free(i) {
			run = 0
			continue
		}
		run++
		most = max(most, run)
		if run < n {
			continue
		}
		if r := p.rank(free, i+1-n, n); !ok || r.less(best) {
			first, best, ok = i+1-n, r, true
		}
	}
	return first, most, ok
}

func (p *Plan) rank(free func(int) bool, first, n int) (r rank) {
	for i := first; i < first+n; i++ {
		r.apart = r.apart || p.apart[i]
		r.far += p.far[i]
		if p.restricted[i] {
			r.restricted++
		}
	}
	taken := func(i int) bool { return i >= first && i < first+n }
	r.orphan = !p.orphans && (p.leaves(free, taken, first-1) >= 0 || p.leaves(free, taken, first+n) >= 0)
	return r
}

// leaves returns seat i if taking some seats leaves it alone, free and without a free neighbour, and it had one
// before; -1 otherwise. Seats that are kept apart are no orphans.
func (p *Plan) leaves(free, taken func(int) bool, i int) int {
	if i < 0 || i >= len(p.tier) || !free(i) || taken(i) || p.apart[i] {
		return -1
	}
	had := false
	for _, o := range [2]int{i - 1, i + 1} {
		if !p.neighbours(i, o) || !free(o) {
			continue
		}
		if !taken(o) {
			return -1
		}
		had = true
	}
	if !had {
		return -1
	}
	return i
}

// Orphan returns a seat that would be left alone by taking these, all of them free, although as many neighbours could be
// had in the same tiers without leaving one; -1 for none. Who takes accessible seats or their companions may leave one.
func (p *Plan) Orphan(free func(number int) bool, seats []int) int {
	alone := p.Alone(free, seats)
	if alone < 0 {
		return -1
	}
	tiers := map[int32]bool{}
	for _, s := range seats {
		tiers[p.tier[s]] = true
	}
	if !p.better(free, tiers, len(seats)) {
		return -1
	}
	return alone
}

// Alone is Orphan where it does not matter what else could be had. It asks about the seats themselves and those of
// Around only.
func (p *Plan) Alone(free func(number int) bool, seats []int) int {
	if !p.judged(seats) {
		return -1
	}
	taken := func(i int) bool { return slices.Contains(seats, i) }
	for _, s := range seats {
		for _, o := range [2]int{s - 1, s + 1} {
			if p.neighbours(s, o) && p.leaves(free, taken, o) >= 0 {
				return o
			}
		}
	}
	return -1
}

// judged reports whether taking these seats is subject to the rule at all.
func (p *Plan) judged(seats []int) bool {
	return !p.orphans && !slices.ContainsFunc(seats, func(s int) bool { return p.apart[s] })
}

// Around are the seats, beside these, that decide whether taking them leaves one alone: up to two on either side.
func (p *Plan) Around(seats []int) []int {
	if !p.judged(seats) {
		return nil
	}
	var around []int
	for _, s := range seats {
		for _, d := range [2]int{-1, 1} {
			for i := s; p.neighbours(i, i+d) && i != s+2*d; {
				i += d
				if !slices.Contains(seats, i) && !slices.Contains(around, i) {
					around = append(around, i)
				}
			}
		}
	}
	return around
}

// neighbours reports whether two seats whose numbers follow each other are neighbours.
func (p *Plan) neighbours(i, o int) bool {
	return min(i, o) >= 0 && max(i, o) < len(p.tier) && p.joined[min(i, o)]
}

// better reports whether n neighbours of these tiers can be had without leaving a seat alone.
func (p *Plan) better(free func(int) bool, tiers map[int32]bool, n int) bool {
	run := 0
	for i := range p.tier {
		if run > 0 && !p.joined[i-1] {
			run = 0
		}
		if !tiers[p.tier[i]] || !free(i) || p.apart[i] {
			run = 0
			continue
		}
		if run++; run >= n && !p.rank(free, i+1-n, n).orphan {
			return true
		}
	}
	return false
}
