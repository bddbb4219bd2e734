package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fan is somebody who can sign in.
type Fan struct {
	Token string
	Email string
}

// Range is a span of time to draw from, evenly.
type Range struct{ Min, Max time.Duration }

func (r Range) draw(rnd *rand.Rand) time.Duration {
	if r.Max <= r.Min {
		return r.Min
	}
	return r.Min + time.Duration(rnd.Int64N(int64(r.Max-r.Min)+1))
}

// Arrival is when fans come: AtOnce of them in the first moment, the others one after another, Every apart on average.
type Arrival struct {
	AtOnce int
	Every  time.Duration
}

// Config is a crowd. Only BaseURL, Event and Fans are required; without SandboxURL nobody pays.
type Config struct {
	BaseURL    string // of the server
	SandboxURL string // of the Paystack sandbox
	Event      string // id or slug
	Fans       []Fan
	Arrive     Arrival

	// Shares of the fans, 0 to 1.
	Buy     float64 // buy when it is their turn; 0 means 1
	Leave   float64 // give their place up while they wait
	Fail    float64 // are declined at first
	Abandon float64 // hold tickets, start to pay, and go
	Stream  float64 // wait by the stream instead of polling
	Rough   float64 // of the payments whose webhook is lost, late or doubled
	Map     float64 // choose their seats on the map; the others take the best there are

	Look       Range // from being called to choosing
	Pay        Range // from holding to having paid
	MaxTickets int   // a claim; 0 means what the event allows
	// Keep is how many tickets of each tier the crowd leaves for others.
	Keep int
	// Connections bounds what is open at once; 0 means 64. Streams count apart, as many again.
	Connections int
	Seed        int64
	Logger      *slog.Logger
}

// Report is what became of a crowd.
type Report struct {
	Fans, Joined, Called, Claimed, Paid, Declined, Abandoned, Left, Missed int
	// Promised is how many were told how long they would wait when half of it was over; Kept how many of them were called
	// within that range.
	Promised, Kept int
	// Tickets is how many valid tickets the fans who paid were shown.
	Tickets int
	// Errors counts the answers that were errors by their code, whatever became of them afterwards.
	Errors map[string]int
}

// String is the report on one line.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "fans %d, joined %d, called %d, claimed %d, paid %d, declined %d, abandoned %d, left %d, missed %d, tickets %d",
		r.Fans, r.Joined, r.Called, r.Claimed, r.Paid, r.Declined, r.Abandoned, r.Left, r.Missed, r.Tickets)
	if r.Promised > 0 {
		fmt.Fprintf(&b, ", waits as promised half-way %d of %d (%.0f %%)", r.Kept, r.Promised, 100*float64(r.Kept)/float64(r.Promised))
	}
	for _, code := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(&b, ", %s %d", code, r.Errors[code])
	}
	return b.String()
}

// crowd is what its fans share.
type crowd struct {
	cfg     Config
	client  *http.Client // bounded; short requests
	streams *http.Client // long ones
	slots   chan struct{}
	log     *slog.Logger

	mu     sync.Mutex
	report Report
}

// Crowd runs the fans until each has gone, or ctx ends; then it returns at once with what there was so far. The error is
// about the configuration or the event; what happens to single fans stands in the report.
func Crowd(ctx context.Context, cfg Config) (Report, error) {
	if cfg.BaseURL == "" || cfg.Event == "" {
		return Report{}, errors.New("lab: BaseURL and Event are needed")
	}
	cfg.BaseURL, cfg.SandboxURL = strings.TrimRight(cfg.BaseURL, "/"), strings.TrimRight(cfg.SandboxURL, "/")
	if cfg.Connections <= 0 {
		cfg.Connections = 64
	}
	if cfg.Buy == 0 {
		cfg.Buy = 1
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	dial := (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	short := &http.Transport{DialContext: dial, MaxConnsPerHost: cfg.Connections, MaxIdleConnsPerHost: cfg.Connections, IdleConnTimeout: 30 * time.Second}
	long := &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 1, ResponseHeaderTimeout: 10 * time.Second}
	defer short.CloseIdleConnections()
	defer long.CloseIdleConnections()
	c := &crowd{cfg: cfg, log: cfg.Logger, client: &http.Client{Transport: short, Timeout: 20 * time.Second},
		streams: &http.Client{Transport: long}, slots: make(chan struct{}, cfg.Connections),
		report: Report{Fans: len(cfg.Fans), Errors: map[string]int{}}}

	var fans sync.WaitGroup
	defer fans.Wait()
	arrivals := rand.New(rand.NewPCG(uint64(cfg.Seed), 0)) //nolint:gosec // Fans need no secret choices.
	var at time.Duration
	for i, who := range cfg.Fans {
		if i >= cfg.Arrive.AtOnce && cfg.Arrive.Every > 0 {
			at += time.Duration(arrivals.ExpFloat64() * float64(cfg.Arrive.Every))
		}
		f := &fan{crowd: c, Fan: who, rnd: rand.New(rand.NewPCG(uint64(cfg.Seed), uint64(i)+1))} //nolint:gosec // See above.
		after := at
		fans.Go(func() {
			if pause(ctx, after) == nil {
				f.live(ctx)
			}
		})
	}
	fans.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report, nil
}

// count changes the report.
func (c *crowd) count(change func(*Report)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.report)
}

// pause waits, or fails at once when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
