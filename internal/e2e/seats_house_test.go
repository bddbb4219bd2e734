package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/playwright-community/playwright-go"
)

// house is a show in a small hall: stalls of four rows of ten with an aisle in the middle, a balcony of two rows of six, and
// a floor.
func (p *product) house(t testing.TB, slug string) *show {
	t.Helper()
	return p.newShow(t, slug, 0, func(body map[string]any) {
		body["tiers"] = []any{map[string]any{"name": "Stalls", "price_kobo": 2_500_000}, map[string]any{"name": "Balcony", "price_kobo": 1_000_000},
			map[string]any{"name": "Floor", "price_kobo": 500_000}}
		body["seat_map"] = json.RawMessage(`{"focal":{"x":0,"y":0},"sections":[
			{"id":"stalls","name":"Stalls","kind":"seated","tier":"Stalls","rows":[{"name":"A","to":"D","count":10,"aisles":[5],"x":0,"y":4,
				"marks":[{"seats":["D1"],"accessible":true},{"seats":["D2"],"companion_of":"D1"},{"seats":["A10"],"restricted":true},{"seats":["D10"],"blocked":true}]}]},
			{"id":"balcony","name":"Balcony","kind":"seated","tier":"Balcony","rows":[{"name":"A","to":"B","count":6,"x":0,"y":14}]},
			{"id":"floor","name":"Floor","kind":"standing","tier":"Floor","capacity":20}]}`)
	})
}

// device is a screen.
type device struct {
	name          string
	width, height int
}

var devices = []device{{"phone", 360, 740}, {"desktop", 1280, 900}}

// inside opens a device of somebody who may choose now.
func (b *browser) inside(t testing.TB, s *show, email string, d device, javaScript bool) *person {
	t.Helper()
	v := b.known(t, email, javaScript)
	v.must(v.SetViewportSize(d.width, d.height))
	bearer, _ := b.product.signedIn(email)
	s.called(t, bearer)
	v.open("/events/" + s.slug + "/queue")
	v.turns()
	v.click("button", "Come in and choose tickets")
	v.sees("Choose your place")
	return v
}

// fan is somebody inside who talks to the API.
func (s *show) fan(t testing.TB, email string) *visitor {
	t.Helper()
	bearer, _ := s.signedIn(email)
	return s.called(t, bearer)
}

// seatIDs are the ids of seats by section, row and label.
func (s *show) seatIDs(t testing.TB, section string, labels ...string) []string {
	t.Helper()
	ids := make([]string, len(labels))
	for i, label := range labels {
		var id uuid.UUID
		if err := s.pool.QueryRow(t.Context(), `SELECT s.id FROM seats s JOIN seat_sections c ON c.event_id = s.event_id AND c.ordinal = s.section
			WHERE s.event_id = $1 AND c.name = $2 AND s.label = $3`, s.id, section, label).Scan(&id); err != nil {
			t.Fatalf("seat %s of %s: %v", label, section, err)
		}
		ids[i] = id.String()
	}
	return ids
}

// takes claims seats by the API.
func (v *visitor) takes(section string, labels ...string) *answer {
	v.t.Helper()
	return v.request(v.t, "POST", v.url+"/api/v1/events/"+v.id+"/claims", v.bearer, map[string]any{"seat_ids": v.seatIDs(v.t, section, labels...)},
		map[string]string{"Admission": v.admission})
}

// holds are the seats that an account holds, pays for or has bought, as section and label.
func (s *show) holds(t testing.TB, email string) string {
	t.Helper()
	var list string
	if err := s.pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(coalesce(n.name || ' ' || e.label, 'Floor'), ', ' ORDER BY e.number), '')
		FROM units u JOIN claims c ON c.id = u.claim_id JOIN accounts a ON a.id = c.account_id
		LEFT JOIN seats e ON e.id = u.id LEFT JOIN seat_sections n ON n.event_id = e.event_id AND n.ordinal = e.section
		WHERE u.event_id = $1 AND a.email = $2 AND (u.state <> 'held' OR u.held_until > now())`, s.id, email).Scan(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

// left lets the hold of an account have only that much left.
func (s *show) left(t testing.TB, email, interval string) {
	t.Helper()
	s.exec(`WITH c AS (UPDATE claims SET expires_at = now() + $3::interval WHERE event_id = $1 AND status = 'held'
			AND account_id = (SELECT id FROM accounts WHERE email = $2) RETURNING id, expires_at)
		UPDATE units u SET held_until = c.expires_at FROM c WHERE u.claim_id = c.id AND u.state = 'held'`, s.id, email, interval)
}

// section opens the seats of a section.
func (v *person) section(s *show, id string) {
	v.t.Helper()
	v.open("/events/" + s.slug + "/tickets?section=" + id)
	v.waits(v.Locator("#seatmap"))
}

// tick ticks seats of a row.
func (v *person) tick(row string, seats ...int) {
	v.t.Helper()
	for _, n := range seats {
		v.must(v.seat(row, n).Check())
	}
}

// chosen waits until the page says what is chosen.
func (v *person) chosen(names string) {
	v.t.Helper()
	v.waits(v.Locator("#chosen", playwright.PageLocatorOptions{HasText: names}))
}

// pays waits for the page on which tickets are paid.
func (v *person) pays() {
	v.t.Helper()
	v.waits(v.Locator(`h1:has-text("Pay for your")`))
}

// axeSource is axe-core, which looks for what shuts people out of a page.
func axeSource(t testing.TB) string {
	t.Helper()
	file := os.Getenv("FAIRQUEUE_AXE")
	if file == "" {
		if found, err := filepath.Glob(filepath.Join("..", "..", ".cache", "axe-*", "package", "axe.min.js")); err == nil && len(found) > 0 {
			file = found[0]
		}
	}
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("the tests of accessibility need axe-core (make test gets it, or name its axe.min.js in FAIRQUEUE_AXE): %v", err)
	}
	return string(source)
}

// accessible fails the test for every violation that axe-core finds on the page, by day and by night.
func (v *person) accessible(axe, what string) {
	v.t.Helper()
	for _, theme := range []*playwright.ColorScheme{playwright.ColorSchemeLight, playwright.ColorSchemeDark} {
		v.must(v.EmulateMedia(playwright.PageEmulateMediaOptions{ColorScheme: theme, ReducedMotion: playwright.ReducedMotionReduce}))
		for _, wrong := range v.violations(axe) {
			v.t.Errorf("%s, %s: %s", what, *theme, wrong)
		}
	}
}

func (v *person) violations(axe string) (found []string) {
	v.t.Helper()
	// A page that reloads itself in this moment is looked at again.
	there, err := v.Evaluate(`() => "axe" in window`)
	v.must(err)
	if there != true {
		_, err = v.Evaluate(axe)
		v.must(err)
	}
	got, err := v.Evaluate(`async () => {
		const { violations, passes } = await axe.run(document, { resultTypes: ["violations"],
			runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
		if (passes.length < 10) throw new Error("axe looked at next to nothing");
		return violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target.join(" ") + ": " + n.failureSummary.replace(/\s+/g, " ")));
	}`)
	v.must(err)
	for _, one := range got.([]any) {
		found = append(found, one.(string))
	}
	return found
}

// fits fails the test when the page is wider than the screen, or a seat or button is too small for a finger.
func (v *person) fits(what string) {
	v.t.Helper()
	got, err := v.Evaluate(`() => {
		const wrong = [];
		if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page is " + document.documentElement.scrollWidth + " px wide");
		for (const el of document.querySelectorAll("main button, main input:not([type=hidden]), main select, main summary")) {
			if (!el.checkVisibility({ visibilityProperty: true }) || el.closest(".visually-hidden") || el.matches("[type=radio]")) continue;
			const box = el.getBoundingClientRect();
			if (box.width < 24 || box.height < 24) wrong.push((el.innerText || el.getAttribute("aria-label") || el.name) + " is " + box.width + " × " + box.height);
		}
		return wrong.slice(0, 5);
	}`)
	v.must(err)
	for _, one := range got.([]any) {
		v.t.Errorf("%s: %s", what, one)
	}
}

// side reports whether names of seats are those of one row side by side.
func side(seats string) bool {
	row, last := "", 0
	for i, one := range strings.Split(seats, ", ") {
		label := one[strings.LastIndex(one, " ")+1:]
		var n int
		if _, err := fmt.Sscanf(label[1:], "%d", &n); err != nil || i > 0 && (label[:1] != row || n != last+1) {
			return false
		}
		row, last = label[:1], n
	}
	return true
}
