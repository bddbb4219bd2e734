package api

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
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

func heard(l *listener) bool {
	select {
	case <-l.wake:
		return true
	default:
		return false
	}
}

func TestEveryListenerHearsTheSameBytesAtMostOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		event := uuid.New()
		f := &feed{ch: make(chan *sale.Snapshot)}
		h := newHub(f.follow)
		a, err := h.join(shot(event, 1, 1000))
		if err != nil {
			t.Fatal(err)
		}
		b, err := h.join(shot(event, 1, 1000))
		if err != nil {
			t.Fatal(err)
		}
		if h.count() != 2 {
			t.Fatalf("%d listeners", h.count())
		}
		first := a.room.latest.Load()
		for n := range int64(5) {
			f.ch <- shot(event, 2+n, 1000)
			time.Sleep(10 * time.Millisecond)
		}
		synctest.Wait()
		if heard(a) || heard(b) {
			t.Fatal("a second message within a second")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !heard(a) || !heard(b) {
			t.Fatal("nothing was heard after a second")
		}
		is := a.room.latest.Load()
		if &is.serving[0] != &b.room.latest.Load().serving[0] {
			t.Fatal("encoded more than once")
		}
		if is.servingSeq != first.servingSeq+1 || is.number != 6 || is.noticeSeq != first.noticeSeq {
			t.Fatalf("got %+v", is)
		}
		// A message from the past changes nothing, whatever it says.
		time.Sleep(2 * time.Second)
		f.ch <- shot(event, 3, 1000)
		synctest.Wait()
		if heard(a) || a.room.latest.Load().number != 6 {
			t.Fatal("serving went back")
		}
		a.leave()
		b.leave()
		synctest.Wait()
		if f.unfollow != 1 || len(h.rooms) != 0 || h.count() != 0 {
			t.Fatalf("the room outlived its listeners: %d, %d", f.unfollow, len(h.rooms))
		}
		h.close()
	})
}

func TestStockIsToldSparinglyAndMessagesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		event := uuid.New()
		f := &feed{ch: make(chan *sale.Snapshot)}
		h := newHub(f.follow)
		l, err := h.join(shot(event, 1, 1000))
		if err != nil {
			t.Fatal(err)
		}
		f.ch <- shot(event, 1, 90)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if heard(l) {
			t.Fatal("stock was told within five seconds")
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if !heard(l) || !strings.Contains(string(l.room.latest.Load().notice), `"low_stock":[{"tier":0,"left":90}]`) {
			t.Fatalf("stock was not told: %s", l.room.latest.Load().notice)
		}
		time.Sleep(time.Second)
		s := shot(event, 1, 90)
		s.Message, s.State = "Doors at six.", sale.Paused
		f.ch <- s
		synctest.Wait()
		if !heard(l) {
			t.Fatal("a message waited")
		}
		want := "event: notice\ndata: {\"message\":\"Doors at six.\",\"low_stock\":[{\"tier\":0,\"left\":90}],\"reason\":\"paused\"}\n\n"
		if got := string(l.room.latest.Load().notice); got != want {
			t.Fatalf("got %q", got)
		}
		l.leave()
		h.close()
	})
}

// A turn lasts thirty seconds at least: who waits for another one must not hear of it after half of that.
func TestWhoWaitsForAnotherTurnIsLookedAtOften(t *testing.T) {
	t.Parallel()
	number := int64(3)
	for range 100 {
		again := &viewer{known: true, found: true, place: queue.View{Status: queue.Waiting, Number: &number, Serving: 7}}
		if b := again.beat(); b < lookAgain || b > 7*time.Second {
			t.Fatalf("another turn: %s", b)
		}
		first := &viewer{known: true, found: true, place: queue.View{Status: queue.Waiting, Number: &number, Serving: 2}}
		for _, v := range []*viewer{first, {}} {
			if b := v.beat(); b < 11*time.Second || b > quietFor {
				t.Fatalf("a first turn comes with serving: %s", b)
			}
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
	h := newHub(f.follow)
	h.close()
	h.close()
	if _, err := h.join(shot(uuid.New(), 1, 1)); err == nil {
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

// clocked is a connection that notes when something was written to it.
type clocked struct {
	header http.Header
	at     []time.Time
	body   bytes.Buffer
}

func (c *clocked) Header() http.Header { return c.header }
func (c *clocked) WriteHeader(int)     {}
func (c *clocked) Flush()              {}
func (c *clocked) Write(b []byte) (int, error) {
	c.at = append(c.at, time.Now())
	return c.body.Write(b)
}

func TestAQuietStreamSaysThatItLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHub((&feed{ch: make(chan *sale.Snapshot)}).follow)
		l, err := h.join(shot(uuid.New(), 1, 1000))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		w := &clocked{header: http.Header{}}
		l.serve(echo.NewResponse(w, echo.New()), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil), &viewer{})
		l.leave()
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
