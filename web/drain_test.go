package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A client that first sends everything and reads then, as most do, must not
// meet a closed connection.
func TestRefusedLargeBodyStillGetsItsAnswer(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(drained(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = io.WriteString(w, "send less")
	})))
	defer srv.Close()
	const size = 20 << 20
	for name, head := range map[string]string{
		"with a length": fmt.Sprintf("Content-Length: %d\r\n\r\n", size),
		"in one chunk":  fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size),
	} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\n%s", head); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := conn.Write(make([]byte, size)); err != nil {
			t.Fatalf("%s: the connection broke while sending: %v", name, err)
		}
		if _, err := io.WriteString(conn, "\r\n0\r\n\r\n"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusRequestEntityTooLarge || string(got) != "send less" {
			t.Errorf("%s: %d %q %v", name, res.StatusCode, got, err)
		}
	}
}
