package queue_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// release publishes another sale of the line's show.
func (l *line) release(change func(*sale.NewRelease)) *line {
	l.t.Helper()
	n := sale.NewRelease{Terms: l.snap().Terms, Tiers: []sale.NewTier{{Name: "Late", Price: 2_000_000, Capacity: 50}}}
	if change != nil {
		change(&n)
	}
	snap, err := l.sales.Release(l.t.Context(), l.event, l.by, n)
	if err != nil {
		l.t.Fatal(err)
	}
	r := *l
	r.event = snap.ID()
	if _, err := r.claims.Publish(l.t.Context(), r.event, l.by); err != nil {
		l.t.Fatal(err)
	}
	return &r
}

// buys lets a fan who is called buy, as a settled payment does.
func (l *line) buys(fan uuid.UUID, quantity int) {
	l.t.Helper()
	c := l.hold(fan, quantity)
	l.exec(`UPDATE units SET state = 'sold', held_until = NULL WHERE claim_id = $1`, c.ID)
	l.exec(`UPDATE claims SET status = 'paid', paid_at = now() WHERE id = $1`, c.ID)
	tx, err := l.db.Begin(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	if err := l.queue.FinishTx(l.t.Context(), tx, l.event, fan); err != nil {
		l.t.Fatal(err)
	}
	if err := tx.Commit(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) refunds(fan uuid.UUID) {
	l.t.Helper()
	l.exec(`UPDATE units u SET state = 'free', claim_id = NULL FROM claims c WHERE c.id = u.claim_id AND c.account_id = $1 AND c.event_id = $2`, fan, l.event)
	l.exec(`UPDATE claims SET status = 'refunded' WHERE account_id = $1 AND event_id = $2`, fan, l.event)
}

func TestAReleaseHasALineAndADrawOfItsOwn(t *testing.T) {
	t.Parallel()
	first := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.MaxTicketsPerFan = 2 })
	fans := first.crowd(6)
	first.drip()
	second := first.release(func(n *sale.NewRelease) {
		lobby := time.Now().Add(-time.Minute)
		n.Terms.Ordering, n.Terms.LobbyOpensAt, n.Terms.OpensAt = sale.Draw, &lobby, time.Now().Add(time.Hour)
	})
	if slug := second.snap().Event.Slug; slug != first.snap().Event.Slug+"-2" {
		t.Errorf("the slug is %s", slug)
	}
	if a, b := first.snap().Draw, second.snap().Draw; a != nil || b == nil {
		t.Error("the release has no draw of its own")
	}
	// Arrivals are counted from 1 again.
	for i, fan := range []uuid.UUID{fans[3], fans[2], fans[1], fans[0]} {
		if v := second.join(fan); v.Arrival != int64(i+1) || v.Status != queue.InLobby {
			t.Errorf("arrival %d, %s", v.Arrival, v.Status)
		}
	}
	// Who buys the limit in the first sale is done in both, and comes back to the lobby when tickets went back.
	for _, fan := range fans[:2] {
		first.buys(fan, 2)
		first.is(fan, queue.Done)
		if v := second.is(fan, queue.Done); v.LimitLeft {
			t.Error("there is limit left")
		}
		if v := second.join(fan); v.Status != queue.Done {
			t.Errorf("joining with the limit bought gives %s", v.Status)
		}
	}
	first.refunds(fans[1])
	if v := second.join(fans[1]); v.Status != queue.InLobby || v.Arrival != 3 {
		t.Errorf("after a refund: %s", v.Status)
	}
	// One ticket of two: still waiting in the other line.
	first.buys(fans[2], 1)
	second.is(fans[2], queue.InLobby)

	if _, err := second.queue.Open(t.Context(), second.event, second.by); err != nil {
		t.Fatal(err)
	}
	numbers := map[int64]bool{}
	for _, fan := range fans[1:4] {
		numbers[*second.is(fan, queue.Waiting).Number] = true
	}
	if len(numbers) != 3 || numbers[0] || numbers[5] {
		t.Errorf("numbers %v of a lobby of four", numbers)
	}
	// Bought before joining: told so when the number comes.
	first.buys(fans[4], 2)
	second.join(fans[4])
	second.join(fans[5])
	second.drip()
	for _, fan := range []uuid.UUID{fans[1], fans[2], fans[3], fans[5]} {
		second.is(fan, queue.Called)
	}
	for _, fan := range []uuid.UUID{fans[0], fans[4]} {
		second.is(fan, queue.Done)
	}
	if s := second.snap(); s.Serving != 6 {
		t.Errorf("serving is %d", s.Serving)
	}
	second.buys(fans[2], 1)
	first.is(fans[2], queue.Done)
	first.audited()
	second.audited()

	// Nobody is passed without the ledger's word for it.
	second.exec(`UPDATE ledger SET kind = 'else' WHERE event_id = $1 AND kind = 'finished'`, second.event)
	if broken := second.broken(); len(broken) != 1 {
		t.Errorf("passed without a reason: %v", broken)
	}
}
