package api

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/account"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/web/stream"
)

// gaze is a fan whose place the test sets; it notes when it was looked at.
type gaze struct {
	mu     sync.Mutex
	place  queue.View
	at     []time.Time
	signs  []int64
	signed []time.Time
}

func (g *gaze) looks() *looks {
	return newLooks(func(v *viewer) []byte {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.at = append(g.at, time.Now())
		return v.saw(g.place)
	}, func(_ *viewer, number int64) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.signs, g.signed = append(g.signs, number), append(g.signed, time.Now())
	})
}

func (g *gaze) set(status queue.Status, state sale.State, number, serving int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.place = queue.View{SpotID: uuid.New(), Status: status, State: state, Serving: serving}
	if number > 0 {
		g.place.Number = &number
	}
}

// looked returns when it was looked at since the last call.
func (g *gaze) looked() []time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.at
	g.at = nil
	return at
}

// line is a hub with one stream of the fan.
type line struct {
	*gaze
	h     *hub
	f     *feed
	event uuid.UUID
	w     *recorder
	leave func()
}

func newLine(t *testing.T, g *gaze, first *sale.Snapshot) *line {
	l := &line{gaze: g, f: &feed{ch: make(chan *sale.Snapshot)}, event: first.ID()}
	l.h = newHub(l.f.follow, g.looks(), stream.Config{})
	l.w, l.leave = l.h.stream(t, first, func(r *room) *viewer { return newViewer(r, account.Identity{}, queue.Spot{}) })
	synctest.Wait()
	l.w.heard()
	return l
}

func (l *line) end() {
	l.leave()
	l.h.close()
}

// serve lets a tick be told and looked after.
func (l *line) serve(state sale.State, serving int64) string {
	s := shot(l.event, serving, 1000)
	s.State = state
	l.f.ch <- s
	time.Sleep(1100 * time.Millisecond)
	synctest.Wait()
	return l.w.heard()
}

func TestATurnIsToldOnceWhenServingReachesTheNumber(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gaze{}
		g.set(queue.Waiting, sale.Open, 5, 1)
		l := newLine(t, g, shot(uuid.New(), 1, 1000))
		if n := len(g.looked()); n != 1 {
			t.Fatalf("looked at %d times", n)
		}
		for serving := int64(2); serving < 5; serving++ {
			if got := l.serve(sale.Open, serving); strings.Contains(got, "turn") {
				t.Fatalf("at %d came %q", serving, got)
			}
		}
		if n := len(g.looked()); n != 0 {
			t.Fatalf("looked at %d times although it was not their turn", n)
		}
		g.set(queue.Called, sale.Open, 5, 5)
		if got := l.serve(sale.Open, 5); strings.Count(got, "event: turn\ndata: {\"number\":5}\n\n") != 1 {
			t.Fatalf("at 5 came %q", got)
		}
		time.Sleep(20 * time.Second)
		if got := l.w.heard(); strings.Contains(got, "turn") {
			t.Fatalf("told again: %q", got)
		}
		// A missed turn is asked for again, and told again.
		g.set(queue.Missed, sale.Open, 5, 5)
		time.Sleep(10 * time.Second)
		g.set(queue.Waiting, sale.Open, 5, 5)
		time.Sleep(10 * time.Second)
		g.set(queue.Called, sale.Open, 5, 5)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := l.w.heard(); strings.Count(got, "event: turn\n") != 1 {
			t.Fatalf("after another turn came %q", got)
		}
		l.end()
	})
}

// A turn lasts thirty seconds at least: who waits for another one must not hear of it after half of that.
func TestWhoWaitsForAnotherTurnIsLookedAtOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gaze{}
		g.set(queue.Waiting, sale.Open, 3, 7)
		l := newLine(t, g, shot(uuid.New(), 7, 1000))
		time.Sleep(5 * time.Minute)
		at := g.looked()
		for i := 1; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap < lookAgain || gap > 8*time.Second {
				t.Errorf("looked at after %s", gap)
			}
		}
		if len(at) < 30 {
			t.Errorf("looked at %d times", len(at))
		}
		// Whose time is over is looked at seldom.
		g.set(queue.Done, sale.Open, 3, 7)
		time.Sleep(time.Minute)
		g.looked()
		time.Sleep(5 * time.Minute)
		if n := len(g.looked()); n < 10 || n > 15 {
			t.Errorf("looked at %d times in five minutes", n)
		}
		l.end()
	})
}

func TestALobbyIsLookedAtWhenItOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gaze{}
		g.set(queue.InLobby, sale.Lobby, 0, 0)
		first := shot(uuid.New(), 0, 1000)
		first.State = sale.Lobby
		l := newLine(t, g, first)
		time.Sleep(10 * time.Minute)
		if n := len(g.looked()); n != 1 {
			t.Fatalf("looked at %d times in the lobby", n)
		}
		g.set(queue.Waiting, sale.Open, 40, 0)
		l.serve(sale.Open, 0)
		if n := len(g.looked()); n != 1 {
			t.Fatalf("looked at %d times at the opening", n)
		}
		g.set(queue.Called, sale.Open, 40, 40)
		if got := l.serve(sale.Open, 40); !strings.Contains(got, `turn`) {
			t.Fatalf("got %q", got)
		}
		l.end()
	})
}

func TestAnOpenStreamIsASignOfWhoWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gaze{}
		g.set(queue.Waiting, sale.Open, 9, 1)
		l := newLine(t, g, shot(uuid.New(), 1, 1000))
		time.Sleep(2 * time.Minute)
		g.mu.Lock()
		if n := len(g.signs); n < 11 || n > 13 || slices.ContainsFunc(g.signs, func(n int64) bool { return n != 9 }) {
			t.Errorf("%v", g.signs)
		}
		for i := 1; i < len(g.signed); i++ {
			if gap := g.signed[i].Sub(g.signed[i-1]); gap > 12*time.Second {
				t.Errorf("no sign for %s", gap)
			}
		}
		g.signs = nil
		g.mu.Unlock()
		l.serve(sale.Open, 9) // whose number was called shows up by looking
		time.Sleep(time.Minute)
		g.mu.Lock()
		if len(g.signs) != 0 {
			t.Errorf("%v", g.signs)
		}
		g.mu.Unlock()
		l.end()
	})
}

// A database that is away keeps every look waiting, and no tick.
func TestLooksThatHangKeepNobodyElseWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		away := make(chan struct{})
		f := &feed{ch: make(chan *sale.Snapshot)}
		h := newHub(f.follow, newLooks(func(*viewer) []byte { <-away; return nil }, func(*viewer, int64) {}), stream.Config{})
		first := shot(uuid.New(), 1, 1000)
		fans := make([]*recorder, 3*lookers)
		leave := make([]func(), len(fans))
		for i := range fans {
			fans[i], leave[i] = h.stream(t, first, func(r *room) *viewer { return newViewer(r, account.Identity{}, queue.Spot{}) })
		}
		synctest.Wait()
		for n := int64(2); n < 6; n++ {
			for _, w := range fans {
				w.heard()
			}
			f.ch <- shot(first.ID(), n, 1000)
			time.Sleep(1100 * time.Millisecond)
			synctest.Wait()
			for i, w := range fans {
				if w.heard() != string(h.latest(first.ID()).serving) {
					t.Fatalf("stream %d did not hear %d", i, n)
				}
			}
		}
		close(away)
		for _, f := range leave {
			f()
		}
		h.close()
	})
}

func TestWhoSignedOutHearsOfNoTurn(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	org := s.organizer("org@example.com")
	event, _ := s.open(org, nil)
	token, a := s.somebody("fan@example.com")
	cookie, id := s.accounts.Issue(account.Session, a, time.Hour)
	s.do("POST", "/api/v1/events/"+event+"/queue", token, "").want(201, "")
	s.must(s.sales.Refresh(t.Context()))
	signedOut, _ := s.listen(event, map[string]string{"Cookie": "fq_session=" + cookie})
	stays, _ := s.listen(event, map[string]string{"Authorization": "Bearer " + token})
	s.await(signedOut, "serving", `"serving":0`)
	s.await(stays, "serving", `"serving":0`)
	s.must(s.accounts.Revoke(context.WithoutCancel(t.Context()), id))
	for called := false; !called; {
		s.drip()
		called = s.do("GET", "/api/v1/events/"+event+"/queue", token, "").get("spot", "status") == "called"
	}
	s.await(stays, "turn", `{"number":1}`)
	s.await(signedOut, "serving", `"serving":1`) // it goes on as everybody's
	s.api.CloseStreams()
	for m := range signedOut {
		if m.event == "turn" {
			t.Errorf("got %q", m.raw)
		}
	}
}
