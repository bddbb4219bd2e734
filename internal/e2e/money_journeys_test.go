package e2e_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestMoneyJourneys are the ways of money as people see them, in a real browser. They share the product and the browser;
// each has an event and people of its own.
func TestMoneyJourneys(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	for name, journey := range map[string]func(*testing.T, *browser){
		"PayByCardAndKeepTheReceipt":        payAndKeepTheReceipt,
		"BothPaymentsFail":                  bothPaymentsFail,
		"ASharedPhoneKeepsNamesApart":       sharedPhone,
		"ATransferArrivesAfterTenMinutes":   func(t *testing.T, b *browser) { transferArrives(t, b, true) },
		"ATransferArrivesWithoutJavaScript": func(t *testing.T, b *browser) { transferArrives(t, b, false) },
		"LateSuccessTheSameTickets":         lateSame,
		"LateSuccessEqualTickets":           lateEqual,
		"LateSuccessNothingLeft":            lateNothing,
		"TheFanSeesARefund":                 fanSeesRefund,
		"TheFanPaysTheFee":                  fanPaysTheFee,
		"ATicketIsGivenBack":                ticketGivenBack,
		"GivenBackWithoutJavaScript":        givenBackPlainly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			journey(t, b)
		})
	}
}

// terms changes the terms of a show that is about to be made.
func terms(set map[string]any) func(map[string]any) {
	return func(body map[string]any) {
		sale := body["sale"].(map[string]any)
		for name, value := range set {
			sale[name] = value
		}
	}
}

// reference is that of the newest payment of an event by the account of an address.
func (s *show) reference(t testing.TB, email string) (ref string) {
	t.Helper()
	if err := s.pool.QueryRow(t.Context(), `SELECT p.reference FROM payments p JOIN accounts a ON a.id = p.account_id
		WHERE p.event_id = $1 AND a.email = $2 ORDER BY p.created_at DESC LIMIT 1`, s.id, email).Scan(&ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

func payAndKeepTheReceipt(t *testing.T, b *browser) {
	s := b.product.newShow(t, "papers", 10, terms(map[string]any{"tax": map[string]any{"name": "VAT", "percent": 7.5, "number": "12345678-0042"}}))
	v := b.visit(t, true)
	v.enter(s, "ada-papers@example.test")
	v.hold(2)
	// All of it stands there before anybody pays.
	v.reads("card or USSD")
	v.reads("In the price: VAT 7.5 %")
	v.reads("₦2,093.02")
	v.goesToPay("Pay ₦30,000")
	v.payWith(goodCard, goodCVV)
	v.sees("You are going")
	v.click("link", "Receipt")
	v.sees("Receipt")
	for _, words := range []string{"The Hall", "12345678-0042", "Card", "In the price: VAT 7.5 %", s.reference(t, "ada-papers@example.test")} {
		v.reads(words)
	}
	s.audited(t)
}

func bothPaymentsFail(t *testing.T, b *browser) {
	s := b.product.newShow(t, "both-fail", 10, nil)
	v := b.visit(t, true)
	v.enter(s, "chi-both@example.test")
	v.hold(1)
	// A tab that stays on the line follows within seconds, which is less than a step, and says what it shows.
	line := v.another()
	line.open("/events/" + s.slug + "/queue")
	line.sees("Pay for your tickets")
	follows := func(heading string) {
		t.Helper()
		line.sees(heading)
		s.until("a screen reader hears "+heading, func() bool { return strings.Contains(line.spoken(), heading) })
	}
	for _, heading := range []string{"Try to pay again", "This ticket could not be paid"} {
		v.goesToPay("Pay ₦15,000")
		follows("Your payment is under way")
		v.payWith(badCard, badCVV)
		v.click("link", "Go back to FairQueue")
		v.sees(heading)
		v.reads("Your bank says: Declined")
		if heading == "Try to pay again" {
			follows("Pay for your tickets")
		}
	}
	follows("You need another turn")
	if said := line.spoken(); strings.Contains(said, "Pay for") {
		t.Errorf("under \"You need another turn\" a screen reader finds %q", said)
	}
	// No third try in this visit. The page names the way on, which leads to a ticket.
	if n, err := v.role("button", "Pay ₦15,000").Count(); err != nil || n != 0 {
		t.Errorf("%d ways to pay a third time, %v", n, err)
	}
	v.click("button", "Ask for another turn")
	v.turns()
	v.click("button", "Come in and choose tickets")
	v.hold(1)
	v.goesToPay("Pay ₦15,000")
	v.payWith(goodCard, goodCVV)
	v.sees("You are going")
	if n := s.count(`SELECT count(*) FROM units WHERE event_id = $1 AND state = 'free'`, s.id); n != 9 {
		t.Errorf("%d units are free, want 9", n)
	}
	s.audited(t)
}

// spoken is what a screen reader finds where the line's page announces.
func (v *person) spoken() string {
	v.t.Helper()
	said, err := v.Locator("#say, #say-now").AllTextContents()
	v.must(err)
	return strings.Join(said, " ")
}

// sharedPhone: what somebody typed about tickets and left is not in the form of whoever signs in next in the same tab.
func sharedPhone(t *testing.T, b *browser) {
	s := b.product.newShow(t, "shared-phone", 10, nil)
	v := b.visit(t, true)
	v.enter(s, "first-shared@example.test")
	v.hold(1)
	v.fill("Your name", "First Fan")
	v.must(v.Locator("summary").Click())
	v.must(v.Locator("#holder_0").Fill("Secret Friend"))
	// It is kept for the same tickets, and shown.
	_, err := v.Reload()
	v.must(err)
	if name, err := v.Locator("#holder_0").InputValue(); err != nil || name != "Secret Friend" {
		t.Errorf("after loading again the name is %q (%v)", name, err)
	}
	v.waits(v.Locator("#holder_0"))

	v.must(v.context.ClearCookies()) // signed out
	v.enter(s, "second-shared@example.test")
	v.hold(1)
	// What stands there is read out of the second one's own address.
	for field, want := range map[string]string{"#name": "Second Shared", "#holder_0": ""} {
		if got, err := v.Locator(field).InputValue(); err != nil || got != want {
			t.Errorf("%s holds %q of somebody else (%v)", field, got, err)
		}
	}
}

// transferArrives: the bank of a transfer is silent for ten minutes of the provider's clock, and the page waits.
func transferArrives(t *testing.T, b *browser, javaScript bool) {
	slug := fmt.Sprintf("transfer-%t", javaScript)
	s := b.product.newShow(t, slug, 10, terms(map[string]any{"hold_seconds": 1900, "visit_seconds": 2400}))
	v := b.visit(t, javaScript)
	email := slug + "@example.test"
	v.enter(s, email)
	v.hold(1)
	v.reads("card, USSD or bank transfer")
	shop := v.URL()
	v.goesToPay("Pay ₦15,000")
	v.reads("no real money")
	// The fan sends the money in the bank's app and comes back without waiting.
	ref := s.reference(t, email)
	s.outcome(t, ref, map[string]any{"outcome": "ongoing", "channel": "bank_transfer"})
	v.open(shop)
	v.reads("Waiting for your bank")
	v.reads("Send exactly ₦15,000")
	// Time alone does not take the ticket from somebody who pays.
	s.exec(`UPDATE claims SET expires_at = now() - interval '1 minute' WHERE event_id = $1`, s.id)
	s.outcome(t, ref, map[string]any{"outcome": "success", "after_minutes": 10, "channel": "bank_transfer"})
	// Nobody touches the page.
	v.sees("You are going")
	if n := s.sold(); n != 1 {
		t.Errorf("%d units are sold, want 1", n)
	}
	s.audited(t)
}

// givesUp brings a fan to a payment that nobody finishes, and lets its time pass: the hold has ended.
func (v *person) givesUp(s *show, email string) (reference string) {
	v.t.Helper()
	v.enter(s, email)
	v.hold(1)
	shop := v.URL()
	v.goesToPay("Pay ₦15,000")
	v.reads("no real money")
	reference = s.reference(v.t, email)
	s.exec(`UPDATE payments SET deadline_at = now() - interval '1 hour', next_check_at = now() WHERE reference = $1`, reference)
	s.until("the ticket went back", func() bool {
		return s.count(`SELECT count(*) FROM claims c JOIN payments p ON p.claim_id = c.id WHERE p.reference = $1 AND c.status = 'released'`, reference) == 1
	})
	v.open(shop)
	v.sees("The tickets went back")
	v.reads("No payment of yours has reached us")
	return reference
}

// buysOne takes the first free place for somebody else.
func (s *show) buysOne(t *testing.T, email string) {
	t.Helper()
	bearer, _ := s.signedIn(email)
	other := s.called(t, bearer)
	_, ref := other.pay(other.claim(1))
	sold := s.sold()
	s.outcome(t, ref, map[string]any{"outcome": "success"})
	s.until("somebody else has bought", func() bool { return s.sold() == sold+1 })
}

func lateSame(t *testing.T, b *browser) {
	s := b.product.newShow(t, "late-same", 2, nil)
	v := b.visit(t, true)
	ref := v.givesUp(s, "dayo-same@example.test")
	s.outcome(t, ref, map[string]any{"outcome": "success"})
	// The page that says that the ticket went back turns by itself.
	v.sees("You are going")
	if text, err := v.Locator("main").InnerText(); err != nil || strings.Contains(text, "equal one") {
		t.Errorf("the very ticket is called an equal one: %v\n%s", err, text)
	}
	v.click("link", "Show my tickets")
	v.waits(v.GetByLabel("Ticket code, ends in"))
	s.audited(t)
}

func lateEqual(t *testing.T, b *browser) {
	s := b.product.newShow(t, "late-equal", 2, nil)
	v := b.visit(t, true)
	ref := v.givesUp(s, "ebi-equal@example.test")
	s.buysOne(t, "first-equal@example.test")
	s.outcome(t, ref, map[string]any{"outcome": "success"})
	v.sees("You are going")
	v.reads("This is an equal one, of the same kind and price.")
	if n := s.sold(); n != 2 {
		t.Errorf("%d units are sold, want 2", n)
	}
	s.audited(t)
}

func lateNothing(t *testing.T, b *browser) {
	s := b.product.newShow(t, "late-nothing", 1, nil)
	v := b.visit(t, false)
	ref := v.givesUp(s, "femi-nothing@example.test")
	s.buysOne(t, "first-nothing@example.test")
	s.outcome(t, ref, map[string]any{"outcome": "success"})
	s.until("the money is owed", func() bool {
		return s.count(`SELECT count(*) FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.reference = $1`, ref) == 1
	})
	v.reload()
	v.sees("Your payment came too late")
	v.reads("no equal ones were free")
	v.reads("₦15,000 back")
	// The sandbox sends it within seconds, the page says so, and so does a mail.
	s.until("the money is back", func() bool {
		return s.count(`SELECT count(*) FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.reference = $1 AND r.status = 'processed'`, ref) == 1
	})
	v.reload()
	v.reads("Sent back")
	s.until("both mails are there", func() bool { return s.mails("femi-nothing@example.test") >= 3 })
	if n := s.sold(); n != 1 {
		t.Errorf("%d units are sold, want 1", n)
	}
	s.audited(t)
}

func fanSeesRefund(t *testing.T, b *browser) {
	s := b.product.newShow(t, "refund-seen", 10, nil)
	v := b.visit(t, true)
	v.enter(s, "gbenga-refund@example.test")
	v.hold(2)
	shop := v.URL()
	v.goesToPay("Pay ₦30,000")
	v.payWith(goodCard, goodCVV)
	v.sees("You are going")
	order := shop[strings.LastIndex(shop, "/")+1:]
	// A part first: the tickets stay good.
	s.api(t, "POST", "/organizer/orders/"+order+"/refund", s.asOrganizer(),
		map[string]any{"amount": map[string]any{"amount": 500000, "currency": "NGN"}, "reason": "The second stage was closed.", "request": "part"}).want(202)
	v.open(shop)
	v.sees("You are going")
	v.reads("Money back to you")
	v.reads("The organizer says: The second stage was closed.")
	// Then all of it.
	s.api(t, "POST", "/organizer/orders/"+order+"/refund", s.asOrganizer(), map[string]any{}).want(202)
	v.open(shop)
	v.sees("The organizer gave your money back")
	s.until("the money is back", func() bool {
		return s.count(`SELECT count(*) FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.event_id = $1 AND r.status = 'processed'`, s.id) == 2
	})
	v.open(shop)
	v.reads("Refunded")
	v.reads("₦30,000 back")
	v.click("link", "Receipt")
	v.reads("What stays paid")
	v.open("/tickets")
	v.must(v.Locator("a.row").First().Click())
	if n, err := v.GetByLabel("Ticket code, ends in").Count(); err != nil || n != 0 {
		t.Errorf("%d codes of tickets whose money went back, %v", n, err)
	}
	if n := s.count(`SELECT count(*) FROM units WHERE event_id = $1 AND state = 'free'`, s.id); n != 10 {
		t.Errorf("%d units are free, want 10", n)
	}
	s.audited(t)
}

func fanPaysTheFee(t *testing.T, b *browser) {
	s := b.product.newShow(t, "fee", 10, terms(map[string]any{"fees_by": "fan"}))
	v := b.visit(t, true)
	v.enter(s, "halima-fee@example.test")
	v.hold(1)
	v.reads("Added by Paystack, about")
	v.goesToPay("Pay about ₦15,329.95")
	v.reads("no real money")
	shop := s.count(`SELECT count(*) FROM payments WHERE event_id = $1 AND amount_kobo = 1500000`, s.id)
	if shop != 1 {
		t.Errorf("%d payments ask for the price alone, want 1", shop)
	}
	v.click("button", "Cancel payment")
	v.click("button", "Cancel and give the ticket back")
	v.reads("No payment of yours has reached us")
	s.audited(t)
}

// A ticket that is given back goes to the next in the line, and its price to the fan.
func ticketGivenBack(t *testing.T, b *browser) {
	s := b.product.newShow(t, "given-back", 1, terms(map[string]any{"returns": true}))
	v := b.visit(t, true)
	v.enter(s, "ijeoma-back@example.test")
	v.hold(1)
	shop := v.URL()
	v.goesToPay("Pay ₦15,000")
	v.payWith(goodCard, goodCVV)
	v.sees("You are going")
	next := b.visit(t, true)
	next.open("/events/" + s.slug)
	next.click("link", "Sign in to join")
	next.signIn("kemi-next@example.test")
	next.sees("Sold out")

	v.click("link", "Show my tickets")
	v.waits(v.GetByLabel("Ticket code, ends in"))
	v.click("link", "Give this ticket back")
	v.sees("Give this ticket back?")
	v.click("button", "Give it back for ₦15,000")
	v.sees("You gave this ticket back")
	if n, err := v.GetByLabel("Ticket code, ends in").Count(); err != nil || n != 0 {
		t.Errorf("%d codes are left, %v", n, err)
	}
	// Whoever is next is called, without loading the page.
	next.turns()
	next.click("button", "Come in and choose tickets")
	next.sees("Choose your tickets")
	next.hold(1)

	v.open(shop)
	v.sees("You gave your tickets back")
	v.reads("₦15,000 back")
	s.until("the money is back", func() bool {
		return s.count(`SELECT count(*) FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.event_id = $1 AND r.status = 'processed'`, s.id) == 1
	})
	v.reads("Sent back")
	s.audited(t)
}

func givenBackPlainly(t *testing.T, b *browser) {
	s := b.product.newShow(t, "back-plain", 5, terms(map[string]any{"returns": true}))
	v := b.visit(t, false)
	v.enter(s, "lola-plain@example.test")
	v.hold(2)
	v.goesToPay("Pay ₦30,000")
	v.payWith(goodCard, goodCVV)
	v.sees("You are going")
	shop := v.URL()
	v.open("/tickets")
	v.must(v.Locator("a.row").First().Click())
	v.click("link", "Give this ticket back")
	v.reads("Your other tickets stay as they are")
	v.click("button", "Give it back for ₦15,000")
	v.sees("You gave this ticket back")
	// The other one stays good.
	v.open(shop)
	v.sees("You are going")
	v.reads("You gave a ticket back.")
	v.click("link", "Receipt")
	v.reads("What stays paid")
	if n := s.sold(); n != 1 {
		t.Errorf("%d units are sold, want 1", n)
	}
	s.audited(t)
}
