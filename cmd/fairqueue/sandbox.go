package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"fairqueue/internal/app"
	"fairqueue/internal/paystack/sandbox"
)

type sandboxCmd struct {
	Seed     int64   `default:"1" help:"Seed of the ids and of the shapes of answers."`
	SpeedUp  float64 `default:"60" placeholder:"N" help:"How many times as fast as Paystack's the clock of retries, refunds and banks runs."`
	Webhook  string  `placeholder:"URL" help:"Where webhooks go; the shop of PUBLIC_URL if not given. For shops that are not FairQueue."`
	Merchant string  `default:"FairQueue" placeholder:"NAME" help:"Who is paid, on the checkout page."`
	FeesBy   string  `default:"merchant" enum:"merchant,buyer" help:"Who bears Paystack's fee: merchant or buyer."`
	Memory   bool    `help:"Keep transactions in memory only, instead of the data folder."`
}

func (c sandboxCmd) Run(ctx context.Context, cfg app.Config, log *slog.Logger) error {
	if cfg.Env == app.Production {
		return errors.New("FAIRQUEUE_ENV is production, which is also what an unset one means: the sandbox takes no real money and runs with dev or staging only")
	}
	if cfg.PaystackSecretKey == "" {
		return errors.New("PAYSTACK_SECRET_KEY is missing: any text that begins with sk_test_, the same as the server's")
	}
	if c.SpeedUp <= 0 || c.SpeedUp > 1e6 {
		return errors.New("--speed-up is more than 0, and at most 1000000")
	}
	if c.Webhook == "" {
		c.Webhook = cfg.Base() + "/webhooks/paystack"
	} else if u, err := url.Parse(c.Webhook); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("--webhook is no address: use http://host/path")
	}
	box, err := openSandbox(ctx, cfg, c, log)
	if err != nil {
		return err
	}
	log.Info("sandbox", "url", box.url, "webhooks", c.Webhook)
	return box.run(ctx)
}

// devSandbox is a sandbox with its listener.
type devSandbox struct {
	url    string
	ln     net.Listener
	server *sandbox.Server
}

func openSandbox(ctx context.Context, cfg app.Config, c sandboxCmd, log *slog.Logger) (*devSandbox, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", cfg.SandboxAddr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("PAYSTACK_SANDBOX_ADDR: %s is in use by another program; stop it or set PAYSTACK_SANDBOX_ADDR to a free address", cfg.SandboxAddr)
	}
	if err != nil {
		return nil, fmt.Errorf("PAYSTACK_SANDBOX_ADDR: %w", err)
	}
	origin := app.Config{Addr: ln.Addr().String()}.Base()
	file := filepath.Join(cfg.DataDir, "sandbox.json")
	if c.Memory {
		file = ""
	}
	server, err := sandbox.New(sandbox.Config{
		SecretKey:  cfg.PaystackSecretKey,
		WebhookURL: c.Webhook, PublicURL: origin, Seed: c.Seed, SpeedUp: c.SpeedUp, Merchant: c.Merchant,
		FeesByBuyer: c.FeesBy == "buyer", StateFile: file, Production: cfg.Env == app.Production, Logger: log,
	})
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return &devSandbox{url: strings.TrimRight(origin, "/"), ln: ln, server: server}, nil
}

// run serves and delivers webhooks until ctx ends.
func (b *devSandbox) run(ctx context.Context) error {
	srv := &http.Server{Handler: b.server.Handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(b.ln) }()
	delivered := make(chan error, 1)
	go func() { delivered <- b.server.Run(ctx) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-served:
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if e := srv.Shutdown(stop); e != nil {
		_ = srv.Close() // Cut off what hangs: nobody's money is real here.
	}
	return errors.Join(err, <-delivered, b.server.Close())
}
