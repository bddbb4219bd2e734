package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fairqueue/internal/account"
	"fairqueue/internal/sale"
	"fairqueue/web"
)

// spotCookie is the cookie of a spot that a browser has, or "".
func (b *browser) spotCookie() (name, value string) {
	b.t.Helper()
	u, err := url.Parse(b.s.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(u) {
		if strings.HasPrefix(c.Name, "fq_spot_") {
			return c.Name, c.Value
		}
	}
	return "", ""
}

// waits reports what the page of the waiting room says about the person's place.
func (b *browser) waits(e *sale.Snapshot) bool {
	b.t.Helper()
	p := b.get("/events/" + e.Event.Slug + "/queue").status(http.StatusOK)
	live := find(p.doc, "#live")
	return len(live) == 1 && attr(live[0], "data-status") == "waiting"
}

func waitingSale(n *sale.NewSale) { n.Terms.MaxInside = 1 }

// A browser gets its spot by joining, and with the first page where it has none.
func TestABrowserHasItsSpot(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Spots", waitingSale)
	b := s.fan("first@fair.example")
	b.post("/events/"+e.Event.Slug+"/queue", nil).status(http.StatusSeeOther)
	name, value := b.spotCookie()
	if value == "" || !strings.HasPrefix(e.ID().String(), strings.TrimPrefix(name, "fq_spot_")) {
		t.Fatalf("after joining: %q %q", name, value)
	}
	// Another device of the same person.
	phone := s.as(b.acc)
	if _, value := phone.spotCookie(); value != "" {
		t.Fatal("a new browser has a spot")
	}
	if !phone.waits(e) {
		t.Error("the phone has no place")
	}
	_, theirs := phone.spotCookie()
	if theirs == "" || theirs == value {
		t.Errorf("the phone got %q", theirs)
	}
	// What was altered is no spot: the browser gets its own back.
	b.cookie(name, theirs)
	if !b.waits(e) {
		t.Error("the place is lost")
	}
	if _, again := b.spotCookie(); again != value {
		t.Errorf("the cookie is %q, want %q", again, value)
	}
}

// Two people on one browser, one after the other, never see each other's place.
func TestTwoPeopleOnOneBrowser(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Shared", waitingSale)
	b := s.fan("ada@fair.example")
	ada := b.acc
	b.post("/events/"+e.Event.Slug+"/queue", nil).status(http.StatusSeeOther)
	if !b.waits(e) {
		t.Fatal("Ada has no place")
	}
	b.post("/sign-out", nil)
	if p := b.look("/events/" + e.Event.Slug + "/queue/live"); p.StatusCode == http.StatusOK {
		t.Errorf("signed out, the place is still shown: %s", p.body)
	}
	// The next person signs in; Ada's spot cookie is still there.
	bola, err := s.accounts.Ensure(t.Context(), "bola@fair.example", "")
	if err != nil {
		t.Fatal(err)
	}
	session, _ := s.accounts.Issue(account.Session, bola, account.CodeTTL*100)
	b.cookie("fq_session", session)
	if _, value := b.spotCookie(); value == "" {
		t.Fatal("the test needs the cookie of the other")
	}
	if b.waits(e) {
		t.Error("Bola sees Ada's place")
	}
	b.post("/events/"+e.Event.Slug+"/queue", nil).status(http.StatusSeeOther)
	if !b.waits(e) {
		t.Error("Bola has no place")
	}
	// Ada again, in a session of her own: not Bola's place either, but her own.
	session, _ = s.accounts.Issue(account.Session, ada, account.CodeTTL*100)
	b.cookie("fq_session", session)
	if p := b.get("/events/" + e.Event.Slug + "/queue").status(http.StatusOK); !b.waits(e) || attr(find(p.doc, "#live")[0], "data-number") == "2" {
		t.Error("Ada sees another place than her own")
	}
}

// A spot of one event is none of another.
func TestASpotIsOfOneEvent(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	one, two := s.event("One", waitingSale), s.event("Two", waitingSale)
	b := s.fan("events@fair.example")
	b.post("/events/"+one.Event.Slug+"/queue", nil).status(http.StatusSeeOther)
	_, value := b.spotCookie()
	b.cookie("fq_spot_"+two.ID().String()[:8], value)
	if b.waits(two) {
		t.Error("the place of one event is shown at another")
	}
	if !b.waits(one) {
		t.Error("the place is lost")
	}
}

// Over TLS the cookie is pinned to the host.
func TestSpotCookiesArePinned(t *testing.T) {
	t.Parallel()
	s := newStack(t, func(c *web.Config) { c.PublicURL = &url.URL{Scheme: "https", Host: "tickets.example.com"} })
	e := s.event("Pinned", waitingSale)
	a := must(s.accounts.Ensure(t.Context(), "pinned@fair.example", ""))(t)
	session, _ := s.accounts.Issue(account.Session, a, account.CodeTTL*100)
	b := s.visitor()
	r := b.request(http.MethodPost, "/events/"+e.Event.Slug+"/queue", nil)
	r.Header.Set("Cookie", "__Host-fq_session="+session)
	p := b.do(r).status(http.StatusSeeOther)
	for _, c := range p.Cookies() {
		if strings.Contains(c.Name, "fq_spot_") {
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode {
				t.Errorf("%+v", c)
			}
			return
		}
	}
	t.Errorf("no spot: %v", p.Cookies())
}
