package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairqueue/internal/dbtest"
)

func TestSandboxRefusesRealMoney(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args, env, key, says string
	}{
		"production":            {"sandbox", "FAIRQUEUE_ENV=production", "sk_test_x", "FAIRQUEUE_ENV is production"},
		"nothing said":          {"sandbox", "X=", "sk_test_x", "FAIRQUEUE_ENV is production"},
		"a live key":            {"sandbox", "FAIRQUEUE_ENV=dev", "sk_live_x", "a live key"},
		"a live key on staging": {"sandbox", "FAIRQUEUE_ENV=staging", "sk_live_x", "a live key"},
		"no key":                {"sandbox", "FAIRQUEUE_ENV=dev", "", "PAYSTACK_SECRET_KEY is missing"},
		"no time":               {"sandbox --speed-up 0", "FAIRQUEUE_ENV=dev", "sk_test_x", "--speed-up"},
		"no address":            {"sandbox --webhook nowhere", "FAIRQUEUE_ENV=dev", "sk_test_x", "--webhook"},
		// The whole product does not start with one either.
		"dev with a live key": {"dev", "FAIRQUEUE_ENV=dev", "sk_live_x", "a live key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			out, err := command(t, c.args, c.env, "PAYSTACK_SECRET_KEY="+c.key, "PAYSTACK_SANDBOX_ADDR=127.0.0.1:0", "FAIRQUEUE_DATA_DIR="+dir).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.says) || strings.Contains(string(out), "sk_live_x") {
				t.Fatalf("%v: %s", err, out)
			}
			if _, err := os.Stat(filepath.Join(dir, "env")); err == nil {
				t.Error("the key was written down")
			}
		})
	}
}

// A shop that is not FairQueue gets its webhooks where it wants them.
func TestSandboxForAnotherShop(t *testing.T) {
	t.Parallel()
	events := make(chan string, 10)
	shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		events <- r.URL.Path + " " + string(body)
	}))
	t.Cleanup(shop.Close)
	addr, dir := dbtest.FreeAddr(t), t.TempDir()
	cmd := command(t, "sandbox --memory --fees-by buyer --merchant Elsewhere --webhook "+shop.URL+"/paystack",
		"FAIRQUEUE_ENV=dev", "PAYSTACK_SECRET_KEY=sk_test_x", "PAYSTACK_SANDBOX_ADDR="+addr, "FAIRQUEUE_DATA_DIR="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ask := func(path, body string) (string, bool) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer sk_test_x")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return "", false
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return string(b), res.StatusCode == http.StatusOK
	}
	opening := `{"email":"a@b.test","amount":100000,"reference":"order-1"}`
	answer, up := ask("/transaction/initialize", opening)
	for tick := time.NewTicker(20 * time.Millisecond); !up && t.Context().Err() == nil; <-tick.C {
		answer, up = ask("/transaction/initialize", opening)
	}
	if !strings.Contains(answer, "http://"+addr+"/checkout/") {
		t.Fatal(answer)
	}
	if answer, ok := ask("/_sandbox/transactions/order-1", `{"outcome":"success"}`); !ok {
		t.Fatal(answer)
	}
	if got := <-events; !strings.HasPrefix(got, `/paystack {"event":"charge.success"`) || !strings.Contains(got, `"requested_amount":100000`) || strings.Contains(got, `"amount":100000,`) {
		t.Error(got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("--memory left %v", left)
	}
}
