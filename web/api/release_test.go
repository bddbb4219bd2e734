package api

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// releaseBody is a body for POST …/releases, of a sale that opens at once.
func releaseBody(change func(release, sale map[string]any)) string {
	now := time.Now().UTC()
	sale := map[string]any{"ordering": "fifo", "opens_at": now.Add(-time.Minute), "closes_at": now.Add(24 * time.Hour), "max_tickets_per_fan": 4, "admit_per_minute": 60000}
	release := map[string]any{"sale": sale, "tiers": []map[string]any{{"name": "Late", "price_kobo": 2_000_000, "capacity": 10}}}
	if change != nil {
		change(release, sale)
	}
	b, _ := json.Marshal(release)
	return string(b)
}

func TestRelease(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("house@example.com")
	first, tiers := s.open(org, func(e, _ map[string]any) { e["slug"] = "lagos-night" })
	path := "/api/v1/organizer/events/" + first + "/releases"

	a := s.do("POST", path, org, releaseBody(nil)).want(201, "")
	second := a.text("id")
	if a.text("slug") != "lagos-night-2" || a.text("show") != first || a.text("sale", "state") != "draft" || a.text("name") != "Lagos Night" {
		t.Errorf("the release is %s", a.body)
	}
	// A draft is nobody's business yet.
	if e := s.do("GET", "/api/v1/events/"+first, "", "").want(200, ""); e.json["releases"] != nil || e.text("show") != first {
		t.Errorf("before publishing: %s", e.body)
	}
	late := s.do("POST", "/api/v1/organizer/events/"+second+"/publish", org, "").want(200, "").get("tiers").([]any)[0].(map[string]any)["id"].(string)
	s.must(s.sales.Refresh(s.Context()))
	for of, other := range map[string]string{first: "lagos-night-2", second: "lagos-night"} {
		releases := s.do("GET", "/api/v1/events/"+of, "", "").want(200, "").get("releases").([]any)
		if len(releases) != 1 || releases[0].(map[string]any)["slug"] != other {
			t.Errorf("releases: %v", releases)
		}
	}
	if n := len(s.do("GET", "/api/v1/events", "", "").want(200, "").get("events").([]any)); n != 2 {
		t.Errorf("%d sales are listed", n)
	}

	// A line of its own, and one limit.
	fan, _ := s.somebody("fan@example.com")
	s.do("POST", "/api/v1/events/"+first+"/claims", fan, claimBody(tiers[0], 3), "Admission", s.turn(fan, first)).want(201, "")
	admission := s.turn(fan, second)
	s.do("POST", "/api/v1/events/"+second+"/claims", fan, claimBody(late, 2), "Admission", admission).want(409, "limit_reached")
	s.do("POST", "/api/v1/events/"+second+"/claims", fan, claimBody(late, 1), "Admission", admission).want(201, "")
	s.do("POST", "/api/v1/events/"+first+"/claims", fan, claimBody(late, 1), "Admission", admission).want(403, "not_admitted")

	// The release of a release is one of the same show.
	if a := s.do("POST", "/api/v1/organizer/events/"+second+"/releases", org, releaseBody(nil)).want(201, ""); a.text("show") != first || a.text("slug") != "lagos-night-3" {
		t.Errorf("the third sale is %s", a.body)
	}
	s.do("POST", path, org, releaseBody(func(r, _ map[string]any) { r["slug"] = "lagos-night" })).want(409, "slug_taken")
	s.do("POST", path, s.organizer("other@example.com"), releaseBody(nil)).want(404, "event_not_found")

	// Everything wrong at once, with its path.
	wrong := s.do("POST", path, org, releaseBody(func(r, sale map[string]any) {
		sale["closes_at"] = sale["opens_at"]
		r["tiers"] = []map[string]any{{"name": "Late", "price_kobo": 1}, {"name": "Late", "price_kobo": 1, "capacity": 1}}
		r["seats"] = []string{randomID()}
	})).want(422, "invalid_request")
	var paths []string
	for _, e := range wrong.get("errors").([]any) {
		paths = append(paths, e.(map[string]any)["path"].(string))
	}
	slices.Sort(paths)
	if want := []string{"sale.closes_at", "seats[0]", "tiers[0].capacity", "tiers[1].name"}; !slices.Equal(paths, want) {
		t.Errorf("wrong are %v, want %v\n%s", paths, want, wrong.body)
	}
	s.do("POST", path, org, releaseBody(func(r, _ map[string]any) { delete(r, "tiers") })).want(422, "invalid_request")
}

// Whatever is changed of a show is changed in all its events, and in none apart.
func TestSalesOfAShowDoNotDriftApart(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("house@example.com")
	first := s.draft(org, nil)
	second := s.do("POST", "/api/v1/organizer/events/"+first+"/releases", org, releaseBody(nil)).want(201, "").text("id")
	exec := func(sql string, args ...any) error {
		_, err := s.pool.Exec(t.Context(), sql, args...)
		return err
	}
	s.must(exec(`UPDATE events SET name = 'Another Night', venue = 'Elsewhere', starts_at = starts_at + interval '1 day' WHERE id = $1`, first))
	a, b := s.do("GET", "/api/v1/events/"+first, org, "").want(200, ""), s.do("GET", "/api/v1/events/"+second, org, "").want(200, "")
	for _, of := range []string{"name", "venue", "starts_at", "timezone"} {
		if a.text(of) != b.text(of) {
			t.Errorf("%s: %s and %s", of, a.text(of), b.text(of))
		}
	}
	if a.text("name") != "Another Night" {
		t.Errorf("the name is %s", a.text("name"))
	}
	for what, sql := range map[string]string{
		"a name of its own":         `UPDATE events SET name = 'Mine' WHERE id = $1`,
		"a time of its own":         `UPDATE events SET starts_at = starts_at + interval '1 hour' WHERE id = $1`,
		"another show":              `UPDATE events SET show_id = id WHERE id = $1`,
		"a release of a release":    `INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at, show_id) SELECT gen_random_uuid(), organization_id, 'x', name, venue, timezone, starts_at, id FROM events WHERE id = $1`,
		"a release of another name": `INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at, show_id) SELECT gen_random_uuid(), organization_id, 'y', 'Mine', venue, timezone, starts_at, show_id FROM events WHERE id = $1`,
	} {
		if exec(sql, second) == nil {
			t.Errorf("the schema allows %s", what)
		}
	}
}
