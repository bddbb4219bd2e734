// Command fairqueue sells tickets for events that more people want than can
// get in. README.md says how to run it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"fairqueue/internal/app"
	"fairqueue/internal/devstack"
	"fairqueue/internal/fault"
)

type cli struct {
	Dev     devCmd     `cmd:"" help:"Run the whole product on this machine, with its own PostgreSQL, Redis, Paystack sandbox, mailbox and demo events."`
	Serve   serveCmd   `cmd:"" help:"Run the server. Needs DATABASE_URL, REDIS_URL, PAYSTACK_SECRET_KEY and FAIRQUEUE_SECRET; in production also PUBLIC_URL and SMTP_URL."`
	Migrate migrateCmd `cmd:"" help:"Apply the schema and exit. Safe to run twice and by two at once."`
	Token   tokenCmd   `cmd:"" help:"Print a bearer token for an account, creating the account if needed."`
	Lab     labCmd     `cmd:"" help:"Load lab."`
	Sandbox sandboxCmd `cmd:"" help:"Run the Paystack sandbox alone."`
	Audit   auditCmd   `cmd:"" help:"Check every invariant of an event straight from PostgreSQL; exit status 1 if any is broken."`
	Verify  verifyCmd  `cmd:"" help:"Recompute the draw and the order of calls from public data alone; exit status 1 on any difference."`
	Health  healthCmd  `cmd:"" help:"Ask the server on FAIRQUEUE_ADDR whether it is ready; exit status 1 if not (for container health checks)."`
	Version versionCmd `cmd:"" help:"Print the version."`
	Help    helpCmd    `cmd:"" help:"Print this, or what a command takes."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("fairqueue"), kong.Description("Sells tickets for events that more people want than can get in."), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(os.Stderr, "fairqueue:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fairqueue:", err)
		return 2
	}
	name := strings.Fields(k.Command())[0]
	if name == "help" { // needs no valid environment
		if err := c.Help.print(parser); err != nil {
			fmt.Fprintln(os.Stderr, "fairqueue:", err)
			return 2
		}
		return 0
	}
	// Answers go to stdout, so logs go to stderr.
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	vars := environ()
	if name == "dev" {
		vars = withDefault(vars, "FAIRQUEUE_ENV", app.Dev)
	} else if name != "serve" {
		// serve is told everything explicitly; the operator's tools find the
		// running dev stack by themselves.
		if vars, err = withDataEnv(vars); err != nil {
			return fail(err)
		}
	}
	cfg, err := app.Parse(vars)
	if err != nil {
		return fail(err)
	}
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(cfg, log)
	if err := k.Run(); err != nil {
		return fail(err)
	}
	return 0
}

type helpCmd struct {
	Command []string `arg:"" optional:"" help:"The command; all of them without it."`
}

// print prints what --help of the command would.
func (c helpCmd) print(parser *kong.Kong) error {
	of, err := kong.Trace(parser, c.Command)
	if err == nil {
		err = of.Error
	}
	if err != nil {
		return err
	}
	return of.PrintUsage(false)
}

// errSilent ends a command with exit status 1 when it has said all there is to say.
var errSilent = errors.New("failed")

func fail(err error) int {
	if errors.Is(err, errSilent) {
		return 1
	}
	msg := err.Error()
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind != fault.Internal {
		msg = f.Message
		for _, field := range f.Fields {
			msg += "\n  " + field.Path + ": " + field.Message
		}
	}
	fmt.Fprintln(os.Stderr, "fairqueue: "+msg)
	return 1
}

func environ() map[string]string {
	vars := map[string]string{}
	for _, kv := range os.Environ() {
		if k, v, ok := strings.Cut(kv, "="); ok {
			vars[k] = v
		}
	}
	return vars
}

func withDefault(vars map[string]string, key, value string) map[string]string {
	if vars[key] == "" {
		vars[key] = value
	}
	return vars
}

// withDataEnv fills unset variables from the file that `fairqueue dev` writes.
func withDataEnv(vars map[string]string) (map[string]string, error) {
	dir := vars["FAIRQUEUE_DATA_DIR"]
	if dir == "" {
		dir = ".data"
	}
	file, err := devstack.ReadEnv(filepath.Join(dir, "env"))
	if errors.Is(err, fs.ErrNotExist) {
		return vars, nil
	}
	if err != nil {
		return nil, err
	}
	for k, v := range file {
		vars = withDefault(vars, k, v)
	}
	return vars, nil
}
