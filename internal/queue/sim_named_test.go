package queue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// real makes a world outside a bubble, with a Redis of its own and a clock that the test moves.
func realWorld(t *testing.T, redis string, change func(*sale.NewSale)) *world {
	t.Helper()
	clock := &hands{at: time.Now()}
	return newWorld(t, &world{url: clocked(t), now: clock.now, sleep: clock.add, redis: redis, every: 5}, change)
}

// flock are fans who only look: each polls every so many seconds.
type flock struct {
	w     *world
	spots []queue.Spot
	// seen counts who heard of their turn.
	seen map[uuid.UUID]bool
}

// gather lets fans join, through all processes at once.
func (w *world) gather(accounts []uuid.UUID) *flock {
	w.t.Helper()
	fl := &flock{w: w, spots: make([]queue.Spot, len(accounts)), seen: map[uuid.UUID]bool{}}
	var wg sync.WaitGroup
	for i, account := range accounts {
		p := w.any()
		wg.Go(func() {
			event, err := p.picture()
			if err != nil {
				w.t.Error(err)
				return
			}
			v, _, err := p.queue.Join(p.ctx, event, account)
			if err != nil {
				w.t.Error(err)
				return
			}
			fl.spots[i] = v.Spot()
		})
	}
	wg.Wait()
	return fl
}

// poll lets every of-th fan ask, those whose turn it is in this second, each at some process; who is called goes in.
func (fl *flock) poll(second, of int) {
	fl.w.t.Helper()
	processes := fl.w.alive()
	if len(processes) == 0 {
		return
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := second % of; i < len(fl.spots); i += of {
		spot, p := fl.spots[i], processes[i%len(processes)]
		event, err := p.picture()
		if err != nil {
			fl.w.t.Error(err)
			return
		}
		wg.Go(func() {
			v, err := p.queue.StatusOf(p.ctx, event, spot)
			if err == nil && v.Status == queue.Called {
				v, err = p.queue.Enter(p.ctx, event, spot.Account)
			}
			if err != nil {
				fl.w.t.Errorf("arrival %d: %v", spot.Arrival, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if v.Status == queue.Missed || v.Redeems {
				fl.w.t.Errorf("arrival %d was there all the time and is %s", spot.Arrival, v.Status)
			}
			if v.Status == queue.Inside {
				fl.seen[spot.Account] = true
			}
		})
	}
	wg.Wait()
}

// A process is killed, then the leader, Redis is emptied, and then every process at once: of a full line of fans who are there not one is
// marked absent or misses a turn, while those who went away are found out.
func TestNobodyWhoIsThereIsMarkedMissed(t *testing.T) {
	t.Parallel()
	server := dbtest.RedisServer(t)
	many := dbtest.Size(1000, 10_000)
	w := realWorld(t, server.URL, func(n *sale.NewSale) {
		n.Terms.AdmitPerMinute, n.Terms.MaxInside = 60, many/10
		n.Terms.TurnSeconds, n.Terms.VisitSeconds, n.Terms.GraceSeconds = 30, 60, 3600
		n.Tiers[0].Capacity = 4 * many
	})
	for range 4 {
		w.start()
	}
	w.pass(1)
	accounts := w.fans(many)
	there := w.gather(accounts[:many/4])
	gone := w.gather(accounts[many/4 : many/4+many/20])
	rest := w.gather(accounts[many/4+many/20:])
	there.spots = append(there.spots, rest.spots...)
	pass := func(seconds int) {
		for range seconds {
			w.second()
			there.poll(w.seconds, 15)
		}
	}
	wronged := func(when string) {
		t.Helper()
		away := map[uuid.UUID]bool{}
		for _, s := range gone.spots {
			away[s.ID] = true
		}
		rows, err := w.db.Query(t.Context(), `SELECT p.id, p.arrival FROM spots p JOIN sales s ON s.event_id = p.event_id
			WHERE p.event_id = $1 AND (p.absent OR p.status = 'called' AND p.turn_ends_at <= now() - s.paused_total)`, w.event)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id uuid.UUID
			var arrival int64
			if err := rows.Scan(&id, &arrival); err != nil {
				t.Fatal(err)
			}
			if !away[id] {
				t.Fatalf("%s: arrival %d was there all the time and is marked absent or has missed the turn", when, arrival)
			}
		}
	}
	pass(70)
	wronged("before anything happened")

	leader := w.leading()
	for _, p := range w.alive() {
		if p != leader {
			w.kill(p)
			break
		}
	}
	pass(12)
	wronged("after a process was killed that others had asked")

	w.kill(leader)
	pass(15)
	if w.leading() == nil {
		t.Fatal("nobody leads 15 s after the leader was killed")
	}
	wronged("after the leader was killed")

	w.emptied()
	for _, p := range w.alive() {
		w.kill(p)
	}
	for range 8 { // nobody is there to ask
		w.sleep(time.Second)
		w.set()
	}
	for range 3 {
		w.start()
	}
	pass(75)
	wronged("after everything was started again")

	// Everything watches again: who is away is called without room, and a fan who is there follows.
	w.exec(`UPDATE sales SET admit_per_minute = $2, max_inside = $3 WHERE event_id = $1`, w.event, 30*many, many)
	w.mostInside = int64(many)
	w.until("the line is through", 60, func() bool {
		there.poll(w.seconds, 5)
		return len(there.seen) == len(there.spots)
	})
	wronged("at the end")
	if n := len(w.absent()); n == 0 {
		t.Error("nobody was found to be away: the test shows nothing")
	}
	w.end()
}

// emptied empties Redis.
func (w *world) emptied() {
	w.t.Helper()
	if err := w.alive()[0].redis.FlushAll(w.t.Context()).Err(); err != nil {
		w.t.Fatal(err)
	}
}

// Forged, old and broken messages on every channel that Redis knows: nobody is called out of order, and two seconds after a
// change every process shows it.
func TestForgedMessagesChangeNothing(t *testing.T) {
	t.Parallel()
	server := dbtest.RedisServer(t)
	w := realWorld(t, server.URL, func(n *sale.NewSale) { n.Terms.AdmitPerMinute, n.Terms.MaxInside = 600, 30 })
	for range 2 {
		w.start()
	}
	client := w.alive()[0].redis
	// What a process says in earnest, to be said again later.
	heard := client.PSubscribe(t.Context(), "*")
	defer heard.Close() //nolint:errcheck // of the test alone
	if _, err := heard.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.pass(1)
	fl := w.gather(w.fans(100))
	w.until("somebody is served", 5, func() bool { return w.serving() > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m, err := heard.ReceiveMessage(ctx)
	if err != nil {
		t.Fatalf("no process tells the others of a step: %v", err)
	}
	event, me := w.event, uuid.New()
	forged := []string{
		m.Payload, "", "\n", " ", "garbage", "x sale\n", " sale\n" + string(event[:]), "x sale\nshort",
		"x sale\n" + string(me[:]) + string(event[:]),
		"x sale\n" + string(event[:]) + string(event[:]),
		"x sale\n" + string(me[:]) + string(me[:]),
		"x sale\n" + string(make([]byte, 32)), "x sale\n" + string(make([]byte, 100_000)),
		fmt.Sprintf("x serving\n{\"event\":%q,\"serving\":100}", event), fmt.Sprintf("x sale\n{\"serving\":100,\"event\":%q}", event),
		fmt.Sprintf("x presence\n%s 100", event), "x drip\n100", "x account\n" + string(event[:]), "x guard\n-1", "x revoked\n" + string(event[:]),
	}
	stop := make(chan struct{})
	var liars sync.WaitGroup
	liars.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			for _, channel := range []string{"fq:live", "live", "fq:sale", "sale"} {
				_ = client.Publish(context.Background(), channel, forged[i%len(forged)]).Err()
			}
			_ = client.Set(context.Background(), fmt.Sprintf("fq:{%s}:serving", event), "100", 0).Err()
		}
	})
	for range 20 {
		w.second()
		fl.poll(w.seconds, 3)
	}
	if w.serving() > 60 {
		t.Errorf("serving %d: 30 may be inside, for ten minutes", w.serving())
	}
	if _, err := w.sales.Change(t.Context(), w.event, w.by, sale.Patch{Message: ptr("We are on our way.")}); err != nil {
		t.Fatal(err)
	}
	w.pass(2)
	truth := w.snap()
	for _, p := range w.alive() {
		shown, err := p.picture()
		if err != nil || shown.Serving != truth.Serving || shown.Message != truth.Message || shown.Arrivals != truth.Arrivals || shown.State != truth.State {
			t.Errorf("a process shows serving %d, %d arrivals, %q, %v; it is %d, %d, %q",
				shown.Serving, shown.Arrivals, shown.Message, err, truth.Serving, truth.Arrivals, truth.Message)
		}
		for _, spot := range fl.spots {
			v, err := p.queue.StatusOf(p.ctx, shown, spot)
			if err != nil || (spot.Arrival > truth.Serving) != (v.Status == queue.Waiting) {
				t.Fatalf("arrival %d is %s, %v; serving %d", spot.Arrival, v.Status, err, truth.Serving)
			}
		}
	}
	close(stop)
	liars.Wait()
	w.end()
}

// Everybody who was called while absent comes back in one second, to three processes that all lead: no more are let in than
// there is room, at any moment.
func TestTheAbsentReturnInOneSecond(t *testing.T) {
	t.Parallel()
	many, room := dbtest.Size(500, 5000), 25
	simulate(t, func(n *sale.NewSale) {
		n.Terms.AdmitPerMinute, n.Terms.MaxInside, n.Terms.TurnSeconds, n.Terms.VisitSeconds = 600_000, room, 600, 60
		n.Tiers[0].Capacity = 2 * many
	}, func(t *testing.T, w *world) {
		w.lawless, w.every = true, 5
		for range 3 {
			w.start()
		}
		w.pass(1)
		accounts := w.fans(many + room)
		first := w.gather(accounts[:room])
		w.until("the room is full", 5, func() bool { return w.serving() == int64(room) })
		fl := w.gather(accounts[room:])
		w.pass(window + 1)
		for _, spot := range first.spots { // they leave: now there is room for those who are called
			if err := w.line.queue.Leave(t.Context(), w.snap(), spot.Account); err != nil {
				t.Fatal(err)
			}
		}
		w.until("all were called while absent", many/20+10, func() bool { return len(w.absent()) == many })
		rush := func() {
			var wg sync.WaitGroup
			for i, p := range w.alive() {
				wg.Go(func() { p.second() })
				for j := i; j < many; j += 3 {
					wg.Go(func() {
						event, err := p.picture()
						if err != nil {
							t.Error(err)
							return
						}
						if j%2 == 0 {
							_, err = p.queue.StatusOf(p.ctx, event, fl.spots[j])
							p.wrong("status", err)
						}
						_, err = p.queue.Enter(p.ctx, event, fl.spots[j].Account)
						p.wrong("enter", err, "not_admitted")
					})
				}
			}
			wg.Go(func() {
				for range 5 {
					w.check()
				}
			})
			wg.Wait()
		}
		rush()
		w.check()
		in := w.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND status = 'inside'`, w.event)
		if in != int64(room) {
			t.Errorf("%d are inside, want %d", in, room)
		}
		for range 3 { // and again with every visit that ends
			w.pass(62)
			rush()
			w.check()
		}
		if n := w.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND entered_at IS NOT NULL`, w.event); n != int64(4*room) {
			t.Errorf("%d came in during four visits, want %d", n, 4*room)
		}
	})
}

// The last unit goes round: whatever the one who could have had it does, the next is asked within one visit.
func TestTheLastUnitGoesRound(t *testing.T) {
	t.Parallel()
	const turn, visit = 45, 60
	simulate(t, func(n *sale.NewSale) {
		n.Terms.TurnSeconds, n.Terms.VisitSeconds, n.Terms.HoldSeconds = turn, visit, visit
		n.Tiers[0].Capacity = 1
	}, func(t *testing.T, w *world) {
		for range 2 {
			w.start()
		}
		w.pass(1)
		hold := func(p *process, event *sale.Snapshot, fan uuid.UUID) (claim.Claim, error) {
			return p.claims.Hold(p.ctx, event, fan, claim.Request{TierID: event.Tiers[0].ID, Quantity: 1})
		}
		does := []struct {
			what string
			do   func(p *process, event *sale.Snapshot, fan uuid.UUID) error
		}{
			{"is silent", func(*process, *sale.Snapshot, uuid.UUID) error { return nil }},
			{"comes in and is silent", func(p *process, event *sale.Snapshot, fan uuid.UUID) error {
				_, err := p.queue.Enter(p.ctx, event, fan)
				return err
			}},
			{"holds it and goes", func(p *process, event *sale.Snapshot, fan uuid.UUID) error {
				_, err := hold(p, event, fan)
				return err
			}},
			{"gives it back and stays", func(p *process, event *sale.Snapshot, fan uuid.UUID) error {
				c, err := hold(p, event, fan)
				w.end1(c.ID)
				return err
			}},
			{"comes in and leaves", func(p *process, event *sale.Snapshot, fan uuid.UUID) error {
				if _, err := p.queue.Enter(p.ctx, event, fan); err != nil {
					return err
				}
				return p.queue.Leave(p.ctx, event, fan)
			}},
			{"gets it", nil},
		}
		accounts := w.fans(len(does))
		for _, account := range accounts {
			w.join(account)
		}
		for i, d := range does {
			start := w.seconds
			w.until(fmt.Sprintf("fan %d is called after one who %s", i+1, does[max(0, i-1)].what), visit+5, func() bool {
				for _, account := range accounts[i:] {
					w.signs(account) // those who wait are there
				}
				return w.serving() == int64(i+1)
			})
			t.Logf("asked after %d s", w.seconds-start)
			if w.is(accounts[i], queue.Called); d.do == nil {
				break
			}
			p := w.any()
			if err := d.do(p, w.snap(), accounts[i]); err != nil {
				t.Fatalf("one who %s: %v", d.what, err)
			}
		}
		w.hold(accounts[len(accounts)-1], 1)
	})
}

// signs lets a fan poll at every process.
func (w *world) signs(account uuid.UUID) {
	w.t.Helper()
	for _, p := range w.alive() {
		event, err := p.picture()
		if err == nil {
			_, err = p.queue.Status(p.ctx, event, account)
		}
		p.wrong("status", err)
	}
}

// end1 gives a claim back.
func (w *world) end1(id uuid.UUID) {
	w.locked(id, func(tx pgx.Tx, c *claim.Locked) error { return c.EndTx(w.t.Context(), tx, claim.Released) })
}

// Sold out, everybody is told within a second by every process; what comes back afterwards goes to the next in order.
func TestSoldOutIsToldAtOnceAndTheLineGoesOn(t *testing.T) {
	t.Parallel()
	simulate(t, func(n *sale.NewSale) {
		n.Terms.TurnSeconds, n.Terms.VisitSeconds, n.Terms.HoldSeconds, n.Tiers[0].Capacity = 45, 60, 60, 3
	}, func(t *testing.T, w *world) {
		for range 3 {
			w.start()
		}
		w.pass(1)
		accounts := w.fans(20)
		spots := make([]queue.Spot, len(accounts))
		for i, account := range accounts {
			v := w.join(account)
			spots[i] = v.Spot()
		}
		w.until("three are called", 5, func() bool { return w.serving() == 3 })
		claims := make([]claim.Claim, 3)
		for i := range claims {
			claims[i] = w.hold(accounts[i], 1)
		}
		told := func(want sale.State) {
			t.Helper()
			for _, p := range w.alive() {
				event, err := p.picture()
				if err != nil {
					t.Fatal(err)
				}
				for _, spot := range spots[w.served:] {
					if v, err := p.queue.StatusOf(p.ctx, event, spot); err != nil || v.State != want || v.Status != queue.Waiting {
						t.Fatalf("arrival %d is told %s, %s, %v, want %s", spot.Arrival, v.State, v.Status, err, want)
					}
				}
			}
		}
		w.second()
		told(sale.Open) // all is held: it may come back
		for _, c := range claims[:2] {
			w.pay(c)
			w.confirm(c)
		}
		// The third hold runs out, and the next in order has the unit.
		w.until("a hold that ran out calls the next", 62+5, func() bool { return w.serving() == 4 })
		w.is(accounts[3], queue.Called)
		last := w.hold(accounts[3], 1)
		w.pay(last)
		w.confirm(last)
		w.second()
		told(sale.SoldOut)
		w.pass(65)
		told(sale.SoldOut)
		if w.serving() != 4 {
			t.Fatalf("serving %d, though all is sold", w.serving())
		}
		// A refund, then a ticket that is returned: each calls one, and the next one.
		for i, back := range []func(){
			func() { w.line.end(claims[0], claim.Refunded) },
			func() {
				w.exec(`UPDATE units SET state = 'free', claim_id = NULL WHERE id = $1`, claims[1].Lines[0].UnitID)
			},
		} {
			back()
			w.until("stock that came back calls the next", 3, func() bool { return w.serving() == int64(5+i) })
			fan := accounts[4+i]
			w.is(fan, queue.Called)
			w.pass(3)
			if w.serving() != int64(5+i) {
				t.Fatalf("one unit came back and %d were called", w.serving()-int64(4+i))
			}
			c := w.hold(fan, 1)
			w.pay(c)
			w.confirm(c)
			w.pass(2)
			told(sale.SoldOut)
		}
	})
}
