package sandbox_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"fairqueue/internal/paystack/sandbox"
)

func TestEveryCard(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{SpeedUp: 1e6})
	for i, c := range []struct {
		number, cvv, pin, otp string
		status, gateway       string
		refund                string
	}{
		{"4084 0840 8408 4081", "408", "", "", "success", "Successful", "processed"},
		{"5060 6666 6666 6666 666", "123", "1234", "123456", "success", "Successful", "processed"},
		{"5078 5078 5078 5078 12", "081", "1111", "", "success", "Successful", "processed"},
		{"4084 0800 0000 5408", "001", "", "", "failed", "Declined", ""},
		{"4084 0800 0067 0037", "787", "", "", "failed", "Insufficient Funds", ""},
		{"4084 0800 0067 1803", "123", "", "", "success", "Successful", "failed"},
		{"4084 0800 0067 1902", "123", "", "", "success", "Successful", "needs-attention"},
	} {
		ref := fmt.Sprintf("card-%d", i)
		page := s.initialize(ref)
		if res, html := s.get(page); res.StatusCode != 200 || !strings.Contains(html, "₦15,000") || !strings.Contains(html, "no real money") {
			t.Fatalf("page: %d %s", res.StatusCode, html)
		}
		status, to, _ := s.form(page+"/card", url.Values{"number": {c.number}, "cvv": {c.cvv}, "expiry": {"12/30"}})
		if c.pin != "" {
			if status != 303 || to != strings.TrimPrefix(page, s.url) {
				t.Fatalf("%s: %d to %s", c.number, status, to)
			}
			if d := s.verify(ref); d["status"] != "ongoing" {
				t.Errorf("%s: before the PIN: %v", c.number, d["status"])
			}
			if status, _, html := s.form(page+"/pin", url.Values{"pin": {"0000"}}); status != 422 || !strings.Contains(html, "The PIN is wrong") {
				t.Errorf("wrong PIN: %d", status)
			}
			status, to, _ = s.form(page+"/pin", url.Values{"pin": {c.pin}})
		}
		if c.otp != "" {
			if status, _, html := s.form(page+"/otp", url.Values{"otp": {"999999"}}); status != 422 || !strings.Contains(html, "The code is wrong") {
				t.Errorf("wrong code: %d", status)
			}
			status, to, _ = s.form(page+"/otp", url.Values{"otp": {c.otp}})
		}
		if d := s.verify(ref); d["status"] != c.status || d["gateway_response"] != c.gateway {
			t.Errorf("%s: %v %v", c.number, d["status"], d["gateway_response"])
		}
		if c.status == "failed" {
			if _, html := s.get(page); !strings.Contains(html, c.gateway+". No money was taken") {
				t.Errorf("%s: the page does not say why", c.number)
			}
			continue
		}
		if want := "http://shop.test/checkout/1/return?x=1&trxref=" + ref + "&reference=" + ref; status != 303 || to != want {
			t.Errorf("%s: %d to %s", c.number, status, to)
		}
		// The back button and another click pay no second time.
		if status, again, _ := s.form(page+"/card", url.Values{"number": {"4084080000005408"}, "cvv": {"001"}, "expiry": {"12/30"}}); status != 303 || again != to {
			t.Errorf("%s: again: %d %s", c.number, status, again)
		}
		_, out := s.call("POST", "/refund", map[string]any{"transaction": ref})
		id := out["data"].(map[string]any)["id"].(float64)
		if got := s.refundEnds(int64(id)); got != c.refund {
			t.Errorf("%s: refund %s, want %s", c.number, got, c.refund)
		}
	}
}

func TestCardFormRefusesWhatIsNoTestCard(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	page := s.initialize("fq-1")
	for name, v := range map[string]url.Values{
		"not one of the test cards": {"number": {"4111 1111 1111 1111"}, "cvv": {"408"}, "expiry": {"12/30"}},
		"The CVV is wrong":          {"number": {"4084084084084081"}, "cvv": {"409"}, "expiry": {"12/30"}},
		"the expiry date":           {"number": {"4084084084084081"}, "cvv": {"408"}, "expiry": {""}},
	} {
		if status, _, html := s.form(page+"/card", v); status != 422 || !strings.Contains(html, name) {
			t.Errorf("%s: %d", name, status)
		}
	}
	if d := s.verify("fq-1"); d["status"] != "abandoned" {
		t.Errorf("status = %v", d["status"])
	}
}

func TestCheckoutPageIsSafe(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	_, out := s.call("POST", "/transaction/initialize", map[string]any{"email": "a@b.test", "amount": 1, "callback_url": "javascript:alert(1)"})
	page := out["data"].(map[string]any)["authorization_url"].(string)
	res, html := s.get(page)
	csp := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers: %v", res.Header)
	}
	if strings.Contains(html, "javascript:") || strings.Contains(html, "<script") || strings.Contains(html, "style=") {
		t.Error("the page holds script or inline style")
	}
	res, _ = s.get(s.initialize("fq-1"))
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' http://shop.test") {
		t.Errorf("the way back to the shop is not open: %s", csp)
	}
	if res, _ := s.get(s.url + "/checkout/none"); res.StatusCode != 404 {
		t.Errorf("unknown page: %d", res.StatusCode)
	}
	if res, html := s.get(s.url + "/"); res.StatusCode != 200 || !strings.Contains(html, "fq-1") {
		t.Errorf("index: %d", res.StatusCode)
	}
}

func TestCancelReturnsToTheShop(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	page := s.initialize("fq-1")
	if status, to, _ := s.form(page+"/cancel", nil); status != 303 || to != "http://shop.test/checkout/1" {
		t.Errorf("%d to %s", status, to)
	}
	if d := s.verify("fq-1"); d["status"] != "abandoned" {
		t.Errorf("status = %v", d["status"])
	}
	_, out := s.call("POST", "/transaction/initialize", map[string]any{"email": "a@b.test", "amount": 1, "reference": "fq-2",
		"callback_url": "http://shop.test/back", "metadata": `{"cancel_action":"http://shop.test/cancelled"}`})
	page = out["data"].(map[string]any)["authorization_url"].(string)
	if _, to, _ := s.form(page+"/cancel", nil); to != "http://shop.test/cancelled" {
		t.Errorf("metadata as a JSON string: to %s", to)
	}
	_, out = s.call("POST", "/transaction/initialize", map[string]any{"email": "a@b.test", "amount": 1, "reference": "fq-3", "callback_url": "http://shop.test/back"})
	page = out["data"].(map[string]any)["authorization_url"].(string)
	if _, to, _ := s.form(page+"/cancel", nil); to != "http://shop.test/back?trxref=fq-3&reference=fq-3" {
		t.Errorf("without cancel_action: to %s", to)
	}
}

func TestTransferTakesAWhile(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	page := s.initialize("fq-1")
	if _, html := s.get(page + "?pay=transfer"); !strings.Contains(html, "Account number") {
		t.Error("no account number on the page")
	}
	if status, to, _ := s.form(page+"/sent", url.Values{"pay": {"transfer"}}); status != 303 || to != strings.TrimPrefix(page, s.url) {
		t.Errorf("%d to %s", status, to)
	}
	if _, html := s.get(page); !strings.Contains(html, "Waiting for your bank") {
		t.Error("the page does not wait")
	}
	if d := s.verify("fq-1"); d["status"] != "ongoing" || d["channel"] != "bank_transfer" {
		t.Errorf("%v by %v", d["status"], d["channel"])
	}
	s.waitFor("fq-1", func(tx map[string]any) bool { return tx["status"] == "success" })
	if _, html := s.get(page); !strings.Contains(html, "Payment successful") {
		t.Error("the page does not end")
	}
	_, out := s.call("POST", "/transaction/initialize", map[string]any{"email": "a@b.test", "amount": 1, "channels": []string{"card", "ussd"}})
	page = out["data"].(map[string]any)["authorization_url"].(string)
	if _, html := s.get(page); strings.Contains(html, "Bank transfer") || !strings.Contains(html, "USSD") {
		t.Error("the page shows other ways than the shop offered")
	}
	if status, _, _ := s.form(page+"/sent", url.Values{"pay": {"transfer"}}); status != 422 {
		t.Errorf("a way that was not offered: %d", status)
	}
}

func TestCancelAfterADeclineIsStillAFailure(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	page := s.initialize("fq-1")
	s.form(page+"/card", url.Values{"number": {"4084080000005408"}, "cvv": {"001"}, "expiry": {"12/30"}})
	if _, html := s.get(page); !strings.Contains(html, `href="http://shop.test/checkout/1/return?x=1&amp;trxref=fq-1&amp;reference=fq-1"`) {
		t.Error("no way back to the shop")
	}
	s.form(page+"/cancel", nil)
	if d := s.verify("fq-1"); d["status"] != "failed" {
		t.Errorf("status = %v", d["status"])
	}
}
