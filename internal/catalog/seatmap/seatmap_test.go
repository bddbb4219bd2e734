package seatmap_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/fault"
)

// around is a whole map with some sections.
func around(sections string) string {
	return `{"focal":{"x":0,"y":0},"sections":[` + sections + `]}`
}

// row is a whole map with one seated section of the first tier.
func rows(rows string) string {
	return around(`{"id":"a","name":"A","kind":"seated","tier":0,"rows":[` + rows + `]}`)
}

var tiers = []string{"Stalls", "Floor", "Circle"}

func TestBadMaps(t *testing.T) {
	t.Parallel()
	const seat = `"name":"A","x":0,"y":0`
	for _, c := range []struct {
		name, raw string
		// want are path and a part of the message of everything that is wrong.
		want [][2]string
	}{
		{"no JSON", `{`, [][2]string{{"seat_map", "JSON"}}},
		{"no object", `7`, [][2]string{{"seat_map", "object"}}},
		{"nothing", `{}`, [][2]string{{"seat_map.focal", "everybody looks"}, {"seat_map.sections", "at least one"}}},
		{"no sections", around(``), [][2]string{{"seat_map.sections", "at least one"}}},
		{"wrong types", `{"focal":{"x":"0","y":[{}]},"allow_orphans":"no","sections":[7,{"id":1,"name":[],"kind":true,"tier":{},"rows":{"a":[1]}}],"more":[[]]}`, [][2]string{
			{"seat_map.focal.x", "number"}, {"seat_map.focal.y", "number"}, {"seat_map.allow_orphans", "true or false"}, {"seat_map.sections[0]", "object"},
			{"seat_map.sections[1].id", "text"}, {"seat_map.sections[1].name", "text"}, {"seat_map.sections[1].kind", "text"}, {"seat_map.sections[1].kind", "seated or standing"},
			{"seat_map.sections[1].tier", "name"}, {"seat_map.sections[1].rows", "list"}, {"seat_map.more", "not known"},
		}},
		{"the same twice", `{"focal":{"x":0,"y":0},"focal":{"x":0,"y":0},"sections":[{"id":"f","name":"F","kind":"standing","tier":"Floor","capacity":1,"capacity":2}]}`,
			[][2]string{{"seat_map.focal", "twice"}, {"seat_map.sections[0].capacity", "twice"}}},
		{"a section without anything", around(`{}`), [][2]string{{"seat_map.sections[0].id", "missing"}, {"seat_map.sections[0].name", "missing"}, {"seat_map.sections[0].kind", "missing"}}},
		{"standing that sits", around(`{"id":"f","name":"F","kind":"standing","rows":[]},{"id":"f","name":"F","kind":"seated","capacity":4}`), [][2]string{
			{"seat_map.sections[0].rows", "no rows"}, {"seat_map.sections[0].capacity", "how many"}, {"seat_map.sections[0].tier", "which tier"},
			{"seat_map.sections[1].capacity", "Leave the capacity out"}, {"seat_map.sections[1].rows", "at least one row"}, {"seat_map.sections[1].id", "sections[0]"},
		}},
		{"one tier for too much", around(`{"id":"f","name":"F","kind":"standing","tier":1,"capacity":9},{"id":"g","name":"G","kind":"standing","tier":"Floor","capacity":9},
			{"id":"a","name":"A","kind":"seated","tier":"Floor","rows":[{"name":"A","seats":[{"label":"A1","x":1,"y":1}]}]}`), [][2]string{
			{"seat_map.sections[1].tier", "sections[0]"}, {"seat_map.sections[0].tier", "sections[2].rows[0].seats[0]"},
		}},
		{"unknown tiers", around(`{"id":"a","name":"A","kind":"seated","tier":"Gold","rows":[{"name":"A","x":0,"y":0,"tier":3,"seats":[{"label":"A1","tier":-1},{"label":"A2","tier":"stalls"}]}]}`), [][2]string{
			{"seat_map.sections[0].tier", `"Gold"`}, {"seat_map.sections[0].rows[0].tier", "counted from 0"},
			{"seat_map.sections[0].rows[0].seats[0].tier", "counted from 0"}, {"seat_map.sections[0].rows[0].seats[1].tier", `"stalls"`},
		}},
		{"no tier at all", around(`{"id":"a","name":"A","kind":"seated","rows":[{"name":"A","x":0,"y":0,"seats":[{"label":"A1"},{"label":"A2","tier":0}]},{"name":"B","x":0,"y":1,"count":3}]}`), [][2]string{
			{"seat_map.sections[0].rows[0].seats[0]", "no tier"}, {"seat_map.sections[0].rows[1]", "3 seats of row B have no tier"},
		}},
		{"duplicate labels", rows(`{` + seat + `,"seats":[{"label":"A1"},{"label":"A1"}]},{"name":"B","x":0,"y":1,"count":2,"label":"A{n}"},{"name":"B","x":0,"y":2,"count":1}`), [][2]string{
			{"seat_map.sections[0].rows[0].seats[1].label", "seats[0]"}, {"seat_map.sections[0].rows[1]", "A1"}, {"seat_map.sections[0].rows[2].name", "rows[1]"},
		}},
		{"overlapping seats", around(`{"id":"a","name":"A","kind":"seated","tier":0,"rows":[{"name":"A","seats":[{"label":"A1","x":0,"y":0},{"label":"A2","x":0.3,"y":0.3},{"label":"A3","x":0.5,"y":0}]}]},
			{"id":"b","name":"B","kind":"seated","tier":0,"rows":[{"name":"A","x":0.5,"y":-0.4,"count":2}]}`), [][2]string{
			{"seat_map.sections[0].rows[0].seats[1]", "seats[0]"}, {"seat_map.sections[1].rows[0]", "Seat A1 stands where seat A1 of A is"},
		}},
		{"companions", rows(`{` + seat + `,"seats":[{"label":"A1","companion_of":"A1"},{"label":"A2","companion_of":"A9"},{"label":"A3","companion_of":"A4"},
			{"label":"A4","accessible":true,"companion_of":"A5"},{"label":"A5","accessible":true,"companion_of":"A3"},{"label":"A6","companion_of":"A7"},{"label":"A7"}]}`), [][2]string{
			{"seat_map.sections[0].rows[0].seats[0].companion_of", "its own companion"}, {"seat_map.sections[0].rows[0].seats[1].companion_of", "A9"},
			{"seat_map.sections[0].rows[0].seats[2].companion_of", "A3 → A4 → A5 → A3"}, {"seat_map.sections[0].rows[0].seats[3].companion_of", "A4 → A5 → A3 → A4"},
			{"seat_map.sections[0].rows[0].seats[4].companion_of", "A5 → A3 → A4 → A5"}, {"seat_map.sections[0].rows[0].seats[5].companion_of", "not accessible"},
		}},
		{"rows of both kinds", rows(`{` + seat + `,"count":2,"seats":[{"label":"A1"}]},{"name":"B"},{"name":"C","count":2},{"name":"D","x":1,"count":2},{"x":0,"y":4,"seats":[]},
			{"name":"E","seats":[{"label":"E1"},{"label":"E2","x":1},{}]},{"name":"F","x":0,"y":9,"seats":[{"label":"F1"}],"grow":2}`), [][2]string{
			{"seat_map.sections[0].rows[0]", "either"}, {"seat_map.sections[0].rows[1]", "either"},
			{"seat_map.sections[0].rows[2]", "middle"}, {"seat_map.sections[0].rows[3]", "both x and y"}, {"seat_map.sections[0].rows[4].name", "missing"}, {"seat_map.sections[0].rows[4].seats", "at least one"},
			{"seat_map.sections[0].rows[5].seats[1]", "both x and y"}, {"seat_map.sections[0].rows[5].seats[2].label", "printed"},
			{"seat_map.sections[0].rows[5].seats[0]", "middle of its row"}, {"seat_map.sections[0].rows[5].seats[2]", "middle of its row"}, {"seat_map.sections[0].rows[6].grow", "count"},
		}},
		{"generators", rows(`{` + seat + `,"count":4,"to":"1"},{"name":"x","x":0,"y":1,"count":4,"to":"z"},{"name":"C","to":"F","x":0,"y":5,"count":3,"grow":-1},
			{"name":"G","x":0,"y":9,"count":3,"aisles":[3],"numbering":"wild","label":"G","marks":[{"seats":["G4"],"blocked":true},{"blocked":true},{"seats":["G"],"glow":1}]}`), [][2]string{
			{"seat_map.sections[0].rows[3].numbering", "up, down"}, {"seat_map.sections[0].rows[3].label", "{n}"}, {"seat_map.sections[0].rows[3].marks[1].seats", "which seats"},
			{"seat_map.sections[0].rows[3].marks[2].glow", "not known"},
			{"seat_map.sections[0].rows[0].to", "300 rows"}, {"seat_map.sections[0].rows[1].to", "letters"}, {"seat_map.sections[0].rows[2].grow", "Row F would have 0"},
			{"seat_map.sections[0].rows[3].aisles[0]", "behind seat 3"}, {"seat_map.sections[0].rows[3].marks[0].seats[0]", "no seat G4"},
			{"seat_map.sections[0].rows[3]", "label G"}, {"seat_map.sections[0].rows[3]", "label G"},
		}},
		{"a million seats, counted", rows(`{"name":"1","to":"250","x":0,"y":0,"count":2000,"label":"{row}-{n}"},{"name":"R1","x":0,"y":400,"count":2000},{"name":"2001","to":"2249","x":0,"y":500,"count":2000,"label":"{row}-{n}"}`),
			[][2]string{{"seat_map.sections", "1000000 seats: 100000 at most"}}},
		{"a million seats, one by one", rows(`{` + seat + `,"seats":[` + strings.Repeat(`7,`, 999_999) + `{"label":"Z"}]}`), nil},
	} {
		m, wrong := seatmap.Read([]byte(c.raw), tiers, "seat_map")
		if m != nil || len(wrong) == 0 {
			t.Errorf("%s: taken", c.name)
		}
		if c.want == nil {
			// Too much is wrong to tell it all; that there is more is told, and the count of the seats.
			if len(wrong) > 1010 || !strings.Contains(wrong[len(wrong)-1].Message, "more errors") {
				t.Errorf("%s: %d errors, the last %v", c.name, len(wrong), wrong[len(wrong)-1])
			}
			continue
		}
		for i, w := range wrong {
			if i >= len(c.want) || w.Path != c.want[i][0] || !strings.Contains(w.Message, c.want[i][1]) || !strings.HasSuffix(w.Message, ".") {
				t.Errorf("%s: wrong[%d] is %s: %s", c.name, i, w.Path, w.Message)
			}
		}
		if len(wrong) < len(c.want) {
			t.Errorf("%s: only %d of %d errors", c.name, len(wrong), len(c.want))
		}
	}
}

func TestGenerators(t *testing.T) {
	t.Parallel()
	m, wrong := seatmap.Read([]byte(rows(`
		{"name":"Y","to":"AB","skip":["Z"],"count":3,"grow":1,"x":0,"y":10,"pitch":2},
		{"name":"C","count":5,"numbering":"centre","x":0,"y":20,"aisles":[3]},
		{"name":"D","count":3,"numbering":"even","first":10,"x":0,"y":22,"marks":[{"seats":["D12"],"accessible":true,"tier":"Circle"}]},
		{"name":"E","count":2,"numbering":"down","label":"{n}{row}","x":0,"y":24,"angle":90},
		{"name":"F","seats":[{"label":"F1","aisle":true},{"label":"F2"}],"x":0,"y":30}`)), tiers, "")
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	var got []string
	for _, r := range m.Sections[0].Rows {
		line := r.Name + ":"
		for _, s := range r.Seats {
			line += fmt.Sprintf(" %s(%g,%g)", s.Label, s.X, s.Y)
		}
		got = append(got, line)
	}
	want := []string{
		"Y: Y1(-1,10) Y2(0,10) Y3(1,10)",
		"AA: AA1(-1.5,12) AA2(-0.5,12) AA3(0.5,12) AA4(1.5,12)",
		"AB: AB1(-2,14) AB2(-1,14) AB3(0,14) AB4(1,14) AB5(2,14)",
		"C: C5(-2.5,20) C3(-1.5,20) C1(-0.5,20) C2(1.5,20) C4(2.5,20)",
		"D: D10(-1,22) D12(0,22) D14(1,22)",
		"E: 2E(0,23.5) 1E(0,24.5)",
		"F: F1(-1,30) F2(1,30)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if c := m.Sections[0].Rows[3].Seats; !c[2].Aisle || c[1].Aisle {
		t.Errorf("the aisle is not behind the third seat: %+v", c)
	}
	if s := m.Sections[0].Rows[4].Seats[1]; !s.Accessible || s.Tier != 2 {
		t.Errorf("the mark did not reach its seat: %+v", s)
	}
	if places, seated := m.Capacities(3); !slices.Equal(places, []int{23, 0, 1}) || !slices.Equal(seated, []bool{true, false, true}) {
		t.Errorf("%v %v", places, seated)
	}
}

// An arc keeps its distance to its centre and between its seats.
func TestCurvedRows(t *testing.T) {
	t.Parallel()
	m, wrong := seatmap.Read([]byte(rows(`{"name":"A","to":"B","count":21,"x":3,"y":14,"curve":10}`)), tiers, "")
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for k, r := range m.Sections[0].Rows {
		radius := float64(10 + k)
		for i, s := range r.Seats {
			if d := (s.X-3)*(s.X-3) + (s.Y-4)*(s.Y-4) - radius*radius; d > 0.3 || d < -0.3 {
				t.Errorf("seat %s stands off its arc by %g", s.Label, d)
			}
			if i > 0 {
				o := r.Seats[i-1]
				if d := (s.X-o.X)*(s.X-o.X) + (s.Y-o.Y)*(s.Y-o.Y); d < 0.95 || d > 1.05 {
					t.Errorf("%s and %s are %g apart", o.Label, s.Label, d)
				}
			}
		}
	}
}

// What is written is read as the same map, whatever it was made of.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var sections []map[string]any
		sections = append(sections, map[string]any{"id": "f", "name": "Floor", "kind": "standing", "tier": 1, "capacity": rapid.IntRange(1, 500).Draw(t, "floor")})
		for s := range rapid.IntRange(1, 3).Draw(t, "sections") {
			var rows []map[string]any
			for r := range rapid.IntRange(1, 4).Draw(t, "rows") {
				// Far enough apart for any of them.
				row := map[string]any{"name": fmt.Sprintf("%c", 'A'+6*r), "x": 400 * s, "y": 400 * r, "tier": rapid.SampledFrom([]any{0, "Circle"}).Draw(t, "tier")}
				if rapid.Bool().Draw(t, "listed") {
					var seats []map[string]any
					for i := range rapid.IntRange(1, 5).Draw(t, "seats") {
						seat := map[string]any{"label": fmt.Sprintf("%s%d", row["name"], i), "restricted": rapid.Bool().Draw(t, "restricted"), "blocked": rapid.Bool().Draw(t, "blocked"), "aisle": rapid.Bool().Draw(t, "aisle")}
						if rapid.Bool().Draw(t, "placed") {
							seat["x"], seat["y"] = float64(400*s)+3*float64(i)+rapid.Float64Range(0, 1).Draw(t, "x"), 400*r+100
						}
						if i == 1 && rapid.Bool().Draw(t, "companion") {
							seats[0]["accessible"], seat["companion_of"] = true, seats[0]["label"]
						}
						if rapid.Bool().Draw(t, "tiered") {
							seat["tier"] = "Stalls"
						}
						seats = append(seats, seat)
					}
					row["seats"] = seats
				} else {
					row["count"], row["grow"] = rapid.IntRange(2, 30).Draw(t, "count"), rapid.IntRange(0, 3).Draw(t, "grow")
					row["to"] = fmt.Sprintf("%c", 'A'+6*r+rapid.IntRange(0, 5).Draw(t, "to"))
					row["numbering"] = rapid.SampledFrom([]string{"up", "down", "odd", "even", "centre"}).Draw(t, "numbering")
					row["curve"] = rapid.SampledFrom([]float64{0, 20, 33.3}).Draw(t, "curve")
					row["angle"] = rapid.IntRange(-360, 360).Draw(t, "angle")
					row["pitch"], row["step"] = rapid.Float64Range(1, 2).Draw(t, "pitch"), rapid.Float64Range(1, 2).Draw(t, "step")
					row["aisles"] = []int{1}
				}
				rows = append(rows, row)
			}
			sections = append(sections, map[string]any{"id": fmt.Sprint("s", s), "name": "S", "kind": "seated", "rows": rows})
		}
		raw, err := json.Marshal(map[string]any{"focal": map[string]any{"x": rapid.Float64Range(-9, 9).Draw(t, "focal"), "y": 1}, "allow_orphans": rapid.Bool().Draw(t, "orphans"), "sections": sections})
		if err != nil {
			t.Fatal(err)
		}
		first, wrong := seatmap.Read(raw, tiers, "")
		if len(wrong) > 0 {
			t.Fatalf("%v\n%s", wrong, raw)
		}
		written, err := seatmap.Write(first, tiers)
		if err != nil {
			t.Fatal(err)
		}
		second, wrong := seatmap.Read(written, tiers, "")
		if len(wrong) > 0 || !reflect.DeepEqual(first, second) {
			t.Fatalf("%v\n%+v\n%+v", wrong, first, second)
		}
		if again, _ := seatmap.Write(second, tiers); !bytes.Equal(written, again) {
			t.Fatal("written differently the second time")
		}
	})
}

// The schema names exactly the members that Read knows.
func TestTheSchemaNamesWhatIsRead(t *testing.T) {
	t.Parallel()
	type object struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(seatmap.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	everything := map[string]bool{}
	for _, o := range append([]object{schema.object}, schema.Defs["section"], schema.Defs["row"], schema.Defs["seat"], schema.Defs["mark"]) {
		for name := range o.Properties {
			everything[name] = true
		}
	}
	for kind, form := range map[string]string{
		"": `%s`, "section": `{"sections":[%s]}`, "row": `{"sections":[{"kind":"seated","rows":[%s]}]}`,
		"seat": `{"sections":[{"kind":"seated","rows":[{"seats":[%s]}]}]}`, "mark": `{"sections":[{"kind":"seated","rows":[{"count":1,"x":0,"y":0,"marks":[%s]}]}]}`,
	} {
		has := schema.Defs[kind].Properties
		if kind == "" {
			has = schema.Properties
		}
		for name := range everything {
			_, wrong := seatmap.Read(fmt.Appendf(nil, form, `{"`+name+`":null}`), tiers, "")
			unknown := slices.ContainsFunc(wrong, func(f fault.Field) bool {
				return strings.Contains(f.Message, "not known here")
			})
			if _, listed := has[name]; listed == unknown {
				t.Errorf("%s of %q: in the schema %t, unknown to Read %t", name, kind, listed, unknown)
			}
		}
	}
}
