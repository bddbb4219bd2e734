package queue_test

import (
	"context"
	"math/rand/v2"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// watched counts what is asked of the database, and can hold it back.
type watched struct {
	db.Conn
	asked atomic.Int64
	gate  atomic.Pointer[chan struct{}]
}

func (w *watched) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	w.asked.Add(1)
	if gate := w.gate.Load(); gate != nil {
		<-*gate
	}
	return w.Conn.Query(ctx, sql, args...)
}

// fresh is what a replica does each second.
func (l *line) fresh(services ...*queue.Service) *sale.Snapshot {
	l.t.Helper()
	snap := l.snap()
	for _, s := range append(services, l.queue) {
		if err := s.Refresh(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
	}
	return snap
}

// polled is what a poll says.
func polled(t testing.TB, s *queue.Service, event *sale.Snapshot, account uuid.UUID) queue.View {
	t.Helper()
	spot, err := s.SpotOf(t.Context(), event, account)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.StatusOf(t.Context(), event, spot)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Who waits is answered without the database, however often; who was called is read.
func TestPollsReadNothing(t *testing.T) {
	t.Parallel()
	w := &watched{Conn: dbtest.Pool(t)}
	l := newLine(t, w, func(n *sale.NewSale) { n.Terms.MaxInside = 1 })
	fans := l.crowd(3)
	l.drip()
	snap := l.fresh()
	w.asked.Store(0)
	for range 100 {
		for _, fan := range fans[1:] {
			if v := polled(t, l.queue, snap, fan); v.Status != queue.Waiting || v.Serving != 1 || *v.Ahead != *v.Number-2 {
				t.Fatalf("%+v", v)
			}
		}
	}
	if n := w.asked.Load(); n != 0 {
		t.Errorf("200 polls asked the database %d times", n)
	}
	if v := polled(t, l.queue, snap, fans[0]); v.Status != queue.Called || v.Admission == nil {
		t.Errorf("called: %+v", v)
	}
	if w.asked.Load() == 0 {
		t.Error("a called fan's place did not come from the row")
	}
}

// In every state of a sale and of a spot, memory says what the row says.
func TestMemorySaysWhatTheRowSays(t *testing.T) {
	t.Parallel()
	for _, ordering := range []sale.Ordering{sale.FIFO, sale.Draw} {
		t.Run(string(ordering), func(t *testing.T) {
			t.Parallel()
			lobby := time.Now().Add(-2 * time.Hour)
			l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) {
				n.Terms.Ordering, n.Terms.LobbyOpensAt, n.Terms.OpensAt, n.Terms.MaxInside = ordering, &lobby, time.Now().Add(time.Hour), 2
			})
			fans := l.crowd(8)
			leave := func(fan uuid.UUID) {
				if err := l.queue.Leave(t.Context(), l.snap(), fan); err != nil {
					t.Fatal(err)
				}
			}
			agree := func(when string) {
				t.Helper()
				snap := l.fresh()
				for i, fan := range fans {
					want, err := l.queue.Status(t.Context(), snap, fan)
					if err != nil {
						t.Fatal(err)
					}
					got := polled(t, l.queue, snap, fan)
					for _, v := range []*queue.View{&want, &got} {
						if v.PollAfter < queue.PollLeast || v.PollAfter > queue.PollMost {
							t.Errorf("%s, fan %d: poll after %s", when, i, v.PollAfter)
						}
						v.PollAfter, v.Admission = 0, nil // spread, and made anew
					}
					if !reflect.DeepEqual(got, want) {
						t.Errorf("%s, fan %d:\nmemory %+v\nrow    %+v", when, i, got, want)
					}
				}
			}
			agree("in the lobby")
			leave(fans[6])
			leave(fans[7])
			l.join(fans[7])
			agree("after leaving and undoing it")
			if _, err := l.queue.Open(t.Context(), l.event, l.by); err != nil {
				t.Fatal(err)
			}
			agree("open")
			l.drip()
			agree("after a step")
			for _, fan := range fans {
				if l.status(fan).Status == queue.Called {
					l.enter(fan)
					break
				}
			}
			agree("somebody is inside")
			leave(fans[5])
			agree("somebody left")
			if _, err := l.sales.Pause(t.Context(), l.event, l.by); err != nil {
				t.Fatal(err)
			}
			agree("paused")
			if _, err := l.sales.Resume(t.Context(), l.event, l.by); err != nil {
				t.Fatal(err)
			}
			l.join(fans[5])
			agree("somebody is back, behind all")
			if _, err := l.queue.End(t.Context(), l.event, l.by); err != nil {
				t.Fatal(err)
			}
			agree("ended")
		})
	}
}

// What a fan did on a replica, they find there at once; on the others with the next second.
func TestFansFindWhatTheyDid(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) { n.Terms.MaxInside = 1 })
	other := newService(t, l.db, l.sales)
	fans := l.crowd(3)
	old := l.fresh(other)
	for _, s := range []*queue.Service{l.queue, other} {
		if v := polled(t, s, old, fans[1]); v.Status != queue.Waiting {
			t.Fatalf("%+v", v)
		}
	}
	if err := l.queue.Leave(t.Context(), old, fans[1]); err != nil {
		t.Fatal(err)
	}
	if v := polled(t, l.queue, old, fans[1]); v.Status != queue.Left {
		t.Errorf("here it is %s", v.Status)
	}
	if err := other.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := polled(t, other, old, fans[1]); v.Status != queue.Left {
		t.Errorf("there it is %s", v.Status)
	}
	// The picture is older than the call, and the fan is inside already.
	l.drip()
	if _, err := l.queue.Enter(t.Context(), old, fans[0]); err != nil {
		t.Fatal(err)
	}
	if v := polled(t, l.queue, old, fans[0]); v.Status != queue.Inside {
		t.Errorf("after entering it is %s", v.Status)
	}
	// Joining decides by the row, whatever memory says.
	if err := other.Leave(t.Context(), old, fans[2]); err != nil {
		t.Fatal(err)
	}
	v, created, err := l.queue.Join(t.Context(), old, fans[2])
	if err != nil || created || v.Status != queue.Waiting {
		t.Fatalf("%+v, %v, %v", v, created, err)
	}
	if n := l.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND account_id = $2 AND again = 'behind'`, l.event, fans[2]); n != 1 {
		t.Error("who left elsewhere and joins again was not taken back")
	}
}

// A replica that has not heard from the database for seconds does not answer from memory.
func TestStaleMemoryIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := &watched{Conn: dbtest.Pool(t)}
	l := newLine(t, w, nil)
	fan := l.crowd(1)[0]
	s := newService(t, w, l.sales)
	snap := l.snap()
	ask := func(e *sale.Snapshot) int64 {
		t.Helper()
		if v := polled(t, s, e, fan); v.Status != queue.Waiting {
			t.Fatalf("%+v", v)
		}
		w.asked.Store(0)
		polled(t, s, e, fan)
		return w.asked.Load()
	}
	if ask(snap) == 0 {
		t.Error("believed before it was read once")
	}
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ask(snap) != 0 {
		t.Error("fresh memory was not believed")
	}
	old := *snap
	old.At = old.At.Add(-4 * time.Second)
	if ask(&old) == 0 {
		t.Error("an old picture was believed")
	}
}

// Many first requests at the same moment are a few queries, and everybody gets their own spot.
func TestFirstRequestsAreReadTogether(t *testing.T) {
	t.Parallel()
	w := &watched{Conn: dbtest.Pool(t)}
	l := newLine(t, w, nil)
	fans := l.crowd(200)
	snap := l.fresh()
	s := newService(t, w, l.sales) // has seen nobody
	gate := make(chan struct{})
	w.gate.Store(&gate)
	w.asked.Store(0)
	var wg sync.WaitGroup
	ask := func(i int) {
		wg.Go(func() {
			spot, err := s.SpotOf(t.Context(), snap, fans[i])
			if err != nil || spot.Arrival != int64(i+1) || spot.Account != fans[i] || spot.Event != l.event {
				t.Errorf("%+v, %v", spot, err)
			}
		})
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for !ok() {
			if t.Context().Err() != nil {
				t.Fatal(what)
			}
			runtime.Gosched()
		}
	}
	// Two queries are held back; behind them the others gather.
	for i := range 2 {
		ask(i)
		until("no query", func() bool { return w.asked.Load() == int64(i+1) })
	}
	const tabs = 10
	for range tabs {
		for i := range fans {
			ask(i)
		}
	}
	until("they did not gather", func() bool { return s.Asking(l.event) == tabs*len(fans) })
	close(gate)
	wg.Wait()
	if n := w.asked.Load(); n != 2+4 { // 2,000 in parts of 512
		t.Errorf("%d people asked by %d queries", tabs*len(fans), n)
	}
	stranger := l.fans(1)[0]
	_, err := s.SpotOf(t.Context(), snap, stranger)
	wantCode(t, err, "not_in_queue")
	_, err = s.Status(t.Context(), snap, stranger)
	wantCode(t, err, "not_in_queue")
}

// A signed spot counts for its event, its account and the session it was given with; every byte of it counts.
func TestSignedSpot(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), nil)
	spot := queue.Spot{
		ID: uuid.New(), Event: l.event, Account: uuid.New(), Arrival: 31_204, JoinedAt: time.Now().UTC().Truncate(time.Microsecond),
		Wish: queue.Wish{Tiers: []int{0, 3, 7}, Mail: true},
	}
	mine, others := [16]byte{1}, [16]byte{2}
	text := l.queue.SignSpot(spot, mine)
	if got, ok := l.queue.VerifySpot(text, spot.Event, spot.Account, mine); !ok || !reflect.DeepEqual(got, spot) {
		t.Errorf("%v\n%+v\n%+v", ok, got, spot)
	}
	for what, ok := range map[string]func() bool{
		"another session": func() bool { _, ok := l.queue.VerifySpot(text, spot.Event, spot.Account, others); return ok },
		"another account": func() bool { _, ok := l.queue.VerifySpot(text, spot.Event, uuid.New(), mine); return ok },
		"another event":   func() bool { _, ok := l.queue.VerifySpot(text, uuid.New(), spot.Account, mine); return ok },
		"nothing":         func() bool { _, ok := l.queue.VerifySpot("", spot.Event, spot.Account, mine); return ok },
		"half of it":      func() bool { _, ok := l.queue.VerifySpot(text[:80], spot.Event, spot.Account, mine); return ok },
		"twice":           func() bool { _, ok := l.queue.VerifySpot(text+text, spot.Event, spot.Account, mine); return ok },
	} {
		if ok() {
			t.Errorf("believed: %s", what)
		}
	}
	for i := range text {
		other := byte('A')
		if text[i] == other {
			other = 'B'
		}
		forged := text[:i] + string(other) + text[i+1:]
		if _, ok := l.queue.VerifySpot(forged, spot.Event, spot.Account, mine); ok {
			t.Errorf("believed with another letter at %d", i)
		}
	}
}

func TestSetOfArrivals(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(uint64(dbtest.Seed()), 1)) //nolint:gosec // a test
	var set queue.Arrivals
	in := map[int64]bool{}
	for range 5000 {
		n := rng.Int64N(3_000_000)
		if rng.IntN(2) == 0 {
			n = rng.Int64N(500)
		}
		if set.Has(n) != in[n] {
			t.Fatalf("%d: %v", n, set.Has(n))
		}
		set.Add(n)
		in[n] = true
		if !set.Has(n) {
			t.Fatalf("%d is not in it", n)
		}
	}
	for n := range int64(500) {
		if set.Has(n) != in[n] {
			t.Fatalf("%d: %v", n, set.Has(n))
		}
	}
	set.Add(-1)
	if set.Has(-1) || set.Has(1<<40) {
		t.Error("what is no arrival is in it")
	}
}
