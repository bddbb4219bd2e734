package sandbox_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/paystack/sandbox"
)

// paid opens a transaction and pays it without a webhook.
func (s *stack) paid(reference string) {
	s.t.Helper()
	s.initialize(reference)
	s.outcome(reference, map[string]any{"outcome": "success", "webhook": "drop"})
}

// control asks one of the controls for something, and wants a 200.
func (s *stack) control(path string, body map[string]any) map[string]any {
	s.t.Helper()
	status, out := s.call("POST", path, body)
	if status != 200 {
		s.t.Fatalf("%s: %d %v", path, status, out)
	}
	return out
}

func data(out map[string]any) map[string]any { d, _ := out["data"].(map[string]any); return d }

func TestDisputes(t *testing.T) {
	t.Parallel()
	shop := newShop(t)
	s := start(t, sandbox.Config{WebhookURL: shop.url, SpeedUp: 1e6})
	s.initialize("fq-1")
	if status, _ := s.call("POST", "/_sandbox/transactions/fq-1/dispute", map[string]any{}); status != 422 {
		t.Errorf("about nothing that was paid: %d", status)
	}
	s.outcome("fq-1", map[string]any{"outcome": "success", "webhook": "drop"})
	for _, body := range []map[string]any{{"amount": 0}, {"amount": 1500001}, {"due_seconds": -1}, {"sum": 1}} {
		if status, _ := s.call("POST", "/_sandbox/transactions/fq-1/dispute", body); status != 422 {
			t.Errorf("%v: %d", body, status)
		}
	}
	if status, _ := s.call("POST", "/_sandbox/transactions/none/dispute", map[string]any{}); status != 404 {
		t.Errorf("about nothing: %d", status)
	}

	open := s.control("/_sandbox/transactions/fq-1/dispute", map[string]any{"category": "fraud"})
	id := fmt.Sprintf("%.0f", open["id"])
	h := shop.next(t)
	if h.event != "charge.dispute.create" || h.data["id"] != open["id"] || h.data["category"] != "fraud" || h.data["status"] != "awaiting-merchant-feedback" ||
		h.data["transaction"].(map[string]any)["reference"] != "fq-1" || fmt.Sprint(h.data["refund_amount"]) != fmt.Sprint(1.5e6) && h.data["refund_amount"] != "1500000" ||
		h.data["dueAt"] == nil || h.data["resolution"] != nil {
		t.Errorf("%s: %v", h.event, h.data)
	}
	if status, out := s.call("GET", "/dispute/"+id, nil); status != 200 || data(out)["status"] != "awaiting-merchant-feedback" {
		t.Errorf("%d %v", status, out)
	}
	if status, out := s.call("GET", "/dispute/77", nil); status != 404 || out["message"] != "Dispute not found" {
		t.Errorf("%d %v", status, out)
	}
	s.control("/_sandbox/disputes/"+id, map[string]any{"outcome": "remind"})
	if h := shop.next(t); h.event != "charge.dispute.remind" {
		t.Error(h.event)
	}
	s.control("/_sandbox/disputes/"+id, map[string]any{"outcome": "won"})
	if h := shop.next(t); h.event != "charge.dispute.resolve" || h.data["resolution"] != "declined" || h.data["resolvedAt"] == nil {
		t.Errorf("%s %v", h.event, h.data)
	}
	if status, _ := s.call("POST", "/_sandbox/disputes/"+id, map[string]any{"outcome": "lost"}); status != 422 {
		t.Errorf("resolved twice: %d", status)
	}
	if d := s.verify("fq-1"); d["status"] != "success" {
		t.Errorf("won: %v", d["status"])
	}

	// A part is lost, then the merchant gives in about the rest.
	part := s.control("/_sandbox/transactions/fq-1/dispute", map[string]any{"amount": 500000})
	shop.next(t)
	s.control(fmt.Sprintf("/_sandbox/disputes/%.0f", part["id"]), map[string]any{"outcome": "lost"})
	if h := shop.next(t); h.data["resolution"] != "merchant-accepted" {
		t.Error(h.data)
	}
	if d := s.verify("fq-1"); d["status"] != "success" {
		t.Errorf("a part lost: %v", d["status"])
	}
	if status, out := s.call("POST", "/refund", map[string]any{"transaction": "fq-1", "amount": 1000001}); status != 400 {
		t.Errorf("a refund of what a bank took: %d %v", status, out)
	}
	rest := s.control("/_sandbox/transactions/fq-1/dispute", map[string]any{})
	shop.next(t)
	answer := fmt.Sprintf("/dispute/%.0f/resolve", rest["id"])
	if status, _ := s.call("PUT", answer, map[string]any{"resolution": "perhaps", "message": "x"}); status != 400 {
		t.Errorf("resolved to perhaps: %d", status)
	}
	if status, out := s.call("PUT", answer, map[string]any{"resolution": "merchant-accepted", "message": "They are right", "refund_amount": 1000000}); status != 200 {
		t.Errorf("%d %v", status, out)
	}
	if h := shop.next(t); h.data["status"] != "resolved" {
		t.Error(h.data)
	}
	if d := s.verify("fq-1"); d["status"] != "reversed" {
		t.Errorf("all of it lost: %v", d["status"])
	}
	if _, out := s.call("GET", "/dispute?status=resolved", nil); len(out["data"].([]any)) != 3 {
		t.Errorf("list: %v", out)
	}
	if _, out := s.call("GET", fmt.Sprintf("/dispute/transaction/%.0f", s.verify("fq-1")["id"]), nil); len(out["data"].([]any)) != 3 {
		t.Errorf("of the transaction: %v", out)
	}

	// With evidence the bank decides, after a while of its own.
	s.paid("fq-2")
	two := s.control("/_sandbox/transactions/fq-2/dispute", map[string]any{})
	shop.next(t)
	if _, out := s.call("PUT", fmt.Sprintf("/dispute/%.0f/resolve", two["id"]), map[string]any{"resolution": "declined", "message": "They were there"}); data(out)["status"] != "awaiting-bank-feedback" {
		t.Error(out)
	}
	if h := shop.next(t); h.event != "charge.dispute.resolve" || h.data["resolution"] != "declined" {
		t.Errorf("%s %v", h.event, h.data)
	}
}

func TestADisputeNobodyAnswersIsLost(t *testing.T) {
	t.Parallel()
	times, bodies := inBubble(t, 1e6, func(int) (int, error) { return 200, nil }, func(call func(method, path, body string) int) {
		call("POST", "/transaction/initialize", opening)
		call("POST", "/_sandbox/transactions/fq-1", `{"outcome":"success","webhook":"drop"}`)
		if status := call("POST", "/_sandbox/transactions/fq-1/dispute", `{}`); status != 200 {
			t.Error(status)
		}
	}, 25*time.Hour)
	// The day until it is due is a real one: an organizer reads it as a date.
	if len(times) != 2 || times[1] != 24*time.Hour || !strings.Contains(bodies[1], `"resolution":"auto-accepted"`) {
		t.Fatalf("%v %v", times, bodies)
	}
}

func TestRestartKeepsDisputes(t *testing.T) {
	t.Parallel()
	cfg := sandbox.Config{StateFile: filepath.Join(t.TempDir(), "sandbox.jsonl"), FeesByBuyer: true}
	s := start(t, cfg)
	s.paid("fq-1")
	open := s.control("/_sandbox/transactions/fq-1/dispute", map[string]any{"amount": 70000})
	before := s.verify("fq-1")
	s.stop()
	s = start(t, cfg)
	if after := s.verify("fq-1"); after["amount"] != before["amount"] || after["fees"] != before["fees"] {
		t.Errorf("%v, then %v", before, after)
	}
	out := s.control(fmt.Sprintf("/_sandbox/disputes/%.0f", open["id"]), map[string]any{"outcome": "lost"})
	if out["status"] != "resolved" || out["amount"] != 70000.0 {
		t.Error(out)
	}
}

func TestTesterEndsARefund(t *testing.T) {
	t.Parallel()
	s := start(t, sandbox.Config{SpeedUp: 1e6})
	s.paid("fq-1")
	s.control("/_sandbox/faults", map[string]any{"refund_outcome": "stall"})
	_, out := s.call("POST", "/refund", map[string]any{"transaction": "fq-1", "amount": 1000})
	path := fmt.Sprintf("/_sandbox/refunds/%.0f", data(out)["id"])
	s.waitFor("fq-1", func(tx map[string]any) bool {
		return tx["refunds"].([]any)[0].(map[string]any)["status"] == "processing"
	})
	for _, body := range []map[string]any{{"outcome": "pending"}, {"outcome": "processed", "after_seconds": -1}} {
		if status, _ := s.call("POST", path, body); status != 422 {
			t.Errorf("%v: %d", body, status)
		}
	}
	for _, outcome := range []string{"needs-attention", "processed"} {
		if out := s.control(path, map[string]any{"outcome": outcome}); out["status"] != outcome {
			t.Errorf("%s: %v", outcome, out)
		}
	}
	if status, _ := s.call("POST", path, map[string]any{"outcome": "failed"}); status != 422 {
		t.Errorf("one that is over: %d", status)
	}
	if status, _ := s.call("POST", "/_sandbox/refunds/7", map[string]any{"outcome": "failed"}); status != 404 {
		t.Errorf("none: %d", status)
	}
}
