package e2e_test

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// While the provider is down nobody waits for it: the checkout says so, the tickets stay held by their own clock, who
// watches the machines sees it, and the sale goes on by itself once the provider is back.
func TestCheckoutWhileTheProviderIsDown(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	s := p.newShow(t, "down", 10, nil)
	faults := func(method string, body any) {
		p.request(t, method, p.bankURL+"/_sandbox/faults", "", body, nil).want(200, 204)
	}
	faults("POST", map[string]any{"initialize": "down"})

	ada, _ := p.signedIn("ada@example.test")
	first := s.called(t, ada).claim(1)
	bayo, cookie := p.signedIn("bayo@example.test")
	second := s.called(t, bayo)
	claim := second.claim(2)
	before := p.api(t, "GET", "/claims/"+claim, bayo, nil).want(200)

	// Those who tried find out, again and again, until the pauses are long enough to look around in one.
	down := func() bool {
		return strings.Contains(string(p.request(t, "GET", p.url+"/metrics", "", nil, nil).body), "\nfairqueue_provider_down 1\n")
	}
	p.until("the provider is known to be down", func() bool {
		a := p.api(t, "POST", "/claims/"+first+"/payments", ada, nil)
		a.problem(503, "provider_unavailable")
		wait, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil {
			t.Fatal(err)
		}
		return down() && wait >= 3 && wait <= 4
	})

	// Everybody after them is told at once, by the page and by the answer.
	page := p.request(t, "GET", p.url+"/checkout/"+claim, "", nil, map[string]string{"Cookie": "fq_session=" + cookie}).want(200)
	if !strings.Contains(string(page.body), "Paystack does not answer at the moment") {
		t.Error("the page to pay does not say so")
	}
	began := time.Now()
	a := p.api(t, "POST", "/claims/"+claim+"/payments", bayo, nil)
	a.problem(503, "provider_unavailable")
	if took := time.Since(began); took > 2*time.Second || a.header.Get("Retry-After") == "" {
		t.Errorf("the answer took %v, and says to come back after %q", took, a.header.Get("Retry-After"))
	}
	after := p.api(t, "GET", "/claims/"+claim, bayo, nil).want(200)
	if after.str("status") != "held" || after.str("expires_at") != before.str("expires_at") {
		t.Errorf("the hold became %s until %s, from %s", after.str("status"), after.str("expires_at"), before.str("expires_at"))
	}

	faults("DELETE", nil)
	var reference string
	p.until("the second fan can pay", func() bool {
		a := p.api(t, "POST", "/claims/"+claim+"/payments", bayo, nil)
		if a.status == 201 {
			reference = a.str("payment.reference")
		}
		return a.status == 201
	})
	if down() {
		t.Error("the provider is called down, and answers")
	}
	p.outcome(t, reference, map[string]any{"outcome": "success"})
	p.until("the tickets are there", func() bool { return len(second.tickets()) == 2 })
	s.audited(t)
}
