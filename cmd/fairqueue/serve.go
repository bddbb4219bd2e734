package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"fairqueue/internal/app"
	"fairqueue/internal/db"
)

type serveCmd struct{}

func (serveCmd) Run(ctx context.Context, cfg app.Config, log *slog.Logger) error {
	a, err := app.New(ctx, cfg, log)
	if err != nil {
		return err
	}
	log.Info("serving", "addr", cfg.Addr, "url", cfg.Base(), "env", cfg.Env, "roles", cfg.Roles, "version", app.Version())
	return a.Run(ctx)
}

type migrateCmd struct{}

func (migrateCmd) Run(ctx context.Context, cfg app.Config, log *slog.Logger) error {
	if cfg.DatabaseURL == "" {
		return errors.New("DATABASE_URL is missing: the address of PostgreSQL 15 or newer")
	}
	pool, err := db.Open(ctx, db.Config{URL: cfg.DatabaseURL, AppName: "fairqueue migrate"})
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := db.Migrate(ctx, pool); err != nil {
		return err
	}
	log.Info("the schema is up to date")
	return nil
}

type versionCmd struct{}

func (versionCmd) Run() error {
	fmt.Println(app.Version())
	return nil
}

type healthCmd struct{}

func (healthCmd) Run(ctx context.Context, cfg app.Config) error {
	_, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return fmt.Errorf("FAIRQUEUE_ADDR is %q: use host:port or :port", cfg.Addr)
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", port)+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		_, _ = io.Copy(os.Stderr, io.LimitReader(res.Body, 4<<10)) // Said for the reader of the container's log.
		return errSilent
	}
	return nil
}
