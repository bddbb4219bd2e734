package paystack_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
	"fairqueue/internal/paystack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "sk_test_of_the_adapter"

// api is a server that answers as a test says.
func api(t *testing.T, h http.HandlerFunc) *paystack.Client {
	t.Helper()
	server := httptest.NewServer(h)
	c, err := paystack.New(paystack.Config{SecretKey: secret, BaseURL: server.URL + "/", Timeout: 30 * time.Second, Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); server.Close() })
	return c
}

// says is a server that says one thing.
func says(t *testing.T, status int, body string) *paystack.Client {
	return api(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func provider(t *testing.T, err error) *payment.ProviderError {
	t.Helper()
	e, ok := errors.AsType[*payment.ProviderError](err)
	if !ok {
		t.Fatalf("%v is no ProviderError", err)
	}
	return e
}

func TestInitializeSaysWhatPaystackNeeds(t *testing.T) {
	t.Parallel()
	var got map[string]any
	c := api(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+secret || r.Header.Get("User-Agent") != "FairQueue/1" || r.URL.Path != "/transaction/initialize" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"status":true,"message":"ok","data":{"authorization_url":"https://checkout.paystack.com/abc","access_code":"abc","reference":"fq-1"}}`)
	})
	page, err := c.Initialize(t.Context(), payment.Start{Reference: "fq-1", Email: "ada@example.com", Amount: 1_500_000,
		CallbackURL: "https://t.example/back", CancelURL: "https://t.example/cancel", Channels: []string{"card"}, Metadata: map[string]string{"claim": "x"}})
	if err != nil || page != "https://checkout.paystack.com/abc" {
		t.Fatal(page, err)
	}
	want := map[string]any{"email": "ada@example.com", "amount": 1_500_000.0, "currency": "NGN", "reference": "fq-1", "callback_url": "https://t.example/back"}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %v", k, got[k])
		}
	}
	if m, _ := got["metadata"].(map[string]any); m["cancel_action"] != "https://t.example/cancel" || m["claim"] != "x" {
		t.Errorf("metadata: %v", got["metadata"])
	}
}

func TestVerifySurvivesEveryShape(t *testing.T) {
	t.Parallel()
	for name, rest := range map[string]string{
		"numbers":          `"amount":1500000,"requested_amount":1500000,"fees":32500,"metadata":{"a":{"b":[1]}},"plan":{},"log":null,"authorization":{"exp_month":"12"},"paid_at":"2026-05-01T10:00:00.000Z"`,
		"strings":          `"amount":"1500000","requested_amount":"1500000","fees":"32500","metadata":"","plan":null,"log":{"x":1},"authorization":{"exp_month":12},"paidAt":"2026-05-01T10:00:00.000Z"`,
		"metadata zero":    `"amount":1500000.00,"requested_amount":1500000,"fees":32500,"metadata":0,"split":{},"paid_at":null,"paidAt":"2026-05-01T10:00:00Z"`,
		"metadata string":  `"amount":1500000,"requested_amount":1500000,"fees":32500,"metadata":"{\"a\":1}","customer":null,"paid_at":"2026-05-01T10:00:00Z"`,
		"metadata null":    `"amount":1500000,"requested_amount":1500000,"fees":32500,"metadata":null,"order_id":null,"paid_at":"2026-05-01T10:00:00Z"`,
		"odd things":       `"amount":1500000,"requested_amount":1500000,"fees":32500,"message":{"x":1},"ip_address":[1],"paid_at":"2026-05-01T10:00:00Z"`,
		"response is null": `"amount":1500000,"requested_amount":1500000,"fees":32500,"gateway_response":null,"paid_at":"2026-05-01T10:00:00Z"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := says(t, 200, `{"status":true,"message":"ok","data":{"id":4099260516,"status":"success","reference":"fq-1","currency":"NGN","channel":"card",`+rest+`}}`)
			got, err := c.Verify(t.Context(), "fq-1")
			if err != nil || !got.Found || got.Status != "success" || got.Amount != 1_500_000 || got.Requested != 1_500_000 || got.Fees != 32_500 ||
				got.ProviderID != "4099260516" || got.PaidAt == nil || got.PaidAt.Year() != 2026 {
				t.Fatalf("%+v %v", got, err)
			}
		})
	}
}

func TestRequestedAmountMayBeMissing(t *testing.T) {
	t.Parallel()
	c := says(t, 200, `{"status":true,"data":{"id":1,"status":"abandoned","reference":"fq-1","currency":"NGN","amount":5,"fees":null,"paid_at":null}}`)
	if got, err := c.Verify(t.Context(), "fq-1"); err != nil || got.Requested != 0 || got.Fees != 0 || got.PaidAt != nil || got.Status != "abandoned" {
		t.Fatalf("%+v %v", got, err)
	}
}

func TestNotFoundIsToldByItsCode(t *testing.T) {
	t.Parallel()
	for body, status := range map[string]int{
		`{"status":false,"message":"Transaction reference not found.","meta":{"nextStep":"x"},"type":"validation_error","code":"transaction_not_found"}`: 404,
		`{"status":false,"message":"No.","type":"validation_error","code":"transaction_not_found"}`:                                                      400,
		`{"status":false,"message":"Transaction reference not found"}`:                                                                                   400,
	} {
		got, err := says(t, status, body).Verify(t.Context(), "fq-1")
		if err != nil || got.Found || got.Reference != "fq-1" {
			t.Errorf("%s: %+v %v", body, got, err)
		}
	}
	// A 404 of something in between is not Paystack saying that it knows nothing.
	if _, err := says(t, 404, `<html>not found</html>`).Verify(t.Context(), "fq-1"); !payment.Uncertain(err) {
		t.Errorf("%v", err)
	}
	if got, err := says(t, 404, `{"message":"no Route matched"}`).Verify(t.Context(), "fq-1"); err == nil {
		t.Errorf("%+v", got)
	}
}

func TestWhatAnErrorMeans(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20+1)
	for name, c := range map[string]struct {
		status             int
		body, code         string
		uncertain, refused bool
	}{
		"duplicate":         {400, `{"status":false,"message":"Duplicate Transaction Reference","code":"duplicate_reference"}`, "duplicate_reference", true, false},
		"duplicate, old":    {400, `{"status":false,"message":"Duplicate Transaction Reference"}`, "duplicate_reference", true, false},
		"invalid address":   {400, `{"status":false,"message":"Invalid Email Address Passed","code":"invalid_email_address"}`, "invalid_email_address", false, true},
		"validation":        {422, `{"status":false,"message":"x"}`, "http_422", false, true},
		"invalid key":       {401, `{"status":false,"message":"Invalid key","code":"invalid_Key"}`, "invalid_Key", false, false},
		"too many":          {429, `{"status":false,"message":"slow down"}`, "rate_limited", false, false},
		"server error":      {500, `{"status":false,"message":"An error occurred","type":"api_error","code":"unknown"}`, "unknown", true, false},
		"bad gateway":       {502, `<html>`, "http_502", true, false},
		"not JSON":          {200, `hello`, "http_200", true, false},
		"success and no":    {200, `{"status":false,"message":"x"}`, "http_200", true, false},
		"no page":           {200, `{"status":true,"data":{"authorization_url":"javascript:alert(1)"}}`, "malformed", true, false},
		"no data":           {200, `{"status":true,"data":null}`, "malformed", true, false},
		"somebody else's":   {200, `{"status":true,"data":{"authorization_url":"https://x.example/a","reference":"fq-2"}}`, "malformed", true, false},
		"data of odd shape": {200, `{"status":true,"data":[]}`, "malformed", true, false},
		"a redirect":        {302, `{}`, "http_302", true, false},
		"a flood":           {200, long, "malformed", true, false},
		"code is a number":  {400, `{"status":false,"message":"x","code":7}`, "7", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := says(t, c.status, c.body).Initialize(t.Context(), payment.Start{Reference: "fq-1"})
			e := provider(t, err)
			if e.Code != c.code || e.Uncertain != c.uncertain || e.Refused != c.refused || payment.Uncertain(err) != c.uncertain {
				t.Fatalf("%+v", e)
			}
			if strings.Contains(err.Error(), secret) {
				t.Fatal("an error holds the key")
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header, value string // a value of "" is the moment 20 s after the answer
		least, most   time.Duration
	}{
		"seconds":     {"Retry-After", "7", 7 * time.Second, 7 * time.Second},
		"a date":      {"Retry-After", "", 15 * time.Second, 20 * time.Second},
		"reset":       {"X-Ratelimit-Reset", "3", 3 * time.Second, 3 * time.Second},
		"nonsense":    {"Retry-After", "soon", time.Second, time.Second},
		"nothing":     {"X-Other", "1", time.Second, time.Second},
		"far too far": {"Retry-After", "99999999", 5 * time.Minute, 5 * time.Minute},
		"negative":    {"Retry-After", "-5", time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := api(t, func(w http.ResponseWriter, _ *http.Request) {
				value := c.value
				if value == "" {
					value = time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat)
				}
				w.Header().Set(c.header, value)
				w.WriteHeader(http.StatusTooManyRequests)
			})
			_, err := a.Verify(t.Context(), "fq-1")
			if e := provider(t, err); e.Code != "rate_limited" || e.RetryAfter < c.least || e.RetryAfter > c.most {
				t.Fatalf("%+v", e)
			}
		})
	}
}

func TestSilenceAndRefusalAreUncertain(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	c, err := paystack.New(paystack.Config{SecretKey: secret, BaseURL: server.URL, Timeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Verify(t.Context(), "fq-1")
	if e := provider(t, err); e.Code != "timeout" || !e.Uncertain {
		t.Fatalf("%+v", e)
	}
	close(done)
	server.Close()
	c.Close()
	// Nobody listens: the request has not left, so nothing can have come of it.
	if c, err = paystack.New(paystack.Config{SecretKey: secret, BaseURL: server.URL, Timeout: 30 * time.Second}); err != nil {
		t.Fatal(err)
	}
	_, err = c.Refund(t.Context(), "fq-1", 5, "x")
	if e := provider(t, err); e.Code != "unreachable" || e.Uncertain || e.Refused {
		t.Fatalf("%+v", e)
	}
	c.Close()
}

func TestVerifyAboutSomethingElse(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"status":true,"data":{"id":1,"status":"success","reference":"fq-2","currency":"NGN","amount":5}}`,
		`{"status":true,"data":{"id":1,"status":"success","reference":"fq-1","currency":"NGN","amount":"5.5"}}`,
		`{"status":true,"data":{"id":1,"status":null,"reference":"fq-1","currency":"NGN","amount":5}}`,
		// The key is one of tests: whatever is live is not about it.
		`{"status":true,"data":{"id":1,"domain":"live","status":"success","reference":"fq-1","currency":"NGN","amount":5}}`,
	} {
		if _, err := says(t, 200, body).Verify(t.Context(), "fq-1"); !payment.Uncertain(err) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	c := api(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/transaction/verify/"):
			_, _ = io.WriteString(w, `{"status":true,"data":{"id":77,"status":"reversed","reference":"fq-1","currency":"NGN","amount":5}}`)
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(w, `{"status":true,"message":"Refund has been queued","data":{"id":9,"status":"pending","amount":"500","transaction":{"id":77,"reference":"fq-1"}}}`)
		default:
			if r.URL.Query().Get("transaction") != "77" {
				t.Errorf("asked for %s", r.URL)
			}
			// As if the filter were not understood.
			_, _ = io.WriteString(w, `{"status":true,"data":[
				{"id":1,"status":"processed","amount":500,"transaction":77},
				{"id":"2","status":"pending","amount":"700","transaction":{"id":77}},
				{"id":3,"status":"failed","amount":1,"transaction_reference":"fq-1","transaction":5},
				{"id":4,"status":"pending","amount":9,"transaction":78},
				{"id":5,"status":"pending","amount":9,"transaction_reference":"fq-2","transaction":77},
				{"id":6,"status":"pending","amount":9}]}`)
		}
	})
	r, err := c.Refund(t.Context(), "fq-1", 500, "x")
	if err != nil || r.ProviderID != "9" || r.Amount != 500 || r.Status != "pending" {
		t.Fatalf("%+v %v", r, err)
	}
	list, err := c.Refunds(t.Context(), "fq-1")
	if err != nil || len(list) != 3 || list[0].ProviderID != "1" || list[1].ProviderID != "2" || list[1].Amount != 700 || list[2].ProviderID != "3" {
		t.Fatalf("%+v %v", list, err)
	}
	if list, err := says(t, 404, `{"status":false,"code":"transaction_not_found"}`).Refunds(t.Context(), "fq-1"); err != nil || len(list) != 0 {
		t.Fatalf("%+v %v", list, err)
	}
}

func sign(body string) string {
	mac := hmac.New(sha512.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestTheSignatureIsOverTheRawBody(t *testing.T) {
	t.Parallel()
	c := says(t, 500, "")
	body := `{"event": "charge.success", "data": {"reference":"fq\/1" , "status":"success","amount":"5","currency":"NGN","id":3}}`
	n, err := c.Open(sign(body), []byte(body))
	if err != nil || n.Kind != "charge.success" || n.Reference != "fq/1" || n.Charge == nil || n.Charge.Amount != 5 || string(n.Body) != body {
		t.Fatalf("%+v %v", n, err)
	}
	for _, bad := range []string{"", "00", sign(body + " "), sign(strings.ReplaceAll(body, " ", "")), strings.Repeat("zz", 64), sign(body)[:127]} {
		if _, err := c.Open(bad, []byte(body)); fault.Status(err) != 401 || fault.Code(err) != "invalid_signature" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestRepetitionsAreRecognised(t *testing.T) {
	t.Parallel()
	c := says(t, 500, "")
	key := func(body string) string { return string(c.Read([]byte(body)).Dedupe) }
	same := []string{
		`{"event":"charge.success","data":{"reference":"fq-1","status":"success","amount":5,"currency":"NGN"}}`,
		`{"event":"charge.success","data":{"status":"success","reference":"fq-1","amount":"5","currency":"NGN","metadata":0}}`,
	}
	if key(same[0]) != key(same[1]) {
		t.Error("a repetition in other bytes is not recognised")
	}
	seen := map[string]string{}
	for _, body := range []string{
		same[0],
		`{"event":"charge.success","data":{"reference":"fq-2","status":"success","amount":5,"currency":"NGN"}}`,
		`{"event":"charge.failed","data":{"reference":"fq-1","status":"failed"}}`,
		`{"event":"refund.pending","data":{"transaction_reference":"fq-1","amount":5,"status":"pending","refund_reference":null}}`,
		`{"event":"refund.pending","data":{"transaction_reference":"fq-1","amount":"6","status":"pending","refund_reference":null}}`,
		`{"event":"refund.processed","data":{"transaction_reference":"fq-1","amount":5,"status":"processed","refund_reference":"TRF"}}`,
		`{"event":"charge.dispute.create","data":{"id":1,"status":"x","transaction":{"reference":"fq-1"}}}`,
		`{"event":"bank.transfer.rejected","data":{}}`, `{}`, `nonsense`, ``,
	} {
		if other, ok := seen[key(body)]; ok {
			t.Errorf("%s is taken for %s", body, other)
		}
		seen[key(body)] = body
	}
}

func TestWebhooksInEveryShape(t *testing.T) {
	t.Parallel()
	c := says(t, 500, "")
	for body, want := range map[string]struct {
		kind, reference string
		settles         bool
	}{
		`{"event":"refund.failed","data":{"transaction_reference":"fq-1","amount":{},"refund_reference":7}}`:                  {"refund.failed", "fq-1", false},
		`{"event":"charge.dispute.create","data":{"transaction":{"reference":"fq-1"},"status":"awaiting-merchant-feedback"}}`: {"charge.dispute.create", "fq-1", false},
		`{"event":"charge.success","data":{"reference":"fq-1","status":"success","amount":{},"currency":"NGN"}}`:              {"charge.success", "fq-1", false},
		`{"event":"charge.success","data":{"reference":"fq-1","status":"failed","amount":5,"currency":"NGN"}}`:                {"charge.success", "fq-1", false},
		`{"event":"charge.success","data":{"reference":"fq-1","status":"success","amount":5}}`:                                {"charge.success", "fq-1", false},
		`{"event":"charge.success","data":[]}`:        {"charge.success", "", false},
		`{"event":["x"],"data":{"reference":"fq-1"}}`: {"", "", false},
		`{"event":"charge.success","data":{"reference":"fq-1","status":"success","amount":5,"currency":"NGN","metadata":"","plan":{}}}`: {"charge.success", "fq-1", true},
	} {
		n := c.Read([]byte(body))
		if n.Kind != want.kind || n.Reference != want.reference || (n.Charge != nil) != want.settles || len(n.Dedupe) != 32 {
			t.Errorf("%s: %+v", body, n)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, cfg := range []paystack.Config{{}, {SecretKey: "x", BaseURL: "::"}, {SecretKey: "x", BaseURL: "ftp://x.example"}, {SecretKey: "x", BaseURL: "paystack"}} {
		if _, err := paystack.New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
	if c, err := paystack.New(paystack.Config{SecretKey: "x"}); err != nil || c.Name() != "paystack" {
		t.Error(err)
	}
}
