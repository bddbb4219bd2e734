package stream

import (
	"errors"
	"net"
	"net/http"
	"time"
)

// waiting is how many messages may wait for the handler of a stream that was
// not taken over; beyond that its reader is slow.
const waiting = 4

// lastWords is how long a handler may go on writing when the hub closes.
const lastWords = time.Second

// stay serves a stream from its handler, where the connection cannot be taken
// over. The writer hands it the same bytes.
func (h *Hub) stay(s *Stream, w http.ResponseWriter, r *http.Request, first []byte) {
	s.out = make(chan []byte, waiting)
	rc := http.NewResponseController(w)
	// A deadline is the connection's, not the request's: it is lifted at the end.
	defer func() { _ = rc.SetWriteDeadline(time.Time{}) }()
	defer h.stays(s, func() { _ = rc.SetWriteDeadline(time.Now().Add(lastWords)) })()
	w.WriteHeader(http.StatusOK)
	h.relay(s, r.Context().Done(), first, func(b []byte) bool {
		if err := rc.SetWriteDeadline(h.deadline()); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return false
		}
		if _, err := w.Write(b); err != nil {
			return false
		}
		return rc.Flush() == nil
	})
}

// stayOn serves a connection that has no descriptor.
func (h *Hub) stayOn(s *Stream, conn net.Conn, first []byte) error {
	s.conn, s.out = nil, make(chan []byte, waiting)
	defer h.stays(s, func() { _ = conn.SetWriteDeadline(time.Now().Add(lastWords)) })()
	h.relay(s, nil, first, func(b []byte) bool {
		if err := conn.SetWriteDeadline(h.deadline()); err != nil {
			return false
		}
		_, err := conn.Write(b)
		return err == nil
	})
	return conn.Close()
}

// deadline is until when a handler may write one message.
func (h *Hub) deadline() time.Time {
	select {
	case <-h.done:
		return time.Now().Add(lastWords)
	default:
		return time.Now().Add(h.cfg.Deadline)
	}
}

// relay writes what the writer hands over until either side ends the stream.
func (h *Hub) relay(s *Stream, gone <-chan struct{}, first []byte, send func([]byte) bool) {
	if !s.writer.enlist(s) {
		s.end(&h.count.shut)
		return
	}
	for b, ok := first, true; ok; {
		if !send(b) {
			break
		}
		select {
		case <-gone:
			ok = false
		case b, ok = <-s.out:
		}
	}
	s.ended.Store(true) // the writer forgets it at the next beat
}
