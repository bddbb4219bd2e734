package api

import (
	"strings"
	"testing"
)

const v1 = "/api/v1"

// ordered is an order of n tickets that is paid, and its tickets.
func (s *stack) ordered(org, email, event, tier string, n int) (order string, tickets []string) {
	s.Helper()
	fan, _ := s.somebody(email)
	jobs := s.finished()
	admission := s.turn(fan, event)
	claim := s.do("POST", v1+"/events/"+event+"/claims", fan, claimBody(tier, n), "Admission", admission).want(201, "")
	pay := s.do("POST", v1+"/claims/"+claim.text("id")+"/payments", fan, "").want(201, "")
	if pay.get("payment", "status") == "pending" {
		s.outcome(pay.text("payment", "reference"), `{"outcome":"success"}`)
	}
	s.until(jobs, "the payment", func() bool {
		return s.do("GET", v1+"/payments/"+pay.text("payment", "id"), fan, "").want(200, "").get("payment", "status") == "succeeded"
	})
	order = claim.text("id")
	for _, k := range s.do("GET", v1+"/organizer/orders/"+order, org, "").want(200, "").get("order", "tickets").([]any) {
		tickets = append(tickets, k.(map[string]any)["id"].(string))
	}
	if len(tickets) != n {
		s.Fatalf("%d tickets, not %d", len(tickets), n)
	}
	return order, tickets
}

func TestRefundsOfAnOrder(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org, stranger := s.organizer("org@example.com"), s.organizer("other@example.com")
	fan, _ := s.somebody("fan@example.com")
	event, tiers := s.open(org, nil)
	order, tickets := s.ordered(org, "fan@example.com", event, tiers[0], 3)
	path := v1 + "/organizer/orders/" + order
	refund := path + "/refund"

	for _, p := range []string{path, refund} {
		method := map[bool]string{true: "GET", false: "POST"}[p == path]
		s.do(method, p, "", "").want(401, "unauthorized")
		s.do(method, p, fan, "").want(404, "order_not_found")
		s.do(method, p, stranger, "").want(404, "order_not_found")
		s.do(method, strings.Replace(p, order, randomID(), 1), org, "").want(404, "order_not_found")
		s.do(method, strings.Replace(p, order, "nonsense", 1), org, "").want(404, "order_not_found")
	}
	s.do("POST", refund, stranger, `nonsense`).want(404, "order_not_found")
	for _, body := range []string{
		`{"amount":1}`, `{"amount":null}`, `{"amount":{"amount":0,"currency":"NGN"}}`, `{"amount":{"amount":100,"currency":"USD"}}`,
		`{"amount":{"amount":4500001,"currency":"NGN"}}`, `{"ticket_ids":[]}`, `{"ticket_ids":["` + randomID() + `"]}`, `{"all":true}`,
		`{"amount":{"amount":100,"currency":"NGN"},"ticket_ids":["` + tickets[0] + `"]}`, `{"ticket_ids":["` + tickets[0] + `","` + tickets[0] + `"]}`,
		`{"reason":"` + strings.Repeat("x", 501) + `"}`, `{"request":"` + strings.Repeat("x", 65) + `"}`,
	} {
		s.do("POST", refund, org, body).want(422, "invalid_request")
	}

	part := `{"amount":{"amount":500000,"currency":"NGN"},"reason":"No fireworks.","request":"a"}`
	a := s.do("POST", refund, org, part).want(202, "")
	if a.get("refund", "amount", "amount") != 5e5 || a.get("refund", "note") != "No fireworks." || a.get("order", "status") != "paid" {
		t.Errorf("%s", a.body)
	}
	if again := s.do("POST", refund, org, part).want(202, ""); again.get("refund", "id") != a.get("refund", "id") {
		t.Errorf("the same request made two refunds: %s", again.body)
	}

	// Each of the three tickets is worth a third of that less, to the kobo.
	byTicket := `{"ticket_ids":["` + tickets[1] + `"],"resell":false}`
	if a := s.do("POST", refund, org, byTicket).want(202, ""); a.get("refund", "amount", "amount") != 13_333_33.0 {
		t.Errorf("%s", a.body)
	}
	if a := s.do("POST", refund, org, byTicket).want(409, "nothing_to_refund"); len(a.get("refunds").([]any)) != 2 {
		t.Errorf("%s", a.body)
	}
	s.do("POST", refund, org, `{"ticket_ids":["`+tickets[1]+`","`+tickets[2]+`"]}`).want(409, "tickets_ended")
	if a := s.do("GET", v1+"/events/"+event, "", "").want(200, ""); a.get("tiers").([]any)[0].(map[string]any)["available"] != 17.0 {
		t.Errorf("the place was to stay off the sale: %s", a.body)
	}

	if a := s.do("POST", refund, org, "").want(202, ""); a.get("refund", "amount", "amount") != 26_666_67.0 || a.get("order", "status") != "refunded" {
		t.Errorf("%s", a.body)
	}
	s.do("POST", refund, org, "{}").want(409, "nothing_to_refund")
	for _, k := range s.do("GET", v1+"/tickets", fan, "").want(200, "").get("tickets").([]any) {
		if k := k.(map[string]any); k["status"] != "void" || k["code"] != nil {
			t.Errorf("%v", k)
		}
	}
	s.adds(event)
}

func TestRefundOfWhatWasFreeOrNotPaid(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event, tiers := s.open(org, nil)
	order, _ := s.ordered(org, "fan@example.com", event, tiers[1], 1)
	if a := s.do("POST", v1+"/organizer/orders/"+order+"/refund", org, "{}").want(202, ""); a.get("refund") != nil || a.get("order", "status") != "refunded" {
		t.Errorf("%s", a.body)
	}
	fan, _ := s.somebody("late@example.com")
	admission := s.turn(fan, event)
	claim := s.do("POST", v1+"/events/"+event+"/claims", fan, claimBody(tiers[0], 1), "Admission", admission).want(201, "")
	// Held, and no order yet.
	s.do("POST", v1+"/organizer/orders/"+claim.text("id")+"/refund", org, "{}").want(404, "order_not_found")
	s.do("POST", v1+"/claims/"+claim.text("id")+"/payments", fan, "").want(201, "")
	s.do("POST", v1+"/organizer/orders/"+claim.text("id")+"/refund", org, "{}").want(409, "order_not_paid")
	s.adds(event)
}

func TestACancelledEvent(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	fan, _ := s.somebody("fan@example.com")
	event, tiers := s.open(org, nil)
	path := v1 + "/organizer/events/" + event + "/cancel"
	s.do("POST", v1+"/organizer/events/"+s.draft(org, nil)+"/cancel", org, "").want(409, "invalid_transition")
	order, _ := s.ordered(org, "fan@example.com", event, tiers[0], 2)
	s.do("POST", path, "", "").want(401, "unauthorized")
	s.do("POST", path, fan, "").want(404, "event_not_found")
	s.do("GET", path, org, "").want(404, "not_cancelled")
	s.do("POST", path, org, `{"why":"rain"}`).want(422, "invalid_request")
	s.do("POST", path, org, `{"reason":"`+strings.Repeat("x", 501)+`"}`).want(422, "invalid_request")
	jobs := s.finished()
	// Once more changes nothing, the reason neither.
	for _, body := range []string{`{"reason":"The hall is flooded."}`, "", `{"reason":"Another."}`} {
		a := s.do("POST", path, org, body).want(202, "")
		if a.get("event", "sale", "cancelled") != true || a.get("event", "sale", "state") != "ended" || a.get("event", "sale", "cancel_reason") != "The hall is flooded." {
			t.Errorf("%s", a.body)
		}
	}
	s.until(jobs, "the tickets to be void", func() bool {
		a := s.do("GET", path, org, "").want(200, "")
		return a.get("progress", "open") == 0.0 && a.get("progress", "owed", "amount") == 3e6
	})
	if a := s.do("GET", v1+"/organizer/orders/"+order, org, "").want(200, ""); a.get("order", "status") != "refunded" {
		t.Errorf("%s", a.body)
	}
	s.do("POST", v1+"/events/"+event+"/queue", fan, "").want(409, "sale_not_joinable")
	s.adds(event)
}

func TestANameIsCorrectedOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org, other := s.organizer("org@example.com"), s.organizer("other@example.com")
	event, tiers := s.open(org, nil)
	order, tickets := s.ordered(org, "fan@example.com", event, tiers[1], 1)
	path := v1 + "/organizer/events/" + event + "/tickets/" + tickets[0] + "/name"
	s.do("POST", path, "", `{"name":"Ada"}`).want(401, "unauthorized")
	s.do("POST", path, other, `{"name":"Ada"}`).want(404, "event_not_found")
	s.do("POST", v1+"/organizer/events/"+event+"/tickets/"+randomID()+"/name", org, `{"name":"Ada"}`).want(404, "ticket_not_found")
	s.do("POST", path, org, `{}`).want(422, "invalid_request")
	s.do("POST", path, org, `{"name":"   "}`).want(422, "invalid_name")
	for range 2 {
		if a := s.do("POST", path, org, `{"name":" Ada  Lovelace "}`).want(200, ""); a.get("holder_name") != "Ada Lovelace" {
			t.Errorf("%s", a.body)
		}
	}
	s.do("POST", path, org, `{"name":"Grace Hopper"}`).want(409, "name_corrected_already")
	if a := s.do("GET", v1+"/organizer/orders/"+order, org, "").want(200, ""); a.get("order", "tickets").([]any)[0].(map[string]any)["holder_name"] != "Ada Lovelace" {
		t.Errorf("%s", a.body)
	}
}

// adds asks the invariants of money of an event.
func (s *stack) adds(event string) {
	s.Helper()
	figures := s.do("GET", v1+"/events/"+event+"/fairness", "", "").want(200, "").get("invariants").(map[string]any)
	for _, name := range []string{"never_oversold", "paid_means_ticket_or_refund", "ticket_means_paid", "money_adds_up"} {
		if figures[name] != 0.0 {
			s.Errorf("%s: %v", name, figures[name])
		}
	}
}
