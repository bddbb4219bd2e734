package seatmap_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"testing"

	"fairqueue/internal/catalog/seatmap"
)

var update = flag.Bool("update", false, "write venues/*.json")

// venue is a map as somebody writes it who repeats nothing.
type venue struct {
	focal    string
	tiers    []string
	sections []section
}

type section struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Tier     string `json:"tier"`
	Capacity int    `json:"capacity,omitempty"`
	Rows     []row  `json:"rows,omitempty"`
}

type row struct {
	Name      string   `json:"name"`
	To        string   `json:"to,omitempty"`
	Skip      []string `json:"skip,omitempty"`
	Count     int      `json:"count,omitempty"`
	Grow      int      `json:"grow,omitempty"`
	Numbering string   `json:"numbering,omitempty"`
	Label     string   `json:"label,omitempty"`
	X         float64  `json:"x"`
	Y         float64  `json:"y"`
	Angle     float64  `json:"angle,omitempty"`
	Step      float64  `json:"step,omitempty"`
	Pitch     float64  `json:"pitch,omitempty"`
	Curve     float64  `json:"curve,omitempty"`
	Aisles    []int    `json:"aisles,omitempty"`
	Marks     []mark   `json:"marks,omitempty"`
	Seats     []seat   `json:"seats,omitempty"`
}

type mark struct {
	Seats       []string `json:"seats"`
	Accessible  bool     `json:"accessible,omitempty"`
	CompanionOf string   `json:"companion_of,omitempty"`
	Restricted  bool     `json:"restricted,omitempty"`
	Blocked     bool     `json:"blocked,omitempty"`
}

type seat struct {
	Label       string `json:"label"`
	Accessible  bool   `json:"accessible,omitempty"`
	CompanionOf string `json:"companion_of,omitempty"`
	Restricted  bool   `json:"restricted,omitempty"`
	Aisle       bool   `json:"aisle,omitempty"`
}

// bytes writes a section on a line.
func (v venue) bytes(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n\"focal\": %s,\n\"sections\": [\n", v.focal)
	for i, s := range v.sections {
		line, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(line)
		if i+1 < len(v.sections) {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]\n}\n")
	return b.Bytes()
}

// theatre has curved rows on three floors, boxes at the sides and places for wheelchairs.
func theatre() venue {
	v := venue{focal: `{"x": 0, "y": 0}`, tiers: []string{"Stalls", "Circle", "Balcony", "Boxes"}}
	v.sections = []section{
		{ID: "stalls", Name: "Stalls", Kind: "seated", Tier: "Stalls", Rows: []row{
			{Name: "A", To: "Q", Skip: []string{"I", "O"}, Count: 24, Grow: 1, Numbering: "centre", Y: 8, Curve: 16,
				Marks: []mark{{Seats: []string{"A23", "A24"}, Restricted: true}, {Seats: []string{"Q1", "Q2", "Q3"}, Blocked: true}}},
			{Name: "R", Y: 25, Curve: 33, Step: 1.5, Seats: []seat{
				{Label: "R1", Accessible: true}, {Label: "R2", CompanionOf: "R1"}, {Label: "R3", Accessible: true}, {Label: "R4", CompanionOf: "R3", Aisle: true},
				{Label: "R5", Accessible: true}, {Label: "R6", CompanionOf: "R5"}, {Label: "R7", Accessible: true}, {Label: "R8", CompanionOf: "R7"}}},
		}},
		{ID: "circle", Name: "Circle", Kind: "seated", Tier: "Circle", Rows: []row{
			{Name: "AA", To: "AH", Count: 38, Grow: 1, Numbering: "centre", Y: 30, Curve: 34, Aisles: []int{9, 29}},
		}},
		{ID: "balcony", Name: "Balcony", Kind: "seated", Tier: "Balcony", Rows: []row{
			{Name: "BA", To: "BH", Count: 44, Grow: 1, Numbering: "centre", Y: 42, Curve: 46, Pitch: 1.1, Aisles: []int{11, 33}},
		}},
	}
	for i, side := range []string{"Left", "Right"} {
		for n := 1; n <= 2; n++ {
			x := 24.0 + 3*float64(n-1)
			angle := -60.0
			if i == 1 {
				angle = 60
			} else {
				x = -x
			}
			name := fmt.Sprintf("%s%d", side[:1], n)
			v.sections = append(v.sections, section{
				ID: "box-" + map[int]string{0: "left", 1: "right"}[i] + fmt.Sprintf("-%d", n), Name: fmt.Sprintf("Box %s %d", side, n), Kind: "seated", Tier: "Boxes",
				Rows: []row{{Name: name, Count: 6, X: x, Y: 6 + 8*float64(n-1), Angle: -angle, Label: "{row}-{n}",
					Marks: []mark{{Seats: []string{name + "-1", name + "-6"}, Restricted: true}}}},
			})
		}
	}
	return v
}

// ring puts sections around the middle, their fronts towards it, but not behind the stage at the top.
func ring(id, name, tier string, n, open int, radius float64, first, last string, seats int) (list []section) {
	for k := range n {
		turn := 360 * float64(k) / float64(n)
		if behind := math.Abs(math.Mod(turn+90, 360)); open > 0 && math.Min(behind, 360-behind) < 180*float64(open)/float64(n) {
			continue
		}
		sin, cos := math.Sincos(turn * math.Pi / 180)
		hundredth := func(f float64) float64 { return math.Round(f*100)/100 + 0 }
		r := row{
			Name: first, To: last, Count: seats, Label: "{row}-{n}",
			X: hundredth(radius * cos), Y: hundredth(radius * sin), Angle: hundredth(math.Atan2(-cos, sin) * 180 / math.Pi),
		}
		if k%4 == 0 {
			r.Marks = []mark{{Seats: []string{last + "-1", last + "-3"}, Accessible: true},
				{Seats: []string{last + "-2"}, CompanionOf: last + "-1"}, {Seats: []string{last + "-4"}, CompanionOf: last + "-3"}}
		}
		list = append(list, section{ID: fmt.Sprintf("%s-%d", id, k+1), Name: fmt.Sprintf("%s %d", name, k+1), Kind: "seated", Tier: tier, Rows: []row{r}})
	}
	return list
}

// arena has a floor to stand on and two rings that are open behind the stage.
func arena() venue {
	v := venue{focal: `{"x": 0, "y": -30}`, tiers: []string{"Floor", "Lower ring", "Upper ring"}}
	v.sections = append(v.sections, section{ID: "floor", Name: "Floor", Kind: "standing", Tier: "Floor", Capacity: 2200})
	v.sections = append(v.sections, ring("lower", "Lower", "Lower ring", 24, 5, 45, "1", "16", 10)...)
	v.sections = append(v.sections, ring("upper", "Upper", "Upper ring", 32, 5, 68, "1", "21", 12)...)
	return v
}

// stadium has three rings around the pitch.
func stadium() venue {
	v := venue{focal: `{"x": 0, "y": 0}`, tiers: []string{"Lower", "Club", "Upper"}}
	v.sections = append(v.sections, ring("lower", "Lower", "Lower", 40, 0, 70, "1", "24", 10)...)
	v.sections = append(v.sections, ring("club", "Club", "Club", 48, 0, 100, "1", "20", 12)...)
	v.sections = append(v.sections, ring("upper", "Upper", "Upper", 56, 0, 126, "1", "26", 13)...)
	return v
}

func TestVenues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		venue  venue
		places int
	}{
		"theatre": {theatre(), 1200}, "arena": {arena(), 12_000}, "stadium": {stadium(), 40_000},
	} {
		want := c.venue.bytes(t)
		file := "venues/" + name + ".json"
		if *update {
			if err := os.WriteFile(file, want, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := seatmap.Venues.ReadFile(file)
		if err != nil || (!*update && !bytes.Equal(got, want)) {
			t.Errorf("%s is not what this test makes; run it with -update (%v)", file, err)
		}
		m, wrong := seatmap.Read(want, c.venue.tiers, "")
		for _, w := range wrong[:min(5, len(wrong))] {
			t.Errorf("%s: %s: %s", name, w.Path, w.Message)
		}
		if m == nil {
			continue
		}
		places, _ := m.Capacities(len(c.venue.tiers))
		sum := 0
		for _, n := range places {
			sum += n
		}
		if math.Abs(float64(sum-c.places)) > 0.03*float64(c.places) {
			t.Errorf("%s has %d places %v, not about %d", name, sum, places, c.places)
		}
	}
}
