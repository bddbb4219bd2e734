package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairqueue/internal/paystack/sandbox"
)

const secret = "sk_test_0123456789"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hook is a webhook that the shop got.
type hook struct {
	body      []byte
	signature string
	event     string
	data      map[string]any
}

// shop is the other side: it takes webhooks and answers what answer says.
type shop struct {
	url    string
	got    chan hook
	mu     sync.Mutex
	answer func(n int) int
	n      int
}

func newShop(t *testing.T) *shop {
	s := &shop{got: make(chan hook, 1000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.n++
		status := http.StatusOK
		if s.answer != nil {
			status = s.answer(s.n)
		}
		s.mu.Unlock()
		w.WriteHeader(status)
		h := hook{body: body, signature: r.Header.Get("X-Paystack-Signature")}
		var e struct {
			Event string
			Data  map[string]any
		}
		_ = json.Unmarshal(body, &e)
		h.event, h.data = e.Event, e.Data
		s.got <- h
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/webhooks/paystack"
	return s
}

// next waits for a webhook.
func (s *shop) next(t *testing.T) hook {
	t.Helper()
	select {
	case h := <-s.got:
		return h
	case <-t.Context().Done():
	case <-time.After(90 * time.Second):
	}
	t.Fatal("no webhook came")
	return hook{}
}

// stack is a running sandbox.
type stack struct {
	*sandbox.Server
	t      *testing.T
	url    string
	client *http.Client
	stop   func()
}

func start(t *testing.T, cfg sandbox.Config) *stack {
	t.Helper()
	cfg.SecretKey = secret
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	s, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }() // waited for by stop
	transport := &http.Transport{}
	st := &stack{Server: s, t: t, url: s.URL(), client: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
	st.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(st.stop)
	return st
}

// call sends JSON with the secret key and returns status and decoded answer.
func (s *stack) call(method, path string, body any) (int, map[string]any) {
	s.t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	out := map[string]any{}
	b, _ := io.ReadAll(res.Body)
	if len(b) > 0 {
		if err := json.Unmarshal(b, &out); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return res.StatusCode, out
}

// initialize opens a transaction and returns its checkout address.
func (s *stack) initialize(reference string) string {
	s.t.Helper()
	status, out := s.call("POST", "/transaction/initialize", map[string]any{"email": "ada@example.test", "amount": 1500000, "reference": reference,
		"callback_url": "http://shop.test/checkout/1/return?x=1", "metadata": map[string]any{"claim": "c1", "cancel_action": "http://shop.test/checkout/1"}})
	if status != 200 {
		s.t.Fatalf("initialize: %d %v", status, out)
	}
	return out["data"].(map[string]any)["authorization_url"].(string)
}

// verify returns data of a verify.
func (s *stack) verify(reference string) map[string]any {
	s.t.Helper()
	status, out := s.call("GET", "/transaction/verify/"+reference, nil)
	if status != 200 {
		s.t.Fatalf("verify: %d %v", status, out)
	}
	return out["data"].(map[string]any)
}

// outcome plays a buyer and a network.
func (s *stack) outcome(reference string, body map[string]any) map[string]any {
	s.t.Helper()
	status, out := s.call("POST", "/_sandbox/transactions/"+reference, body)
	if status != 200 {
		s.t.Fatalf("outcome: %d %v", status, out)
	}
	return out
}

// form posts a form of the checkout page; it returns status, where it leads, and the page.
func (s *stack) form(address string, values url.Values) (status int, to, page string) {
	s.t.Helper()
	res, err := s.client.PostForm(address, values)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header.Get("Location"), string(b)
}

func (s *stack) get(address string) (*http.Response, string) {
	s.t.Helper()
	res, err := s.client.Get(address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res, string(b)
}
