package api

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
	"fairqueue/web/stream"
)

// hub makes ticks: one room an event that somebody listens to.
type hub struct {
	follow  func(event uuid.UUID) (<-chan *sale.Snapshot, func())
	streams *stream.Hub
	looks   *looks

	mu     sync.Mutex
	rooms  map[uuid.UUID]*room
	closed bool
	// done ends every room.
	done chan struct{}
	wg   sync.WaitGroup
}

// newHub returns a hub; looks are done for the fans behind its streams.
func newHub(follow func(event uuid.UUID) (<-chan *sale.Snapshot, func()), l *looks, cfg stream.Config) *hub {
	return &hub{
		follow: follow, streams: stream.New(cfg), looks: l,
		rooms: map[uuid.UUID]*room{}, done: make(chan struct{}),
	}
}

// spare is how many open files are left for everything that is no stream: a
// server that runs out of them takes no joins either. A twenty-fifth, at least 200.
func spare(files uint64) int { return int(max(files/25, 200)) }

// mostStreams follows from the number of files that the process may open.
func mostStreams() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<24 {
		return 0
	}
	return max(int(limit.Cur)-spare(limit.Cur), 1)
}

// room is one event: a goroutine that follows its snapshots while it has streams.
type room struct {
	hub    *hub
	event  uuid.UUID
	key    string // event as text
	topic  *stream.Topic
	latest atomic.Pointer[tick]
	stop   chan struct{}
}

// enter returns the room of a snapshot's event, with one stream counted: serve
// must follow.
func (h *hub) enter(s *sale.Snapshot) (*room, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errStopping
	}
	if r, ok := h.rooms[s.ID()]; ok && r.topic.Enter() {
		return r, nil
	}
	r := &room{hub: h, event: s.ID(), key: s.ID().String(), stop: make(chan struct{})}
	first := firstTick(s, time.Now())
	r.latest.Store(first)
	r.topic = h.streams.Topic(first.told(), func() { h.leave(r) })
	h.rooms[r.event] = r
	h.wg.Go(r.run)
	return r, nil
}

// leave ends a room without streams.
func (h *hub) leave(r *room) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.event] == r {
		delete(h.rooms, r.event)
	}
	close(r.stop)
}

// serve answers a request with the stream of the room; v is the fan behind it,
// nil for none.
func (r *room) serve(w http.ResponseWriter, req *http.Request, v *viewer) error {
	var l stream.Listener
	if v != nil {
		l = v
	}
	err := r.hub.streams.Serve(w, req, r.topic, l)
	switch {
	case errors.Is(err, stream.ErrClosed):
		return errStopping
	case errors.Is(err, stream.ErrFull):
		return errFull
	}
	return err
}

func (h *hub) count() int { return h.streams.Open() }

// close ends everything and waits for it.
func (h *hub) close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
	h.mu.Unlock()
	h.streams.Close()
	h.looks.close()
	h.wg.Wait()
}

// pace is the shortest time between two ticks: longer when telling them takes
// more than a quarter of it.
func (h *hub) pace() time.Duration { return paceFor(h.streams.Took()) }

func paceFor(took time.Duration) time.Duration { return max(tickEvery, min(4*took, 10*tickEvery)) }

// run publishes ticks until the last stream has ended.
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
				// The sale service is gone; streams keep what they have.
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
		is, wait := was.after(newest, time.Now(), r.hub.pace())
		if is != was {
			r.latest.Store(is)
			r.topic.Publish(is.told())
		}
		if wait > 0 {
			later.Reset(wait)
		}
	}
}

// told is the tick as the streams hear it.
func (t *tick) told() stream.Tick {
	return stream.Tick{Pulse: t.serving, News: t.notice, Reach: t.reach()}
}
