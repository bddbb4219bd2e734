package queue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// realWorld makes a world outside a bubble, with a Redis of its own and a clock that the test moves.
func realWorld(t *testing.T, redis string, change func(*sale.NewSale)) *world {
	t.Helper()
	clock := &hands{at: time.Now()}
	return newWorld(t, &world{url: clocked(t), now: clock.now, sleep: clock.add, redis: redis, every: 5}, change)
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
