package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/playwright-community/playwright-go"
)

const (
	goodCard, goodCVV = "4084 0840 8408 4081", "408"
	badCard, badCVV   = "4084 0800 0000 5408", "001"
)

// TestJourneys are the ways of people through the pages, in a real browser. They share the product and the browser; each
// has an event and people of its own.
func TestJourneys(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	for name, journey := range map[string]func(*testing.T, *browser){
		"OrganizerRunsASale":                 organizerRunsASale,
		"FanBuysATicket":                     fanBuysATicket,
		"FanBuysWithoutJavaScript":           fanBuysWithoutJavaScript,
		"PlaceSurvivesRefreshTabsAndDevices": placeSurvives,
		"BackAndDoubleClickDoNoHarm":         backAndDoubleClick,
		"HoldExpires":                        holdExpires,
		"PaymentFailsThenSucceeds":           paymentFailsThenSucceeds,
		"BuyerCancelsAtTheProvider":          buyerCancels,
		"TheNumberMoves":                     numberMoves,
		"TheNetworkIsCut":                    networkIsCut,
		"PausedAndResumed":                   pausedAndResumed,
		"TheTurnComesInAnotherTab":           turnInAnotherTab,
		"TwoPeopleOnOneBrowser":              twoOnOneBrowser,
		"SigningOutEndsPolls":                signOutEndsPolls,
		"AMissedTurnIsRedeemed":              missedTurn,
		"SoldOutAndCalledFromTheWaitlist":    soldOutAndCalled,
		"ADrawGivesNumbers":                  drawGivesNumbers,
		"WishesAndTwoMoreMinutes":            wishesAndMoreTime,
		"LeavingIsConfirmed":                 leavingIsConfirmed,
		"TheKeyboardAlone":                   keyboardOnly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			journey(t, b)
		})
	}
}

// moment is a time as a datetime-local field takes it, in Lagos.
func moment(in time.Duration) string {
	return time.Now().Add(in).In(time.FixedZone("WAT", 3600)).Format("2006-01-02T15:04")
}

func organizerRunsASale(t *testing.T, b *browser) {
	o := b.visit(t, true)
	o.open("/organizer")
	o.signIn("chioma@example.test")
	o.fill("Name of the organizer", "Dust Brass Live")
	o.click("button", "Become an organizer")
	o.click("link", "New event")
	// A form with something wrong comes back with everything that was written.
	o.fill("Name", "Night of Horns")
	o.click("button", "Save as a draft")
	o.reads("Nothing was saved yet")
	o.fill("Place", "Marina Bowl, Lagos")
	o.fill("The event begins", moment(240*time.Hour))
	o.must(o.GetByText("First come, first served").Click())
	o.fill("The lobby opens", "")
	o.fill("The sale opens", moment(24*time.Hour))
	o.fill("The sale ends", moment(200*time.Hour))
	o.fill("Kind 1", "Standing")
	o.must(o.GetByLabel("Price, ₦").First().Fill("15000"))
	o.must(o.GetByLabel("How many", playwright.PageGetByLabelOptions{Exact: playwright.Bool(true)}).First().Fill("50"))
	o.click("button", "Save as a draft")
	o.sees("Night of Horns")
	o.reads("Draft")
	event := o.URL()[strings.LastIndex(o.URL(), "/")+1:]
	event, _, _ = strings.Cut(event, "?")
	if got := b.product.api(t, "GET", "/events/"+event, "", nil).status; got != 404 {
		t.Errorf("a draft is shown to everybody: %d", got)
	}
	state := func(want string) {
		t.Helper()
		b.product.until("the sale is "+want, func() bool {
			a := b.product.api(t, "GET", "/events/"+event, "", nil)
			return a.status == 200 && a.str("sale.state") == want
		})
	}
	o.click("button", "Publish")
	state("scheduled")
	o.click("button", "Open the sale now")
	state("open")

	// A fan joins; the figures move without loading the page.
	fan := b.visit(t, true)
	slug := b.product.api(t, "GET", "/events/"+event, "", nil).str("slug")
	fan.open("/events/" + slug)
	fan.click("link", "Sign in to join")
	fan.signIn("fan-of-chioma@example.test")
	fan.turns()
	o.waits(o.Locator("#board").GetByText("1 joined"))

	o.click("button", "Pause the line")
	state("paused")
	fan.reads("The sale is paused")
	o.must(o.GetByLabel("Message", playwright.PageGetByLabelOptions{Exact: playwright.Bool(true)}).Fill("The band is late. We go on at nine."))
	o.click("button", "Send")
	other := b.visit(t, true)
	other.open("/events/" + slug)
	other.reads("The band is late. We go on at nine.")
	o.click("button", "Let the line go on")
	state("open")
	o.fill("Let in each minute", "77")
	o.fill("Most fans inside at once", "33")
	o.click("button", "Set both now")
	b.product.until("pace and room are set", func() bool {
		return b.product.count(`SELECT count(*) FROM sales WHERE event_id = $1 AND admit_per_minute = 77 AND max_inside = 33`, event) == 1
	})
	o.click("link", "Orders")
	o.reads("No orders yet")
	o.click("link", "Console")
	o.click("link", "End the sale")
	o.click("button", "End it for good")
	state("ended")
	fan.open("/events/" + slug)
	fan.reads("The sale is over")
}

// enter brings somebody from the event's page to the choice of tickets.
func (v *person) enter(s *show, email string) {
	v.t.Helper()
	v.open("/events/" + s.slug)
	v.click("link", "Sign in to join")
	v.signIn(email)
	v.turns()
	v.click("button", "Come in and choose tickets")
	v.sees("Choose your tickets")
}

// quantity is the choice of a number of tickets.
func (v *person) quantity(n int) playwright.Locator {
	return v.Locator(fmt.Sprintf(`.qty label:has(input[value="%d"])`, n))
}

// hold takes tickets.
func (v *person) hold(quantity int) {
	v.t.Helper()
	v.must(v.quantity(quantity).Click())
	v.click("button", "Hold these tickets for me")
	v.sees("Pay for your ticket")
}

func fanBuysATicket(t *testing.T, b *browser) {
	s := b.product.newShow(t, "buys", 10, nil)
	// The sale stands still, so that there is a wait.
	b.product.api(t, "POST", "/organizer/events/"+s.id+"/pause", b.product.asOrganizer(), nil).want(200)
	v := b.visit(t, true)
	v.open("/")
	// The poster of the first event links by what to do, the others by their names.
	v.must(v.Locator(`main a[href="/events/buys"]`).First().Click())
	v.click("link", "Sign in to join")
	v.signIn("ada-buys@example.test")
	if n := v.number(); n != "1" {
		t.Errorf("number %q, want 1", n)
	}
	v.reads("Nobody can pass you")
	b.product.api(t, "POST", "/organizer/events/"+s.id+"/resume", b.product.asOrganizer(), nil).want(200)
	// The page turns by itself.
	v.turns()
	v.click("button", "Come in and choose tickets")
	v.sees("Choose your tickets")
	v.hold(2)
	v.reads("Your 2 tickets are kept until")
	v.goesToPay("Pay ₦30,000")
	v.payWith(goodCard, goodCVV)
	v.sees("You are going")
	v.click("link", "Show my tickets")
	v.open("/tickets")
	v.sees("My tickets")
	v.must(v.Locator("a.row").First().Click())
	v.waits(v.GetByLabel("Ticket code, ends in"))
	v.reads(" of 2")
	if n := s.sold(); n != 2 {
		t.Errorf("%d units are sold, want 2", n)
	}
	// The same by mail.
	b.product.until("the tickets come by mail", func() bool { return b.product.mails("ada-buys@example.test") >= 2 })
	s.audited(t)
}

func fanBuysWithoutJavaScript(t *testing.T, b *browser) {
	s := b.product.newShow(t, "no-script", 10, nil)
	b.product.api(t, "POST", "/organizer/events/"+s.id+"/pause", b.product.asOrganizer(), nil).want(200)
	v := b.visit(t, false)
	v.open("/events/" + s.slug)
	v.click("link", "Sign in to join")
	v.signIn("bola-plain@example.test")
	if n := v.number(); n != "1" {
		t.Errorf("number %q, want 1", n)
	}
	b.product.api(t, "POST", "/organizer/events/"+s.id+"/resume", b.product.asOrganizer(), nil).want(200)
	// The page loads itself again.
	v.turns()
	v.click("button", "Come in and choose tickets")
	v.sees("Choose your tickets")
	v.hold(3)
	v.goesToPay("Pay ₦45,000")
	v.payWith(goodCard, goodCVV)
	v.sees("You are going")
	v.click("link", "Show my tickets")
	v.open("/tickets")
	v.must(v.Locator("a.row").First().Click())
	v.waits(v.GetByLabel("Ticket code, ends in"))
	// Leaving asks first, on a page of its own.
	other := b.visit(t, false)
	b.product.api(t, "POST", "/organizer/events/"+s.id+"/pause", b.product.asOrganizer(), nil).want(200)
	other.open("/events/" + s.slug)
	other.click("link", "Sign in to join")
	other.signIn("leaves-plain@example.test")
	other.click("link", "Leave the line")
	other.sees("Leave the line?")
	other.click("button", "Leave for good")
	b.product.until("the fan has left", func() bool {
		return b.product.count(`SELECT count(*) FROM spots WHERE event_id = $1 AND status = 'left'`, s.id) == 1
	})
	s.audited(t)
}

func placeSurvives(t *testing.T, b *browser) {
	s := b.product.newShow(t, "survives", 10, nil)
	b.product.api(t, "POST", "/organizer/events/"+s.id+"/pause", b.product.asOrganizer(), nil).want(200)
	for _, f := range b.product.fans(3) {
		b.product.api(t, "POST", "/events/"+s.id+"/queue", f.Token, nil).want(201)
	}
	const email = "efe-survives@example.test"
	phone := b.visit(t, true)
	phone.open("/events/" + s.slug)
	phone.click("link", "Sign in to join")
	phone.signIn(email)
	same := func(where string, v *person) {
		t.Helper()
		if n := v.number(); n != "4" {
			t.Errorf("%s: number %q, want 4", where, n)
		}
	}
	same("first", phone)
	for range 3 {
		phone.reload()
	}
	same("after refreshing", phone)

	second := &person{Page: phone.tab(), t: t, p: phone.p, context: phone.context}
	second.open("/events/" + s.slug + "/queue")
	same("in a second tab", second)
	phone.must(phone.Close())

	laptop := b.visit(t, true)
	laptop.open("/events/" + s.slug)
	laptop.click("link", "Sign in to join")
	laptop.signIn(email)
	same("on another device", laptop)
	laptop.open("/events/" + s.slug)
	laptop.reads("Your number")

	if n := b.product.count(`SELECT count(*) FROM spots WHERE event_id = $1`, s.id); n != 4 {
		t.Errorf("%d spots, want 4", n)
	}
	// Both see the turn, and one of them takes it.
	b.product.api(t, "POST", "/organizer/events/"+s.id+"/resume", b.product.asOrganizer(), nil).want(200)
	laptop.open("/events/" + s.slug + "/queue")
	laptop.turns()
	second.turns()
	laptop.click("button", "Come in and choose tickets")
	laptop.sees("Choose your tickets")
	second.reload()
	second.click("link", "Choose tickets")
	second.waits(second.role("button", "Hold these tickets for me"))
	s.audited(t)
}

func backAndDoubleClick(t *testing.T, b *browser) {
	s := b.product.newShow(t, "back", 10, nil)
	v := b.visit(t, true)
	v.enter(s, "gozie-back@example.test")
	v.must(v.quantity(2).Click())
	v.must(v.role("button", "Hold these tickets for me").Dblclick())
	v.sees("Pay for your tickets")
	if n := b.product.count(`SELECT count(*) FROM claims WHERE event_id = $1`, s.id); n != 1 {
		t.Errorf("%d claims after a double click", n)
	}
	// Back to the choice: the page asks anew, shows what is held, and a second claim is not possible.
	_, err := v.GoBack()
	v.must(err)
	v.click("link", "Go on to pay")
	v.sees("Pay for your tickets")
	v.named()
	v.must(v.role("button", "Pay ₦30,000").Dblclick())
	v.reads("no real money")
	if n := b.product.count(`SELECT count(*) FROM payments WHERE event_id = $1`, s.id); n != 1 {
		t.Errorf("%d payments after a double click", n)
	}
	// Back from the provider, and on again: the same payment.
	_, err = v.GoBack()
	v.must(err)
	v.sees("Finish paying at Paystack")
	v.click("link", "Go on to Paystack")
	v.payWith(goodCard, goodCVV)
	v.sees("You are going")
	// Back to the provider's page: it is paid and leads to the shop by itself.
	_, err = v.GoBack()
	v.must(err)
	v.sees("Payment successful")
	v.sees("You are going")
	if n := s.sold(); n != 2 {
		t.Errorf("%d units are sold, want 2", n)
	}
	if n := b.product.count(`SELECT count(*) FROM payments WHERE event_id = $1`, s.id); n != 1 {
		t.Errorf("%d payments at the end", n)
	}
	s.audited(t)
}

func holdExpires(t *testing.T, b *browser) {
	s := b.product.newShow(t, "expires", 2, nil)
	v := b.visit(t, true)
	v.enter(s, "hauwa-expires@example.test")
	v.hold(2)
	// The hold's time is over; nothing tidies up, the next look knows.
	b.product.exec(`UPDATE units SET held_until = now() - interval '1 second' WHERE event_id = $1 AND state = 'held'`, s.id)
	b.product.exec(`UPDATE claims SET expires_at = now() - interval '1 second' WHERE event_id = $1`, s.id)
	v.named()
	v.must(v.role("button", "Pay ₦30,000").Click())
	v.reads("The tickets went back")
	if n := b.product.count(`SELECT count(*) FROM payments WHERE event_id = $1`, s.id); n != 0 {
		t.Errorf("%d payments for an expired hold", n)
	}
	// The page shows stock that may be a second old.
	b.product.until("the tickets are back", func() bool {
		tiers, _ := b.product.api(t, "GET", "/events/"+s.id, "", nil).json["tiers"].([]any)
		return len(tiers) == 1 && tiers[0].(map[string]any)["available"] == 2.0
	})
	v.click("link", "Choose again")
	v.sees("Choose your tickets")
	v.hold(1)
	// Somebody else takes the other one at the same time.
	bearer, _ := b.product.signedIn("other-expires@example.test")
	s.called(t, bearer).claim(1)
	s.audited(t)
}

func paymentFailsThenSucceeds(t *testing.T, b *browser) {
	s := b.product.newShow(t, "fails", 10, nil)
	v := b.visit(t, true)
	v.enter(s, "ify-fails@example.test")
	v.hold(1)
	v.goesToPay("Pay ₦15,000")
	v.payWith(badCard, badCVV)
	v.reads("No money was taken")
	v.click("link", "Go back to FairQueue")
	v.sees("Try to pay again")
	v.goesToPay("Pay ₦15,000")
	v.payWith(goodCard, goodCVV)
	v.sees("You are going")
	if n := b.product.count(`SELECT count(*) FROM payments WHERE event_id = $1`, s.id); n != 2 {
		t.Errorf("%d payments, want one that failed and one that succeeded", n)
	}
	if n := s.sold(); n != 1 {
		t.Errorf("%d units are sold, want 1", n)
	}
	s.audited(t)
}

func buyerCancels(t *testing.T, b *browser) {
	s := b.product.newShow(t, "cancels", 10, nil)
	v := b.visit(t, true)
	v.enter(s, "jide-cancels@example.test")
	v.hold(1)
	v.goesToPay("Pay ₦15,000")
	v.reads("no real money")
	v.click("button", "Cancel payment")
	// Back at the shop; the payment may be gone on with, or given up.
	v.sees("You did not pay")
	v.reads("Paystack says that nothing was taken")
	v.click("button", "Cancel and give the ticket back")
	v.sees("The tickets went back")
	v.reads("No payment of yours has reached us")
	if n := b.product.count(`SELECT count(*) FROM units WHERE event_id = $1 AND state = 'free'`, s.id); n != 10 {
		t.Errorf("%d units are free, want 10", n)
	}
	s.audited(t)
}
