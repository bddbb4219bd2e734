package sandbox_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"fairqueue/internal/paystack/sandbox"
)

// Everything a tester can do is a button, without a script.
func TestTestersPages(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{SpeedUp: 1e6, WebhookURL: "http://127.0.0.1:1/hook"})
	see := func(path string, want ...string) string {
		t.Helper()
		res, html := s.get(s.url + path)
		if res.StatusCode != 200 || strings.Contains(html, "<script") || strings.Contains(html, "style=") || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.Header)
		}
		for _, w := range want {
			if !strings.Contains(html, w) {
				t.Errorf("%s does not say %q", path, w)
			}
		}
		return html
	}
	press := func(values url.Values) {
		t.Helper()
		if status, to, page := s.form(s.url+"/transactions/fq-1", values); status != 303 || to != "/transactions/fq-1" {
			t.Fatalf("%v: %d %s", values, status, page)
		}
	}
	see("/", "None yet", "Nothing at the moment", "60")
	s.initialize("fq-1")
	see("/transactions/fq-1", "abandoned", "A bank can ask for money back once it was paid")
	press(url.Values{"do": {"play"}, "outcome": {"success"}, "webhook": {"send"}, "amount": {"14000.50"}})
	if d := s.verify("fq-1"); d["status"] != "success" || d["amount"] != 1400050.0 {
		t.Errorf("%v %v", d["status"], d["amount"])
	}
	press(url.Values{"do": {"resend"}})
	press(url.Values{"do": {"dispute"}, "amount": {"100"}})
	_, out := s.call("GET", "/_sandbox/transactions?reference=fq-1", nil)
	dispute := out["transactions"].([]any)[0].(map[string]any)["disputes"].([]any)[0].(map[string]any)
	press(url.Values{"do": {"resolve"}, "id": {fmt.Sprintf("%.0f", dispute["id"])}, "outcome": {"lost"}})
	s.control("/_sandbox/faults", map[string]any{"refund_outcome": "stall"})
	_, out = s.call("POST", "/refund", map[string]any{"transaction": "fq-1", "amount": 500})
	press(url.Values{"do": {"refund"}, "id": {fmt.Sprintf("%.0f", data(out)["id"])}, "outcome": {"needs-attention"}})
	see("/transactions/fq-1", "₦14,000.50", "resolved: merchant-accepted", "needs-attention", "₦100", "₦5", "waiting")
	see("/?q=fq-1", "fq-1", "1 of 1.", "dispute resolved", "refund needs-attention", "1 thing is not as usual")
	see("/?q=elsewhere", "None of 1 fits")

	if status, _, page := s.form(s.url+"/transactions/fq-1", url.Values{"do": {"dance"}}); status != 422 || !strings.Contains(page, "Not done") {
		t.Errorf("a button that is none: %d", status)
	}
	if status, _, _ := s.form(s.url+"/transactions/none", url.Values{"do": {"resend"}}); status != 404 {
		t.Errorf("a transaction that is none: %d", status)
	}
	if res, _ := s.get(s.url + "/transactions/none"); res.StatusCode != 404 {
		t.Errorf("the page of none: %d", res.StatusCode)
	}

	// What is broken is set, shown and put right again on the first page.
	set := url.Values{"initialize": {"429"}, "verify": {"ok"}, "refund": {"ok"}, "dispute": {"ok"}, "refund_outcome": {""}, "webhooks": {"drop"}, "fees": {"buyer"}, "percent": {"50"}}
	if status, to, page := s.form(s.url+"/faults", set); status != 303 || to != "/" {
		t.Fatalf("%d %s", status, page)
	}
	if _, out := s.call("GET", "/_sandbox/faults", nil); out["initialize"] != "429" || out["webhooks"] != "drop" || out["fees"] != "buyer" || out["refund_outcome"] != nil {
		t.Error(out)
	}
	see("/", "3 things are not as usual")
	set.Set("percent", "101")
	if status, _, _ := s.form(s.url+"/faults", set); status != 422 {
		t.Errorf("more than all: %d", status)
	}
	s.form(s.url+"/faults", url.Values{"clear": {"1"}})
	see("/", "Nothing at the moment")
}

// A transfer of another sum never reaches the merchant, and what says so names no payment of his.
func TestAWrongTransferIsSentBack(t *testing.T) {
	t.Parallel()
	shop := newShop(t)
	s := start(t, sandbox.Config{WebhookURL: shop.url, SpeedUp: 1e6})
	page := s.initialize("fq-1")
	s.get(page)
	status, _, html := s.form(page+"/sent", url.Values{"pay": {"transfer"}, "amount": {"14999"}})
	if status != 422 || !strings.Contains(html, "The transfer was sent back") {
		t.Fatalf("%d %s", status, html)
	}
	if h := shop.next(t); h.event != "bank.transfer.rejected" || strings.Contains(string(h.body), "fq-1") {
		t.Errorf("%s %s", h.event, h.body)
	}
	if d := s.verify("fq-1"); d["status"] != "abandoned" {
		t.Error(d["status"])
	}
	// A card pays what it pays.
	s.form(page+"/card", url.Values{"number": {"4084084084084081"}, "cvv": {"408"}, "expiry": {"12/30"}, "amount": {"20000"}})
	if h := shop.next(t); h.event != "charge.success" || h.data["amount"] != 2e6 || h.data["requested_amount"] != 1.5e6 {
		t.Errorf("%s %v", h.event, h.data)
	}
}
