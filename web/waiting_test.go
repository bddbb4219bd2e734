package web_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// part asks for the moving part as the page does that has a part already.
func (b *browser) part(base, has string) *page {
	b.t.Helper()
	r := b.request(http.MethodGet, base+"/queue/live", nil)
	r.Header.Set("HX-Request", "true")
	r.Header.Set("FQ-Part", has)
	return b.do(r)
}

func draws(n *sale.NewSale) { n.Terms.Ordering = sale.Draw }

func cheap(n *sale.NewSale) {
	n.Tiers = []sale.NewTier{{Name: "Stands", Price: 1_250_000, Capacity: 10}, {Name: "Floor", Price: 2_500_000, Capacity: 1}}
}

// A page that has the part already gets the numbers it counts from, and nothing else.
func TestThePartIsNotSentTwice(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Once", lobby)
	base := "/events/" + e.Event.Slug
	b := s.fan("once@fair.example")
	p := b.send(b.get(base), base+"/queue").at(base + "/queue")
	has := attr(find(p.doc, "#live")[0], "data-part")
	p = b.part(base, has).status(http.StatusNoContent)
	if p.body != "" || p.Header.Get("FQ-Serving") != "0" || p.Header.Get("FQ-Poll") == "" || p.Header.Get("FQ-Now") == "" {
		t.Errorf("the same part: %q with %v", p.body, p.Header)
	}
	if cache := p.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("a cache may keep it: %q", cache)
	}
	if p.Header.Get("Content-Security-Policy") != "" || p.Header.Get("X-Content-Type-Options") == "" {
		t.Errorf("nothing to show is sent with %v", p.Header)
	}
	b.part(base, has+"x").status(http.StatusOK)
	if _, err := s.queue.Open(t.Context(), e.ID(), s.org.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sales.Fresh(t.Context(), e.ID()); err != nil {
		t.Fatal(err)
	}
	b.part(base, has).status(http.StatusOK).has("It never changes")
}

// Who is signed out elsewhere sees the way back in place of the place: the page is not led away from under a thumb, and
// whoever sits here next does not see who waited.
func TestASignedOutPageShowsNoPlace(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Signed out", lobby)
	base := "/events/" + e.Event.Slug
	b := s.fan("out@fair.example")
	b.send(b.get(base), base+"/queue").at(base + "/queue")
	b.cookie("fq_session", "")
	p := b.part(base, "").status(http.StatusUnauthorized).has("You are signed out", "Your place is kept")
	if to := p.Header.Get("HX-Redirect"); to != "" {
		t.Errorf("the page is led to %q", to)
	}
	if to := "/sign-in?next=" + url.QueryEscape(base+"/queue"); len(find(p.doc, "a[href="+to+"]")) != 1 {
		t.Errorf("no way to %s:\n%s", to, p.body)
	}
	if strings.Contains(p.body, "data-number") || strings.Contains(p.body, "<html") {
		t.Error("more than a part without a place")
	}
}

// The lobby of a draw gives no number, shows the seal, and promises the same chance.
func TestTheLobbyOfADraw(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Drawn", lobby, draws)
	base := "/events/" + e.Event.Slug
	s.visitor().get(base).at(base).has("Joining early does not help")
	b := s.fan("draw@fair.example")
	p := b.send(b.get(base), base+"/queue").at(base+"/queue").has("You are in the lobby", "same chance", "The draw is sealed")
	if got := attr(find(p.doc, "#live")[0], "data-number"); got != "0" {
		t.Errorf("number %s before the draw", got)
	}
	if len(find(p.doc, "a[href="+base+"/fairness]")) == 0 {
		t.Error("no way to check the seal")
	}
	if _, err := s.queue.Open(t.Context(), e.ID(), s.org.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sales.Fresh(t.Context(), e.ID()); err != nil {
		t.Fatal(err)
	}
	p = b.get(base + "/queue").at(base + "/queue").has("It never changes")
	if got := attr(find(p.doc, "#live")[0], "data-number"); got != "1" {
		t.Errorf("number %s after the draw", got)
	}
}

// While its beacon is awaited a draw is being held: nobody has a number, and who comes now stands behind the lobby.
func TestADrawThatWaitsForItsBeacon(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Beacon", lobby, draws, func(n *sale.NewSale) { n.Terms.BeaconName, n.Terms.BeaconRound = "the lottery of Saturday", 7 })
	base := "/events/" + e.Event.Slug
	early, late := s.fan("early@fair.example"), s.fan("late@fair.example")
	early.send(early.get(base), base+"/queue").at(base + "/queue")
	if _, err := s.queue.Open(t.Context(), e.ID(), s.org.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sales.Fresh(t.Context(), e.ID()); err != nil {
		t.Fatal(err)
	}
	early.get(base+"/queue").at(base+"/queue").has("The draw is being held", "The draw waits for round 7 of the lottery of Saturday")
	early.get(base).at(base).has("The draw is being held")
	p := late.get(base).at(base).has("The draw is being held", "you stand behind them")
	late.send(p, base+"/queue").at(base + "/queue").has("you stand behind everybody in it")
	if _, err := s.queue.GiveBeacon(t.Context(), e.ID(), s.org.ID, "31 4 15 9 2 6"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sales.Fresh(t.Context(), e.ID()); err != nil {
		t.Fatal(err)
	}
	for b, want := range map[*browser]string{early: "1", late: "2"} {
		p := b.get(base + "/queue").at(base + "/queue")
		if got := attr(find(p.doc, "#live")[0], "data-number"); got != want {
			t.Errorf("%s has number %s, want %s", b.acc.Email, got, want)
		}
	}
}

// Wishes are a plain form: they come back as they were saved, from any browser.
func TestWishesAreKept(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Wishes", lobby, cheap)
	base := "/events/" + e.Event.Slug
	b := s.fan("wishes@fair.example")
	b.follow(b.post(base+"/wishes", url.Values{"mail": {"1"}})).at(base + "/queue").has("You are not in the line yet")
	b.send(b.get(base), base+"/queue").at(base + "/queue")
	floor := strconv.Itoa(e.Tiers[1].Ordinal)
	b.post(base+"/wishes", url.Values{"mail": {"1"}, "tier": {floor, "77", "x"}}).redirects(base + "/queue#wishes")
	for name, other := range map[string]*browser{"this": b, "another": s.fan("wishes@fair.example")} {
		p := other.get(base + "/queue").at(base + "/queue").has("Saved: an e-mail when it is your turn; Floor.")
		if n := len(find(p.doc, "#wishes input[checked]")); n != 2 {
			t.Errorf("%s browser: %d wishes are ticked", name, n)
		}
	}
	b.post(base+"/wishes", url.Values{"tier": {floor, strconv.Itoa(e.Tiers[0].Ordinal)}}).redirects(base + "/queue#wishes")
	if p := b.get(base + "/queue"); strings.Contains(p.says(), "Saved:") {
		t.Error("every kind is a wish")
	}
	s.visitor().post(base+"/wishes", nil).redirects("/sign-in?next=" + url.QueryEscape(base+"/queue"))
}

// When the kinds that somebody wants are sold, the page says so, and what is left.
func TestSoldOutForWhoWantsTheRest(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Wanted", cheap)
	base := "/events/" + e.Event.Slug
	buyer, b := s.fan("buys@fair.example"), s.fan("wants@fair.example")
	s.inside(buyer, e)
	claim := claimOf(buyer.follow(buyer.post(base+"/claims", url.Values{"tier_id": {e.Tiers[1].ID.String()}, "quantity": {"1"}})))
	// The line stands: this fan waits.
	if _, err := s.sales.Pause(t.Context(), e.ID(), s.org.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sales.Fresh(t.Context(), e.ID()); err != nil {
		t.Fatal(err)
	}
	b.send(b.get(base), base+"/queue").at(base + "/queue")
	b.post(base+"/wishes", url.Values{"tier": {strconv.Itoa(e.Tiers[1].Ordinal)}})
	if p := b.get(base + "/queue"); strings.Contains(p.says(), "Sold out for you") {
		t.Error("what is only held is called sold")
	}
	buyer.submit(buyer.get("/checkout/"+claim), "/checkout/"+claim+"/pay")
	s.bankSays(s.reference(claim), "success")
	buyer.get("/checkout/" + claim + "/return").at("/checkout/" + claim).has("You are going")
	if _, err := s.sales.Fresh(t.Context(), e.ID()); err != nil {
		t.Fatal(err)
	}
	b.get(base+"/queue").has("Sold out for you", "Floor is sold out. Stands is left.")
}

// A turn can be made longer once, by a plain form.
func TestTwoMoreMinutes(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Longer")
	base := "/events/" + e.Event.Slug
	b := s.fan("longer@fair.example")
	b.follow(b.post(base+"/more", nil)).at(base + "/queue")
	b.send(b.get(base), base+"/queue").at(base + "/queue")
	b.follow(b.post(base+"/more", nil)).at(base + "/queue").has("It is not your turn yet")
	s.called(e, b)
	until := func() time.Time {
		v, err := s.queue.Status(t.Context(), e, b.acc.ID)
		if err != nil || v.Status != queue.Called {
			t.Fatal(v.Status, err)
		}
		return v.Admission.ExpiresAt
	}
	was := until()
	p := b.get(base + "/queue").at(base + "/queue")
	b.submit(p, base+"/more").redirects(base + "/queue")
	if longer := until().Sub(was); longer < 119*time.Second || longer > 121*time.Second {
		t.Errorf("the turn is %s longer", longer)
	}
	p = b.get(base + "/queue").at(base + "/queue")
	if len(find(p.doc, "form[action="+base+"/more]")) != 0 {
		t.Error("more time is offered twice")
	}
	b.follow(b.post(base+"/more", nil)).at(base + "/queue").has("You already have your 2 more minutes")
}
