// Command run is what the Makefile needs of devstack.
//
//	run [-durable] COMMAND [ARG…]   run a command beside a temporary PostgreSQL,
//	                                whose address is in FAIRQUEUE_TEST_DATABASE_URL
//	run -reset DIR                  stop what runs on a data folder and wipe it
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"fairqueue/internal/devstack"
)

const databaseURL = "FAIRQUEUE_TEST_DATABASE_URL"

func main() {
	reset := flag.String("reset", "", "stop what runs on this data folder and wipe it")
	durable := flag.Bool("durable", false, "do not switch fsync off")
	flag.Parse()
	ctx := context.Background()
	var err error
	switch {
	case *reset != "":
		err = devstack.Reset(ctx, *reset)
	case flag.NArg() == 0:
		flag.Usage()
		os.Exit(2)
	default:
		err = beside(ctx, *durable, flag.Args())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// beside runs a command while a PostgreSQL runs, unless the tests were given one.
func beside(ctx context.Context, durable bool, args []string) (err error) {
	// Ctrl-C reaches the command too: it ends first, then the rest.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	env := os.Environ()
	if os.Getenv(databaseURL) == "" {
		stack, err := devstack.StartTemp(ctx, durable)
		if err != nil {
			return err
		}
		defer func() {
			stop, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			if stopErr := stack.Stop(stop); stopErr != nil {
				fmt.Fprintln(os.Stderr, stopErr)
			}
		}()
		env = append(env, databaseURL+"="+stack.DatabaseURL)
	}
	cmd := exec.Command(args[0], args[1:]...) //nolint:noctx // it is what we are for; ends by the signals below
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			return err
		case s := <-signals:
			if s == syscall.SIGTERM {
				_ = cmd.Process.Signal(s) // it may have ended by now
			}
		}
	}
}
