package seatmap

import (
	"cmp"
	"math"
	"slices"
)

// The search of Split is exact in halls that are smaller than this, and elsewhere as wide.
const (
	// splitNear is how many groups of free neighbours around one place are looked at.
	splitNear = 16
	// splitPlaces is how many places are looked at, those nearest to the focal point.
	splitPlaces = 256
	// closeness is what a step away from each other weighs against a step away from the focal point.
	closeness = 2
)

// stretch are free neighbours of one tier, as many as there are side by side.
type stretch struct {
	first, n int
	x, y     float64 // its middle
	far      float64 // from there to the focal point, squared
}

// parting orders ways to seat a party in groups; the least is the best. Parts add up.
type parting struct {
	groups, alone, orphans, restricted int
	far                                int64
}

func (a parting) plus(b parting) parting {
	return parting{a.groups + b.groups, a.alone + b.alone, a.orphans + b.orphans, a.restricted + b.restricted, a.far + b.far}
}

func (a parting) less(b parting) bool {
	return cmp.Or(
		cmp.Compare(a.groups, b.groups), cmp.Compare(a.alone, b.alone), cmp.Compare(a.orphans, b.orphans),
		cmp.Compare(a.restricted, b.restricted), cmp.Compare(a.far, b.far)) < 0
}

// Choose returns the best n free seats of a tier, in the order of their numbers: side by side as Best has them, or with
// split, where that is not possible, as Split has them. Accessible seats and their companions come last in either case.
// Where there are none it says how many could be had at most.
func (p *Plan) Choose(free func(number int) bool, tier, n int, split bool) (seats []int, most int) {
	first, most, ok := p.Best(free, tier, n)
	if ok {
		for i := first; i < first+n; i++ {
			seats = append(seats, i)
		}
	}
	if !split || ok && !slices.ContainsFunc(seats, func(s int) bool { return p.apart[s] }) {
		return seats, most
	}
	if parted := p.split(free, tier, n, false); parted != nil {
		return parted, most
	}
	if ok {
		return seats, most
	}
	if seats = p.split(free, tier, n, true); seats == nil {
		most = 0
		for i, t := range p.tier {
			if int(t) == tier && free(i) {
				most++
			}
		}
	}
	return seats, most
}

// Split returns n free seats of a tier for a party that may be parted, nil if there are not so many: in as few groups as
// possible, nobody alone if that can be, leaving no single seat alone, with a full view, near each other and the focal
// point, in that order of importance. Accessible seats and their companions are given only when there are not enough
// others.
func (p *Plan) Split(free func(number int) bool, tier, n int) []int {
	if seats := p.split(free, tier, n, false); seats != nil {
		return seats
	}
	return p.split(free, tier, n, true)
}

func (p *Plan) split(free func(number int) bool, tier, n int, apart bool) []int {
	all := p.stretches(func(i int) bool { return int(p.tier[i]) == tier && free(i) && (apart || !p.apart[i]) })
	fewest := fewestGroups(all, n)
	if fewest == 0 {
		return nil
	}
	places := slices.Clone(all)
	slices.SortStableFunc(places, func(a, b stretch) int { return cmp.Compare(a.far, b.far) })
	var best parting
	var seats []int
	try := func(x, y float64, among []stretch) {
		if got, cost := p.part(free, x, y, among, n); got != nil && (seats == nil || cost.less(best)) {
			seats, best = got, cost
		}
	}
	for _, at := range places[:min(len(places), splitPlaces)] {
		try(at.x, at.y, nearest(all, at))
	}
	if seats == nil || best.groups > fewest {
		// Only far apart from each other are there enough of the long ones.
		slices.SortStableFunc(places, func(a, b stretch) int { return cmp.Compare(b.n, a.n) })
		places = places[:max(fewest, min(len(places), splitNear))]
		for _, at := range places {
			try(at.x, at.y, places)
		}
	}
	slices.Sort(seats)
	return seats
}

// stretches are the seats that may be had, by neighbourhood.
func (p *Plan) stretches(may func(number int) bool) []stretch {
	var all []stretch
	for i := 0; i < len(p.tier); i++ {
		if !may(i) {
			continue
		}
		s := stretch{first: i, n: 1}
		for p.neighbours(i, i+1) && may(i+1) {
			i++
			s.n++
		}
		for k := s.first; k < s.first+s.n; k++ {
			s.x += p.x[k] / float64(s.n)
			s.y += p.y[k] / float64(s.n)
			s.far += float64(p.far[k]) / float64(s.n)
		}
		all = append(all, s)
	}
	return all
}

// fewestGroups is in how many groups n people can sit at least; 0 if there are not so many seats.
func fewestGroups(all []stretch, n int) int {
	lengths := make([]int, len(all))
	for i, s := range all {
		lengths[i] = s.n
	}
	slices.Sort(lengths)
	for i, groups := len(lengths)-1, 1; i >= 0; i, groups = i-1, groups+1 {
		if n -= lengths[i]; n <= 0 {
			return groups
		}
	}
	return 0
}

// nearest are the stretches around the middle of one.
func nearest(all []stretch, at stretch) []stretch {
	if len(all) <= splitNear {
		return all
	}
	type away struct {
		stretch
		d float64
	}
	near := make([]away, 0, splitNear+1)
	for _, s := range all {
		a := away{s, (s.x-at.x)*(s.x-at.x) + (s.y-at.y)*(s.y-at.y)}
		if len(near) == splitNear && a.d >= near[splitNear-1].d {
			continue
		}
		i, _ := slices.BinarySearchFunc(near, a, func(o, a away) int { return cmp.Compare(o.d, a.d) })
		near = slices.Insert(near, i, a)
		near = near[:min(len(near), splitNear)]
	}
	out := make([]stretch, len(near))
	for i, a := range near {
		out[i] = a.stretch
	}
	return out
}

// part seats a party of n near a place in some of these stretches, one group in each: the least parting of all, by
// adding stretch after stretch to what is best for every smaller party.
func (p *Plan) part(free func(number int) bool, x, y float64, among []stretch, n int) ([]int, parting) {
	type way struct {
		ok          bool
		cost        parting
		first, size int // of the last group
		before      int // people seated before it
		prior       int // index of the layer that holds those
	}
	layers := make([][]way, 1, len(among)+1)
	layers[0] = make([]way, n+1)
	layers[0][0].ok = true
	for _, s := range among {
		last := layers[len(layers)-1]
		next := slices.Clone(last)
		for size := 1; size <= min(s.n, n); size++ {
			first, cost := p.block(free, x, y, s, size, n)
			for before := 0; before+size <= n; before++ {
				if !last[before].ok {
					continue
				}
				total := last[before].cost.plus(cost)
				if w := &next[before+size]; !w.ok || total.less(w.cost) {
					*w = way{true, total, first, size, before, len(layers) - 1}
				}
			}
		}
		layers = append(layers, next)
	}
	end := layers[len(layers)-1][n]
	if !end.ok {
		return nil, parting{}
	}
	var seats []int
	for w := end; w.size > 0; w = layers[w.prior][w.before] {
		for i := w.first; i < w.first+w.size; i++ {
			seats = append(seats, i)
		}
	}
	return seats, end.cost
}

// block is the best place for a group of that size in a stretch.
func (p *Plan) block(free func(number int) bool, x, y float64, s stretch, size, party int) (first int, best parting) {
	for at := s.first; at+size <= s.first+s.n; at++ {
		c := parting{groups: 1}
		if size == 1 && party > 1 {
			c.alone = 1
		}
		for i := at; i < at+size; i++ {
			c.far += p.far[i] + closeness*int64(math.Round(100*math.Hypot(p.x[i]-x, p.y[i]-y)))
			if p.restricted[i] {
				c.restricted++
			}
		}
		if !p.orphans {
			taken := func(i int) bool { return i >= at && i < at+size }
			for _, o := range [2]int{at - 1, at + size} {
				if p.leaves(free, taken, o) >= 0 {
					c.orphans++
				}
			}
		}
		if at == s.first || c.less(best) {
			first, best = at, c
		}
	}
	return first, best
}
