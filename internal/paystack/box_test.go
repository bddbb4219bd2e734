package paystack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/paystack"
	"fairqueue/internal/paystack/sandbox"
)

// box is the adapter at a sandbox, and what the sandbox sends.
type box struct {
	*paystack.Client
	t     *testing.T
	url   string
	hooks chan payment.Notice
}

func boxed(t *testing.T, seed int64, fees bool) *box {
	t.Helper()
	b := &box{t: t, hooks: make(chan payment.Notice, 100)}
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		n, err := b.Open(r.Header.Get("X-Paystack-Signature"), body)
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		b.hooks <- n
	}))
	bank, err := sandbox.New(sandbox.Config{Addr: "127.0.0.1:0", SecretKey: secret, WebhookURL: shop.URL, Seed: seed, SpeedUp: 1e6, FeesByBuyer: fees})
	if err != nil {
		t.Fatal(err)
	}
	b.url = bank.URL()
	if b.Client, err = paystack.New(paystack.Config{SecretKey: secret, BaseURL: b.url}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bank.Run(ctx) }() // waited for below
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		shop.Close()
		b.Close()
		if err := bank.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *box) control(path string, body map[string]any) map[string]any {
	b.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := http.Post(b.url+"/_sandbox"+path, "application/json", bytes.NewReader(raw)) //nolint:noctx // a test of one machine
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != 200 {
		b.t.Fatalf("%s: %d %v %v", path, res.StatusCode, out, err)
	}
	return out
}

// hook waits for a webhook of a kind; others on the way are left out.
func (b *box) hook(kind string) payment.Notice {
	b.t.Helper()
	for {
		select {
		case n := <-b.hooks:
			if n.Kind == kind {
				return n
			}
		case <-time.After(90 * time.Second):
			b.t.Fatal("never came: ", kind)
		}
	}
}

func (b *box) refundIs(reference, id, status string) {
	b.t.Helper()
	for b.t.Context().Err() == nil {
		list, err := b.Refunds(b.t.Context(), reference)
		if err != nil {
			b.t.Fatal(err)
		}
		if slices.ContainsFunc(list, func(r payment.Refund) bool { return r.ProviderID == id && r.Status == status }) {
			return
		}
	}
}

// Whatever shapes a seed chooses, the adapter reads a whole life of a payment out of them.
func TestAdapterAndSandboxUnderstandEachOther(t *testing.T) {
	t.Parallel()
	for seed := range int64(dbtest.Size(8, 200)) {
		fees := seed%2 == 1
		b := boxed(t, seed, fees)
		ctx, ref := t.Context(), fmt.Sprintf("fq-%d", seed)
		if c, err := b.Verify(ctx, ref); err != nil || c.Found {
			t.Fatalf("%+v %v", c, err)
		}
		begin := payment.Start{Reference: ref, Email: "ada@example.test", Amount: 1_500_000, Channels: []string{"card"}, CallbackURL: "https://t.example/back"}
		if seed%3 > 0 {
			begin.Metadata = map[string]string{"claim": "c"}
		}
		if page, err := b.Initialize(ctx, begin); err != nil || !strings.HasPrefix(page, b.url) {
			t.Fatal(page, err)
		}
		if _, err := b.Initialize(ctx, begin); !payment.Uncertain(err) || provider(t, err).Code != "duplicate_reference" {
			t.Fatal(err)
		}
		b.control("/transactions/"+ref, map[string]any{"outcome": "success"})
		n := b.hook("charge.success")
		c, err := b.Verify(ctx, ref)
		if err != nil || c.Status != "success" || c.Requested != 1_500_000 || c.Currency != money.Currency || c.PaidAt == nil || n.Charge == nil {
			t.Fatalf("%+v %v %+v", c, err, n)
		}
		if want := money.Kobo(1_500_000); c.Fees == 0 || (!fees && c.Amount != want) || (fees && c.Amount != want+c.Fees) {
			t.Fatalf("%d came, fees %d", c.Amount, c.Fees)
		}
		if fees && c.Fees != payment.FeeOnTop(1_500_000) {
			t.Fatalf("the fan was told %d, and paid %d", payment.FeeOnTop(1_500_000), c.Fees)
		}
		if said := *n.Charge; said.Amount != c.Amount || said.Requested != c.Requested || said.Fees != c.Fees || said.ProviderID != c.ProviderID || !said.PaidAt.Equal(*c.PaidAt) {
			t.Fatalf("the webhook says %+v, verify %+v", said, c)
		}

		b.control("/faults", map[string]any{"refund_outcome": "needs-attention"})
		r, err := b.Refund(ctx, ref, 200_000, "part")
		if err != nil || r.Amount != 200_000 {
			t.Fatalf("%+v %v", r, err)
		}
		if n := b.hook("refund.needs-attention"); n.Reference != ref || n.Charge != nil {
			t.Fatalf("%+v", n)
		}
		b.refundIs(ref, r.ProviderID, "needs-attention")
		all, err := b.AllRefunds(ctx, time.Now().Add(-time.Hour), 1)
		if err != nil || len(all) != 1 || all[0].ProviderID != r.ProviderID || all[0].Amount != 200_000 || all[0].Dispute ||
			all[0].Reference != ref || all[0].Transaction != c.ProviderID {
			t.Fatalf("%+v %v", all, err)
		}
		if more, err := b.AllRefunds(ctx, time.Now().Add(-time.Hour), 2); err != nil || len(more) != 0 {
			t.Fatalf("%+v %v", more, err)
		}
		if none, err := b.AllRefunds(ctx, time.Now().Add(time.Hour), 1); err != nil || len(none) != 0 {
			t.Fatalf("%+v %v", none, err)
		}
		banks, err := b.Banks(ctx)
		if err != nil || len(banks) == 0 {
			t.Fatal(banks, err)
		}
		if again, err := b.RetryRefund(ctx, r.ProviderID, payment.BankAccount{BankID: banks[0].ID, Number: "0123456789"}); err != nil || again.Status != "processing" {
			t.Fatalf("%+v %v", again, err)
		}
		if n := b.hook("refund.processed"); n.Reference != ref {
			t.Fatalf("%+v", n)
		}
		b.refundIs(ref, r.ProviderID, "processed")
		if _, err := b.RetryRefund(ctx, r.ProviderID, payment.BankAccount{BankID: "1", Number: "1"}); !provider(t, err).Refused {
			t.Fatal(err)
		}
		if _, err := b.Refund(ctx, ref, 2_000_000, "too much"); !provider(t, err).Refused {
			t.Fatal(err)
		}

		opened := b.control("/transactions/"+ref+"/dispute", map[string]any{"amount": 300_000})
		id := fmt.Sprintf("%.0f", opened["id"])
		n = b.hook("charge.dispute.create")
		d, err := b.Dispute(ctx, id)
		if err != nil || !d.Found || d.Outcome != payment.DisputeOpen || d.Amount != 300_000 || d.Reference != ref || d.DueAt == nil {
			t.Fatalf("%+v %v", d, err)
		}
		if n.Dispute == nil || n.Reference != ref || n.Dispute.ProviderID != id || n.Dispute.Amount != d.Amount || !n.Dispute.DueAt.Equal(*d.DueAt) {
			t.Fatalf("%+v", n)
		}
		outcome, want := "won", payment.DisputeWon
		if seed%4 > 1 {
			outcome, want = "lost", payment.DisputeLost
		}
		b.control("/disputes/"+id, map[string]any{"outcome": outcome})
		if n := b.hook("charge.dispute.resolve"); n.Dispute == nil || n.Dispute.Outcome != want {
			t.Fatalf("%s: %+v", outcome, n.Dispute)
		}
		if d, err := b.Dispute(ctx, id); err != nil || d.Outcome != want || d.ResolvedAt == nil {
			t.Fatalf("%s: %+v %v", outcome, d, err)
		}
		if d, err := b.Dispute(ctx, "7"); err != nil || d.Found {
			t.Fatalf("%+v %v", d, err)
		}
	}
}

// What a fan reads about fees before paying is what the page of the provider asks for.
func TestTheFeeThatWasShownIsTheFeeThatIsAsked(t *testing.T) {
	t.Parallel()
	b := boxed(t, 1, true)
	r := rand.New(rand.NewPCG(uint64(dbtest.Seed()), 6)) //nolint:gosec // any seed will do
	prices := []money.Kobo{1, 100, 236_249, 236_250, 236_251, 249_999, 250_000, 12_466_000, 12_480_000, 12_666_667, 13_000_000, 1_000_000_000}
	for range dbtest.Size(40, 2_000) {
		prices = append(prices, money.Kobo(1+r.Int64N(20_000_000)))
	}
	for i, price := range prices {
		ref := fmt.Sprintf("fee-%d", i)
		if _, err := b.Initialize(t.Context(), payment.Start{Reference: ref, Email: "ada@example.test", Amount: price}); err != nil {
			t.Fatal(err)
		}
		b.control("/transactions/"+ref, map[string]any{"outcome": "success", "webhook": "drop"})
		c, err := b.Verify(t.Context(), ref)
		if err != nil || c.Requested != price || c.Fees != payment.FeeOnTop(price) || c.Amount != price+c.Fees {
			t.Errorf("%d: shown %d, asked %d of %d: %v", price, payment.FeeOnTop(price), c.Fees, c.Amount, err)
		}
	}
}

// TestRandomBodies does what the fuzzers do, for a while and by seed: bodies that were bent anywhere never break the
// reader, never settle by less than a whole success, and never pass with a signature of another body.
func TestRandomBodies(t *testing.T) {
	t.Parallel()
	c := says(t, 500, "")
	seed := uint64(dbtest.Seed()) //nolint:gosec // any seed will do
	r := rand.New(rand.NewPCG(seed, 5))
	pieces := []string{"null", `""`, "0", "-1", "1e400", "1.5", `"1.0"`, "{}", "[]", `[{}]`, `"success"`, `"\u0000"`, "true", `{"id":1}`, strings.Repeat("[", 200), "9223372036854775808", `"NGN"`}
	for range dbtest.Size(5_000, 500_000) {
		body := []byte(bodies[r.IntN(len(bodies))])
		for range 1 + r.IntN(4) {
			switch at := r.IntN(len(body) + 1); r.IntN(4) {
			case 0:
				body = slices.Insert(body, at, []byte(pieces[r.IntN(len(pieces))])...)
			case 1:
				body = slices.Delete(body, at, min(len(body), at+1+r.IntN(8)))
			case 2:
				if at < len(body) {
					body[at] ^= byte(1 << r.IntN(8))
				}
			default:
				// A value becomes one of another type.
				if i := bytes.IndexByte(body[min(at, len(body)):], ':'); i >= 0 {
					from := at + i + 1
					to := from + max(1, bytes.IndexAny(body[from:], ",}"))
					body = slices.Replace(body, from, min(to, len(body)), []byte(pieces[r.IntN(len(pieces))])...)
				}
			}
		}
		n := c.Read(body)
		if ch := n.Charge; len(n.Dedupe) != 32 || (ch != nil && (ch.Amount <= 0 || ch.Status != "success" || ch.Currency == "" || ch.Reference == "" || ch.Reference != n.Reference)) {
			t.Fatalf("seed %d: %q: %+v %+v", seed, body, n, ch)
		}
		if d := n.Dispute; d != nil && d.ProviderID == "" {
			t.Fatalf("seed %d: %q: %+v", seed, body, d)
		}
		right := sign(string(body))
		if _, err := c.Open(right, body); err != nil {
			t.Fatalf("seed %d: %q: %v", seed, body, err)
		}
		wrong := []byte(right)
		wrong[r.IntN(len(wrong))] ^= byte(1 << r.IntN(8))
		for _, s := range []string{string(wrong), sign(string(body) + " "), strings.ToUpper(right + "a"), right[:r.IntN(len(right))]} {
			if n, err := c.Open(s, body); fault.Status(err) != 401 || n.Kind != "" || n.Body != nil {
				t.Fatalf("seed %d: %q opens %q", seed, s, body)
			}
		}
	}
}
