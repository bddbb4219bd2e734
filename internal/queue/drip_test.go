package queue_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

func (l *line) serving() int64 {
	l.t.Helper()
	return l.int(`SELECT serving FROM queue_heads WHERE event_id = $1`, l.event)
}

// Two leaders step at once while people join, enter and leave: nobody is called before a lower number that waits.
func TestNoOvertaking(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) { n.Terms.MaxInside = 20; n.Tiers[0].Capacity = 1000 })
	other := newService(t, l.db, l.sales)
	fans := l.fans(120)
	snap := l.snap()
	var wg sync.WaitGroup
	for i, fan := range fans {
		wg.Go(func() {
			if _, _, err := l.queue.Join(t.Context(), snap, fan); err != nil {
				t.Error(err)
			}
			if i%7 == 0 {
				if err := l.queue.Leave(t.Context(), snap, fan); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for range 40 {
		var leaders sync.WaitGroup
		for _, s := range []*queue.Service{l.queue, other} {
			leaders.Go(func() {
				if err := s.Drip(t.Context(), nil); err != nil {
					t.Error(err)
				}
			})
		}
		leaders.Wait()
		if n := l.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND status IN ('called', 'inside')`, l.event); n > 20 {
			t.Fatalf("%d reserved, want at most 20", n)
		}
		// Whoever is called is through at once.
		l.exec(`UPDATE spots SET status = 'done' WHERE event_id = $1 AND status = 'called'`, l.event)
		l.exec(`UPDATE queue_heads SET credit_at = credit_at - interval '1 minute' WHERE event_id = $1`, l.event)
	}
	if n := l.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND status = 'joined'`, l.event); n != 0 {
		t.Errorf("%d still wait", n)
	}
	if n := l.int(`SELECT count(*) FROM spots a JOIN spots b ON b.event_id = a.event_id AND b.arrival > a.arrival
		WHERE a.event_id = $1 AND a.called_step > b.called_step`, l.event); n != 0 {
		t.Errorf("%d inversions", n)
	}
	if l.serving() != 120 {
		t.Errorf("serving %d, want 120", l.serving())
	}
}

func TestDripKeepsToTheRate(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) { n.Terms.AdmitPerMinute = 60 })
	l.crowd(30)
	// A long silence saves up two seconds' worth and no more.
	l.drip()
	if n := l.serving(); n != 2 {
		t.Errorf("after a silence %d were called, want 2", n)
	}
	l.step()
	if n := l.serving(); n > 3 {
		t.Errorf("at once after that %d were called", n)
	}
	// 1 a minute still calls somebody.
	if _, err := l.sales.Change(t.Context(), l.event, l.by, sale.Patch{AdmitPerMinute: ptr(1)}); err != nil {
		t.Fatal(err)
	}
	before := l.serving()
	l.exec(`UPDATE queue_heads SET credit = 0, credit_at = clock_timestamp() - interval '61 seconds' WHERE event_id = $1`, l.event)
	l.step()
	if n := l.serving() - before; n != 1 {
		t.Errorf("%d were called in a minute, want 1", n)
	}
	l.step()
	if n := l.serving() - before; n != 1 {
		t.Errorf("%d were called at once, want 1", n)
	}
}

func ptr[T any](v T) *T { return &v }

func TestDripKeepsToTheRoom(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.MaxInside = 3 })
	fans := l.crowd(8)
	l.drip()
	if l.serving() != 3 {
		t.Fatalf("serving %d, want 3", l.serving())
	}
	l.enter(fans[0])
	l.drip()
	if l.serving() != 3 {
		t.Fatalf("entering made room: serving %d", l.serving())
	}
	// One leaves, one turn ends, one visit ends: three come after them.
	if err := l.queue.Leave(t.Context(), l.snap(), fans[1]); err != nil {
		t.Fatal(err)
	}
	l.endTurn(fans[2], time.Minute)
	l.endTurn(fans[0], time.Minute)
	l.drip()
	if l.serving() != 6 {
		t.Errorf("serving %d, want 6", l.serving())
	}
	l.is(fans[0], queue.Done)
	l.is(fans[1], queue.Left)
	l.is(fans[2], queue.Missed)
	l.is(fans[3], queue.Called)
}

// A visit with an open claim keeps its room after its time.
func TestOpenClaimKeepsTheRoom(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.MaxInside = 1 })
	fans := l.crowd(2)
	l.drip()
	l.hold(fans[0], 2)
	l.endTurn(fans[0], time.Hour)
	v := l.is(fans[0], queue.Inside)
	if v.Admission == nil || !v.Admission.ExpiresAt.After(time.Now()) {
		t.Errorf("admission %+v", v.Admission)
	}
	l.drip()
	if l.serving() != 1 {
		t.Errorf("serving %d, want 1", l.serving())
	}
	wantCode(t, l.queue.Leave(t.Context(), l.snap(), fans[0]), "claim_open")
	// A hold that is past is no open claim.
	l.exec(`UPDATE claims SET expires_at = now() - interval '1 minute' WHERE account_id = $1`, fans[0])
	l.exec(`UPDATE units SET held_until = now() - interval '1 minute' WHERE state = 'held' AND event_id = $1`, l.event)
	l.is(fans[0], queue.Done)
	l.drip()
	if l.serving() != 2 {
		t.Errorf("serving %d, want 2", l.serving())
	}
}

func TestDripKeepsToTheStock(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Tiers[0].Capacity = 4 })
	fans := l.crowd(10)
	l.drip()
	if l.serving() != 4 {
		t.Fatalf("serving %d with 4 units, want 4", l.serving())
	}
	l.drip()
	if l.serving() != 4 {
		t.Fatalf("serving %d though 4 already want what there is", l.serving())
	}
	l.hold(fans[0], 4)
	for _, fan := range fans[1:4] {
		if err := l.queue.Leave(t.Context(), l.snap(), fan); err != nil {
			t.Fatal(err)
		}
	}
	l.drip()
	if l.serving() != 4 {
		t.Fatalf("serving %d with nothing sellable", l.serving())
	}
	// The hold runs out: the stock is back, and so is the room, at the mean of four units a claim.
	l.exec(`UPDATE units SET held_until = now() - interval '1 minute' WHERE state = 'held' AND event_id = $1`, l.event)
	l.exec(`UPDATE claims SET expires_at = now() - interval '1 minute' WHERE event_id = $1`, l.event)
	l.drip()
	if l.serving() <= 4 {
		t.Error("nobody was called when stock came back")
	}
}

// Sold out, the line stays; it moves when stock returns.
func TestSoldOutIsAWaitlist(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Tiers[0].Capacity = 1 })
	fans := l.crowd(2)
	l.drip()
	c := l.hold(fans[0], 1)
	l.exec(`UPDATE units SET state = 'sold', held_until = NULL WHERE claim_id = $1`, c.ID)
	l.exec(`UPDATE claims SET status = 'paid' WHERE id = $1`, c.ID)
	l.drip()
	v := l.is(fans[1], queue.Waiting)
	if v.State != sale.SoldOut || v.ETA != nil {
		t.Errorf("state %s, eta %v", v.State, v.ETA)
	}
	late := l.fans(1)[0]
	l.join(late)
	l.exec(`UPDATE units SET state = 'free', claim_id = NULL WHERE claim_id = $1`, c.ID)
	if s := l.snap(); s.State != sale.Open {
		t.Errorf("with stock back the sale is %s", s.State)
	}
	l.drip()
	l.is(fans[1], queue.Called)
}

// Paused, nobody is called and no time passes; whoever is called may enter.
func TestPauseStandsStill(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) { n.Terms.MaxInside = 2 })
	fans := l.crowd(4)
	l.drip()
	if _, err := l.sales.Pause(t.Context(), l.event, l.by); err != nil {
		t.Fatal(err)
	}
	// Two hours of pause; the turns had two minutes.
	l.exec(`UPDATE sales SET paused_at = paused_at - interval '2 hours' WHERE event_id = $1`, l.event)
	l.exec(`UPDATE spots SET turn_ends_at = turn_ends_at - interval '2 hours', called_at = called_at - interval '2 hours' WHERE event_id = $1 AND status = 'called'`, l.event)
	v := l.is(fans[0], queue.Called)
	if left := time.Until(v.Admission.ExpiresAt); left < 100*time.Second || left > 121*time.Second {
		t.Errorf("%s of the turn are left, want two minutes", left)
	}
	if _, err := l.queue.CheckToken(v.Admission.Token, l.event, fans[0]); err != nil {
		t.Errorf("the token of a paused turn: %v", err)
	}
	if again := l.status(fans[0]); again.Admission.Token != v.Admission.Token {
		t.Error("the token changed within a turn")
	}
	l.enter(fans[0])
	if err := l.queue.Leave(t.Context(), l.snap(), fans[1]); err != nil {
		t.Fatal(err)
	}
	l.drip()
	if l.serving() != 2 {
		t.Errorf("a paused line moved to %d", l.serving())
	}
	waiting := l.is(fans[2], queue.Waiting)
	if waiting.ETA != nil || waiting.State != sale.Paused {
		t.Errorf("eta %v in state %s", waiting.ETA, waiting.State)
	}
	l.join(l.fans(1)[0]) // joining goes on
	if _, err := l.sales.Resume(t.Context(), l.event, l.by); err != nil {
		t.Fatal(err)
	}
	in := l.is(fans[0], queue.Inside)
	if left := time.Until(in.Admission.ExpiresAt); left < 590*time.Second || left > 601*time.Second {
		t.Errorf("%s of the visit are left, want ten minutes", left)
	}
	l.drip()
	l.is(fans[2], queue.Called)
}

// Two leaders do no harm: together they call no more than one would.
func TestTwoLeadersDoNoHarm(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) { n.Terms.AdmitPerMinute = 300; n.Terms.MaxInside = 7 })
	l.crowd(40)
	l.exec(`UPDATE queue_heads SET credit_at = credit_at - interval '1 minute' WHERE event_id = $1`, l.event)
	var wg sync.WaitGroup
	for range 4 {
		s := newService(t, l.db, l.sales)
		wg.Go(func() {
			if err := s.Drip(t.Context(), nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := l.serving(); n != 7 {
		t.Errorf("serving %d, want 7", n)
	}
	if n := l.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND status = 'called'`, l.event); n != 7 {
		t.Errorf("%d called, want 7", n)
	}
	calls := l.int(`SELECT sum((body->>'to_number')::bigint - (body->>'from_number')::bigint + 1) FROM ledger WHERE event_id = $1 AND kind = 'called'`, l.event)
	if calls != 7 {
		t.Errorf("the ledger has %d called, want 7", calls)
	}
}

// A leader that lost its lease calls nobody.
func TestLostLeaderCallsNobody(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), nil)
	l.crowd(2)
	lost := errors.New("lost")
	if err := l.queue.Drip(t.Context(), func(context.Context, pgx.Tx) error { return lost }); !errors.Is(err, lost) {
		t.Errorf("error %v", err)
	}
	if l.serving() != 0 {
		t.Errorf("serving %d", l.serving())
	}
}

func TestAdvanceFollowsTheClock(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) {
		lobby := now.Add(time.Hour)
		n.Terms.LobbyOpensAt, n.Terms.OpensAt, n.Terms.Ordering = &lobby, now.Add(2*time.Hour), sale.Draw
	})
	advance := func(column string, want sale.State) {
		t.Helper()
		if column != "" {
			l.exec(`UPDATE sales SET `+column+` = now() - interval '1 second' WHERE event_id = $1`, l.event)
		}
		if err := l.queue.Advance(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := l.snap(); s.State != want {
			t.Fatalf("the sale is %s, want %s", s.State, want)
		}
	}
	advance("", sale.Scheduled)
	advance("lobby_opens_at", sale.Lobby)
	fans := l.crowd(3)
	v := l.is(fans[1], queue.InLobby)
	if v.Number != nil || v.Ahead != nil || v.ETA != nil {
		t.Errorf("before the draw: number %v, ahead %v, eta %v", v.Number, v.Ahead, v.ETA)
	}
	l.exec(`UPDATE sales SET lobby_opens_at = now() - interval '1 hour' WHERE event_id = $1`, l.event)
	advance("opens_at", sale.Open)
	if s := l.snap(); s.LobbySize == nil || *s.LobbySize != 3 {
		t.Errorf("lobby size %v, want 3", s.LobbySize)
	}
	numbers := l.verifies(l.snap())
	if v := l.is(fans[1], queue.Waiting); v.Number == nil || *v.Number != numbers[2] || *v.Ahead != numbers[2]-1 || v.ETA == nil {
		t.Errorf("after opening: %+v", v)
	}
	l.step()
	for i, fan := range fans {
		if numbers[int64(i+1)] == 1 {
			l.is(fan, queue.Called)
		}
	}
	l.exec(`UPDATE sales SET opens_at = now() - interval '30 minutes' WHERE event_id = $1`, l.event)
	advance("closes_at", sale.Ended)
	for _, fan := range fans {
		l.is(fan, queue.Done)
	}
	_, err := l.queue.Enter(t.Context(), l.snap(), fans[0])
	wantCode(t, err, "not_admitted")
}

func TestOpenIsForLobbyAndScheduledOnly(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), nil)
	_, err := l.queue.Open(t.Context(), l.event, l.by)
	wantCode(t, err, "invalid_transition")
	if _, err := l.sales.Pause(t.Context(), l.event, l.by); err != nil {
		t.Fatal(err)
	}
	_, err = l.queue.Open(t.Context(), l.event, l.by)
	wantCode(t, err, "invalid_transition")
	_, err = l.queue.Open(t.Context(), uuid.New(), l.by)
	wantCode(t, err, "event_not_found")
}

func TestHistoryShowsStepsAndReturns(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.MaxInside = 2 })
	fans := l.crowd(3)
	l.drip()
	l.endTurn(fans[0], time.Minute)
	l.join(fans[0])
	steps, exceptions, err := l.queue.History(t.Context(), l.event, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 1 || steps[0].From != 1 || steps[0].To != 2 {
		t.Errorf("steps %+v", steps)
	}
	if len(exceptions) != 1 || exceptions[0].Rule != "redeem" || exceptions[0].Number != 1 {
		t.Errorf("exceptions %+v", exceptions)
	}
	places, err := l.queue.Places(t.Context(), fans[0])
	if err != nil || !slices.ContainsFunc(places, func(v queue.View) bool { return v.EventID == l.event }) {
		t.Errorf("places %+v, %v", places, err)
	}
}
