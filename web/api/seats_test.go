package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// seatList are the seats of an answer, by label, with their ids and statuses.
func (a *answer) seatList() (ids, status map[string]string) {
	a.stack.Helper()
	var out SeatSections
	a.stack.must(json.Unmarshal(a.body, &out))
	ids, status = map[string]string{}, map[string]string{}
	for _, section := range out.Sections {
		for _, row := range section.Rows {
			for _, seat := range row.Seats {
				ids[seat.Label], status[seat.Label] = seat.ID.String(), seat.Status
			}
		}
	}
	return ids, status
}

// left is what an answer says of its sections.
func (a *answer) left() string {
	a.stack.Helper()
	var out SeatSections
	a.stack.must(json.Unmarshal(a.body, &out))
	var list []string
	for _, s := range out.Sections {
		list = append(list, fmt.Sprintf("%s %d/%d", s.ID, s.Available, s.Capacity))
	}
	return strings.Join(list, ", ")
}

// hall opens an event with the small hall of hallBody.
func (s *stack) hall(org string, change func(event, sale map[string]any)) (id string, tiers []string) {
	s.Helper()
	id = s.do("POST", "/api/v1/organizer/events", org, hallBody(change)).want(201, "").text("id")
	a := s.do("POST", "/api/v1/organizer/events/"+id+"/publish", org, "").want(200, "")
	for _, t := range a.get("tiers").([]any) {
		tiers = append(tiers, t.(map[string]any)["id"].(string))
	}
	return id, tiers
}

func TestSeats(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event, tiers := s.hall(org, nil)
	fan, _ := s.somebody("fan@example.com")
	path := "/api/v1/events/" + event + "/seats"

	a := s.do("GET", path, "", "").want(200, "")
	if _, status := a.seatList(); len(status) != 0 || a.left() != "stalls 11/12, box 2/2, floor 30/30" {
		t.Errorf("without admission: %s", a.body)
	}
	a = s.do("GET", path, fan, "").want(200, "")
	if _, status := a.seatList(); len(status) != 0 {
		t.Errorf("before the turn: %s", a.body)
	}
	admission := s.turn(fan, event)
	other, _ := s.somebody("other@example.com")
	s.do("GET", path, other, "", "Admission", admission).want(403, "not_admitted")
	s.do("GET", path, fan, "", "Admission", admission+"x").want(403, "not_admitted")
	s.do("GET", path, "", "", "Admission", admission).want(401, "unauthorized")
	s.do("GET", "/api/v1/events/nothing/seats", fan, "", "Admission", "x").want(404, "event_not_found")
	s.do("GET", path+"?section=attic", fan, "", "Admission", admission).want(422, "invalid_request")

	first := s.do("GET", path, fan, "", "Admission", admission).want(200, "")
	ids, status := first.seatList()
	if len(ids) != 14 || status["A1"] != "free" || status["B6"] != "blocked" {
		t.Errorf("with admission: %s", first.body)
	}
	if !strings.Contains(string(first.body), `"label":"A1","tier_id":"`+tiers[0]+`","status":"free","accessible":true,"x":-2.5,"y":4}`) {
		t.Errorf("a seat: %s", first.body)
	}
	same := s.raw("GET", path, fan, "", map[string]string{"Admission": admission, "If-None-Match": first.header.Get("ETag")})
	if same.status != 304 || len(same.body) != 0 {
		t.Errorf("unchanged: %d %s", same.status, same.body)
	}
	if box := s.do("GET", path+"?section=box", fan, "", "Admission", admission).want(200, ""); box.left() != "box 2/2" {
		t.Errorf("one section: %s", box.body)
	}

	// What is held is seen at once, and what is given back.
	claim := s.do("POST", "/api/v1/events/"+event+"/claims", fan, claimBody(tiers[0], 2), "Admission", admission).want(201, "")
	held := s.do("GET", path, fan, "", "Admission", admission).want(200, "")
	if _, status := held.seatList(); held.left() != "stalls 9/12, box 2/2, floor 30/30" || held.text("version") == first.text("version") || held.header.Get("ETag") == first.header.Get("ETag") {
		t.Errorf("held: %v", status)
	}
	for _, line := range claim.get("lines").([]any) {
		unit := line.(map[string]any)["unit_id"].(string)
		for label, id := range ids {
			if _, status := held.seatList(); id == unit && status[label] != "held" {
				t.Errorf("seat %s is %s", label, status[label])
			}
		}
	}
	s.do("DELETE", "/api/v1/claims/"+claim.text("id"), fan, "").want(204, "")
	if back := s.do("GET", path, fan, "", "Admission", admission).want(200, ""); back.text("version") != first.text("version") || back.header.Get("ETag") != first.header.Get("ETag") {
		t.Errorf("given back: %s", back.body)
	}

	plain, _ := s.open(org, nil)
	if a := s.do("GET", "/api/v1/events/"+plain+"/seats", "", "").want(200, ""); a.left() != "" {
		t.Errorf("without a seat map: %s", a.body)
	}
}

func TestClaimingSeats(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event, tiers := s.hall(org, func(event, _ map[string]any) {
		event["tiers"].([]map[string]any)[0]["price_kobo"] = 0
	})
	ada, _ := s.somebody("ada@example.com")
	ben, _ := s.somebody("ben@example.com")
	path := "/api/v1/events/" + event
	adas, bens := s.turn(ada, event), s.turn(ben, event)
	ids, _ := s.do("GET", path+"/seats", ada, "", "Admission", adas).want(200, "").seatList()
	seats := func(labels ...string) string {
		list := make([]string, len(labels))
		for i, l := range labels {
			list[i] = ids[l]
		}
		b, _ := json.Marshal(map[string]any{"seat_ids": list})
		return string(b)
	}
	for _, body := range []string{
		`{}`, `{"seat_ids":[]}`, `{"seat_ids":["A1"]}`, `{"seat_ids":null}`, `{"seat_ids":["` + tiers[0] + `"]}`, seats("A1", "A1"), `{"quantity":1}`, `{"tier_id":"` + tiers[0] + `"}`,
		strings.Replace(seats("A1"), "{", `{"quantity":1,`, 1), strings.Replace(seats("A1"), "{", `{"best_available":true,`, 1), strings.Replace(seats("A1"), "{", `{"tier_id":"`+tiers[0]+`",`, 1),
	} {
		s.do("POST", path+"/claims", ada, body, "Admission", adas).want(422, "invalid_request")
	}
	s.do("POST", path+"/claims", ada, seats("A1"), "Admission", bens).want(403, "not_admitted")
	claim := s.do("POST", path+"/claims", ada, seats("A3", "A2"), "Admission", adas).want(201, "")
	line := claim.get("lines").([]any)[0].(map[string]any)
	if seat, _ := json.Marshal(line["seat"]); string(seat) != `{"label":"A2","row":"A","section":"Stalls"}` || line["unit_id"] != ids["A2"] {
		t.Errorf("%s", claim.body)
	}
	taken := s.do("POST", path+"/claims", ben, seats("A4", "A3"), "Admission", bens).want(409, "seats_taken")
	if got, _ := json.Marshal(taken.get("seats")); string(got) != `[{"id":"`+ids["A3"]+`","label":"A3","row":"A","section":"Stalls"}]` {
		t.Errorf("%s", taken.body)
	}
	alone := s.do("POST", path+"/claims", ben, seats("B2"), "Admission", bens).want(422, "orphan_seat")
	if got, _ := json.Marshal(alone.get("seat")); string(got) != `{"id":"`+ids["B1"]+`","label":"B1","row":"B","section":"Stalls"}` {
		t.Errorf("%s", alone.body)
	}
	best := `{"best_available":true,` + claimBody(tiers[0], 3)[1:]
	s.do("POST", path+"/claims", ben, strings.Replace(best, `"quantity":3`, `"quantity":4`, 1), "Admission", adas).want(403, "not_admitted")
	together := s.do("POST", path+"/claims", ben, best, "Admission", bens).want(201, "")
	if !strings.Contains(string(together.body), `"label":"A4"`) || !strings.Contains(string(together.body), `"label":"A6"`) {
		t.Errorf("%s", together.body)
	}
	// The ticket says where to sit.
	s.do("POST", "/api/v1/claims/"+claim.text("id")+"/payments", ada, "{}").want(201, "")
	list := s.do("GET", "/api/v1/tickets", ada, "").want(200, "")
	for i, want := range []string{"A2", "A3"} {
		seat, _ := json.Marshal(list.get("tickets").([]any)[i].(map[string]any)["seat"])
		if string(seat) != `{"label":"`+want+`","row":"A","section":"Stalls"}` {
			t.Errorf("ticket %d: %s", i, list.body)
		}
	}
	if _, status := s.do("GET", path+"/seats", ben, "", "Admission", bens).want(200, "").seatList(); status["A2"] != "sold" || status["A3"] != "sold" || status["A4"] != "held" {
		t.Errorf("%v", status)
	}
}
