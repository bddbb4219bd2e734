package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/sale"
)

func eventForm(change map[string]string) url.Values {
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format("2006-01-02T15:04") }
	v := url.Values{
		"name": {"Palm Wine Festival"}, "venue": {"Freedom Park, Lagos"}, "timezone": {"UTC"},
		"starts_at": {at(240 * time.Hour)}, "opens_at": {at(-time.Hour)}, "closes_at": {at(24 * time.Hour)}, "lobby_opens_at": {""},
		"ordering": {"fifo"}, "max_tickets_per_fan": {"4"}, "admit_per_minute": {"600"}, "max_inside": {"50"},
		"turn_seconds": {"120"}, "visit_seconds": {"600"}, "hold_seconds": {"600"}, "grace_seconds": {"600"},
		"tiers.0.name": {"Stands"}, "tiers.0.price": {"12,500"}, "tiers.0.capacity": {"100"},
		"tiers.1.name": {""}, "tiers.1.price": {""}, "tiers.1.capacity": {""},
		"tiers.2.name": {"Terrace"}, "tiers.2.price": {"0"}, "tiers.2.capacity": {"20"},
	}
	for k, x := range change {
		v.Set(k, x)
	}
	return v
}

// A draw is among those in the lobby: without one the form asks for it.
func TestADrawNeedsALobby(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.as(s.org)
	if _, err := s.accounts.BecomeOrganizer(t.Context(), s.org.ID, "Lagos Nights"); err != nil {
		t.Fatal(err)
	}
	opens := time.Now().Add(time.Hour).UTC()
	change := map[string]string{"ordering": "draw", "opens_at": opens.Format("2006-01-02T15:04")}
	p := b.post("/organizer/events", eventForm(change)).status(http.StatusUnprocessableEntity).has("A draw is among those in the lobby.")
	if len(find(p.doc, "input[name=lobby_opens_at][aria-invalid=true]")) != 1 || s.count(`SELECT count(*) FROM sales`) != 0 {
		t.Error("a draw without a lobby is not refused where the lobby is typed")
	}
	change["lobby_opens_at"] = opens.Add(-time.Minute * 30).Format("2006-01-02T15:04")
	b.post("/organizer/events", eventForm(change)).status(http.StatusSeeOther)
	b.post("/organizer/events", eventForm(map[string]string{"ordering": "fifo"})).status(http.StatusSeeOther)
}

// The organizer's way by plain forms: from a newcomer to a sale that runs.
func TestAnOrganizerRunsASale(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.fan("organizer@fair.example")
	p := b.get("/organizer").at("/organizer")
	b.look("/organizer/events/new").redirects("/organizer")
	b.send(p, "/organizer", "name", "Palm Wine").at("/organizer")
	b.get("/organizer/events/new").at("/organizer/events/new")

	made := b.post("/organizer/events", eventForm(nil))
	console := made.Header.Get("Location")
	if made.StatusCode != http.StatusSeeOther || !strings.HasPrefix(console, "/organizer/events/") {
		t.Fatalf("%d to %q\n%s", made.StatusCode, console, made.says())
	}
	b.post("/organizer/events", eventForm(nil)).redirects(console) // A double click.
	if n := s.count(`SELECT count(*) FROM events`); n != 1 {
		t.Fatalf("%d events", n)
	}
	if n := s.count(`SELECT price_kobo FROM tiers WHERE name = 'Stands'`); n != 12_500_00 {
		t.Errorf("price %d", n)
	}
	b.get("/organizer").has("Palm Wine Festival")

	p = b.get(console).at(console)
	for _, step := range []struct{ action, state, next string }{
		{"publish", "open", "/pause"}, {"pause", "paused", "/resume"}, {"resume", "open", "/pause"},
	} {
		p = b.send(p, console+"/"+step.action).at(console)
		if n := s.count(`SELECT count(*) FROM sales WHERE state = $1`, step.state); n != 1 {
			t.Fatalf("after %s the sale is not %s", step.action, step.state)
		}
		if len(find(p.doc, ".toast-fq")) != 1 {
			t.Errorf("after %s nothing says what was done", step.action)
		}
		if len(find(p.doc, "form[action="+console+step.next+"]")) != 1 {
			t.Fatalf("after %s there is no way to %s", step.action, step.next)
		}
	}
	// The same button once more, from an old page.
	b.follow(b.post(console+"/publish", nil)).at(console).has("The sale cannot do that now")

	b.send(b.get(console), console+"/pace", "admit_per_minute", "1200", "max_inside", "80").at(console)
	if n := s.count(`SELECT count(*) FROM sales WHERE admit_per_minute = 1200 AND max_inside = 80`); n != 1 {
		t.Error("the pace has not changed")
	}
	for _, bad := range []string{"0", "x", "-5", "999999999", "1e9", ""} {
		p = b.follow(b.post(console+"/pace", url.Values{"admit_per_minute": {bad}, "max_inside": {"80"}})).at(console)
		if len(find(p.doc, "#admit_per_minute[aria-invalid=true]")) != 1 {
			t.Errorf("pace %q: the field does not say that it is wrong", bad)
		}
	}
	b.send(b.get(console), console+"/message", "message", "Gates open at 18:00.").at(console)
	slug := strings.TrimPrefix(s.slug(strings.TrimPrefix(console, "/organizer/events/")), "/")
	s.visitor().get("/events/" + slug).has("Gates open at 18:00.")
	p = b.follow(b.post(console+"/message", url.Values{"message": {strings.Repeat("x", 600)}})).at(console)
	if len(find(p.doc, "#msg[aria-invalid=true]")) != 1 {
		t.Error("a message that is too long is not refused")
	}

	live := b.get(console + "/live").status(http.StatusOK)
	if strings.Contains(live.body, "<html") || len(find(live.doc, "#board")) != 1 {
		t.Error("the part of the console is not a part")
	}
	p = b.get(console + "/end").at(console + "/end")
	b.send(p, console+"/end").at(console)
	if n := s.count(`SELECT count(*) FROM sales WHERE state = 'ended'`); n != 1 {
		t.Error("the sale has not ended")
	}
	b.look(console + "/end").redirects(console)
}

func (s *stack) slug(id string) (slug string) {
	s.t.Helper()
	if err := s.pool.QueryRow(s.t.Context(), `SELECT slug FROM events WHERE id = $1`, id).Scan(&slug); err != nil {
		s.t.Fatal(err)
	}
	return slug
}

// Everything that is wrong is said at once, at its field, and nothing typed is
// lost.
func TestTheEventFormSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.as(s.org)
	if _, err := s.accounts.BecomeOrganizer(t.Context(), s.org.ID, "Lagos Nights"); err != nil {
		t.Fatal(err)
	}
	p := b.post("/organizer/events", eventForm(map[string]string{
		"starts_at": "soon", "admit_per_minute": "many", "tiers.0.price": "free", "tiers.2.capacity": "",
	})).status(http.StatusUnprocessableEntity)
	for _, name := range []string{"starts_at", "admit_per_minute", "tiers.0.price", "tiers.1.capacity"} {
		if len(find(p.doc, "input[name="+name+"][aria-invalid=true]")) != 1 {
			t.Errorf("%s does not say that it is wrong", name)
		}
	}
	p = b.post("/organizer/events", eventForm(map[string]string{
		"name": "", "timezone": "Mars/Olympus", "max_inside": "0", "tiers.0.capacity": "0", "closes_at": "2001-01-01T00:00",
	})).status(http.StatusUnprocessableEntity)
	for _, selector := range []string{
		"input[name=name][aria-invalid=true]", "select[name=timezone][aria-invalid=true]", "input[name=max_inside][aria-invalid=true]",
		"input[name=tiers.0.capacity][aria-invalid=true]", "input[name=closes_at][aria-invalid=true]", "input[name=venue]",
	} {
		if len(find(p.doc, selector)) != 1 {
			t.Errorf("no %s", selector)
		}
	}
	if got := attr(find(p.doc, "input[name=venue]")[0], "value"); got != "Freedom Park, Lagos" {
		t.Errorf("what was typed is lost: %q", got)
	}
	b.post("/organizer/events", eventForm(map[string]string{"tiers.0.price": "10,000,000,001"})).status(http.StatusUnprocessableEntity).
		has("The price must lie between ₦0 and ₦10,000,000,000.")
	if n := s.count(`SELECT count(*) FROM events`); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestOrdersAreListed(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Orders")
	b := s.fan("buyer@fair.example")
	p := s.hold(b, e, "2")
	claim := claimOf(p)
	b.submit(p, "/checkout/"+claim+"/pay")
	ref := s.reference(claim)
	s.bankSays(ref, "success")
	b.get("/checkout/" + claim + "/return").has("You are going")

	owner := s.as(s.org)
	orders := "/organizer/events/" + e.ID().String() + "/orders"
	owner.get(orders).at(orders).has("buyer@fair.example", "2 × Stands", "₦25,000", ref)
	owner.get("/organizer/events/" + e.ID().String()).has("₦25,000")
	b.get(orders).status(http.StatusNotFound)
	owner.get(orders + "?cursor=nonsense").status(http.StatusUnprocessableEntity)
}

func TestTheConsoleOfAStranger(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Not yours")
	for _, b := range []*browser{s.fan("nosy@fair.example")} {
		for _, action := range []string{"pause", "resume", "open", "end", "publish", "pace", "message"} {
			b.post("/organizer/events/"+e.ID().String()+"/"+action, url.Values{"message": {"x"}, "admit_per_minute": {"1"}, "max_inside": {"1"}}).status(http.StatusNotFound)
		}
	}
	after, err := s.sales.Fresh(t.Context(), e.ID())
	if err != nil || after.State != sale.Open || after.Version != e.Version {
		t.Errorf("the sale changed: %v, %v", after, err)
	}
	s.visitor().get("/organizer/events/" + e.ID().String()).at("/sign-in")
}
