package web_test

import (
	"net/http"
	"strings"
	"testing"

	"fairqueue/internal/sale"
)

// Money that waits for a bank is seen wherever its fan looks, and nothing there invites to pay a second time.
func TestMoneyWithTheBankIsSeenEverywhere(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Slow bank", func(n *sale.NewSale) { n.Terms.HoldSeconds = 1900 })
	b := s.fan("slow-bank@fair.example")
	p := s.hold(b, e, "2")
	claim, base := claimOf(p), "/events/"+e.Event.Slug
	pages := []string{"/", "/tickets", base, base + "/queue", base + "/tickets"}
	says := func(want string, not ...string) {
		t.Helper()
		for _, path := range pages {
			p := b.get(path).status(http.StatusOK).has(want)
			if n := len(find(p.doc, "[data-bank="+claim+"] a[href=/checkout/"+claim+"]")); n != 1 {
				t.Errorf("%s: %d ways to the payment", path, n)
			}
			for _, no := range append(not, "Choose tickets", "Choose your tickets", "You already hold tickets", "When you buy one it stays here") {
				if strings.Contains(p.says(), no) {
					t.Errorf("%s says %q", path, no)
				}
			}
		}
	}
	for _, path := range pages {
		if len(find(b.get(path).doc, "[data-bank]")) != 0 {
			t.Errorf("%s tells of a payment before there is one", path)
		}
	}
	b.submit(p, "/checkout/"+claim+"/pay")
	says("You began to pay ₦25,000.", "is with your bank")

	ref := s.reference(claim)
	s.sandboxDoes(http.MethodPost, "/transactions/"+ref, `{"outcome":"ongoing","channel":"ussd"}`)
	b.get("/checkout/" + claim)
	says("₦25,000 is with your bank.", "You began to pay")
	live := b.get(base + "/queue/live").has("₦25,000 is with your bank.")
	if len(find(live.doc, "#live")) != 1 {
		t.Error("the part of the line's page is not a part")
	}
	if other := s.fan("nobody-else@fair.example").get("/"); len(find(other.doc, "[data-bank]")) != 0 {
		t.Error("somebody else is told of the payment")
	}

	// Its time is over, and the bank has still not said no.
	s.exec(`UPDATE payments SET deadline_at = now() - interval '1 hour', checked_at = NULL WHERE reference = $1`, ref)
	b.get("/checkout/" + claim).has("The tickets went back")
	for _, path := range []string{"/", "/tickets", base} {
		b.get(path).has("₦25,000 may still be with your bank.")
	}
	s.bankSays(ref, "failed")
	s.exec(`UPDATE payments SET checked_at = NULL WHERE reference = $1`, ref)
	b.get("/checkout/" + claim + "/return")
	for _, path := range pages {
		if len(find(b.get(path).doc, "[data-bank]")) != 0 {
			t.Errorf("%s goes on to tell of a payment that failed", path)
		}
	}
}

// The line's page of somebody inside looks every few seconds while money or held tickets of theirs are undecided, and says so
// to the page, which listens to a stream that does not tell of money.
func TestTheLineLooksOftenWhileMoneyIsUndecided(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Looks often")
	base := "/events/" + e.Event.Slug
	b, waits := s.fan("looks-often@fair.example"), s.fan("waits-behind@fair.example")
	often := func(when string, who *browser, want bool) {
		t.Helper()
		p := who.get(base + "/queue")
		live := find(p.doc, "#live")[0]
		if got := len(find(p.doc, "#live[data-money]")) == 1; got != want {
			t.Errorf("%s: looks often is %t", when, got)
		}
		poll := who.part(base, attr(live, "data-part")).status(http.StatusNoContent).Header.Get("FQ-Poll")
		if want && (poll != "7000" || attr(live, "data-poll") != poll) {
			t.Errorf("%s: the page looks after %s ms, and then after %s", when, attr(live, "data-poll"), poll)
		}
	}
	b.send(b.get(base), base+"/queue")
	s.called(e, b)
	b.send(b.get(base+"/queue"), base+"/enter")
	often("with nothing chosen", b, false)
	p := b.send(b.get(base+"/tickets"), base+"/claims", "tier_id", e.Tiers[0].ID.String(), "quantity", "1")
	often("with a ticket held", b, true)
	claim := claimOf(p)
	b.submit(p, "/checkout/"+claim+"/pay")
	often("with a payment begun", b, true)
	s.bankSays(s.reference(claim), "ongoing")
	often("with money at the bank", b, true)
	waits.send(waits.get(base), base+"/queue")
	often("who waits", waits, false)
	s.bankSays(s.reference(claim), "success")
	b.get("/checkout/" + claim + "/return")
	if len(find(b.get(base+"/queue").doc, "#live[data-money]")) != 0 {
		t.Error("with everything decided the page goes on looking often")
	}
}
