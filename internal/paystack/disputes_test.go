package paystack_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairqueue/internal/payment"
)

func TestWhoWonADispute(t *testing.T) {
	t.Parallel()
	for words, want := range map[[2]string]payment.DisputeOutcome{
		{"awaiting-merchant-feedback", ""}:      payment.DisputeOpen,
		{"awaiting-bank-feedback", "declined"}:  payment.DisputeOpen,
		{"pending", ""}:                         payment.DisputeOpen,
		{"resolved", "declined"}:                payment.DisputeWon,
		{"resolved", "fraudulent-recovered"}:    payment.DisputeWon,
		{"resolved", "merchant-accepted"}:       payment.DisputeLost,
		{"resolved", "auto-accepted"}:           payment.DisputeLost,
		{"resolved", "paystack-accepted"}:       payment.DisputeLost,
		{"resolved", "fraudulent-lost"}:         payment.DisputeLost,
		{"resolved", "converted-to-chargeback"}: payment.DisputeLost,
		{"resolved", "a word of tomorrow"}:      payment.DisputeOpen,
		{"resolved", ""}:                        payment.DisputeOpen,
	} {
		data := fmt.Sprintf(`{"id":358950,"refund_amount":"5800","currency":"NGN","status":%q,"resolution":%q,"category":"chargeback",
			"transaction":{"id":7,"reference":"fq-1"},"dueAt":"2026-05-01T10:00:00.000Z","resolvedAt":null,"evidence":null,"messages":[]}`, words[0], words[1])
		d, err := says(t, 200, `{"status":true,"message":"Dispute retrieved","data":`+data+`}`).Dispute(t.Context(), "358950")
		if err != nil || !d.Found || d.Outcome != want || d.Amount != 5800 || d.Reference != "fq-1" || d.Category != "chargeback" || d.DueAt == nil || d.ResolvedAt != nil {
			t.Errorf("%v: %+v %v", words, d, err)
		}
		// A webhook says the same.
		n := says(t, 500, "").Read([]byte(`{"event":"charge.dispute.resolve","data":` + data + `}`))
		if n.Dispute == nil || n.Dispute.Outcome != want || n.Reference != "fq-1" || n.Dispute.ProviderID != "358950" || n.Charge != nil {
			t.Errorf("%v: %+v", words, n)
		}
	}
}

func TestADisputeThatNobodyKnows(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"status":false,"message":"Dispute not found"}`, `{"status":false,"message":"x","code":"dispute_not_found"}`} {
		if d, err := says(t, 404, body).Dispute(t.Context(), "7"); err != nil || d.Found || d.ProviderID != "7" {
			t.Errorf("%+v %v", d, err)
		}
	}
	for _, body := range []string{
		`{"status":true,"data":{"id":8,"status":"resolved"}}`, `{"status":true,"data":{"id":7}}`, `{"status":true,"data":null}`,
	} {
		if _, err := says(t, 200, body).Dispute(t.Context(), "7"); !payment.Uncertain(err) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestARefundIsSentToAnAccount(t *testing.T) {
	t.Parallel()
	var got struct {
		Details map[string]string `json:"refund_account_details"`
	}
	c := api(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/refund/retry_with_customer_details/9" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"status":true,"message":"Refund retried","data":{"id":9,"status":"processing","amount":20000,"transaction":3298598423}}`)
	})
	account := payment.BankAccount{BankID: "57", Number: "0123456789"}
	r, err := c.RetryRefund(t.Context(), "9", account)
	if err != nil || r.Status != "processing" || r.Amount != 20000 || r.ProviderID != "9" {
		t.Fatalf("%+v %v", r, err)
	}
	if got.Details["currency"] != "NGN" || got.Details["account_number"] != "0123456789" || got.Details["bank_id"] != "57" {
		t.Fatalf("%+v", got)
	}
	_, err = says(t, 422, `{"status":false,"message":"Refund does not need attention"}`).RetryRefund(t.Context(), "9", account)
	if e := provider(t, err); !e.Refused || e.Uncertain {
		t.Fatalf("%+v", e)
	}
	// An account that gets into a log by mistake says nothing there.
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "account", account)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "account", account)
	fmt.Fprintf(&b, "%v %+v %#v %s %q", account, account, account, account, account)
	if strings.Contains(b.String(), "0123456789") {
		t.Fatal(b.String())
	}
}

func TestBanks(t *testing.T) {
	t.Parallel()
	c := says(t, 200, `{"status":true,"message":"Banks retrieved","data":[
		{"id":"9","name":"Zenith Bank","code":"057","active":true,"is_deleted":false},
		{"id":1,"name":"Access Bank","code":"044"},
		{"id":3,"name":"Closed Bank","active":false},{"id":4},{"name":"No number"}]}`)
	banks, err := c.Banks(t.Context())
	if err != nil || len(banks) != 2 || banks[0] != (payment.Bank{ID: "1", Name: "Access Bank"}) || banks[1].ID != "9" {
		t.Fatalf("%+v %v", banks, err)
	}
}

func TestOtherWordsForNeedsAttention(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"needs-attention", "needs_attention", "retriable"} {
		c := says(t, 200, `{"status":true,"data":{"id":9,"status":"`+word+`","amount":5}}`)
		if r, err := c.Refund(t.Context(), "fq-1", 5, "x"); err != nil || r.Status != "needs-attention" {
			t.Errorf("%s: %+v %v", word, r, err)
		}
	}
}

func TestBanksAreAskedForOnceInAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, answers(200, `{"status":true,"data":[{"id":1,"name":"Access Bank"}]}`))
		for range 5 {
			if banks, err := w.Banks(t.Context()); err != nil || len(banks) != 1 {
				t.Fatal(banks, err)
			}
		}
		if w.asked.Load() != 1 {
			t.Fatal(w.asked.Load())
		}
		time.Sleep(2 * time.Hour)
		w.answer = dies
		if banks, err := w.Banks(t.Context()); err != nil || len(banks) != 1 || w.asked.Load() != 3 {
			t.Fatal(banks, err, w.asked.Load())
		}
		fresh := newWorld(t, dies)
		if _, err := fresh.Banks(t.Context()); err == nil {
			t.Fatal("banks out of nothing")
		}
	})
}

// The list of all refunds, in every form: what is named in one is read, and one that nobody can read hides no other.
func TestAllRefunds(t *testing.T) {
	t.Parallel()
	var asked string
	c := api(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RequestURI()
		_, _ = io.WriteString(w, `{"status":true,"data":[
			{"id":1,"amount":"500","status":"processed","transaction":77,"dispute":null},
			7,
			{"id":"2","amount":600,"status":"needs_attention","transaction":{"id":78,"reference":"fq-2"},"dispute":{"id":9}},
			{"id":3,"amount":700.0,"status":"pending","transaction":79,"transaction_reference":"fq-3","dispute":0}
		]}`)
	})
	all, err := c.AllRefunds(t.Context(), time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("Lagos", 3600)), 3)
	want := []payment.Refund{
		{ProviderID: "1", Status: "processed", Amount: 500, Transaction: "77"},
		{},
		{ProviderID: "2", Status: "needs-attention", Amount: 600, Reference: "fq-2", Transaction: "78", Dispute: true},
		{ProviderID: "3", Status: "pending", Amount: 700, Reference: "fq-3", Transaction: "79"},
	}
	if err != nil || !slices.Equal(all, want) {
		t.Errorf("%+v %v, want %+v", all, err, want)
	}
	if asked != "/refund?from=2026-03-04T04%3A06%3A07Z&page=3&perPage=50" {
		t.Error(asked)
	}
}
