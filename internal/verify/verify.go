package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Config says what to check.
type Config struct {
	// URL is the address of the site.
	URL string
	// Event is an id or a slug.
	Event string
	// HTTP asks; nil makes a client with a deadline for each request.
	HTTP *http.Client
	// Proofs is how many arrivals are asked for their proof; 0 for 8. The first and the last are always among them.
	Proofs int
	// Arrivals are places of the lobby whose numbers are wanted.
	Arrivals []int64
}

const defaultProofs = 8

// Status is the outcome of a check.
type Status string

// The outcomes. Later is what cannot be checked before the draw; Note is what a draw proves less than it seems to.
// Neither is a difference.
const (
	Pass  Status = "PASS"
	Fail  Status = "FAIL"
	Later Status = "LATER"
	Note  Status = "NOTE"
)

// Check is one thing that was recomputed.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Says is a sentence: what was compared, or what differs.
	Says string `json:"says"`
}

// Report is everything that was checked of one sale.
type Report struct {
	Event    string  `json:"event"`
	Ordering string  `json:"ordering"`
	State    string  `json:"sale_state"`
	OK       bool    `json:"ok"`
	Checks   []Check `json:"checks"`
	// Numbers are those of Config.Arrivals, in that order; 0 where there is none.
	Numbers []int64 `json:"numbers,omitempty"`
}

func (r *Report) add(name string, status Status, format string, args ...any) {
	r.Checks = append(r.Checks, Check{name, status, fmt.Sprintf(format, args...)})
}

// The names of the checks, in their order.
const (
	Form       = "form"
	Commitment = "commitment"
	Root       = "root"
	Seed       = "seed"
	Beacon     = "beacon"
	Numbers    = "numbers"
	Proofs     = "proofs"
	Admissions = "admissions"
	Exceptions = "exceptions"
	Ledger     = "ledger"
	Invariants = "invariants"
	Unchanged  = "unchanged"
)

// Run checks a sale. An error means that it could not be read; whatever could be read and is not right is a failed check.
func Run(ctx context.Context, c Config) (*Report, error) {
	cl, err := newClient(c)
	if err != nil {
		return nil, err
	}
	r := &Report{Event: c.Event}
	v := &run{Report: r, client: cl, cfg: c}
	if err := v.all(ctx); err != nil {
		bad, ok := errors.AsType[malformedError](err)
		if !ok {
			return nil, err
		}
		r.add(Form, Fail, "%s", bad.says)
	}
	r.OK = !slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Status == Fail })
	return r, nil
}

// run is one check of one sale.
type run struct {
	*Report
	client *client
	cfg    Config

	first, last fairness
	// order[i] is where arrival i+1 landed, counted from 0; nil before the draw.
	order []uint32
}

func (v *run) all(ctx context.Context) error {
	if err := v.client.get(ctx, "", &v.first); err != nil {
		return err
	}
	v.Ordering, v.State = v.first.Ordering, v.first.SaleState
	if !v.form() {
		return nil
	}
	if err := v.draw(ctx); err != nil {
		return err
	}
	steps, err := v.admissions(ctx)
	if err != nil {
		return err
	}
	exceptions, err := v.exceptions(ctx)
	if err != nil {
		return err
	}
	if err := v.again(ctx, steps); err != nil {
		return err
	}
	v.line(steps)
	v.returns(exceptions)
	v.sealed()
	v.promises()
	v.unchanged()
	v.wanted()
	return nil
}

// A picture may be a second older than a list that was read before it.
const (
	againEvery = 500 * time.Millisecond
	againMost  = 10
)

// again reads the sale once more, in a sale that runs until it has what the list of steps has.
func (v *run) again(ctx context.Context, steps []admission) error {
	end := int64(0)
	if len(steps) > 0 {
		end = steps[len(steps)-1].To
	}
	for n := 1; ; n++ {
		v.last = fairness{}
		if err := v.client.get(ctx, "", &v.last); err != nil || v.last.Serving >= end || v.last.SaleState != "open" || n == againMost {
			return err
		}
		t := time.NewTimer(againEvery)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

const algorithm = "swap-or-not-90-sha256"

// form is what all other checks stand on.
func (v *run) form() bool {
	f := v.first
	says := ""
	switch {
	case f.Ordering != "fifo" && f.Ordering != "draw":
		says = fmt.Sprintf("the ordering is %q, neither fifo nor draw", f.Ordering)
	case f.Ordering == "draw" && f.Draw == nil:
		says = "nothing is said about the draw"
	case f.Ordering == "draw" && (f.Draw.Algorithm == nil || *f.Draw.Algorithm != algorithm):
		says = "the algorithm is not " + algorithm
	case f.Ledger == nil:
		says = "nothing is said about the ledger"
	case f.Admissions == nil || f.Exceptions == nil || f.Invariants == nil:
		says = "admissions, exceptions or invariants are missing"
	case f.Serving < 0:
		says = "serving is below 0"
	}
	if says != "" {
		v.add(Form, Fail, "%s", says)
		return false
	}
	if f.Ordering == "fifo" {
		v.add(Form, Pass, "first come, first served: there was no draw, and every number is its arrival")
	} else {
		v.add(Form, Pass, "a draw by %s", algorithm)
	}
	return true
}

// wanted tells the numbers that were asked for.
func (v *run) wanted() {
	for _, a := range v.cfg.Arrivals {
		n := int64(0)
		switch size := int64(len(v.order)); {
		case a < 1 || v.Ordering == "draw" && v.order == nil:
		case a <= size:
			n = 1 + int64(v.order[a-1])
		default:
			n = a
		}
		v.Report.Numbers = append(v.Report.Numbers, n)
	}
}
