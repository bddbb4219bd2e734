package views_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"fairqueue/static"
	"fairqueue/views"
)

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := c.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func parse(t *testing.T, page string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// all elements for which ok holds.
func all(root *html.Node, ok func(*html.Node) bool) (found []*html.Node) {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && ok(n) {
			found = append(found, n)
		}
	}
	return found
}

func tag(names ...string) func(*html.Node) bool {
	return func(n *html.Node) bool { return slices.Contains(names, n.Data) }
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func within(n *html.Node, name string) bool {
	for p := range n.Ancestors() {
		if p.Type == html.ElementNode && p.Data == name {
			return true
		}
	}
	return false
}

// everyPage runs f on each view of the gallery.
func everyPage(t *testing.T, f func(t *testing.T, page string, root *html.Node)) {
	t.Parallel()
	names := map[string]bool{}
	for _, e := range views.Gallery() {
		if names[e.Name] {
			t.Errorf("two entries are named %s", e.Name)
		}
		names[e.Name] = true
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			page := render(t, e.Page(views.Frame{Theme: views.ThemeNight}))
			f(t, page, parse(t, page))
		})
	}
}

// The policy forbids what stands in the page itself, so none of it may.
func TestPagesHoldUnderTheContentSecurityPolicy(t *testing.T) {
	everyPage(t, func(t *testing.T, _ string, root *html.Node) {
		for _, n := range all(root, func(*html.Node) bool { return true }) {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
				if slices.Contains([]string{"href", "src", "action"}, a.Key) {
					if strings.HasPrefix(a.Val, "javascript:") || a.Val == "" {
						t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
					}
					if strings.Contains(a.Val, "//") && !strings.HasPrefix(a.Val, "https://checkout.paystack.example/") {
						t.Errorf("<%s %s=%q> leads to another host", n.Data, a.Key, a.Val)
					}
				}
			}
			if n.Data == "style" || n.Data == "script" && n.FirstChild != nil {
				t.Errorf("<%s> with content", n.Data)
			}
		}
	})
}

func TestPagesAreWellMade(t *testing.T) {
	everyPage(t, func(t *testing.T, page string, root *html.Node) {
		if h := all(root, tag("h1")); len(h) != 1 || text(h[0]) == "" {
			t.Errorf("%d first headings", len(h))
		}
		if titles := all(root, func(n *html.Node) bool { return n.Data == "title" && !within(n, "svg") }); len(titles) != 1 || !strings.HasSuffix(text(titles[0]), " – FairQueue") {
			t.Error("title is missing, doubled or lacks the product's name")
		}
		if len(all(root, tag("main"))) != 1 || len(all(root, tag("footer"))) != 1 {
			t.Error("main or footer is missing or doubled")
		}
		ids := map[string]bool{}
		for _, n := range all(root, func(*html.Node) bool { return true }) {
			if id, ok := attr(n, "id"); ok {
				if ids[id] || id == "" {
					t.Errorf("id %q stands twice or is empty", id)
				}
				ids[id] = true
			}
		}
		for _, n := range all(root, func(*html.Node) bool { return true }) {
			for _, name := range []string{"for", "aria-labelledby", "aria-describedby", "data-dialog", "data-for"} {
				v, _ := attr(n, name)
				for id := range strings.FieldsSeq(v) {
					if !ids[id] {
						t.Errorf("<%s %s=%q> points to nothing", n.Data, name, id)
					}
				}
			}
			if href, _ := attr(n, "href"); strings.HasPrefix(href, "#") && !ids[href[1:]] {
				t.Errorf("link to %q, which is not on the page", href)
			}
			if role, _ := attr(n, "role"); role == "img" {
				if label, _ := attr(n, "aria-label"); label == "" {
					t.Error("a picture without words")
				}
			}
		}
		if strings.Contains(page, "%!") || strings.Contains(page, "0001") {
			t.Error("a value did not reach the page")
		}
	})
}

func TestEveryFieldHasALabelAndEveryButtonWords(t *testing.T) {
	everyPage(t, func(t *testing.T, _ string, root *html.Node) {
		labels := map[string]bool{}
		for _, n := range all(root, tag("label")) {
			if v, ok := attr(n, "for"); ok && text(n) != "" {
				labels[v] = true
			}
		}
		for _, n := range all(root, tag("input", "select", "textarea", "progress")) {
			if kind, _ := attr(n, "type"); kind == "hidden" {
				continue
			}
			id, _ := attr(n, "id")
			aria, _ := attr(n, "aria-label")
			if !labels[id] && aria == "" && !within(n, "label") {
				t.Errorf("<%s id=%q> has no label", n.Data, id)
			}
			if invalid, _ := attr(n, "aria-invalid"); invalid == "true" {
				if by, _ := attr(n, "aria-describedby"); !strings.Contains(by, "-e") {
					t.Errorf("<%s id=%q> is wrong and does not say why", n.Data, id)
				}
			}
		}
		for _, n := range all(root, tag("button", "a")) {
			if aria, _ := attr(n, "aria-label"); text(n) == "" && aria == "" {
				t.Errorf("a <%s> without words", n.Data)
			}
		}
		for _, n := range all(root, tag("form")) {
			method, _ := attr(n, "method")
			action, _ := attr(n, "action")
			if method != "dialog" && (method == "" || !strings.HasPrefix(action, "/")) {
				t.Errorf("form with method %q to %q", method, action)
			}
		}
	})
}

func TestPagesLoadOnlyFilesThatAreServed(t *testing.T) {
	everyPage(t, func(t *testing.T, _ string, root *html.Node) {
		for _, n := range all(root, tag("link", "script")) {
			for _, name := range []string{"href", "src"} {
				if url, ok := attr(n, name); ok {
					w := httptest.NewRecorder()
					static.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
					if w.Code != http.StatusOK {
						t.Errorf("%s: %d", url, w.Code)
					}
				}
			}
		}
	})
}

// No page says what the tone of the design leaves out.
func TestTone(t *testing.T) {
	everyPage(t, func(t *testing.T, _ string, root *html.Node) {
		words := text(all(root, tag("body"))[0])
		for _, bad := range []string{"!", "Oops", "Something went wrong", "invalid", "Error", "null", "undefined", "<nil>"} {
			if strings.Contains(words, bad) {
				t.Errorf("the page says %q", bad)
			}
		}
	})
}

var now = time.Date(2026, 11, 20, 11, 21, 40, 0, time.UTC)

func frame() views.Frame { return views.Frame{Name: "Ada", Now: now, Path: "/x"} }

func event(state views.SaleState) views.EventInfo {
	return views.EventInfo{
		ID: "e1", Slug: "show", Name: "Show", Venue: "Hall, Lagos", Zone: time.FixedZone("Africa/Lagos", 3600), StartsAt: now.AddDate(0, 0, 9),
		State: state, LobbyOpensAt: now.Add(-time.Hour), OpensAt: now.Add(-time.Minute), ClosesAt: now.AddDate(0, 0, 8), Limit: 4, Draw: true,
	}
}

func waiting(status views.SpotStatus) views.WaitingView {
	return views.WaitingView{
		Event: event(views.SaleOpen), Status: status, Number: 47, Ahead: 5, Serving: 41, HasEta: true, EtaLow: time.Minute, EtaHigh: 3 * time.Minute,
		Until: now.Add(107 * time.Second), Turn: 2 * time.Minute, Visit: 10 * time.Minute, Grace: 10 * time.Minute, PollAfter: 4 * time.Second,
		Tiers: []views.TierInfo{{ID: "t", Name: "Floor", Price: 2500000, Capacity: 100, Available: 60}},
	}
}

func find(t *testing.T, root *html.Node, id string) *html.Node {
	t.Helper()
	n := all(root, func(n *html.Node) bool { v, _ := attr(n, "id"); return v == id })
	if len(n) != 1 {
		t.Fatalf("%d elements with id %s", len(n), id)
	}
	return n[0]
}

func TestWaitingRoomShowsNumberAheadAndEstimate(t *testing.T) {
	t.Parallel()
	root := parse(t, render(t, views.WaitingPage(frame(), waiting(views.SpotWaiting))))
	for id, want := range map[string]string{"ahead": "5", "serving": "41", "eta": "12:22–12:24"} {
		if got := text(find(t, root, id)); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	live := find(t, root, "live")
	for name, want := range map[string]string{"data-behind": "46", "data-poll": "4000", "data-status": "waiting", "data-url": "/events/show/queue/live", "data-stream": "/api/v1/events/e1/queue/stream", "data-now": fmt.Sprint(now.UnixMilli())} {
		if got, _ := attr(live, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if n := all(root, tag("noscript")); len(n) != 1 || !strings.Contains(render(t, views.WaitingPage(frame(), waiting(views.SpotWaiting))), `http-equiv="refresh" content="5;url=/events/show/queue"`) {
		t.Error("nothing loads the page again without JavaScript")
	}
}

// The first load and every later one are the same markup.
func TestWaitingLiveIsThePartOfThePage(t *testing.T) {
	t.Parallel()
	for _, s := range []views.SpotStatus{views.SpotNone, views.SpotLobby, views.SpotWaiting, views.SpotCalled, views.SpotInside, views.SpotMissed, views.SpotLeft, views.SpotDone} {
		v := waiting(s)
		part := render(t, views.WaitingLive(frame(), v))
		if !strings.Contains(render(t, views.WaitingPage(frame(), v)), part) {
			t.Errorf("%q: the part differs from the page", s)
		}
		if root := parse(t, part); len(all(root, tag("h1"))) != 1 {
			t.Errorf("%q: the part does not carry the heading", s)
		}
	}
}

func TestYourTurnFillsThePage(t *testing.T) {
	t.Parallel()
	page := render(t, views.WaitingPage(frame(), waiting(views.SpotCalled)))
	root := parse(t, page)
	if class, _ := attr(all(root, tag("body"))[0], "class"); class != "turn" {
		t.Errorf("body class %q", class)
	}
	enter := all(root, func(n *html.Node) bool { a, _ := attr(n, "action"); return a == "/events/show/enter" })
	if len(enter) != 1 {
		t.Fatal("no way in")
	}
	if !strings.Contains(text(find(t, root, "live")), "01:47") || !strings.Contains(page, "Until 12:23:27") {
		t.Error("the time to come in is missing, as a span or as a clock time")
	}
}

// A fan who asked for another turn stands at the end: the page must not subtract.
func TestAnotherTurnIsNotSubtracted(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotWaiting)
	v.Number, v.Ahead, v.Again = 12, 900, true
	if got, _ := attr(find(t, parse(t, render(t, views.WaitingLive(frame(), v))), "live"), "data-behind"); got != "0" {
		t.Errorf("data-behind is %q", got)
	}
}

func TestWhoComesBackAfterAMissedTurnIsNext(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotWaiting)
	v.Again, v.Next, v.Ahead = true, true, 0
	page := text(parse(t, render(t, views.WaitingPage(frame(), v))))
	if !strings.Contains(page, "You are next.") || strings.Contains(page, "You stand behind") {
		t.Errorf("a missed turn that was asked for again is shown as %q", page)
	}
}

func TestWhoWasNeverCalledHadNoTurn(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotDone)
	v.Event.State, v.Number, v.Serving = views.SaleEnded, 4, 3
	page := text(parse(t, render(t, views.WaitingPage(frame(), v))))
	if !strings.Contains(page, "We called up to number 3, and yours is 4.") || strings.Contains(page, "Your turn is over") {
		t.Errorf("a fan whom nobody called reads %q", page)
	}
}

func TestAVisitCanBeEnded(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotInside)
	v.Tickets = 1
	leave := func(v views.WaitingView) bool {
		return strings.Contains(render(t, views.WaitingPage(frame(), v)), "Let the next fan in")
	}
	if !leave(v) {
		t.Error("a fan who has what they want cannot let the next one in")
	}
	v.Checkout = "/checkout/1"
	if leave(v) {
		t.Error("a fan with an open claim is asked to leave")
	}
}

// Without a lobby there is nobody to draw among.
func TestOnlyALobbyIsDrawn(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotLobby)
	v.Event = event(views.SaleLobby)
	v.Event.OpensAt, v.Number = now.Add(time.Minute), 0
	for _, page := range []string{render(t, views.EventPage(frame(), views.EventView{Event: v.Event})), render(t, views.WaitingPage(frame(), v))} {
		if !strings.Contains(page, "same chance") && !strings.Contains(page, "The draw is at 12:22") {
			t.Error("a draw is not announced")
		}
	}
	e := event(views.SaleScheduled)
	e.OpensAt, e.LobbyOpensAt = now.Add(time.Minute), time.Time{}
	if page := render(t, views.EventPage(frame(), views.EventView{Event: e})); strings.Contains(page, "same chance") || !strings.Contains(page, "in the order of joining") {
		t.Error("a draw without a lobby promises a chance that nobody has")
	}
}

func TestCheckoutOffersWhatIsPossible(t *testing.T) {
	t.Parallel()
	for state, want := range map[views.CheckoutState][]string{
		views.CheckoutHeld:      {"/checkout/c/pay", "/checkout/c/release"},
		views.CheckoutFailed:    {"/checkout/c/pay", "/checkout/c/release"},
		views.CheckoutUsedUp:    {"/events/show/again"}, // giving back only is a link to the question
		views.CheckoutPaying:    {"/checkout/c/release"},
		views.CheckoutBank:      nil,
		views.CheckoutPaid:      nil,
		views.CheckoutExpired:   nil,
		views.CheckoutReleased:  nil,
		views.CheckoutRefundDue: nil,
		views.CheckoutRefunded:  nil,
	} {
		v := views.CheckoutView{Event: event(views.SaleOpen), ClaimID: "c", State: state, Total: 5000000, ExpiresAt: now.Add(time.Minute), Hold: 10 * time.Minute, Lines: []views.OrderLine{{Tier: "Floor", Quantity: 2, Price: 2500000}}}
		var got []string
		for _, n := range all(parse(t, render(t, views.CheckoutPage(frame(), v))), tag("form")) {
			if a, _ := attr(n, "action"); strings.HasPrefix(a, "/checkout/") || strings.HasPrefix(a, "/events/") {
				got = append(got, a)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: forms %v, want %v", state, got, want)
		}
	}
}

func TestChoiceNeverOffersMoreThanTheFanMayTake(t *testing.T) {
	t.Parallel()
	v := views.ChooseView{Event: event(views.SaleOpen), Until: now.Add(time.Minute), CanTake: 3, Quantity: 9, TierID: "gone", Tiers: []views.TierInfo{{ID: "gone", Name: "A", Capacity: 5}, {ID: "b", Name: "B", Capacity: 5, Available: 5}}}
	root := parse(t, render(t, views.ChoosePage(frame(), v)))
	checked := map[string]string{}
	n := 0
	for _, in := range all(root, tag("input")) {
		name, _ := attr(in, "name")
		value, _ := attr(in, "value")
		if name == "quantity" {
			n++
		}
		if _, ok := attr(in, "checked"); ok {
			checked[name] = value
		}
		if _, off := attr(in, "disabled"); value == "gone" && !off {
			t.Error("a tier with nothing left can be chosen")
		}
	}
	if n != 3 || checked["quantity"] != "3" || checked["tier_id"] != "b" {
		t.Errorf("%d quantities, chosen %v", n, checked)
	}
}

func TestTicketDrawsTheCodeAsOnePath(t *testing.T) {
	t.Parallel()
	v := views.TicketView{Ticket: views.TicketInfo{Event: event(views.SaleOpen), Status: views.TicketValid, Tier: "Floor"}, Index: 1, Of: 1, QR: [][]bool{{true, true, false}, {false, false, true}, {false, false, false}}}
	page := render(t, views.TicketPage(frame(), v))
	if !strings.Contains(page, `d="M0 0h2v1h-2zM2 1h1v1h-1z"`) || !strings.Contains(page, `viewBox="-4 -4 11 11"`) {
		t.Error("the code is not drawn from its modules")
	}
	v.Ticket.Status = views.TicketUsed
	if strings.Contains(render(t, views.TicketPage(frame(), v)), `class="qr"`) {
		t.Error("a used ticket still shows its code")
	}
}

// What people typed is text, whatever it looks like.
func TestNothingTypedBecomesMarkup(t *testing.T) {
	t.Parallel()
	const bad = `<script>alert(1)</script>"'`
	e := event(views.SaleOpen)
	e.Name, e.Venue, e.Message = bad, bad, bad
	v := waiting(views.SpotLobby)
	v.Event, v.Beacon, v.Event.Held, v.Number = e, bad, true, 0
	for _, page := range []string{
		render(t, views.WaitingPage(views.Frame{Name: bad, Path: bad, Now: now}, v)),
		render(t, views.EventPage(frame(), views.EventView{Event: e})),
		render(t, views.SignInPage(frame(), views.SignInView{Email: bad, Next: bad, Error: bad})),
		render(t, views.ErrorPage(frame(), views.ErrorView{Title: bad, Text: bad, URL: "javascript:alert(1)"})),
	} {
		if strings.Contains(page, "<script>alert") || strings.Contains(page, `"javascript:`) {
			t.Error("typed text became markup")
		}
	}
}

// With everything a phone needs for the first time, over the wire.
func TestFirstLoadOfTheWaitingRoomIsSmall(t *testing.T) {
	t.Parallel()
	var page string
	for _, e := range views.Gallery() {
		if e.Name == "waiting-number" {
			page = render(t, e.Page(views.Frame{}))
		}
	}
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write([]byte(page))
	_ = w.Close()
	total := z.Len()
	for _, name := range []string{"fq.css", "anton-fq.woff2", "htmx.js", "page.js", "waiting.js", "icon.svg"} {
		r := httptest.NewRequest(http.MethodGet, static.URL(name), nil)
		r.Header.Set("Accept-Encoding", "gzip")
		rec := httptest.NewRecorder()
		static.Handler().ServeHTTP(rec, r)
		total += rec.Body.Len()
	}
	if total > 60_000 {
		t.Errorf("%d bytes, at most 60,000", total)
	}
	t.Logf("first load: %d bytes, of it the page %d", total, z.Len())
}
