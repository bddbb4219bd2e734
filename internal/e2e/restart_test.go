package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"fairqueue/internal/app"
)

// serveEnv makes the test binary be the server, so that a test can kill a whole process.
const serveEnv = "FAIRQUEUE_E2E_SERVE"

// serveAndBeKilled is the server in a process of its own; its parent ends it.
func serveAndBeKilled() int {
	vars := map[string]string{}
	for _, pair := range os.Environ() {
		if k, v, ok := strings.Cut(pair, "="); ok {
			vars[k] = v
		}
	}
	cfg, err := app.Parse(vars)
	if err == nil {
		var a *app.App
		if a, err = app.New(context.Background(), cfg, slog.New(slog.NewTextHandler(os.Stderr, nil))); err == nil {
			err = a.Run(context.Background())
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// startProcess starts the app in a process of its own, at the address of the app, and returns what kills it.
func (p *product) startProcess() (kill func()) {
	p.t.Helper()
	return p.startReplica(p.cfg.Addr).kill
}

// startReplica starts the app in a process of its own at an address.
func (p *product) startReplica(addr string) *process {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^$")
	cmd.Env = append(os.Environ(), serveEnv+"=1", "FAIRQUEUE_ENV="+p.cfg.Env, "FAIRQUEUE_ADDR="+addr, "PUBLIC_URL="+p.cfg.PublicURL,
		"DATABASE_URL="+p.cfg.DatabaseURL, "REDIS_URL="+p.cfg.RedisURL, "FAIRQUEUE_SECRET="+p.cfg.Secret,
		"PAYSTACK_SECRET_KEY="+p.cfg.PaystackSecretKey, "PAYSTACK_BASE_URL="+p.cfg.PaystackBaseURL, "FAIRQUEUE_ROLES="+strings.Join(p.cfg.Roles, ","))
	var output strings.Builder
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	r := &process{addr: addr, url: "http://" + addr, pid: cmd.Process.Pid}
	r.kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill() // SIGKILL: nothing is tidied up
		_ = cmd.Wait()
		text := output.String()
		p.quiet(p.t, text)
		if p.t.Failed() {
			p.t.Logf("the end of what the killed process said:\n%s", text[max(0, len(text)-8000):])
		}
	})
	p.t.Cleanup(r.kill)
	p.readyAt(r.url)
	return r
}

// A process that is killed between the start of a payment and its webhook leaves a paid ticket behind, whether the
// webhook finds the next process or is lost.
func TestKilledBetweenPaymentAndWebhookTheTicketArrives(t *testing.T) {
	t.Parallel()
	for name, webhook := range map[string]string{"webhook lost": "drop", "webhook comes later": "send"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startProduct(t)
			s := p.newShow(t, "killed", 5, nil)
			bearer, _ := p.signedIn("ada@example.test")
			p.stopApp()
			kill := p.startProcess()
			v := s.called(t, bearer)
			claim := v.claim(2)
			_, reference := v.pay(claim)
			kill()
			p.outcome(t, reference, map[string]any{"outcome": "success", "webhook": webhook})
			p.startApp()
			p.until("the tickets arrive", func() bool { return len(v.tickets()) == 2 })
			if got := v.api(t, "GET", "/claims/"+claim, bearer, nil).want(200).str("status"); got != "paid" {
				t.Errorf("the claim is %s", got)
			}
			s.audited(t)
		})
	}
}
