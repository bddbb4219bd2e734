package stream

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Config is how a Hub behaves; the zero value is right for a server.
type Config struct {
	// Writers is the number of goroutines that write; 0: as many as processors, two to eight.
	Writers int
	// Most is how many streams are taken; 0 for no limit.
	Most int
	// Beat is how often each stream is visited at least; 0: a second.
	Beat time.Duration
	// Quiet is the longest a stream says nothing, plus a beat; 0: 15 s.
	Quiet time.Duration
	// Deadline is how long a message may wait for a slow reader; 0: 10 s.
	Deadline time.Duration
	// Lifetime is the shortest and half the longest life of a stream; 0: 15 minutes.
	Lifetime time.Duration
	// UserTimeout is how long the peer may acknowledge nothing; 0: 20 s.
	UserTimeout time.Duration
}

func (c Config) filled() Config {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&c.Beat, time.Second)
	set(&c.Quiet, 15*time.Second)
	set(&c.Deadline, 10*time.Second)
	set(&c.Lifetime, 15*time.Minute)
	set(&c.UserTimeout, 20*time.Second)
	if c.Writers == 0 {
		c.Writers = min(max(2, runtime.GOMAXPROCS(0)), 8)
	}
	return c
}

// ErrClosed is returned by Serve when the hub is closed.
var ErrClosed = errors.New("stream: the hub is closed")

// ErrFull is returned by Serve when the hub has as many streams as it takes.
var ErrFull = errors.New("stream: too many streams")

// Hub holds streams. Close must be called.
type Hub struct {
	cfg     Config
	start   time.Time
	writers []*writer
	turn    atomic.Uint32 // the writer that gets the next stream

	mu     sync.Mutex
	closed bool
	runs   bool // the writers do
	done   chan struct{}
	wg     sync.WaitGroup     // writers, and handlers that serve a stream themselves
	hurry  map[*Stream]func() // cuts short what such a handler writes

	open  atomic.Int64
	count counters
}

// counters are written by many goroutines, seldom.
type counters struct {
	opened, gone, slow, expired, shut atomic.Int64
	bytes, writes                     atomic.Int64
}

// Stats are the figures of a hub since it was made.
type Stats struct {
	// Open is the number of streams now.
	Open int64
	// Opened is how many there have been.
	Opened int64
	// Gone, Slow, Expired and Shut count ended streams: by the peer, by the
	// write deadline, by their lifetime, and by Close.
	Gone, Slow, Expired, Shut int64
	// Writes and Bytes are what was written after the first messages.
	Writes, Bytes int64
	// Took is how long the last broadcast took.
	Took time.Duration
}

// New returns a Hub. Its writers run from the first stream until Close.
func New(cfg Config) *Hub {
	h := &Hub{cfg: cfg.filled(), start: time.Now(), done: make(chan struct{}), hurry: map[*Stream]func(){}}
	for range h.cfg.Writers {
		h.writers = append(h.writers, newWriter(h))
	}
	return h
}

// Now is the time since the hub was made, as its listeners are told it.
func (h *Hub) Now() time.Duration { return time.Since(h.start) }

// Open is the number of open streams.
func (h *Hub) Open() int { return int(h.open.Load()) }

// Stats returns the figures.
func (h *Hub) Stats() Stats {
	return Stats{
		Open: h.open.Load(), Opened: h.count.opened.Load(), Gone: h.count.gone.Load(), Slow: h.count.slow.Load(),
		Expired: h.count.expired.Load(), Shut: h.count.shut.Load(), Writes: h.count.writes.Load(), Bytes: h.count.bytes.Load(),
		Took: h.Took(),
	}
}

// Took is how long the last broadcast took, by the slowest writer.
func (h *Hub) Took() (most time.Duration) {
	for _, w := range h.writers {
		most = max(most, time.Duration(w.took.Load()))
	}
	return most
}

// Close ends every stream and returns when all have ended; Serve refuses new ones.
func (h *Hub) Close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.done)
		for _, f := range h.hurry {
			f()
		}
	}
	h.mu.Unlock()
	h.wg.Wait()
}

// stays notes how to cut short a handler that serves a stream itself, which
// would otherwise keep Close waiting for a slow reader.
func (h *Hub) stays(s *Stream, hurry func()) (leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hurry[s] = hurry
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.hurry, s)
	}
}

// hold keeps the hub from being closed under a handler that serves a stream
// itself, and sets the writers to work.
func (h *Hub) hold() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.wg.Add(1)
	if !h.runs {
		h.runs = true
		for _, w := range h.writers {
			h.wg.Go(w.run)
		}
	}
	return true
}

// Tick is what everybody of a topic hears: the latest message of each kind,
// encoded once. Its bytes are never changed after Publish.
type Tick struct {
	// Pulse is the message that comes often; News is for everybody at once.
	Pulse, News []byte
	// Reach is the highest rank that hears every pulse; others hear it at every fifth beat.
	Reach int64
}

// published is a Tick with what a stream must write for it.
type published struct {
	Tick
	both        []byte
	pulse, news uint32 // they count the messages of a kind
}

// Topic is what a set of streams listens to. It ends with its last stream.
type Topic struct {
	hub   *Hub
	now   atomic.Pointer[published]
	inUse atomic.Int64
	empty func()
}

// Topic returns a topic that counts one use already: Serve or Leave must
// follow. empty is called once, when the last use has ended; it must be quick.
func (h *Hub) Topic(first Tick, empty func()) *Topic {
	t := &Topic{hub: h, empty: empty}
	t.inUse.Store(1)
	t.Publish(first)
	return t
}

// Enter counts one more use; false when the topic has ended.
func (t *Topic) Enter() bool {
	for {
		n := t.inUse.Load()
		if n <= 0 {
			return false
		}
		if t.inUse.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Leave takes back an Enter that Serve did not follow.
func (t *Topic) Leave() {
	if t.inUse.Add(-1) == 0 && t.empty != nil {
		t.empty()
	}
}

// Publish tells a tick to every stream of the topic. A message that did not
// change is not told again. One goroutine publishes.
func (t *Topic) Publish(k Tick) {
	next := &published{Tick: k}
	was := t.now.Load()
	if was == nil {
		was = &published{}
	}
	next.pulse, next.news = was.pulse, was.news
	if !bytes.Equal(k.Pulse, was.Pulse) {
		next.pulse++
	}
	if !bytes.Equal(k.News, was.News) {
		next.news++
	}
	next.both = append(append(make([]byte, 0, len(k.News)+len(k.Pulse)), k.News...), k.Pulse...)
	t.now.Store(next)
	if next.pulse != was.pulse || next.news != was.news {
		for _, w := range t.hub.writers {
			w.dirty.Store(true)
			w.poke()
		}
	}
}

// between is a random duration from least to most.
func between(least, most time.Duration) time.Duration { return least + rand.N(most-least) }
