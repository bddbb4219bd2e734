package api

import (
	"encoding/json"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

const (
	// tickEvery is the shortest time between two messages of a kind.
	tickEvery = time.Second
	// stockEvery is tickEvery for figures of stock, which change with every
	// claim near the end and would cost a fan on a metered line too much.
	stockEvery = 5 * time.Second
)

// tick is what everybody hears of an event: the latest message of each kind,
// encoded once. It is never changed after it was published.
type tick struct {
	serving, notice       []byte
	servingSeq, noticeSeq uint64
	// What the messages say.
	number   int64
	state    sale.State
	said     notice
	servedAt time.Time
	saidAt   time.Time
}

// hub makes ticks: one room an event that somebody listens to.
type hub struct {
	follow func(event uuid.UUID) (<-chan *sale.Snapshot, func())

	mu     sync.Mutex
	rooms  map[uuid.UUID]*room
	closed bool
	// done ends every room and every listener.
	done chan struct{}
	wg   sync.WaitGroup
	n    atomic.Int64
}

func newHub(follow func(event uuid.UUID) (<-chan *sale.Snapshot, func())) *hub {
	return &hub{follow: follow, rooms: map[uuid.UUID]*room{}, done: make(chan struct{})}
}

// room is one event: a goroutine that follows its snapshots while it has listeners.
type room struct {
	hub       *hub
	event     uuid.UUID
	latest    atomic.Pointer[tick]
	listeners map[*listener]struct{} // under hub.mu
	stop      chan struct{}
}

// listener is one stream: it is woken and reads the room's latest tick.
type listener struct {
	room *room
	wake chan struct{}
}

// join adds a listener to the event of a snapshot; leave must follow.
func (h *hub) join(s *sale.Snapshot) (*listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errStopping
	}
	r, ok := h.rooms[s.ID()]
	if !ok {
		r = &room{hub: h, event: s.ID(), listeners: map[*listener]struct{}{}, stop: make(chan struct{})}
		r.latest.Store(firstTick(s, time.Now()))
		h.rooms[r.event] = r
		h.wg.Go(r.run)
	}
	l := &listener{room: r, wake: make(chan struct{}, 1)}
	r.listeners[l] = struct{}{}
	h.wg.Add(1)
	h.n.Add(1)
	return l, nil
}

func (l *listener) leave() {
	h := l.room.hub
	h.mu.Lock()
	delete(l.room.listeners, l)
	if len(l.room.listeners) == 0 {
		delete(h.rooms, l.room.event)
		close(l.room.stop)
	}
	h.mu.Unlock()
	h.n.Add(-1)
	h.wg.Done()
}

func (h *hub) count() int { return int(h.n.Load()) }

// close ends everything and waits for it.
func (h *hub) close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
	h.mu.Unlock()
	h.wg.Wait()
}

// run publishes ticks until the last listener has left.
func (r *room) run() {
	snapshots, unfollow := r.hub.follow(r.event)
	defer unfollow()
	later := time.NewTimer(time.Hour)
	defer later.Stop()
	var newest *sale.Snapshot
	for {
		select {
		case <-r.stop:
			return
		case <-r.hub.done:
			return
		case s, ok := <-snapshots:
			if !ok {
				// The sale service is gone; listeners keep what they have.
				snapshots = nil
				continue
			}
			newest = s
		case <-later.C:
		}
		if newest == nil {
			continue
		}
		was := r.latest.Load()
		is, wait := was.after(newest, time.Now())
		if is != was {
			r.publish(is)
		}
		if wait > 0 {
			later.Reset(wait)
		}
	}
}

func (r *room) publish(t *tick) {
	r.latest.Store(t)
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	for l := range r.listeners {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

func firstTick(s *sale.Snapshot, now time.Time) *tick {
	t := &tick{}
	t.serve(s, now)
	t.say(noticeOf(s), now)
	return t
}

// after returns the tick that follows from a newer snapshot, t itself if there
// is nothing to tell yet, and how long to wait before asking again.
func (t *tick) after(s *sale.Snapshot, now time.Time) (is *tick, wait time.Duration) {
	is = t
	change := func() *tick {
		if is == t {
			c := *t
			is = &c
		}
		return is
	}
	later := func(d time.Duration) {
		if wait == 0 || d < wait {
			wait = d
		}
	}
	// serving never goes back, whatever an old snapshot says.
	if s.Serving > t.number || s.State != t.state {
		if d := tickEvery - now.Sub(t.servedAt); d > 0 {
			later(d)
		} else {
			change().serve(s, now)
		}
	}
	if n := noticeOf(s); !n.equal(t.said) {
		every := tickEvery
		if n.Message == t.said.Message && n.Reason == t.said.Reason {
			every = stockEvery
		}
		if d := every - now.Sub(t.saidAt); d > 0 {
			later(d)
		} else {
			change().say(n, now)
		}
	}
	return is, wait
}

func (t *tick) serve(s *sale.Snapshot, now time.Time) {
	t.number, t.state, t.servedAt = max(t.number, s.Serving), s.State, now
	t.servingSeq++
	t.serving = frame("serving", servingData{
		Serving: t.number, State: string(s.State), Rate: math.Round(s.Rate*10) / 10, At: s.At.UTC().Truncate(time.Millisecond),
	})
}

func (t *tick) say(n notice, now time.Time) {
	t.said, t.saidAt = n, now
	t.noticeSeq++
	t.notice = frame("notice", n)
}

// servingData stays within 200 bytes framed.
type servingData struct {
	Serving int64     `json:"serving"`
	State   string    `json:"state"`
	Rate    float64   `json:"rate" doc:"Numbers called a minute, measured; 0 for unknown."`
	At      time.Time `json:"at"`
}

type notice struct {
	Message  string     `json:"message"`
	LowStock []lowStock `json:"low_stock" nullable:"false"`
	Reason   string     `json:"reason" enum:",not_open,paused,held,sold_out,ended" doc:"Why nobody is called at the moment; empty while people are."`
}

type lowStock struct {
	Tier int `json:"tier" doc:"Index in the event's tiers, from 0."`
	Left int `json:"left"`
}

func (n notice) equal(o notice) bool {
	if n.Message != o.Message || n.Reason != o.Reason || len(n.LowStock) != len(o.LowStock) {
		return false
	}
	for i := range n.LowStock {
		if n.LowStock[i] != o.LowStock[i] {
			return false
		}
	}
	return true
}

// noticeOf is what is worth telling about a sale besides its numbers. A tier
// is low from a tenth of its capacity, at least ten, downward.
func noticeOf(s *sale.Snapshot) notice {
	n := notice{Message: s.Message, LowStock: []lowStock{}}
	for i, t := range s.Tiers {
		if t.Available <= max(10, t.Capacity/10) && t.Available < t.Capacity {
			n.LowStock = append(n.LowStock, lowStock{i, t.Available})
		}
	}
	switch s.State {
	case sale.Draft, sale.Scheduled, sale.Lobby:
		n.Reason = "not_open"
	case sale.Paused:
		n.Reason = "paused"
	case sale.SoldOut:
		n.Reason = "sold_out"
	case sale.Ended:
		n.Reason = "ended"
	case sale.Open:
		if s.Available() == 0 {
			n.Reason = "held"
		}
	}
	return n
}

// frame encodes one message of an event stream.
func frame(event string, data any) []byte {
	b, err := json.Marshal(data)
	if err != nil {
		// The types above hold nothing that cannot be marshalled, but a float
		// may be NaN; nothing is better than half a frame.
		return nil
	}
	return append(append([]byte("event: "+event+"\ndata: "), b...), "\n\n"...)
}

func turnFrame(number int64) []byte {
	return []byte("event: turn\ndata: {\"number\":" + strconv.FormatInt(number, 10) + "}\n\n")
}
