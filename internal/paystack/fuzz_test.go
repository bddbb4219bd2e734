package paystack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
	"fairqueue/internal/paystack"
)

func fuzzed(f *testing.F) *paystack.Client {
	c, err := paystack.New(paystack.Config{SecretKey: secret})
	if err != nil {
		f.Fatal(err)
	}
	return c
}

// bodies are what a fuzzer begins with: one of each kind, in the shapes that vary.
var bodies = []string{
	`{"event":"charge.success","data":{"reference":"fq-1","status":"success","amount":"5","currency":"NGN","metadata":""}}`,
	`{"event":"charge.success","data":{"id":1,"domain":"test","reference":"fq-1","status":"success","amount":5000.0,"requested_amount":"5000","fees":null,"currency":"NGN","metadata":{"a":[0]},"plan":{},"paidAt":"2026-05-01T10:00:00.000Z"}}`,
	`{"event":"charge.failed","data":{"reference":"fq-1","status":"failed","amount":-1}}`,
	`{"event":"refund.processed","data":{"transaction":{"id":1,"reference":"x"},"amount":1e3,"refund_reference":null}}`,
	`{"event":"refund.needs-attention","data":{"transaction_reference":"fq-1","amount":"700","status":"needs-attention"}}`,
	`{"event":"charge.dispute.create","data":{"id":358950,"refund_amount":5800,"status":"awaiting-merchant-feedback","transaction":{"reference":"fq-1"},"dueAt":"2026-05-01T10:00:00Z"}}`,
	`{"event":"charge.dispute.resolve","data":{"id":"358950","status":"resolved","resolution":"merchant-accepted","transaction":7,"transaction_reference":"fq-1"}}`,
	`{"event":"bank.transfer.rejected","data":{}}`, `{"event":7,"data":"x"}`, `[]`, `null`, ``, `{`, "\x00\xff",
}

// FuzzRead: no body that was signed breaks the reader; it settles by nothing less than a whole success of our world, and
// what it says is what the body says.
func FuzzRead(f *testing.F) {
	c := fuzzed(f)
	for _, b := range bodies {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n := c.Read(body)
		if len(n.Dedupe) != 32 || !bytes.Equal(n.Body, body) {
			t.Fatalf("%+v", n)
		}
		if again := c.Read(bytes.Clone(body)); !bytes.Equal(again.Dedupe, n.Dedupe) {
			t.Fatal("the same body is two events")
		}
		if ch := n.Charge; ch != nil {
			if !strings.HasPrefix(n.Kind, "charge.") || ch.Amount <= 0 || ch.Status != "success" || ch.Currency == "" || ch.Reference == "" || ch.Reference != n.Reference {
				t.Fatalf("settles by %+v of %q", ch, n.Kind)
			}
		}
		if d := n.Dispute; d != nil && (!strings.HasPrefix(n.Kind, "charge.dispute.") || d.ProviderID == "" || d.Reference != n.Reference) {
			t.Fatalf("%+v of %q", d, n.Kind)
		}
		if !json.Valid(body) && (n.Charge != nil || n.Dispute != nil || n.Kind != "") {
			t.Fatalf("something was read in what is no JSON: %+v", n)
		}
	})
}

// FuzzSignature: one signature fits one body, and nothing that differs from it in any byte does; whatever a stranger
// sends is refused before it is read.
func FuzzSignature(f *testing.F) {
	c := fuzzed(f)
	for i, b := range bodies {
		f.Add([]byte(b), sign(b), i, byte(1<<(i%8)))
	}
	f.Add([]byte(bodies[0]), "", 0, byte(0))
	f.Add([]byte(bodies[0]), strings.ToUpper(sign(bodies[0])), 3, byte(0x20))
	f.Add([]byte(bodies[0]), " "+sign(bodies[0])+"\n", 3, byte(0x80))
	f.Fuzz(func(t *testing.T, body []byte, stranger string, at int, flip byte) {
		right := sign(string(body))
		n, err := c.Open(right, body)
		if err != nil || !bytes.Equal(n.Body, body) {
			t.Fatalf("a right signature is refused: %v", err)
		}
		refused := func(signature string, body []byte) {
			t.Helper()
			n, err := c.Open(signature, body)
			if fault.Status(err) != 401 || n.Body != nil || n.Charge != nil || n.Dispute != nil || n.Dedupe != nil {
				t.Fatalf("signature %q opens %q: %+v %v", signature, body, n, err)
			}
		}
		if stranger != right {
			refused(stranger, body)
		}
		refused(right[:len(right)-1], body)
		refused(right+"0", body)
		refused(right, append(bytes.Clone(body), ' '))
		if flip == 0 {
			return
		}
		place := func(n int) int { return ((at % n) + n) % n }
		s := []byte(right)
		s[place(len(s))] ^= flip
		refused(string(s), body)
		if len(body) > 0 {
			b := bytes.Clone(body)
			b[place(len(b))] ^= flip
			refused(right, b)
		}
	})
}

// FuzzAnswers: whatever answers in the provider's place, nothing breaks, and nothing is read out of it that is not about
// what was asked.
func FuzzAnswers(f *testing.F) {
	for _, b := range bodies {
		f.Add(200, `{"status":true,"data":`+b+`}`)
	}
	f.Add(200, `{"status":true,"data":{"id":7,"domain":"test","status":"success","reference":"fq-1","currency":"NGN","amount":"5","requested_amount":5.0,"fees":{}}}`)
	f.Add(200, `{"status":true,"data":{"authorization_url":"https://checkout.example/x","reference":"fq-1"}}`)
	f.Add(200, `{"status":true,"data":[{"id":1,"amount":5,"transaction":{"reference":"fq-1"}},null,7]}`)
	f.Add(404, `{"status":false,"code":"transaction_not_found"}`)
	f.Add(400, `{"status":"false","message":["x"],"code":{}}`)
	f.Add(502, `<html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		// A new one each time: one that has seen too many failures would not ask.
		w := newWorld(t, answers(status, body))
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // less than the pause before asking again
		defer cancel()
		if c, err := w.Verify(ctx, "fq-1"); err == nil && c.Found && (c.Reference != "fq-1" || c.Status == "") {
			t.Fatalf("%+v", c)
		}
		if page, err := w.Initialize(ctx, payment.Start{Reference: "fq-1"}); err == nil && !strings.HasPrefix(strings.ToLower(page), "http") {
			t.Fatalf("sends buyers to %q", page)
		}
		if r, err := w.Refund(ctx, "fq-1", 5, ""); err == nil && r.ProviderID == "" {
			t.Fatalf("%+v", r)
		}
		if r, err := w.RetryRefund(ctx, "7", payment.BankAccount{}); err == nil && r.ProviderID != "7" {
			t.Fatalf("%+v", r)
		}
		if d, err := w.Dispute(ctx, "7"); err == nil && d.Found && (d.ProviderID != "7" || d.Status == "" || d.Outcome == "") {
			t.Fatalf("%+v", d)
		}
		if all, err := w.AllRefunds(ctx, time.Time{}, 1); err != nil && len(all) > 0 {
			t.Fatalf("%+v", all)
		}
		for _, err := range []error{func() error { _, err := w.Banks(ctx); return err }(), func() error { _, err := w.Refunds(ctx, "fq-1"); return err }()} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Fatal("an error holds the key")
			}
		}
	})
}
