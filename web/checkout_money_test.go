package web_test

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
)

// sandboxDoes tells the sandbox what a network does; body is JSON.
func (s *stack) sandboxDoes(method, path, body string) {
	s.t.Helper()
	r := must(http.NewRequestWithContext(s.t.Context(), method, s.provider.URL+"/_sandbox"+path, bytes.NewReader([]byte(body))))(s.t)
	resp, err := s.provider.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close() // Nothing is read of it.
	if resp.StatusCode/100 != 2 {
		s.t.Fatalf("the sandbox refused %s %s: %s", path, body, resp.Status)
	}
}

// live asks for the part of an order that waits, as htmx does.
func (b *browser) live(claim, was string) *page {
	b.t.Helper()
	r := b.request(http.MethodGet, "/checkout/"+claim+"/live?was="+was, nil)
	r.Header.Set("HX-Request", "true")
	return b.do(r).status(http.StatusOK)
}

// What is paid, with which ways and fees, stands there before anybody pays.
func TestFeesTaxAndWaysStandBeforePaying(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	plain := s.event("Plain")
	p := s.hold(s.fan("plain@fair.example"), plain, "2").has("You pay at Paystack, by card or USSD.", "Bank transfer is not offered here", "Pay ₦25,000")
	if strings.Contains(p.says(), "VAT") {
		t.Error("a tax that nobody set")
	}
	long := s.event("Long", func(n *sale.NewSale) { n.Terms.HoldSeconds = 1900 })
	s.hold(s.fan("long@fair.example"), long, "1").has("You pay at Paystack, by card, USSD or bank transfer.")

	on := payment.FeeOnTop(2_500_000)
	both := s.event("Both", func(n *sale.NewSale) {
		n.Terms.FeesBy, n.Terms.Tax, n.Terms.Channels = sale.FeesByFan, sale.Tax{Name: "VAT", BasisPoints: 750, Number: "123-456"}, []string{"ussd"}
	})
	s.hold(s.fan("both@fair.example"), both, "2").has("You pay at Paystack, by USSD.", "Added by Paystack, about "+on.String(), "In the price: VAT 7.5 % ₦1,744.19",
		"Pay about "+(2_500_000+on).String())
}

// Of the receipt nothing is guessed: it says what came and what went back.
func TestTheReceiptHasTheTax(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Taxed", func(n *sale.NewSale) { n.Terms.Tax = sale.Tax{Name: "VAT", BasisPoints: 750, Number: "123-456"} })
	b := s.fan("papers@fair.example")
	p := s.hold(b, e, "2")
	claim := claimOf(p)
	b.look("/checkout/" + claim + "/receipt").redirects("/checkout/" + claim) // There is none yet.
	b.submit(p, "/checkout/"+claim+"/pay")
	s.bankSays(s.reference(claim), "success")
	p = b.get("/checkout/" + claim + "/return").at("/checkout/" + claim).has("You are going")
	if len(find(p.doc, "a[href=/checkout/"+claim+"/receipt]")) != 1 {
		t.Error("no way to the receipt")
	}
	vat := sale.Tax{BasisPoints: 750}.In(2_500_000)
	b.get("/checkout/"+claim+"/receipt").status(http.StatusOK).has("Lagos Nights", "123-456", "papers @fair.example", "2 × Stands", "Paid ₦25,000",
		"In the price: VAT 7.5 % "+vat.String(), s.reference(claim))
	// A receipt says what was true when it was paid, whatever the organizer changes later.
	if _, err := s.sales.Change(t.Context(), e.ID(), uuid.New(), sale.Patch{Tax: &sale.Tax{Name: "Levy", BasisPoints: 1000, Number: "999-999"}}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*page{b.get("/checkout/"+claim+"/receipt").has("123-456", "In the price: VAT 7.5 % "+vat.String()), b.get("/checkout/" + claim)} {
		if says := p.says(); strings.Contains(says, "Levy") || strings.Contains(says, "999-999") {
			t.Error(says)
		}
	}
	s.fan("stranger@fair.example").look("/checkout/" + claim + "/receipt").status(http.StatusNotFound)
}

// A page that waits for a bank is told when there is news, and says what can be done until then.
func TestAPageThatWaitsForABankLooksByItself(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Patience", func(n *sale.NewSale) { n.Terms.HoldSeconds = 1900 })
	b := s.fan("patient@fair.example")
	p := s.hold(b, e, "1")
	claim := claimOf(p)
	b.submit(p, "/checkout/"+claim+"/pay")
	ref := s.reference(claim)
	s.sandboxDoes(http.MethodPost, "/transactions/"+ref, `{"outcome":"ongoing","channel":"bank_transfer"}`)
	p = b.get("/checkout/"+claim).has("Waiting for your bank", "Send exactly ₦12,500", "Your ticket is kept for you until your bank has answered")
	part := find(p.doc, "#order[hx-get]")
	if len(part) != 1 || attr(part[0], "hx-get") != "/checkout/"+claim+"/live?was=waiting" {
		t.Fatalf("the page does not look by itself:\n%s", p.says())
	}
	if p = b.live(claim, "waiting").has("Waiting for your bank"); p.Header.Get("HX-Refresh") != "" {
		t.Error("no news, and the page is loaded again")
	}
	// The webhook is lost; the page asks the provider itself once the last time is a while ago.
	s.bankSays(ref, "success")
	if p = b.live(claim, "waiting"); p.Header.Get("HX-Refresh") != "" {
		t.Error("the provider is asked each time")
	}
	s.exec(`UPDATE payments SET checked_at = now() - interval '10 seconds'`)
	if p = b.live(claim, "waiting").has("You are going"); p.Header.Get("HX-Refresh") != "true" {
		t.Error("there is news, and the page is not loaded again")
	}
	p = b.get("/checkout/" + claim)
	if len(find(p.doc, "[hx-get]")) != 0 {
		t.Error("a page that has its answer goes on asking")
	}
}

// The provider is down: the tickets are kept, the page says so, and the way to pay opens when it is back.
func TestTheProviderIsDownAtTheCheckout(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Dark")
	b := s.fan("dark@fair.example")
	p := s.hold(b, e, "1")
	claim := claimOf(p)
	s.sandboxDoes(http.MethodPost, "/faults", `{"initialize":"down","verify":"down"}`)
	p = b.send(p, "/checkout/"+claim+"/pay").at("/checkout/"+claim).has("Paystack does not answer", "nothing was charged", "Your ticket is kept")
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'paying'`); n != 1 {
		t.Errorf("%d units are kept", n)
	}
	b.live(claim, "waiting").has("Paystack does not answer")
	s.sandboxDoes(http.MethodDelete, "/faults", "")
	// The breaker lets nobody through for a while: time is what the fan has.
	deadline := time.Now().Add(30 * time.Second)
	for {
		to := b.submit(p, "/checkout/"+claim+"/pay").Header.Get("Location")
		if strings.HasPrefix(to, s.provider.URL+"/") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the provider is back, and the way to pay leads to %q", to)
		}
		if until, down := s.payments.ProviderDown(); down {
			wait(t, time.Until(until))
		}
	}
	b.get("/checkout/" + claim).has("Finish paying at Paystack")
}

// While the provider is down nobody is sent to pay, and a page that is open keeps its tickets up to the cap.
func TestTicketsAreKeptWhileTheProviderIsDown(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Dark evening")
	first, b := s.fan("first-dark@fair.example"), s.fan("second-dark@fair.example")
	asks := s.hold(first, e, "1")
	claim := claimOf(s.hold(b, e, "1"))
	s.sandboxDoes(http.MethodPost, "/faults", `{"initialize":"down"}`)
	for down, tries := false, 0; !down; tries++ {
		if tries > 50 {
			t.Fatal("the provider is never taken for down")
		}
		first.submit(asks, "/checkout/"+claimOf(asks)+"/pay")
		_, down = s.payments.ProviderDown()
	}
	p := b.get("/checkout/"+claim).has("Paystack does not answer at the moment", "we give you more time by ourselves, up to")
	if b.send(p, "/checkout/"+claim+"/pay").has("Paystack does not answer"); s.count(`SELECT count(*) FROM payments WHERE claim_id = $1`, claim) != 0 {
		t.Log("the provider was tried in between")
		return
	}
	left := func() int {
		return s.count(`SELECT extract(epoch FROM expires_at - now())::int FROM claims WHERE id = $1`, claim)
	}
	for _, path := range []string{"", "/hold"} {
		s.exec(`UPDATE claims SET expires_at = now() + interval '30 seconds' WHERE id = $1`, claim)
		s.exec(`UPDATE units SET held_until = now() + interval '30 seconds' WHERE claim_id = $1`, claim)
		b.get("/checkout/" + claim + path)
		if _, down := s.payments.ProviderDown(); down && left() < 500 {
			t.Errorf("%s: %d s are left of a hold that should be kept", path, left())
		}
	}
	// Beyond the cap nothing is kept.
	s.exec(`UPDATE claims SET expires_at = now() + interval '30 seconds', cap_at = now() + interval '40 seconds' WHERE id = $1`, claim)
	b.get("/checkout/" + claim)
	if n := left(); n > 40 {
		t.Errorf("%d s are left, beyond the cap", n)
	}
}

// A success that comes after the hold has ended: the same tickets, equal ones, or the money back, and each page says which.
func TestAPaymentThatComesTooLateIsExplained(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	for _, c := range []struct {
		name         string
		sold         int // of the others' before the money comes
		title, words string
	}{
		{"same", 0, "You are going", "Your ticket is ready."},
		{"equal", 1, "You are going", "This is an equal one, of the same kind and price."},
		{"none", 2, "Your payment came too late", "You get ₦12,500 back."},
	} {
		e := s.event("Late "+c.name, func(n *sale.NewSale) { n.Tiers = []sale.NewTier{{Name: "Stands", Price: 1_250_000, Capacity: 2}} })
		b := s.fan("late-" + c.name + "@fair.example")
		p := s.hold(b, e, "1")
		claim := claimOf(p)
		b.submit(p, "/checkout/"+claim+"/pay")
		ref := s.reference(claim)
		s.bankSays(ref, "abandoned")
		s.exec(`UPDATE payments SET deadline_at = now() - interval '1 hour', checked_at = NULL WHERE reference = $1`, ref)
		p = b.get("/checkout/"+claim).has("The tickets went back", "No payment of yours has reached us.")
		if len(find(p.doc, "#order[hx-get]")) != 1 {
			t.Errorf("%s: the page does not look whether the money comes", c.name)
		}
		for range c.sold {
			s.exec(`UPDATE units SET state = 'blocked' WHERE id = (SELECT id FROM units WHERE event_id = $1 AND state = 'free' ORDER BY slot LIMIT 1)`, e.ID())
		}
		s.bankSays(ref, "success")
		s.exec(`UPDATE payments SET checked_at = NULL WHERE reference = $1`, ref)
		p = b.get("/checkout/"+claim+"/return").has(c.title, c.words)
		if c.name == "same" && strings.Contains(p.says(), "equal one") {
			t.Error("the same ticket is called an equal one")
		}
		if c.sold < 2 {
			continue
		}
		p.has("Money back to you", "On its way")
		if links := find(p.doc, "a[href=/checkout/"+claim+"/receipt]"); len(links) != 0 {
			t.Error("a receipt for tickets that were never had")
		}
		s.exec(`UPDATE refunds SET status = 'processed', processed_at = now() WHERE payment_id = (SELECT id FROM payments WHERE reference = $1)`, ref)
		s.exec(`UPDATE payments SET status = 'refunded' WHERE reference = $1`, ref)
		if p = b.live(claim, "refund_due.due"); p.Header.Get("HX-Refresh") != "true" {
			t.Error("the money is sent, and the page does not say so")
		}
		b.get("/checkout/"+claim).has("Refunded", "Sent back", "up to 10 working days")
	}
}

// Money that came without becoming a ticket is seen where the order is, whatever else goes on there.
func TestTooMuchMoneyIsSeenByTheFan(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Generous")
	b := s.fan("generous@fair.example")
	p := s.hold(b, e, "1")
	claim := claimOf(p)
	b.submit(p, "/checkout/"+claim+"/pay")
	s.sandboxDoes(http.MethodPost, "/transactions/"+s.reference(claim), `{"outcome":"success","amount":1300000,"webhook":"drop"}`)
	b.get("/checkout/"+claim+"/return").has("You are going", "Money back to you", money.Kobo(50_000).String(), "You paid this much more than the price.")
	b.get("/checkout/" + claim + "/receipt").has("Paid ₦12,500") // The price; what was too much was never a part of it.
}

func TestWhyAPaymentFailedIsSaid(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Refusing bank")
	b := s.fan("refused@fair.example")
	p := s.hold(b, e, "1").has("and you can try once more.")
	claim := claimOf(p)
	for try, want := range []string{"This is the second and last payment of this visit", "Both payments failed"} {
		b.submit(p, "/checkout/"+claim+"/pay")
		// What is promised while it runs is what comes.
		b.get("/checkout/" + claim).has([]string{"so that you can try again", "This is the last payment of this visit."}[try])
		s.exec(`UPDATE payments SET checked_at = checked_at - interval '1 minute'`)
		s.bankSays(s.reference(claim), "failed")
		p = b.get("/checkout/"+claim+"/return").at("/checkout/"+claim).has("Your bank says:", want)
		if pay := find(p.doc, "form[action=/checkout/"+claim+"/pay]"); len(pay) != 1-try {
			t.Errorf("%d ways to pay after try %d", len(pay), try+1)
		}
	}
}

// exec moves the world of the test's own database.
func (s *stack) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.pool.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatal(err)
	}
}

// wait lets a moment come that somebody else's clock decides about.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), max(0, d))
	defer cancel()
	<-ctx.Done()
}
