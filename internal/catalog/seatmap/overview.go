package seatmap

import "math"

// Rect is a level rectangle in seat widths.
type Rect struct{ X, Y, Width, Height float64 }

func (r Rect) ring() []Point {
	return []Point{{r.X, r.Y}, {r.X + r.Width, r.Y}, {r.X + r.Width, r.Y + r.Height}, {r.X, r.Y + r.Height}}
}

// Overview is the whole map as a picture.
type Overview struct {
	// Sections are the shapes of the map's sections, in their order. A standing section, which has no places, gets a
	// rectangle where no seats are: before the stage if there is room, else below everything.
	Sections []Shape
	// Focus is drawn where everybody looks; Around says that there are seats on all sides of it.
	Focus  Rect
	Around bool
	// Box holds everything.
	Box Rect
}

// Overview draws the map.
func (m *Map) Overview() Overview {
	o := Overview{Sections: make([]Shape, len(m.Sections))}
	var seats []Point
	least, most := Point{m.FocalX, m.FocalY}, Point{m.FocalX, m.FocalY}
	grow := func(points []Point) {
		for _, p := range points {
			least, most = Point{min(least.X, p.X), min(least.Y, p.Y)}, Point{max(most.X, p.X), max(most.Y, p.Y)}
		}
	}
	var standing []int
	for i := range m.Sections {
		s := &m.Sections[i]
		if s.Kind == Standing {
			standing = append(standing, i)
			continue
		}
		o.Sections[i] = s.Shape()
		grow(o.Sections[i].Outline)
		for _, r := range s.Rows {
			for _, seat := range r.Seats {
				seats = append(seats, Point{seat.X, seat.Y})
			}
		}
	}
	wide := max(most.X-least.X, most.Y-least.Y, 20)
	o.Around = m.around(seats)
	o.Focus = m.focus(seats, wide, o.Around && len(standing) == 0)
	grow(o.Focus.ring())
	if len(standing) > 0 {
		floor, ok := m.floor(seats, o.Focus, wide)
		if !ok {
			high := max(0.14*wide, 5)
			floor = Rect{least.X, most.Y + 0.03*wide, max(most.X-least.X, 0.6*wide), high * float64(len(standing))}
		}
		each := floor.Height / float64(len(standing))
		for i, n := range standing {
			r := Rect{floor.X, floor.Y + float64(i)*each, floor.Width, each * 0.94}
			o.Sections[n] = Shape{Outline: r.ring(), Label: Point{r.X + r.Width/2, r.Y + r.Height/2}, Width: r.Width, Height: r.Height}
			grow(r.ring())
		}
	}
	o.Box = Rect{least.X, least.Y, most.X - least.X, most.Y - least.Y}
	return o
}

// around reports whether seats lie on all sides of the focal point.
func (m *Map) around(seats []Point) bool {
	const sectors, most = 12, 10
	var has [sectors]bool
	n := 0
	for _, p := range seats {
		i := int((math.Atan2(p.Y-m.FocalY, p.X-m.FocalX) + math.Pi) / (2 * math.Pi) * sectors)
		if i = min(i, sectors-1); !has[i] {
			has[i] = true
			n++
		}
	}
	return n >= most
}

// focus is the stage or the pitch: as large as the seats leave room for, and sensible.
func (m *Map) focus(seats []Point, wide float64, pitch bool) Rect {
	near := 0.2 * wide
	for _, p := range seats {
		near = min(near, math.Hypot(p.X-m.FocalX, p.Y-m.FocalY))
	}
	half := Point{0.2 * wide, max(min(0.5*near, 0.05*wide), 1)}
	if pitch {
		half = Point{max(0.75*near, 1), max(0.5*near, 1)}
	}
	for _, p := range seats {
		if math.Abs(p.Y-m.FocalY) < half.Y+1 {
			half.X = max(min(half.X, math.Abs(p.X-m.FocalX)-1.5), 1)
		}
	}
	return Rect{m.FocalX - half.X, m.FocalY - half.Y, 2 * half.X, 2 * half.Y}
}

// floor is the largest rectangle before the stage without seats, if it is worth showing.
func (m *Map) floor(seats []Point, stage Rect, wide float64) (best Rect, ok bool) {
	top := stage.Y + stage.Height + 0.02*wide
	for step := 1; step <= 24; step++ {
		half := wide / 48 * float64(step)
		bottom := math.Inf(1)
		for _, p := range seats {
			if math.Abs(p.X-m.FocalX) < half+1.5 && p.Y > top-1 {
				bottom = min(bottom, p.Y-1.5)
			}
		}
		if math.IsInf(bottom, 1) { // nobody sits there: as deep as it is wide
			bottom = top + half
		}
		if r := (Rect{m.FocalX - half, top, 2 * half, bottom - top}); r.Height > 0 && r.Width*r.Height > best.Width*best.Height {
			best = r
		}
	}
	return best, best.Width > 0.1*wide && best.Height > 0.08*wide
}
