package queue_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// hands is a clock that tests move.
type hands struct {
	mu sync.Mutex
	at time.Time
}

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hands) add(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

// window is more than a fan is watched for, in seconds.
const window = 62

// replica is a process of its own beside the line's.
func (l *line) replica(clock *hands) *queue.Service {
	l.t.Helper()
	ring, err := keys.New("a secret of the tests, long enough")
	if err != nil {
		l.t.Fatal(err)
	}
	s := queue.New(queue.Config{DB: l.db, Sales: l.sales, Keys: ring, Issuer: "http://localhost:8080", Now: clock.now})
	closing(l.t, s)
	return s
}

// watchedLine is a line whose replica counts seconds by a clock that the test moves.
func watchedLine(t testing.TB, conn db.Conn, change func(*sale.NewSale)) (*line, *hands) {
	t.Helper()
	l := newLine(t, conn, change)
	clock := &hands{at: time.Now()}
	l.queue = l.replica(clock)
	l.claims = claim.New(claim.Config{DB: conn, Sales: l.sales, Queue: l.queue})
	return l, clock
}

// watch lets seconds pass in a line that stands still; every ten of them the present poll.
func (l *line) watch(clock *hands, seconds int, replicas []*queue.Service, present ...uuid.UUID) {
	l.t.Helper()
	if _, err := l.sales.Pause(l.t.Context(), l.event, l.by); err != nil {
		l.t.Fatal(err)
	}
	l.snap()
	for i := range seconds {
		clock.add(time.Second)
		for _, r := range replicas {
			if i%10 == 1 {
				for _, fan := range present {
					if _, err := r.Status(l.t.Context(), l.snap(), fan); err != nil {
						l.t.Fatal(err)
					}
				}
			}
			if err := r.PublishPresence(l.t.Context()); err != nil {
				l.t.Fatal(err)
			}
			if err := r.Drip(l.t.Context(), nil); err != nil {
				l.t.Fatal(err)
			}
		}
	}
	if _, err := l.sales.Resume(l.t.Context(), l.event, l.by); err != nil {
		l.t.Fatal(err)
	}
}

// absent are the arrivals that were called while absent and have not come.
func (l *line) absent() (arrivals []int64) {
	l.t.Helper()
	err := l.db.QueryRow(l.t.Context(), `SELECT array_agg(arrival ORDER BY arrival) FROM spots WHERE event_id = $1 AND status = 'called' AND absent`, l.event).Scan(&arrivals)
	if err != nil {
		l.t.Fatal(err)
	}
	return arrivals
}

func equal(t testing.TB, what string, got []int64, want ...int64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
}

// The absent are called, keep their number, and hold nobody up.
func TestTheAbsentAreCalledWithoutRoom(t *testing.T) {
	t.Parallel()
	l, clock := watchedLine(t, dbtest.Pool(t), func(n *sale.NewSale) { n.Terms.MaxInside = 2 })
	fans := l.crowd(6)
	l.watch(clock, window, []*queue.Service{l.queue}, fans[1], fans[3], fans[4], fans[5])
	l.drip()
	if l.serving() != 4 {
		t.Fatalf("serving %d, want 4", l.serving())
	}
	equal(t, "called while absent", l.absent(), 1, 3)
	l.is(fans[1], queue.Called)
	l.is(fans[3], queue.Called)
	l.is(fans[4], queue.Waiting)
	l.drip()
	if l.serving() != 4 {
		t.Fatalf("with a full room serving went to %d", l.serving())
	}
	// Number 1 comes in time: there is no room, so they are the next.
	if v := l.is(fans[0], queue.Waiting); !v.Redeems || *v.Number != 1 || *v.Ahead != 0 || v.Admission != nil {
		t.Errorf("came to a full room: %+v", v)
	}
	l.drip()
	l.is(fans[0], queue.Waiting)
	if err := l.queue.Leave(t.Context(), l.snap(), fans[1]); err != nil {
		t.Fatal(err)
	}
	l.drip()
	l.is(fans[0], queue.Called)
	l.is(fans[4], queue.Waiting)
	// Number 3 comes when there is room: an ordinary turn.
	if err := l.queue.Leave(t.Context(), l.snap(), fans[3]); err != nil {
		t.Fatal(err)
	}
	_, err := l.queue.Extend(t.Context(), l.snap(), fans[2])
	if err != nil {
		t.Fatal(err)
	}
	if v := l.is(fans[2], queue.Called); v.Admission == nil || v.Extendable {
		t.Errorf("came in time: %+v", v)
	}
	l.enter(fans[2])
	l.drip()
	l.is(fans[4], queue.Waiting)
	if n := l.int(`SELECT count(*) FROM ledger WHERE event_id = $1 AND kind = 'called' AND body->'absent' = '[1, 3]'`, l.event); n != 1 {
		t.Errorf("the step that called the absent is %d times in the ledger", n)
	}
	if n := l.int(`SELECT count(*) FROM ledger WHERE event_id = $1 AND kind = 'returned' AND body->>'rule' = 'redeem' AND body->>'number' = '1'`, l.event); n != 1 {
		t.Errorf("the return of number 1 is %d times in the ledger", n)
	}
	l.audited()
}

// Who was called while absent and does nothing has missed the turn like everybody; a claim lets nobody in who has not come.
func TestTheAbsentMissTheirTurn(t *testing.T) {
	t.Parallel()
	l, clock := watchedLine(t, dbtest.Pool(t), nil)
	fans := l.crowd(2)
	l.watch(clock, window, []*queue.Service{l.queue}, fans[1])
	l.drip()
	equal(t, "called while absent", l.absent(), 1)
	snap := l.snap()
	_, err := l.claims.Hold(t.Context(), snap, fans[0], claim.Request{TierID: snap.Tiers[0].ID, Quantity: 1})
	wantCode(t, err, "not_admitted")
	l.endTurn(fans[0], time.Second)
	l.is(fans[0], queue.Missed)
	v := l.join(fans[0])
	if v.Status != queue.Waiting || !v.Redeems {
		t.Errorf("asked for the turn again: %+v", v)
	}
	l.drip()
	l.is(fans[0], queue.Called)
	equal(t, "called while absent", l.absent())
	l.enter(fans[0])
	l.audited()
}

// A step calls at most max(10, 4 × room) of the absent, and none without room.
func TestTheAbsentAreCalledInBounds(t *testing.T) {
	t.Parallel()
	l, clock := watchedLine(t, dbtest.Pool(t), func(n *sale.NewSale) { n.Terms.MaxInside = 1 })
	fans := l.crowd(40)
	l.watch(clock, window, []*queue.Service{l.queue}, fans[39])
	l.drip()
	if l.serving() != 10 || len(l.absent()) != 10 {
		t.Errorf("with room for 1, serving %d and %d absent, want 10 and 10", l.serving(), len(l.absent()))
	}
	// Room for 5: 20 of the absent.
	if _, err := l.sales.Change(t.Context(), l.event, l.by, sale.Patch{MaxInside: ptr(5)}); err != nil {
		t.Fatal(err)
	}
	l.drip()
	if l.serving() != 30 || len(l.absent()) != 30 {
		t.Errorf("with room for 5, serving %d and %d absent, want 30 and 30", l.serving(), len(l.absent()))
	}
	l.drip()
	l.is(fans[39], queue.Called)
	if len(l.absent()) != 39 {
		t.Errorf("%d absent, want 39", len(l.absent()))
	}
	more := l.crowd(3)
	if _, err := l.sales.Change(t.Context(), l.event, l.by, sale.Patch{MaxInside: ptr(1)}); err != nil {
		t.Fatal(err)
	}
	l.watch(clock, window, []*queue.Service{l.queue}, more[2])
	l.drip()
	if l.serving() != 40 {
		t.Errorf("without room serving went to %d", l.serving())
	}
	l.audited()
}

// Nobody is absent without proof: whatever happened to those who watch, a window passes first.
func TestAbsenceNeedsProof(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		// happens comes after a window without a sign; want is who is absent in the step that follows.
		happens func(t *testing.T, l *line, clock *hands, other *queue.Service)
		want    []int64
	}{
		"nothing":            {func(*testing.T, *line, *hands, *queue.Service) {}, []int64{1, 2}},
		"a window too short": {nil, nil},
		"a new leader": {func(_ *testing.T, l *line, clock *hands, _ *queue.Service) {
			l.queue = l.replica(clock)
		}, nil},
		"the leader was away": {func(_ *testing.T, l *line, clock *hands, other *queue.Service) {
			clock.add(6 * time.Second)
			l.publish(l.queue, other)
		}, nil},
		"a sign to one of the replicas": {func(t *testing.T, l *line, _ *hands, other *queue.Service) {
			other.Seen(l.event, 2)
			l.publish(other)
		}, []int64{1}},
		"a replica that vanished": {func(_ *testing.T, l *line, _ *hands, _ *queue.Service) {
			l.exec(`UPDATE presence SET at = at - interval '10 seconds' WHERE replica = (SELECT min(replica::text)::uuid FROM presence)`)
		}, nil},
		"a replica that vanished long ago": {func(_ *testing.T, l *line, _ *hands, _ *queue.Service) {
			l.exec(`UPDATE presence SET at = at - interval '2 minutes' WHERE replica = (SELECT min(replica::text)::uuid FROM presence)`)
		}, []int64{1, 2}},
		"a new replica": {func(_ *testing.T, l *line, clock *hands, _ *queue.Service) {
			l.publish(l.replica(clock))
		}, nil},
		"a replica that stood still": {func(t *testing.T, l *line, clock *hands, other *queue.Service) {
			for range 6 {
				clock.add(time.Second)
				l.publish(l.queue)
				l.led()
			}
			l.publish(other)
		}, nil},
		"a table emptied by a crash": {func(_ *testing.T, l *line, _ *hands, other *queue.Service) {
			l.exec(`DELETE FROM presence`)
			l.publish(l.queue, other)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, clock := watchedLine(t, dbtest.Tx(t), nil)
			fans := l.crowd(3)
			other := l.replica(clock)
			seconds := window
			if c.happens == nil {
				seconds = window - 10
			}
			l.watch(clock, seconds, []*queue.Service{l.queue, other}, fans[2])
			if c.happens != nil {
				c.happens(t, l, clock, other)
			}
			l.drip()
			if l.serving() != 3 {
				t.Fatalf("serving %d, want 3", l.serving())
			}
			equal(t, "called while absent", l.absent(), c.want...)
		})
	}
}

func (l *line) publish(replicas ...*queue.Service) {
	l.t.Helper()
	for _, r := range replicas {
		if err := r.PublishPresence(l.t.Context()); err != nil {
			l.t.Fatal(err)
		}
	}
}

// led makes a round of steps that calls nobody.
func (l *line) led() {
	l.t.Helper()
	l.exec(`UPDATE queue_heads SET credit = 0, credit_at = clock_timestamp() + interval '1 hour' WHERE event_id = $1`, l.event)
	l.step()
	l.exec(`UPDATE queue_heads SET credit_at = clock_timestamp() WHERE event_id = $1`, l.event)
}

// A poll that is answered from memory is a sign.
func TestAPollFromMemoryIsASign(t *testing.T) {
	t.Parallel()
	l, clock := watchedLine(t, dbtest.Tx(t), nil)
	fans := l.crowd(2)
	if err := l.queue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	spot, err := l.queue.SpotOf(t.Context(), l.snap(), fans[1])
	if err != nil {
		t.Fatal(err)
	}
	l.watch(clock, window, []*queue.Service{l.queue})
	if err := l.queue.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, err := l.queue.StatusOf(t.Context(), l.snap(), spot); err != nil || v.Status != queue.Waiting {
		t.Fatalf("%+v, %v", v, err)
	}
	l.publish(l.queue)
	l.drip()
	equal(t, "called while absent", l.absent(), 1)
}

// Everybody who was called while absent returns at once, by two replicas, and wants in: no more than the room has.
func TestTheAbsentReturnAtOnce(t *testing.T) {
	t.Parallel()
	const room = 20
	many := dbtest.Size(400, 5000)
	l, clock := watchedLine(t, dbtest.Pool(t), func(n *sale.NewSale) {
		n.Terms.MaxInside, n.Tiers[0].Capacity = room, 50_000
		n.Terms.AdmitPerMinute = 6000 // a pace at which all of them are watched
	})
	fans := l.joinAll(many)
	l.watch(clock, window, []*queue.Service{l.queue})
	for l.serving() < int64(many) {
		before := l.serving()
		if err := l.queue.PublishPresence(t.Context()); err != nil { // what it said before is too old by now, perhaps
			t.Fatal(err)
		}
		l.drip()
		if l.serving() == before {
			t.Fatalf("the line stands still at %d", before)
		}
	}
	if n := len(l.absent()); n != many {
		t.Fatalf("%d were called while absent, want %d", n, many)
	}
	services := []*queue.Service{l.queue, l.replica(clock)}
	snap := l.snap()
	var in, next int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, fan := range fans {
		wg.Go(func() {
			s := services[i%2]
			if i%3 == 0 {
				if _, err := s.Status(t.Context(), snap, fan); err != nil {
					t.Error(err)
				}
			}
			v, err := s.Enter(t.Context(), snap, fan)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && v.Status == queue.Inside:
				in++
			case fault.Code(err) == "not_admitted":
				next++
			default:
				t.Errorf("%+v, %v", v.Status, err)
			}
		})
	}
	wg.Wait()
	if in != room || next != many-room {
		t.Errorf("%d are inside and %d are next, want %d and %d", in, next, room, many-room)
	}
	if n := l.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND (status = 'inside' OR status = 'called' AND NOT absent)`, l.event); n != room {
		t.Errorf("%d take up the room, want %d", n, room)
	}
	if n := l.int(`SELECT count(DISTINCT again_seq) FROM spots WHERE event_id = $1 AND again = 'redeem'`, l.event); n != int64(many-room) {
		t.Errorf("%d have an order among them, want %d", n, many-room)
	}
	// Whoever found no room is called before anybody else.
	late := l.crowd(1)[0]
	l.exec(`UPDATE spots SET status = 'done' WHERE event_id = $1 AND status = 'inside'`, l.event)
	l.drip()
	l.is(late, queue.Waiting)
	if n := l.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND status = 'called' AND NOT absent`, l.event); n != room {
		t.Errorf("%d were called, want %d", n, room)
	}
	l.audited()
}

// joinAll lets fans join at once.
func (l *line) joinAll(n int) []uuid.UUID {
	l.t.Helper()
	fans := l.fans(n)
	snap := l.snap()
	var wg sync.WaitGroup
	for _, fan := range fans {
		wg.Go(func() {
			if _, _, err := l.queue.Join(l.t.Context(), snap, fan); err != nil {
				l.t.Error(err)
			}
		})
	}
	wg.Wait()
	return fans
}
