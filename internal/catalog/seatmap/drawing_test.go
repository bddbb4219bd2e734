package seatmap

import (
	"math"
	"testing"
)

func drawn(t *testing.T, rows ...[]Point) *Section {
	t.Helper()
	s := &Section{Kind: Seated}
	for _, r := range rows {
		var row Row
		for _, p := range r {
			row.Seats = append(row.Seats, Seat{X: p.X, Y: p.Y})
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

func level(y float64, n int) (row []Point) {
	for i := range n {
		row = append(row, Point{float64(i), y})
	}
	return row
}

func area(ring []Point) (a float64) {
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		a += p.X*q.Y - q.X*p.Y
	}
	return math.Abs(a) / 2
}

// A block of seats is drawn with the room they take and few corners, whichever way its rows run.
func TestShapeOfABlock(t *testing.T) {
	t.Parallel()
	back := level(1, 10)
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	for name, s := range map[string]*Section{
		"level": drawn(t, level(0, 10), level(1, 10), level(2, 10)), "one row to the left": drawn(t, level(0, 10), back, level(2, 10)),
		"one row": drawn(t, level(0, 10)), "one seat": drawn(t, []Point{{3, 3}}), "two rows of one": drawn(t, []Point{{0, 0}}, []Point{{0, 1}}),
	} {
		sh := s.Shape()
		var n int
		for _, r := range s.Rows {
			n += len(r.Seats)
		}
		if got := area(sh.Outline); math.Abs(got-float64(n)) > 0.5 {
			t.Errorf("%s: %d seats take %.1f: %v", name, n, got, sh.Outline)
		}
		if len(sh.Outline) > 6 || !inside(sh.Outline, sh.Label) {
			t.Errorf("%s: outline %v, label %v", name, sh.Outline, sh.Label)
		}
	}
	if sh := drawn(t).Shape(); sh.Outline != nil {
		t.Error("a section without seats has an outline")
	}
}

// A bowed section stays bowed: what lies before it, the stage perhaps, is not inside.
func TestShapeOfABow(t *testing.T) {
	t.Parallel()
	arc := func(radius float64, n int) (row []Point) {
		for i := range n {
			a := math.Pi * float64(i) / float64(n-1)
			row = append(row, Point{radius * math.Cos(a), radius * math.Sin(a)})
		}
		return row
	}
	s := drawn(t, arc(20, 60), arc(21, 62), arc(22, 64))
	sh := s.Shape()
	if inside(sh.Outline, Point{0, 5}) || len(sh.Outline) > 40 {
		t.Errorf("%d corners, or the stage lies inside", len(sh.Outline))
	}
	for _, r := range s.Rows {
		for _, seat := range r.Seats {
			if !inside(sh.Outline, Point{seat.X * 0.999, seat.Y * 0.999}) && seat.Y > 1 {
				t.Fatalf("seat at %v, %v is outside", seat.X, seat.Y)
			}
		}
	}
	if sh.Height < 1.5 || sh.Width < 1.5 {
		t.Errorf("room for the name: %.1f × %.1f", sh.Width, sh.Height)
	}
}

// However a section is turned in the map, on its own page the rows lie level with the stage above.
func TestFacingTurnsTheStageUp(t *testing.T) {
	t.Parallel()
	for degrees := 0; degrees < 360; degrees += 15 {
		a := float64(degrees) * math.Pi / 180
		m := &Map{FocalX: 7, FocalY: -3}
		turn := func(p Point) Point { // the block lies 30 behind the stage, turned round it
			p.X, p.Y = p.X-4.5, p.Y+30
			return Point{7 + p.X*math.Cos(a) - p.Y*math.Sin(a), -3 + p.X*math.Sin(a) + p.Y*math.Cos(a)}
		}
		var rows [][]Point
		for y := range 4 {
			row := level(float64(y), 10)
			for i := range row {
				row[i] = turn(row[i])
			}
			rows = append(rows, row)
		}
		s := drawn(t, rows...)
		got, w, h, focus := m.Facing(s)
		if math.Abs(w-9) > 1e-6 || math.Abs(h-3) > 1e-6 || math.Abs(focus) > 1e-6 {
			t.Fatalf("%d°: %.2f × %.2f, stage at %.1f°", degrees, w, h, focus)
		}
		if got[0][0].Y > 1e-6 || math.Abs(got[3][0].Y-3) > 1e-6 || math.Abs(got[0][9].X-got[0][0].X) < 8.9 {
			t.Fatalf("%d°: first row %v, last row %v", degrees, got[0], got[3])
		}
		if d := Apart(got); math.Abs(d-1) > 1e-6 {
			t.Fatalf("%d°: seats are %.3f apart", degrees, d)
		}
	}
}

// Nothing of an overview covers anything else: no seat lies under the stage, the standing places or another section.
func TestOverviewsKeepThingsApart(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"theatre", "arena", "stadium"} {
		raw, err := Venues.ReadFile("venues/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		m, wrong := Read(raw, Tiers(raw), "")
		if m == nil {
			t.Fatal(wrong)
		}
		o := m.Overview()
		for i, s := range m.Sections {
			if len(o.Sections[i].Outline) < 4 {
				t.Fatalf("%s: %s has no outline", name, s.Name)
			}
			if n := len(o.Sections[i].Outline); n > 60 {
				t.Errorf("%s: %s has %d corners", name, s.Name, n)
			}
			if l := o.Sections[i].Label; !inside(o.Sections[i].Outline, l) {
				t.Errorf("%s: the name of %s stands at %v, outside", name, s.Name, l)
			}
			for _, r := range s.Rows {
				for _, seat := range r.Seats {
					p := Point{seat.X, seat.Y}
					if inside(o.Focus.ring(), p) {
						t.Fatalf("%s: %s %s lies under the stage", name, s.Name, seat.Label)
					}
					for j := range o.Sections {
						if j != i && inside(o.Sections[j].Outline, p) {
							t.Fatalf("%s: %s %s lies in %s", name, s.Name, seat.Label, m.Sections[j].Name)
						}
					}
				}
			}
		}
		if want := name != "theatre"; o.Around != want {
			t.Errorf("%s: seats on all sides: %v", name, o.Around)
		}
	}
}
