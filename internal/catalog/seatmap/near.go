package seatmap

import (
	"math"
	"slices"
)

// Near returns free seats in place of these, of which some are not free: as many, of the same tiers, where a group of
// neighbours has lost one as many neighbours nearest to it, and those that are free as they are. Nil if there are none
// that could be taken.
func (p *Plan) Near(free func(number int) bool, asked []int) []int {
	asked = slices.Sorted(slices.Values(asked))
	var seats []int
	var lost [][]int
	for len(asked) > 0 {
		n := 1
		for n < len(asked) && asked[n] == asked[n-1]+1 && p.joined[asked[n-1]] {
			n++
		}
		if slices.ContainsFunc(asked[:n], func(i int) bool { return !free(i) }) {
			lost = append(lost, asked[:n])
		} else {
			seats = append(seats, asked[:n]...)
		}
		asked = asked[n:]
	}
	for _, group := range lost {
		first := p.nearBlock(free, seats, group)
		if first < 0 {
			return nil
		}
		for i := first; i < first+len(group); i++ {
			seats = append(seats, i)
		}
	}
	slices.Sort(seats)
	if p.Orphan(free, seats) >= 0 {
		return nil
	}
	return seats
}

// nearBlock is the first of the free neighbours nearest to a group, as many and of the same tiers, -1 for none. Those
// that leave a single seat alone come last. taken are no longer free.
func (p *Plan) nearBlock(free func(int) bool, taken, group []int) int {
	n := len(group)
	apart := slices.ContainsFunc(group, func(i int) bool { return p.apart[i] })
	tiers := p.tiersOf(group[0], n)
	x, y := p.middle(group[0], n)
	gone := func(i int) bool { return slices.Contains(taken, i) }
	best, bestAlone, bestFar, run := -1, false, 0.0, 0
	for i := range p.tier {
		if run > 0 && !p.joined[i-1] {
			run = 0
		}
		if !slices.Contains(tiers, p.tier[i]) || !free(i) || gone(i) || p.apart[i] && !apart {
			run = 0
			continue
		}
		if run++; run < n {
			continue
		}
		first := i + 1 - n
		bx, by := p.middle(first, n)
		far := math.Hypot(bx-x, by-y)
		if best >= 0 && !bestAlone && far >= bestFar {
			continue
		}
		if tiers[0] != tiers[n-1] && !slices.Equal(tiers, p.tiersOf(first, n)) {
			continue
		}
		in := func(i int) bool { return i >= first && i < first+n || gone(i) }
		alone := !p.orphans && (p.leaves(free, in, first-1) >= 0 || p.leaves(free, in, first+n) >= 0)
		if best < 0 || bestAlone && !alone || alone == bestAlone && far < bestFar {
			best, bestAlone, bestFar = first, alone, far
		}
	}
	return best
}

// tiersOf are the tiers of n seats from one on, sorted.
func (p *Plan) tiersOf(first, n int) []int32 {
	return slices.Sorted(slices.Values(p.tier[first : first+n]))
}

// middle is where the middle of n seats from one on is.
func (p *Plan) middle(first, n int) (x, y float64) {
	return (p.x[first] + p.x[first+n-1]) / 2, (p.y[first] + p.y[first+n-1]) / 2
}
