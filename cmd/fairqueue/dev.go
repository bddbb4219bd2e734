package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"fairqueue/internal/app"
	"fairqueue/internal/db"
	"fairqueue/internal/devstack"
)

type devCmd struct {
	Verbose bool `help:"Log every request to the terminal; otherwise the log goes to the file 'log' in the data folder."`
}

// Run starts PostgreSQL and Redis where none is given, then the schema, the
// sandbox, the server and the demo. Its own PostgreSQL and Redis are started
// again when somebody ends them; whatever else ends first ends all.
func (c devCmd) Run(ctx context.Context, cfg app.Config, _ *slog.Logger) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	// Before anything is started or written down.
	if cfg.PaystackSecretKey != "" {
		if err := cfg.CheckKey(); err != nil {
			return err
		}
	}
	stack, err := devstack.Start(ctx, devstack.Config{
		DataDir: cfg.DataDir, DatabaseURL: cfg.DatabaseURL, RedisURL: cfg.RedisURL,
		Revive: func(sentence string) { fmt.Fprintln(os.Stdout, "  Note          "+sentence+".") },
	})
	if err != nil {
		return err
	}
	defer func() {
		stop, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer done()
		err = errors.Join(err, stack.Stop(stop))
	}()

	log, closeLog, err := devLog(cfg.DataDir, c.Verbose)
	if err != nil {
		return err
	}
	defer closeLog()

	cfg.DatabaseURL, cfg.RedisURL = stack.DatabaseURL, stack.RedisURL
	if err := devKeys(&cfg); err != nil {
		return err
	}
	sandboxURL, ownSandbox := cfg.PaystackBaseURL, cfg.PaystackBaseURL == app.PaystackAPI
	var box *devSandbox
	if ownSandbox {
		if box, err = openSandbox(ctx, cfg, sandboxCmd{Seed: 1, Webhook: cfg.Base() + "/webhooks/paystack"}, log); err != nil {
			return err
		}
		sandboxURL = box.url
		cfg.PaystackBaseURL = box.url
	}
	if err := devstack.WriteEnv(filepath.Join(cfg.DataDir, "env"), [][2]string{
		{"FAIRQUEUE_ENV", cfg.Env},
		{"DATABASE_URL", cfg.DatabaseURL},
		{"REDIS_URL", cfg.RedisURL},
		{"FAIRQUEUE_SECRET", cfg.Secret},
		{"PAYSTACK_SECRET_KEY", cfg.PaystackSecretKey},
		{"PAYSTACK_BASE_URL", cfg.PaystackBaseURL},
	}); err != nil {
		return err
	}
	if err := migrateOnce(ctx, cfg); err != nil {
		return err
	}

	a, err := app.New(ctx, cfg, log)
	if err != nil {
		return err
	}

	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil)
	if box != nil {
		running.Go(func() {
			if err := box.run(ctx); err != nil {
				cancel(fmt.Errorf("the Paystack sandbox stopped: %w", err))
			}
		})
	}
	running.Go(func() {
		select {
		case <-ctx.Done():
		case err := <-stack.Dead():
			cancel(err)
		}
	})
	demo := newDemo(a, sandboxURL, cfg, log)
	signIns, err := demo.prepare(ctx)
	if err != nil {
		cancel(err)
	} else {
		running.Go(func() {
			if err := demo.run(ctx); err != nil && ctx.Err() == nil {
				log.Error("demo", "err", err)
			}
		})
		welcome(os.Stdout, cfg, sandboxURL, stack.Notes, signIns)
	}
	err = a.Run(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	fmt.Fprintln(os.Stdout, "Stopping …")
	return err
}

// devKeys fills in what `dev` needs no one to choose, the same at every start.
func devKeys(cfg *app.Config) error {
	old, err := devstack.ReadEnv(filepath.Join(cfg.DataDir, "env"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, k := range []struct {
		name   string
		value  *string
		prefix string
	}{
		{"FAIRQUEUE_SECRET", &cfg.Secret, ""},
		{"PAYSTACK_SECRET_KEY", &cfg.PaystackSecretKey, "sk_test_"},
	} {
		if *k.value == "" {
			*k.value = old[k.name]
		}
		if *k.value == "" {
			b := make([]byte, 24)
			_, _ = rand.Read(b) // Never fails (crypto/rand).
			*k.value = k.prefix + hex.EncodeToString(b)
		}
	}
	return nil
}

func migrateOnce(ctx context.Context, cfg app.Config) error {
	pool, err := db.Open(ctx, db.Config{URL: cfg.DatabaseURL, AppName: "fairqueue migrate", MaxConns: 4})
	if err != nil {
		return err
	}
	defer pool.Close()
	return db.Migrate(ctx, pool)
}

func devLog(dir string, verbose bool) (*slog.Logger, func(), error) {
	if verbose {
		return slog.New(slog.NewJSONHandler(os.Stderr, nil)), func() {}, nil
	}
	path := filepath.Join(dir, "log")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	// Errors are for whoever started it; everything is in the file.
	h := slog.NewMultiHandler(
		slog.NewJSONHandler(f, nil),
		slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}),
	)
	return slog.New(h), func() { _ = f.Close() }, nil
}

func welcome(w io.Writer, cfg app.Config, sandboxURL string, notes, signIns []string) {
	fmt.Fprintf(w, "\n  FairQueue     %s\n", cfg.Base())
	fmt.Fprintf(w, "  Mailbox       %s/dev/mail   (sign-in codes arrive here)\n", cfg.Base())
	fmt.Fprintf(w, "  Sandbox       %s   (plays Paystack, no real money)\n", sandboxURL)
	fmt.Fprintf(w, "  API           %s/api/docs\n", cfg.Base())
	for _, s := range signIns {
		fmt.Fprintln(w, "  Sign in as    "+s)
	}
	for _, n := range notes {
		fmt.Fprintln(w, "  Note          "+n)
	}
	fmt.Fprintf(w, "  Data          %s   (`make reset` wipes it)\n", cfg.DataDir)
	fmt.Fprintf(w, "\n  Ctrl-C stops everything.\n\n")
}
