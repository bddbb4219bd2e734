package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairqueue/internal/lab"
)

// listenEnv makes the test binary be a crowd that joins and listens: one process may hold 20,000 connections only, and the
// server's own are enough.
const listenEnv = "FAIRQUEUE_E2E_LISTEN"

// crowdJob is what the parent tells a crowd; each line after it is a command: join, stream, last, report.
type crowdJob struct {
	Addr, Event string
	Fans        []lab.Fan
	Connections int
}

// joinFigures is what a crowd says about its joins.
type joinFigures struct {
	Joined        int
	Failed        map[string]int
	Took          time.Duration
	P50, P99, Max time.Duration
}

// streamFigures is what a crowd says about its streams since they were opened.
type streamFigures struct {
	Open, Ended int // streams that are open, and that the server ended
	Failed      map[string]int
	Took        time.Duration // opening them
	P50, P99    time.Duration // from a tick's moment to hearing it, over all streams and ticks
	// Ticks are the messages, each with how many streams heard it; two of one serving number and state are a fault.
	Ticks map[string]int
	// Back counts streams that heard serving go back, Torn messages that are no whole ones.
	Back, Torn int
	// Last counts the streams by the last serving number and state they heard.
	Last map[string]int
	// Turns are the numbers that were told that it is their turn.
	Turns []int64
	// Silent counts the streams that have heard nothing for more than 20 s.
	Silent int
}

// crowdProcess is a crowd in a process of its own.
type crowdProcess struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// startCrowd starts a crowd of fans; it ends with the test.
func startCrowd(t testing.TB, job crowdJob) *crowdProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &crowdProcess{t: t, cmd: exec.Command(self, "-test.run=^$")}
	c.cmd.Env = append(os.Environ(), listenEnv+"=1")
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.in.Close()
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	})
	c.out = json.NewDecoder(out)
	if err := json.NewEncoder(c.in).Encode(job); err != nil {
		t.Fatal(err)
	}
	return c
}

// tell gives the crowd a command.
func (c *crowdProcess) tell(command string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		c.t.Fatal(err)
	}
}

// ask gives a command and waits for the answer.
func (c *crowdProcess) ask(command string, answer any) {
	c.t.Helper()
	c.tell(command)
	c.hear(answer)
}

func (c *crowdProcess) hear(answer any) {
	c.t.Helper()
	if err := c.out.Decode(answer); err != nil {
		c.t.Fatalf("the crowd ended: %v", err)
	}
}

// joinAndListen is the crowd's process.
func joinAndListen() int {
	debug.SetGCPercent(200) // thousands of small buffers that live to the end
	in := bufio.NewReader(os.Stdin)
	var job crowdJob
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &job)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "the crowd:", err)
		return 1
	}
	l := &listeners{job: job, failed: map[string]int{}, ticks: map[string]int{}}
	out := json.NewEncoder(os.Stdout)
	for {
		command, err := in.ReadString('\n')
		if err != nil {
			return 0 // the parent has gone, or has had enough
		}
		switch strings.TrimSpace(command) {
		case "join":
			err = out.Encode(l.join())
		case "stream":
			l.open()
			err = out.Encode(l.report())
		case "last":
			err = out.Encode(l.last())
		case "report":
			err = out.Encode(l.report())
		}
		if err != nil {
			return 1
		}
	}
}

// listeners are the fans of one process.
type listeners struct {
	job  crowdJob
	took time.Duration

	opened, ended, back, torn atomic.Int64

	mu     sync.Mutex
	failed map[string]int
	ticks  map[string]int
	lags   []time.Duration
	turns  []int64
	all    []*listener
}

// listener is one stream.
type listener struct {
	serving atomic.Int64
	state   atomic.Pointer[string]
	heard   atomic.Int64 // Unix time
}

func (l *listeners) fail(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed[why]++
}

// each does something for every fan, over so many connections at once.
func (l *listeners) each(connections int, do func(lab.Fan)) {
	next := make(chan lab.Fan)
	var workers sync.WaitGroup
	for range max(1, connections) {
		workers.Go(func() {
			for f := range next {
				do(f)
			}
		})
	}
	for _, f := range l.job.Fans {
		next <- f
	}
	close(next)
	workers.Wait()
}

// join takes every fan's place; refusals for now are tried again.
func (l *listeners) join() joinFigures {
	transport := &http.Transport{MaxIdleConnsPerHost: l.job.Connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	var mu sync.Mutex
	var took []time.Duration
	failed := map[string]int{}
	start := time.Now()
	l.each(l.job.Connections, func(f lab.Fan) {
		for try := 0; ; try++ {
			req, err := http.NewRequest(http.MethodPost, "http://"+l.job.Addr+"/api/v1/events/"+l.job.Event+"/queue", nil)
			if err != nil {
				panic(err) // the parent gave an address that is none
			}
			req.Header.Set("Authorization", "Bearer "+f.Token)
			began := time.Now()
			res, err := client.Do(req)
			why := ""
			if err != nil {
				why = "no answer"
			} else {
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode > 201 {
					why = res.Status
				}
			}
			mu.Lock()
			if why == "" {
				took = append(took, time.Since(began))
				mu.Unlock()
				return
			}
			failed[why]++
			mu.Unlock()
			if try == 20 {
				return
			}
			time.Sleep(time.Duration(50*(try+1)) * time.Millisecond) // a fan's patience, not a test's
		}
	})
	j := joinFigures{Joined: len(took), Failed: failed, Took: time.Since(start)}
	j.P50, j.P99 = part(took, 0.5), part(took, 0.99)
	j.Max = part(took, 1)
	return j
}

// part is a quantile; it sorts.
func part(of []time.Duration, share float64) time.Duration {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[min(len(of)-1, int(share*float64(len(of))))]
}

// open opens every fan's stream and leaves a goroutine with each.
func (l *listeners) open() {
	start := time.Now()
	l.each(min(l.job.Connections, 64), func(f lab.Fan) {
		for range 10 {
			conn, err := net.DialTimeout("tcp", l.job.Addr, 10*time.Second)
			if err != nil {
				l.fail("no connection")
				continue
			}
			fmt.Fprintf(conn, "GET /api/v1/events/%s/queue/stream HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n",
				l.job.Event, l.job.Addr, f.Token)
			r := bufio.NewReaderSize(conn, 512)
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			status, err := r.ReadString('\n')
			if err != nil || !strings.Contains(status, " 200 ") {
				l.fail("stream: " + strings.TrimSpace(status))
				_ = conn.Close()
				continue
			}
			one := &listener{}
			one.heard.Store(time.Now().Unix())
			first := make(chan struct{})
			go l.listen(one, conn, r, first) // ends with the connection; the process ends with its parent
			<-first
			l.mu.Lock()
			l.all = append(l.all, one)
			l.mu.Unlock()
			return
		}
	})
	l.took = time.Since(start)
}

// listen reads one stream to its end. first is closed at the first tick, or the end.
func (l *listeners) listen(one *listener, conn net.Conn, r *bufio.Reader, first chan struct{}) {
	l.opened.Add(1)
	told := sync.OnceFunc(func() { close(first) })
	defer func() {
		told()
		_ = conn.Close()
		l.opened.Add(-1)
		l.ended.Add(1)
	}()
	for { // the head
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
	}
	name := ""
	for {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		now := time.Now()
		one.heard.Store(now.Unix())
		line = strings.TrimSpace(line)
		if v, ok := strings.CutPrefix(line, "event: "); ok {
			name = v
		} else if v, ok := strings.CutPrefix(line, "data: "); ok {
			l.message(one, name, v, now)
			if name == "serving" {
				told()
			}
		} else if line != "" && line[0] != ':' && !strings.HasPrefix(line, "retry: ") {
			l.torn.Add(1)
		}
	}
}

func (l *listeners) message(one *listener, name, data string, now time.Time) {
	switch name {
	case "turn":
		var m struct{ Number int64 }
		if json.Unmarshal([]byte(data), &m) != nil {
			l.torn.Add(1)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.turns = append(l.turns, m.Number)
	case "serving":
		var m struct {
			Serving int64
			State   string
			At      time.Time
		}
		if json.Unmarshal([]byte(data), &m) != nil {
			l.torn.Add(1)
			return
		}
		if m.Serving < one.serving.Swap(m.Serving) {
			l.back.Add(1)
		}
		was := one.state.Swap(&m.State)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ticks[data]++
		if was != nil { // the first one is old
			l.lags = append(l.lags, now.Sub(m.At))
		}
	}
}

// last is where each stream stands, which is cheap to say.
func (l *listeners) last() streamFigures {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := streamFigures{Open: int(l.opened.Load()), Ended: int(l.ended.Load()), Failed: l.failed, Took: l.took,
		Back: int(l.back.Load()), Torn: int(l.torn.Load()), Last: map[string]int{}, Turns: slices.Clone(l.turns)}
	for _, one := range l.all {
		if state := one.state.Load(); state != nil {
			f.Last[fmt.Sprintf("%d %s", one.serving.Load(), *state)]++
		}
		if time.Now().Unix()-one.heard.Load() > 22 {
			f.Silent++
		}
	}
	return f
}

// report is that, and what was heard, and how late.
func (l *listeners) report() streamFigures {
	f := l.last()
	l.mu.Lock()
	defer l.mu.Unlock()
	f.Ticks = maps.Clone(l.ticks)
	f.P50, f.P99 = part(l.lags, 0.5), part(l.lags, 0.99)
	return f
}
