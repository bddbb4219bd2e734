package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"fairqueue/internal/catalog/seatmap"
)

func TestChoosingAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event, tiers := s.hall(org, nil)
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
	held := s.do("POST", path+"/claims", ada, seats("A1", "A2"), "Admission", adas).want(201, "")
	claim := "/api/v1/claims/" + held.text("id")
	other := s.do("POST", path+"/claims", ben, seats("A5", "A6"), "Admission", bens).want(201, "")

	got := s.do("PATCH", claim, ada, seats("A2", "A3", "A4")).want(200, "")
	if got.text("id") != held.text("id") || got.text("expires_at") != held.text("expires_at") || len(got.get("lines").([]any)) != 3 ||
		got.get("total", "amount") == held.get("total", "amount") || string(s.do("GET", claim, ada, "").want(200, "").body) != string(got.body) {
		t.Errorf("%s", got.body)
	}
	if _, status := s.do("GET", path+"/seats", ben, "", "Admission", bens).want(200, "").seatList(); status["A1"] != "free" || status["A3"] != "held" {
		t.Errorf("%v", status)
	}
	taken := s.do("PATCH", claim, ada, seats("A4", "A5")).want(409, "seats_taken")
	if a, ok := taken.get("alternatives").([]any); !ok || len(a) != 2 {
		t.Errorf("%s", taken.body)
	}
	s.do("PATCH", claim, ada, seats("A1", "A2", "A3", "A4", "B1")).want(409, "limit_reached")
	s.do("PATCH", claim, ada, seats("B2")).want(422, "orphan_seat")
	for _, body := range []string{`{}`, `{`, `{"seat_ids":[]}`, `{"quantity":1}`, `{"nothing":1}`, seats("A1", "A1"),
		`{"split":true,` + seats("A1")[1:], `{"split":true,` + claimBody(tiers[0], 2)[1:], `{"split":1,"best_available":true,` + claimBody(tiers[0], 2)[1:]} {
		s.do("PATCH", claim, ada, body).want(422, "invalid_request")
	}
	s.do("PATCH", claim, ben, `{}`).want(404, "claim_not_found")
	s.do("PATCH", "/api/v1/claims/"+randomID(), ada, seats("A1")).want(404, "claim_not_found")
	s.do("PATCH", claim, "", seats("A1")).want(401, "unauthorized")

	best := s.do("PATCH", claim, ada, `{"best_available":true,"split":true,`+claimBody(tiers[0], 2)[1:]).want(200, "")
	if len(best.get("lines").([]any)) != 2 {
		t.Errorf("%s", best.body)
	}
	floor := s.do("PATCH", claim, ada, claimBody(tiers[len(tiers)-1], 2)).want(200, "")
	if floor.get("lines").([]any)[0].(map[string]any)["seat"] != nil {
		t.Errorf("%s", floor.body)
	}
	s.do("POST", claim+"/payments", ada, "{}").want(201, "")
	s.do("PATCH", claim, ada, seats("A1")).want(409, "payment_pending")
	s.do("DELETE", "/api/v1/claims/"+other.text("id"), ben, "").want(204, "")
	s.do("PATCH", "/api/v1/claims/"+other.text("id"), ben, seats("A1")).want(409, "claim_expired")
}

// unpacked is a compressed answer without its compression.
func (a *answer) unpacked() []byte {
	a.stack.Helper()
	if a.header.Get("Content-Encoding") != "gzip" {
		a.stack.Fatalf("%s: not compressed", a.call)
	}
	z, err := gzip.NewReader(bytes.NewReader(a.body))
	a.stack.must(err)
	out, err := io.ReadAll(z)
	a.stack.must(err)
	return out
}

// A stadium of 40,000 seats is told in few bytes: all sections without their seats, and one section with them.
func TestSeatsOfAStadiumAreSmall(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	raw, err := seatmap.Venues.ReadFile("venues/stadium.json")
	s.must(err)
	var tiers []map[string]any
	for _, name := range seatmap.Tiers(raw) {
		tiers = append(tiers, map[string]any{"name": name, "price_kobo": 1_000_000})
	}
	// One section of 1,500 seats beside them.
	big := fmt.Sprintf(`{"id":"big","name":"Big","kind":"seated","tier":%q,"rows":[{"name":"1","to":"30","count":50,"x":0,"y":-300,"aisles":[25],"label":"{row}-{n}"}]},`, tiers[0]["name"])
	seatMap := strings.Replace(string(raw), `"sections":[`, `"sections":[`+big, 1)
	if !strings.Contains(seatMap, big) {
		seatMap = strings.Replace(string(raw), `"sections": [`, `"sections": [`+big, 1)
	}
	event, _ := s.open(org, func(event, _ map[string]any) { event["tiers"], event["seat_map"] = tiers, json.RawMessage(seatMap) })
	fan, _ := s.somebody("fan@example.com")
	path := "/api/v1/events/" + event + "/seats"
	admission := s.turn(fan, event)
	header := map[string]string{"Admission": admission, "Accept-Encoding": "gzip"}
	ask := func(path string, header map[string]string) *answer {
		t.Helper()
		return s.raw("GET", path, fan, "", header).want(200, "")
	}
	for _, c := range []struct {
		what, path string
		header     map[string]string
		most       int
	}{
		{"the overview", path, map[string]string{"Accept-Encoding": "gzip"}, 10_000},
		{"a section", path + "?section=big", header, 40_000},
		{"the whole", path, header, 1_500_000},
	} {
		packed := ask(c.path, c.header)
		plainHeader := map[string]string{"Accept-Encoding": "identity"}
		if c.header["Admission"] != "" {
			plainHeader["Admission"] = admission
		}
		plain := ask(c.path, plainHeader)
		if plain.header.Get("Content-Encoding") != "" || !bytes.Equal(plain.body, packed.unpacked()) || plain.header.Get("ETag") != packed.header.Get("ETag") {
			t.Errorf("%s says something else when it is compressed", c.what)
		}
		var out SeatSections
		if err := json.Unmarshal(plain.body, &out); err != nil || len(out.Sections) == 0 || out.Version == "" {
			t.Errorf("%s: %v %.200s", c.what, err, plain.body)
		}
		if len(packed.body) > c.most {
			t.Errorf("%s takes %d bytes, of %d", c.what, len(packed.body), len(plain.body))
		}
		t.Logf("%s: %d bytes, compressed %d", c.what, len(plain.body), len(packed.body))
	}
	// A seat that goes elsewhere leaves a section as it was.
	before := ask(path+"?section=big", header)
	whole := ask(path, header)
	claim := s.do("POST", "/api/v1/events/"+event+"/claims", fan, `{"best_available":true,`+claimBody(s.tierOf(event, 2), 1)[1:], "Admission", admission).want(201, "")
	again := s.raw("GET", path+"?section=big", fan, "", map[string]string{"Admission": admission, "If-None-Match": before.header.Get("ETag")})
	if again.status != 304 {
		t.Errorf("the section is sent again: %d", again.status)
	}
	if after := ask(path, header); after.header.Get("ETag") == whole.header.Get("ETag") || !bytes.Contains(after.unpacked(), []byte(`"status":"held"`)) {
		t.Errorf("seat %s is not seen", claim.body)
	}
}

// tierOf is the id of a tier.
func (s *stack) tierOf(event string, i int) string {
	s.Helper()
	return s.do("GET", "/api/v1/events/"+event, "", "").want(200, "").get("tiers").([]any)[i].(map[string]any)["id"].(string)
}
