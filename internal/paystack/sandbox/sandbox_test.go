package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairqueue/internal/paystack/sandbox"
)

func TestRefusesLiveKeysAndProduction(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]sandbox.Config{
		"live key":   {SecretKey: "sk_live_abc"},
		"production": {SecretKey: secret, Production: true},
		"no key":     {},
	} {
		if s, err := sandbox.New(cfg); err == nil {
			_ = s.Close()
			t.Errorf("%s: New did not refuse", name)
		}
	}
	s := start(t, sandbox.Config{})
	for _, key := range []string{"Bearer sk_live_abc", "Bearer sk_test_other", "", secret} {
		req, _ := http.NewRequestWithContext(t.Context(), "GET", s.url+"/transaction/verify/x", nil)
		req.Header.Set("Authorization", key)
		res, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != 401 || !strings.Contains(string(b), `"code":"invalid_Key"`) {
			t.Errorf("key %q: %d %s", key, res.StatusCode, b)
		}
	}
}

func TestInitializeAndVerifyShapes(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{Seed: 7})
	status, out := s.call("POST", "/transaction/initialize", map[string]any{"email": "a@b.test", "amount": "250000", "reference": "fq-1"})
	if status != 200 || out["status"] != true {
		t.Fatalf("initialize with the amount as a string: %d %v", status, out)
	}
	data := out["data"].(map[string]any)
	if data["reference"] != "fq-1" || data["authorization_url"] != s.url+"/checkout/"+data["access_code"].(string) {
		t.Errorf("data = %v", data)
	}
	d := s.verify("fq-1")
	if d["status"] != "abandoned" || d["amount"] != 250000.0 || d["requested_amount"] != 250000.0 || d["currency"] != "NGN" || d["paid_at"] != nil {
		t.Errorf("a page nobody opened: %v", d)
	}
	s.outcome("fq-1", map[string]any{"outcome": "success"})
	d = s.verify("fq-1")
	if d["status"] != "success" || d["paid_at"] == nil || d["paid_at"] != d["paidAt"] || d["fees"] != 13750.0 || d["domain"] != "test" {
		t.Errorf("a paid one: %v", d)
	}

	for name, c := range map[string]struct {
		body   map[string]any
		status int
		code   string
	}{
		"twice":        {map[string]any{"email": "a@b.test", "amount": 1, "reference": "fq-1"}, 400, "duplicate_reference"},
		"no mail":      {map[string]any{"amount": 1}, 400, "missing_params"},
		"bad mail":     {map[string]any{"email": "nobody", "amount": 1}, 400, "invalid_email_address"},
		"no amount":    {map[string]any{"email": "a@b.test"}, 400, "missing_params"},
		"foreign":      {map[string]any{"email": "a@b.test", "amount": 1, "currency": "GHS"}, 400, "unsupported_currency"},
		"bad ref":      {map[string]any{"email": "a@b.test", "amount": 1, "reference": "a b"}, 400, "invalid_reference"},
		"bad amount":   {map[string]any{"email": "a@b.test", "amount": 1.5}, 400, "invalid_params"},
		"no reference": {map[string]any{"email": "a@b.test", "amount": 1}, 200, ""},
	} {
		status, out := s.call("POST", "/transaction/initialize", c.body)
		if code, _ := out["code"].(string); status != c.status || code != c.code {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if status, out := s.call("GET", "/transaction/verify/none", nil); status != 404 || out["code"] != "transaction_not_found" || out["status"] != false {
		t.Errorf("unknown: %d %v", status, out)
	}
}

// What Paystack varies is varied: over some references every shape is seen, and the same seed gives the same bytes.
func TestTypeTraps(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	note := func(key string, v any) { seen[fmt.Sprintf("%s %T", key, v)] = true }
	runs := [2]string{}
	for run := range runs {
		s := start(t, sandbox.Config{Seed: 3})
		for i := range 24 {
			ref := fmt.Sprintf("fq-%d", i)
			body := map[string]any{"email": "a@b.test", "amount": 5000, "reference": ref}
			if i%2 == 0 {
				body["metadata"] = map[string]any{"claim": "c"}
			}
			if status, out := s.call("POST", "/transaction/initialize", body); status != 200 {
				t.Fatal(out)
			}
			s.outcome(ref, map[string]any{"outcome": "success"})
			d := s.verify(ref)
			note("metadata", d["metadata"])
			note("plan", d["plan"])
			note("exp_month", d["authorization"].(map[string]any)["exp_month"])
			for _, k := range []string{"paid_at", "paidAt", "created_at", "createdAt", "transaction_date"} {
				delete(d, k)
			}
			b, _ := json.Marshal(d)
			runs[run] += string(b)
		}
		s.stop()
	}
	if runs[0] != runs[1] {
		t.Error("the same seed gave different answers")
	}
	for _, want := range []string{"metadata <nil>", "metadata string", "metadata float64", "metadata map[string]interface {}",
		"plan <nil>", "plan map[string]interface {}", "exp_month string", "exp_month float64"} {
		if !seen[want] {
			t.Errorf("never seen: %s (of %v)", want, seen)
		}
	}
}

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

// refundEnds asks for a refund until it rests.
func (s *stack) refundEnds(id int64) string {
	s.t.Helper()
	for s.t.Context().Err() == nil {
		_, out := s.call("GET", fmt.Sprintf("/refund/%d", id), nil)
		switch status := out["data"].(map[string]any)["status"].(string); status {
		case "pending", "processing":
		default:
			return status
		}
	}
	return ""
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

func TestWebhookIsSignedOverTheRawBodyAndRetriedUntil200(t *testing.T) {
	t.Parallel()
	shop := newShop(t)
	shop.answer = func(n int) int { return []int{0, 500, 302, 201, 200}[min(n, 4)] }
	s := start(t, sandbox.Config{WebhookURL: shop.url, SpeedUp: 1e5})
	s.initialize("fq-1")
	s.outcome("fq-1", map[string]any{"outcome": "success"})
	var first hook
	for i := range 4 {
		h := shop.next(t)
		if h.signature != sandbox.Sign(secret, h.body) || len(h.signature) != 128 {
			t.Fatalf("signature %q does not fit the raw body", h.signature)
		}
		if i == 0 {
			first = h
		} else if !bytes.Equal(h.body, first.body) {
			t.Error("a retry carries another body")
		}
	}
	if first.event != "charge.success" || first.data["reference"] != "fq-1" || first.data["status"] != "success" {
		t.Errorf("event: %s %v", first.event, first.data)
	}
	var parsed map[string]any
	_ = json.Unmarshal(first.body, &parsed)
	if again, _ := json.Marshal(parsed); bytes.Equal(again, first.body) {
		t.Error("a re-serialised body is the same, so a shop that signs that one would pass")
	}
	s.waitFor("fq-1", func(tx map[string]any) bool { return tx["webhooks_waiting"] == 0.0 })
}

// waitFor asks for a transaction until it is as wished.
func (s *stack) waitFor(reference string, ok func(map[string]any) bool) {
	s.t.Helper()
	var tx map[string]any
	for s.t.Context().Err() == nil {
		_, out := s.call("GET", "/_sandbox/transactions?reference="+reference, nil)
		if tx = out["transactions"].([]any)[0].(map[string]any); ok(tx) {
			return
		}
	}
	s.t.Fatalf("never: %v", tx)
}

// roundTrip is a shop inside a bubble of fake time.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inBubble runs a sandbox on fake time; do plays the tester, and times gets when webhooks came after the start.
func inBubble(t *testing.T, speedUp float64, answer func(n int) (int, error), do func(call func(method, path, body string) int), hold time.Duration) (times []time.Duration, bodies []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s, err := sandbox.New(sandbox.Config{SecretKey: secret, WebhookURL: "http://shop.test/hook", SpeedUp: speedUp,
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				b, _ := io.ReadAll(r.Body)
				times = append(times, time.Since(began))
				bodies = append(bodies, string(b)+" "+r.Header.Get("X-Paystack-Signature"))
				status, err := answer(len(times))
				if err != nil {
					return nil, err
				}
				return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{}}, nil
			})})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		do(func(method, path, body string) int {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+secret)
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			return w.Code
		})
		<-time.After(hold) // fake time: the bubble's clock jumps
		synctest.Wait()
		cancel()
		<-ended
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return times, bodies
}

const opening = `{"email":"a@b.test","amount":5000,"reference":"fq-1"}`

func TestRetryLadder(t *testing.T) {
	t.Parallel()
	times, _ := inBubble(t, 1, func(n int) (int, error) {
		if n == 2 {
			return 0, errors.New("connection refused")
		}
		return 503, nil
	}, func(call func(method, path, body string) int) {
		call("POST", "/transaction/initialize", opening)
		call("POST", "/_sandbox/transactions/fq-1", `{"outcome":"success"}`)
	}, 100*time.Hour)
	if len(times) != 1+4+72 {
		t.Fatalf("%d tries, want 77", len(times))
	}
	for i, at := range times {
		want := 3 * time.Minute * time.Duration(min(i, 4))
		if i > 4 {
			want += time.Hour * time.Duration(i-4)
		}
		if at != want {
			t.Errorf("try %d after %v, want %v", i+1, at, want)
		}
	}
}

func TestWebhookKnobs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		knob  string
		times []time.Duration
	}{
		"send":      {`"webhook":"send"`, []time.Duration{0}},
		"omitted":   {`"after_seconds":0`, []time.Duration{0}},
		"drop":      {`"webhook":"drop"`, nil},
		"duplicate": {`"webhook":"duplicate"`, []time.Duration{0, 0}},
		"late":      {`"webhook":"late","late_seconds":45`, []time.Duration{45 * time.Second}},
		"corrupt":   {`"webhook":"corrupt"`, []time.Duration{0}},
		"after":     {`"after_seconds":90`, []time.Duration{90 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			times, bodies := inBubble(t, 60, func(int) (int, error) {
				if name == "corrupt" {
					return 401, nil
				}
				return 200, nil
			}, func(call func(method, path, body string) int) {
				call("POST", "/transaction/initialize", opening)
				call("POST", "/_sandbox/transactions/fq-1", `{"outcome":"success",`+c.knob+`}`)
			}, time.Hour)
			if fmt.Sprint(times) != fmt.Sprint(c.times) {
				t.Errorf("webhooks after %v, want %v", times, c.times)
			}
			for _, b := range bodies {
				body, signature, _ := strings.Cut(b, "} ")
				if good := sandbox.Sign(secret, []byte(body+"}")) == signature; good == (name == "corrupt") {
					t.Errorf("signature good: %v", good)
				}
			}
			if name == "duplicate" && bodies[0] != bodies[1] {
				t.Error("the copies differ")
			}
		})
	}
}

func TestOnlyASuccessSendsAWebhook(t *testing.T) {
	t.Parallel()
	times, _ := inBubble(t, 60, func(int) (int, error) { return 200, nil }, func(call func(method, path, body string) int) {
		call("POST", "/transaction/initialize", opening)
		for _, o := range []string{"failed", "abandoned", "ongoing"} {
			call("POST", "/_sandbox/transactions/fq-1", `{"outcome":"`+o+`"}`)
		}
	}, time.Hour)
	if len(times) != 0 {
		t.Errorf("webhooks after %v", times)
	}
}

func TestOutcomeKnobs(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	s.initialize("fq-1")
	for _, o := range []string{"ongoing", "failed", "abandoned", "success"} {
		s.outcome("fq-1", map[string]any{"outcome": o})
		if d := s.verify("fq-1"); d["status"] != o {
			t.Errorf("%s: %v", o, d["status"])
		}
	}
	s.initialize("fq-2")
	s.outcome("fq-2", map[string]any{"outcome": "success", "amount": 100, "currency": "GHS"})
	if d := s.verify("fq-2"); d["amount"] != 100.0 || d["requested_amount"] != 1500000.0 || d["currency"] != "GHS" {
		t.Errorf("amount %v of %v %v", d["amount"], d["requested_amount"], d["currency"])
	}
	s.initialize("fq-3")
	s.outcome("fq-3", map[string]any{"outcome": "success", "after_seconds": 3600})
	if d := s.verify("fq-3"); d["status"] != "abandoned" {
		t.Errorf("before its time: %v", d["status"])
	}
	for _, body := range []map[string]any{{}, {"outcome": "paid"}, {"outcome": "success", "webhook": "maybe"}, {"outcome": "success", "after_seconds": -1},
		{"outcome": "success", "amount": -1}, {"outcome": "success", "weebhook": "drop"}} {
		if status, _ := s.call("POST", "/_sandbox/transactions/fq-1", body); status != 422 {
			t.Errorf("%v: %d", body, status)
		}
	}
	if status, out := s.call("POST", "/_sandbox/transactions/none", map[string]any{"outcome": "success"}); status != 404 {
		t.Errorf("unknown: %d %v", status, out)
	}
	if _, out := s.call("GET", "/_sandbox/transactions", nil); len(out["transactions"].([]any)) != 3 {
		t.Errorf("list: %v", out)
	}
	if _, out := s.call("GET", "/_sandbox/transactions?reference=none", nil); len(out["transactions"].([]any)) != 0 {
		t.Errorf("list of none: %v", out)
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

func TestFaults(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	s.client.Timeout = 300 * time.Millisecond
	set := func(body map[string]any) {
		t.Helper()
		if status, out := s.call("POST", "/_sandbox/faults", body); status != 200 {
			t.Fatalf("%d %v", status, out)
		}
	}
	try := func(reference string) (int, error) {
		req, _ := http.NewRequestWithContext(t.Context(), "POST", s.url+"/transaction/initialize",
			strings.NewReader(`{"email":"a@b.test","amount":5000,"reference":"`+reference+`"}`))
		req.Header.Set("Authorization", "Bearer "+secret)
		res, err := s.client.Do(req)
		if err != nil {
			return 0, err
		}
		_ = res.Body.Close()
		if res.StatusCode == 429 && res.Header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
		return res.StatusCode, nil
	}
	exists := func(reference string) bool {
		status, _ := s.call("GET", "/transaction/verify/"+reference, nil)
		return status == 200
	}
	for _, c := range []struct {
		fault  string
		status int
		done   bool
	}{{"timeout", 0, false}, {"500_after_work", 500, true}, {"429", 429, false}, {"down", 0, false}, {"ok", 200, true}} {
		set(map[string]any{"initialize": c.fault})
		status, err := try("fq-" + strings.ReplaceAll(c.fault, "_", "-"))
		if status != c.status || (err != nil) != (c.status == 0) {
			t.Errorf("%s: %d %v", c.fault, status, err)
		}
		if got := exists("fq-" + strings.ReplaceAll(c.fault, "_", "-")); got != c.done {
			t.Errorf("%s: the work was done: %v", c.fault, got)
		}
	}
	set(map[string]any{"verify": "429", "refund": "429", "refund_outcome": "failed"})
	if status, _ := s.call("GET", "/transaction/verify/fq-ok", nil); status != 429 {
		t.Errorf("verify: %d", status)
	}
	if status, _ := s.call("POST", "/refund", map[string]any{"transaction": "fq-ok"}); status != 429 {
		t.Errorf("refund: %d", status)
	}
	if status, _ := s.call("DELETE", "/_sandbox/faults", nil); status != 204 {
		t.Errorf("delete: %d", status)
	}
	if _, out := s.call("GET", "/_sandbox/faults", nil); out["verify"] != "ok" || out["refund"] != "ok" || out["refund_outcome"] != nil {
		t.Errorf("after delete: %v", out)
	}
	if status, _ := s.call("POST", "/_sandbox/faults", map[string]any{"verify": "sometimes"}); status != 422 {
		t.Errorf("unknown fault: %d", status)
	}
}

func TestFaultsEndByThemselves(t *testing.T) {
	t.Parallel()
	inBubble(t, 60, nil, func(call func(method, path, body string) int) {
		call("POST", "/_sandbox/faults", `{"initialize":"429","for_seconds":10}`)
		<-time.After(9 * time.Second)
		if status := call("POST", "/transaction/initialize", opening); status != 429 {
			t.Errorf("before the end: %d", status)
		}
		<-time.After(2 * time.Second)
		if status := call("POST", "/transaction/initialize", opening); status != 200 {
			t.Errorf("after the end: %d", status)
		}
	}, 0)
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	shop := newShop(t)
	s := start(t, sandbox.Config{WebhookURL: shop.url, SpeedUp: 1e5})
	s.initialize("fq-1")
	if status, out := s.call("POST", "/refund", map[string]any{"transaction": "fq-1"}); status != 400 {
		t.Errorf("of an unpaid one: %d %v", status, out)
	}
	s.outcome("fq-1", map[string]any{"outcome": "success"})
	shop.next(t)
	status, out := s.call("POST", "/refund", map[string]any{"transaction": "fq-1", "amount": 500000})
	if status != 200 || out["data"].(map[string]any)["status"] != "pending" {
		t.Fatalf("partial: %d %v", status, out)
	}
	// Sent beside each other they may overtake each other, as in life.
	events := map[string]bool{}
	for range 3 {
		h := shop.next(t)
		events[h.event] = true
		if h.data["transaction_reference"] != "fq-1" || (h.data["refund_reference"] != nil) != (h.event == "refund.processed") || fmt.Sprint(h.data["amount"]) == "" {
			t.Errorf("%s: %v", h.event, h.data)
		}
	}
	if !events["refund.pending"] || !events["refund.processing"] || !events["refund.processed"] {
		t.Errorf("events: %v", events)
	}
	if d := s.verify("fq-1"); d["status"] != "success" {
		t.Errorf("partly refunded: %v", d["status"])
	}
	if status, out := s.call("POST", "/refund", map[string]any{"transaction": "fq-1", "amount": 1000001}); status != 400 {
		t.Errorf("too much: %d %v", status, out)
	}
	id := s.verify("fq-1")["id"]
	if status, out := s.call("POST", "/refund", map[string]any{"transaction": id}); status != 200 || out["data"].(map[string]any)["amount"] != 1000000.0 {
		t.Errorf("the rest, by id: %d %v", status, out)
	}
	if d := s.verify("fq-1"); d["status"] != "reversed" {
		t.Errorf("wholly refunded: %v", d["status"])
	}
	if status, out := s.call("POST", "/refund", map[string]any{"transaction": "fq-1"}); status != 400 || out["code"] != "transaction_reversed" {
		t.Errorf("again: %d %v", status, out)
	}
	if _, out := s.call("GET", "/refund?reference=fq-1", nil); len(out["data"].([]any)) != 2 {
		t.Errorf("list: %v", out)
	}
	if _, out := s.call("GET", "/refund?transaction=fq-1&perPage=1&page=2", nil); len(out["data"].([]any)) != 1 {
		t.Errorf("second page: %v", out)
	}

	s.initialize("fq-2")
	s.outcome("fq-2", map[string]any{"outcome": "success"})
	s.call("POST", "/_sandbox/faults", map[string]any{"refund_outcome": "failed"})
	_, out = s.call("POST", "/refund", map[string]any{"transaction": "fq-2"})
	if got := s.refundEnds(int64(out["data"].(map[string]any)["id"].(float64))); got != "failed" {
		t.Errorf("refund %s", got)
	}
	if d := s.verify("fq-2"); d["status"] != "success" {
		t.Errorf("a failed refund leaves %v", d["status"])
	}
	s.call("POST", "/_sandbox/faults", map[string]any{"refund_outcome": "needs-attention"})
	_, out = s.call("POST", "/refund", map[string]any{"transaction": "fq-2"})
	refund := int64(out["data"].(map[string]any)["id"].(float64))
	retry := fmt.Sprintf("/refund/retry_with_customer_details/%d", refund)
	details := map[string]any{"refund_account_details": map[string]any{"currency": "NGN", "account_number": "1234567890", "bank_id": "9"}}
	if status, _ := s.call("POST", retry, map[string]any{}); status != 400 {
		t.Errorf("without details: %d", status)
	}
	if got := s.refundEnds(refund); got != "needs-attention" {
		t.Errorf("refund %s", got)
	}
	if status, out := s.call("POST", retry, details); status != 200 {
		t.Errorf("retry: %d %v", status, out)
	}
	if got := s.refundEnds(refund); got != "processed" {
		t.Errorf("refund %s", got)
	}
	if status, _ := s.call("POST", retry, details); status != 422 {
		t.Errorf("retry of a processed one: %d", status)
	}
}

func TestRestartKeepsTransactionsAndWebhooks(t *testing.T) {
	t.Parallel()
	shop := newShop(t)
	shop.answer = func(int) int { return 503 }
	file := filepath.Join(t.TempDir(), "deep", "sandbox.jsonl")
	cfg := sandbox.Config{StateFile: file, WebhookURL: shop.url, SpeedUp: 1e5}
	s := start(t, cfg)
	for _, ref := range []string{"open", "paid", "later"} {
		s.initialize(ref)
	}
	s.outcome("paid", map[string]any{"outcome": "success", "webhook": "late", "late_seconds": 1})
	s.outcome("later", map[string]any{"outcome": "success", "after_seconds": 1, "webhook": "drop"})
	before := s.verify("paid")
	s.stop()

	// A process that is killed while it writes leaves half a line.
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString(`{"id":1,"reference":"to`)
	_ = f.Close()

	shop.mu.Lock()
	shop.answer = nil
	shop.mu.Unlock()
	s = start(t, cfg)
	after := s.verify("paid")
	for _, k := range []string{"id", "status", "amount", "paid_at"} {
		if before[k] != after[k] {
			t.Errorf("%s: %v before, %v after", k, before[k], after[k])
		}
	}
	if d := s.verify("open"); d["status"] != "abandoned" {
		t.Errorf("open: %v", d["status"])
	}
	if status, _ := s.call("GET", "/transaction/verify/to", nil); status != 404 {
		t.Errorf("the torn line: %d", status)
	}
	if h := shop.next(t); h.data["reference"] != "paid" || h.signature != sandbox.Sign(secret, h.body) {
		t.Errorf("webhook after the restart: %v", h.data)
	}
	s.waitFor("later", func(tx map[string]any) bool { return tx["status"] == "success" })
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{MaxTransactions: 3})
	for _, ref := range []string{"a", "b", "c"} {
		s.initialize(ref)
	}
	body := map[string]any{"email": "a@b.test", "amount": 1, "reference": "d"}
	if status, _ := s.call("POST", "/transaction/initialize", body); status != 429 {
		t.Errorf("nothing may be forgotten: %d", status)
	}
	s.outcome("b", map[string]any{"outcome": "success"})
	if status, _ := s.call("POST", "/transaction/initialize", body); status != 200 {
		t.Errorf("the settled one makes room: %d", status)
	}
	if status, _ := s.call("GET", "/transaction/verify/b", nil); status != 404 {
		t.Errorf("forgotten: %d", status)
	}
	if d := s.verify("a"); d["status"] != "abandoned" {
		t.Errorf("an open one was forgotten")
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
