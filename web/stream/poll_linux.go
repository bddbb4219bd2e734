package stream

import (
	"iter"
	"syscall"
	"time"
)

const (
	// Of linux/tcp.h; package syscall lacks them.
	tcpUserTimeout  = 18
	tcpNotSentLowat = 25
	// notSent is how many unsent bytes make the kernel refuse more: a slow reader
	// is noticed after a dozen ticks, not after megabytes.
	notSent = 8 << 10
)

func tuneSocket(fd uintptr, userTimeout time.Duration) {
	// A kernel without these options still drops who does not read.
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(userTimeout.Milliseconds()))
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, notSent)
}

// poller knows which of a writer's connections their peers have closed.
type poller struct {
	fd     int
	events []syscall.EpollEvent
}

func (p *poller) open() {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		fd = -1 // Then the write after the next finds out.
	}
	p.fd, p.events = fd, make([]syscall.EpollEvent, 256)
}

func (p *poller) close() {
	if p.fd >= 0 {
		_ = syscall.Close(p.fd)
	}
}

// add watches a stream that has its slot. Closing the connection ends it.
func (p *poller) add(s *Stream) {
	if p.fd < 0 {
		return
	}
	_ = s.raw.Control(func(fd uintptr) {
		// EPOLLHUP and EPOLLERR come unasked; one report is enough.
		_ = syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, int(fd), &syscall.EpollEvent{
			Events: syscall.EPOLLRDHUP | syscall.EPOLLONESHOT, Fd: s.slot,
		})
	})
}

// gone yields the slots of streams whose peer has closed. It does not wait.
func (p *poller) gone() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for p.fd >= 0 {
			n, err := syscall.EpollWait(p.fd, p.events, 0)
			if err == syscall.EINTR { //nolint:errorlint // a bare errno
				continue
			}
			for _, e := range p.events[:max(n, 0)] {
				if !yield(e.Fd) {
					return
				}
			}
			if n < len(p.events) {
				return
			}
		}
	}
}
