package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/account"
	"fairqueue/internal/app"
	"fairqueue/internal/catalog"
	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/fault"
	"fairqueue/internal/lab"
	"fairqueue/internal/sale"
)

// The demo: four events and a crowd of virtual fans who use the same HTTP API
// as everybody, so that a newcomer stands in a line that really moves.

const demoOrganizer = "organizer@fairqueue.test"

type demo struct {
	app        *app.App
	sandboxURL string
	cfg        app.Config
	log        *slog.Logger

	open, seats, draw, over *sale.Snapshot
}

func newDemo(a *app.App, sandboxURL string, cfg app.Config, log *slog.Logger) *demo {
	return &demo{app: a, sandboxURL: sandboxURL, cfg: cfg, log: log}
}

func (d *demo) off() bool { return d.cfg.Demo == "off" }

// prepare makes what a newcomer sees first and returns who they may sign in as.
// What is there from an earlier start is kept while it can still be used.
func (d *demo) prepare(ctx context.Context) (signIns []string, err error) {
	signIns = []string{"any e-mail address    a fan; the code is in the mailbox"}
	if d.off() {
		return signIns, nil
	}
	organizer, err := d.app.Accounts.Ensure(ctx, demoOrganizer, "Chíọma Eze")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	org, err := d.app.Accounts.BecomeOrganizer(ctx, organizer.ID, "Dust Brass Live")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	now := time.Now()
	lagos, err := time.LoadLocation("Africa/Lagos")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	night := func(days, hour int) time.Time {
		y, m, day := now.In(lagos).AddDate(0, 0, days).Date()
		return time.Date(y, m, day, hour, 0, 0, 0, lagos)
	}
	terms := sale.DefaultTerms()
	terms.ClosesAt = night(20, 12)

	open := terms
	open.OpensAt, open.AdmitPerMinute = now.Add(-time.Second), 24
	// Room for everybody who is called during a visit: the pace alone decides.
	open.VisitSeconds, open.MaxInside = 300, 200
	if d.open, err = d.ensure(ctx, org, organizer, sale.NewSale{
		Event: catalog.NewEvent{Name: "Harmattan Nights", Slug: "harmattan-nights", Venue: "Marina Bowl, Lagos", Timezone: "Africa/Lagos", StartsAt: night(21, 19)},
		Terms: open,
		Tiers: []sale.NewTier{{Name: "Stands", Price: 12_500_00, Capacity: 500}, {Name: "Floor", Price: 25_000_00, Capacity: 300}},
	}, func(s *sale.Snapshot) bool {
		return (s.State == sale.Open || s.State == sale.Paused) && s.Available() > 0
	}); err != nil {
		return nil, err
	}

	theatre, err := seatmap.Venues.ReadFile("venues/theatre.json")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if d.seats, err = d.ensure(ctx, org, organizer, sale.NewSale{
		Event:   catalog.NewEvent{Name: "Ẹfúnṣetán, the Musical", Slug: "efunsetan", Venue: "Old Cinema, Ìbàdàn", Timezone: "Africa/Lagos", StartsAt: night(9, 19)},
		Terms:   open,
		Tiers:   []sale.NewTier{{Name: "Stalls", Price: 25_000_00}, {Name: "Circle", Price: 18_000_00}, {Name: "Balcony", Price: 9_000_00}, {Name: "Boxes", Price: 60_000_00}},
		SeatMap: theatre,
	}, func(s *sale.Snapshot) bool {
		return (s.State == sale.Open || s.State == sale.Paused) && s.Available() > 0
	}); err != nil {
		return nil, err
	}

	draw := terms
	lobby := now.Add(-time.Second)
	draw.Ordering, draw.LobbyOpensAt, draw.OpensAt, draw.ClosesAt = sale.Draw, &lobby, now.Add(2*time.Minute), now.Add(3*time.Hour)
	draw.AdmitPerMinute, draw.MaxInside = 40, 100
	if d.draw, err = d.ensure(ctx, org, organizer, sale.NewSale{
		Event: catalog.NewEvent{Name: "Lagoon Rovers v Ƙofar Rangers", Slug: "lagoon-rovers", Venue: "Freshwater Arena, Ìkẹjà", Timezone: "Africa/Lagos", StartsAt: night(15, 16)},
		Terms: draw,
		Tiers: []sale.NewTier{{Name: "North end", Price: 3_000_00, Capacity: 60}, {Name: "Main stand", Price: 8_000_00, Capacity: 40}},
	}, func(s *sale.Snapshot) bool { return s.State == sale.Lobby }); err != nil {
		return nil, err
	}

	over := terms
	over.OpensAt, over.AdmitPerMinute, over.MaxInside = now.Add(-time.Second), 6000, 100
	if d.over, err = d.ensure(ctx, org, organizer, sale.NewSale{
		Event: catalog.NewEvent{Name: "Highlife on the Lagoon", Slug: "highlife-on-the-lagoon", Venue: "Creek Hall, Port Harcourt", Timezone: "Africa/Lagos", StartsAt: night(2, 20)},
		Terms: over,
		Tiers: []sale.NewTier{{Name: "Hall", Price: 8_000_00, Capacity: 40}},
	}, func(*sale.Snapshot) bool { return true }); err != nil {
		return nil, err
	}
	return append(signIns, demoOrganizer+"    the organizer, at /organizer"), nil
}

// ensure returns the newest event of a slug if it can still be used, else makes
// the next: slug, slug-2, slug-3 …
func (d *demo) ensure(ctx context.Context, org uuid.UUID, by account.Account, n sale.NewSale, usable func(*sale.Snapshot) bool) (*sale.Snapshot, error) {
	base := n.Event.Slug
	var last *sale.Snapshot
	for i := 2; ; i++ {
		s, err := d.app.Sales.Get(ctx, n.Event.Slug)
		if errors.Is(err, fault.New(fault.NotFound, "event_not_found", "")) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		last = s
		n.Event.Slug = base + "-" + strconv.Itoa(i)
	}
	if last != nil {
		if last.State == sale.Draft { // The last start ended between the two steps below.
			s, err := d.app.Claims.Publish(ctx, last.ID(), by.ID)
			if err != nil {
				return nil, fmt.Errorf("demo: publish %s: %w", last.Event.Slug, err)
			}
			last = s
		}
		if usable(last) {
			return last, nil
		}
	}
	s, err := d.app.Sales.Create(ctx, org, n)
	if err != nil {
		return nil, fmt.Errorf("demo: create %s: %w", n.Event.Slug, err)
	}
	if s, err = d.app.Claims.Publish(ctx, s.ID(), by.ID); err != nil {
		return nil, fmt.Errorf("demo: publish %s: %w", n.Event.Slug, err)
	}
	return s, nil
}

// run lets the fans come until ctx ends.
func (d *demo) run(ctx context.Context) error {
	if d.off() {
		return nil
	}
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for _, crowd := range []func(context.Context) error{d.runOpen, d.runSeats, d.runDraw, d.runOver} {
		wg.Go(func() {
			if err := crowd(ctx); err != nil && ctx.Err() == nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// runOpen keeps a line before a newcomer until the sale has sold out.
func (d *demo) runOpen(ctx context.Context) error {
	return d.keepBusy(ctx, d.open, lab.Config{Stream: 0.3, Rough: 0.1})
}

// runSeats does the same in the theatre, where half of the fans choose their seats
// on the map: a newcomer sees it move.
func (d *demo) runSeats(ctx context.Context) error {
	return d.keepBusy(ctx, d.seats, lab.Config{Map: 0.5})
}

// keepBusy sends ten fans whenever the line gets short, until a sale has sold out:
// a newcomer finds about twenty before them, which is less than a minute. While
// PostgreSQL is away for a moment, nobody new comes.
func (d *demo) keepBusy(ctx context.Context, e *sale.Snapshot, c lab.Config) error {
	const fans, short = 10, 15
	c.Buy, c.Leave, c.Fail, c.Abandon = 0.85, 0.05, 0.08, 0.05
	c.Arrive = lab.Arrival{AtOnce: 3, Every: 1500 * time.Millisecond}
	c.Look = lab.Range{Min: 3 * time.Second, Max: 20 * time.Second}
	c.Pay = lab.Range{Min: 4 * time.Second, Max: 25 * time.Second}
	var crowds sync.WaitGroup
	defer crowds.Wait()
	for {
		wait := 2 * time.Second
		s, err := d.app.Sales.Get(ctx, e.ID().String())
		switch {
		case err != nil:
			d.log.Warn("demo", "err", err)
		case s.State != sale.Open && s.State != sale.Paused:
			return nil
		case s.Arrivals-s.Serving < short:
			// As long as they take to come, and not again before.
			c.Seed, wait = c.Seed+1, time.Duration(fans)*c.Arrive.Every
			now := c
			crowds.Go(func() {
				if err := d.crowd(ctx, e, fans, now); err != nil && ctx.Err() == nil {
					d.log.Warn("demo", "err", err)
				}
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// runDraw fills the lobby of the draw during its two minutes.
func (d *demo) runDraw(ctx context.Context) error {
	return d.crowd(ctx, d.draw, 40, lab.Config{
		Arrive: lab.Arrival{AtOnce: 12, Every: 3 * time.Second},
		Buy:    0.9, Leave: 0.05, Fail: 0.1, Stream: 0.5, Rough: 0.1, Keep: 5,
		Look: lab.Range{Min: 3 * time.Second, Max: 15 * time.Second},
		Pay:  lab.Range{Min: 4 * time.Second, Max: 20 * time.Second},
		Seed: 2,
	})
}

// runOver sells the finished event in a few seconds and ends it.
func (d *demo) runOver(ctx context.Context) error {
	s, err := d.app.Sales.Get(ctx, d.over.ID().String())
	if err != nil || s.State == sale.Ended {
		return err
	}
	if err := d.crowd(ctx, d.over, 20, lab.Config{
		Arrive: lab.Arrival{AtOnce: 20}, Buy: 1, Fail: 0.1,
		Look: lab.Range{Max: time.Second}, Pay: lab.Range{Max: time.Second}, Seed: 3,
	}); err != nil {
		return err
	}
	organizer, err := d.app.Accounts.Ensure(ctx, demoOrganizer, "")
	if err != nil {
		return err
	}
	_, err = d.app.Queue.End(ctx, d.over.ID(), organizer.ID)
	return err
}

func (d *demo) crowd(ctx context.Context, s *sale.Snapshot, n int, c lab.Config) error {
	fans := make([]lab.Fan, 0, n)
	if err := d.app.Accounts.CreateFans(ctx, n, func(f account.Fan) error {
		fans = append(fans, lab.Fan{Token: f.Token, Email: f.Account.Email})
		return nil
	}); err != nil {
		return err
	}
	c.BaseURL, c.SandboxURL, c.Event, c.Fans, c.Logger = d.app.URL(), d.sandboxURL, s.Event.Slug, fans, d.log
	report, err := lab.Crowd(ctx, c)
	d.log.Info("demo crowd", "event", s.Event.Slug, "report", report.String())
	return err
}
