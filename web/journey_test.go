package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// reference of the payment that the checkout page tells to quote.
func (s *stack) reference(claim string) (ref string) {
	s.t.Helper()
	if err := s.pool.QueryRow(s.t.Context(), `SELECT reference FROM payments WHERE claim_id = $1 ORDER BY created_at DESC LIMIT 1`, claim).Scan(&ref); err != nil {
		s.t.Fatal(err)
	}
	return ref
}

// inside brings a browser from the event page to the choice of tickets.
func (s *stack) inside(b *browser, e *sale.Snapshot) *page {
	s.t.Helper()
	base := "/events/" + e.Event.Slug
	b.send(b.get(base), base+"/queue").at(base + "/queue")
	s.called(e, b)
	return b.send(b.get(base+"/queue"), base+"/enter").at(base + "/tickets")
}

// called lets the line move until it is the turn of somebody.
func (s *stack) called(e *sale.Snapshot, b *browser) {
	s.t.Helper()
	for range 1000 {
		s.tick()
		v, err := s.queue.Status(s.t.Context(), e, b.acc.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		if v.Status == queue.Called {
			return
		}
	}
	s.t.Fatal("the line does not move")
}

// hold goes on to the checkout with n tickets of the first tier.
func (s *stack) hold(b *browser, e *sale.Snapshot, n string) *page {
	s.t.Helper()
	p := s.inside(b, e)
	p = b.send(p, "/events/"+e.Event.Slug+"/claims", "tier_id", e.Tiers[0].ID.String(), "quantity", n)
	if !strings.HasPrefix(p.Request.URL.Path, "/checkout/") {
		s.t.Fatalf("no checkout:\n%s", p.says())
	}
	return p.status(http.StatusOK)
}

func claimOf(p *page) string { return strings.TrimPrefix(p.Request.URL.Path, "/checkout/") }

// The whole way without JavaScript: from the event page, signed out, to a
// ticket with a code to show.
func TestAFanBuysATicketByPlainForms(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Night of Drums")
	base := "/events/" + e.Event.Slug
	b := s.visitor()
	const email = "fan@fair.example"

	b.get("/").at("/").has("Night of Drums")
	b.get(base).at(base).has("Night of Drums", "Stands")
	// Join, signed out: the sign-in comes first, and then the place is there
	// without another click.
	p := b.follow(b.post(base+"/queue", nil)).at("/sign-in")
	p = b.send(p, "/sign-in", "email", email).at("/sign-in/code")
	p = b.submit(p, "/sign-in/code", "code", s.code(email, 1)).redirects(base + "/queue")
	// The session lasts until a day after the event.
	var life []int
	for _, c := range p.Cookies() {
		if c.Name == "fq_session" {
			life = append(life, c.MaxAge)
		}
	}
	if want := int(time.Until(e.Event.StartsAt.Add(24 * time.Hour)).Seconds()); len(life) != 1 || life[0] < want {
		t.Errorf("the session lasts %v s, a day after the event is in %d", life, want)
	}
	p = b.follow(p).at(base + "/queue")
	if n := s.count(`SELECT count(*) FROM spots`); n != 1 {
		t.Fatalf("%d places after the sign-in", n)
	}
	if len(p.Cookies()) != 0 {
		t.Errorf("the waiting room sets %v again", p.Cookies())
	}

	live := b.get(base + "/queue/live").status(http.StatusOK)
	if strings.Contains(live.body, "<html") || len(find(live.doc, "#live")) != 1 {
		t.Error("the part of the waiting room is not a part")
	}
	// It is not this fan's turn: no way round the line.
	b.get(base + "/tickets").at(base + "/queue")
	b.follow(b.post(base+"/claims", url.Values{"tier_id": {e.Tiers[0].ID.String()}, "quantity": {"1"}})).at(base + "/queue")

	s.tick()
	p = b.get(base + "/queue").at(base + "/queue")
	if len(find(p.doc, "body.turn")) != 1 {
		t.Fatalf("the page of the turn:\n%s", p.says())
	}
	p = b.send(p, base+"/enter").at(base + "/tickets")
	p = b.send(p, base+"/claims", "tier_id", e.Tiers[0].ID.String(), "quantity", "2")
	claim := claimOf(p)
	p.at("/checkout/" + claim).has("₦25,000")

	// The waiting room and the choice lead back here while tickets are held.
	b.get(base + "/queue").at(base + "/queue")
	b.get(base + "/tickets").at(base + "/tickets").has("You already hold tickets")

	paid := b.submit(p, "/checkout/"+claim+"/pay")
	if to := paid.Header.Get("Location"); paid.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, s.provider.URL+"/") {
		t.Fatalf("paying leads to %q (%d)\n%s", to, paid.StatusCode, paid.says())
	}
	ref := s.reference(claim)
	s.bankSays(ref, "success")
	p = b.get("/checkout/" + claim + "/return?trxref=" + ref + "&reference=" + ref).at("/checkout/" + claim)
	p.has("You are going")

	p = b.get("/tickets").at("/tickets").has("Night of Drums")
	var tickets []string
	for _, a := range find(p.doc, "main a") {
		if to := attr(a, "href"); strings.HasPrefix(to, "/tickets/") {
			tickets = append(tickets, to)
		}
	}
	if len(tickets) < 2 {
		t.Fatalf("links to %v", tickets)
	}
	p = b.get(tickets[0]).at(tickets[0])
	if len(find(p.doc, "svg path")) == 0 {
		t.Error("no code to show at the gate")
	}
	s.fan("thief@fair.example").get(tickets[0]).status(http.StatusNotFound)
	s.fan("thief@fair.example").get("/checkout/" + claim).status(http.StatusNotFound)
}

// Double clicks, Back and Reload do nothing twice.
func TestFormsSentTwiceDoNoHarm(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Twice")
	base := "/events/" + e.Event.Slug
	b := s.fan("twice@fair.example")
	event := b.get(base)
	for range 2 {
		b.submit(event, base+"/queue").redirects(base + "/queue")
	}
	s.tick()
	turn := b.get(base + "/queue")
	for range 2 {
		b.submit(turn, base+"/enter").redirects(base + "/tickets")
	}
	choice := b.get(base + "/tickets")
	first := b.submit(choice, base+"/claims", "tier_id", e.Tiers[0].ID.String(), "quantity", "2")
	second := b.submit(choice, base+"/claims", "tier_id", e.Tiers[0].ID.String(), "quantity", "2").redirects(first.Header.Get("Location"))
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'held'`); n != 2 {
		t.Fatalf("%d units are held", n)
	}
	checkout := b.follow(second).status(http.StatusOK)
	claim := claimOf(checkout)
	to := b.submit(checkout, "/checkout/"+claim+"/pay").Header.Get("Location")
	b.submit(checkout, "/checkout/"+claim+"/pay").redirects(to)
	if n := s.count(`SELECT count(*) FROM payments`); n != 1 {
		t.Fatalf("%d payments", n)
	}
	ref := s.reference(claim)
	s.bankSays(ref, "success")
	for range 2 {
		b.look("/checkout/" + claim + "/return?reference=" + ref).redirects("/checkout/" + claim)
	}
	// Back to the old pages, and their buttons again.
	for action, page := range map[string]*page{"/pay": checkout, "/release": checkout} {
		b.submit(page, "/checkout/"+claim+action).redirects("/checkout/" + claim)
	}
	b.get("/checkout/" + claim).has("You are going")
	if n := s.count(`SELECT count(*) FROM tickets WHERE status = 'valid'`); n != 2 {
		t.Fatalf("%d tickets", n)
	}
	b.submit(event, base+"/queue").redirects(base + "/queue")
	if n := s.count(`SELECT count(*) FROM spots`); n != 1 {
		t.Fatalf("%d places", n)
	}
}

func TestSecondDeviceSamePlace(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Devices", lobby)
	base := "/events/" + e.Event.Slug
	for _, email := range []string{"before@fair.example", "device@fair.example"} {
		b := s.fan(email)
		b.send(b.get(base), base+"/queue").at(base + "/queue")
	}
	phone, laptop := s.fan("device@fair.example"), s.fan("device@fair.example")
	want := attr(find(phone.get(base+"/queue").doc, "#live")[0], "data-number")
	laptop.follow(laptop.post(base+"/queue", nil)).at(base + "/queue")
	if got := attr(find(laptop.get(base+"/queue").doc, "#live")[0], "data-number"); got != want || want != "2" {
		t.Errorf("number %s on the laptop, %s on the phone", got, want)
	}
}

func lobby(n *sale.NewSale) {
	now := time.Now()
	opened := now.Add(-time.Minute)
	n.Terms.LobbyOpensAt, n.Terms.OpensAt = &opened, now.Add(time.Hour)
}

func TestPaymentFailsThenSucceeds(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Second try")
	b := s.fan("again@fair.example")
	p := s.hold(b, e, "1")
	claim := claimOf(p)
	b.submit(p, "/checkout/"+claim+"/pay")
	s.bankSays(s.reference(claim), "failed")
	p = b.get("/checkout/" + claim + "/return").at("/checkout/" + claim).has("did not go through")
	to := b.submit(p, "/checkout/"+claim+"/pay").Header.Get("Location")
	if !strings.HasPrefix(to, s.provider.URL+"/") {
		t.Fatalf("the second try leads to %q", to)
	}
	s.bankSays(s.reference(claim), "success")
	b.get("/checkout/" + claim + "/return").at("/checkout/" + claim).has("You are going")
}

func TestAPaymentUnderWayIsShown(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Slow bank")
	b := s.fan("slow@fair.example")
	p := s.hold(b, e, "1")
	claim := claimOf(p)
	to := b.submit(p, "/checkout/"+claim+"/pay").Header.Get("Location")
	p = b.get("/checkout/" + claim).at("/checkout/" + claim)
	if links := find(p.doc, "a[href="+to+"]"); len(links) != 1 {
		t.Fatalf("no way on to the provider's page:\n%s", p.says())
	}
	// Giving up while the bank may still take the money.
	s.bankSays(s.reference(claim), "ongoing")
	b.send(p, "/checkout/"+claim+"/release").at("/checkout/" + claim)
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'paying'`); n != 1 {
		t.Errorf("%d units are being paid for", n)
	}
}

func TestAHoldIsGivenBackOrRunsOut(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Given back")
	base := "/events/" + e.Event.Slug
	b := s.fan("back@fair.example")
	p := s.hold(b, e, "2")
	claim := claimOf(p)
	b.send(p, "/checkout/"+claim+"/release").at("/checkout/" + claim).has("You gave the tickets back")
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'free'`); n != 10 {
		t.Errorf("%d units are free", n)
	}
	p = b.get(base + "/tickets").at(base + "/tickets")
	p = b.send(p, base+"/claims", "tier_id", e.Tiers[0].ID.String(), "quantity", "1")
	claim = claimOf(p)
	// Asking for more time before it is needed is refused with a sentence.
	b.follow(b.post("/checkout/"+claim+"/extend", nil)).at("/checkout/" + claim).has("You still have enough time")
	if _, err := s.pool.Exec(t.Context(), `WITH c AS (UPDATE claims SET expires_at = now() - interval '1 second' WHERE id = $1 RETURNING id)
		UPDATE units SET held_until = now() - interval '1 second' WHERE claim_id IN (SELECT id FROM c)`, claim); err != nil {
		t.Fatal(err)
	}
	b.get("/checkout/" + claim).at("/checkout/" + claim).has("The tickets went back")
	b.follow(b.post("/checkout/"+claim+"/pay", nil)).at("/checkout/" + claim).has("Your time to pay has run out")
}

// A refusal comes back to the page of the form, with what to do and with what
// was chosen.
func TestRefusalsSayWhatToDo(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Refusals", func(n *sale.NewSale) { n.Tiers[0].Capacity = 3 })
	base := "/events/" + e.Event.Slug
	b := s.fan("refused@fair.example")
	s.inside(b, e)
	send := func(tier, quantity string) *page {
		return b.follow(b.post(base+"/claims", url.Values{"tier_id": {tier}, "quantity": {quantity}})).at(base + "/tickets")
	}
	tier := e.Tiers[0].ID.String()
	send(tier, "4").has("Only 3 tickets are left")
	if got := find(b.get(base+"/tickets").doc, ".bn-err"); len(got) != 0 {
		t.Error("a refusal is told twice")
	}
	for _, tc := range [][2]string{{"", "1"}, {tier, ""}, {tier, "x"}, {tier, "0"}, {tier, "-1"}, {tier, "1000000000"}, {e.ID().String(), "1"}, {strings.Repeat("a", 9999), "1"}} {
		send(tc[0], tc[1])
	}
	if n := s.count(`SELECT count(*) FROM claims`); n != 0 {
		t.Errorf("%d claims from nonsense", n)
	}
	// Somebody else takes everything.
	other := s.fan("quick@fair.example")
	s.hold(other, e, "3")
	send(tier, "1").has("These tickets have just gone")
}

func TestLeavingTheLine(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Leaving")
	base := "/events/" + e.Event.Slug
	b := s.fan("leaves@fair.example")
	b.get(base + "/leave").at(base + "/queue") // Not in the line: nothing to leave.
	b.send(b.get(base), base+"/queue").at(base + "/queue")
	p := b.get(base + "/leave").at(base + "/leave")
	for range 2 {
		b.submit(p, base+"/leave").redirects(base + "/queue")
	}
	b.get(base + "/queue").at(base + "/queue").has("You left")
	// With tickets in hand, the page that can end that comes first.
	other := s.fan("holds@fair.example")
	claim := claimOf(s.hold(other, e, "1"))
	other.follow(other.post(base+"/leave", nil)).at("/checkout/" + claim)
}

func TestBeforeAndAfterTheSale(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Early", func(n *sale.NewSale) { n.Terms.OpensAt = time.Now().Add(time.Hour) })
	base := "/events/" + e.Event.Slug
	b := s.fan("early@fair.example")
	b.get(base + "/queue").at(base + "/queue").has("The line is not open yet")
	b.follow(b.post(base+"/queue", nil)).at(base).has("You cannot join this line now")
	if n := s.count(`SELECT count(*) FROM spots`); n != 0 {
		t.Errorf("%d places", n)
	}
	if _, err := s.sales.End(t.Context(), e.ID(), s.org.ID); err != nil {
		t.Fatal(err)
	}
	b.get(base + "/queue").has("The sale is over")
	b.follow(b.post(base+"/queue", nil)).at(base)
}

func TestTheLiveParts(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Parts")
	b := s.visitor()
	r := b.request(http.MethodGet, "/organizer/events/"+e.ID().String()+"/live", nil)
	r.Header.Set("HX-Request", "true")
	p := b.do(r).status(http.StatusUnauthorized)
	if to := p.Header.Get("HX-Redirect"); to != "/sign-in?next="+url.QueryEscape("/organizer/events/"+e.ID().String()) {
		t.Errorf("leads to %q", to)
	}
	if strings.Contains(p.body, "<html") {
		t.Error("a whole page")
	}
}

// While the database cannot be reached the waiting room keeps what was true
// last, says that the line is on hold, and lets nobody in.
func TestTheWaitingRoomOnHold(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("On hold", lobby)
	base := "/events/" + e.Event.Slug
	known, unknown := s.fan("known@fair.example"), s.fan("unknown@fair.example")
	for _, b := range []*browser{known, unknown} {
		b.send(b.get(base), base+"/queue")
	}
	if _, err := s.queue.Open(t.Context(), e.ID(), s.org.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sales.Fresh(t.Context(), e.ID()); err != nil {
		t.Fatal(err)
	}
	// Another replica has told nobody anything yet.
	unknown = s.replica().as(unknown.acc)
	known.get(base + "/queue")
	s.pool.Close()
	p := known.get(base + "/queue").at(base + "/queue").has("On hold")
	if got := attr(find(p.doc, "#live")[0], "data-number"); got != "1" {
		t.Errorf("number %q", got)
	}
	known.get(base + "/queue/live").status(http.StatusOK).has("On hold")
	p = unknown.get(base + "/queue").at(base + "/queue")
	if len(find(p.doc, "form[action="+base+"/enter]")) != 0 {
		t.Error("somebody may enter")
	}
	p = known.follow(known.post(base+"/enter", nil)).status(http.StatusServiceUnavailable)
	if p.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	known.get("/readyz").status(http.StatusServiceUnavailable)
	known.get("/livez").status(http.StatusOK)
}

func TestFairnessPage(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Fair")
	b := s.fan("fair@fair.example")
	s.hold(b, e, "1")
	p := s.visitor().get("/events/" + e.Event.Slug + "/fairness").status(http.StatusOK)
	p.has("never_oversold", "no_overtaking", "arrival_gapless")
}
