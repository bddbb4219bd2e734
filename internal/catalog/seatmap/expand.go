package seatmap

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// line is where a row stands: through its middle (x, y), turned by angle degrees.
type line struct {
	x, y, angle, step, pitch, curve float64
}

// at is the place off seat widths along the k-th row of the line.
func (l line) at(off float64, k int) (x, y float64) {
	sin, cos := math.Sincos(l.angle * math.Pi / 180)
	// Along the row and to its front; without a turn the front is the top of the page.
	ax, ay, fx, fy := cos, sin, sin, -cos
	back := l.pitch * float64(k)
	forward := -back
	off *= l.step
	if l.curve > 0 {
		radius := l.curve + back
		turn := off / radius
		forward += radius * (1 - math.Cos(turn))
		off = radius * math.Sin(turn)
	}
	return round(l.x + ax*off + fx*forward), round(l.y + ay*off + fy*forward)
}

// offsets are the places of n seats along their row, counted from its middle, with a step more at each aisle.
func offsets(n int, aisle func(i int) bool) []float64 {
	out := make([]float64, n)
	at := 0.0
	for i := range n {
		out[i] = at
		at++
		if i+1 < n && aisle(i) {
			at++
		}
	}
	for i := range out {
		out[i] -= (at - 1) / 2
	}
	return out
}

// expand makes the rows that a row stands for. Rows beyond the limit of seats are counted and left out.
func (b *builder) expand(r *rowDoc, sectionTier int) []Row {
	tier := r.tier
	if tier == noTier {
		tier = sectionTier
	}
	if r.listed {
		b.rows++
		return []Row{b.expandListed(r, tier)}
	}
	names, msg := r.names()
	if msg != "" {
		b.add(r.at.member("to"), msg)
		return nil
	}
	rows := make([]Row, 0, len(names))
	markedLabels := map[string][]int{}
	for i, m := range r.marks {
		for _, l := range m.labels {
			markedLabels[l] = append(markedLabels[l], i)
		}
	}
	found := map[string]bool{}
	// A set: a long list would be walked for every seat.
	aisles := make(map[int]bool, len(r.aisles))
	for _, a := range r.aisles {
		aisles[a] = true
	}
	longest := 0
	for k, name := range names {
		n := r.count + k*r.grow
		b.rows++
		if n < 1 || n > maxRowSeats {
			b.add(r.at.member("grow"), fmt.Sprintf("Row %s would have %d seats. A row has 1 to %d.", name, n, maxRowSeats))
			return nil
		}
		longest = max(longest, n)
		if b.seats += n; b.seats > MaxSeats || b.rows > maxRows {
			continue
		}
		places := offsets(n, func(i int) bool { return aisles[i+1] })
		row := Row{Name: name, Seats: make([]Seat, n)}
		untiered := 0
		for i := range n {
			s := Seat{Label: r.printed(name, r.number(i, n)), Tier: tier, Aisle: i+1 < n && aisles[i+1]}
			s.X, s.Y = r.line.at(places[i], k)
			for _, m := range markedLabels[s.Label] {
				r.marks[m].apply(&s)
				found[s.Label] = true
			}
			if s.Tier == noTier {
				untiered++
			}
			row.Seats[i] = s
		}
		if last := row.Seats[n-1].Label; utf8.RuneCountInString(last) > maxLabel {
			b.add(r.at.member("label"), "The labels are too long: "+fmt.Sprint(maxLabel)+" characters at most.")
			return nil
		}
		if untiered > 0 {
			b.add(r.at, fmt.Sprintf("%d seats of row %s have no tier. Name one for the seat, the row or the section.", untiered, name))
		}
		b.sits(row.Seats, r)
		rows = append(rows, row)
	}
	if b.seats <= MaxSeats {
		for i, a := range r.aisles {
			if a >= longest {
				b.add(r.at.member("aisles").at(i), fmt.Sprintf("The aisle lies behind seat %d, and the row has %d.", a, longest))
			}
		}
		for _, m := range r.marks {
			for i, l := range m.labels {
				if l != "" && !found[l] {
					b.add(m.at.member("seats").at(i), "The row has no seat "+clip(l)+".")
				}
			}
		}
	}
	return rows
}

func (b *builder) expandListed(r *rowDoc, tier int) Row {
	row := Row{Name: r.name, Seats: make([]Seat, len(r.seats))}
	places := offsets(len(r.seats), func(i int) bool { return r.seats[i].Aisle })
	for i, d := range r.seats {
		s := d.Seat
		if s.Tier = d.tier; d.tier == noTier {
			s.Tier = tier
		}
		if s.Tier == noTier {
			b.add(source{r.at, true}.seat(i), "The seat has no tier. Name one for the seat, the row or the section.")
		}
		if !d.placed {
			s.X, s.Y = r.line.at(places[i], 0)
		}
		if i == len(r.seats)-1 {
			s.Aisle = false // there is nothing behind it
		}
		row.Seats[i] = s
	}
	b.sits(row.Seats, r)
	return row
}

// sits notes which tiers have seats.
func (b *builder) sits(seats []Seat, r *rowDoc) {
	for i := range seats {
		if t := seats[i].Tier; t >= 0 && b.seating[t] == nil {
			b.seating[t] = source{r.at, r.listed}.seat(i)
		}
	}
}
