package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/maypok86/otter/v2"
	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"

	"fairqueue/internal/fault"
)

// Rate is a number of requests in a window, with bursts up to the number.
type Rate struct {
	N   int
	Per time.Duration
}

// Config is what a Guard needs. Observe measures and logs, and refuses nothing.
type Config struct {
	// Redis may be nil: the process counts alone.
	Redis   redis.UniversalClient
	Prefix  string
	Observe bool
	// Patience is how long an answer of Redis is waited for; 0 means 50 ms.
	Patience time.Duration
	Logger   *slog.Logger
}

const (
	defaultPatience = 50 * time.Millisecond
	// rest is how long Redis is not asked after it failed.
	rest = time.Second
	// callers is how many callers the process remembers; a limiter is about 100 bytes.
	callers = 200_000
)

// Guard counts and refuses.
type Guard struct {
	cfg     Config
	shared  *redis_rate.Limiter
	local   *otter.Cache[caller, *rate.Limiter]
	resting atomic.Int64 // unix nanoseconds until when Redis is left alone

	sayFailed, sayRefused rate.Sometimes
	refused               atomic.Int64
}

// caller is one bucket: what is asked for, by whom, at which rate.
type caller struct {
	name, key string
	rate      Rate
}

// New returns a Guard.
func New(cfg Config) *Guard {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Patience <= 0 {
		cfg.Patience = defaultPatience
	}
	g := &Guard{
		cfg: cfg,
		local: otter.Must(&otter.Options[caller, *rate.Limiter]{
			MaximumSize: callers,
			// At once and here: a goroutine for each new caller took a twentieth of a join.
			Executor: func(tidy func()) { tidy() },
		}),
		sayFailed:  rate.Sometimes{Interval: 10 * time.Second},
		sayRefused: rate.Sometimes{Interval: time.Second},
	}
	switch c := cfg.Redis.(type) {
	case nil:
	case *redis.Client:
		// Shares c's connections, with a read time-out of our own.
		g.shared = redis_rate.NewLimiter(c.WithTimeout(cfg.Patience))
	default:
		g.shared = redis_rate.NewLimiter(c)
	}
	return g
}

// Allow counts one rare request (codes, sign-in) of key under name, in Redis and
// in the process; past the rate of either: 429 too_many_requests with RetryAfter.
// Who is past it here is past it everywhere, so the process is asked first: a
// flood does not reach Redis, and a Redis that lets everybody through is no hole.
func (g *Guard) Allow(ctx context.Context, name, key string, r Rate) error {
	wait := g.count(name, key, r)
	if wait == 0 && g.shared != nil && time.Now().UnixNano() >= g.resting.Load() {
		var err error
		if wait, err = g.ask(ctx, name, key, r); err != nil && ctx.Err() == nil {
			g.resting.Store(time.Now().Add(rest).UnixNano())
			g.sayFailed.Do(func() {
				g.cfg.Logger.WarnContext(ctx, "rate limits are counted by this process alone: Redis did not answer properly", "error", err)
			})
		}
	}
	if wait > 0 {
		return g.refuse(name, wait)
	}
	return nil
}

// ask counts in Redis and returns how long the caller has to wait. What no
// count can be is an error.
func (g *Guard) ask(ctx context.Context, name, key string, r Rate) (wait time.Duration, err error) {
	defer func() {
		// redis_rate asserts the types of Redis' answer.
		if p := recover(); p != nil {
			err = fmt.Errorf("guard: an answer of the wrong type: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Patience)
	defer cancel()
	digest := sha256.Sum256([]byte(key))
	res, err := g.shared.Allow(ctx, g.cfg.Prefix+name+":"+hex.EncodeToString(digest[:16]),
		redis_rate.Limit{Rate: r.N, Burst: r.N, Period: r.Per})
	if err != nil {
		return 0, err
	}
	if res.Allowed > 0 {
		return 0, nil
	}
	if res.RetryAfter <= 0 || res.RetryAfter > r.Per+time.Second {
		return 0, fmt.Errorf("guard: a wait of %s in a window of %s", res.RetryAfter, r.Per)
	}
	return res.RetryAfter, nil
}

// AllowLocal is Allow in the process only, for frequent requests (joins, polls): no network.
func (g *Guard) AllowLocal(name, key string, r Rate) error {
	if wait := g.count(name, key, r); wait > 0 {
		return g.refuse(name, wait)
	}
	return nil
}

// count counts in the process and returns how long the caller has to wait.
func (g *Guard) count(name, key string, r Rate) time.Duration {
	if r.N <= 0 || r.Per <= 0 {
		return time.Minute
	}
	c := caller{name: name, key: key, rate: r}
	lim, ok := g.local.GetIfPresent(c)
	if !ok {
		lim, _ = g.local.SetIfAbsent(c, rate.NewLimiter(rate.Limit(float64(r.N)/r.Per.Seconds()), r.N))
	}
	now := time.Now()
	if lim.AllowN(now, 1) {
		return 0
	}
	missing := math.Max(1-lim.TokensAt(now), 0)
	return max(time.Duration(missing*float64(r.Per)/float64(r.N)), 1)
}

// Refused is how many requests were refused, or in observe mode would have
// been, since the start.
func (g *Guard) Refused() int64 { return g.refused.Load() }

func (g *Guard) refuse(name string, wait time.Duration) error {
	total := g.refused.Add(1)
	g.sayRefused.Do(func() {
		g.cfg.Logger.Info("too many requests", "limit", name, "refused", !g.cfg.Observe, "total", total)
	})
	if g.cfg.Observe {
		return nil
	}
	return fault.New(fault.TooMany, "too_many_requests",
		"That was too often in a short time. Wait a moment and try again.").After(max(wait, time.Second))
}
