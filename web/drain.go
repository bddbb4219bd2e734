package web

import (
	"io"
	"net/http"
	"time"
)

const (
	// A body below this is read by net/http itself before it answers.
	drainFrom = 256 << 10
	// drainMost and drainFor bound what is read only to be thrown away.
	drainMost = 64 << 20
	drainFor  = 10 * time.Second
)

// drained reads what a refused request still wants to send before it is
// answered. Without it the connection is reset while the client writes, and the
// client sees a broken connection instead of "413, send less".
func drained(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && (r.ContentLength > drainFrom || r.ContentLength < 0) {
			w = &drainingWriter{ResponseWriter: w, body: r.Body}
		}
		next.ServeHTTP(w, r)
	})
}

type drainingWriter struct {
	http.ResponseWriter
	body io.Reader
	done bool
}

// Unwrap lets http.ResponseController reach the connection.
func (w *drainingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *drainingWriter) WriteHeader(status int) {
	if !w.done && status >= 200 {
		w.done = true
		// A client that has not sent it by then is cut off as before.
		_ = http.NewResponseController(w.ResponseWriter).SetReadDeadline(time.Now().Add(drainFor))
		_, _ = io.CopyN(io.Discard, w.body, drainMost)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *drainingWriter) Write(p []byte) (int, error) {
	if !w.done {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}
