package queue_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// A missed turn that is asked for again within the grace is the next one.
func TestRedeemedTurnIsNext(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.MaxInside = 2 })
	fans := l.crowd(6)
	l.drip()
	l.endTurn(fans[0], time.Minute)
	v := l.is(fans[0], queue.Missed)
	if v.GraceEndsAt == nil || !v.GraceEndsAt.After(time.Now()) || v.Admission != nil {
		t.Errorf("missed: %+v", v)
	}
	l.drip() // number 3 takes the room
	for range 3 {
		v = l.join(fans[0]) // clicks again and again
	}
	if v.Status != queue.Waiting || v.Arrival != 1 || *v.Number != 1 || *v.Ahead != 0 {
		t.Errorf("asked again: %+v", v)
	}
	if n := l.int(`SELECT count(*) FROM ledger WHERE event_id = $1 AND kind = 'returned'`, l.event); n != 1 {
		t.Errorf("%d returns in the ledger, want 1", n)
	}
	l.drip()
	l.is(fans[0], queue.Waiting) // no room yet
	l.endTurn(fans[1], time.Minute)
	l.drip()
	l.is(fans[0], queue.Called)
	l.is(fans[3], queue.Waiting)
	l.enter(fans[0])
}

func TestMissedTurnIsOverAfterTheGrace(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), nil)
	fans := l.crowd(1)
	l.drip()
	l.endTurn(fans[0], 11*time.Minute)
	l.is(fans[0], queue.Done)
	_, err := l.queue.Enter(t.Context(), l.snap(), fans[0])
	wantCode(t, err, "admission_expired")
	l.drip() // writes it down, and nothing changes
	l.is(fans[0], queue.Done)
}

// Whoever left goes behind everybody who waits, and before everybody who comes later.
func TestReturnGoesBehindEverybody(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.MaxInside = 1 })
	fans := l.crowd(4)
	if err := l.queue.Leave(t.Context(), l.snap(), fans[1]); err != nil {
		t.Fatal(err)
	}
	if err := l.queue.Leave(t.Context(), l.snap(), fans[1]); err != nil {
		t.Errorf("leaving twice: %v", err)
	}
	l.is(fans[1], queue.Left)
	v := l.join(fans[1])
	if v.Status != queue.Waiting || v.Arrival != 2 || *v.Number != 2 || *v.Ahead != 4 {
		t.Errorf("returned: arrival %d, number %d, ahead %d, %s", v.Arrival, *v.Number, *v.Ahead, v.Status)
	}
	late := l.crowd(1)[0]
	var order []uuid.UUID
	for range 6 {
		l.drip()
		for _, fan := range append(fans[:4:4], late) {
			if l.status(fan).Status == queue.Called {
				order = append(order, fan)
				l.endTurn(fan, time.Hour)
			}
		}
	}
	want := []uuid.UUID{fans[0], fans[2], fans[3], fans[1], late}
	if len(order) != len(want) {
		t.Fatalf("%d were called, want %d", len(order), len(want))
	}
	for i := range want {
		if order[i] != want[i] {
			t.Errorf("call %d went to the wrong fan", i+1)
		}
	}
	// The lower number was called after higher ones: disclosed in the ledger.
	if n := l.int(`SELECT count(*) FROM ledger WHERE event_id = $1 AND kind = 'called' AND body->'again' = '[2]'`, l.event); n != 1 {
		t.Errorf("the step that called number 2 again is %d times in the ledger", n)
	}
}

func TestLeavingTheLobbyCanBeUndone(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) {
		lobby := time.Now().Add(-time.Minute)
		n.Terms.LobbyOpensAt, n.Terms.OpensAt = &lobby, time.Now().Add(time.Hour)
	})
	fans := l.crowd(2)
	if err := l.queue.Leave(t.Context(), l.snap(), fans[0]); err != nil {
		t.Fatal(err)
	}
	v := l.join(fans[0])
	if v.Status != queue.InLobby || v.Arrival != 1 || *v.Number != 1 || *v.Ahead != 0 {
		t.Errorf("%+v", v)
	}
	if v.ETA == nil || v.ETA.Low < 59*time.Minute {
		t.Errorf("eta %v before opening in an hour", v.ETA)
	}
}

func TestDoneWithTheLimitBoughtIsOver(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.MaxTicketsPerFan = 2 })
	fans := l.crowd(2)
	l.drip()
	for i, quantity := range []int{2, 1} {
		c := l.hold(fans[i], quantity)
		l.exec(`UPDATE units SET state = 'sold', held_until = NULL WHERE claim_id = $1`, c.ID)
		l.exec(`UPDATE claims SET status = 'paid' WHERE id = $1`, c.ID)
	}
	tx, err := l.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.queue.FinishTx(t.Context(), tx, l.event, fans[0]); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.is(fans[0], queue.Done)
	if v := l.join(fans[0]); v.Status != queue.Done || v.LimitLeft {
		t.Errorf("with the limit bought, joining again gives %s", v.Status)
	}
	// The other has one ticket left to buy.
	l.endTurn(fans[1], time.Minute)
	if v := l.is(fans[1], queue.Done); !v.LimitLeft {
		t.Error("no limit left after one of two")
	}
	if v := l.join(fans[1]); v.Status != queue.Waiting {
		t.Errorf("asked for another turn: %s", v.Status)
	}
	l.drip()
	l.is(fans[1], queue.Called)
}

func TestEnterOnlyWhenCalled(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.MaxInside = 1 })
	stranger := l.fans(1)[0]
	fans := l.crowd(2)
	l.drip()
	for _, who := range []uuid.UUID{stranger, fans[1]} {
		_, err := l.queue.Enter(t.Context(), l.snap(), who)
		wantCode(t, err, "not_admitted")
	}
	called := l.is(fans[0], queue.Called)
	in := l.enter(fans[0])
	if in.Status != queue.Inside || in.Admission == nil || in.Admission.Token != called.Admission.Token {
		t.Errorf("inside with another token, or none: %+v", in)
	}
	l.enter(fans[0])
	l.endTurn(fans[0], time.Minute)
	_, err := l.queue.Enter(t.Context(), l.snap(), fans[0])
	wantCode(t, err, "admission_expired")
	_, err = l.queue.Status(t.Context(), l.snap(), stranger)
	wantCode(t, err, "not_in_queue")
	wantCode(t, l.queue.Leave(t.Context(), l.snap(), stranger), "not_in_queue")
}

func TestTokensAreBound(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), nil)
	fans := l.crowd(2)
	l.drip()
	v := l.is(fans[0], queue.Called)
	token := v.Admission.Token
	spot, err := l.queue.CheckToken(token, l.event, fans[0])
	if err != nil || spot != v.SpotID {
		t.Fatalf("spot %s, %v", spot, err)
	}
	// A second process on another port, as `set -a; . .data/env; FAIRQUEUE_ADDR=:8081 fairqueue serve` starts it.
	other := newServiceAt(t, l.db, l.sales, "http://localhost:8081")
	if spot, err := other.CheckToken(token, l.event, fans[0]); err != nil || spot != v.SpotID {
		t.Errorf("another process refuses the token: %s, %v", spot, err)
	}
	parts := strings.Split(token, ".")
	forged := parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2]))
	none := "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + parts[1] + "."
	for name, try := range map[string]struct {
		token          string
		event, account uuid.UUID
	}{
		"forged":        {forged, l.event, fans[0]},
		"none":          {none, l.event, fans[0]},
		"empty":         {"", l.event, fans[0]},
		"garbage":       {"a.b.c", l.event, fans[0]},
		"another fan":   {token, l.event, fans[1]},
		"another event": {token, uuid.New(), fans[0]},
	} {
		if _, err := l.queue.CheckToken(try.token, try.event, try.account); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			wantCode(t, err, "not_admitted")
		}
	}
	// A token of a turn long past: signed by us, over.
	l.exec(`UPDATE spots SET called_at = called_at - interval '3 hours', turn_ends_at = turn_ends_at - interval '1 hour',
		status = 'inside', entered_at = now(), visit_ends_at = now() - interval '30 minutes' WHERE account_id = $1`, fans[1])
	l.exec(`UPDATE sales SET visit_seconds = 60 WHERE event_id = $1`, l.event)
	snap := l.snap()
	old := l.hold2(fans[1], snap)
	_, err = l.queue.CheckToken(old, l.event, fans[1])
	wantCode(t, err, "admission_expired")
	key, kid := l.queue.PublicKey()
	if len(key) != 32 || len(kid) != 16 {
		t.Errorf("key of %d bytes, kid %q", len(key), kid)
	}
}

// hold2 gets a token of a visit that only an open claim keeps alive: its exp is past.
func (l *line) hold2(account uuid.UUID, snap *sale.Snapshot) string {
	l.t.Helper()
	spot := l.status(account).SpotID
	l.exec(`INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, expires_at, cap_at, limit_then)
		VALUES ($1, $2, $3, $4, 'held', 0, now() + interval '5 minutes', now() + interval '5 minutes', 4)`, uuid.New(), l.event, account, spot)
	v, err := l.queue.Status(l.t.Context(), snap, account)
	if err != nil || v.Admission == nil {
		l.t.Fatalf("%+v, %v", v, err)
	}
	return v.Admission.Token
}

// Ten tabs enter while the fan leaves: one outcome, no error that is no refusal.
func TestEnterAndLeaveAtOnce(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	fans := l.crowd(1)
	l.drip()
	snap := l.snap()
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			var err error
			if i == 5 {
				err = l.queue.Leave(t.Context(), snap, fans[0])
			} else {
				_, err = l.queue.Enter(t.Context(), snap, fans[0])
			}
			if err != nil {
				wantNot(t, err, "not_admitted")
			}
		})
	}
	wg.Wait()
	l.is(fans[0], queue.Left)
}

func wantNot(t *testing.T, err error, code string) {
	t.Helper()
	if !strings.Contains(err.Error(), code) {
		t.Errorf("error %v", err)
	}
}

func TestPollsComeFromTheServer(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.AdmitPerMinute = 1 })
	fans := l.crowd(30)
	far := l.is(fans[29], queue.Waiting)
	if far.PollAfter < 10*time.Second || far.PollAfter > 15*time.Second {
		t.Errorf("far behind: poll after %s", far.PollAfter)
	}
	if far.ETA == nil || far.ETA.Low > 30*time.Minute || far.ETA.High < 30*time.Minute || far.ETA.High > time.Hour {
		t.Errorf("eta of number 30 at 1 a minute: %+v", far.ETA)
	}
	if near := l.is(fans[0], queue.Waiting); near.PollAfter < 2*time.Second || near.PollAfter > 4*time.Second {
		t.Errorf("next: poll after %s", near.PollAfter)
	}
	l.drip()
	if called := l.is(fans[0], queue.Called); called.PollAfter < 4*time.Second || called.PollAfter > 6*time.Second {
		t.Errorf("called: poll after %s", called.PollAfter)
	}
}
