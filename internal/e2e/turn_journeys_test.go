package e2e_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

// nowOf finds the server's clock on a page, in milliseconds.
var nowOf = regexp.MustCompile(`data-now="(\d+)"`)

// A turn that was missed is asked for again: that fan is next, before everybody who waits, as soon as there is room.
func missedTurn(t *testing.T, b *browser) {
	s := b.product.newShow(t, "missed", 50, narrow)
	v := b.known(t, "sade-missed@example.test", true)
	v.joins(s)
	v.turns()
	others := s.stand(t, 2)
	// The turn's last seconds run out on the page; first too early, as after a slow answer, while the server still says that it
	// is this fan's turn.
	s.exec(`UPDATE spots SET turn_ends_at = now() + interval '9 seconds' WHERE event_id = $1 AND arrival = 1`, s.id)
	v.alter("**/queue", func(body string) string {
		return nowOf.ReplaceAllStringFunc(body, func(at string) string {
			n, _ := strconv.ParseInt(nowOf.FindStringSubmatch(at)[1], 10, 64)
			return fmt.Sprintf(`data-now="%d"`, n+6000)
		})
	})
	v.reload()
	v.sees("You can still come in")
	s.until("the next one is called", func() bool { return s.serving() == 2 })
	v.titled("You can still come in")
	v.click("button", "I am here, call me again")
	v.reads("You are next")
	// The room comes free, with another one waiting for it.
	s.api(t, "DELETE", "/events/"+s.id+"/queue", others[0], nil).want(204)
	v.turns()
	if n := s.serving(); n != 2 {
		t.Errorf("number %d was called before the one whose turn it was", n)
	}
	v.click("button", "Come in and choose tickets")
	v.sees("Choose your tickets")
	rules := s.api(t, "GET", "/events/"+s.id+"/fairness", "", nil).want(200).json["exceptions"].([]any)
	if len(rules) != 1 || rules[0].(map[string]any)["rule"] != "redeem" || rules[0].(map[string]any)["number"] != 1.0 {
		t.Errorf("the fairness page discloses %v", rules)
	}
	s.audited(t)
}

// The line is the waiting list: an expired hold and a returned ticket each call the next one, who finds the page turned without
// having touched it.
func soldOutAndCalled(t *testing.T, b *browser) {
	s := b.product.newShow(t, "waitlist", 1, terms(map[string]any{"returns": true}))
	bearer, _ := s.signedIn("holds-waitlist@example.test")
	first := s.called(t, bearer)
	first.claim(1)
	buys, waits := b.known(t, "tobi-waitlist@example.test", true), b.known(t, "uche-waitlist@example.test", true)
	buys.joins(s)
	buys.reads("All tickets are sold or held at the moment")
	waits.joins(s)
	waits.ahead("1")
	still := waits.marked()
	s.exec(`UPDATE units SET held_until = now() - interval '1 second' WHERE event_id = $1 AND state = 'held'`, s.id)
	s.exec(`UPDATE claims SET expires_at = now() - interval '1 second' WHERE event_id = $1`, s.id)
	buys.turns()
	waits.ahead("0")
	buys.click("button", "Come in and choose tickets")
	buys.sees("Choose your tickets")
	buys.hold(1)
	buys.goesToPay("Pay ₦15,000")
	buys.payWith(goodCard, goodCVV)
	buys.sees("You are going")
	waits.sees("Sold out")
	waits.titled("Sold out")
	waits.reads("your place on the waiting list")
	// The buyer gives the ticket back for its price.
	buyer, _ := s.signedIn("tobi-waitlist@example.test")
	var ticket string
	for _, x := range s.api(t, "GET", "/tickets", buyer, nil).want(200).json["tickets"].([]any) {
		ticket = x.(map[string]any)["id"].(string)
	}
	s.api(t, "POST", "/tickets/"+ticket+"/return", buyer, nil).want(202)
	waits.turns()
	still()
	waits.click("button", "Come in and choose tickets")
	waits.sees("Choose your tickets")
	waits.hold(1)
	s.audited(t)
}

// In a draw everybody in the lobby gets a number at once, wherever they look from, and keeps it; who comes later stands
// behind all of them. The fairness page computes the same number from public data.
func drawGivesNumbers(t *testing.T, b *browser) {
	s := b.product.draft(t, "numbers", 50, func(body map[string]any) {
		narrow(body)
		terms := body["sale"].(map[string]any)
		now := time.Now().UTC()
		terms["ordering"] = "draw"
		terms["lobby_opens_at"], terms["opens_at"] = now.Add(-time.Minute).Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339)
	})
	s.do(t, "publish")
	s.stand(t, 4)
	const email = "vera-numbers@example.test"
	v, plain := b.known(t, email, true), b.known(t, "wale-numbers@example.test", false)
	v.joins(s)
	plain.joins(s)
	for _, fan := range []*person{v, plain} {
		fan.stands("lobby")
		fan.reads("You are in the lobby")
		fan.reads("The draw is sealed")
	}
	// Leaving the lobby and coming back changes nothing.
	v.click("link", "Leave the lobby")
	v.must(v.Locator("#leave").GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Leave the lobby"}).Click())
	v.sees("You left the lobby")
	v.reads("you get the same place")
	v.click("button", "Come back into the lobby")
	v.stands("lobby")
	still := v.marked()

	s.do(t, "open")
	number := v.given()
	still()
	plain.reload()
	theirs := plain.given()
	late := b.known(t, "xena-numbers@example.test", true)
	late.joins(s)
	if n := late.given(); n != "7" {
		t.Errorf("who came after the draw has number %s, want 7", n)
	}
	if !slices.Contains([]string{"1", "2", "3", "4", "5", "6"}, number) || number == theirs || theirs == "7" {
		t.Errorf("the numbers of two in the lobby are %s and %s", number, theirs)
	}
	v.reload()
	if n := v.given(); n != number {
		t.Errorf("number %s after a reload, and was %s", n, number)
	}
	laptop := b.known(t, email, true)
	laptop.open("/events/" + s.slug + "/queue")
	if n := laptop.given(); n != number {
		t.Errorf("number %s on another device, and was %s", n, number)
	}
	laptop.open("/events/" + s.slug + "/fairness")
	if got := laptop.checked("Check now"); len(failed(got)) > 0 || got["number"] != "ok" {
		t.Errorf("the check of the number: %v", got)
	}
	if said, err := laptop.Locator("#check-number").InputValue(); err != nil || said != number {
		t.Errorf("the fairness page checks number %q, want %s: %v", said, number, err)
	}
	s.audited(t)
}

// A fan names the tickets they want, hears when those are gone and others are left, and gets the mail they asked for
// when the turn comes; the turn itself is made two minutes longer, once. All of it without JavaScript too.
func wishesAndMoreTime(t *testing.T, b *browser) {
	for name, javaScript := range map[string]bool{"with": true, "without": false} {
		t.Run(name+" JavaScript", func(t *testing.T) {
			s := b.product.newShow(t, "wishes-"+name, 1, func(body map[string]any) {
				narrow(body)
				body["tiers"] = append(body["tiers"].([]any), map[string]any{"name": "Balcony", "price_kobo": 900000, "capacity": 20})
			})
			bearer, _ := s.signedIn("takes-" + name + "@example.test")
			first := s.called(t, bearer)
			email := "yemi-" + name + "@example.test"
			v := b.known(t, email, javaScript)
			v.joins(s)
			v.ahead("0")
			pick := func(what string) playwright.Locator {
				return v.Locator("#wishes label", playwright.PageLocatorOptions{HasText: what}).GetByRole("checkbox")
			}
			v.must(pick("Balcony").SetChecked(false))
			v.must(pick("Send me an e-mail").SetChecked(true))
			v.must(v.Locator("#wishes").GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Save"}).Click())
			v.reads("Saved: an e-mail when it is your turn; Standing.")
			claim := first.claim(1)
			_, reference := first.pay(claim)
			s.outcome(t, reference, map[string]any{"outcome": "success"})
			v.reads("Sold out for you")
			v.reads("Balcony is left")
			v.must(pick("Standing").SetChecked(false))
			v.must(pick("Balcony").SetChecked(true))
			v.must(v.Locator("#wishes").GetByRole("button", playwright.LocatorGetByRoleOptions{Name: "Save"}).Click())
			v.reads("Saved: an e-mail when it is your turn; Balcony.")
			v.gone(v.GetByText("Sold out for you"))

			before := s.mails(email)
			s.room(t, 2)
			v.turns()
			s.until("the mail comes", func() bool { return s.mails(email) == before+1 })
			ends := func() (at time.Time) {
				v.t.Helper()
				until, err := v.GetByRole("timer").First().GetAttribute("data-until")
				v.must(err)
				at, err = time.Parse(time.RFC3339, until)
				v.must(err)
				return at
			}
			was := ends()
			v.click("button", "Give me 2 more minutes")
			v.gone(v.role("button", "Give me 2 more minutes"))
			if got := ends().Sub(was).Round(time.Second); got != 2*time.Minute {
				t.Errorf("the turn is %s longer", got)
			}
			v.click("button", "Come in and choose tickets")
			v.sees("Choose your tickets")
			s.audited(t)
		})
	}
}

// Leaving is asked twice; who leaves and comes back stands behind everybody who waits.
func leavingIsConfirmed(t *testing.T, b *browser) {
	s := b.product.newShow(t, "leaves", 50, narrow)
	s.stand(t, 2)
	v := b.known(t, "zainab-leaves@example.test", true)
	v.joins(s)
	v.ahead("1")
	s.stand(t, 2)
	v.click("link", "Leave the line")
	v.sees("Leave the line?")
	v.click("button", "Stay in line")
	v.gone(v.role("heading", "Leave the line?"))
	if n := v.number(); n != "3" {
		t.Errorf("number %q after staying, want 3", n)
	}
	v.click("link", "Leave the line")
	v.click("button", "Leave for good")
	v.sees("You left the line")
	v.reads("Nothing was bought and nothing was paid")
	v.click("button", "Join the line again")
	v.reads("You asked for another turn")
	v.ahead("4")
	if n := v.number(); n != "3" {
		t.Errorf("number %q after coming back, want 3 as before", n)
	}
	// Not at its number, but after those who waited.
	s.room(t, 3)
	s.until("others are called", func() bool { return s.serving() >= 4 })
	v.stands("waiting")
	s.room(t, 5)
	v.turns()
	s.audited(t)
}

// The whole way with a keyboard alone: into the line, through the question whether to leave, in when the turn comes.
func keyboardOnly(t *testing.T, b *browser) {
	s := b.product.newShow(t, "keys", 50, narrow)
	s.stand(t, 1)
	v := b.known(t, "bisi-keys@example.test", true)
	v.open("/events/" + s.slug)
	v.tabTo("Join the line")
	v.press("Enter")
	v.ahead("0")
	v.tabTo("Leave the line")
	v.press("Enter")
	v.sees("Leave the line?")
	// The question holds the keyboard: nothing behind it is reached.
	for range 5 {
		v.press("Tab")
		if where := v.focus(); where.Name != "" && !where.Dialog {
			t.Errorf("the keyboard left the question: %+v", where)
		}
	}
	v.press("Escape")
	v.gone(v.role("heading", "Leave the line?"))
	if where := v.focus(); where.Name != "Leave the line" {
		t.Errorf("after the question the keyboard is at %+v", where)
	}
	v.press("Enter")
	v.sees("Leave the line?")
	v.tabTo("Stay in line")
	v.press("Enter")
	v.gone(v.role("heading", "Leave the line?"))
	s.room(t, 2)
	v.turns()
	v.tabTo("Come in and choose tickets")
	v.press("Enter")
	v.sees("Choose your tickets")
	s.audited(t)
}

func (v *person) press(key string) {
	v.t.Helper()
	v.must(v.Keyboard().Press(key))
}

// focused is what the keyboard is at.
type focused struct {
	Name    string
	Dialog  bool
	Link    bool
	Visible bool // it can be seen that it is there
}

func (v *person) focus() focused {
	v.t.Helper()
	got, err := v.Evaluate(`() => {
		const el = document.activeElement;
		if (!el || el === document.body) return { name: "", dialog: false, link: false, visible: false };
		const name = (el.innerText || el.getAttribute("aria-label") || el.labels?.[0]?.innerText || el.id || el.tagName).trim();
		// A box that is ticked is drawn by what stands behind it.
		const seen = [el, el.matches("input") && el.nextElementSibling].filter(Boolean).some(at => {
			const style = getComputedStyle(at);
			return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 || style.boxShadow !== "none";
		}) || el.ownerSVGElement && parseFloat(getComputedStyle(el.querySelector("path")).strokeWidth) >= 4;
		return { name, dialog: !!el.closest("dialog"), link: el.matches("a"), visible: !!seen };
	}`)
	v.must(err)
	m := got.(map[string]any)
	return focused{m["name"].(string), m["dialog"].(bool), m["link"].(bool), m["visible"].(bool)}
}

// tabTo presses the key until the keyboard is at something with a name, which must show that.
func (v *person) tabTo(name string) {
	v.t.Helper()
	var passed []string
	for range 60 {
		v.press("Tab")
		where := v.focus()
		if where.Name != "" && !where.Visible {
			v.t.Errorf("it is not seen that the keyboard is at %q", where.Name)
		}
		if where.Name == name {
			return
		}
		passed = append(passed, where.Name)
	}
	v.t.Fatalf("the keyboard never comes to %q, but to %s", name, strings.Join(passed, ", "))
}
