package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// load is a light generator of requests: one goroutine a connection that writes
// bytes which were made before, and reads no more of the answer than its
// status and its length. It costs the same whatever answers.
type load struct {
	addr  string
	conns int
	// next returns the bytes of a request, or nil at the end.
	next func() []byte
	// want are the statuses that are good.
	want []int

	open []net.Conn
}

// dial opens the connections, once for all runs of a load.
func (l *load) dial(t testing.TB) {
	t.Helper()
	for range l.conns {
		c, err := net.Dial("tcp", l.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		l.open = append(l.open, c)
	}
}

// result is what a load saw.
type result struct {
	took    time.Duration
	answers int
	// cpu is what this process used: the load, and what it was sent to.
	cpu   time.Duration
	waits []time.Duration // sorted
}

func (r result) rate() float64 { return float64(r.answers) / r.took.Seconds() }

func (r result) at(share float64) time.Duration {
	if len(r.waits) == 0 {
		return 0
	}
	return r.waits[min(len(r.waits)-1, int(share*float64(len(r.waits))))]
}

// report gives the figures of one kind of request.
func (r result) report(b *testing.B, unit string) {
	b.Helper()
	b.ReportMetric(r.rate(), unit+"/s")
	b.ReportMetric(float64(r.at(.5).Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(r.at(.99).Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(r.cpu.Nanoseconds())/1000/float64(max(1, r.answers)), "cpu-µs")
}

// add joins what two runs saw.
func (r result) add(o result) result {
	r.took, r.answers, r.cpu = r.took+o.took, r.answers+o.answers, r.cpu+o.cpu
	r.waits = append(r.waits, o.waits...)
	slices.Sort(r.waits)
	return r
}

// closed sends from every connection as fast as answers come, for some time.
func (l *load) closed(t testing.TB, d time.Duration) result {
	t.Helper()
	start := time.Now()
	end := start.Add(d)
	return l.run(t, func() (time.Time, bool) {
		now := time.Now()
		return now, now.Before(end)
	})
}

// paced sends a fixed number a second, whether answers come or not; waits count
// from when a request was due.
func (l *load) paced(t testing.TB, perSecond int, d time.Duration) result {
	t.Helper()
	if l.open == nil {
		l.dial(t)
	}
	start := time.Now()
	var sent atomic.Int64
	total := int64(d.Seconds() * float64(perSecond))
	return l.run(t, func() (time.Time, bool) {
		n := sent.Add(1)
		due := start.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
		if n > total {
			return due, false
		}
		time.Sleep(time.Until(due))
		return due, true
	})
}

func (l *load) run(t testing.TB, due func() (time.Time, bool)) result {
	t.Helper()
	var mu sync.Mutex
	var res result
	var errs []error
	var wg sync.WaitGroup
	if l.open == nil {
		l.dial(t)
	}
	start, used := time.Now(), cpu()
	for _, c := range l.open {
		wg.Go(func() {
			waits, err := l.talk(c, due)
			mu.Lock()
			defer mu.Unlock()
			res.waits = append(res.waits, waits...)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	res.took, res.cpu, res.answers = time.Since(start), cpu()-used, len(res.waits)
	slices.Sort(res.waits)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(errs[0])
	}
	return res
}

func (l *load) talk(c net.Conn, due func() (time.Time, bool)) (waits []time.Duration, err error) {
	buf := make([]byte, 64<<10)
	waits = make([]time.Duration, 0, 1024)
	for {
		at, more := due()
		if !more {
			return waits, nil
		}
		req := l.next()
		if req == nil {
			return waits, nil
		}
		if _, err := c.Write(req); err != nil {
			return waits, err
		}
		status, err := answer(c, buf)
		if err != nil {
			return waits, err
		}
		if !slices.Contains(l.want, status) {
			return waits, fmt.Errorf("status %d: %.600s", status, buf)
		}
		waits = append(waits, time.Since(at))
	}
}

// cpu is the processor time of this process so far. Unlike the rate it says the
// same on a machine that others use.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var (
	headEnd = []byte("\r\n\r\n")
	length  = []byte("\r\nContent-Length: ")
	chunked = []byte("\r\nTransfer-Encoding: chunked")

	lastChunk = []byte("\r\n0\r\n\r\n")
)

// answer reads one answer and returns its status.
func answer(c net.Conn, buf []byte) (status int, err error) {
	have := 0
	for {
		n, err := c.Read(buf[have:])
		if err != nil {
			return 0, err
		}
		have += n
		end := bytes.Index(buf[:have], headEnd)
		if end < 0 {
			continue
		}
		if status, err = strconv.Atoi(string(buf[9:12])); err != nil {
			return 0, err
		}
		body := 0
		if at := bytes.Index(buf[:end], length); at >= 0 {
			digits := buf[at+len(length) : end]
			if stop := bytes.IndexByte(digits, '\r'); stop >= 0 {
				digits = digits[:stop]
			}
			if body, err = strconv.Atoi(string(digits)); err != nil {
				return 0, err
			}
		} else if bytes.Contains(buf[:end], chunked) {
			for !bytes.HasSuffix(buf[:have], lastChunk) {
				n, err := c.Read(buf[have:])
				if err != nil {
					return 0, err
				}
				have += n
			}
			return status, nil
		} else if status != 204 && status != 304 {
			return 0, fmt.Errorf("an answer without a length: %s", buf[:end])
		}
		for total := end + len(headEnd) + body; have < total; {
			n, err := c.Read(buf[have:])
			if err != nil {
				return 0, err
			}
			have += n
		}
		return status, nil
	}
}
