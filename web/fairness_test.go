package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	beacons "fairqueue/internal/beacon"
	"fairqueue/internal/sale"
	"fairqueue/static"
)

// drawn makes a sale with a draw and a lobby that is open.
func drawn(n *sale.NewSale) {
	opened := time.Now().Add(-time.Minute)
	n.Terms.Ordering, n.Terms.LobbyOpensAt, n.Terms.OpensAt = sale.Draw, &opened, time.Now().Add(time.Hour)
}

// beacon names a beacon whose rounds come when nobody knows.
func beacon(n *sale.NewSale) { n.Terms.BeaconName, n.Terms.BeaconRound = "Lagos lotto", 7 }

// data is an attribute of the check that the browser makes.
func (p *page) data(name string) string {
	p.t.Helper()
	box := find(p.doc, "#check")
	if len(box) != 1 {
		p.t.Fatalf("%d checks on the page", len(box))
	}
	return attr(box[0], "data-"+name)
}

func shaHex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// The page tells each step of a draw when it has happened, and what it proves.
func TestTheFairnessPageOfADraw(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("A draw", drawn)
	base := "/events/" + e.Event.Slug
	fan, other := s.fan("draws@fair.example"), s.fan("other@fair.example")
	for _, b := range []*browser{fan, other} {
		b.send(b.get(base), base+"/queue").status(http.StatusOK)
	}

	before := s.visitor().get(base+"/fairness").has("A secret was sealed", "The lobby closes", "Not yet")
	commitment := before.data("commitment")
	if len(commitment) != 64 || before.data("secret") != "" || before.data("seed") != "" || before.data("lobby") != "" {
		t.Errorf("before the draw: %q %q %q %q", commitment, before.data("secret"), before.data("seed"), before.data("lobby"))
	}
	if _, err := s.queue.Open(t.Context(), e.ID(), s.org.ID); err != nil {
		t.Fatal(err)
	}
	after := s.visitor().get(base+"/fairness").has("The lobby was closed", "2 people were in the lobby", "The numbers were drawn",
		"whoever runs this server did not choose the order")
	secret, err := hex.DecodeString(after.data("secret"))
	if err != nil || after.data("commitment") != commitment || shaHex(secret) != commitment {
		t.Errorf("the secret %q does not belong to the seal %q", after.data("secret"), commitment)
	}
	if after.data("lobby") != "2" || len(after.data("root")) != 64 || len(after.data("seed")) != 64 || has(find(after.doc, "#check")[0], "data-arrival") {
		t.Errorf("lobby %q, root %q, seed %q", after.data("lobby"), after.data("root"), after.data("seed"))
	}
	if n := len(find(after.doc, "ol.steps li .st-open")); n != 4 {
		t.Errorf("%d steps are done, want 4", n)
	}
	if n := len(find(after.doc, "script[src]")); n != 2 {
		t.Errorf("%d scripts, want 2", n)
	}
	// Data costs money: the check itself is small, and no other page loads it.
	r := fan.request(http.MethodGet, static.URL("fairness.js"), nil)
	r.Header.Set("Accept-Encoding", "gzip")
	if n := fan.do(r).ContentLength; n <= 0 || n > 7500 {
		t.Errorf("fairness.js has %d bytes over the wire, want at most 7500", n)
	}
	if strings.Contains(s.visitor().get(base).body, static.URL("fairness.js")) {
		t.Error("the page of the event loads the check")
	}
	// Without JavaScript: the data and the command.
	if !has(find(after.doc, "#check")[0], "hidden") || !strings.Contains(after.says(), "fairqueue verify --event "+e.Event.Slug+" --url "+s.server.URL) {
		t.Error("without JavaScript the page says no command, or shows a check that does nothing")
	}

	numbers := map[string]bool{}
	for arrival, b := range map[string]*browser{"1": fan, "2": other} {
		p := b.get(base + "/fairness")
		numbers[p.data("number")] = true
		if len(find(p.doc, "a[href="+base+"/receipt]")) != 1 {
			t.Error("no way to the receipt")
		}
		if p.data("arrival") != arrival || len(p.data("spot")) != 36 {
			t.Errorf("arrival %q of spot %q, want %s", p.data("arrival"), p.data("spot"), arrival)
		}
	}
	if !numbers["1"] || !numbers["2"] {
		t.Errorf("the numbers of two fans: %v", numbers)
	}
}

func TestTheFairnessPageWithoutADraw(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("No draw")
	p := s.visitor().get("/events/"+e.Event.Slug+"/fairness").has("No draw", "your number is your arrival", "Being early counts")
	if has(find(p.doc, "#check")[0], "data-commitment") || len(find(p.doc, "ol.steps")) != 0 {
		t.Error("a sale without a draw shows one")
	}
}

// While a beacon is awaited the organizer gives its value, once and with care.
func TestTheOrganizerGivesTheBeacon(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("With a beacon", drawn, beacon)
	owner, console := s.as(s.org), "/organizer/events/"+e.ID().String()
	fan := s.fan("waits@fair.example")
	fan.send(fan.get("/events/"+e.Event.Slug), "/events/"+e.Event.Slug+"/queue")

	p := owner.get(console).has("At the opening the draw waits for round 7 of Lagos lotto")
	owner.look(console + "/beacon").redirects(console) // Nothing is awaited yet.
	p = owner.send(p, console+"/open").at(console).has("The lobby is closed", "The draw waits for round 7 of Lagos lotto")
	if len(find(p.doc, "form[action="+console+"/open]")) != 0 {
		t.Error("a sale that is being opened can be opened")
	}
	s.visitor().get("/events/"+e.Event.Slug+"/fairness").has("Awaited", "round 7 of Lagos lotto")

	p = owner.get(console+"/beacon").at(console+"/beacon").has("1 fan is in the lobby", "round 7 of Lagos lotto")
	empty := owner.submit(p, console+"/beacon", "value", "  ").status(http.StatusUnprocessableEntity)
	if len(find(empty.doc, "#value[aria-invalid=true]")) != 1 {
		t.Error("a value of nothing is not refused")
	}
	long := owner.submit(p, console+"/beacon", "value", strings.Repeat("7", 1001)).status(http.StatusUnprocessableEntity)
	if len(find(long.doc, "#value[aria-invalid=true]")) != 1 || !strings.Contains(words(find(long.doc, "#value")[0]), "7777") {
		t.Error("a value that is too long is not refused, or lost")
	}
	fan.post(console+"/beacon", url.Values{"value": {"1"}}).status(http.StatusNotFound)

	owner.send(p, console+"/beacon", "value", " 07-14-21 ").at(console).has("The numbers are drawn")
	if n := s.count(`SELECT count(*) FROM draws WHERE beacon_value = '07-14-21' AND drawn_at IS NOT NULL`); n != 1 {
		t.Fatal("the draw was not held with the value")
	}
	shown := s.visitor().get("/events/"+e.Event.Slug+"/fairness").has("Given", "07-14-21", "Nobody could choose the order")
	if shown.data("beacon") != "07-14-21" {
		t.Errorf("the check knows the beacon as %q", shown.data("beacon"))
	}
	// The same form once more, from an old page.
	owner.follow(owner.post(console+"/beacon", url.Values{"value": {"other"}})).at(console).has("The sale cannot do that now")
	if n := s.count(`SELECT count(*) FROM draws WHERE beacon_value = '07-14-21'`); n != 1 {
		t.Error("the value was changed")
	}
}

// A value that is given before its round is not the beacon's, and the page does not claim what a beacon would prove.
func TestABeaconGivenBeforeItsRound(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Too early", drawn, func(n *sale.NewSale) {
		n.Terms.BeaconName = "drand quicknet"
		n.Terms.BeaconRound, _ = beacons.RoundAfter("drand quicknet", n.Terms.OpensAt.Add(time.Hour))
	})
	if _, err := s.queue.Open(t.Context(), e.ID(), s.org.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.queue.GiveBeacon(t.Context(), e.ID(), s.org.ID, strings.Repeat("ab", 32)); err != nil {
		t.Fatal(err)
	}
	p := s.visitor().get("/events/"+e.Event.Slug+"/fairness").has("Does not count", "This value came before the round", "proves only what a draw without a beacon proves")
	if strings.Contains(p.says(), "Nobody could choose the order") {
		t.Error("the page claims that nobody could choose the order")
	}
}

// Going on without the beacon takes a tick, and is disclosed.
func TestTheOrganizerGoesOnWithoutTheBeacon(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Without its beacon", drawn, beacon)
	owner, console := s.as(s.org), "/organizer/events/"+e.ID().String()
	owner.send(owner.get(console), console+"/open").at(console)
	p := owner.get(console + "/beacon").at(console + "/beacon")
	again := owner.submit(p, console+"/beacon/without").status(http.StatusUnprocessableEntity)
	if len(find(again.doc, "#sure[aria-invalid=true]")) != 1 || s.count(`SELECT count(*) FROM draws WHERE drawn_at IS NOT NULL`) != 0 {
		t.Error("the draw was held without a tick")
	}
	s.fan("nosy@fair.example").post(console+"/beacon/without", url.Values{"sure": {"yes"}}).status(http.StatusNotFound)
	owner.send(again, console+"/beacon/without", "sure", "yes").at(console).has("without the beacon")
	s.visitor().get("/events/"+e.Event.Slug+"/fairness").has("The beacon was left out", "Left out", "have the one that suited them better")
}

// A beacon with a schedule takes its round by itself, and a wrong one is refused
// where it was typed.
func TestTheEventFormTakesABeacon(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.as(s.org)
	if _, err := s.accounts.BecomeOrganizer(t.Context(), s.org.ID, "Lagos Nights"); err != nil {
		t.Fatal(err)
	}
	opens := time.Now().Add(time.Hour).UTC().Truncate(time.Minute)
	form := func(name, round, link string) url.Values {
		return eventForm(map[string]string{"ordering": "draw", "opens_at": opens.Format("2006-01-02T15:04"), "lobby_opens_at": opens.Add(-30 * time.Minute).Format("2006-01-02T15:04"), "beacon.name": name, "beacon.round": round, "beacon.url": link})
	}
	if p := b.get("/organizer/events/new"); len(find(p.doc, "input[name=beacon.name][list=beacons]")) != 1 || len(find(p.doc, "#beacons option")) < 2 {
		t.Error("the form suggests no beacons")
	}
	for _, c := range []struct{ name, round, link, field string }{
		{"drand quicknet", "12", "", "beacon.round"},
		{"drand quicknet", "many", "", "beacon.round"},
		{"Lagos lotto", "", "", "beacon.round"},
		{"", "12", "", "beacon.name"},
		{"Lagos lotto", "12", "ftp://x", "beacon.url"},
	} {
		p := b.post("/organizer/events", form(c.name, c.round, c.link)).status(http.StatusUnprocessableEntity)
		in := find(p.doc, "input[name="+c.field+"][aria-invalid=true]")
		if len(in) != 1 || !open(in[0]) {
			t.Errorf("%+v: %s does not say that it is wrong", c, c.field)
		}
		if got := attr(find(p.doc, "input[name=beacon.round]")[0], "value"); got != c.round {
			t.Errorf("what was typed is lost: %q", got)
		}
	}
	b.post("/organizer/events", form("drand quicknet", "", "")).status(http.StatusSeeOther)
	want, _ := beacons.RoundAfter("drand quicknet", opens.Add(beacons.Lead))
	if n := s.count(`SELECT count(*) FROM sales WHERE beacon_name = 'drand quicknet' AND beacon_round = $1`, want); n != 1 {
		t.Error("the round was not taken from the schedule")
	}
	// The name of a beacon is left over from a draw that was not chosen after all.
	f := form("drand quicknet", "", "")
	f.Set("ordering", "fifo")
	b.post("/organizer/events", f).status(http.StatusSeeOther)
}

// open reports whether the folded part that an element stands in is unfolded.
func open(n *html.Node) bool {
	for p := range n.Ancestors() {
		if p.Data == "details" {
			return has(p, "open")
		}
	}
	return true
}

// What was typed into the console stays there when it is wrong.
func TestTheConsoleKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Typed")
	owner, console := s.as(s.org), "/organizer/events/"+e.ID().String()
	for _, bad := range []string{"6oo", "0", "999999999"} {
		p := owner.send(owner.get(console), console+"/pace", "admit_per_minute", bad, "max_inside", "81").at(console)
		if got := attr(find(p.doc, "#admit_per_minute")[0], "value"); got != bad {
			t.Errorf("pace %q is shown as %q", bad, got)
		}
		if got := attr(find(p.doc, "#max_inside")[0], "value"); got != "81" {
			t.Errorf("the field that was right is shown as %q", got)
		}
	}
	long := strings.Repeat("x", 501)
	p := owner.send(owner.get(console), console+"/message", "message", long).at(console)
	if got := words(find(p.doc, "#msg")[0]); got != long {
		t.Errorf("the message is lost: %q", got)
	}
}

// The receipt is the fan's own, on a page and as a file.
func TestTheReceiptPage(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Receipts", drawn)
	base := "/events/" + e.Event.Slug
	b := s.fan("receipt@fair.example")
	b.look(base + "/receipt").redirects(base + "/queue") // Not in the line.
	s.visitor().look(base + "/receipt").redirects("/sign-in?next=" + url.QueryEscape(base+"/receipt"))
	b.send(b.get(base), base+"/queue")
	p := b.get(base + "/receipt").at(base + "/receipt").has("arrival 1")
	if p.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", p.Header.Get("Cache-Control"))
	}
	receipt := words(find(p.doc, "#receipt")[0])
	if strings.Count(receipt, ".") != 2 {
		t.Fatalf("receipt %q", receipt)
	}
	if len(find(p.doc, "a[href="+base+"/fairness#receipt="+receipt+"]")) != 1 {
		t.Error("no way to the check")
	}
	file := b.get(base + "/receipt?download")
	if !strings.HasPrefix(file.Header.Get("Content-Disposition"), "attachment") || strings.Count(strings.TrimSpace(file.body), ".") != 2 {
		t.Errorf("the file: %q %q", file.Header.Get("Content-Disposition"), file.body)
	}
}
