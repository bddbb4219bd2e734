package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/lab"
)

// An existing system kept its stock in Redis and sold 5,278 of 5,000 when a number there was wrong. Here two replicas sell
// seats and a floor while everything in Redis that could be stock, or could tell replicas about it, says millions; and
// Redis is emptied, and emptied again, while they sell. What is sold is the capacity.
func TestExactlyTheCapacityIsSoldWhateverRedisSays(t *testing.T) {
	t.Parallel()
	rows, floor, fans := dbtest.Size(3, 50), dbtest.Size(15, 500), dbtest.Size(120, 4000)
	capacity := rows*10 + floor
	p := startProduct(t)
	other := p.startReplica(dbtest.FreeAddr(t))
	s := p.newShow(t, "millions", 0, func(body map[string]any) {
		body["tiers"] = []any{map[string]any{"name": "Stalls", "price_kobo": 1_500_000}, map[string]any{"name": "Floor", "price_kobo": 500_000}}
		body["seat_map"] = json.RawMessage(fmt.Sprintf(`{"focal":{"x":0,"y":0},"sections":[
			{"id":"stalls","name":"Stalls","kind":"seated","tier":"Stalls","rows":[{"name":"1","to":"%d","count":10,"x":0,"y":3,"label":"{row}-{n}"}]},
			{"id":"floor","name":"Floor","kind":"standing","tier":"Floor","capacity":%d}]}`, rows, floor))
	})
	var lies, emptied atomic.Int64
	stop := run(t, "the liar", func(ctx context.Context) error {
		rnd := rand.New(rand.NewPCG(uint64(dbtest.Seed()), 6)) //nolint:gosec // a seed
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for round := 1; ; round++ {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			lies.Add(int64(p.millions(ctx, rnd, s)))
			var sold int
			if err := p.pool.QueryRow(ctx, `SELECT count(*) FROM units WHERE event_id = $1 AND state <> 'free'`, s.id).Scan(&sold); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			if sold > 0 && round%10 == 0 && p.redis.FlushAll(ctx).Err() == nil {
				emptied.Add(1)
			}
		}
	})

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sell := func(people []lab.Fan, seed int64) error {
		gone := make(chan error, 2)
		for i, url := range []string{s.url, other.url} {
			half := people[i*len(people)/2 : (i+1)*len(people)/2]
			go func() {
				report, err := lab.Crowd(ctx, lab.Config{
					BaseURL: url, SandboxURL: s.bankURL, Event: s.id, Logger: s.log, Fans: half, Arrive: lab.Arrival{AtOnce: len(half)}, Connections: 16,
					Stream: 0.3, Fail: 0.1, Abandon: 0.1, Look: lab.Range{Max: 300 * time.Millisecond}, Pay: lab.Range{Max: 300 * time.Millisecond}, Seed: seed + int64(i),
				})
				t.Log(report)
				gone <- err
			}()
		}
		return errors.Join(<-gone, <-gone)
	}
	// The liar's clock may miss a fast sale on a busy machine. So the first few come alone: they cannot buy everything, and
	// Redis is emptied behind them, twice in the middle of the sale whatever the clocks do.
	people, few := p.fans(fans), 4
	for wave := range 2 {
		if err := sell(people[:few], dbtest.Seed()+int64(2*wave)); err != nil {
			t.Fatal(err)
		}
		people = people[few:]
		if sold := s.sold(); sold >= capacity {
			t.Fatalf("%d are sold already", sold)
		}
		if err := p.redis.FlushAll(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		emptied.Add(1)
	}
	gone := make(chan error, 1)
	go func() { gone <- sell(people, dbtest.Seed()+4) }() // waited for below
	s.until("everything is sold", func() bool {
		// What was given up while it was paid for comes back as soon as the provider was asked.
		p.exec(`UPDATE payments SET deadline_at = now() - interval '1 hour', next_check_at = now() WHERE event_id = $1 AND status IN ('initializing', 'pending')
			AND created_at < now() - interval '3 s'`, s.id)
		p.exec(`UPDATE claims SET expires_at = now() - interval '1 s' WHERE event_id = $1 AND status = 'held' AND created_at < now() - interval '5 s'`, s.id)
		p.exec(`UPDATE units u SET held_until = c.expires_at FROM claims c WHERE c.id = u.claim_id AND u.event_id = $1 AND u.state = 'held' AND u.held_until <> c.expires_at`, s.id)
		return s.sold() >= capacity
	})
	cancel()
	if err := <-gone; err != nil {
		t.Error(err)
	}
	stop()
	if lies.Load() < 100 || emptied.Load() < 2 {
		t.Errorf("%d lies were told, and Redis was emptied %d times", lies.Load(), emptied.Load())
	}
	// Both replicas say so, too.
	s.soldOutExactly(t, capacity)
	s.until("the other replica is sold out", func() bool {
		return s.request(t, "GET", other.url+"/api/v1/events/"+s.id, "", nil, nil).want(200).str("sale.state") == "sold_out"
	})
}

// millions lets everything in Redis that is a number, or could be one of stock, be millions, and tells everybody who
// listens that there are as many. It returns how many lies were told; errors are part of lying.
func (p *product) millions(ctx context.Context, rnd *rand.Rand, s *show) (told int) {
	many := fmt.Sprint(1_000_000 + rnd.IntN(8_000_000))
	keys, err := p.redis.Keys(ctx, "*").Result()
	if err != nil {
		return 0
	}
	for _, id := range append([]string{s.id, s.slug}, s.tiers...) {
		for _, what := range []string{"stock", "available", "free", "left", "capacity", "seats", "units", "tier", "sale", "event", "snapshot", "inventory", "remaining"} {
			keys = append(keys, "fq:"+what+":"+id, "fq:"+what+":{"+id+"}", what+":"+id, "fq:{"+id+"}:"+what)
		}
	}
	for _, key := range keys {
		told++
		p.redis.Del(ctx, key)
		switch rnd.IntN(3) {
		case 0:
			p.redis.Set(ctx, key, many, 0)
		case 1:
			p.redis.HSet(ctx, key, "available", many, "free", many, "capacity", many, "sold", "0", s.tiers[0], many)
		default:
			p.redis.Set(ctx, key, `{"available":`+many+`,"free":`+many+`,"capacity":`+many+`,"sold":0,"state":"open"}`, 0)
		}
	}
	channels, _ := p.redis.PubSubChannels(ctx, "*").Result()
	for _, c := range append(channels, "fq:live") {
		for _, topic := range []string{"sale", "serving", "stock", "seats", "claims"} {
			told++
			p.redis.Publish(ctx, c, "0123456789abcdef "+topic+"\n"+`{"event":"`+s.id+`","available":`+many+`,"free":`+many+`,"capacity":`+many+`,"state":"open"}`)
			p.redis.Publish(ctx, c, "0123456789abcdef "+topic+"\n"+many)
		}
	}
	return told
}
