package api

import "testing"

// bought is a fan with n tickets of the first tier, paid for.
func (s *stack) bought(email, event, tier string, n int) (fan string, tickets []string) {
	s.Helper()
	fan, _ = s.somebody(email)
	jobs := s.finished()
	admission := s.turn(fan, event)
	claim := s.do("POST", "/api/v1/events/"+event+"/claims", fan, claimBody(tier, n), "Admission", admission).want(201, "")
	pay := s.do("POST", "/api/v1/claims/"+claim.text("id")+"/payments", fan, "").want(201, "")
	s.outcome(pay.text("payment", "reference"), `{"outcome":"success"}`)
	s.until(jobs, "the payment", func() bool {
		return s.do("GET", "/api/v1/payments/"+pay.text("payment", "id"), fan, "").want(200, "").get("payment", "status") == "succeeded"
	})
	for _, t := range s.do("GET", "/api/v1/tickets", fan, "").want(200, "").get("tickets").([]any) {
		tickets = append(tickets, t.(map[string]any)["id"].(string))
	}
	if len(tickets) != n {
		s.Fatalf("%d tickets, not %d", len(tickets), n)
	}
	return fan, tickets
}

func TestATicketGoesBackAtItsPrice(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event, tiers := s.open(org, nil)
	fan, tickets := s.bought("fan@example.com", event, tiers[0], 2)
	other, _ := s.somebody("other@example.com")
	path := "/api/v1/tickets/" + tickets[0] + "/return"
	tier := func() map[string]any {
		return s.do("GET", "/api/v1/events/"+event, "", "").want(200, "").get("tiers").([]any)[0].(map[string]any)
	}

	s.do("POST", path, "", "").want(401, "unauthorized")
	s.do("POST", path, other, "").want(404, "ticket_not_found")
	s.do("POST", "/api/v1/tickets/"+randomID()+"/return", fan, "").want(404, "ticket_not_found")
	s.do("POST", "/api/v1/tickets/nonsense/return", fan, "").want(404, "ticket_not_found")
	s.do("POST", path, fan, `{"price":1}`).want(422, "invalid_request")
	if a := s.do("POST", path, fan, "").want(409, "not_returnable"); a.get("reason") != "not_allowed" {
		t.Errorf("%s", a.body)
	}
	s.do("PATCH", "/api/v1/organizer/events/"+event+"/sale", org, `{"returns":true}`).want(200, "")

	jobs := s.finished()
	if a := s.do("POST", path, fan, "{}").want(202, ""); a.get("id") != tickets[0] || a.get("status") != "returned" || a.get("code") != nil {
		t.Errorf("%s", a.body)
	}
	if r := tier(); r["available"].(float64) != r["capacity"].(float64)-1 {
		t.Errorf("the place is not free again at once: %v", r)
	}
	if a := s.do("POST", path, fan, "{}").want(409, "not_returnable"); a.get("reason") != "ended" {
		t.Errorf("%s", a.body)
	}
	status := map[any]any{}
	for _, tk := range s.do("GET", "/api/v1/tickets", fan, "").want(200, "").get("tickets").([]any) {
		tk := tk.(map[string]any)
		status[tk["id"]] = tk["status"]
	}
	if status[tickets[0]] != "returned" || status[tickets[1]] != "valid" {
		t.Errorf("%v", status)
	}
	price := tier()["price"].(map[string]any)["amount"]
	s.until(jobs, "the refund", func() bool {
		return s.do("GET", "/api/v1/organizer/events/"+event+"/stats", org, "").want(200, "").get("money", "refunded", "amount") == price
	})
}

func TestCorrectedNamesAreCountedInPublic(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	event, tiers := s.open(s.organizer("org@example.com"), nil)
	_, tickets := s.bought("fan@example.com", event, tiers[0], 2)
	corrected := func() any {
		s.must(s.sales.Refresh(t.Context())) // the answer is made once a picture
		return s.do("GET", "/api/v1/events/"+event+"/fairness", "", "").want(200, "").get("names_corrected")
	}
	if n := corrected(); n != 0.0 {
		t.Errorf("%v names", n)
	}
	_, err := s.pool.Exec(t.Context(), `UPDATE tickets SET name_corrected_at = now() WHERE id = $1`, tickets[0])
	s.must(err)
	if n := corrected(); n != 1.0 {
		t.Errorf("%v names", n)
	}
}
