package stream

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	fleetRole = "FAIRQUEUE_STREAM_FLEET"
	fleetAddr = "FAIRQUEUE_STREAM_FLEET_ADDR"
	fleetSize = "FAIRQUEUE_STREAM_FLEET_SIZE"
	// heldStreams are what one process holds, with a limit of 20,000 open files.
	heldStreams = 19_000
	// A message as long as the longest of the product.
	fleetMessage = 200
)

// figures is what the server of a fleet measured.
type figures struct {
	Open int
	// Goroutines of the whole process.
	Goroutines int
	// Resident memory a stream, in KiB, as it stands and after what is free was given back.
	KiB, KiBLeast float64
	// CPU time of one tick to one stream, in nanoseconds, and of one bare write(2).
	Tick, Bare float64
	// Wall time of one tick to all.
	Wall time.Duration
	// Close ends them all in that time.
	Close time.Duration
}

// fleet runs a server and its clients, each in a process of its own.
func fleet(b testing.TB, size int) figures {
	b.Helper()
	bin, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	server := exec.CommandContext(b.Context(), bin)
	server.Env = append(os.Environ(), fleetRole+"=server", fleetSize+"="+strconv.Itoa(size))
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReader(out)
	addr, err := lines.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	clients := exec.CommandContext(b.Context(), bin)
	clients.Env = append(os.Environ(), fleetRole+"=clients", fleetSize+"="+strconv.Itoa(size), fleetAddr+"="+strings.TrimSpace(addr))
	clients.Stderr = os.Stderr
	if err := clients.Start(); err != nil {
		b.Fatal(err)
	}
	var f figures
	if err := json.NewDecoder(lines).Decode(&f); err != nil {
		b.Fatal(err)
	}
	for _, c := range []*exec.Cmd{server, clients} {
		if err := c.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// fleetClients opens streams and reads them until they end.
func fleetClients() {
	size, addr := must(strconv.Atoi(os.Getenv(fleetSize))), os.Getenv(fleetAddr)
	var wg sync.WaitGroup
	dialing := make(chan struct{}, 64)
	for range size {
		dialing <- struct{}{}
		wg.Go(func() {
			conn := must(net.Dial("tcp", addr))
			must(io.WriteString(conn, "GET / HTTP/1.1\r\nHost: fleet\r\nAccept: text/event-stream\r\nUser-Agent: fleet\r\n\r\n"))
			<-dialing
			var b [1024]byte
			for {
				if _, err := conn.Read(b[:]); err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

// fleetServer holds streams, measures and prints figures.
func fleetServer() {
	size := must(strconv.Atoi(os.Getenv(fleetSize)))
	// Beats come only when the measurement asks for them, by publishing.
	hub := New(Config{Beat: time.Hour, Quiet: time.Hour, Lifetime: time.Hour})
	message := func(n int) []byte {
		head := fmt.Sprintf("event: serving\ndata: {\"serving\":%d,\"pad\":\"", n)
		return []byte(head + strings.Repeat("x", fleetMessage-len(head)-4) + "\"}\n\n")
	}
	topic := hub.Topic(Tick{Pulse: message(0), News: []byte("event: notice\ndata: {}\n\n")}, nil)
	ln := must(net.Listen("tcp", "127.0.0.1:0"))
	srv := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if topic.Enter() {
			_ = hub.Serve(w, r, topic, &watcher{})
		}
	})}
	go func() { _ = srv.Serve(ln) }()
	runtime.GC()
	before := resident()
	fmt.Println(ln.Addr())

	wait := func(done func() bool) {
		again := time.NewTicker(200 * time.Microsecond)
		defer again.Stop()
		for limit := time.Now().Add(2 * time.Minute); !done(); <-again.C {
			if time.Now().After(limit) {
				log.Fatalf("%d of %d streams", hub.Open(), size)
			}
		}
	}
	wait(func() bool { return hub.Open() == size })
	n := 0
	tick := func() {
		n++
		want := hub.Stats().Writes + int64(size)
		topic.Publish(Tick{Pulse: message(n), News: topic.now.Load().News})
		wait(func() bool { return hub.Stats().Writes >= want })
	}
	tick()
	runtime.GC()
	tick()
	f := figures{Open: hub.Open(), Goroutines: runtime.NumGoroutine()}
	f.KiB = float64(resident()-before) / 1024 / float64(size)
	debug.FreeOSMemory()
	f.KiBLeast = float64(resident()-before) / 1024 / float64(size)

	var fds []int
	for _, w := range hub.writers {
		for _, s := range w.table {
			_ = s.raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) })
		}
	}
	// In turns, so that both meet the same machine.
	const rounds = 8
	for range rounds {
		start, cpu := time.Now(), cpuTime()
		tick()
		f.Tick += float64(cpuTime()-cpu) / float64(size) / rounds
		f.Wall += time.Since(start) / rounds
		b := message(n)
		cpu = cpuTime()
		for _, fd := range fds {
			must(syscall.Write(fd, b))
		}
		f.Bare += float64(cpuTime()-cpu) / float64(size) / rounds
	}
	start := time.Now()
	hub.Close()
	f.Close = time.Since(start)
	_ = srv.Close()
	_ = json.NewEncoder(os.Stdout).Encode(f)
}

// watcher is a listener as small as that of the product.
type watcher struct{ _ [176]byte }

func (*watcher) Beat(*Stream, time.Duration) {}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		log.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the resident memory of this process in bytes.
func resident() int {
	fields := strings.Fields(string(must(os.ReadFile("/proc/self/statm"))))
	return must(strconv.Atoi(fields[1])) * os.Getpagesize()
}

var measured = sync.OnceValue(func() func(testing.TB) figures {
	var once sync.Once
	var f figures
	return func(b testing.TB) figures {
		once.Do(func() { f = fleet(b, heldStreams) })
		return f
	}
})

// BenchmarkStreamTick is the CPU time of telling one tick to one of 19,000 open streams.
func BenchmarkStreamTick(b *testing.B) {
	f := measured()(b)
	if f.Open != heldStreams {
		b.Fatalf("%d streams", f.Open)
	}
	b.ReportMetric(f.Tick, "ns/op")
	b.ReportMetric(f.KiB, "KiB/stream")
	b.ReportMetric(f.KiBLeast, "KiB-least/stream")
	b.ReportMetric(float64(f.Wall.Milliseconds()), "ms-a-tick")
	b.ReportMetric(float64(f.Close.Milliseconds()), "ms-to-close")
	b.ReportMetric(float64(f.Goroutines), "goroutines")
}

// BenchmarkStreamTickLimit is a bare write(2) of the same bytes to the same sockets.
func BenchmarkStreamTickLimit(b *testing.B) { b.ReportMetric(measured()(b).Bare, "ns/op") }
