package e2e_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/lab"
)

// rush runs a crowd until the sale has sold out, and returns what it saw.
func (s *show) rush(t testing.TB, capacity int, cfg lab.Config) lab.Report {
	t.Helper()
	cfg.BaseURL, cfg.SandboxURL, cfg.Event, cfg.Logger = s.url, s.bankURL, s.id, s.log
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan lab.Report, 1)
	go func() {
		report, err := lab.Crowd(ctx, cfg)
		if err != nil {
			t.Error(err)
		}
		done <- report
	}()
	ended := false
	var report lab.Report
	s.until("everything is sold", func() bool {
		select {
		case report = <-done:
			ended = true
		default:
		}
		return ended || s.sold() >= capacity
	})
	cancel()
	if !ended {
		report = <-done
	}
	t.Log(report)
	return report
}

// soldOutExactly checks the end of a sale from the rows and from what the API says.
func (s *show) soldOutExactly(t testing.TB, capacity int) {
	t.Helper()
	s.until("the sale is sold out", func() bool {
		return s.api(t, "GET", "/events/"+s.id, "", nil).want(200).str("sale.state") == "sold_out"
	})
	for what, sql := range map[string]string{
		"units sold":                `SELECT count(*) FROM units WHERE event_id = $1 AND state = 'sold'`,
		"valid tickets":             `SELECT count(*) FROM tickets WHERE event_id = $1 AND status = 'valid'`,
		"units with a valid ticket": `SELECT count(DISTINCT unit_id) FROM tickets WHERE event_id = $1 AND status = 'valid'`,
	} {
		if got := s.count(sql, s.id); got != capacity {
			t.Errorf("%s: %d, want %d", what, got, capacity)
		}
	}
	stats := s.api(t, "GET", "/organizer/events/"+s.id+"/stats", s.asOrganizer(), nil).want(200)
	if stats.at("stock.sold") != float64(capacity) || stats.at("stock.free") != 0.0 || stats.at("stock.held") != 0.0 {
		t.Errorf("stats: %v", stats.at("stock"))
	}
	s.audited(t)
}

// An existing system sold 900 of 500 in such a sale: stock that had been paid for came back when a reservation's time was
// over. Here webhooks are lost, late, doubled and damaged, so that the reconciler works beside them for several ticks.
func TestNeverOversoldInAnHonestFullyPaidSale(t *testing.T) {
	t.Parallel()
	capacity, fans := 500, dbtest.Size(2000, 10_000)
	p := startProduct(t)
	s := p.newShow(t, "honest", capacity, nil)
	report := s.rush(t, capacity, lab.Config{
		Fans: p.fans(fans), Arrive: lab.Arrival{AtOnce: fans}, Connections: 32, Rough: 0.2, Fail: 0.1,
		Look: lab.Range{Max: 500 * time.Millisecond}, Pay: lab.Range{Max: 500 * time.Millisecond}, Seed: dbtest.Seed(),
	})
	if report.Joined < fans/2 {
		t.Errorf("only %d joined", report.Joined)
	}
	s.soldOutExactly(t, capacity)
	ticks := p.count(`SELECT coalesce(sum(checks), 0)::int FROM payments WHERE event_id = $1`, s.id)
	if ticks == 0 {
		t.Error("the reconciler never asked the provider")
	}
	// What sold 900 there: every time is over long ago, and the sweepers and the reconciler come by again and again.
	p.exec(`UPDATE claims SET created_at = created_at - interval '1 day', expires_at = expires_at - interval '1 day', cap_at = cap_at - interval '1 day' WHERE event_id = $1`, s.id)
	p.exec(`UPDATE payments SET next_check_at = now() - interval '1 day' WHERE event_id = $1`, s.id)
	for range 3 {
		if err := errors.Join(p.app.Claims.Tidy(t.Context()), p.app.Payments.Reconcile(t.Context())); err != nil {
			t.Fatal(err)
		}
		p.api(t, "POST", "/events/"+s.id+"/queue", p.fans(1)[0].Token, nil).want(201)
	}
	s.soldOutExactly(t, capacity)
}

// Redis is told that there is more stock, less, or nonsense, again and again; nobody believes it.
func TestNeverOversoldWhenRedisLies(t *testing.T) {
	t.Parallel()
	const capacity = 40
	p := startProduct(t)
	s := p.newShow(t, "liar", capacity, nil)
	lies := 0
	stop := run(t, "the liar", func(ctx context.Context) error {
		rnd := rand.New(rand.NewPCG(1, 2))
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				lies += p.lie(ctx, rnd, s)
			}
		}
	})
	s.rush(t, capacity, lab.Config{
		Fans: p.fans(120), Arrive: lab.Arrival{AtOnce: 120}, Connections: 16, Stream: 0.3, Fail: 0.1,
		Look: lab.Range{Max: 300 * time.Millisecond}, Pay: lab.Range{Max: 300 * time.Millisecond}, Seed: dbtest.Seed(),
	})
	stop()
	if lies == 0 {
		t.Error("no lie was told")
	}
	s.soldOutExactly(t, capacity)
}

// lie changes what Redis says and returns how many lies were told. Errors are part of lying.
func (p *product) lie(ctx context.Context, rnd *rand.Rand, s *show) (told int) {
	keys, err := p.redis.Keys(ctx, "*").Result()
	if err != nil {
		return 0
	}
	// Names that a cache of stock or of the line might have, beside those that are really there.
	for _, id := range append([]string{s.id, s.slug}, s.tiers...) {
		for _, name := range []string{"fq:stock:", "fq:available:", "fq:queue:", "fq:serving:", "fq:snapshot:", "fq:sale:"} {
			keys = append(keys, name+id, name+"{"+id+"}")
		}
	}
	for _, key := range keys {
		told++
		switch rnd.IntN(5) {
		case 0:
			p.redis.Del(ctx, key)
		case 1:
			p.redis.Set(ctx, key, "999999", 0)
		case 2:
			p.redis.Set(ctx, key, "\x00{]garbage", 0)
		case 3:
			p.redis.Del(ctx, key)
			p.redis.HSet(ctx, key, "serving", "999999", "available", "-5")
		case 4:
			p.redis.Del(ctx, key)
			p.redis.LPush(ctx, key, "999999")
		}
	}
	// And messages to everybody who listens: forged ones in the form the replicas use, and nonsense.
	channels, _ := p.redis.PubSubChannels(ctx, "*").Result()
	for _, c := range append(channels, "fq:live") {
		told++
		p.redis.Publish(ctx, c, `liar sale`+"\n"+`{"serving":999999,"state":"sold_out","available":999999}`)
		p.redis.Publish(ctx, c, "liar sale\n"+string(make([]byte, 16))+s.id)
		p.redis.Publish(ctx, c, "\xff\x00garbage")
	}
	if rnd.IntN(10) == 0 {
		p.redis.FlushAll(ctx)
	}
	return told
}
