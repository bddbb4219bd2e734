package stream

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// Listener is whoever owns a stream and wants to look after it.
type Listener interface {
	// Beat is called by a writer at every beat and every tick, with the time since
	// the hub was made. Thousands wait behind it: it must not block.
	Beat(s *Stream, now time.Duration)
}

// Stream is one open event stream. It is small: there are tens of thousands.
type Stream struct {
	topic    *Topic
	writer   *writer
	listener Listener
	conn     net.Conn        // of a stream that was taken over
	raw      syscall.RawConn // of conn
	out      chan []byte     // else, to the handler that serves it
	back     *backlog
	rank     atomic.Int64
	last     time.Duration // when something was written
	ends     time.Duration
	pulse    uint32 // the last messages it was given
	news     uint32
	pulsed   uint32 // the beat of the last pulse
	slot     int32
	ended    atomic.Bool // its handler has gone
}

// backlog is what a slow reader has not taken yet.
type backlog struct {
	rest  []byte
	since time.Duration
}

// SetRank says how far behind the stream is: above Tick.Reach it hears fewer pulses.
func (s *Stream) SetRank(rank int64) { s.rank.Store(rank) }

// Send tells something to this stream alone. A stream that has ended hears nothing.
func (s *Stream) Send(message []byte) { s.writer.send(s, message) }

// Finish ends the stream as its lifetime would. Only its Listener may call it, from Beat.
func (s *Stream) Finish() { s.ends = 0 }

// end is called once, by the writer, or by Serve where no writer got the stream.
func (s *Stream) end(why *atomic.Int64) {
	why.Add(1)
	s.topic.hub.open.Add(-1)
	if s.conn != nil {
		_ = s.conn.Close() // There is nobody to tell.
	} else {
		close(s.out)
	}
	s.topic.Leave()
}

// Serve answers a request with an event stream of a topic and returns when the
// stream is held by the hub, or has ended where the connection cannot be taken
// over. The headers set on w go out with it. It consumes one Enter of the topic.
// ErrClosed and ErrFull come before anything was written.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, t *Topic, l Listener) error {
	if !h.hold() {
		t.Leave()
		return ErrClosed
	}
	defer h.wg.Done()
	if n := h.open.Add(1); h.cfg.Most > 0 && n > int64(h.cfg.Most) {
		h.open.Add(-1)
		t.Leave()
		return ErrFull
	}
	h.count.opened.Add(1)

	now := h.Now()
	tick := t.now.Load()
	s := &Stream{
		topic: t, listener: l, slot: -1, last: now, ends: now + between(h.cfg.Lifetime, 2*h.cfg.Lifetime),
		pulse: tick.pulse, news: tick.news,
		writer: h.writers[h.turn.Add(1)%uint32(len(h.writers))],
	}
	first := append(retry(between(2*time.Second, 6*time.Second)), tick.both...)

	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would keep messages until it has a buffer full
	header.Del("Content-Length")

	if r.ProtoMajor == 1 && r.TLS == nil {
		conn, _, err := http.NewResponseController(w).Hijack()
		switch {
		case err == nil:
			return h.takeOver(s, conn, append(head(header), first...))
		case !errors.Is(err, http.ErrNotSupported):
			s.out = make(chan []byte)
			s.end(&h.count.gone)
			return fmt.Errorf("stream.Serve: %w", err)
		}
	}
	h.stay(s, w, r, first)
	return nil
}

// head is the head of an HTTP/1.1 response whose body ends with the connection.
func head(header http.Header) []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 200 OK\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\nConnection: close\r\n")
	_ = header.WriteSubset(&b, map[string]bool{"Connection": true, "Date": true, "Transfer-Encoding": true}) // A Buffer takes everything.
	b.WriteString("\r\n")
	return b.Bytes()
}

// takeOver writes the first messages and leaves the connection to a writer.
func (h *Hub) takeOver(s *Stream, conn net.Conn, first []byte) error {
	s.conn = conn
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return h.stayOn(s, conn, first)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		s.end(&h.count.gone)
		return nil //nolint:nilerr // The peer has gone: the request is over.
	}
	s.raw = raw
	h.tune(s)
	var n int
	var werr error
	if err := raw.Write(func(fd uintptr) bool { n, werr = writeOnce(fd, first); return true }); err != nil {
		werr = err
	}
	if n = max(n, 0); n < len(first) {
		if werr != nil && !errors.Is(werr, syscall.EAGAIN) {
			s.end(&h.count.gone)
			return nil
		}
		s.back = &backlog{rest: first[n:], since: s.last}
	}
	if !s.writer.enlist(s) {
		if s.back == nil {
			_ = raw.Write(func(fd uintptr) bool { _, _ = writeOnce(fd, lastAdvice()); return true })
		}
		s.end(&h.count.shut)
	}
	return nil
}

// tune sets what the kernel does about peers that vanish or read slowly. What
// fails leaves the stream as good as a connection without it.
func (h *Hub) tune(s *Stream) {
	if c, ok := s.conn.(*net.TCPConn); ok {
		// The comments find out who has gone; probes would wake a phone in between.
		_ = c.SetKeepAlive(false)
	}
	_ = s.raw.Control(func(fd uintptr) { tuneSocket(fd, h.cfg.UserTimeout) })
}

// writeOnce is write(2) without waiting.
func writeOnce(fd uintptr, b []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), b)
		if err != syscall.EINTR { //nolint:errorlint // a bare errno
			return n, err
		}
	}
}
