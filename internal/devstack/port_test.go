package devstack

import (
	"net"
	"strconv"
	"testing"
)

func TestFreePortIsGivenOnce(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 200 {
		port, err := FreePort(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] || port < firstPort || port >= portsEnd {
			t.Fatalf("port %d, after %d others", port, len(seen))
		}
		seen[port] = true
	}
}

func TestPortInUseIsNotFree(t *testing.T) {
	t.Parallel()
	port, err := FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	if portFree(t.Context(), port) {
		t.Error("a port where somebody listens counts as free")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if !portFree(t.Context(), port) {
		t.Error("a port that was given back does not count as free")
	}
}
