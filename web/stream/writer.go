package stream

import (
	"errors"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// farEvery is how many beats pass between two pulses for streams of a high rank.
	farEvery = 5
	// yieldEvery lets other goroutines run while thousands of streams are written:
	// they must not wait for the end of a broadcast.
	yieldEvery = 32
	// goodbyes is how long Close may take to say goodbye; who is left is cut off.
	goodbyes = 1200 * time.Millisecond
)

// comment is what a stream says when there is nothing to say.
var comment = []byte(":\n\n")

// writer is one goroutine with its streams. Nobody else touches what it owns.
type writer struct {
	hub   *Hub
	wake  chan struct{}
	dirty atomic.Bool  // something was published
	took  atomic.Int64 // nanoseconds of the last broadcast

	mu       sync.Mutex
	closed   bool
	incoming []*Stream
	mail     []letter

	// Owned by run.
	table []*Stream // by slot; nil where one has ended
	free  []int32
	poll  poller
	buf   []byte // what put writes
	n     int
	err   error
	put   func(fd uintptr) bool
	// Not yet counted: atomic adds at every write would be shared by all writers.
	wrote, bytes int64
}

// letter is a message to one stream.
type letter struct {
	to   *Stream
	text []byte
}

func newWriter(h *Hub) *writer {
	w := &writer{hub: h, wake: make(chan struct{}, 1)}
	w.put = func(fd uintptr) bool {
		w.n, w.err = writeOnce(fd, w.buf)
		return true // never wait for the descriptor
	}
	return w
}

func (w *writer) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// enlist gives a stream to the writer; false when the hub is closed.
func (w *writer) enlist(s *Stream) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.incoming = append(w.incoming, s)
	w.poke()
	return true
}

func (w *writer) send(to *Stream, text []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.mail = append(w.mail, letter{to, text})
		w.poke()
	}
}

// take returns what came in.
func (w *writer) take(closing bool) (incoming []*Stream, mail []letter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = w.closed || closing
	incoming, mail = w.incoming, w.mail
	w.incoming, w.mail = nil, nil
	return incoming, mail
}

func (w *writer) run() {
	w.poll.open()
	defer w.poll.close()
	beat := time.NewTicker(w.hub.cfg.Beat)
	defer beat.Stop()
	for {
		full := false
		select {
		case <-w.hub.done:
			w.goodbye()
			return
		case <-w.wake:
		case <-beat.C:
			full = true
			w.bury()
		}
		now := w.hub.Now()
		incoming, mail := w.take(false)
		for _, s := range incoming {
			w.adopt(s)
			w.visit(s, now)
		}
		for _, l := range mail {
			if w.has(l.to) {
				w.give(l.to, l.text, now)
			}
		}
		start := time.Now()
		told := w.dirty.Swap(false)
		if told || full {
			w.pass(now)
		}
		if told && w.wrote > 0 {
			w.took.Store(int64(time.Since(start)))
		}
		w.tally()
	}
}

// tally adds what was written to the hub's figures.
func (w *writer) tally() {
	w.hub.count.writes.Add(w.wrote)
	w.hub.count.bytes.Add(w.bytes)
	w.wrote, w.bytes = 0, 0
}

// adopt gives a stream its slot.
func (w *writer) adopt(s *Stream) {
	if n := len(w.free); n > 0 {
		s.slot, w.free = w.free[n-1], w.free[:n-1]
		w.table[s.slot] = s
	} else {
		s.slot = int32(len(w.table))
		w.table = append(w.table, s)
	}
	if s.raw != nil {
		w.poll.add(s)
	}
}

func (w *writer) has(s *Stream) bool {
	return s.slot >= 0 && int(s.slot) < len(w.table) && w.table[s.slot] == s
}

// bury removes the streams whose peer has closed the connection.
func (w *writer) bury() {
	for slot := range w.poll.gone() {
		if s := w.table[slot]; s != nil {
			w.drop(s, &w.hub.count.gone)
		}
	}
}

// pass visits every stream.
func (w *writer) pass(now time.Duration) {
	before := w.wrote
	for _, s := range w.table {
		if s == nil {
			continue
		}
		w.visit(s, now)
		if w.wrote >= before+yieldEvery {
			before = w.wrote
			runtime.Gosched()
		}
	}
}

// visit does for one stream what is due.
func (w *writer) visit(s *Stream, now time.Duration) {
	if s.ended.Load() {
		w.drop(s, &w.hub.count.gone)
		return
	}
	if s.listener != nil {
		s.listener.Beat(s, now)
	}
	if s.back != nil && !w.flush(s, now) {
		return
	}
	if now >= s.ends {
		w.give(s, retry(between(500*time.Millisecond, 3*time.Second)), now)
		if w.has(s) {
			w.drop(s, &w.hub.count.expired)
		}
		return
	}
	t := s.topic.now.Load()
	pulse, news := t.pulse != s.pulse, t.news != s.news
	beat := uint32(now / w.hub.cfg.Beat)
	if pulse && !news && s.rank.Load() > t.Reach && ((beat+uint32(s.slot))%farEvery != 0 || beat == s.pulsed) {
		pulse = false // Each has a beat of its own, and hears one pulse in it.
	}
	if pulse {
		s.pulsed = beat
	}
	switch {
	case pulse && news:
		s.pulse, s.news = t.pulse, t.news
		w.give(s, t.both, now)
	case news:
		s.news = t.news
		w.give(s, t.News, now)
	case pulse:
		s.pulse = t.pulse
		w.give(s, t.Pulse, now)
	case now-s.last >= w.patience(s):
		w.give(s, comment, now)
	}
}

// patience is how long this stream may be quiet. They differ, so that comments
// to thousands do not leave at once.
func (w *writer) patience(s *Stream) time.Duration {
	return w.hub.cfg.Quiet - w.hub.cfg.Quiet/4*time.Duration(s.slot&7)/8
}

// give writes bytes, or remembers what the kernel did not take.
func (w *writer) give(s *Stream, b []byte, now time.Duration) {
	if len(b) == 0 {
		return
	}
	if s.back != nil {
		s.back.rest = append(s.back.rest[:len(s.back.rest):len(s.back.rest)], b...)
		return
	}
	n, err := w.write(s, b)
	switch {
	case n == len(b):
		s.last = now
	case err == nil || errors.Is(err, syscall.EAGAIN):
		s.last = now
		s.back = &backlog{rest: b[n:], since: now}
	default:
		w.drop(s, &w.hub.count.gone)
	}
}

// flush goes on with what the kernel did not take; true when nothing is left.
func (w *writer) flush(s *Stream, now time.Duration) bool {
	n, err := w.write(s, s.back.rest)
	if err != nil && !errors.Is(err, syscall.EAGAIN) {
		w.drop(s, &w.hub.count.gone)
		return false
	}
	if s.back.rest = s.back.rest[n:]; len(s.back.rest) == 0 {
		s.back, s.last = nil, now
		return true
	}
	if now-s.back.since >= w.hub.cfg.Deadline {
		if c, ok := s.conn.(*net.TCPConn); ok {
			_ = c.SetLinger(0) // What waits for this reader is freed at once.
		}
		w.drop(s, &w.hub.count.slow)
	}
	return false
}

// write offers bytes once and returns how many were taken.
func (w *writer) write(s *Stream, b []byte) (int, error) {
	w.wrote++
	var n int
	var err error
	if s.raw != nil {
		w.buf = b
		if err = s.raw.Write(w.put); err == nil {
			n, err = w.n, w.err
		}
		w.buf = nil
	} else {
		select {
		case s.out <- b:
			n = len(b)
		default:
			err = syscall.EAGAIN
		}
	}
	n = max(n, 0)
	w.bytes += int64(n)
	return n, err
}

// drop ends a stream.
func (w *writer) drop(s *Stream, why *atomic.Int64) {
	w.table[s.slot] = nil
	w.free = append(w.free, s.slot)
	s.end(why)
}

// goodbye ends all streams, each with an advice of its own when to come back.
func (w *writer) goodbye() {
	start := time.Now()
	incoming, _ := w.take(true)
	for _, s := range incoming {
		w.adopt(s)
	}
	now := w.hub.Now()
	for _, s := range w.table {
		if s == nil {
			continue
		}
		if s.back == nil && time.Since(start) < goodbyes {
			w.give(s, lastAdvice(), now)
		}
		if w.has(s) {
			w.drop(s, &w.hub.count.shut)
		}
	}
	w.tally()
}

// lastAdvice spreads those who must all come back over the other servers.
func lastAdvice() []byte { return retry(between(time.Second, 10*time.Second)) }

// retry is the line that says when to connect again.
func retry(d time.Duration) []byte {
	return append(strconv.AppendInt([]byte("retry: "), d.Milliseconds(), 10), "\n\n"...)
}
