package queue_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

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
