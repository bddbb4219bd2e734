package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fairqueue/internal/catalog/seatmap"
)

// hallBody is an event with a small hall: rows A and B of six seats, the last of
// them blocked, two boxes, and a floor.
func hallBody(change func(event, sale map[string]any)) string {
	return newEventBody(func(event, sale map[string]any) {
		event["tiers"] = []map[string]any{
			{"name": "Stalls", "price_kobo": 1_500_000}, {"name": "Box", "price_kobo": 4_000_000, "capacity": 2}, {"name": "Floor", "price_kobo": 500_000},
		}
		event["seat_map"] = json.RawMessage(`{"focal":{"x":0,"y":0},"sections":[
			{"id":"stalls","name":"Stalls","kind":"seated","tier":"Stalls","rows":[
				{"name":"A","to":"B","count":6,"x":0,"y":4,"marks":[{"seats":["B6"],"blocked":true},{"seats":["A1"],"accessible":true}]}]},
			{"id":"box","name":"Box","kind":"seated","tier":1,"rows":[{"name":"X","seats":[{"label":"X1","x":9,"y":4},{"label":"X2","x":10,"y":4}]}]},
			{"id":"floor","name":"Floor","kind":"standing","tier":"Floor","capacity":30}]}`)
		if change != nil {
			change(event, sale)
		}
	})
}

func TestAnEventWithASeatMap(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	const oe = "/api/v1/organizer/events"
	a := s.do("POST", oe, org, hallBody(nil)).want(201, "")
	event := a.text("id")
	tiers := func(a *answer) (list []string) {
		for _, v := range a.get("tiers").([]any) {
			m := v.(map[string]any)
			list = append(list, fmt.Sprint(m["name"], " ", m["seated"], " ", m["capacity"], " ", m["available"]))
		}
		return list
	}
	s.do("GET", oe+"/"+s.draft(org, nil)+"/seat_map", org, "").want(404, "seat_map_not_found")
	s.do("GET", oe+"/"+event+"/seat_map", s.organizer("other@example.com"), "").want(404, "event_not_found")
	exported := s.do("GET", oe+"/"+event+"/seat_map", org, "").want(200, "")
	a = s.do("POST", oe+"/"+event+"/publish", org, "").want(200, "")
	if got, want := tiers(a), []string{"Stalls true 12 11", "Box true 2 2", "Floor false 30 30"}; !slices.Equal(got, want) {
		t.Errorf("tiers %v, want %v", got, want)
	}
	// What is exported makes the same hall again.
	again := s.do("POST", oe, org, hallBody(func(event, _ map[string]any) { event["seat_map"] = json.RawMessage(exported.body) })).want(201, "")
	if b := s.do("GET", oe+"/"+again.text("id")+"/seat_map", org, "").want(200, "").body; string(b) != string(exported.body) {
		t.Errorf("exported\n%s\nand again\n%s", exported.body, b)
	}
	var n, seats int
	s.must(s.pool.QueryRow(t.Context(), `
		SELECT count(*), count(s.id) FROM units u LEFT JOIN seats s ON s.id = u.id AND s.tier_id = u.tier_id AND s.blocked = (u.state = 'blocked')
		WHERE u.event_id = $1`, event).Scan(&n, &seats))
	if n != 44 || seats != 14 {
		t.Errorf("%d units, %d of them seats", n, seats)
	}
}

func TestABadSeatMapStoresNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	const oe = "/api/v1/organizer/events"
	paths := func(a *answer) (list []string) {
		for _, e := range a.get("errors").([]any) {
			list = append(list, e.(map[string]any)["path"].(string))
		}
		return list
	}
	given := func(m any) string {
		return hallBody(func(event, _ map[string]any) { event["seat_map"] = m })
	}
	bad := s.do("POST", oe, org, given(json.RawMessage(`{"focal":{"x":0,"y":0},"sections":[{"id":"a","name":"A","kind":"seated","tier":"Gold","rows":[
		{"name":"A","x":0,"y":0,"seats":[{"label":"A1"},{"label":"A1"},{"label":7}]}]}]}`))).want(422, "invalid_request")
	if got, want := paths(bad), []string{
		"seat_map.sections[0].tier", "seat_map.sections[0].rows[0].seats[2].label", "seat_map.sections[0].rows[0].seats[1].label",
	}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, m := range []any{nil, 7, "", []int{}, map[string]any{}} {
		s.do("POST", oe, org, given(m)).want(422, "invalid_request")
	}
	wrong := s.do("POST", oe, org, hallBody(func(event, _ map[string]any) {
		event["tiers"] = []map[string]any{
			{"name": "Stalls", "price_kobo": 1, "capacity": 11}, {"name": "Box", "price_kobo": 1}, {"name": "Floor", "price_kobo": 1, "capacity": 31}, {"name": "Lawn", "price_kobo": 1},
		}
	})).want(422, "invalid_request")
	if got, want := paths(wrong), []string{"tiers[0].capacity", "tiers[2].capacity", "tiers[3].capacity"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// A large map is read, a larger one is not; beside it a body has its usual size.
	large := strings.Repeat(" ", 2<<20)
	s.do("POST", oe, org, given(json.RawMessage(`{"sections":"`+strings.Repeat("a", 2<<20)+`"}`))).want(422, "invalid_request")
	s.do("POST", oe, org, given(strings.Repeat("a", maxMap))).want(413, "body_too_large")
	s.do("POST", oe, org, given(7)+large).want(413, "body_too_large")
	million := s.do("POST", oe, org, given(json.RawMessage(`{"focal":{"x":0,"y":0},"sections":[{"id":"a","name":"A","kind":"seated","tier":"Stalls","rows":[
		{"name":"A","x":0,"y":0,"seats":[`+strings.Repeat("7,", 999_999)+`7]}]}]}`))).want(422, "invalid_request")
	if got := paths(million); len(got) < 1000 || got[999] != "seat_map.sections[0].rows[0].seats[999]" {
		t.Errorf("%d errors", len(got))
	}
	var events, maps int
	s.must(s.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM seat_maps)`).Scan(&events, &maps))
	if events != 0 || maps != 0 {
		t.Errorf("%d events and %d maps were stored", events, maps)
	}
}

func TestTheVenuesCanBeSold(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	for venue, tiers := range map[string][]string{
		"theatre": {"Stalls", "Circle", "Balcony", "Boxes"}, "arena": {"Floor", "Lower ring", "Upper ring"}, "stadium": {"Lower", "Club", "Upper"},
	} {
		file := s.raw("GET", venuesPath+venue+".json", "", "", nil)
		if file.status != 200 {
			t.Fatalf("%s: %d", venue, file.status)
		}
		id, _ := s.open(org, func(event, _ map[string]any) {
			var list []map[string]any
			for _, name := range tiers {
				list = append(list, map[string]any{"name": name, "price_kobo": 1_000_000})
			}
			event["tiers"], event["seat_map"] = list, json.RawMessage(file.body)
		})
		m, wrong := seatmap.Read(file.body, tiers, "")
		if wrong != nil {
			t.Fatal(wrong)
		}
		places, _ := m.Capacities(len(tiers))
		want := 0
		for _, n := range places {
			want += n
		}
		var n int
		s.must(s.pool.QueryRow(t.Context(), `SELECT count(*) FROM units WHERE event_id = $1`, id).Scan(&n))
		if n != want {
			t.Errorf("%s: %d units, %d places", venue, n, want)
		}
	}
	if a := s.raw("GET", seatMapSchema, "", "", nil); a.status != 200 || string(a.body) != string(seatmap.Schema) {
		t.Errorf("the schema: %d", a.status)
	}
}
