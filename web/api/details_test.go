package api

import "testing"

func TestDetailsOfAnEventChange(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org, other := s.organizer("org@example.com"), s.organizer("other@example.com")
	event, _ := s.open(org, nil)
	fan, _ := s.somebody("fan@example.com")
	path := "/api/v1/organizer/events/" + event

	s.do("PATCH", path, "", `{"name":"x"}`).want(401, "unauthorized")
	s.do("PATCH", path, other, `{"name":"x"}`).want(404, "event_not_found")
	s.do("PATCH", path, fan, `{"name":"x"}`).want(404, "event_not_found")
	for _, body := range []string{`{"name":""}`, `{"name":" "}`, `{"venue":1}`, `{"timezone":"Lagos"}`, `{"starts_at":"tomorrow"}`, `{"starts_at":"1920-01-01T00:00:00Z"}`, `{"slug":"x"}`, `[]`} {
		s.do("PATCH", path, org, body).want(422, "invalid_request")
	}
	before := s.do("GET", "/api/v1/events/"+event, "", "").want(200, "")
	a := s.do("PATCH", path, org, `{"name":"Another night","starts_at":"2031-03-01T18:30:00+01:00"}`).want(200, "")
	for _, a := range []*answer{a, s.do("GET", "/api/v1/events/"+event, "", "").want(200, "")} {
		if a.get("name") != "Another night" || a.get("starts_at") != "2031-03-01T17:30:00Z" || a.get("venue") != before.get("venue") || a.get("slug") != before.get("slug") {
			t.Errorf("%s", a.body)
		}
	}
	s.do("PATCH", path, org, `{}`).want(200, "")
}
