package live

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config says over what replicas hear each other.
type Config struct {
	// Redis carries messages between replicas; nil: this process only.
	Redis redis.UniversalClient
	// Prefix keeps installations that share a Redis apart.
	Prefix string
	// Logger hears that Redis is away, at most twice a minute; nil: nobody does.
	Logger *slog.Logger
}

const (
	queueLen    = 1024
	maxMessage  = 64 << 10 // longer ones do not come from us
	sendTimeout = 500 * time.Millisecond
	logEvery    = 30 * time.Second
)

// Hub passes messages from publishers to subscribers of a topic.
type Hub struct {
	cfg    Config
	origin string // names this process in its messages

	mu     sync.RWMutex
	topics map[string]map[*Sub]struct{}
	closed bool

	out     chan string
	flush   chan struct{} // closed: send what is queued, then end
	stop    context.CancelFunc
	sending sync.WaitGroup
	hearing sync.WaitGroup
	lastLog atomic.Int64
	dropped atomic.Int64
}

// New returns a hub that runs until Close.
func New(cfg Config) *Hub {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	h := &Hub{
		cfg:    cfg,
		origin: hex.EncodeToString(id),
		topics: map[string]map[*Sub]struct{}{},
		out:    make(chan string, queueLen),
		flush:  make(chan struct{}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	if cfg.Redis != nil {
		h.sending.Go(func() { h.send(ctx) })
		h.hearing.Go(func() { h.hear(ctx) })
	}
	return h
}

// Publish gives payload to the subscribers of topic in this process at once,
// and to those of other replicas soon, if Redis lets it. It never waits: what
// does not fit into the queue is lost. A topic holds no space and no line
// break. The payload must not be changed afterwards.
func (h *Hub) Publish(ctx context.Context, topic string, payload []byte) {
	h.deliver(topic, payload)
	if h.cfg.Redis == nil {
		return
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.closed {
		return
	}
	select {
	case h.out <- encode(h.origin, topic, payload):
	default:
		h.dropped.Add(1)
		h.complain(ctx, "messages to other replicas are lost: the queue is full", nil)
	}
}

// Sub is one listener of one topic.
type Sub struct {
	// C gives the payloads, which all listeners share: they must not be
	// changed. It is closed when the listener was too slow, or the hub ended.
	C <-chan []byte

	hub   *Hub
	topic string

	mu      sync.Mutex
	c       chan []byte
	closed  bool
	dropped bool
}

// Subscribe returns a listener that may be up to buf messages behind.
func (h *Hub) Subscribe(topic string, buf int) *Sub {
	c := make(chan []byte, max(buf, 1))
	s := &Sub{C: c, c: c, hub: h, topic: topic}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		s.end(false)
		return s
	}
	if h.topics[topic] == nil {
		h.topics[topic] = map[*Sub]struct{}{}
	}
	h.topics[topic][s] = struct{}{}
	return s
}

// Close ends the listener. It may be called twice.
func (s *Sub) Close() {
	s.hub.forget(s)
	s.end(false)
}

// Dropped reports whether the listener was too slow and lost messages.
func (s *Sub) Dropped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

func (s *Sub) end(dropped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed, s.dropped = true, dropped
	close(s.c)
}

// offer reports whether the listener is still there.
func (s *Sub) offer(payload []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	select {
	case s.c <- payload:
		return true
	default:
		s.closed, s.dropped = true, true
		close(s.c)
		return false
	}
}

func (h *Hub) forget(s *Sub) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.topics[s.topic], s)
	if len(h.topics[s.topic]) == 0 {
		delete(h.topics, s.topic)
	}
}

func (h *Hub) deliver(topic string, payload []byte) {
	var gone []*Sub
	h.mu.RLock()
	for s := range h.topics[topic] {
		if !s.offer(payload) {
			gone = append(gone, s)
		}
	}
	h.mu.RUnlock()
	for _, s := range gone {
		h.forget(s)
	}
}

// Close takes no more messages, sends what is queued while ctx lasts, and ends
// every listener.
func (h *Hub) Close(ctx context.Context) {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	var subs []*Sub
	for _, topic := range h.topics {
		for s := range topic {
			subs = append(subs, s)
		}
	}
	h.topics = map[string]map[*Sub]struct{}{}
	h.mu.Unlock()

	close(h.flush)
	unhurried := context.AfterFunc(ctx, h.stop)
	h.sending.Wait()
	unhurried()
	h.stop()
	h.hearing.Wait()
	for _, s := range subs {
		s.end(false)
	}
}

func encode(origin, topic string, payload []byte) string {
	return origin + " " + topic + "\n" + string(payload)
}

func decode(message string) (origin, topic, payload string, ok bool) {
	if len(message) > maxMessage {
		return "", "", "", false
	}
	head, payload, ok := strings.Cut(message, "\n")
	if !ok {
		return "", "", "", false
	}
	origin, topic, ok = strings.Cut(head, " ")
	return origin, topic, payload, ok && origin != "" && topic != ""
}

func (h *Hub) complain(ctx context.Context, msg string, err error) {
	now := time.Now().UnixNano()
	last := h.lastLog.Load()
	if now-last < int64(logEvery) || !h.lastLog.CompareAndSwap(last, now) {
		return
	}
	h.cfg.Logger.WarnContext(ctx, "live: "+msg, "error", err, "lost", h.dropped.Load())
}
