package seatmap

import (
	"cmp"
	"math"
	"slices"
)

// Point is a place in the map's own coordinates, in seat widths.
type Point struct{ X, Y float64 }

// Shape is a seated section as a picture: the band that its rows lie in.
type Shape struct {
	Outline []Point
	// Label is where the name stands; Width and Height are the room around it inside the outline.
	Label         Point
	Width, Height float64
}

// Holds reports whether a level box of a size lies inside the outline, in the middle of its room.
func (s Shape) Holds(width, height float64) bool {
	for _, dx := range [3]float64{-0.5, 0, 0.5} {
		for _, dy := range [3]float64{-0.5, 0, 0.5} {
			if !inside(s.Outline, Point{s.Label.X + dx*width, s.Label.Y + dy*height}) {
				return false
			}
		}
	}
	return true
}

// tolerance is how far an outline may run from the seats it is drawn around, in seat widths.
const tolerance = 0.35

// Shape draws the outline of a section: along the first row, the ends of the rows, and back along the last one. Rows that
// do not lie behind each other are drawn as their convex hull instead. A section without seats has none.
func (s *Section) Shape() Shape {
	var rows [][]Point
	var all []Point
	for _, r := range s.Rows {
		var row []Point
		for _, seat := range r.Seats {
			row = append(row, Point{seat.X, seat.Y})
		}
		if len(row) == 0 {
			continue
		}
		all = append(all, row...)
		if n := len(rows); n > 0 && dot(along(rows[n-1]), along(row)) < 0 {
			slices.Reverse(row)
		}
		rows = append(rows, row)
	}
	if len(all) == 0 {
		return Shape{}
	}
	out := simplify(band(rows))
	if crosses(out) || !holds(out, all) {
		out = hull(all)
	}
	middle := rows[len(rows)/2]
	sh := Shape{Outline: out, Label: middle[len(middle)/2]}
	for range 2 { // the room is measured again from its own middle
		if lo, hi, ok := chord(out, sh.Label, false); ok {
			sh.Label.X, sh.Width = (lo+hi)/2, hi-lo
		}
		if lo, hi, ok := chord(out, sh.Label, true); ok {
			sh.Label.Y, sh.Height = (lo+hi)/2, hi-lo
		}
	}
	return sh
}

func dot(a, b Point) float64 { return a.X*b.X + a.Y*b.Y }

func cross(a, b, c Point) float64 { return (b.X-a.X)*(c.Y-a.Y) - (b.Y-a.Y)*(c.X-a.X) }

// along is the direction of a row, of length 1.
func along(row []Point) Point {
	a, b := row[0], row[len(row)-1]
	return unit(Point{b.X - a.X, b.Y - a.Y})
}

func unit(p Point) Point {
	d := math.Hypot(p.X, p.Y)
	if d == 0 {
		return Point{1, 0}
	}
	return Point{p.X / d, p.Y / d}
}

// mean is the middle of some points.
func mean(points []Point) (m Point) {
	for _, p := range points {
		m.X += p.X / float64(len(points))
		m.Y += p.Y / float64(len(points))
	}
	return m
}

// edge is a row moved half a seat to the side that lies away from a point, and half a seat longer at both ends.
func edge(row []Point, from Point) []Point {
	side := 0.5
	if m, u := mean(row), along(row); -u.Y*(m.X-from.X)+u.X*(m.Y-from.Y) < 0 {
		side = -side
	}
	out := make([]Point, len(row))
	for i, p := range row {
		u := along([]Point{row[max(i-1, 0)], row[min(i+1, len(row)-1)]})
		out[i] = Point{p.X - u.Y*side, p.Y + u.X*side}
		switch {
		case i == 0 && len(row) > 1:
			out[i] = Point{out[i].X - u.X/2, out[i].Y - u.Y/2}
		case i == len(row)-1 && len(row) > 1:
			out[i] = Point{out[i].X + u.X/2, out[i].Y + u.Y/2}
		}
	}
	if len(row) == 1 {
		p := out[0]
		return []Point{{p.X - 0.5, p.Y}, {p.X + 0.5, p.Y}}
	}
	return out
}

// band goes along the first row, down the right ends, back along the last row and up the left ends.
func band(rows [][]Point) []Point {
	n := len(rows)
	var ring []Point
	if n == 1 {
		u := along(rows[0])
		m := mean(rows[0])
		back := edge(rows[0], Point{m.X - u.Y, m.Y + u.X})
		slices.Reverse(back)
		return append(edge(rows[0], Point{m.X + u.Y, m.Y - u.X}), back...)
	}
	end := func(row []Point, right bool) Point {
		u := along(row)
		if right {
			p := row[len(row)-1]
			return Point{p.X + u.X/2, p.Y + u.Y/2}
		}
		return Point{row[0].X - u.X/2, row[0].Y - u.Y/2}
	}
	ring = append(ring, edge(rows[0], mean(rows[1]))...)
	for _, r := range rows[1 : n-1] {
		ring = append(ring, end(r, true))
	}
	back := edge(rows[n-1], mean(rows[n-2]))
	slices.Reverse(back)
	ring = append(ring, back...)
	for i := n - 2; i > 0; i-- {
		ring = append(ring, end(rows[i], false))
	}
	return ring
}

// simplify leaves out the points of a ring that lie nearly on the line between others (Ramer, Douglas and Peucker).
func simplify(ring []Point) []Point {
	if len(ring) < 4 {
		return ring
	}
	far := 0
	for i, p := range ring {
		if math.Hypot(p.X-ring[0].X, p.Y-ring[0].Y) > math.Hypot(ring[far].X-ring[0].X, ring[far].Y-ring[0].Y) {
			far = i
		}
	}
	half := thin(ring[:far+1])
	back := thin(append(slices.Clone(ring[far:]), ring[0]))
	return append(half[:len(half)-1], back[:len(back)-1]...)
}

func thin(line []Point) []Point {
	if len(line) < 3 {
		return slices.Clone(line)
	}
	a, b := line[0], line[len(line)-1]
	length := math.Hypot(b.X-a.X, b.Y-a.Y)
	worst, at := 0.0, 0
	for i, p := range line[1 : len(line)-1] {
		d := math.Hypot(p.X-a.X, p.Y-a.Y)
		if length > 0 {
			d = math.Abs(cross(a, b, p)) / length
		}
		if d > worst {
			worst, at = d, i+1
		}
	}
	if worst <= tolerance {
		return []Point{a, b}
	}
	left := thin(line[:at+1])
	return append(left[:len(left)-1], thin(line[at:])...)
}

// crosses reports whether two edges of a ring cut each other.
func crosses(ring []Point) bool {
	n := len(ring)
	for i := range n {
		a, b := ring[i], ring[(i+1)%n]
		for j := i + 2; j < n; j++ {
			if i == 0 && j == n-1 {
				continue
			}
			c, d := ring[j], ring[(j+1)%n]
			if cross(a, b, c)*cross(a, b, d) < 0 && cross(c, d, a)*cross(c, d, b) < 0 {
				return true
			}
		}
	}
	return false
}

// holds reports whether nearly all points lie inside a ring.
func holds(ring, points []Point) bool {
	out := 0
	for _, p := range points {
		if !inside(ring, p) {
			out++
		}
	}
	return out*50 <= len(points)
}

func inside(ring []Point, p Point) (in bool) {
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		if (a.Y > p.Y) != (b.Y > p.Y) && p.X < a.X+(p.Y-a.Y)/(b.Y-a.Y)*(b.X-a.X) {
			in = !in
		}
	}
	return in
}

// chord is how far one can go from a point inside a ring to both sides, or up and down.
func chord(ring []Point, p Point, upright bool) (lo, hi float64, ok bool) {
	turn := func(q Point) Point {
		if upright {
			return Point{q.Y, q.X}
		}
		return q
	}
	p = turn(p)
	lo, hi = math.Inf(-1), math.Inf(1)
	for i := range ring {
		a, b := turn(ring[i]), turn(ring[(i+1)%len(ring)])
		if (a.Y > p.Y) == (b.Y > p.Y) {
			continue
		}
		switch x := a.X + (p.Y-a.Y)/(b.Y-a.Y)*(b.X-a.X); {
		case x <= p.X:
			lo = max(lo, x)
		default:
			hi = min(hi, x)
		}
	}
	return lo, hi, !math.IsInf(lo, 0) && !math.IsInf(hi, 0)
}

// hull is the convex hull of seats with the room they take.
func hull(seats []Point) []Point {
	var points []Point
	for _, p := range seats {
		points = append(points, Point{p.X - 0.5, p.Y - 0.5}, Point{p.X + 0.5, p.Y - 0.5}, Point{p.X - 0.5, p.Y + 0.5}, Point{p.X + 0.5, p.Y + 0.5})
	}
	slices.SortFunc(points, func(a, b Point) int { return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y)) })
	var ring []Point
	for range 2 {
		start := len(ring)
		for _, p := range points {
			for len(ring) >= start+2 && cross(ring[len(ring)-2], ring[len(ring)-1], p) <= 0 {
				ring = ring[:len(ring)-1]
			}
			ring = append(ring, p)
		}
		ring = ring[:len(ring)-1]
		slices.Reverse(points)
	}
	return ring
}

// Facing turns a section so that its rows lie level and what everybody looks at is above: the seats' places by row, in
// seat widths, from 0, with the size of the whole, and where the focal point lies: 0 above, negative to the left, in degrees.
func (m *Map) Facing(s *Section) (rows [][]Point, width, height, focus float64) {
	var all []Point
	var level Point
	for _, r := range s.Rows {
		row := make([]Point, len(r.Seats))
		for i, seat := range r.Seats {
			row[i] = Point{seat.X, seat.Y}
		}
		rows = append(rows, row)
		all = append(all, row...)
		if len(row) > 1 {
			d := Point{row[len(row)-1].X - row[0].X, row[len(row)-1].Y - row[0].Y}
			if dot(level, d) < 0 {
				d = Point{-d.X, -d.Y}
			}
			level = Point{level.X + d.X, level.Y + d.Y}
		}
	}
	if len(all) == 0 {
		return rows, 0, 0, 0
	}
	middle := mean(all)
	see := Point{m.FocalX - middle.X, m.FocalY - middle.Y}
	if level == (Point{}) { // no row has two seats
		level = Point{-see.Y, see.X}
	}
	u := unit(level)
	// Above is where y is less.
	if -u.Y*see.X+u.X*see.Y > 0 {
		u = Point{-u.X, -u.Y}
	}
	turn := func(p Point) Point { return Point{u.X*p.X + u.Y*p.Y, -u.Y*p.X + u.X*p.Y} }
	least, most := Point{math.Inf(1), math.Inf(1)}, Point{math.Inf(-1), math.Inf(-1)}
	for _, row := range rows {
		for i := range row {
			p := turn(row[i])
			row[i] = p
			least, most = Point{min(least.X, p.X), min(least.Y, p.Y)}, Point{max(most.X, p.X), max(most.Y, p.Y)}
		}
	}
	for _, row := range rows {
		for i := range row {
			row[i] = Point{row[i].X - least.X, row[i].Y - least.Y}
		}
	}
	up := turn(see)
	return rows, most.X - least.X, most.Y - least.Y, math.Atan2(up.X, -up.Y) * 180 / math.Pi
}

// Apart is the least distance of two points, counted along the axes: boxes of that size do not overlap. 1 where there are fewer than two.
func Apart(rows [][]Point) float64 {
	type cell struct{ x, y int }
	grid := map[cell][]Point{}
	least := math.Inf(1)
	for _, row := range rows {
		for _, p := range row {
			c := cell{int(math.Floor(p.X / 2)), int(math.Floor(p.Y / 2))}
			for dx := -1; dx <= 1; dx++ {
				for dy := -1; dy <= 1; dy++ {
					for _, q := range grid[cell{c.x + dx, c.y + dy}] {
						least = min(least, max(math.Abs(p.X-q.X), math.Abs(p.Y-q.Y)))
					}
				}
			}
			grid[c] = append(grid[c], p)
		}
	}
	if math.IsInf(least, 1) {
		return 1
	}
	return least
}
