package guard_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/guard"
)

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{}) // it tells of every Redis that is meant to be away
	dbtest.Main(m)
}

type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

var five = guard.Rate{N: 5, Per: time.Hour}

// allowed asks n times at once and returns how many were let through.
func allowed(t *testing.T, n int, ask func() error) int {
	t.Helper()
	var ok atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			err := ask()
			if err == nil {
				ok.Add(1)
				return
			}
			f := fault.From(err)
			if f.Code != "too_many_requests" || fault.Status(err) != 429 || f.RetryAfter < time.Second || f.RetryAfter > time.Hour {
				t.Errorf("%v, wait %s", err, f.RetryAfter)
			}
		})
	}
	wg.Wait()
	return int(ok.Load())
}

func TestReplicasCountTogether(t *testing.T) {
	t.Parallel()
	rdb := dbtest.Redis(t)
	// A loaded machine is no Redis that fails.
	patient := guard.Config{Redis: rdb, Prefix: "fq:", Patience: time.Minute}
	a, b := guard.New(patient), guard.New(patient)
	ctx := t.Context()
	n := allowed(t, 10, func() error { return a.Allow(ctx, "code", "1.2.3.4", five) }) +
		allowed(t, 10, func() error { return b.Allow(ctx, "code", "1.2.3.4", five) })
	if n != five.N {
		t.Errorf("%d let through", n)
	}
	if err := a.Allow(ctx, "code", "1.2.3.5", five); err != nil {
		t.Errorf("another caller: %v", err)
	}
	if err := a.Allow(ctx, "token", "1.2.3.4", five); err != nil {
		t.Errorf("another limit: %v", err)
	}
	keys, err := rdb.Keys(ctx, "*").Result()
	if err != nil || len(keys) != 3 {
		t.Fatalf("%v, %v", keys, err)
	}
	for _, k := range keys {
		if strings.Contains(k, "1.2.3") {
			t.Errorf("the caller is readable in %s", k)
		}
	}
	if a.Refused()+b.Refused() != 15 {
		t.Errorf("%d and %d refusals counted", a.Refused(), b.Refused())
	}
}

func TestWithoutRedisTheProcessCounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]redis.UniversalClient{"none": nil, "down": dead(t)} {
		g := guard.New(guard.Config{Redis: c})
		if n := allowed(t, 20, func() error { return g.Allow(t.Context(), "code", "x", five) }); n != five.N {
			t.Errorf("%s: %d let through", name, n)
		}
	}
}

func TestARedisThatLiesIsAFailureAndNoAnswer(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, lie := range map[string]func(r *redis.Client, key string) error{
		"a list":        func(r *redis.Client, k string) error { return r.LPush(ctx, k, "x").Err() },
		"garbage":       func(r *redis.Client, k string) error { return r.Set(ctx, k, "garbage", 0).Err() },
		"the year 5138": func(r *redis.Client, k string) error { return r.Set(ctx, k, "99999999999", 0).Err() },
		"infinity":      func(r *redis.Client, k string) error { return r.Set(ctx, k, "inf", 0).Err() },
		"not a number":  func(r *redis.Client, k string) error { return r.Set(ctx, k, "nan", 0).Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb := dbtest.Redis(t)
			g := guard.New(guard.Config{Redis: rdb, Patience: time.Minute})
			if err := g.Allow(t.Context(), "code", "x", five); err != nil {
				t.Fatal(err)
			}
			keys, err := rdb.Keys(ctx, "*").Result()
			if err != nil || len(keys) != 1 {
				t.Fatalf("%v, %v", keys, err)
			}
			rdb.Del(ctx, keys[0])
			if err := lie(rdb, keys[0]); err != nil {
				t.Fatal(err)
			}
			if n := allowed(t, 20, func() error { return g.Allow(t.Context(), "code", "x", five) }); n < 1 || n > five.N {
				t.Errorf("%d let through", n)
			}
		})
	}
}

func TestNoAnswerOfAStrangerIsAnError(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{"+OK\r\n", ":1\r\n", "$3\r\nabc\r\n", "*0\r\n", "*2\r\n:1\r\n:2\r\n", "*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "-ERR no\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "", "silence"} {
		g := guard.New(guard.Config{Redis: stranger(t, answer)})
		start := time.Now()
		if err := g.Allow(t.Context(), "code", "x", five); err != nil {
			t.Errorf("%q: %v", answer, err)
		}
		if d := time.Since(start); d > 2*time.Second {
			t.Errorf("%q: waited %s", answer, d)
		}
	}
}

func TestRedisIsLeftAloneAfterAFailure(t *testing.T) {
	t.Parallel()
	g := guard.New(guard.Config{Redis: stranger(t, "silence")})
	_ = g.Allow(t.Context(), "code", "first", five)
	start := time.Now()
	for i := range 1000 {
		_ = g.Allow(t.Context(), "code", fmt.Sprint(i), five)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("1,000 requests waited %s for a Redis that says nothing", d)
	}
}

func TestObserveRefusesNothing(t *testing.T) {
	t.Parallel()
	g := guard.New(guard.Config{Redis: dbtest.Redis(t), Observe: true})
	if n := allowed(t, 8, func() error { return g.Allow(t.Context(), "code", "x", five) }); n != 8 {
		t.Errorf("%d let through", n)
	}
	if n := allowed(t, 8, func() error { return g.AllowLocal("join", "x", five) }); n != 8 {
		t.Errorf("%d let through", n)
	}
	if g.Refused() != 6 {
		t.Errorf("%d observed", g.Refused())
	}
}

func TestTheBucketFillsAgain(t *testing.T) {
	t.Parallel()
	g := guard.New(guard.Config{})
	fast := guard.Rate{N: 1, Per: time.Millisecond}
	until := time.Now().Add(10 * time.Second)
	for ok := 0; ok < 3; {
		if g.AllowLocal("poll", "x", fast) == nil {
			ok++
		}
		if time.Now().After(until) {
			t.Fatal("nothing came back")
		}
	}
	if err := g.AllowLocal("poll", "x", guard.Rate{}); fault.Status(err) != 429 {
		t.Errorf("a rate of nothing: %v", err)
	}
}

func BenchmarkAllowLocal(b *testing.B) {
	g := guard.New(guard.Config{})
	keys := make([]string, 50_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("102.89.%d.%d", i/256, i%256)
	}
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for i := 0; p.Next(); i++ {
			_ = g.AllowLocal("join", keys[i%len(keys)], guard.Rate{N: 30, Per: time.Minute})
		}
	})
}

// dead is a client of a Redis that is not there.
func dead(t *testing.T) *redis.Client {
	t.Helper()
	return client(t, dbtest.FreeAddr(t))
}

func client(t *testing.T, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// stranger is a client of something that answers everything alike.
func stranger(t *testing.T, answer string) *redis.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			wg.Go(func() {
				defer stop()
				defer conn.Close() //nolint:errcheck // a test's connection
				if answer == "" {
					return
				}
				for in := bufio.NewScanner(conn); in.Scan(); {
					if answer != "silence" && strings.HasPrefix(in.Text(), "*") {
						_, _ = conn.Write([]byte(answer))
					}
				}
			})
		}
	})
	t.Cleanup(func() { cancel(); _ = l.Close(); wg.Wait() })
	return client(t, l.Addr().String())
}
