package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/lab"
)

// behind is how far what is shown may be behind the database.
const behind = 2 * time.Second

// slowLine is a show in which many wait, and one more is called each second.
func (p *product) slowLine(t testing.TB, slug string) *show {
	return p.newShow(t, slug, 10_000, func(body map[string]any) {
		terms := body["sale"].(map[string]any)
		terms["admit_per_minute"], terms["max_inside"], terms["turn_seconds"] = 60, 10_000, 3600
	})
}

// waiter is a fan with the place that was acknowledged.
type waiter struct {
	lab.Fan
	spot    string
	arrival int64
}

// where is what the queue says about a place.
type where struct {
	Spot struct {
		ID      string
		Status  string
		Arrival int64
		Number  *int64
		Ahead   *int64
	}
	Serving   int64
	SaleState string `json:"sale_state"`
	Admission *struct{ Token string }
}

// look asks for a fan's place at a replica.
func (s *show) look(t testing.TB, method, url string, f lab.Fan) (w where, status int) {
	t.Helper()
	a := s.request(t, method, url+"/api/v1/events/"+s.id+"/queue", f.Token, nil, nil)
	_ = json.Unmarshal(a.body, &w) // an error has another form, which the status tells
	return w, a.status
}

// joins takes the places of fans, one after the other, at several replicas in turn.
func (s *show) joins(t testing.TB, fans []lab.Fan, urls ...string) []waiter {
	t.Helper()
	var out []waiter
	for i, f := range fans {
		w, status := s.look(t, "POST", urls[i%len(urls)], f)
		if status != http.StatusCreated {
			t.Fatalf("joining: %d", status)
		}
		out = append(out, waiter{f, w.Spot.ID, w.Spot.Arrival})
	}
	return out
}

func (s *show) serving() int64 {
	return int64(s.count(`SELECT serving::int FROM queue_heads WHERE event_id = $1`, s.id))
}

// inPlace fails the test unless every fan has at every replica the place that was acknowledged, and is called exactly
// when the database says so; what is shown is never ahead of it, nor far behind.
func (s *show) inPlace(t testing.TB, fans []waiter, urls ...string) {
	t.Helper()
	for i, f := range fans {
		for _, url := range urls {
			began, before := time.Now(), s.serving()
			w, status := s.look(t, "GET", url, f.Fan)
			after := s.serving()
			switch {
			case status != http.StatusOK:
				t.Fatalf("fan %d at %s: %d", i, url, status)
			case w.Spot.ID != f.spot || w.Spot.Arrival != f.arrival || w.Spot.Number == nil || *w.Spot.Number != f.arrival:
				t.Errorf("fan %d had spot %s with arrival %d, and has %+v", i, f.spot, f.arrival, w.Spot)
			case w.Serving > after:
				t.Errorf("serving %d is shown, and is %d", w.Serving, after)
			// One a second is called.
			case w.Serving < before-int64((behind+time.Since(began))/time.Second)-1:
				t.Errorf("serving %d is shown, and was %d", w.Serving, before)
			case (w.Admission != nil) != (w.Spot.Status == "called"), w.Spot.Status == "called" && f.arrival > after:
				t.Errorf("number %d is %s with serving %d", f.arrival, w.Spot.Status, after)
			case w.Spot.Status == "waiting" && (w.Spot.Ahead == nil || *w.Spot.Ahead != f.arrival-1-w.Serving):
				t.Errorf("number %d has %v ahead with serving %d", f.arrival, w.Spot.Ahead, w.Serving)
			case w.Spot.Status != "waiting" && w.Spot.Status != "called":
				t.Errorf("number %d is %s", f.arrival, w.Spot.Status)
			}
		}
	}
}

// pollRate is how many polls a second a replica answers over a few connections, and the same as a share of what it answers
// without looking at anything: other work on the machine slows both.
func (s *show) pollRate(t testing.TB, url string, fans []waiter) (best, share float64) {
	t.Helper()
	bare := 0.0
	for range 3 {
		bare = max(bare, s.rate(t, url+"/livez", fans))
		best = max(best, s.rate(t, url+"/api/v1/events/"+s.id+"/queue", fans))
	}
	return best, best / bare
}

// rate is how many requests a second an address answers.
func (s *show) rate(t testing.TB, address string, fans []waiter) float64 {
	t.Helper()
	const connections, requests = 8, 800
	start := time.Now()
	var group sync.WaitGroup
	for c := range connections {
		group.Go(func() {
			for i := range requests / connections {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+fans[(c+i*connections)%len(fans)].Token)
				res, err := s.client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body) // else the connection is lost
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", address, res.Status)
					return
				}
			}
		})
	}
	group.Wait()
	return requests / time.Since(start).Seconds()
}

// follower listens to the line and remembers what it heard.
type follower struct {
	mu     sync.Mutex
	last   int64
	back   bool
	beyond string
}

// follow listens at a replica until the end of the test; what is heard must never be beyond the database, nor go back.
func (s *show) follow(t testing.TB, url string) *follower {
	t.Helper()
	f := &follower{}
	run(t, "the stream of "+url, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/events/"+s.id+"/queue/stream", nil)
		if err != nil {
			return err
		}
		client := &http.Client{Transport: &http.Transport{}}
		defer client.CloseIdleConnections()
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			data, ok := strings.CutPrefix(lines.Text(), "data: {\"serving\":")
			if !ok {
				continue
			}
			var n int64
			_, err := fmt.Sscanf(data, "%d", &n)
			is := s.serving()
			f.mu.Lock()
			f.back = f.back || n < f.last
			if n > is || err != nil {
				f.beyond = fmt.Sprintf("%d was said with serving %d (%v)", n, is, err)
			}
			f.last = n
			f.mu.Unlock()
		}
		return nil
	})
	return f
}

// follows waits until the stream says what was served a moment ago.
func (f *follower) follows(s *show) {
	s.t.Helper()
	is := s.serving()
	s.until("the stream is right again", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.last >= is
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.back || f.beyond != "" {
		s.t.Errorf("the stream: went back: %v; beyond the database: %s", f.back, f.beyond)
	}
}

// In one existing system an emptied Redis strands everybody who waits, lets newcomers in first, and polls fall from
// 11,600 a second to 98. Here Redis is emptied, lies, hangs and is gone, one after the other; nobody loses a place or
// jumps one, everybody is told what the database says, and nothing becomes slow.
func TestNobodyLosesAPlaceWhateverRedisDoes(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	other := p.startReplica(dbtest.FreeAddr(t))
	s := p.slowLine(t, "redis")
	urls := []string{p.url, other.url}
	waiting := s.joins(t, p.fans(dbtest.Size(100, 400)), urls...)
	streams := []*follower{s.follow(t, p.url), s.follow(t, other.url)}
	ctx := t.Context()

	// check is what must hold at any time; a newcomer comes behind everybody.
	check := func(when string) (share float64) {
		t.Helper()
		s.inPlace(t, waiting, urls...)
		waiting = append(waiting, s.joins(t, p.fans(1), urls[len(waiting)%2])...)
		if last := waiting[len(waiting)-1]; last.arrival != int64(len(waiting)) {
			t.Errorf("%s: the newcomer came as %d of %d", when, last.arrival, len(waiting))
		}
		before := s.serving()
		p.until(when+": the line moves", func() bool { return s.serving() > before })
		for _, f := range streams {
			f.follows(s)
		}
		polls, share := s.pollRate(t, other.url, waiting[len(waiting)-40:]) // who wait
		t.Logf("%s: %.0f polls a second, %.2f of a bare answer's rate", when, polls, share)
		return share
	}
	// Nothing is faster than a bare answer: above 1 the measurement was disturbed.
	healthy := min(1, check("healthy"))
	// Other tests share the processors, so a slow measurement is taken again: what
	// is slow by itself stays so.
	notSlower := func(when string) {
		t.Helper()
		share := check(when)
		for range 6 {
			if share >= healthy/2 {
				return
			}
			_, again := s.pollRate(t, other.url, waiting[len(waiting)-40:])
			share = max(share, again)
		}
		if share < healthy/2 {
			t.Errorf("%s: polls come at %.2f of a bare answer's rate at best, %.2f before", when, share, healthy)
		}
	}

	if err := p.redis.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	notSlower("emptied")

	lies := 0
	stop := run(t, "the liar", func(ctx context.Context) error {
		rnd := rand.New(rand.NewPCG(3, 4))
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				lies += p.lie(ctx, rnd, s) + p.forge(ctx, rnd, s)
			}
		}
	})
	notSlower("lying")
	stop()
	if lies == 0 {
		t.Error("no lie was told")
	}

	if pid := p.redisServer.PID(); pid > 0 {
		hang := func(signal syscall.Signal) {
			if err := syscall.Kill(pid, signal); err != nil {
				t.Fatal(err)
			}
		}
		hang(syscall.SIGSTOP)
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
		notSlower("hanging")
		hang(syscall.SIGCONT)
	}

	if err := p.redisServer.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	notSlower("gone")

	if err := p.redisServer.Start(ctx); err != nil {
		t.Fatal(err)
	}
	notSlower("back, and empty")
	s.audited(t)
}

// forge publishes messages in the form the replicas use: nudges that name the event, a stranger, older and huge numbers.
func (p *product) forge(ctx context.Context, rnd *rand.Rand, s *show) (told int) {
	event, stranger := uuid.MustParse(s.id), uuid.New()
	for _, id := range []uuid.UUID{event, stranger} {
		from := uuid.New()
		p.redis.Publish(ctx, "fq:live", from.String()[:16]+" sale\n"+string(from[:])+string(id[:]))
		told++
	}
	for _, serving := range []int64{0, 1, rnd.Int64N(1 << 40), -1} {
		p.redis.Publish(ctx, "fq:live", fmt.Sprintf("0123456789abcdef sale\n{\"event\":%q,\"serving\":%d,\"state\":\"open\"}", s.id, serving))
		p.redis.Publish(ctx, "fq:live", fmt.Sprintf("0123456789abcdef serving\n%s %d", s.id, serving))
		told += 2
	}
	return told
}

// A replica is killed, then all of them: in another existing system the process dies and numbers restart at 1. The other
// replica goes on with the same places, and so does the next process of all.
func TestKilledReplicasLoseNoPlace(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	s := p.slowLine(t, "killed-replica")
	fans := p.fans(dbtest.Size(60, 600))
	p.stopApp()
	first := p.startReplica(p.cfg.Addr) // it leads: the other comes later
	second := p.startReplica(dbtest.FreeAddr(t))

	half := len(fans) / 2
	waiting := s.joins(t, fans[:half], first.url, second.url)
	before := s.serving()
	p.until("the line moves", func() bool { return s.serving() > before })
	s.inPlace(t, waiting, first.url, second.url)

	// Joins are under way when it dies: what was acknowledged is there, and who got no answer asks the other.
	var mu sync.Mutex
	var acknowledged []waiter
	var group sync.WaitGroup
	dead := make(chan struct{})
	for i, f := range fans[half : len(fans)-2] {
		group.Go(func() {
			if i == (len(fans)-2-half)/2 {
				first.kill()
				close(dead)
			}
			for _, url := range []string{first.url, second.url} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/v1/events/"+s.id+"/queue", nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+f.Token)
				res, err := s.client.Do(req)
				if err != nil {
					continue
				}
				var w where
				err = json.NewDecoder(res.Body).Decode(&w)
				_ = res.Body.Close()
				if res.StatusCode > 201 || err != nil {
					continue
				}
				mu.Lock()
				acknowledged = append(acknowledged, waiter{f, w.Spot.ID, w.Spot.Arrival})
				mu.Unlock()
				return
			}
			t.Error("neither replica took the join")
		})
	}
	group.Wait()
	<-dead
	waiting = append(waiting, acknowledged...)
	s.inPlace(t, waiting, second.url)
	before, killed := s.serving(), time.Now()
	p.until("the other replica leads", func() bool { return s.serving() > before })
	if took := time.Since(killed); took > 20*time.Second {
		t.Errorf("nobody was called for %s", took)
	}
	s.inPlace(t, waiting, second.url)

	second.kill()
	served := s.serving()
	third := p.startReplica(p.cfg.Addr)
	s.inPlace(t, waiting, third.url)
	newcomer := s.joins(t, fans[len(fans)-2:], third.url)
	if got, want := newcomer[0].arrival, int64(len(waiting)+1); got != want || newcomer[1].arrival != want+1 {
		t.Errorf("after the restart newcomers came as %d and %d, want %d", got, newcomer[1].arrival, want)
	}
	p.until("the line moves after the restart", func() bool { return s.serving() > served })
	s.inPlace(t, append(waiting, newcomer...), third.url)
	if n := p.count(`SELECT count(*) FROM spots WHERE event_id = $1 AND status NOT IN ('joined', 'called')`, s.id); n > 0 {
		t.Errorf("%d have lost their turn", n)
	}
	s.audited(t)
}

// Who signs out is signed out everywhere within two seconds, Redis or not: the next poll is refused.
func TestSignOutEndsPollsOnEveryReplica(t *testing.T) {
	t.Parallel()
	for name, redis := range map[string]bool{"with Redis": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startProduct(t)
			other := p.startReplica(dbtest.FreeAddr(t))
			s := p.slowLine(t, "sign-out")
			// The line must not come to this fan.
			s.joins(t, p.fans(50), p.url)
			bearer, cookie := p.signedIn("ada@example.test")
			s.joins(t, []lab.Fan{{Token: bearer}}, p.url)
			if !redis {
				if err := p.redisServer.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			header := map[string]string{"Cookie": "fq_session=" + cookie}
			page := "/events/" + s.slug + "/queue"
			shows := func(url string) bool {
				a := p.request(t, "GET", url+page, "", nil, header)
				return a.status == http.StatusOK && strings.Contains(string(a.body), ">51<")
			}
			for _, url := range []string{p.url, other.url} {
				if !shows(url) {
					t.Fatalf("%s does not show the fan's number", url)
				}
			}
			p.request(t, "POST", p.url+"/sign-out", "", "", header).want(http.StatusSeeOther, http.StatusFound)
			out := time.Now()
			for _, url := range []string{p.url, other.url} {
				p.until("the other replica knows", func() bool { return !shows(url) })
				// A loaded machine is no failure; the second tick of revocations is the promise.
				if took := time.Since(out); took > behind+500*time.Millisecond {
					t.Errorf("%s showed the place for %s after the sign-out", url, took)
				}
			}
		})
	}
}
