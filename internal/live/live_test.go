package live_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/live"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func hub(t *testing.T, r redis.UniversalClient) *live.Hub {
	t.Helper()
	h := live.New(live.Config{Redis: r, Prefix: "fq:"})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		h.Close(ctx)
	})
	return h
}

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	opt, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(opt)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// hear publishes until the subscriber hears of it: a replica may be about to
// connect, and what it misses is lost by design.
func hear(t *testing.T, from *live.Hub, s *live.Sub, topic, payload string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		select {
		case got := <-s.C:
			if string(got) == payload {
				return
			}
		case <-tick.C:
			from.Publish(ctx, topic, []byte(payload))
		case <-ctx.Done():
			t.Fatalf("%q was never heard", payload)
		}
	}
}

func TestListenersOfOneProcessHearAtOnce(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]*live.Hub{"alone": hub(t, nil), "with Redis": hub(t, dbtest.Redis(t))} {
		a, b, other := h.Subscribe("sale", 2), h.Subscribe("sale", 2), h.Subscribe("other", 2)
		h.Publish(t.Context(), "sale", []byte("one"))
		h.Publish(t.Context(), "sale", []byte("two\nlines"))
		for _, s := range []*live.Sub{a, b} {
			if got := string(<-s.C) + "|" + string(<-s.C); got != "one|two\nlines" {
				t.Errorf("%s: got %q", name, got)
			}
		}
		if len(other.C) != 0 {
			t.Errorf("%s: another topic was heard", name)
		}
		a.Close()
		a.Close()
		if _, open := <-a.C; open || a.Dropped() {
			t.Errorf("%s: a closed listener is open or dropped", name)
		}
	}
}

func TestASlowListenerIsDroppedAndNobodyWaits(t *testing.T) {
	t.Parallel()
	h := hub(t, nil)
	slow, quick := h.Subscribe("x", 1), h.Subscribe("x", 10)
	for i := range 3 {
		h.Publish(t.Context(), "x", fmt.Appendf(nil, "%d", i))
	}
	if got, open := <-slow.C; string(got) != "0" || !open {
		t.Errorf("got %q", got)
	}
	if _, open := <-slow.C; open || !slow.Dropped() {
		t.Error("the slow listener was not dropped")
	}
	if len(quick.C) != 3 || quick.Dropped() {
		t.Error("the quick listener lost something")
	}
}

func TestReplicasHearEachOtherAndNotThemselvesTwice(t *testing.T) {
	t.Parallel()
	url := dbtest.RedisURL(t)
	a, b := hub(t, client(t, url)), hub(t, client(t, url))
	atA, atB := a.Subscribe("sale", 1000), b.Subscribe("sale", 1000)
	hear(t, b, atA, "sale", "from b")
	hear(t, a, atB, "sale", "from a")
	for len(atA.C) > 0 {
		<-atA.C
	}
	a.Publish(t.Context(), "sale", []byte("once"))
	hear(t, b, atA, "sale", "end")
	hear(t, a, atB, "sale", "end")
	a.Publish(t.Context(), "sale", []byte("last"))
	once := 0
	for got := range atA.C {
		if string(got) == "once" {
			once++
		}
		if string(got) == "last" {
			break
		}
	}
	if once > 1 {
		t.Errorf("a heard itself %d times", once)
	}
}

func TestRedisDownEmptiedAndLyingDoesNoHarm(t *testing.T) {
	t.Parallel()
	server := dbtest.RedisServer(t)
	a, b := hub(t, client(t, server.URL)), hub(t, client(t, server.URL))
	atA, atB := a.Subscribe("sale", 10000), b.Subscribe("sale", 10000)
	hear(t, a, atB, "sale", "before")

	liar := client(t, server.URL)
	for _, m := range []string{"", "x", "\n", " \n", "origin\npayload", strings.Repeat("z", 1<<20), "forged sale\nforged"} {
		if err := liar.Publish(t.Context(), "fq:live", m).Err(); err != nil {
			t.Fatal(err)
		}
	}
	hear(t, a, atB, "sale", "after garbage")

	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Nobody waits for a Redis that is away, however much is published.
	begun := time.Now()
	for range 5000 {
		a.Publish(t.Context(), "sale", []byte("down"))
		<-atA.C
	}
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("publishing took %v", d)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	hear(t, a, atB, "sale", "after the return")
}

func TestCloseEndsListenersAndPublishing(t *testing.T) {
	t.Parallel()
	h := live.New(live.Config{Redis: dbtest.Redis(t)})
	s := h.Subscribe("x", 1)
	h.Close(t.Context())
	h.Close(t.Context())
	if _, open := <-s.C; open || s.Dropped() {
		t.Error("the listener is open or dropped")
	}
	h.Publish(t.Context(), "x", []byte("late"))
	late := h.Subscribe("x", 1)
	if _, open := <-late.C; open {
		t.Error("a closed hub takes listeners")
	}
	late.Close()
}
