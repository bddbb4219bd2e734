package api

import (
	"strings"
	"testing"
)

func TestTheTermsOfMoneyAreSetAndChanged(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("house@example.com")
	event, _ := s.open(org, func(e, sale map[string]any) {
		sale["channels"], sale["fees_by"], sale["returns"] = []string{"card"}, "fan", true
		sale["tax"] = map[string]any{"name": "VAT", "percent": 7.5, "number": "12345678-0001"}
	})
	got, err := s.sales.Get(t.Context(), event)
	s.must(err)
	if m := got.Terms; len(m.Channels) != 1 || m.FeesBy != "fan" || !m.Returns || m.Tax.BasisPoints != 750 || m.Tax.Number != "12345678-0001" || m.Disputes != "void" {
		t.Errorf("kept: %+v", m)
	}
	if e := s.do("GET", "/api/v1/events/"+event, "", "").want(200, ""); e.get("sale", "returns") != true || e.get("sale", "cancelled") != false {
		t.Errorf("everybody sees %s", e.body)
	}
	path := "/api/v1/organizer/events/" + event + "/sale"
	if e := s.do("PATCH", path, org, `{"returns":false,"channels":[],"tax":{"name":"","percent":0},"disputes":"keep"}`).want(200, ""); e.get("sale", "returns") != false {
		t.Errorf("changed: %s", e.body)
	}
	got, err = s.sales.Get(t.Context(), event)
	s.must(err)
	if m := got.Terms; len(m.Channels) != 0 || m.FeesBy != "fan" || m.Tax.BasisPoints != 0 || m.Disputes != "keep" {
		t.Errorf("changed to %+v", m)
	}
	for body, field := range map[string]string{
		`{"tax":{"name":"VAT","percent":7.555}}`:   "tax.percent",
		`{"channels":["bank_transfer"]}`:           "channels",
		`{"returns_until":"2999-01-01T00:00:00Z"}`: "returns_until",
	} {
		if a := s.do("PATCH", path, org, body).want(422, "invalid_request"); !strings.Contains(string(a.body), `"`+field+`"`) {
			t.Errorf("%s: %s", body, a.body)
		}
	}
}
