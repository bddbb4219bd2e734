package queue_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// kind is how a fan behaves.
type kind int

const (
	keen    kind = iota // is there all the time, comes in and buys
	idler               // is there, comes in and does nothing
	sleeper             // goes away for minutes, comes back and wants in
	leaver              // leaves; some come back
	ghost               // never comes back
	tabs                // three windows that do everything at once
	kinds
)

// fan is a person with a browser.
type fan struct {
	w       *world
	kind    kind
	account uuid.UUID

	mu     sync.Mutex
	spot   queue.Spot
	number int64
	// there: the fan has shown a sign as often as was asked, since joining.
	there  bool
	called bool
}

// comes makes a fan who joins after a while and behaves.
func (w *world) comes(k kind, account uuid.UUID, after time.Duration) *fan {
	f := &fan{w: w, kind: k, account: account}
	w.fansGone.Go(func() {
		time.Sleep(after)
		if f.join() {
			f.live()
		}
	})
	return f
}

// join is clicked until a place is certain.
func (f *fan) join() bool {
	for !f.w.over.Load() {
		p := f.w.any()
		if p == nil {
			time.Sleep(time.Second)
			continue
		}
		event, err := p.picture()
		if err == nil {
			var v queue.View
			v, _, err = p.queue.Join(p.ctx, event, f.account)
			if err == nil {
				f.mu.Lock()
				f.there = true
				f.mu.Unlock()
				f.judge(v)
				return true
			}
		}
		p.wrong("join", err)
		time.Sleep(time.Second)
	}
	return false
}

// judge compares an answer with those before it.
func (f *fan) judge(v queue.View) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.spot.ID == uuid.Nil {
		f.spot = v.Spot()
	}
	if v.SpotID != f.spot.ID || v.Arrival != f.spot.Arrival {
		f.w.t.Errorf("no_lost_spot: spot %s with arrival %d became %s with %d", f.spot.ID, f.spot.Arrival, v.SpotID, v.Arrival)
	}
	if v.Number != nil {
		if f.number != 0 && f.number != *v.Number {
			f.w.t.Errorf("number %d became %d", f.number, *v.Number)
		}
		f.number = *v.Number
	}
	if v.Status == queue.Missed && f.there && !f.called {
		f.w.t.Errorf("number %d was there all the time and missed a turn it never heard of", f.number)
	}
	f.called = f.called || v.Status == queue.Called || v.Status == queue.Inside
}

// poll asks once, wherever it gets an answer; ok is false when all is over.
func (f *fan) poll() (v queue.View, ok bool) {
	f.mu.Lock()
	spot := f.spot
	f.mu.Unlock()
	for !f.w.over.Load() {
		p := f.w.any()
		if p == nil {
			time.Sleep(time.Second)
			continue
		}
		event, err := p.picture()
		if err == nil {
			v, err = p.queue.StatusOf(p.ctx, event, spot)
		}
		if err == nil {
			f.judge(v)
			return v, true
		}
		p.wrong("poll", err)
		time.Sleep(time.Second)
	}
	return v, false
}

// waits polls as it is asked to, until the status is none of some.
func (f *fan) waits(most time.Duration, while ...queue.Status) (v queue.View, ok bool) {
	for end := time.Now().Add(most); ; {
		if v, ok = f.poll(); !ok {
			return v, false
		}
		still := false
		for _, s := range while {
			still = still || v.Status == s
		}
		if !still || time.Now().After(end) {
			return v, true
		}
		time.Sleep(v.PollAfter)
	}
}

const forever = 24 * time.Hour

func (f *fan) live() {
	switch f.kind {
	case ghost:
		return
	case sleeper:
		f.waits(time.Duration(f.w.chance(40))*time.Second, queue.InLobby, queue.Waiting)
		f.mu.Lock()
		f.there = false
		f.mu.Unlock()
		time.Sleep(time.Duration(60+f.w.chance(120)) * time.Second)
	case leaver:
		f.waits(time.Duration(f.w.chance(90))*time.Second, queue.InLobby, queue.Waiting)
		f.leave()
		time.Sleep(4 * time.Second) // every process has read it, also one that stood still
		if v, ok := f.poll(); ok && v.Status != queue.Left && v.Status != queue.Done {
			f.w.t.Errorf("arrival %d left and is told %s", v.Arrival, v.Status)
		}
		time.Sleep(time.Duration(f.w.chance(30)) * time.Second)
		if f.w.chance(2) == 0 || !f.join() {
			return
		}
	case tabs:
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if f.join() {
					f.turn()
				}
			})
		}
		wg.Wait()
		return
	}
	f.turn()
}

func (f *fan) leave() {
	for !f.w.over.Load() {
		if p := f.w.any(); p != nil {
			event, err := p.picture()
			if err == nil {
				err = p.queue.Leave(p.ctx, event, f.account)
			}
			p.wrong("leave", err, "claim_open")
			if err == nil {
				return
			}
		}
		time.Sleep(time.Second)
	}
}

// turn waits for the turn, comes in, and does what this kind does inside. Who has missed it asks for it again.
func (f *fan) turn() {
	for range 3 {
		v, ok := f.waits(forever, queue.InLobby, queue.Waiting)
		if !ok {
			return
		}
		switch v.Status {
		case queue.Missed:
			if !f.join() {
				return
			}
			continue
		case queue.Called, queue.Inside:
		default:
			return
		}
		if f.kind == idler && f.w.chance(2) == 0 {
			return // called, and silent
		}
		if f.enter() && f.kind != idler {
			f.buy()
		}
		if f.kind != sleeper {
			return
		}
	}
}

func (f *fan) enter() bool {
	for !f.w.over.Load() {
		if p := f.w.any(); p != nil {
			event, err := p.picture()
			if err == nil {
				_, err = p.queue.Enter(p.ctx, event, f.account)
			}
			// A turn may end, or find no room, while they click.
			p.wrong("enter", err, "not_admitted", "admission_expired")
			if p.ctx.Err() == nil {
				return err == nil
			}
		}
		time.Sleep(time.Second)
	}
	return false
}

// buy holds some, and pays for them, gives them back, or lets the time run out.
func (f *fan) buy() {
	for range 3 {
		p := f.w.any()
		if p == nil || f.w.over.Load() {
			time.Sleep(time.Second)
			continue
		}
		event, err := p.picture()
		if err != nil {
			p.wrong("picture", err)
			continue
		}
		c, err := p.claims.Hold(p.ctx, event, f.account, claim.Request{TierID: event.Tiers[0].ID, Quantity: 1 + f.w.chance(2)})
		if err != nil {
			p.wrong("hold", err, "sold_out", "not_enough_left", "limit_reached", "claim_open", "admission_expired", "not_admitted")
			time.Sleep(2 * time.Second)
			continue
		}
		time.Sleep(time.Duration(1+f.w.chance(15)) * time.Second)
		switch f.w.chance(4) {
		case 0:
			f.with(c.ID, func(ctx context.Context, tx pgx.Tx, c *claim.Locked) error { return c.EndTx(ctx, tx, claim.Released) })
			continue
		case 1:
			return // the hold runs out
		}
		f.with(c.ID, f.settle)
		return
	}
}

// settle is what a payment's success does.
func (f *fan) settle(ctx context.Context, tx pgx.Tx, c *claim.Locked) error {
	if err := c.PayTx(ctx, tx); err != nil {
		return err
	}
	done, err := c.ConfirmTx(ctx, tx)
	if err == nil && done.LimitBought {
		err = f.w.line.queue.FinishTx(ctx, tx, c.EventID, c.AccountID)
	}
	return err
}

// with does something with a claim under its locks.
func (f *fan) with(id uuid.UUID, do func(context.Context, pgx.Tx, *claim.Locked) error) {
	p := f.w.any()
	if p == nil {
		return // nobody is there: the hold runs out
	}
	err := db.InTx(p.ctx, p.pool, func(tx pgx.Tx) error {
		c, err := claim.LockTx(p.ctx, tx, id)
		if err != nil {
			return err
		}
		return do(p.ctx, tx, c)
	})
	p.wrong("claim", err, "claim_expired")
}

// Thousands of fans of every kind, on processes that die, stand still and are replaced: after every second the line is in
// order, nobody is in twice, and nobody who was there missed their turn.
func TestSimulation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ordering sale.Ordering
		lawless  bool
	}{
		"first come, first served": {sale.FIFO, false},
		"a draw":                   {sale.Draw, false},
		"everybody leads":          {sale.Draw, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			many := dbtest.Size(150, 3000)
			simulate(t, func(n *sale.NewSale) {
				lobby := time.Now().Add(-time.Minute)
				n.Terms.Ordering, n.Terms.LobbyOpensAt, n.Terms.OpensAt = c.ordering, &lobby, time.Now().Add(15*time.Second)
				n.Terms.AdmitPerMinute, n.Terms.MaxInside = 30*many, many/5
				n.Terms.TurnSeconds, n.Terms.VisitSeconds, n.Terms.HoldSeconds, n.Terms.GraceSeconds = 45, 60, 60, 120
				n.Tiers[0].Capacity = many
			}, func(t *testing.T, w *world) {
				w.lawless, w.every = c.lawless, dbtest.Size(2, 5)
				for range 3 {
					w.start()
				}
				accounts := w.fans(many)
				var fans []*fan
				for i, account := range accounts {
					// Two thirds come while there is a lobby.
					fans = append(fans, w.comes(kind(i%int(kinds)), account, time.Duration(w.chance(24_000))*time.Millisecond))
				}
				w.chaos(dbtest.Size(165, 640))
				w.over.Store(true)
				w.fansGone.Wait()
				w.judged(fans)
			})
		})
	}
}

// chaos lets seconds pass in which processes die and stand still, and the organizer pauses; then there is quiet, long
// enough to know who is absent, and trouble again.
func (w *world) chaos(seconds int) {
	w.t.Helper()
	var frozen *process
	for i := range seconds {
		switch i % 160 {
		case 20, 150: // the leader dies; the lease says so 5 s later
			if p := w.leading(); p != nil {
				w.kill(p)
			}
		case 23, 153:
			w.start()
		case 32: // one stands still for longer than a lease lasts
			frozen = w.alive()[0]
			frozen.still.Store(true)
		case 38:
			frozen.still.Store(false)
		case 45:
			if _, err := w.sales.Pause(w.t.Context(), w.event, w.by); err != nil {
				w.t.Error(err)
			}
		case 55:
			if _, err := w.sales.Resume(w.t.Context(), w.event, w.by); err != nil {
				w.t.Error(err)
			}
		}
		w.second()
		if i%60 == 59 {
			w.audited()
		}
	}
}

// judged looks at what became of the fans.
func (w *world) judged(fans []*fan) {
	w.t.Helper()
	served := 0
	for _, f := range fans {
		if f.spot.ID == uuid.Nil {
			w.t.Error("somebody never got a place")
			continue
		}
		if n := w.int(`SELECT count(*) FROM spots WHERE id = $1 AND account_id = $2 AND arrival = $3`, f.spot.ID, f.account, f.spot.Arrival); n != 1 {
			w.t.Errorf("no_lost_spot: arrival %d is not where it was", f.spot.Arrival)
		}
		if f.called {
			served++
		}
	}
	sold := w.int(`SELECT count(*) FROM units WHERE event_id = $1 AND state = 'sold'`, w.event)
	absent := w.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND absent`, w.event)
	w.t.Logf("%d fans, %d heard of their turn, %d units sold, serving %d, %d called while absent", len(fans), served, sold, w.served, absent)
	if served < len(fans)/3 || sold == 0 {
		w.t.Errorf("of %d fans %d had a turn and %d units were sold: the line hardly moved", len(fans), served, sold)
	}
}
