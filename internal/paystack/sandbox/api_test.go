package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

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
