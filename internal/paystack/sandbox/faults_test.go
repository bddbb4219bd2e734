package sandbox_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/paystack/sandbox"
)

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

func TestFaults(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{})
	impatient := &http.Client{Timeout: 300 * time.Millisecond, Transport: s.client.Transport}
	set := func(body map[string]any) {
		t.Helper()
		if status, out := s.call("POST", "/_sandbox/faults", body); status != 200 {
			t.Fatalf("%d %v", status, out)
		}
	}
	try := func(client *http.Client, reference string) (int, error) {
		req, _ := http.NewRequestWithContext(t.Context(), "POST", s.url+"/transaction/initialize",
			strings.NewReader(`{"email":"a@b.test","amount":5000,"reference":"`+reference+`"}`))
		req.Header.Set("Authorization", "Bearer "+secret)
		res, err := client.Do(req)
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
	}{{"timeout", 0, false}, {"500_after_work", 500, true}, {"429", 429, false}, {"down", 0, false}, {"500", 500, false}, {"gibberish", 200, true}, {"ok", 200, true}} {
		set(map[string]any{"initialize": c.fault})
		client := s.client
		if c.fault == "timeout" {
			client = impatient // of what answers nobody is: the machine may be busy
		}
		status, err := try(client, "fq-"+strings.ReplaceAll(c.fault, "_", "-"))
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

// An answer that comes too late was worked all the same.
func TestSlowRequestsAreDoneInTheEnd(t *testing.T) {
	t.Parallel()
	inBubble(t, 60, nil, func(call func(method, path, body string) int) {
		call("POST", "/_sandbox/faults", `{"initialize":"slow","slow_seconds":20}`)
		began := time.Now()
		if status := call("POST", "/transaction/initialize", opening); status != 200 || time.Since(began) != 20*time.Second {
			t.Errorf("%d after %v", status, time.Since(began))
		}
	}, 0)
	s := start(t, sandbox.Config{})
	s.control("/_sandbox/faults", map[string]any{"initialize": "slow", "slow_seconds": 0.5})
	// Whoever asks hangs up as soon as the question is out.
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { hangUp() }})
	req, _ := http.NewRequestWithContext(ctx, "POST", s.url+"/transaction/initialize", strings.NewReader(opening))
	req.Header.Set("Authorization", "Bearer "+secret)
	if res, err := s.client.Do(req); err == nil {
		_ = res.Body.Close()
		t.Fatal("it was not slow")
	}
	for t.Context().Err() == nil {
		if status, _ := s.call("GET", "/transaction/verify/fq-1", nil); status == 200 {
			return
		}
	}
}

// Which requests meet a fault is decided by the seed and their number.
func TestAShareOfTheRequestsFails(t *testing.T) {
	t.Parallel()
	pattern := func(seed int64) (out string, failed int) {
		s := start(t, sandbox.Config{Seed: seed})
		s.paid("fq-1")
		s.control("/_sandbox/faults", map[string]any{"verify": "500", "share": 0.3})
		for range 200 {
			status, _ := s.call("GET", "/transaction/verify/fq-1", nil)
			if out += fmt.Sprint(status) + " "; status == 500 {
				failed++
			}
		}
		return out, failed
	}
	one, failed := pattern(1)
	again, _ := pattern(1)
	other, _ := pattern(2)
	if one != again || one == other || failed < 40 || failed > 80 {
		t.Errorf("%d of 200 failed; the same again: %v, another seed differs: %v", failed, one == again, one != other)
	}
	s := start(t, sandbox.Config{})
	for _, body := range []map[string]any{{"verify": "500", "share": 1.1}, {"verify": "slow", "slow_seconds": -1}, {"fees": "nobody"}, {"webhooks": "eaten"}, {"webhook": "drop"}} {
		if status, _ := s.call("POST", "/_sandbox/faults", body); status != 422 {
			t.Errorf("%v: %d", body, status)
		}
	}
}

func TestBuyersWhoBearTheFee(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{FeesByBuyer: true})
	if _, out := s.call("GET", "/_sandbox/faults", nil); out["fees"] != "buyer" {
		t.Error(out)
	}
	for _, price := range []int64{1, 99, 10_000, 249_999, 240_000, 250_000, 1_500_000, 12_000_000, 13_000_000, 100_000_000} {
		ref := fmt.Sprintf("fq-%d", price)
		if status, out := s.call("POST", "/transaction/initialize", map[string]any{"email": "a@b.test", "amount": price, "reference": ref}); status != 200 {
			t.Fatal(out)
		}
		s.outcome(ref, map[string]any{"outcome": "success"})
		d := s.verify(ref)
		amount, fee := int64(d["amount"].(float64)), int64(d["fees"].(float64))
		if d["requested_amount"] != float64(price) || amount != price+fee || fee <= 0 || fee > 200_000 {
			t.Errorf("%d: %d came, of it %d fee", price, amount, fee)
		}
	}
	page := s.initialize("fq-page")
	if _, html := s.get(page); !strings.Contains(html, "₦15,000 and ₦329.95 Paystack fee") {
		t.Error("the page does not name the fee")
	}
	s.control("/_sandbox/faults", map[string]any{"fees": "merchant"})
	s.paid("fq-merchant")
	if d := s.verify("fq-merchant"); d["amount"] != 1.5e6 || d["requested_amount"] != 1.5e6 {
		t.Error(d)
	}
}
