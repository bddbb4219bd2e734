package web_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"fairqueue/internal/sale"
)

// lasts sets how many seconds are left of the only hold, and up to which it may be extended.
func (s *stack) lasts(left, most float64) {
	s.t.Helper()
	for _, q := range []string{
		`UPDATE claims SET expires_at = now() + make_interval(secs => $1::float8), cap_at = now() + make_interval(secs => $2::float8) WHERE status = 'held'`,
		`UPDATE units SET held_until = c.expires_at FROM claims c WHERE c.id = claim_id AND units.state = 'held' AND $1::float8 + $2::float8 <> 0`,
	} {
		if _, err := s.pool.Exec(s.t.Context(), q, left, most); err != nil {
			s.t.Fatal(err)
		}
	}
}

// part asks for the part of a hold as the page does, or extends as the page does.
func (b *browser) holdPart(method, path string) *page {
	b.t.Helper()
	r := b.request(method, path, nil)
	r.Header.Set("HX-Request", "true")
	r.Header.Set("Origin", b.s.server.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

func holdData(t *testing.T, p *page, name string) string {
	t.Helper()
	el := find(p.status(http.StatusOK).doc, "#hold")
	if len(el) != 1 || strings.Contains(p.body, "<html") {
		t.Fatalf("not the part of a hold:\n%s", p.body)
	}
	return attr(el[0], name)
}

// The part of a page that shows a hold says what is true at each moment: whole, short, extended, at its cap, over.
func TestTheClockOfAHoldIsTheServers(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Hold")
	b := s.fan("holds@fair.example")
	p := s.hold(b, e, "2")
	at := p.Request.URL.Path
	p.has("Your 2 tickets are kept until", "Need longer? From")
	if state := holdData(t, b.holdPart(http.MethodGet, at+"/hold"), "data-state"); state != "held" {
		t.Errorf("the part of a hold is %q", state)
	}
	// Too early: nothing changes, and the part says from when on.
	early := b.holdPart(http.MethodPost, at+"/extend")
	if !strings.Contains(early.body, "Need longer? From") {
		t.Errorf("too early:\n%s", early.body)
	}
	s.lasts(60, 1500)
	short := b.holdPart(http.MethodGet, at+"/hold")
	ends := holdData(t, short, "data-ends")
	if !strings.Contains(short.body, "Give me 10 minutes more") || !strings.Contains(short.body, "timer-low") || !strings.Contains(holdData(t, short, "data-warn"), "Little time left") {
		t.Errorf("a short hold:\n%s", short.body)
	}
	more := b.holdPart(http.MethodPost, at+"/extend")
	if later := holdData(t, more, "data-ends"); later <= ends || strings.Contains(more.body, "timer-low") {
		t.Errorf("extended from %s to %s:\n%s", ends, later, more.body)
	}
	// Without JavaScript: the same by a form, up to the cap.
	s.lasts(60, 100)
	p = b.get(at)
	if button := find(p.doc, "form[action="+at+"/extend]"); len(button) != 1 || !strings.HasPrefix(words(button[0]), "Keep them until ") {
		t.Fatalf("no way to the cap:\n%s", p.says())
	}
	b.send(p, at+"/extend").at(at).has("is the longest we can keep the tickets for you")
	if capped := b.holdPart(http.MethodPost, at+"/extend"); !strings.Contains(capped.body, "is the longest we can keep") {
		t.Errorf("beyond the cap:\n%s", capped.body)
	}
	s.lasts(-1, 100)
	over := b.holdPart(http.MethodGet, at+"/hold")
	if state := holdData(t, over, "data-state"); state != "expired" || !strings.Contains(over.body, "Choose again") || holdData(t, over, "data-ends") != "" {
		t.Errorf("over is %q:\n%s", state, over.body)
	}
	if late := b.holdPart(http.MethodPost, at+"/extend"); holdData(t, late, "data-state") != "expired" {
		t.Errorf("extended when it was over:\n%s", late.body)
	}
	b.get(at).at(at).has("The tickets went back")
	// Nobody else sees it.
	s.fan("stranger@fair.example").holdPart(http.MethodGet, at+"/hold").status(http.StatusNotFound)
	s.visitor().holdPart(http.MethodGet, at+"/hold").status(http.StatusUnauthorized)
}

func TestGivingBackIsAskedFirst(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.fan("gives@fair.example")
	p := s.hold(b, s.event("Hold"), "1")
	at := p.Request.URL.Path
	if link := find(p.doc, "main a[href="+at+"/release]"); len(link) != 1 || words(link[0]) != "Give the ticket back" {
		t.Fatalf("no way to give back:\n%s", p.says())
	}
	ask := b.get(at+"/release").at(at+"/release").has("Give the ticket back?", "Keep it", "Give it back")
	if n := s.count(`SELECT count(*) FROM claims WHERE status = 'held'`); n != 1 {
		t.Fatal("asking gave it back")
	}
	b.send(ask, at+"/release").at(at).has("You gave the tickets back")
	// There is nothing to ask any more.
	b.get(at + "/release").at(at)
}

// The buyer's name stands on the tickets, and is seen and can be changed before each payment.
func TestTheNameOfABuyerIsKept(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Hold", func(n *sale.NewSale) { n.Tiers[0].Price = 0 })
	b := s.fan("names@fair.example")
	p := s.hold(b, e, "1")
	at := p.Request.URL.Path
	b.send(p, at+"/pay", "name", "  Ọlá Bello ").at(at).has("You are going")
	if n := s.count(`SELECT count(*) FROM tickets WHERE holder_name = 'Ọlá Bello'`); n != 1 {
		t.Errorf("%d tickets bear the name", n)
	}
	p = s.hold(b, s.event("Another", func(n *sale.NewSale) { n.Tiers[0].Price = 0 }), "1")
	at = p.Request.URL.Path
	name := func() *html.Node {
		t.Helper()
		in := find(p.doc, "input[name=name][required]")
		if len(in) != 1 {
			t.Fatalf("no field for the name:\n%s", p.says())
		}
		return in[0]
	}
	if n := attr(name(), "value"); n != "Ọlá Bello" {
		t.Errorf("the name that is known is shown as %q", n)
	}
	for wrong, why := range map[string]string{"  ": "Write the name as it should stand on the ticket.", "12345 <b>": "without the signs"} {
		p = b.send(p, at+"/pay", "name", wrong, "holder_0", "080512").at(at).has(why, "A name needs at least one letter.")
		if attr(name(), "value") != wrong || attr(find(p.doc, "#holder_0")[0], "value") != "080512" {
			t.Errorf("what was typed is lost: %q", attr(name(), "value"))
		}
		if say := find(p.doc, "#"+strings.Fields(attr(name(), "aria-describedby"))[0]); attr(name(), "aria-invalid") != "true" || len(say) != 1 || !strings.Contains(words(say[0]), why) {
			t.Error("the field does not say what is wrong with it")
		}
	}
	if n := s.count(`SELECT count(*) FROM payments`); n != 1 {
		t.Errorf("%d payments were begun", n)
	}
	b.send(p, at+"/pay", "name", "Ọlá Bello-Eze", "holder_0", "").at(at).has("You are going")
	if n := s.count(`SELECT count(*) FROM tickets t JOIN accounts a ON a.id = t.account_id WHERE t.holder_name = 'Ọlá Bello-Eze' AND a.name = t.holder_name`); n != 1 {
		t.Errorf("%d tickets bear the new name", n)
	}
}
