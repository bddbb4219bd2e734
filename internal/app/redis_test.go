package app_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"fairqueue/internal/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// silent is a Redis that takes connections and never says a word.
func silent(t testing.TB) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
		for _, c := range open {
			_ = c.Close()
		}
	})
	return "redis://" + ln.Addr().String()
}

// No join and no poll waits for Redis: one that is silent would cost each of them its time-out.
func TestASilentRedisSlowsNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, silent(t))
	fans := r.fans(60)
	// 50 ms is the least that anything waits for Redis (guard).
	const patience = 50 * time.Millisecond
	if joins := r.joining(1, fans).closed(t, time.Minute); joins.answers != len(fans) || joins.at(.5) >= patience {
		t.Errorf("%d joins, half of them after %s", joins.answers, joins.at(.5))
	}
	polls := r.polling(1, fans)
	polls.next = once([][]byte{polls.next(), polls.next(), polls.next(), polls.next(), polls.next()})
	if seen := polls.closed(t, time.Minute); seen.answers != 5 || seen.at(.5) >= patience {
		t.Errorf("%d polls, half of them after %s", seen.answers, seen.at(.5))
	}
}
