package e2e_test

import (
	"net/http"
	"testing"

	"github.com/playwright-community/playwright-go"
)

// What the odds say of a place moves with the line as everything else on the page does.
func TestTheOddsMoveWithTheLine(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	s := p.newShow(t, "odds-move", 50, func(body map[string]any) { body["sale"].(map[string]any)["max_inside"] = 1 })
	for _, f := range p.fans(23) {
		p.api(t, "POST", "/events/"+s.id+"/queue", f.Token, nil).want(http.StatusCreated)
	}
	bearer, cookie := p.signedIn("odds@example.test")
	p.api(t, "POST", "/events/"+s.id+"/queue", bearer, nil).want(http.StatusCreated)
	v := b.visit(t, true)
	v.must(v.context.AddCookies([]playwright.OptionalCookie{{Name: "fq_session", Value: cookie, URL: playwright.String(p.url)}}))
	p.until("somebody is called", func() bool {
		return p.count(`SELECT serving FROM queue_heads WHERE event_id = $1`, s.id) == 1
	})
	v.open("/events/" + s.slug + "/queue")
	shown := func() string {
		said, err := v.Evaluate(`() => ["ahead", "place", "serving", "now"].map(id => document.getElementById(id)?.textContent.trim()).join("|")`)
		v.must(err)
		return said.(string)
	}
	// The server's picture of the line may be a moment behind the row.
	p.until("the page says where the line is", func() bool { return shown() == "22|23rd|1|1 now" })
	for _, step := range []struct {
		room int
		want string
	}{{3, "20|21st|3|3 now"}, {12, "11|12th|12|12 now"}} {
		p.api(t, "PATCH", "/organizer/events/"+s.id+"/sale", p.asOrganizer(), map[string]any{"max_inside": step.room}).want(http.StatusOK)
		p.until("the page says "+step.want, func() bool { return shown() == step.want })
	}
}

// When the turn comes while a fan is asked whether to leave, at the foot of the page, there is no moment without the
// words of the turn in sight.
func TestATurnIsNeverAnEmptyPage(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	s := p.newShow(t, "turn-in-sight", 50, func(body map[string]any) { body["sale"].(map[string]any)["max_inside"] = 1 })
	for _, f := range p.fans(2) {
		p.api(t, "POST", "/events/"+s.id+"/queue", f.Token, nil).want(http.StatusCreated)
	}
	bearer, cookie := p.signedIn("sight@example.test")
	p.api(t, "POST", "/events/"+s.id+"/queue", bearer, nil).want(http.StatusCreated)
	v := b.visit(t, true)
	v.must(v.context.AddCookies([]playwright.OptionalCookie{{Name: "fq_session", Value: cookie, URL: playwright.String(p.url)}}))
	v.open("/events/" + s.slug + "/queue")
	v.click("link", "Leave the line")
	v.sees("Leave the line?")
	_, err := v.Evaluate(`() => {
		window.frames_ = { turn: 0, empty: 0 };
		const look = () => {
			if (document.body.classList.contains("turn")) {
				frames_.turn++;
				const box = document.querySelector(".turn-h")?.getBoundingClientRect();
				if (!box || box.bottom <= 0 || box.top >= innerHeight || document.querySelector("dialog[open]")) frames_.empty++;
			}
			requestAnimationFrame(look);
		};
		look();
	}`)
	v.must(err)
	p.api(t, "PATCH", "/organizer/events/"+s.id+"/sale", p.asOrganizer(), map[string]any{"max_inside": 5}).want(http.StatusOK)
	v.turns()
	p.until("the turn was seen for a while", func() bool {
		n, err := v.Evaluate(`() => frames_.turn`)
		v.must(err)
		return n.(int) > 20
	})
	if n, err := v.Evaluate(`() => frames_.empty`); err != nil || n != 0 {
		t.Errorf("%v frames of the turn were empty: %v", n, err)
	}
}
