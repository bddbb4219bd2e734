package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/guard"
)

func TestTierTimes(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	now := time.Now().UTC().Truncate(time.Second)
	tiers := func(opens, closes any) func(event, sale map[string]any) {
		return func(event, _ map[string]any) {
			event["tiers"] = []map[string]any{
				{"name": "Now", "price_kobo": 100, "capacity": 5}, {"name": "Late", "price_kobo": 100, "capacity": 5, "opens_at": opens, "closes_at": closes},
			}
		}
	}
	for want, body := range map[string]string{
		"tiers[1].opens_at":  newEventBody(tiers(now.Add(-time.Hour), nil)),
		"tiers[1].closes_at": newEventBody(tiers(nil, now.Add(48*time.Hour))),
	} {
		a := s.do("POST", "/api/v1/organizer/events", org, body).want(422, "invalid_request")
		if !strings.Contains(string(a.body), want) {
			t.Errorf("%s is not named: %s", want, a.body)
		}
	}
	a := s.do("POST", "/api/v1/organizer/events", org, newEventBody(tiers(now.Add(2*time.Hour), now.Add(time.Hour)))).want(422, "invalid_request")
	if !strings.Contains(string(a.body), "tiers[1].closes_at") {
		t.Errorf("closes before it opens: %s", a.body)
	}
	opens := now.Add(time.Hour)
	event, ids := s.open(org, tiers(opens, nil))
	a = s.do("GET", "/api/v1/events/"+event, "", "").want(200, "")
	out := a.get("tiers").([]any)
	first, second := out[0].(map[string]any), out[1].(map[string]any)
	if _, said := first["opens_at"]; said || first["available"] != 5.0 || second["opens_at"] != opens.Format(time.RFC3339) || second["available"] != 0.0 || second["capacity"] != 5.0 {
		t.Errorf("%s", a.body)
	}
	fan, _ := s.somebody("fan@example.com")
	admission := s.turn(fan, event)
	a = s.do("POST", "/api/v1/events/"+event+"/claims", fan, claimBody(ids[1], 1), "Admission", admission).want(409, "tier_not_on_sale")
	if a.text("opens_at") != opens.Format(time.RFC3339) {
		t.Errorf("%s", a.body)
	}
	s.do("POST", "/api/v1/events/"+event+"/claims", fan, claimBody(ids[0], 1), "Admission", admission).want(201, "")
}

func presaleBody(change func(m map[string]any)) string {
	m := map[string]any{"name": "Fan club", "public_at": time.Now().UTC().Add(time.Hour)}
	change(m)
	b, _ := json.Marshal(m)
	return string(b)
}

func TestPresales(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org, otherOrg := s.organizer("org@example.com"), s.organizer("other@example.com")
	event, tiers := s.hall(org, nil)
	path := "/api/v1/organizer/events/" + event + "/presales"
	fan, _ := s.somebody("fan@example.com")
	member, _ := s.somebody("member@example.com")
	admission, hers := s.turn(fan, event), s.turn(member, event)
	seatsPath := "/api/v1/events/" + event + "/seats"
	ids, _ := s.do("GET", seatsPath, fan, "", "Admission", admission).want(200, "").seatList()
	block := presaleBody(func(m map[string]any) { m["seat_ids"] = []string{ids["A1"], ids["A2"]}; m["generate"] = 2 })

	s.do("POST", path, "", block).want(401, "unauthorized")
	s.do("POST", path, otherOrg, block).want(404, "event_not_found")
	s.do("POST", path, fan, block).want(404, "event_not_found")
	for want, body := range map[string]string{
		"generate": presaleBody(func(m map[string]any) { m["tier_id"] = tiers[0] }),
		"tier_id":  presaleBody(func(m map[string]any) { m["generate"] = 1 }),
		"public_at": presaleBody(func(m map[string]any) {
			m["tier_id"] = tiers[0]
			m["generate"] = 1
			m["public_at"] = "2001-01-01T00:00:00Z"
		}),
		"seat_ids[0]": presaleBody(func(m map[string]any) { m["seat_ids"] = []string{randomID()}; m["generate"] = 1 }),
		"nonsense":    presaleBody(func(m map[string]any) { m["nonsense"] = 1 }),
	} {
		if a := s.do("POST", path, org, body).want(422, "invalid_request"); !strings.Contains(string(a.body), `"`+want+`"`) {
			t.Errorf("%s is not named: %s", want, a.body)
		}
	}
	a := s.do("POST", path, org, block).want(201, "")
	codes := a.get("codes").([]any)
	presale := a.text("presale", "id")
	if len(codes) != 2 || a.get("presale", "seats") != 2.0 || a.get("presale", "tier_id") != nil || a.get("presale", "ended_at") != nil {
		t.Errorf("%s", a.body)
	}
	s.do("POST", path, org, block).want(409, "presale_overlaps")
	s.do("POST", path, org, presaleBody(func(m map[string]any) { m["tier_id"] = tiers[2]; m["codes"] = codes })).want(409, "code_taken")
	if a := s.do("GET", path, org, "").want(200, ""); strings.Contains(string(a.body), codes[0].(string)) || len(a.get("presales").([]any)) != 1 {
		t.Errorf("codes are told again: %s", a.body)
	}
	s.do("GET", path, otherOrg, "").want(404, "event_not_found")

	// Fans.
	if _, status := s.do("GET", seatsPath, fan, "", "Admission", admission).want(200, "").seatList(); status["A1"] != "blocked" || status["A3"] != "free" {
		t.Errorf("without a code: %v", status)
	}
	seats := fmt.Sprintf(`{"seat_ids":["%s","%s"]}`, ids["A1"], ids["A2"])
	claims := "/api/v1/events/" + event + "/claims"
	a = s.do("POST", claims, fan, seats, "Admission", admission).want(403, "presale_only")
	if len(a.get("seats").([]any)) != 2 {
		t.Errorf("%s", a.body)
	}
	give := "/api/v1/events/" + event + "/presale"
	code := fmt.Sprintf(`{"code":%q}`, strings.ToLower(codes[0].(string)))
	s.do("POST", give, "", code).want(401, "unauthorized")
	s.do("POST", "/api/v1/events/nothing/presale", member, code).want(404, "event_not_found")
	s.do("POST", give, member, `{}`).want(422, "invalid_request")
	s.do("POST", give, member, `{"code":"ABCDE-FGHJK"}`).want(422, "invalid_code")
	for range 2 {
		if a := s.do("POST", give, member, code).want(200, ""); a.text("presale", "id") != presale {
			t.Errorf("%s", a.body)
		}
	}
	s.do("POST", give, fan, code).want(409, "code_used")
	if a := s.do("GET", give, member, "").want(200, ""); len(a.get("presales").([]any)) != 1 {
		t.Errorf("%s", a.body)
	}
	_, status := s.do("GET", seatsPath, member, "", "Admission", hers).want(200, "").seatList()
	if status["A1"] != "free" {
		t.Errorf("with the code: %v", status)
	}
	if _, status := s.do("GET", seatsPath, fan, "", "Admission", admission).want(200, "").seatList(); status["A1"] != "blocked" {
		t.Errorf("without a code, after somebody with one: %v", status)
	}
	s.do("POST", claims, member, seats, "Admission", hers).want(201, "")

	s.do("DELETE", path+"/"+presale, otherOrg, "").want(404, "event_not_found")
	s.do("DELETE", path+"/"+randomID(), org, "").want(404, "presale_not_found")
	s.do("DELETE", path+"/x", org, "").want(404, "presale_not_found")
	for range 2 {
		s.do("DELETE", path+"/"+presale, org, "").want(204, "")
	}
	if _, status := s.do("GET", seatsPath, fan, "", "Admission", admission).want(200, "").seatList(); status["A1"] != "held" {
		t.Errorf("after it: %v", status)
	}
}

func TestGuessingCodesIsSlow(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	event, _ := s.open(s.organizer("org@example.com"), nil)
	fan, _ := s.somebody("fan@example.com")
	path := "/api/v1/events/" + event + "/presale"
	for range guard.PresalesPerAccount.N {
		s.do("POST", path, fan, `{"code":"ABCDEF"}`).want(422, "invalid_code")
	}
	s.do("POST", path, fan, `{"code":"ABCDEF"}`).want(429, "too_many_requests")
	other, _ := s.somebody("other@example.com")
	s.do("POST", path, other, `{"code":"ABCDEF"}`).want(422, "invalid_code")
}

func TestStockByTheOrganizer(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org, otherOrg := s.organizer("org@example.com"), s.organizer("other@example.com")
	event, tiers := s.hall(org, nil)
	path := "/api/v1/organizer/events/" + event + "/stock"
	fan, _ := s.somebody("fan@example.com")
	admission := s.turn(fan, event)
	ids, _ := s.do("GET", "/api/v1/events/"+event+"/seats", fan, "", "Admission", admission).want(200, "").seatList()
	standing := len(tiers) - 1
	add := fmt.Sprintf(`{"tier_id":%q,"add":5}`, tiers[standing])

	s.do("POST", path, "", add).want(401, "unauthorized")
	s.do("POST", path, otherOrg, add).want(404, "event_not_found")
	s.do("POST", path, fan, add).want(404, "event_not_found")
	for want, body := range map[string]string{
		"add":               `{}`,
		"tier_id":           `{"add":5}`,
		"block":             `{"block":"all"}`,
		"block[0]":          fmt.Sprintf(`{"block":[%q]}`, randomID()),
		"unblock":           fmt.Sprintf(`{"tier_id":%q,"unblock":0}`, tiers[standing]),
		"tier_id\"":         fmt.Sprintf(`{"tier_id":%q,"block":3}`, tiers[0]),
		"unblock or times":  fmt.Sprintf(`{"times":[{"tier_id":%q}],"tier_id":%q,"add":1}`, tiers[0], tiers[standing]),
		"times\"":           `{"times":[]}`,
		"times[0].tier_id":  fmt.Sprintf(`{"times":[{"tier_id":%q}]}`, randomID()),
		"times[0].opens_at": fmt.Sprintf(`{"times":[{"tier_id":%q,"opens_at":"2020-01-01T00:00:00Z"}]}`, tiers[0]),
	} {
		if a := s.do("POST", path, org, body).want(422, "invalid_request"); !strings.Contains(string(a.body), want) {
			t.Errorf("%s is not named: %s", want, a.body)
		}
	}
	tier := func(a *answer, i int) map[string]any { return a.get("tiers").([]any)[i].(map[string]any) }
	if a := s.do("POST", path, org, add).want(200, ""); tier(a, standing)["capacity"] != 35.0 || tier(a, standing)["available"] != 35.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/events/"+event+"/seats", "", "").want(200, ""); a.left() != "stalls 11/12, box 2/2, floor 35/35" {
		t.Errorf("%s", a.left())
	}
	if a := s.do("POST", path, org, fmt.Sprintf(`{"tier_id":%q,"block":30}`, tiers[standing])).want(200, ""); tier(a, standing)["available"] != 5.0 {
		t.Errorf("%s", a.body)
	}
	s.do("POST", path, org, fmt.Sprintf(`{"tier_id":%q,"block":6}`, tiers[standing])).want(409, "not_enough_left")
	s.do("POST", "/api/v1/events/"+event+"/claims", fan, fmt.Sprintf(`{"seat_ids":[%q,%q]}`, ids["A1"], ids["A2"]), "Admission", admission).want(201, "")
	a := s.do("POST", path, org, fmt.Sprintf(`{"block":[%q,%q]}`, ids["A2"], ids["A3"])).want(409, "seats_taken")
	if lost := a.get("seats").([]any); len(lost) != 1 || lost[0].(map[string]any)["label"] != "A2" {
		t.Errorf("%s", a.body)
	}
	s.do("POST", path, org, fmt.Sprintf(`{"block":[%q]}`, ids["A3"])).want(200, "")
	if _, status := s.do("GET", "/api/v1/events/"+event+"/seats", fan, "", "Admission", admission).want(200, "").seatList(); status["A3"] != "blocked" || status["A2"] != "held" {
		t.Errorf("%v", status)
	}
	s.do("POST", path, org, fmt.Sprintf(`{"unblock":[%q]}`, ids["A3"])).want(200, "")

	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	timed := s.do("POST", path, org, fmt.Sprintf(`{"times":[{"tier_id":%q,"opens_at":%q}]}`, tiers[standing], later)).want(200, "")
	if tier(timed, standing)["opens_at"] != later {
		t.Errorf("%s", timed.body)
	}
	buyer, _ := s.somebody("buyer@example.com")
	s.do("POST", "/api/v1/events/"+event+"/claims", buyer, fmt.Sprintf(`{"tier_id":%q,"quantity":1}`, tiers[standing]), "Admission", s.turn(buyer, event)).want(409, "tier_not_on_sale")
	timed = s.do("POST", path, org, fmt.Sprintf(`{"times":[{"tier_id":%q,"opens_at":null}]}`, tiers[standing])).want(200, "")
	if _, there := tier(timed, standing)["opens_at"]; there {
		t.Errorf("%s", timed.body)
	}

	draft := s.draft(org, nil)
	s.do("POST", "/api/v1/organizer/events/"+draft+"/stock", org, fmt.Sprintf(`{"tier_id":%q,"block":1}`, s.do("GET", "/api/v1/events/"+draft, org, "").want(200, "").get("tiers").([]any)[0].(map[string]any)["id"])).want(409, "invalid_transition")
}
