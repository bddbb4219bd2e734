package paystack_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fairqueue/internal/payment"
	"fairqueue/internal/paystack"
)

// world is a provider without a network, so that a test can let time pass.
type world struct {
	*paystack.Client
	asked  atomic.Int64
	answer func(*http.Request) (*http.Response, error)
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.asked.Add(1)
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return w.answer(r)
}

func newWorld(t testing.TB, answer func(*http.Request) (*http.Response, error)) *world {
	t.Helper()
	w := &world{answer: answer}
	c, err := paystack.New(paystack.Config{SecretKey: secret, BaseURL: "http://provider.test", Timeout: 10 * time.Second, HTTP: &http.Client{Transport: w}})
	if err != nil {
		t.Fatal(err)
	}
	w.Client = c
	return w
}

func answers(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		res := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
		for i := 0; i < len(header); i += 2 {
			res.Header.Set(header[i], header[i+1])
		}
		return res, nil
	}
}

func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func dies(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func noConnection(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
}

var (
	opened   = answers(200, `{"status":true,"data":{"authorization_url":"https://checkout.example/x","reference":"fq-1"}}`)
	verified = answers(200, `{"status":true,"data":{"id":1,"status":"abandoned","reference":"fq-1","currency":"NGN","amount":5}}`)
)

func (w *world) start(ctx context.Context) error {
	_, err := w.Initialize(ctx, payment.Start{Reference: "fq-1", Amount: 5})
	return err
}

func TestAProviderThatIsSilentIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, hangs)
		for range 4 { // each counts as two
			if _, down := w.Down(); down {
				t.Fatal("down too early")
			}
			if e := provider(t, w.start(t.Context())); e.Code != "timeout" || !e.Uncertain {
				t.Fatalf("%+v", e)
			}
		}
		until, down := w.Down()
		if !down || time.Until(until) != 2*time.Second {
			t.Fatal(down, time.Until(until))
		}
		// From now on nobody waits, and nobody wonders whether something was done.
		began, asked := time.Now(), w.asked.Load()
		for range 100 {
			if e := provider(t, w.start(t.Context())); e.Code != "provider_resting" || e.Uncertain || e.Refused || e.RetryAfter != 2*time.Second {
				t.Fatalf("%+v", e)
			}
		}
		if time.Since(began) != 0 || w.asked.Load() != asked {
			t.Fatal("the provider was asked, or somebody waited")
		}
		// What it can do all the same goes on.
		w.answer = verified
		if _, err := w.Verify(t.Context(), "fq-1"); err != nil {
			t.Fatal(err)
		}
		// One tries whether it is better; the rest doubles, up to ten seconds.
		w.answer = dies
		for _, rest := range []time.Duration{4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second} {
			until, _ := w.Down()
			time.Sleep(time.Until(until))
			if _, down := w.Down(); down {
				t.Fatal("it is time to try")
			}
			if e := provider(t, w.start(t.Context())); e.Code != "unreachable" {
				t.Fatalf("%+v", e)
			}
			if until, down := w.Down(); !down || time.Until(until) != rest {
				t.Fatal(down, time.Until(until), rest)
			}
		}
		w.answer = opened
		time.Sleep(10 * time.Second)
		for range 3 {
			if err := w.start(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if _, down := w.Down(); down {
			t.Fatal("it answers")
		}
	})
}

func TestOneTriesWhetherTheProviderIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, dies)
		for range 8 {
			if e := provider(t, w.start(t.Context())); e.Code != "unreachable" {
				t.Fatalf("%+v", e)
			}
		}
		time.Sleep(2 * time.Second)
		asked := w.asked.Load()
		w.answer = func(r *http.Request) (*http.Response, error) {
			time.Sleep(3 * time.Second)
			return opened(r)
		}
		first := make(chan error)
		go func() { first <- w.start(t.Context()) }()
		synctest.Wait()
		for range 10 {
			if e := provider(t, w.start(t.Context())); e.Code != "provider_resting" || e.RetryAfter != time.Second {
				t.Fatalf("%+v", e)
			}
		}
		if err := <-first; err != nil || w.asked.Load() != asked+1 {
			t.Fatal(err, w.asked.Load()-asked)
		}
		if err := w.start(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// An answer is an answer, even one that nobody likes; and who breaks off says nothing about the provider.
func TestWhatIsNoSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, answer := range map[string]func(*http.Request) (*http.Response, error){
			"refused":   answers(400, `{"status":false,"message":"x","code":"invalid_email_address"}`),
			"wrong key": answers(401, `{"status":false,"message":"Invalid key","code":"invalid_Key"}`),
			"duplicate": answers(400, `{"status":false,"message":"x","code":"duplicate_reference"}`),
		} {
			w := newWorld(t, answer)
			for range 20 {
				if e := provider(t, w.start(t.Context())); e.Code == "provider_resting" {
					t.Fatal(name)
				}
			}
		}
		w := newWorld(t, hangs)
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			if e := provider(t, w.start(ctx)); e.Code == "provider_resting" {
				t.Fatal("those who broke off closed the lane for all")
			}
		}
		// Failures between answers are not in a row.
		for i := range 40 {
			if w.answer = opened; i%8 != 0 {
				w.answer = dies
			}
			if err := w.start(t.Context()); err != nil && provider(t, err).Code == "provider_resting" {
				t.Fatal("closed after", i)
			}
		}
	})
}

func TestPatienceIsRespected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		busy := answers(429, `{"status":false,"message":"slow down"}`, "Retry-After", "2")
		w := newWorld(t, nil)
		var at []time.Duration
		began := time.Now()
		w.answer = func(r *http.Request) (*http.Response, error) {
			if at = append(at, time.Since(began)); len(at) == 1 {
				return busy(r)
			}
			return opened(r)
		}
		// A little patience is had here: nothing was done, so it is safe to send it again.
		if err := w.start(t.Context()); err != nil || len(at) != 2 || at[1] < 2*time.Second || at[1] > 3*time.Second {
			t.Fatal(err, at)
		}
		// What lasts is passed on, and nothing is sent before its time.
		w.answer = answers(429, `{}`, "Retry-After", "60")
		if e := provider(t, w.start(t.Context())); e.Code != "rate_limited" || e.RetryAfter != time.Minute || e.Uncertain || e.Refused {
			t.Fatalf("%+v", e)
		}
		w.answer = opened
		asked := w.asked.Load()
		time.Sleep(20 * time.Second)
		if e := provider(t, w.start(t.Context())); e.Code != "rate_limited" || e.RetryAfter != 40*time.Second || w.asked.Load() != asked {
			t.Fatalf("%+v", e)
		}
		time.Sleep(39 * time.Second)
		if err := w.start(t.Context()); err != nil {
			t.Fatal(err) // waited the last second itself
		}
	})
}

// What may be repeated is: a question, and what never left. Money is asked for once.
func TestOnlyWhatIsSafeIsRepeated(t *testing.T) {
	t.Parallel()
	broken := answers(500, `{"status":false,"message":"An error occurred"}`)
	for name, c := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		call   func(context.Context, *world) error
		asked  int64
	}{
		"verify, 500":          {broken, func(ctx context.Context, w *world) error { _, err := w.Verify(ctx, "x"); return err }, 2},
		"verify, broken off":   {dies, func(ctx context.Context, w *world) error { _, err := w.Verify(ctx, "x"); return err }, 2},
		"verify, time-out":     {hangs, func(ctx context.Context, w *world) error { _, err := w.Verify(ctx, "x"); return err }, 1},
		"refunds, 500":         {broken, func(ctx context.Context, w *world) error { _, err := w.Dispute(ctx, "x"); return err }, 2},
		"initialize, 500":      {broken, func(ctx context.Context, w *world) error { return w.start(ctx) }, 1},
		"initialize, broken":   {dies, func(ctx context.Context, w *world) error { return w.start(ctx) }, 1},
		"initialize, not sent": {noConnection, func(ctx context.Context, w *world) error { return w.start(ctx) }, 2},
		"refund, 500":          {broken, func(ctx context.Context, w *world) error { _, err := w.Refund(ctx, "x", 5, ""); return err }, 1},
		"refund, broken off":   {dies, func(ctx context.Context, w *world) error { _, err := w.Refund(ctx, "x", 5, ""); return err }, 1},
		"refund, not sent":     {noConnection, func(ctx context.Context, w *world) error { _, err := w.Refund(ctx, "x", 5, ""); return err }, 2},
		"retry of refund, 500": {broken, func(ctx context.Context, w *world) error {
			_, err := w.RetryRefund(ctx, "1", payment.BankAccount{})
			return err
		}, 1},
		"refused":               {answers(400, `{"status":false,"code":"x"}`), func(ctx context.Context, w *world) error { _, err := w.Verify(ctx, "x"); return err }, 1},
		"verify, not a success": {answers(200, `{"status":false}`), func(ctx context.Context, w *world) error { _, err := w.Verify(ctx, "x"); return err }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.answer)
				began := time.Now()
				if err := c.call(t.Context(), w); err == nil || w.asked.Load() != c.asked {
					t.Fatalf("asked %d times: %v", w.asked.Load(), err)
				}
				if d := time.Since(began); d > 10*time.Second {
					t.Fatal("took", d)
				}
			})
		})
	}
}
