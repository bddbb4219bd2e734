package e2e_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// known is a device on which somebody is signed in already.
func (b *browser) known(t testing.TB, email string, javaScript bool) *person {
	t.Helper()
	v := b.visit(t, javaScript)
	v.is(email)
	return v
}

// is signs somebody in on a device, in place of whoever was.
func (v *person) is(email string) {
	v.t.Helper()
	_, cookie := v.p.signedIn(email)
	v.must(v.context.AddCookies([]playwright.OptionalCookie{{Name: "fq_session", Value: cookie, URL: playwright.String(v.p.url)}}))
}

// another is the same person at another tab of the device.
func (v *person) another() *person {
	v.t.Helper()
	return &person{Page: v.tab(), t: v.t, p: v.p, context: v.context}
}

// joins goes from the event's page into the line.
func (v *person) joins(s *show) {
	v.t.Helper()
	v.open("/events/" + s.slug)
	v.must(v.Locator(`form[action$="/queue"] button`).First().Click())
	v.waits(v.Locator("#live[data-status]:not([data-status=''])"))
}

// stands waits until the waiting room shows a status, without loading it anew.
func (v *person) stands(status string) {
	v.t.Helper()
	v.waits(v.Locator(`#live[data-status="` + status + `"]`))
}

// given waits for the number of the draw, wherever the fan stands by then.
func (v *person) given() string {
	v.t.Helper()
	v.waits(v.Locator(`#live[data-number]:not([data-number="0"])`))
	n, err := v.Locator("#live").GetAttribute("data-number")
	v.must(err)
	return n
}

// ahead waits until the page says that so many are ahead.
func (v *person) ahead(n string) {
	v.t.Helper()
	v.waits(v.Locator("#ahead", playwright.PageLocatorOptions{HasText: n}))
}

// titled waits for the title of a page, which says in the list of tabs what happened there.
func (v *person) titled(has string) {
	v.t.Helper()
	v.p.until("the title says "+has, func() bool {
		title, err := v.Title()
		v.must(err)
		return strings.Contains(title, has)
	})
}

// marked writes on a page what a load would wipe off; the function that it returns fails the test if it is gone.
func (v *person) marked() (still func()) {
	v.t.Helper()
	_, err := v.Evaluate("() => { window.mark = true }")
	v.must(err)
	return func() {
		v.t.Helper()
		if there, err := v.Evaluate("() => window.mark === true"); err != nil || there != true {
			v.t.Errorf("the page was loaded anew: %v %v", there, err)
		}
	}
}

// counts is how many requests of a device went to paths with an end.
func (v *person) counts(end string) *atomic.Int32 {
	n := new(atomic.Int32)
	v.context.OnRequest(func(r playwright.Request) {
		if strings.HasSuffix(r.URL(), end) {
			n.Add(1)
		}
	})
	return n
}

// room sets how many may be inside: each more is one number further.
func (s *show) room(t testing.TB, n int) {
	t.Helper()
	s.api(t, "PATCH", "/organizer/events/"+s.id+"/sale", s.asOrganizer(), map[string]any{"max_inside": n}).want(200)
}

// do is what an organizer does with the sale.
func (s *show) do(t testing.TB, what string) {
	t.Helper()
	s.api(t, "POST", "/organizer/events/"+s.id+"/"+what, s.asOrganizer(), nil).want(200, 202)
}

// stand brings n fans into the line, in this order.
func (s *show) stand(t testing.TB, n int) (tokens []string) {
	t.Helper()
	for _, f := range s.fans(n) {
		s.api(t, "POST", "/events/"+s.id+"/queue", f.Token, nil).want(201)
		tokens = append(tokens, f.Token)
	}
	return tokens
}

// narrow is a sale where one fan is inside at a time.
func narrow(body map[string]any) { body["sale"].(map[string]any)["max_inside"] = 1 }

// The number that is called moves on the page by what everybody hears, on every device of a fan; a tab that was closed
// comes back to the same place, with what went on meanwhile.
func numberMoves(t *testing.T, b *browser) {
	s := b.product.newShow(t, "moves", 50, narrow)
	s.stand(t, 8)
	const email = "kemi-moves@example.test"
	phone, laptop := b.known(t, email, true), b.known(t, email, true)
	asked := phone.counts("/queue/live")
	phone.joins(s)
	phone.ahead("7")
	laptop.open("/events/" + s.slug + "/queue")
	laptop.ahead("7")
	still := phone.marked()
	before := asked.Load()
	s.room(t, 3)
	phone.ahead("5")
	laptop.ahead("5")
	phone.titled("5 ahead")
	still()
	if n := asked.Load() - before; n > 0 {
		t.Errorf("the page asked %d times for what everybody hears", n)
	}
	if got, err := phone.Locator("#serving").InnerText(); err != nil || got != "3" {
		t.Errorf("the number that is called now is %q: %v", got, err)
	}

	phone.must(phone.Close())
	s.room(t, 5)
	laptop.ahead("3")
	again := phone.another()
	again.open("/events/" + s.slug + "/queue")
	if n := again.number(); n != "9" {
		t.Errorf("number %q in the tab that was opened again, want 9", n)
	}
	again.ahead("3")
	s.room(t, 9)
	again.turns()
	laptop.turns()
	s.audited(t)
}

// Without a signal the page says so and keeps what it knows; when the signal is back it goes on by itself.
func networkIsCut(t *testing.T, b *browser) {
	s := b.product.newShow(t, "cut", 50, narrow)
	s.stand(t, 4)
	v := b.known(t, "lola-cut@example.test", true)
	v.joins(s)
	v.ahead("3")
	still := v.marked()
	v.must(v.context.SetOffline(true))
	v.waits(v.Locator("#trouble").GetByText("Your place is safe on our side").First())
	if n := v.number(); n != "5" {
		t.Errorf("without a signal the number is %q, want 5", n)
	}
	s.room(t, 3)
	s.until("the line moves", func() bool { return s.serving() == 3 })
	v.must(v.context.SetOffline(false))
	v.ahead("1")
	v.gone(v.Locator("#trouble [data-offline]"))
	// And again, while the turn comes.
	v.must(v.context.SetOffline(true))
	v.waits(v.Locator("#trouble").GetByText("Your place is safe on our side").First())
	s.room(t, 5)
	s.until("the turn comes", func() bool { return s.serving() == 5 })
	v.must(v.context.SetOffline(false))
	v.turns()
	still()
	s.audited(t)
}

// gone waits until something is not shown any more.
func (v *person) gone(l playwright.Locator) {
	v.t.Helper()
	if err := l.First().WaitFor(playwright.LocatorWaitForOptions{State: playwright.WaitForSelectorStateHidden}); err != nil {
		text, _ := v.Locator("main").InnerText()
		v.t.Fatalf("at %s: %v\nthe page says:\n%s", v.URL(), err, text)
	}
}

// A pause reaches who waits and whose turn it is, and so does its end; nobody is called meanwhile.
func pausedAndResumed(t *testing.T, b *browser) {
	s := b.product.newShow(t, "paused", 50, narrow)
	called, waits := b.known(t, "musa-paused@example.test", true), b.known(t, "ngozi-paused@example.test", true)
	called.joins(s)
	called.turns()
	waits.joins(s)
	waits.ahead("0")
	still := waits.marked()
	s.do(t, "pause")
	waits.reads("Nobody can pass you")
	waits.titled("Paused")
	called.reads("Your time does not run down")
	s.room(t, 2)
	if got, err := waits.Locator("#serving").InnerText(); err != nil || got != "1" {
		t.Errorf("in the pause the number that is called is %q: %v", got, err)
	}
	called.gone(called.GetByRole("timer"))
	called.click("button", "Come in and choose tickets")
	called.sees("Choose your tickets")
	if n := s.serving(); n != 1 {
		t.Errorf("the pause served up to %d", n)
	}
	s.do(t, "resume")
	waits.turns()
	still()
	s.audited(t)
}

// A fan who reads another page meanwhile hears of the turn from the title of the tab, and of all tabs of a browser one
// listens: browsers open six connections to a host.
func turnInAnotherTab(t *testing.T, b *browser) {
	s := b.product.newShow(t, "tabs", 50, narrow)
	s.stand(t, 3)
	first := b.known(t, "obi-tabs@example.test", true)
	streams := first.counts("/queue/stream")
	first.joins(s)
	first.ahead("2")
	b.product.until("the first tab listens", func() bool { return streams.Load() == 1 })
	second, third := first.another(), first.another()
	for _, v := range []*person{second, third} {
		v.open("/events/" + s.slug + "/queue")
		v.ahead("2")
	}
	polls := first.counts("/queue/live")
	s.room(t, 2)
	for _, v := range []*person{first, second, third} {
		v.ahead("1")
	}
	if n := polls.Load(); n > 0 {
		t.Errorf("the tabs asked %d times for what one of them hears", n)
	}
	if n := streams.Load(); n != 1 {
		t.Errorf("%d streams of one browser", n)
	}
	// The one that listens is closed: another takes over.
	first.must(first.Close())
	b.product.until("another tab listens", func() bool { return streams.Load() == 2 })
	reads := second.another()
	reads.open("/tickets")
	for _, v := range []*person{second, third} {
		v.background()
	}
	s.room(t, 4)
	for _, v := range []*person{second, third} {
		v.titled("Your turn")
		v.turns()
	}
	if n := streams.Load(); n != 2 {
		t.Errorf("%d streams were opened, want one in the first tab and one after it", n)
	}
	// Whoever comes in on one tab is inside on all.
	third.click("button", "Come in and choose tickets")
	third.sees("Choose your tickets")
	second.foreground()
	second.reload()
	second.titled("You are inside")
	s.audited(t)
}

// background tells a page what browsers tell those that are not looked at.
func (v *person) background() { v.hidden(true) }

func (v *person) foreground() { v.hidden(false) }

func (v *person) hidden(yes bool) {
	v.t.Helper()
	_, err := v.Evaluate(`yes => {
		Object.defineProperty(document, "hidden", { value: yes, configurable: true });
		Object.defineProperty(document, "visibilityState", { value: yes ? "hidden" : "visible", configurable: true });
		document.dispatchEvent(new Event("visibilitychange"));
	}`, yes)
	v.must(err)
}

// Of two people on one browser, one after the other, neither sees the place of the other: not in a tab that was left
// open, not by going back, and not where what the browser remembers of the first is still there.
func twoOnOneBrowser(t *testing.T, b *browser) {
	s := b.product.newShow(t, "shared", 50, narrow)
	s.stand(t, 1)
	one := b.known(t, "first-shared@example.test", true)
	one.joins(s)
	if n := one.number(); n != "2" {
		t.Fatalf("number %q, want 2", n)
	}
	cookies, err := one.context.Cookies()
	one.must(err)
	var remembered []playwright.OptionalCookie
	for _, c := range cookies {
		if strings.HasPrefix(c.Name, "fq_spot_") {
			remembered = append(remembered, c.ToOptionalCookie())
		}
	}
	if len(remembered) != 1 {
		t.Fatalf("the browser remembers %d places, want 1", len(remembered))
	}
	left := one.another()
	left.open("/events/" + s.slug + "/queue")
	left.ahead("0")
	one.open("/")
	one.click("button", "Sign out")
	one.waits(one.role("link", "Sign in"))
	// The tab that was left open shows nothing of the place any more.
	left.sees("You are signed out")
	left.titled("Signed out")
	s.stand(t, 1)

	two := one
	two.is("second-shared@example.test")
	two.must(two.context.AddCookies(remembered))
	two.open("/events/" + s.slug + "/queue")
	two.sees("You are not in the line yet")
	two.joins(s)
	if n := two.number(); n != "4" {
		t.Errorf("the second person's number is %q, want 4", n)
	}
	// Back, as far as the first person's page.
	_, err = left.GoBack()
	left.must(err)
	left.open("/events/" + s.slug + "/queue")
	if n := left.number(); n != "4" {
		t.Errorf("the tab of the first person shows the number %q, want 4", n)
	}
	two.must(two.context.AddCookies(remembered))
	two.reload()
	if n := two.number(); n != "4" {
		t.Errorf("with the first person's cookie the second sees the number %q, want 4", n)
	}
	// Both places are kept, each for its owner.
	two.must(two.context.ClearCookies())
	two.is("first-shared@example.test")
	two.open("/events/" + s.slug + "/queue")
	if n := two.number(); n != "2" {
		t.Errorf("the first person finds the number %q again, want 2", n)
	}
	s.audited(t)
}

// A sign-out ends what other tabs ask for within two seconds, also for somebody who kept the cookies.
func signOutEndsPolls(t *testing.T, b *browser) {
	s := b.product.newShow(t, "out", 50, narrow)
	s.stand(t, 1)
	v := b.known(t, "ruth-out@example.test", true)
	v.joins(s)
	v.ahead("0")
	cookies, err := v.context.Cookies()
	v.must(err)
	var kept []string
	for _, c := range cookies {
		kept = append(kept, c.Name+"="+c.Value)
	}
	live := func() int {
		return b.product.request(t, "GET", s.url+"/events/"+s.slug+"/queue/live", "", nil, map[string]string{"Cookie": strings.Join(kept, "; ")}).status
	}
	if got := live(); got != 200 {
		t.Fatalf("a poll with the kept cookies: %d", got)
	}
	other := v.another()
	other.open("/")
	other.click("button", "Sign out")
	other.waits(other.role("link", "Sign in"))
	out := time.Now()
	b.product.until("a poll with the kept cookies is refused", func() bool { return live() != 200 })
	if took := time.Since(out); took > behind+500*time.Millisecond {
		t.Errorf("polls were answered for %s after the sign-out", took)
	}
	v.sees("You are signed out")
	v.gone(v.Locator(".num"))
	if took := time.Since(out); took > behind+step/10 {
		t.Errorf("the place was shown for %s after the sign-out", took)
	}
	v.click("link", "Sign in")
	v.signIn("ruth-out@example.test")
	if n := v.number(); n != "2" {
		t.Errorf("number %q after signing in again, want 2", n)
	}
	s.audited(t)
}
