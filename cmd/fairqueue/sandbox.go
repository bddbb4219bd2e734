package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"fairqueue/internal/app"
	"fairqueue/internal/paystack/sandbox"
)

type sandboxCmd struct {
	Seed int64 `default:"1" help:"Seed of the ids and of the shapes of answers."`
}

func (c sandboxCmd) Run(ctx context.Context, cfg app.Config, log *slog.Logger) error {
	if cfg.PaystackSecretKey == "" {
		return errors.New("PAYSTACK_SECRET_KEY is missing: any text that begins with sk_test_, the same as the server's")
	}
	box, err := openSandbox(ctx, cfg, c.Seed, log)
	if err != nil {
		return err
	}
	log.Info("sandbox", "url", box.url, "webhooks", cfg.Base()+"/webhooks/paystack")
	return box.run(ctx)
}

// devSandbox is a sandbox with its listener.
type devSandbox struct {
	url    string
	ln     net.Listener
	server *sandbox.Server
}

func openSandbox(ctx context.Context, cfg app.Config, seed int64, log *slog.Logger) (*devSandbox, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", cfg.SandboxAddr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("PAYSTACK_SANDBOX_ADDR: %s is in use by another program; stop it or set PAYSTACK_SANDBOX_ADDR to a free address", cfg.SandboxAddr)
	}
	if err != nil {
		return nil, fmt.Errorf("PAYSTACK_SANDBOX_ADDR: %w", err)
	}
	origin := app.Config{Addr: ln.Addr().String()}.Base()
	server, err := sandbox.New(sandbox.Config{
		SecretKey:  cfg.PaystackSecretKey,
		WebhookURL: cfg.Base() + "/webhooks/paystack",
		PublicURL:  origin,
		Seed:       seed,
		StateFile:  filepath.Join(cfg.DataDir, "sandbox.json"),
		Production: cfg.Env == app.Production,
		Logger:     log,
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
