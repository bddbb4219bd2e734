package sandbox_test

import (
	"fmt"
	"testing"
	"time"

	"fairqueue/internal/paystack/sandbox"
)

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
	hour := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	for query, want := range map[string]int{
		"from=" + hour(-time.Hour): 2, "from=" + hour(time.Hour): 0, "to=" + hour(-time.Hour): 0,
		"from=2016-09-21&to=" + hour(time.Hour): 2, "from=2016-09-21&perPage=1&page=2": 1, "page=2": 0,
	} {
		if _, out := s.call("GET", "/refund?"+query, nil); len(out["data"].([]any)) != want {
			t.Errorf("%s: %v, want %d", query, out, want)
		}
	}
	if status, out := s.call("GET", "/refund?from=yesterday", nil); status != 400 {
		t.Errorf("from yesterday: %d %v", status, out)
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
