package e2e_test

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// TestHoldsAndSeatsMove are the ways of people through the choice of seats and the time they have to pay, in a real
// browser, while the world around them moves.
func TestHoldsAndSeatsMove(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	for name, journey := range map[string]func(*testing.T, *browser){
		"ASeatGoesWhileItIsLookedAt":  seatGoes,
		"SeatsMoveWithoutAStream":     seatsWithoutStream,
		"SeatsByKeyboard":             seatsByKeyboard,
		"TheMapGrowsUnderFingers":     mapGrows,
		"APartyByOneTap":              partyByOneTap,
		"ThePhonesClockDoesNotMatter": wrongClock,
		"MoreTimeByOneTap":            moreTime,
		"TheHoldEndsWhileTyping":      holdEndsWhileTyping,
		"GivingBackIsConfirmed":       givingBack,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			journey(t, b)
		})
	}
}

// seated makes a hall of four rows of eight seats.
func seated(body map[string]any) {
	body["tiers"] = []any{map[string]any{"name": "Stalls", "price_kobo": 1500000}}
	body["seat_map"] = map[string]any{"focal": map[string]any{"x": 0, "y": 0}, "sections": []any{map[string]any{
		"id": "left", "name": "Left", "kind": "seated", "tier": "Stalls",
		"rows": []any{map[string]any{"name": "A", "to": "D", "count": 8, "x": 0, "y": 3}},
	}}}
}

// inSection brings somebody who is signed in to the seats of the only section.
func (b *browser) inSection(t *testing.T, s *show, email string) *person {
	t.Helper()
	v := b.known(t, email, true)
	v.joins(s)
	v.turns()
	v.click("button", "Come in and choose tickets")
	v.sees("Choose your")
	v.open("/events/" + s.slug + "/tickets?section=left")
	v.sees("Left")
	return v
}

// seat is the check box of a seat.
func (v *person) seat(row string, label int) playwright.Locator {
	return v.Locator(fmt.Sprintf(`#seatmap [aria-label*="row %s, seat %d,"]`, row, label))
}

// take claims seats by their labels, as somebody elsewhere, and returns the claim.
func (s *show) take(t *testing.T, email string, labels ...string) (id, bearer string) {
	t.Helper()
	bearer, _ = s.signedIn(email)
	v := s.called(t, bearer)
	var ids []string
	for _, l := range labels {
		var seat string
		if err := s.pool.QueryRow(t.Context(), `SELECT id::text FROM seats WHERE event_id = $1 AND label = $2`, s.id, l).Scan(&seat); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, seat)
	}
	a := v.request(t, "POST", v.url+"/api/v1/events/"+v.id+"/claims", bearer, map[string]any{"seat_ids": ids}, map[string]string{"Admission": v.admission})
	return a.want(201).str("id"), bearer
}

// state waits for what a seat shows.
func (v *person) state(row string, label int, want string) {
	v.t.Helper()
	v.p.until(fmt.Sprintf("seat %s%d shows %s", row, label, want), func() bool {
		got, err := v.seat(row, label).GetAttribute("data-state")
		v.must(err)
		return got == want
	})
}

func (v *person) text(selector string) string {
	v.t.Helper()
	text, err := v.Locator(selector).First().TextContent()
	v.must(err)
	return text
}

// Two fingers and the wheel make the map larger and smaller, not the page; what is under the fingers stays there, and
// nothing is chosen by it.
func mapGrows(t *testing.T, b *browser) {
	s := b.product.newShow(t, "grows", 0, seated)
	v := b.inSection(t, s, "grows@example.test")
	v.must(v.SetViewportSize(devices[0].width, devices[0].height))
	v.must(v.seat("C", 5).ScrollIntoViewIfNeeded())
	middle := func() (x, y float64) {
		box, err := v.seat("C", 5).BoundingBox()
		v.must(err)
		return box.X + box.Width/2, box.Y + box.Height/2
	}
	x, y := middle()
	size := func() (width float64) {
		got, err := v.Evaluate(`() => seatmap.getAttribute("width") + " " + visualViewport.scale`)
		v.must(err)
		var page float64
		_, err = fmt.Sscan(got.(string), &width, &page)
		v.must(err)
		if page != 1 {
			t.Errorf("the page grew to %v", page)
		}
		return width
	}
	larger := func(by string, was, least, most float64) float64 {
		t.Helper()
		now := size()
		if ratio := now / was; ratio < least || ratio > most {
			t.Errorf("%s: %v of the size before, want %v to %v", by, ratio, least, most)
		}
		return now
	}

	touch, err := v.context.NewCDPSession(v.Page)
	v.must(err)
	fingers := func(kind string, apart float64) {
		points := []any{}
		if apart > 0 {
			points = []any{map[string]any{"x": x - apart/2, "y": y, "id": 1}, map[string]any{"x": x + apart/2, "y": y, "id": 2}}
		}
		_, err := touch.Send("Input.dispatchTouchEvent", map[string]any{"type": kind, "touchPoints": points})
		v.must(err)
	}
	first := size()
	fingers("touchStart", 80)
	for apart := 90.0; apart <= 160; apart += 10 {
		fingers("touchMove", apart)
	}
	fingers("touchEnd", 0)
	large := larger("fingers that go apart", first, 1.9, 2.1)
	if nx, ny := middle(); math.Abs(nx-x) > 3 || math.Abs(ny-y) > 3 {
		t.Errorf("the seat under the fingers was at %.0f, %.0f and is at %.0f, %.0f", x, y, nx, ny)
	}
	fingers("touchStart", 160)
	for apart := 150.0; apart >= 120; apart -= 10 {
		fingers("touchMove", apart)
	}
	fingers("touchEnd", 0)
	smaller := larger("fingers that come together", large, 0.7, 0.8)

	v.must(v.Mouse().Move(x, y))
	v.must(v.Keyboard().Down("Control"))
	v.must(v.Mouse().Wheel(0, -60))
	v.must(v.Keyboard().Up("Control"))
	b.product.until("the wheel with Ctrl makes it larger", func() bool { return size() > smaller })
	larger("the wheel", smaller, 1.15, 1.3)
	if n, err := v.Locator("#seatmap input:checked").Count(); err != nil || n != 0 {
		t.Errorf("%d seats were chosen (%v)", n, err)
	}
}

func seatGoes(t *testing.T, b *browser) {
	s := b.product.newShow(t, "seat-goes", 0, seated)
	v := b.inSection(t, s, "looks-goes@example.test")
	still := v.marked()
	v.must(v.seat("B", 2).Check())
	v.must(v.seat("B", 3).Check())
	if names, total := v.text("#chosen"), v.text("#total"); names != "Row B, seats 2 and 3" || !strings.HasPrefix(total, "2 seats, ₦30,000") {
		t.Errorf("the choice is said as %q, %q", names, total)
	}
	if v.text("#hold") != "Hold 2 seats" {
		t.Errorf("the button says %q", v.text("#hold"))
	}
	v.must(v.seat("B", 3).Focus())
	// Where the seats stand on the screen, with the map scrolled sideways and its upper edge out of sight.
	scrolled := func() (left, top float64) {
		at, err := v.Evaluate(`() => { const r = seatmap.getBoundingClientRect(); return r.left + " " + r.top }`)
		v.must(err)
		_, err = fmt.Sscan(at.(string), &left, &top)
		v.must(err)
		return left, top
	}
	v.must(v.Locator("[data-zoom=in]").Click())
	v.must(v.Locator("[data-zoom=in]").Click())
	v.must(v.seat("B", 3).Focus())
	_, err := v.Evaluate(`() => { mapbox.scrollLeft = 40; scrollTo(0, mapbox.getBoundingClientRect().top + scrollY + 5) }`)
	v.must(err)
	left, top := scrolled()
	claim, bearer := s.take(t, "takes-goes@example.test", "B3", "B4")
	took := time.Now()
	v.state("B", 3, "h")
	if d := time.Since(took); d > 2*time.Second {
		t.Errorf("it was seen after %v", d)
	}
	v.state("B", 4, "h")
	v.reads("Row B, seat 3 has just gone to somebody else")
	if said := v.text("#seats-said"); !strings.Contains(said, "Row B, seat 3 has just gone") {
		t.Errorf("it is spoken as %q", said)
	}
	focus, err := v.Evaluate(`() => document.activeElement.getAttribute("aria-label")`)
	v.must(err)
	if !strings.Contains(focus.(string), "row B, seat 3,") || !strings.HasSuffix(focus.(string), "; held, may come back") {
		t.Errorf("the focus is on %q", focus)
	}
	// A browser scrolls by whole pixels, and what has come above may be some and a part of one.
	if x, y := scrolled(); math.Abs(x-left) >= 1 || math.Abs(y-top) >= 1 {
		t.Errorf("the seats stood at %.3f %.3f and stand at %.3f %.3f", left, top, x, y)
	}
	if on, _ := v.seat("B", 2).IsChecked(); !on {
		t.Error("the seat that is still free is not chosen any more")
	}
	if on, _ := v.seat("B", 3).IsChecked(); on {
		t.Error("the seat that has gone is still chosen")
	}
	// Side by side again, by one click.
	offer := v.Locator("#lost button")
	v.waits(offer)
	words, err := offer.TextContent()
	v.must(err)
	if words != "Take row B, seats 1 and 2 instead" && words != "Take row A, seats 2 and 3 instead" && words != "Take row C, seats 2 and 3 instead" {
		t.Errorf("the offer is %q", words)
	}
	v.must(offer.Click())
	if n, _ := v.Locator("#seatmap input:checked").Count(); n != 2 || v.text("#hold") != "Hold 2 seats" {
		t.Errorf("%d seats are chosen after it: %s", n, v.text("#chosen"))
	}
	// What comes back is free again.
	s.api(t, "DELETE", "/claims/"+claim, bearer, nil).want(204)
	v.state("B", 4, "f")
	still()
	v.must(v.Locator("#hold").Click())
	v.sees("Pay for your seats")
	s.audited(t)
}

func seatsWithoutStream(t *testing.T, b *browser) {
	s := b.product.newShow(t, "no-stream", 0, seated)
	v := b.known(t, "looks-poll@example.test", true)
	v.must(v.AddInitScript(playwright.Script{Content: playwright.String("delete window.EventSource")}))
	v.joins(s)
	v.turns()
	v.click("button", "Come in and choose tickets")
	v.open("/events/" + s.slug + "/tickets?section=left")
	still := v.marked()
	s.take(t, "takes-poll@example.test", "D1", "D2")
	v.state("D", 1, "h")
	still()
	// The overview, with a stream.
	o := v.another()
	o.open("/events/" + s.slug + "/tickets")
	o.waits(o.GetByText("30 left").First())
	s.take(t, "more-poll@example.test", "D3", "D4")
	o.waits(o.GetByText("28 left").First())
}

func seatsByKeyboard(t *testing.T, b *browser) {
	s := b.product.newShow(t, "seat-keys", 0, seated)
	s.take(t, "takes-keys@example.test", "B1", "B2", "B3")
	v := b.inSection(t, s, "keys@example.test")
	on := func(want string) {
		t.Helper()
		label, err := v.Evaluate(`() => document.activeElement.getAttribute("aria-label")`)
		v.must(err)
		if !strings.Contains(fmt.Sprint(label), want) {
			t.Fatalf("the focus is on %v, want %s", label, want)
		}
	}
	if n, _ := v.Locator(`#seatmap input[tabindex="0"]`).Count(); n != 1 {
		t.Errorf("%d seats are stops of the Tab key, want 1", n)
	}
	v.must(v.seat("A", 1).Focus())
	for _, step := range [][2]string{
		{"ArrowRight", "row A, seat 2,"}, {"ArrowDown", "row B, seat 2, ₦15,000; held"}, {"ArrowRight", "row B, seat 3,"}, {"ArrowUp", "row A, seat 3,"},
		{"End", "row A, seat 8,"}, {"ArrowRight", "row A, seat 8,"}, {"Control+End", "row D, seat 8,"}, {"Home", "row D, seat 1,"}, {"Control+Home", "row A, seat 1,"}, {"ArrowUp", "row A, seat 1,"},
	} {
		v.must(v.Keyboard().Press(step[0]))
		on(step[1])
	}
	v.must(v.Keyboard().Press("Space"))
	v.must(v.Keyboard().Press("ArrowRight"))
	v.must(v.Keyboard().Press("Enter"))
	if got := v.text("#chosen"); got != "Row A, seats 1 and 2" {
		t.Errorf("chosen: %q", got)
	}
	// Held seats can be read and not be taken.
	v.must(v.Keyboard().Press("ArrowDown"))
	v.must(v.Keyboard().Press("Space"))
	on("row B, seat 2,")
	if got := v.text("#chosen"); got != "Row A, seats 1 and 2" {
		t.Errorf("chosen after a held one: %q", got)
	}
	// A seat that would be left alone is told before anything is sent.
	v.must(v.Keyboard().Press("Home"))
	v.must(v.seat("A", 1).Uncheck())
	if hint := v.text("#total"); !strings.Contains(hint, "Seat 1 would be left alone") {
		t.Errorf("the hint is %q", hint)
	}
}

func partyByOneTap(t *testing.T, b *browser) {
	s := b.product.newShow(t, "party", 0, seated)
	v := b.inSection(t, s, "party@example.test")
	_, err := v.Locator("#party").SelectOption(playwright.SelectOptionValues{Values: playwright.StringSlice("3")})
	v.must(err)
	v.must(v.seat("C", 5).Click())
	names := v.text("#chosen")
	if n, _ := v.Locator("#seatmap input:checked").Count(); n != 3 || !strings.HasPrefix(names, "Row C, seats ") || !strings.Contains(names, "5") {
		t.Errorf("one tap chose %d: %s", n, names)
	}
	if total := v.text("#total"); total != "3 seats, ₦45,000" {
		t.Errorf("they cost %q", total)
	}
	width := func() int {
		w, err := v.Locator("#seatmap").GetAttribute("width")
		v.must(err)
		n, _ := strconv.Atoi(w)
		return n
	}
	before := width()
	v.must(v.Locator("[data-zoom=in]").Click())
	if after := width(); after <= before {
		t.Errorf("the map is %d wide after it was made larger, and was %d", after, before)
	}
	if n, _ := v.Locator("#seatmap input:checked").Count(); n != 3 {
		t.Errorf("%d seats are chosen after that", n)
	}
	// No more than one may take.
	_, err = v.Locator("#party").SelectOption(playwright.SelectOptionValues{Values: playwright.StringSlice("1")})
	v.must(err)
	v.must(v.seat("D", 1).Click())
	v.must(v.seat("D", 2).Click())
	if n, _ := v.Locator("#seatmap input:checked").Count(); n != 4 {
		t.Errorf("%d seats are chosen of 4 at most", n)
	}
}

// left is what the clock of a page shows, in seconds.
func (v *person) left() int {
	v.t.Helper()
	return clockOf(v.t, v.text("[role=timer]"))
}

func clockOf(t testing.TB, text string) int {
	t.Helper()
	m := regexp.MustCompile(`(\d+):(\d\d)`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no clock in %q", text)
	}
	minutes, _ := strconv.Atoi(m[1])
	seconds, _ := strconv.Atoi(m[2])
	return 60*minutes + seconds
}

// holding brings somebody to the checkout with tickets of general admission.
func (b *browser) holding(t *testing.T, s *show, email string) *person {
	t.Helper()
	v := b.known(t, email, true)
	v.joins(s)
	v.turns()
	v.click("button", "Come in and choose tickets")
	v.sees("Choose your tickets")
	v.hold(2)
	return v
}

// lasts sets how much time is left of the only hold, in seconds, and from when on it may not grow any more.
func (s *show) lasts(seconds, capSeconds float64) {
	s.t.Helper()
	s.exec(`UPDATE claims SET expires_at = now() + make_interval(secs => $2), cap_at = now() + make_interval(secs => $3) WHERE event_id = $1`, s.id, seconds, capSeconds)
	s.exec(`UPDATE units SET held_until = (SELECT expires_at FROM claims WHERE id = claim_id) WHERE event_id = $1 AND state = 'held'`, s.id)
}

// wrongClock looks at a hold on phones whose clocks are wrong, one of them being set right meanwhile.
func wrongClock(t *testing.T, b *browser) {
	s := b.product.newShow(t, "wrong-clock", 20, nil)
	for i, hours := range []int{1, -1} {
		v := b.visit(t, true)
		v.must(v.AddInitScript(playwright.Script{Content: playwright.String(fmt.Sprintf(`
			const Right = Date;
			window.wrong = %d * 3600000;
			Date = class extends Right { constructor(...a) { if (a.length) super(...a); else super(Right.now() + window.wrong); } static now() { return Right.now() + window.wrong; } };`, hours))}))
		v.is(fmt.Sprintf("clock-%d@example.test", i))
		v.joins(s)
		v.turns()
		v.click("button", "Come in and choose tickets")
		if left := v.left(); left < 540 || left > 600 {
			t.Errorf("a phone %d h wrong shows %d s to choose", hours, left)
		}
		v.hold(2)
		v.titled("Pay ₦30,000")
		if left := v.left(); left < 540 || left > 600 {
			t.Errorf("a phone %d h wrong shows %d s to pay", hours, left)
		}
		var title string
		v.p.until("the title has a clock", func() bool {
			var err error
			title, err = v.Title()
			v.must(err)
			return regexp.MustCompile(`\d+:\d\d`).MatchString(title)
		})
		if left := clockOf(t, title); left < 540 || left > 600 {
			t.Errorf("the title is %q", title)
		}
		_, err := v.Evaluate(`() => { window.wrong = 0 }`)
		v.must(err)
		before := v.text("[role=timer]")
		v.p.until("the clock goes on", func() bool { return v.text("[role=timer]") != before })
		if left := v.left(); left < 530 || left > 600 {
			t.Errorf("once its clock was set right it shows %d s to pay", left)
		}
	}
}

func moreTime(t *testing.T, b *browser) {
	s := b.product.newShow(t, "more-time", 10, nil)
	v := b.holding(t, s, "more-time@example.test")
	v.reads("Need longer? From")
	s.lasts(110, 1500)
	v.reload()
	other := v.another()
	other.open(v.URL())
	still, also := v.marked(), other.marked()
	v.fill("Your name", "Jọláadé")
	v.p.until("it is said that time is short", func() bool { return strings.Contains(v.text("#say"), "Little time left") })
	v.waits(v.GetByText("Your 2 tickets go back soon."))
	v.click("button", "Give me 10 minutes more")
	v.p.until("there is more time", func() bool { return v.left() > 560 })
	other.p.until("the other tab agrees", func() bool { return other.left() > 560 })
	if name, err := v.GetByLabel("Your name").InputValue(); err != nil || name != "Jọláadé" {
		t.Errorf("the name is %q: %v", name, err)
	}
	still()
	also()
	// Up to the cap, and no further.
	s.lasts(100, 160)
	v.reload()
	v.must(v.GetByRole("button", playwright.PageGetByRoleOptions{Name: regexp.MustCompile(`^Keep them until \d\d:\d\d$`)}).Click())
	v.reads("is the longest we can keep the tickets for you")
	if left := v.left(); left < 110 || left > 160 {
		t.Errorf("%d s left at the cap", left)
	}
	// The name that was typed stands on the tickets.
	v.goesToPay("Pay ₦30,000")
	v.payWith(goodCard, goodCVV)
	v.sees("You are going")
	if n := v.p.count(`SELECT count(*) FROM tickets WHERE event_id = $1 AND holder_name = 'Jọláadé'`, s.id); n != 2 {
		t.Errorf("%d tickets bear the name", n)
	}
	other.p.until("the other tab knows", func() bool { return strings.Contains(other.text("main h1"), "You are going") })
	s.audited(t)
}

func holdEndsWhileTyping(t *testing.T, b *browser) {
	s := b.product.newShow(t, "typing", 10, nil)
	v := b.holding(t, s, "typing@example.test")
	s.lasts(4, 1500)
	v.reload()
	still := v.marked()
	name := v.GetByLabel("Your name")
	if guess, err := name.InputValue(); err != nil || guess != "Typing" {
		t.Errorf("the name read out of the address is %q, %v", guess, err)
	}
	v.must(name.Clear())
	v.must(name.PressSequentially("Ọlá"))
	v.reads("Time to pay has run out, and the tickets went back")
	v.must(name.PressSequentially(" Bello"))
	still()
	v.titled("Time to pay has run out")
	v.sees("The tickets went back")
	if focused, err := name.Evaluate(`el => el === document.activeElement`, nil); err != nil || focused != true {
		t.Errorf("the field lost the focus: %v", err)
	}
	v.must(v.Locator("[data-pay] button").Click(playwright.LocatorClickOptions{Force: playwright.Bool(true)}))
	still()
	if n := s.count(`SELECT count(*) FROM payments WHERE event_id = $1`, s.id); n != 0 {
		t.Errorf("%d payments of what went back", n)
	}
	v.click("link", "Choose again")
	v.sees("Choose your tickets")
	v.hold(1)
	if got, err := v.GetByLabel("Your name").InputValue(); err != nil || got != "Ọlá Bello" {
		t.Errorf("the name was not kept: %q %v", got, err)
	}
	s.audited(t)
}

func givingBack(t *testing.T, b *browser) {
	s := b.product.newShow(t, "give-back", 10, nil)
	v := b.holding(t, s, "give-back@example.test")
	other := v.another()
	other.open(v.URL())
	v.click("link", "Give the tickets back")
	ask := v.Locator("#give-back")
	v.waits(ask)
	v.must(ask.GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Keep them"}).Click())
	v.gone(ask)
	v.click("link", "Give the tickets back")
	v.must(ask.GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Give them back"}).Click())
	v.sees("You gave the tickets back")
	other.sees("You gave the tickets back")
	// Back shows what is true now.
	v.click("link", "Choose again")
	v.hold(2)
	v.click("link", "Choose others in place of them")
	v.sees("Change your tickets")
	_, err := v.GoBack()
	v.must(err)
	v.sees("Pay for your tickets")
	s.lasts(-1, 1500)
	v.click("link", "How we keep it fair")
	_, err = v.GoBack()
	v.must(err)
	v.p.until("back says that the time is over", func() bool { return strings.Contains(v.text("main"), "went back") })
	s.audited(t)
}
