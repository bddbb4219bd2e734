package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"fairqueue/internal/app"
	"fairqueue/internal/verify"
)

type verifyCmd struct {
	Event   string  `required:"" help:"Id or slug of the event."`
	URL     string  `name:"url" help:"Address of the site; the one of FAIRQUEUE_ADDR if left out."`
	Arrival []int64 `help:"Print the number of this arrival, too."`
	JSON    bool    `help:"Print JSON."`
}

// Run asks the public API and nothing else: neither the database nor a secret.
func (c verifyCmd) Run(ctx context.Context, cfg app.Config) error {
	base := c.URL
	if base == "" {
		base = cfg.Base()
	}
	r, err := verify.Run(ctx, verify.Config{URL: base, Event: c.Event, Arrivals: c.Arrival})
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		err = enc.Encode(r)
	} else {
		err = printVerified(r, c.Arrival)
	}
	if err != nil {
		return err
	}
	if !r.OK {
		return errSilent
	}
	return nil
}

func printVerified(r *verify.Report, arrivals []int64) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, c := range r.Checks {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.Status, c.Name, c.Says)
	}
	for i, n := range r.Numbers {
		if n == 0 {
			fmt.Fprintf(w, "\tarrival %d\thas no number yet\n", arrivals[i])
		} else {
			fmt.Fprintf(w, "\tarrival %d\tnumber %d\n", arrivals[i], n)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	failed := []string{}
	for _, c := range r.Checks {
		if c.Status == verify.Fail {
			failed = append(failed, c.Name)
		}
	}
	var err error
	if len(failed) > 0 {
		_, err = fmt.Printf("FAIL: %s\n", strings.Join(failed, ", "))
	} else {
		_, err = fmt.Println("PASS")
	}
	return err
}
