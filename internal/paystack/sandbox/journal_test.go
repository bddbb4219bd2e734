package sandbox_test

import (
	"os"
	"path/filepath"
	"testing"

	"fairqueue/internal/paystack/sandbox"
)

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
