package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"fairqueue/internal/account"
	"fairqueue/internal/app"
	"fairqueue/internal/audit"
	"fairqueue/internal/db"
	"fairqueue/internal/keys"
	"fairqueue/internal/money"
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
	Money bool   `help:"Add a line for every payment that brought money."`
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
	var lines []audit.Line
	if c.Money {
		if lines, err = audit.Lines(ctx, t.pool, event.ID()); err != nil {
			return err
		}
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
			Payments   []audit.Line   `json:"payments,omitempty"`
		}{event.ID().String(), event.Event.Slug, !broken, results, lines})
	} else {
		err = errors.Join(printAudit(results), printMoney(lines))
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
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		if r.Money != nil {
			return printSum(*r.Money)
		}
	}
	return nil
}

// printSum prints what came and where it is, so that a person can add it up.
func printSum(m audit.Money) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nthe money:")
	for _, l := range []struct {
		name string
		kobo int64
	}{
		{"received", m.Received}, {"= tickets that are good", m.Tickets}, {"+ fees that buyers bore", m.Fees}, {"+ refunded", m.Refunded},
		{"+ refunds due", m.Due}, {"+ charged back", m.ChargedBack}, {"difference", m.Difference},
	} {
		fmt.Fprintf(w, "%s\t%s\t\n", l.name, money.Kobo(l.kobo))
	}
	return w.Flush()
}

// printMoney prints a line for every payment, in kobo.
func printMoney(lines []audit.Line) error {
	if len(lines) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\norder\treference\tstatus\treceived\ttickets\tfees\trefunded\tdue\tcharged back\tdifference")
	for _, l := range lines {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n",
			l.Order, l.Reference, l.Status, l.Received, l.Tickets, l.Fees, l.Refunded, l.Due, l.ChargedBack, l.Difference, strings.Join(l.Wrong, "; "))
	}
	return w.Flush()
}
