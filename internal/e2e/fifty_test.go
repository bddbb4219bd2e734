package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/dbtest"
)

// Fifty thousand join within seconds and listen, over three replicas, each a process of its own with 20,000 open files, as
// are the crowds. Nobody is missing, everybody hears the same, whoever is called is told, and the audit is clean.
func TestFiftyThousandJoinAndListen(t *testing.T) {
	t.Parallel()
	const replicas = 3
	size, called := dbtest.Size(600, 50_000), dbtest.Size(40, 1500)
	p := startProduct(t)
	s := p.newShow(t, "fifty", 100_000, func(body map[string]any) {
		terms := body["sale"].(map[string]any)
		terms["ordering"], terms["admit_per_minute"], terms["max_inside"] = "draw", dbtest.Size(600, 6000), 20_000
		terms["lobby_opens_at"], terms["opens_at"] = terms["opens_at"], time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	})
	organizer, fans := p.asOrganizer(), p.fans(size)
	p.stopApp()

	processes := make([]*process, replicas)
	for i := range processes {
		addr := p.cfg.Addr
		if i > 0 {
			addr = dbtest.FreeAddr(t)
		}
		processes[i] = p.startReplica(addr)
	}
	crowds := make([]*crowdProcess, replicas)
	for i := range crowds {
		crowds[i] = startCrowd(t, crowdJob{Addr: processes[i].addr, Event: s.id, Fans: fans[i*size/replicas : (i+1)*size/replicas], Connections: 128})
	}
	memory := func(when string) {
		for i, r := range processes {
			t.Logf("%s: replica %d holds %d MiB", when, i+1, r.memory()>>20)
		}
	}

	memory("before")
	began := time.Now()
	for _, c := range crowds {
		c.tell("join")
	}
	joined := 0
	for i, c := range crowds {
		var j joinFigures
		c.hear(&j)
		joined += j.Joined
		t.Logf("replica %d: %d joined in %s, p50 %s, p99 %s, longest %s, refused for now %v", i+1, j.Joined, j.Took.Round(time.Millisecond),
			j.P50.Round(time.Microsecond), j.P99.Round(time.Microsecond), j.Max.Round(time.Millisecond), j.Failed)
	}
	t.Logf("%d joins, %.0f a second", joined, float64(joined)/time.Since(began).Seconds())
	if joined != size || p.count(`SELECT count(*) FROM spots WHERE event_id = $1`, s.id) != size {
		t.Fatalf("%d of %d joined", joined, size)
	}

	memory("all joined")
	for _, c := range crowds {
		c.tell("stream")
	}
	for i, c := range crowds {
		var f streamFigures
		c.hear(&f)
		t.Logf("replica %d: %d streams opened in %s, refused for now %v", i+1, f.Open, f.Took.Round(time.Millisecond), f.Failed)
		if want := (i+1)*size/replicas - i*size/replicas; f.Open != want {
			t.Fatalf("replica %d holds %d streams of %d", i+1, f.Open, want)
		}
	}
	memory("all listening")

	p.api(t, "POST", "/organizer/events/"+s.id+"/open", organizer, nil).want(200)
	p.until("enough are called", func() bool {
		return p.count(`SELECT serving::int FROM queue_heads WHERE event_id = $1`, s.id) >= called
	})
	p.api(t, "POST", "/organizer/events/"+s.id+"/pause", organizer, nil).want(200)
	serving := p.count(`SELECT serving::int FROM queue_heads WHERE event_id = $1`, s.id)
	last := fmt.Sprintf("%d paused", serving)
	p.until("every stream has heard where the line stands", func() bool {
		heard, turns := 0, 0
		for _, c := range crowds {
			var f streamFigures
			c.ask("last", &f)
			heard += f.Last[last]
			turns += len(f.Turns)
		}
		return heard == size && turns >= serving
	})
	memory("after the drip")
	told := map[int64]int{}
	for i, c := range crowds {
		var f streamFigures
		c.ask("report", &f)
		t.Logf("replica %d: %d streams, %d ended, %d ticks, heard after p50 %s, p99 %s", i+1, f.Open, f.Ended, len(f.Ticks),
			f.P50.Round(time.Millisecond), f.P99.Round(time.Millisecond))
		if f.Ended+f.Back+f.Torn+f.Silent > 0 {
			t.Errorf("replica %d: %d streams ended, %d heard the line go back, %d torn messages, %d silent", i+1, f.Ended, f.Back, f.Torn, f.Silent)
		}
		// The same bytes for all: one message for each place where the line stood.
		texts := map[string]string{}
		for text := range f.Ticks {
			var m struct {
				Serving int64
				State   string
			}
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Error(err)
			}
			key := fmt.Sprintf("%d %s", m.Serving, m.State)
			if other, twice := texts[key]; twice {
				t.Errorf("replica %d: two messages for %s: %s and %s", i+1, key, text, other)
			}
			texts[key] = text
		}
		for _, n := range f.Turns {
			told[n]++
		}
	}
	for n := int64(1); n <= int64(serving); n++ {
		if told[n] != 1 {
			t.Errorf("number %d was told %d times that it is called", n, told[n])
		}
		delete(told, n)
	}
	if len(told) > 0 {
		t.Errorf("%d were told who are not called", len(told))
	}
	s.audited(t)
}

// process is a replica in a process of its own.
type process struct {
	addr, url string
	pid       int
	kill      func()
}

// memory is what is resident of the process, in bytes.
func (r *process) memory() int {
	f, err := os.Open("/proc/" + strconv.Itoa(r.pid) + "/status")
	if err != nil {
		return 0 // another system than Linux: only a figure less in the log
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kib, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(v), " kB"))
			return kib << 10
		}
	}
	return 0
}
