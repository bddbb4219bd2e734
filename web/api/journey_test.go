package api

import (
	"regexp"
	"strings"
	"testing"
)

func TestSignInByCode(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	jobs := s.finished()
	code := func() string {
		s.do("POST", "/api/v1/auth/code", "", `{"email":"Ada@Example.com"}`).want(202, "")
		var text string
		s.until(jobs, "the e-mail", func() bool {
			box, err := s.mailer.Mailbox(s.Context(), "ada@example.com", 1)
			s.must(err)
			if len(box) == 0 || box[0].Text == text {
				return false
			}
			text = box[0].Text
			return true
		})
		return regexp.MustCompile(`\d{6}`).FindString(text)
	}
	c := code()
	wrong := "000000"
	if c == wrong {
		wrong = "000001"
	}
	s.do("POST", "/api/v1/auth/token", "", `{"email":"ada@example.com","code":"`+wrong+`"}`).want(401, "invalid_code")
	a := s.do("POST", "/api/v1/auth/token", "", `{"email":"ada@example.com","code":"`+c+`"}`).want(200, "")
	if a.get("token_type") != "Bearer" || a.get("account", "email") != "ada@example.com" || a.get("expires_in").(float64) <= 0 {
		t.Errorf("%s", a.body)
	}
	s.do("GET", "/api/v1/tickets", a.text("token"), "").want(200, "")
	s.do("POST", "/api/v1/auth/token", "", `{"email":"ada@example.com","code":"`+c+`"}`).want(401, "invalid_code")

	// The same answer whether or not the account exists.
	known, unknown := s.do("POST", "/api/v1/auth/code", "", `{"email":"ada@example.com"}`), s.do("POST", "/api/v1/auth/code", "", `{"email":"nobody@example.com"}`)
	if string(known.body) != string(unknown.body) || known.status != unknown.status {
		t.Errorf("%s and %s", known.body, unknown.body)
	}
	for range 5 {
		s.do("POST", "/api/v1/auth/token", "", `{"email":"nobody@example.com","code":"abc"}`)
	}
	s.do("POST", "/api/v1/auth/token", "", `{"email":"nobody@example.com","code":"abc"}`).want(429, "too_many_attempts")
}

func TestFromADraftToAPaidTicket(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	jobs := s.finished()
	org := s.organizer("org@example.com")
	fan, _ := s.somebody("fan@example.com")
	const v1 = "/api/v1"
	event := s.draft(org, func(e, _ map[string]any) { e["slug"] = "the-journey" })
	ev := v1 + "/events/" + event

	// A draft exists for its organization only.
	s.do("GET", ev, "", "").want(404, "event_not_found")
	s.do("GET", ev, fan, "").want(404, "event_not_found")
	if a := s.do("GET", ev, org, "").want(200, ""); a.get("sale", "state") != "draft" || a.get("slug") != "the-journey" {
		t.Errorf("%s", a.body)
	}
	a := s.do("POST", v1+"/organizer/events/the-journey/publish", org, "").want(200, "")
	if a.get("sale", "state") != "open" {
		t.Errorf("opens_at is past: %s", a.body)
	}
	stands := a.get("tiers").([]any)[0].(map[string]any)["id"].(string)
	s.do("POST", v1+"/organizer/events/the-journey/publish", org, "{}").want(409, "invalid_transition")
	s.do("GET", v1+"/events?limit=1000000", "", "").want(200, "")
	if a := s.do("GET", v1+"/events?limit=1", "", "").want(200, ""); len(a.get("events").([]any)) != 1 || a.json["next_cursor"] != nil {
		t.Errorf("%s", a.body)
	}

	s.do("GET", ev+"/queue", fan, "").want(404, "not_in_queue")
	s.do("DELETE", ev+"/queue", fan, "").want(404, "not_in_queue")
	first := s.do("POST", ev+"/queue", fan, "").want(201, "")
	again := s.do("POST", v1+"/events/the-journey/queue", fan, "{}").want(200, "")
	if first.text("spot", "id") != again.text("spot", "id") || first.get("spot", "arrival") != 1.0 || first.get("spot", "number") != 1.0 {
		t.Errorf("%s, then %s", first.body, again.body)
	}
	if _, there := first.json["admission"]; there {
		t.Errorf("admission before the turn: %s", first.body)
	}
	s.do("POST", ev+"/claims", fan, claimBody(stands, 2)).want(403, "not_admitted")
	admission := s.turn(fan, event)

	claim := s.do("POST", ev+"/claims", fan, claimBody(stands, 2), "Admission", admission).want(201, "")
	if claim.get("status") != "held" || claim.get("event_id") != event || claim.get("total", "amount") != 3e6 || claim.get("total", "currency") != "NGN" {
		t.Errorf("%s", claim.body)
	}
	if n := len(claim.get("lines").([]any)); n != 2 {
		t.Errorf("%d lines", n)
	}
	if a := s.do("GET", ev+"/queue", fan, "").want(200, ""); a.get("spot", "status") != "inside" {
		t.Errorf("%s", a.body)
	}
	if a := s.do("POST", ev+"/claims", fan, claimBody(stands, 1), "Admission", admission).want(409, "claim_open"); a.get("claim_id") != claim.get("id") {
		t.Errorf("%s", a.body)
	}
	s.do("DELETE", ev+"/queue", fan, "").want(409, "claim_open")
	cl := v1 + "/claims/" + claim.text("id")
	s.do("GET", cl, fan, "").want(200, "")
	s.do("POST", cl+"/extend", fan, "").want(409, "too_early")

	// Given back, and claimed again.
	s.do("DELETE", cl, fan, "").want(204, "")
	if a := s.do("GET", cl, fan, "").want(200, ""); a.get("status") != "released" {
		t.Errorf("%s", a.body)
	}
	claim = s.do("POST", ev+"/claims", fan, claimBody(stands, 2), "Admission", admission).want(201, "")
	cl = v1 + "/claims/" + claim.text("id")

	for body, path := range map[string]string{
		`{"holders":["Ada"]}`: "holders", `{"holders":["Ada",1]}`: "holders[1]", `{"holders":null}`: "holders", `{"holders":["Ada","` + strings.Repeat("x", 101) + `"]}`: "holders[1]",
		`{"holders":["12345 <b>","Ada"]}`: "holders[0]", `{"holders":["Ada","0805 123"]}`: "holders[1]",
	} {
		if a := s.do("POST", cl+"/payments", fan, body).want(422, "invalid_request"); !strings.Contains(string(a.body), `"path":"`+path+`"`) {
			t.Errorf("%s: %s", body, a.body)
		}
	}
	pay := s.do("POST", cl+"/payments", fan, `{"holders":["Ada Obi","Bola Ojo"]}`).want(201, "")
	if pay.get("payment", "status") != "pending" || !strings.HasPrefix(pay.text("payment", "authorization_url"), s.sandbox.URL) {
		t.Errorf("%s", pay.body)
	}
	if a := s.do("POST", cl+"/payments", fan, "").want(200, ""); a.text("payment", "id") != pay.text("payment", "id") {
		t.Errorf("%s", a.body)
	}
	s.outcome(pay.text("payment", "reference"), `{"outcome":"ongoing"}`)
	s.do("DELETE", cl, fan, "").want(409, "payment_pending")
	s.outcome(pay.text("payment", "reference"), `{"outcome":"success","webhook":"send"}`)
	s.until(jobs, "the payment", func() bool {
		return s.do("GET", v1+"/payments/"+pay.text("payment", "id"), fan, "").want(200, "").get("payment", "status") == "succeeded"
	})
	if a := s.do("GET", cl, fan, "").want(200, ""); a.get("status") != "paid" {
		t.Errorf("%s", a.body)
	}
	tickets := s.do("GET", v1+"/tickets?limit=1", fan, "").want(200, "")
	tk := tickets.get("tickets").([]any)[0].(map[string]any)
	if tk["status"] != "valid" || tk["tier"] != "Stands" || tk["event_id"] != event || !strings.HasPrefix(tk["code"].(string), "FQ1.") || tk["seat"] != nil {
		t.Errorf("%s", tickets.body)
	}
	if name := tk["holder_name"]; name != "Ada Obi" && name != "Bola Ojo" {
		t.Errorf("the ticket is for %v", name)
	}
	rest := s.do("GET", v1+"/tickets?limit=1&cursor="+tickets.text("next_cursor"), fan, "").want(200, "")
	if other := rest.get("tickets").([]any)[0].(map[string]any); other["id"] == tk["id"] || rest.json["next_cursor"] != nil {
		t.Errorf("%s", rest.body)
	}
	s.do("POST", v1+"/tickets/"+tk["id"].(string)+"/transfer", fan, `{"to":"anybody"}`).want(403, "not_transferable")

	oe := v1 + "/organizer/events/" + event
	figures := s.do("GET", oe+"/stats", org, "").want(200, "")
	if figures.get("stock", "sold") != 2.0 || figures.get("stock", "capacity") != 25.0 || figures.get("money", "succeeded", "amount") != 3e6 {
		t.Errorf("%s", figures.body)
	}
	orders := s.do("GET", oe+"/orders", org, "").want(200, "").get("orders").([]any)
	if len(orders) != 1 || orders[0].(map[string]any)["buyer"] != "fan@example.com" || orders[0].(map[string]any)["payment_status"] != "succeeded" {
		t.Errorf("%v", orders)
	}
	code := tk["code"].(string)
	for q, want := range map[string]int{"?q=OBI+%C3%80da": 1, "?q=nobody": 0, "?q=ada+nobody": 0, "?needs=you": 0, "?needs=": 1, "?q=" + strings.ToLower(code[len(code)-6:]): 1, "?q=" + code: 1, "?q=%00%FF": 1} {
		if found := s.do("GET", oe+"/orders"+q, org, "").want(200, "").get("orders").([]any); len(found) != want {
			t.Errorf("%s: %d orders, want %d", q, len(found), want)
		}
	}
	s.do("GET", oe+"/orders?needs=me", org, "").want(422, "invalid_request")
	s.do("GET", oe+"/orders?q="+strings.Repeat("x", 201), org, "").want(422, "invalid_request")

	s.do("PATCH", oe+"/sale", org, `{"admit_per_minute":90,"message":"Doors at six."}`).want(200, "")
	if a := s.do("GET", ev, "", "").want(200, ""); a.get("sale", "message") != "Doors at six." {
		t.Errorf("%s", a.body)
	}
	s.do("POST", oe+"/resume", org, "").want(409, "invalid_transition")
	for _, step := range [][2]string{{"pause", "paused"}, {"resume", "open"}, {"end", "ended"}} {
		if a := s.do("POST", oe+"/"+step[0], org, "").want(200, ""); a.get("sale", "state") != step[1] {
			t.Errorf("%s: %s", step[0], a.body)
		}
	}
	other, _ := s.somebody("late@example.com")
	s.do("POST", ev+"/queue", other, "").want(409, "sale_not_joinable")
}

func TestAFreeTicketNeedsNoProvider(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	event, tiers := s.open(s.organizer("org@example.com"), nil)
	fan, _ := s.somebody("fan@example.com")
	admission := s.turn(fan, event)
	claim := s.do("POST", "/api/v1/events/"+event+"/claims", fan, claimBody(tiers[1], 1), "Admission", admission).want(201, "")
	a := s.do("POST", "/api/v1/claims/"+claim.text("id")+"/payments", fan, "").want(201, "")
	if a.get("payment", "status") != "succeeded" || a.get("payment", "authorization_url") != nil {
		t.Errorf("%s", a.body)
	}
	if a := s.do("GET", "/api/v1/tickets", fan, ""); len(a.get("tickets").([]any)) != 1 {
		t.Errorf("%s", a.body)
	}
}
