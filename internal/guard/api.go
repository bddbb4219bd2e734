// Package guard knows how much one caller may ask for.
package guard

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"
)

// Rate is a number of requests in a window, with bursts up to the number.
type Rate struct {
	N   int
	Per time.Duration
}

// Config is what a Guard needs. Observe measures and logs, and refuses nothing.
type Config struct {
	Redis   redis.UniversalClient
	Prefix  string
	Observe bool
	Logger  *slog.Logger
}

// Guard counts and refuses.
type Guard struct{ cfg Config }

// New returns a Guard.
func New(cfg Config) *Guard { return &Guard{cfg: cfg} }

// Allow counts one rare request (codes, sign-in) of key under name, in Redis and
// without Redis in the process; past the rate: 429 too_many_requests with RetryAfter.
func (g *Guard) Allow(ctx context.Context, name, key string, r Rate) error { panic("not built") }

// AllowLocal is Allow in the process only, for frequent requests (joins, polls): no network.
func (g *Guard) AllowLocal(name, key string, r Rate) error { panic("not built") }
