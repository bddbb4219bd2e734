package e2e_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// TestChoosingSeats are the ways of people to their seats, in a real browser, with a phone and at a desk. They share the
// product and the browser; each has an event and people of its own.
func TestChoosingSeats(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	for name, journey := range map[string]func(*testing.T, *browser, device){
		"TheBestInOneClick":     bestInOneClick,
		"TwoWantTheSameSeats":   twoWantTheSame,
		"TheKeyboardAlone":      keyboardToSeats,
		"SeatsAreChanged":       seatsAreChanged,
		"NothingShutsPeopleOut": nothingShutsOut,
	} {
		for _, d := range devices {
			t.Run(name+"/"+d.name, func(t *testing.T) {
				t.Parallel()
				journey(t, b, d)
			})
		}
	}
	for name, journey := range map[string]func(*testing.T, *browser, device){
		"WithoutJavaScript": seatsWithoutJavaScript,
		"ACodeOpensABlock":  codeOpensBlock,
		"NobodyIsLeftAlone": nobodyLeftAlone,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			journey(t, b, devices[0])
		})
	}
}

func bestInOneClick(t *testing.T, b *browser, d device) {
	s := b.product.house(t, "best-"+d.name)
	email := "best-" + d.name + "@example.test"
	v := b.inside(t, s, email, d, true)
	v.fits("the choice")
	v.must(v.quantity(3).Click())
	// The one click.
	v.click("button", "Hold the best places together")
	v.pays()
	seats := s.holds(t, email)
	if strings.Count(seats, "Stalls") != 3 || !side(seats) || strings.Contains(seats, "A5, Stalls A6") {
		t.Errorf("a party of three has %q", seats)
	}
	if !strings.HasPrefix(seats, "Stalls A") {
		t.Errorf("the best seats are %q", seats)
	}
	v.reads("₦75,000")
	s.audited(t)
}

// Two fans choose the same seats on two devices. Who is second hears it at once, where they are, with the nearest that are
// free; and where the news does not come, the server says the same.
func twoWantTheSame(t *testing.T, b *browser, d device) {
	s := b.product.house(t, "race-"+d.name)
	first, second := "first-"+d.name+"@example.test", "second-"+d.name+"@example.test"
	quick, slow := b.inside(t, s, first, d, true), b.inside(t, s, second, d, true)
	for _, v := range []*person{quick, slow} {
		v.section(s, "stalls")
		v.tick("B", 1, 2)
		v.chosen("Row B, seats 1 and 2")
	}
	v := slow
	v.must(v.seat("B", 2).Focus())
	where := func() string {
		got, err := v.Evaluate(`() => [document.getElementById("mapbox").getBoundingClientRect().top < innerHeight, document.activeElement.dataset.n].join(" ")`)
		v.must(err)
		return got.(string)
	}
	before := where()
	still := v.marked()
	quick.click("button", "Hold 2 seats")
	quick.pays()

	v.reads("Row B, seats 1 and 2 have just gone to somebody else.")
	if after := where(); after != before {
		t.Errorf("the map and the keyboard were at %s, and are at %s", before, after)
	}
	still()
	if said, err := v.Locator("#seats-said").TextContent(); err != nil || !strings.Contains(said, "have just gone to somebody else") || !strings.Contains(said, "The nearest free now") {
		t.Errorf("who cannot see hears %q (%v)", said, err)
	}
	if label, err := v.seat("B", 2).GetAttribute("aria-label"); err != nil || !strings.HasSuffix(label, "; held, may come back") {
		t.Errorf("the seat is called %q (%v)", label, err)
	}
	v.must(v.Locator("#lost button").Click())
	v.waits(v.Locator("#hold", playwright.PageLocatorOptions{HasText: "Hold 2 seats"}))
	v.click("button", "Hold 2 seats")
	v.pays()
	if got := s.holds(t, second); strings.Count(got, "Stalls") != 2 || !side(got) {
		t.Errorf("instead of seats side by side the second has %q", got)
	}
	if got := s.holds(t, first); got != "Stalls B1, Stalls B2" {
		t.Errorf("the first has %q", got)
	}

	// Both press in the same moment, and no news comes to either: one has the seats, the other hears it from the server.
	others := []string{"third-" + d.name + "@example.test", "fourth-" + d.name + "@example.test"}
	var people []*person
	for _, email := range others {
		v := b.inside(t, s, email, d, true)
		v.must(v.Route("**/tickets/stream*", func(r playwright.Route) { _ = r.Abort() }))
		v.section(s, "balcony")
		v.tick("A", 3, 4)
		people = append(people, v)
	}
	var wg sync.WaitGroup
	for _, v := range people {
		wg.Go(func() {
			if err := v.Locator("#hold").Click(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	won := -1
	for i, v := range people {
		v.waits(v.Locator(`h1:has-text("Pay for your"), [role=alert]:has-text("instead"), .bn:has-text("instead")`).First())
		if strings.Contains(v.URL(), "/checkout/") {
			if won >= 0 {
				t.Error("both have the seats")
			}
			won = i
		}
	}
	if won < 0 {
		t.Fatal("nobody has the seats")
	}
	lost := people[1-won]
	lost.must(lost.GetByRole("button", playwright.PageGetByRoleOptions{Name: "instead"}).First().Click())
	lost.pays()
	if a, z := s.holds(t, others[won]), s.holds(t, others[1-won]); a != "Balcony A3, Balcony A4" || strings.Count(z, "Balcony") != 2 || !side(z) {
		t.Errorf("one has %q, the other %q", a, z)
	}
	s.audited(t)
}

// From the choice to the payment without a mouse: sections, seats by arrows, one stop for the whole map.
func keyboardToSeats(t *testing.T, b *browser, d device) {
	s := b.product.house(t, "seat-keys-"+d.name)
	email := "keys-" + d.name + "@example.test"
	v := b.inside(t, s, email, d, true)
	v.tabUntil("a section", func(f focused) bool { return strings.HasPrefix(f.Name, "Stalls") && f.Link })
	v.press("Enter")
	v.waits(v.Locator("#seatmap"))
	v.waits(v.Locator(`#seatmap input[tabindex="0"]`))
	v.tabUntil("a seat", func(f focused) bool { return strings.Contains(f.Name, ", seat ") })
	at := func(want string) {
		t.Helper()
		if f := v.focus(); !strings.Contains(f.Name, want) || !f.Visible {
			t.Fatalf("the keyboard is at %+v, not at %s", f, want)
		}
	}
	at("row A, seat 1,")
	for _, move := range []struct{ key, want string }{
		{"ArrowDown", "row B, seat 1,"}, {"ArrowRight", "row B, seat 2,"}, {"ArrowRight", "row B, seat 3,"}, {"ArrowUp", "row A, seat 3,"}, {"ArrowLeft", "row A, seat 2,"},
		{"End", "row A, seat 10,"}, {"Home", "row A, seat 1,"}, {"Control+End", "row D, seat 10,"}, {"Control+Home", "row A, seat 1,"}, {"ArrowDown", "row B, seat 1,"},
	} {
		v.press(move.key)
		at(move.want)
	}
	v.press(" ")
	v.press("ArrowRight")
	v.press("Enter")
	v.chosen("Row B, seats 1 and 2")
	// The map is one stop: the next Tab leaves it.
	v.press("Tab")
	if f := v.focus(); strings.Contains(f.Name, ", seat ") {
		t.Errorf("the map is more than one stop: %+v", f)
	}
	v.tabTo("Hold 2 seats")
	v.press("Enter")
	v.pays()
	if got := s.holds(t, email); got != "Stalls B1, Stalls B2" {
		t.Errorf("the keyboard took %q", got)
	}
	s.audited(t)
}

// tabUntil presses Tab until the keyboard is at something.
func (v *person) tabUntil(what string, is func(focused) bool) {
	v.t.Helper()
	var passed []string
	for range 60 {
		v.press("Tab")
		f := v.focus()
		if f.Name != "" && !f.Visible {
			v.t.Errorf("it is not seen that the keyboard is at %q", f.Name)
		}
		if is(f) {
			return
		}
		passed = append(passed, f.Name)
	}
	v.t.Fatalf("the keyboard never comes to %s, but to %s", what, strings.Join(passed, ", "))
}

// Other seats inside a hold: the same claim with the same time, and what is given up is free at once.
func seatsAreChanged(t *testing.T, b *browser, d device) {
	s := b.product.house(t, "change-"+d.name)
	email := "change-" + d.name + "@example.test"
	v := b.inside(t, s, email, d, true)
	v.section(s, "stalls")
	v.tick("C", 1, 2)
	v.click("button", "Hold 2 seats")
	v.pays()
	claim := func() (c string) {
		if err := s.pool.QueryRow(t.Context(), `SELECT id || ' until ' || expires_at || ' of ' || total_kobo FROM claims WHERE event_id = $1 AND status = 'held'`, s.id).Scan(&c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := claim()
	v.click("link", "Choose others in place of them")
	v.sees("Change your places")
	v.reads("2 tickets stay yours until you have others in their place")
	// In the section: what is held is ticked.
	v.must(v.Locator(`.secs a[data-section="stalls"]`).Click())
	v.waits(v.Locator("#seatmap"))
	v.chosen("Row C, seats 1 and 2")
	v.must(v.seat("C", 1).Uncheck())
	v.tick("C", 3)
	v.chosen("Row C, seats 2 and 3")
	// That would leave the first seat alone: further along.
	v.must(v.seat("C", 2).Uncheck())
	v.must(v.seat("C", 3).Uncheck())
	v.tick("C", 4, 5)
	v.must(v.Locator("#hold", playwright.PageLocatorOptions{HasText: "Take these 2 instead"}).Click())
	v.pays()
	if got := s.holds(t, email); got != "Stalls C4, Stalls C5" {
		t.Errorf("after the change %q are held", got)
	}
	if after := claim(); after != before {
		t.Errorf("the claim was %s, and is %s", before, after)
	}
	// Somebody else has what was given up; a change to it is refused, and nothing is lost.
	other := s.fan(t, "other-change-"+d.name+"@example.test")
	other.takes("Stalls", "C1", "C2", "C3").want(201)
	v.click("link", "Choose others in place of them")
	v.sees("Change your places")
	v.must(v.Locator(`.qty label:has(input[value="2"])`).Click())
	v.must(v.Locator(`#best label.pick:has-text("Balcony") input`).Check())
	v.click("button", "Take the best instead")
	v.pays()
	if got := s.holds(t, email); strings.Count(got, "Balcony") != 2 || !side(got) {
		t.Errorf("after the second change %q are held", got)
	}
	v.reads("₦20,000")
	s.audited(t)
}

// Every page of the way without JavaScript: the same forms, and the same words of a refusal.
func seatsWithoutJavaScript(t *testing.T, b *browser, d device) {
	s := b.product.house(t, "seats-plain")
	const email = "plain-seats@example.test"
	v := b.inside(t, s, email, d, false)
	v.must(v.Locator(`.secs a[data-section="stalls"]`).Click())
	v.waits(v.Locator("#seatmap"))
	v.tick("B", 1, 2)
	s.fan(t, "faster-seats@example.test").takes("Stalls", "B1", "B2").want(201)
	v.must(v.Locator("#hold").Click())
	v.reads("Row B, seats 1 and 2 have just gone to somebody else")
	v.must(v.GetByRole("button", playwright.PageGetByRoleOptions{Name: "instead"}).First().Click())
	v.pays()
	if got := s.holds(t, email); strings.Count(got, "Stalls") != 2 || !side(got) || strings.Contains(got, "B2") {
		t.Errorf("without JavaScript %q are held", got)
	}
	// More time.
	s.left(t, email, "60 s")
	v.reload()
	v.must(v.Locator(`form[action$="/extend"] button`).Click())
	v.pays()
	if n := s.count(`SELECT count(*) FROM claims WHERE event_id = $1 AND expires_at > now() + interval '8 min'`, s.id); n == 0 {
		t.Error("there is no more time")
	}
	// Other seats, from the list of neighbours.
	v.click("link", "Choose others in place of them")
	v.must(v.Locator(`.secs a[data-section="balcony"]`).Click())
	v.waits(v.Locator("#runs"))
	v.must(v.Locator(`#runs label.pick`).Nth(0).Click())
	v.must(v.Locator(`#runs button`).Click())
	v.pays()
	if got := s.holds(t, email); strings.Count(got, "Balcony") != 2 || !side(got) {
		t.Errorf("after the change %q are held", got)
	}
	// And back they go.
	v.must(v.Locator(`a[href$="/release"]`).Click())
	v.must(v.Locator(`form[action$="/release"] button`).Click())
	v.sees("You gave the tickets back")
	if got := s.holds(t, email); got != "" {
		t.Errorf("%q are still held", got)
	}
	s.audited(t)
}

// A block of seats is kept for those who have its code, and looks so to everybody else.
func codeOpensBlock(t *testing.T, b *browser, d device) {
	p := b.product
	s := p.house(t, "code")
	block := s.seatIDs(t, "Balcony", "A1", "A2", "A3", "A4", "A5", "A6")
	p.api(t, "POST", "/organizer/events/"+s.id+"/presales", p.asOrganizer(), map[string]any{
		"name": "Fan club", "seat_ids": block, "public_at": time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339), "codes": []string{"DRUMS-2026"}, "uses_per_code": 5,
	}).want(201)
	const email = "code@example.test"
	v := b.inside(t, s, email, d, true)
	v.section(s, "balcony")
	if label, err := v.seat("A", 3).GetAttribute("aria-label"); err != nil || !strings.HasSuffix(label, "; not for sale") {
		t.Errorf("a seat of the block is called %q (%v)", label, err)
	}
	s.fan(t, "no-code@example.test").takes("Balcony", "A3", "A4").problem(403, "presale_only")
	v.open("/events/" + s.slug + "/tickets")
	v.fill("Code", "DRUMS-2025")
	v.click("button", "Use the code")
	v.waits(v.Locator("#code-e"))
	if typed, err := v.Locator("#code").InputValue(); err != nil || typed != "DRUMS-2025" {
		t.Errorf("what was typed is %q (%v)", typed, err)
	}
	v.fill("Code", "drums 2026")
	v.click("button", "Use the code")
	v.reads("Open to you: Fan club")
	v.section(s, "balcony")
	v.tick("A", 3, 4)
	v.click("button", "Hold 2 seats")
	v.pays()
	if got := s.holds(t, email); got != "Balcony A3, Balcony A4" {
		t.Errorf("the code got %q", got)
	}
	s.audited(t)
}

// A choice that would leave one seat alone is refused with ways out of it, each one tap.
func nobodyLeftAlone(t *testing.T, b *browser, d device) {
	s := b.product.house(t, "alone")
	const email = "alone@example.test"
	v := b.inside(t, s, email, d, true)
	v.section(s, "stalls")
	v.tick("B", 2, 3)
	v.waits(v.Locator("#total", playwright.PageLocatorOptions{HasText: "would be left alone"}))
	v.click("button", "Hold 2 seats")
	v.waits(v.Locator(".bn-err:visible"))
	if got := s.holds(t, email); got != "" {
		t.Errorf("%q are held", got)
	}
	v.must(v.GetByRole("button", playwright.PageGetByRoleOptions{Name: "Move to"}).First().Click())
	v.pays()
	if got := s.holds(t, email); got != "Stalls B1, Stalls B2" {
		t.Errorf("moved to %q", got)
	}
	s.audited(t)
}

// axe-core finds nothing on the pages of the choice, by day and by night, and nothing is too small or too wide.
func nothingShutsOut(t *testing.T, b *browser, d device) {
	p := b.product
	s := p.house(t, "axe-"+d.name)
	axe := axeSource(t)
	email := "axe-" + d.name + "@example.test"
	s.fan(t, "axe-other-"+d.name+"@example.test").takes("Stalls", "B5", "B4").want(201)
	v := b.inside(t, s, email, d, true)
	look := func(what string) {
		t.Helper()
		v.accessible(axe, what)
		v.fits(what)
	}
	look("the choice")
	v.section(s, "stalls")
	v.tick("C", 2, 3)
	look("a section")
	v.tick("C", 4)
	v.must(v.seat("C", 2).Uncheck())
	v.must(v.Locator("#hold").Click())
	v.waits(v.Locator(`h1:has-text("Pay for your"), .bn-err`).First())
	if !strings.Contains(v.URL(), "/checkout/") {
		look("a refusal")
		v.must(v.GetByRole("button", playwright.PageGetByRoleOptions{Name: "Move to"}).First().Click())
	}
	v.pays()
	look("the checkout")
	v.click("link", "Choose others in place of them")
	v.sees("Change your places")
	look("the choice inside a hold")
	s.left(t, email, "-1 s")
	v.open(fmt.Sprintf("/checkout/%s", s.lastClaim(t, email)))
	v.sees("The tickets went back")
	look("the end of a hold")

	v.is("organizer@example.test")
	v.open("/organizer/events/" + s.id + "/stock")
	v.sees("Stock")
	look("the organizer's stock")
}

func (s *show) lastClaim(t testing.TB, email string) (id string) {
	t.Helper()
	if err := s.pool.QueryRow(t.Context(), `SELECT c.id::text FROM claims c JOIN accounts a ON a.id = c.account_id WHERE c.event_id = $1 AND a.email = $2 ORDER BY c.created_at DESC LIMIT 1`,
		s.id, email).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}
