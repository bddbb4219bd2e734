package seatmap

import (
	"math"
	"slices"
	"strconv"
)

// minApart is the least distance of two seats, in seat widths.
const minApart = 0.5

// check compares the parts of the map with each other.
func (b *builder) check(root *path) {
	sections := root.member("sections")
	ids := map[string]int{}
	for i, s := range b.m.Sections {
		at := sections.at(i)
		if first, twice := ids[s.ID]; twice && s.ID != "" {
			b.add(at.member("id"), "This id is that of sections["+strconv.Itoa(first)+"], too.")
		} else {
			ids[s.ID] = i
		}
		b.checkSection(i, at)
	}
	for _, tier := range slices.Sorted(keys(b.standing)) {
		if seat := b.seating[tier]; seat != nil {
			b.add(b.standing[tier].member("tier"), "This tier has seats, at "+seat.String()+". Standing places need a tier of their own.")
		}
	}
	b.checkApart()
}

func keys(m map[int]*path) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

type spot struct{ row, seat int }

// checkSection checks the labels of a section, and what refers to them.
func (b *builder) checkSection(i int, at *path) {
	s := &b.m.Sections[i]
	names := map[string]*path{}
	labels := make(map[string]spot, 64)
	for r, row := range s.Rows {
		src := b.sources[i][r]
		if first := names[row.Name]; first != nil && row.Name != "" {
			b.add(src.at.member("name"), "Row "+row.Name+" stands at "+first.String()+" already.")
		} else {
			names[row.Name] = src.at
		}
		for n, seat := range row.Seats {
			if seat.Label == "" {
				continue
			}
			if first, twice := labels[seat.Label]; twice {
				where := src.seat(n)
				if src.listed {
					where = where.member("label")
				}
				b.add(where, "Two seats of this section have the label "+seat.Label+"; the other is "+b.sources[i][first.row].seat(first.seat).String()+".")
				continue
			}
			labels[seat.Label] = spot{r, n}
		}
	}
	for r, row := range s.Rows {
		for n := range row.Seats {
			if row.Seats[n].CompanionOf != "" {
				where := b.sources[i][r].seat(n)
				if b.sources[i][r].listed {
					where = where.member("companion_of")
				}
				b.checkCompanion(s, labels, &row.Seats[n], where)
			}
		}
	}
}

// checkCompanion follows whom a seat accompanies.
func (b *builder) checkCompanion(s *Section, labels map[string]spot, seat *Seat, where *path) {
	say := func(msg string) { b.add(where, "Seat "+seat.Label+" "+msg) }
	at, ok := labels[seat.CompanionOf]
	if seat.CompanionOf == seat.Label {
		say("cannot be its own companion.")
		return
	}
	if !ok {
		say("goes with seat " + clip(seat.CompanionOf) + ", which is not in this section.")
		return
	}
	other := &s.Rows[at.row].Seats[at.seat]
	// Going on from companion to companion must come to an end; a companion is not accompanied.
	seen := []string{seat.Label}
	for next := other; next.CompanionOf != ""; {
		if slices.Contains(seen, next.Label) {
			say("goes with itself in the end: " + chain(seen) + ".")
			return
		}
		seen = append(seen, next.Label)
		at, ok := labels[next.CompanionOf]
		if !ok || len(seen) > 20 {
			break
		}
		next = &s.Rows[at.row].Seats[at.seat]
	}
	if !other.Accessible {
		say("goes with seat " + other.Label + ", which is not accessible.")
	}
}

func chain(labels []string) (s string) {
	for _, l := range labels {
		s += l + " → "
	}
	return s + labels[0]
}

// checkApart finds seats that stand in each other's place, by a grid whose cells are as wide as seats must be apart.
func (b *builder) checkApart() {
	type cell struct{ x, y int32 }
	type place struct{ section, row, seat int32 }
	grid := make(map[cell][]place, min(b.seats, MaxSeats))
	for i := range b.m.Sections {
		for r := range b.m.Sections[i].Rows {
			for n, s := range b.m.Sections[i].Rows[r].Seats {
				if s.Label == "" {
					continue
				}
				c := cell{int32(math.Floor(s.X / minApart)), int32(math.Floor(s.Y / minApart))}
				var hit *place
				for dx := int32(-1); dx <= 1; dx++ {
					for dy := int32(-1); dy <= 1; dy++ {
						for _, p := range grid[cell{c.x + dx, c.y + dy}] {
							o := &b.m.Sections[p.section].Rows[p.row].Seats[p.seat]
							if hit == nil && math.Hypot(o.X-s.X, o.Y-s.Y) < minApart-1e-9 {
								hit = &p
							}
						}
					}
				}
				if hit != nil {
					other := &b.m.Sections[hit.section].Rows[hit.row].Seats[hit.seat]
					b.add(b.sources[i][r].seat(n), "Seat "+s.Label+" stands where seat "+other.Label+" of "+b.m.Sections[hit.section].Name+" is, at "+
						b.sources[hit.section][hit.row].seat(int(hit.seat)).String()+".")
					continue // one that overlaps is not compared with others again
				}
				grid[c] = append(grid[c], place{int32(i), int32(r), int32(n)}) //nolint:gosec // bounded by the limits of a map
			}
		}
	}
}
