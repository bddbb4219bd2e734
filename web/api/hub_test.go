package api

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/catalog"
	"fairqueue/internal/sale"
	"fairqueue/web/stream"
)

// feed is a sale service whose snapshots the test makes.
type feed struct {
	ch       chan *sale.Snapshot
	unfollow int
}

func (f *feed) follow(uuid.UUID) (<-chan *sale.Snapshot, func()) {
	return f.ch, func() { f.unfollow++ }
}

func shot(event uuid.UUID, serving int64, left int) *sale.Snapshot {
	return &sale.Snapshot{
		Event: catalog.Event{ID: event}, State: sale.Open, Serving: serving, Rate: 600, At: time.Now(),
		Tiers: []sale.Tier{{Name: "Stands", Capacity: 1000, Available: left}},
	}
}

// recorder is a connection that cannot be taken over; it notes what was written when.
type recorder struct {
	header http.Header
	mu     sync.Mutex
	body   bytes.Buffer
	at     []time.Time
}

func (c *recorder) Header() http.Header { return c.header }
func (c *recorder) WriteHeader(int)     {}
func (c *recorder) Flush()              {}
func (c *recorder) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, time.Now())
	return c.body.Write(b)
}

// heard returns what came since the last call.
func (c *recorder) heard() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.body.String()
	c.body.Reset()
	return s
}

// stream opens a stream of a room; it ends with the hub or with leave.
func (h *hub) stream(t *testing.T, s *sale.Snapshot, v func(*room) *viewer) (w *recorder, leave func()) {
	t.Helper()
	r, err := h.enter(s)
	if err != nil {
		t.Fatal(err)
	}
	var fan *viewer
	if v != nil {
		fan = v(r)
	}
	w = &recorder{header: http.Header{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.serve(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil), fan); err != nil {
			t.Error(err)
		}
	}()
	return w, func() { cancel(); <-done }
}

func noLooks() *looks { return newLooks(func(*viewer) []byte { return nil }, func(*viewer, int64) {}) }

func (h *hub) latest(event uuid.UUID) *tick {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[event].latest.Load()
}

func TestEveryStreamHearsTheSameBytesAtMostOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		event := uuid.New()
		f := &feed{ch: make(chan *sale.Snapshot)}
		h := newHub(f.follow, noLooks(), stream.Config{})
		a, leaveA := h.stream(t, shot(event, 1, 1000), nil)
		b, leaveB := h.stream(t, shot(event, 1, 1000), nil)
		synctest.Wait()
		if h.count() != 2 {
			t.Fatalf("%d streams", h.count())
		}
		if first := a.heard(); !strings.Contains(first, "event: notice\n") || !strings.Contains(first, `"serving":1,`) {
			t.Fatalf("first came %q", first)
		}
		b.heard()
		for n := range int64(5) {
			f.ch <- shot(event, 2+n, 1000)
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		if one, other := a.heard(), b.heard(); one != "" || other != "" {
			t.Fatalf("a second message within a second: %q, %q", one, other)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		one, other := a.heard(), b.heard()
		if one != other || one != string(h.latest(event).serving) {
			t.Fatalf("%q and %q", one, other)
		}
		if h.latest(event).number != 6 {
			t.Fatalf("got %+v", h.latest(event))
		}
		// A message from the past changes nothing, whatever it says.
		time.Sleep(2 * time.Second)
		f.ch <- shot(event, 3, 1000)
		synctest.Wait()
		if one = a.heard(); one != "" || h.latest(event).number != 6 {
			t.Fatalf("serving went back: %q", one)
		}
		leaveA()
		leaveB()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if f.unfollow != 1 || len(h.rooms) != 0 || h.count() != 0 {
			t.Fatalf("the room outlived its streams: %d, %d", f.unfollow, len(h.rooms))
		}
		h.close()
	})
}

func TestStockIsToldSparinglyAndMessagesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		event := uuid.New()
		f := &feed{ch: make(chan *sale.Snapshot)}
		h := newHub(f.follow, noLooks(), stream.Config{})
		w, leave := h.stream(t, shot(event, 1, 1000), nil)
		synctest.Wait()
		w.heard()
		f.ch <- shot(event, 1, 90)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := w.heard(); got != "" {
			t.Fatalf("stock was told within five seconds: %q", got)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if got := w.heard(); !strings.Contains(got, `"low_stock":[{"tier":0,"left":90}]`) {
			t.Fatalf("stock was not told: %q", got)
		}
		time.Sleep(time.Second)
		s := shot(event, 1, 90)
		s.Message, s.State = "Doors at six.", sale.Paused
		f.ch <- s
		synctest.Wait()
		want := "event: notice\ndata: {\"message\":\"Doors at six.\",\"low_stock\":[{\"tier\":0,\"left\":90}],\"reason\":\"paused\"}\n\n"
		if got := w.heard(); !strings.HasPrefix(got, want) {
			t.Fatalf("a message waited: %q", got)
		}
		leave()
		h.close()
	})
}

func TestTicksAreSlowerWhenTellingThemTakesLong(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		0: time.Second, 250 * time.Millisecond: time.Second, 500 * time.Millisecond: 2 * time.Second, time.Minute: 10 * time.Second,
	} {
		if got := paceFor(took); got != want {
			t.Errorf("%s: got %s, want %s", took, got, want)
		}
	}
	now := time.Now()
	event := uuid.New()
	first := firstTick(shot(event, 1, 1000), now)
	if is, wait := first.after(shot(event, 2, 1000), now.Add(time.Second), 2*time.Second); is != first || wait != time.Second {
		t.Errorf("a tick came after a second, or waits %s", wait)
	}
	if is, _ := first.after(shot(event, 2, 1000), now.Add(2*time.Second), 2*time.Second); is == first {
		t.Error("no tick came after two seconds")
	}
}

func TestWhoIsFarBehindHearsFewerTicks(t *testing.T) {
	t.Parallel()
	for rate, want := range map[float64]int64{0: 5100, 10: 300, 600: 5100, 100_000: 5100} {
		s := shot(uuid.New(), 100, 1000)
		s.Rate = rate
		if got := firstTick(s, time.Now()).reach(); got != want {
			t.Errorf("%g a minute: got %d, want %d", rate, got, want)
		}
	}
}

func TestAServingMessageFits(t *testing.T) {
	t.Parallel()
	s := shot(uuid.New(), 1<<53, 0)
	s.Rate = 599_999.96
	for _, state := range []sale.State{sale.Scheduled, sale.SoldOut} {
		s.State = state
		b := firstTick(s, time.Now()).serving
		if len(b) > 200 || !bytes.HasSuffix(b, []byte("\n\n")) {
			t.Errorf("%d bytes: %s", len(b), b)
		}
	}
}

func TestAClosedHubTakesNobody(t *testing.T) {
	t.Parallel()
	f := &feed{ch: make(chan *sale.Snapshot)}
	h := newHub(f.follow, noLooks(), stream.Config{})
	h.close()
	h.close()
	if _, err := h.enter(shot(uuid.New(), 1, 1)); err == nil {
		t.Fatal("joined a closed hub")
	}
}

func TestReasonsWhyNobodyIsCalled(t *testing.T) {
	t.Parallel()
	for state, want := range map[sale.State]string{
		sale.Scheduled: "not_open", sale.Lobby: "not_open", sale.Open: "", sale.Paused: "paused", sale.SoldOut: "sold_out", sale.Ended: "ended",
	} {
		s := shot(uuid.New(), 1, 500)
		s.State = state
		if got := noticeOf(s).Reason; got != want {
			t.Errorf("%s: got %q", state, got)
		}
	}
	if got := noticeOf(shot(uuid.New(), 1, 0)).Reason; got != "held" {
		t.Errorf("everything held: got %q", got)
	}
}

func TestAQuietStreamSaysThatItLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHub((&feed{ch: make(chan *sale.Snapshot)}).follow, noLooks(), stream.Config{})
		w, leave := h.stream(t, shot(uuid.New(), 1, 1000), nil)
		time.Sleep(5 * time.Minute)
		leave()
		h.close()
		if !strings.HasPrefix(w.body.String(), "retry: ") || strings.Count(w.body.String(), ":\n\n") < 15 {
			t.Errorf("%q", w.body.String())
		}
		for i := 1; i < len(w.at); i++ {
			if gap := w.at[i].Sub(w.at[i-1]); gap > 20*time.Second {
				t.Errorf("nothing for %s", gap)
			}
		}
	})
}
