package queue_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/live"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// scheduled is a test whose failures are those of one random schedule.
type scheduled struct {
	testing.TB
	r *rapid.T
}

func (d scheduled) Error(args ...any)            { d.r.Error(args...) }
func (d scheduled) Errorf(f string, args ...any) { d.r.Errorf(f, args...) }
func (d scheduled) Fatal(args ...any)            { d.r.Fatal(args...) }
func (d scheduled) Fatalf(f string, a ...any)    { d.r.Fatalf(f, a...) }

// schedule is a random sequence of acts on several processes.
type schedule struct {
	*world
	r      *rapid.T
	fans   []uuid.UUID
	claims []uuid.UUID
	paused bool
}

// Any schedule of what fans, organizer, processes and liars can do: after every second the line is in order, and when all
// have calmed down everybody who waits is called.
func TestAnySchedule(t *testing.T) {
	t.Parallel()
	most, tried, failing := dbtest.Size(6, 150), 0, false
	url := clocked(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(24 * time.Hour)
		hub := live.New(live.Config{})
		defer hub.Close(context.Background())
		pool := (&world{url: url}).open(t, 4)
		t.Cleanup(pool.Close)
		// In a bubble no test may be asked for its deadline: rapid asks a *testing.T alone.
		rapid.Check(struct{ testing.TB }{t}, func(r *rapid.T) {
			// Each check starts processes: fewer of them, unless one is being made smaller.
			if !failing {
				if tried++; tried > most {
					return
				}
			}
			defer func() { failing = failing || r.Failed() }()
			s := &schedule{r: r, world: &world{url: url, pool: pool, now: time.Now, sleep: time.Sleep, hub: hub}}
			newWorld(scheduled{t, r}, s.world, s.terms)
			defer s.halt()
			s.start()
			s.start()
			s.second()
			for range rapid.IntRange(5, 30).Draw(r, "acts") {
				s.act(rapid.SampledFrom([]string{
					"join", "join", "leave", "return", "poll", "enter", "enter", "hold", "pay", "release", "burst", "burst",
					"second", "second", "second", "seconds", "minute", "kill", "start", "still", "lawless", "pause", "room", "rate", "lie",
				}).Draw(r, "act"))
			}
			s.calm()
		})
	})
	if tried < most {
		t.Errorf("%d schedules, want %d", tried, most)
	}
}

func (s *schedule) terms(n *sale.NewSale) {
	n.Terms.MaxInside = rapid.IntRange(1, 10).Draw(s.r, "max_inside")
	n.Terms.AdmitPerMinute = rapid.SampledFrom([]int{60, 600, 60_000}).Draw(s.r, "rate")
	n.Terms.TurnSeconds, n.Terms.VisitSeconds, n.Terms.HoldSeconds, n.Terms.GraceSeconds = 30, 60, 60, 60
	n.Tiers[0].Capacity = 5000
	if rapid.Bool().Draw(s.r, "draw") {
		n.Terms.Ordering = sale.Draw
	}
	if rapid.Bool().Draw(s.r, "lobby") {
		lobby := time.Now().Add(-time.Minute)
		n.Terms.LobbyOpensAt, n.Terms.OpensAt = &lobby, time.Now().Add(20*time.Second)
	}
}

// some draws fans.
func (s *schedule) some() (fans []uuid.UUID) {
	if len(s.fans) == 0 {
		return nil
	}
	step := rapid.IntRange(1, 4).Draw(s.r, "each")
	for i := rapid.IntRange(0, len(s.fans)-1).Draw(s.r, "first"); i < len(s.fans); i += step {
		fans = append(fans, s.fans[i])
	}
	return fans
}

// together lets fans do something at once, each at some process.
func (s *schedule) together(fans []uuid.UUID, do func(p *process, event *sale.Snapshot, fan uuid.UUID)) {
	var wg sync.WaitGroup
	for _, fan := range fans {
		p := s.any()
		if p == nil {
			return
		}
		wg.Go(func() {
			event, err := p.picture()
			p.wrong("picture", err)
			if err == nil {
				do(p, event, fan)
			}
		})
	}
	wg.Wait()
}

// The acts of a fan, by name; each reports what is no refusal.
func (s *schedule) does(what string) func(p *process, event *sale.Snapshot, fan uuid.UUID) {
	return func(p *process, event *sale.Snapshot, fan uuid.UUID) {
		var err error
		switch what {
		case "join", "return":
			_, _, err = p.queue.Join(p.ctx, event, fan)
		case "poll":
			var spot queue.Spot
			if spot, err = p.queue.SpotOf(p.ctx, event, fan); err == nil {
				_, err = p.queue.StatusOf(p.ctx, event, spot)
			}
		case "leave":
			err = p.queue.Leave(p.ctx, event, fan)
		case "enter":
			_, err = p.queue.Enter(p.ctx, event, fan)
		case "hold":
			var c claim.Claim
			if c, err = p.claims.Hold(p.ctx, event, fan, claim.Request{TierID: event.Tiers[0].ID, Quantity: 1}); err == nil {
				s.mu.Lock()
				s.claims = append(s.claims, c.ID)
				s.mu.Unlock()
			}
		}
		p.wrong(what, err, "not_in_queue", "claim_open", "not_admitted", "admission_expired", "limit_reached", "sale_not_open")
	}
}

func (s *schedule) act(what string) {
	s.t.Helper()
	switch what {
	case "join":
		fans := s.line.fans(rapid.IntRange(1, 8).Draw(s.r, "fans"))
		s.fans = append(s.fans, fans...)
		s.together(append(fans, fans...), s.does("join")) // in two windows each
	case "burst": // several things at once, and the ticks of all beside them
		var wg sync.WaitGroup
		for _, each := range []string{"poll", "leave", "return", "enter", "enter", "hold"} {
			fans := s.some()
			wg.Go(func() { s.together(fans, s.does(each)) })
		}
		for _, p := range s.alive() {
			wg.Go(p.second)
		}
		wg.Wait()
		s.check()
	case "pay", "release":
		if len(s.claims) == 0 {
			return
		}
		f := &fan{w: s.world}
		do := f.settle
		if what == "release" {
			do = func(ctx context.Context, tx pgx.Tx, c *claim.Locked) error { return c.EndTx(ctx, tx, claim.Released) }
		}
		f.with(s.claims[0], do)
		s.claims = s.claims[1:]
	case "second":
		s.second()
	case "seconds":
		s.pass(12)
	case "minute":
		s.pass(63)
	case "kill":
		if all := s.alive(); len(all) > 0 {
			s.kill(all[rapid.IntRange(0, len(all)-1).Draw(s.r, "process")])
		}
	case "start":
		if len(s.alive()) < 3 {
			s.start()
		}
	case "still":
		for _, p := range s.alive() {
			p.still.Store(rapid.Bool().Draw(s.r, "still"))
		}
	case "lawless":
		s.lawless = !s.lawless
	case "pause":
		s.pause()
	case "room":
		n := rapid.IntRange(1, 12).Draw(s.r, "max_inside")
		s.change(sale.Patch{MaxInside: &n})
		s.mostInside = max(s.mostInside, int64(n))
	case "rate":
		n := rapid.SampledFrom([]int{1, 60, 6000}).Draw(s.r, "rate")
		s.change(sale.Patch{AdmitPerMinute: &n})
	case "lie":
		for range 5 {
			id := uuid.New()
			s.hub.Publish(context.Background(), "sale", append(id[:], s.event[:]...))
			s.hub.Publish(context.Background(), "sale", id[:])
			s.hub.Publish(context.Background(), "sale", append(s.event[:], id[:]...))
		}
	default:
		s.together(s.some(), s.does(what))
	}
}

func (s *schedule) change(p sale.Patch) {
	if _, err := s.sales.Change(context.Background(), s.event, s.by, p); err != nil {
		s.t.Fatal(err)
	}
}

func (s *schedule) pause() {
	move := s.sales.Pause
	if s.paused {
		move = s.sales.Resume
	} else if s.snap().State != sale.Open {
		return
	}
	if _, err := move(context.Background(), s.event, s.by); err != nil {
		s.t.Fatal(err)
	}
	s.paused = !s.paused
}

// calm lets everything work again, with room for all.
func (s *schedule) calm() {
	s.t.Helper()
	if s.paused {
		s.pause()
	}
	for _, p := range s.alive() {
		p.still.Store(false)
	}
	for len(s.alive()) < 2 {
		s.start()
	}
	room, rate := 1000, 600_000
	s.change(sale.Patch{MaxInside: &room, AdmitPerMinute: &rate})
	s.mostInside = int64(room)
	s.until("the sale is open", 30, func() bool { return s.snap().State == sale.Open })
	s.until("everybody who waits was called", 15, func() bool {
		return s.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND (status = 'joined' OR again IS NOT NULL)`, s.event) == 0
	})
	s.audited()
	if _, err := s.line.queue.End(context.Background(), s.event, s.by); err != nil {
		s.t.Fatal(err)
	}
	s.second()
}
