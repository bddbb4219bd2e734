package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"fairqueue/internal/account"
	"fairqueue/internal/app"
	"fairqueue/internal/audit"
	"fairqueue/internal/db"
	"fairqueue/internal/keys"
	"fairqueue/internal/sale"
)

// tools is what the operator's commands share: the database and the secret,
// without a server.
type tools struct {
	pool     *pgxpool.Pool
	accounts *account.Service
	sales    *sale.Service
}

func openTools(ctx context.Context, cfg app.Config, log *slog.Logger) (*tools, error) {
	if cfg.DatabaseURL == "" {
		return nil, errors.New("DATABASE_URL is missing: start `make run`, or say where PostgreSQL is")
	}
	if cfg.Secret == "" {
		return nil, errors.New("FAIRQUEUE_SECRET is missing: it must be the same as the server's")
	}
	ring, err := keys.New(cfg.Secret)
	if err != nil {
		return nil, err
	}
	pool, err := db.Open(ctx, db.Config{URL: cfg.DatabaseURL, AppName: "fairqueue tools", MaxConns: 4})
	if err != nil {
		return nil, err
	}
	clock := &db.Clock{}
	if err := clock.Sync(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return &tools{
		pool:     pool,
		accounts: account.New(account.Config{DB: pool, Keys: ring, Clock: clock, Logger: log}),
		sales:    sale.New(sale.Config{DB: pool, Clock: clock, Logger: log}),
	}, nil
}

type tokenCmd struct {
	Email string `required:"" help:"Address of the account."`
	Role  string `enum:"fan,organizer" default:"fan" help:"fan or organizer: the owner of an organization of its own, or of its present one."`
}

// tokenTTL is how long a token from the command line works.
const tokenTTL = 30 * 24 * time.Hour

func (c tokenCmd) Run(ctx context.Context, cfg app.Config, log *slog.Logger) error {
	t, err := openTools(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer t.pool.Close()
	a, err := t.accounts.Ensure(ctx, c.Email, "")
	if err != nil {
		return err
	}
	if c.Role == "organizer" {
		if _, err := t.accounts.BecomeOrganizer(ctx, a.ID, ""); err != nil {
			return err
		}
	}
	token, _ := t.accounts.Issue(account.Bearer, a, tokenTTL)
	fmt.Println(token)
	return nil
}

type labCmd struct {
	Fans     labFansCmd     `cmd:"" help:"Create verified fans in bulk and print one JSON object a line."`
	Fairness labFairnessCmd `cmd:"" help:"Measure what bots gain in a draw, and without one; exit status 1 if a draw gives them more or less than their share."`
}

type labFansCmd struct {
	Count int `required:"" help:"How many, 1 to 1,000,000."`
}

func (c labFansCmd) Run(ctx context.Context, cfg app.Config, log *slog.Logger) error {
	if cfg.Env == app.Production {
		return errors.New("lab fans is for development and load tests only; FAIRQUEUE_ENV is production")
	}
	if c.Count < 1 || c.Count > 1_000_000 {
		return errors.New("--count takes a whole number from 1 to 1000000")
	}
	t, err := openTools(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer t.pool.Close()
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	cookie := account.CookieName(cfg.Base())
	err = t.accounts.CreateFans(ctx, c.Count, func(f account.Fan) error {
		return enc.Encode(struct {
			AccountID string `json:"account_id"`
			Email     string `json:"email"`
			Token     string `json:"token"`
			Cookie    string `json:"cookie"`
		}{f.Account.ID.String(), f.Account.Email, f.Token, cookie + "=" + f.Cookie})
	})
	return errors.Join(err, out.Flush())
}

type auditCmd struct {
	Event string `required:"" help:"Id or slug of the event."`
	JSON  bool   `help:"Print JSON."`
}

func (c auditCmd) Run(ctx context.Context, cfg app.Config, log *slog.Logger) error {
	t, err := openTools(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer t.pool.Close()
	event, err := t.sales.Get(ctx, c.Event)
	if err != nil {
		return err
	}
	var cache redis.UniversalClient
	if opt, err := redis.ParseURL(cfg.RedisURL); err == nil {
		cache = redis.NewClient(opt)
		defer cache.Close()
	}
	results, err := audit.Run(ctx, t.pool, cache, event.ID())
	if err != nil {
		return err
	}
	broken := false
	for _, r := range results {
		broken = broken || (r.Failure && r.Violations > 0)
	}
	if c.JSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(struct {
			Event      string         `json:"event"`
			Slug       string         `json:"slug"`
			OK         bool           `json:"ok"`
			Invariants []audit.Result `json:"invariants"`
		}{event.ID().String(), event.Event.Slug, !broken, results})
	} else {
		err = printAudit(results)
	}
	if err != nil {
		return err
	}
	if broken {
		return errSilent
	}
	return nil
}

func printAudit(results []audit.Result) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range results {
		note := "ok"
		switch {
		case !r.Failure:
			note = "a figure, never a failure"
		case r.Violations > 0:
			note = "BROKEN"
		}
		fmt.Fprintf(w, "%s\t%d\tof %d checked\t%s\n", r.Name, r.Violations, r.Checked, note)
		for _, d := range r.Detail {
			fmt.Fprintf(w, "  %s\n", d)
		}
	}
	return w.Flush()
}
