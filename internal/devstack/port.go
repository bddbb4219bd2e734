package devstack

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
)

// Servers get ports below those that systems give to outgoing connections (32768 and up on Linux, 49152 elsewhere): a
// port asked for with :0 and closed again can be some connection's own end before the server listens there, or while
// it is started again.
const firstPort, portsEnd = 10_240, 32_768

var lastPort atomic.Uint32

func init() { lastPort.Store(rand.Uint32N(portsEnd - firstPort)) } //nolint:gosec // keeps processes apart, guards nothing

// FreePort returns a port of loopback where nobody listens. No two calls of a process return the same, until all were
// given out.
func FreePort(ctx context.Context) (int, error) {
	for range portsEnd - firstPort {
		port := firstPort + int(lastPort.Add(1)%(portsEnd-firstPort))
		if portFree(ctx, port) {
			return port, nil
		}
	}
	return 0, errors.New("there is no free port")
}

func portFree(ctx context.Context, port int) bool {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = ln.Close()
	return true
}
