package paystack

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"fairqueue/internal/payment"
)

// The lanes: kinds of requests that fail and recover each on their own. A
// provider that cannot send money back may well be able to take it.
const (
	laneOpen = iota // initialize
	laneAsk         // verify
	laneBack        // refunds, disputes, banks
	lanes
)

var laneNames = [lanes]string{"open", "ask", "back"}

const (
	// breakAfter failures in a row make a lane rest, of which a time-out counts
	// as two: fans have waited it out. One Start may fail twice, so that the
	// third fan in a row, or the fifth where the failures are quick, is told at once.
	breakAfter    = 8
	timeoutCounts = 2
	// How long a lane rests: doubled while it does not get better. The longest
	// is what a fan waits at most once the provider is back.
	restFirst   = 2 * time.Second
	restLongest = 10 * time.Second
	// probePause is what those hear who come while one tries whether it is better.
	probePause = time.Second
	// ratePatience is how long a call waits by itself when the provider asks it to.
	ratePatience = 2 * time.Second
)

// lane keeps calls away from a provider that does not answer or asks for
// patience, so that nobody waits a time-out to hear what is known already.
//
//	working ──8 failures in a row──▶ resting ──time──▶ one call tries ──answer──▶ working
//	                                    ▲                   │
//	                                    └─── no answer: twice as long
type lane struct {
	name string
	log  *slog.Logger

	mu       sync.Mutex
	failures int           // in a row
	rest     time.Duration // of the present rest; 0: working
	until    time.Time     // when the present rest ends
	trying   bool          // one call is out to see whether it is better
	quiet    time.Time     // 429: nothing is sent before
}

// enter lets a call through, or says why not and for how long: nothing was sent
// then. Who was let through calls leave.
func (l *lane) enter(ctx context.Context) (trial bool, err error) {
	for {
		l.mu.Lock()
		now := time.Now()
		if wait := l.quiet.Sub(now); wait > 0 {
			l.mu.Unlock()
			if wait > ratePatience || !pause(ctx, spread(wait)) {
				return false, &payment.ProviderError{Code: codeRateLimited, Message: "the provider asked for patience", RetryAfter: wait}
			}
			continue
		}
		defer l.mu.Unlock()
		if l.rest == 0 {
			return false, nil
		}
		wait := l.until.Sub(now)
		if wait <= 0 && !l.trying {
			l.trying = true
			return true, nil
		}
		return false, &payment.ProviderError{
			Code: codeResting, Message: "the provider has not answered lately", RetryAfter: max(wait, probePause),
		}
	}
}

// leave notes how a call ended.
func (l *lane) leave(ctx context.Context, trial bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if trial {
		l.trying = false
	}
	e, _ := errors.AsType[*payment.ProviderError](err)
	if e != nil && e.Code == codeRateLimited {
		if at := time.Now().Add(e.RetryAfter); at.After(l.quiet) {
			l.quiet = at
		}
	}
	switch {
	case !silent(err):
		if l.rest != 0 {
			l.log.WarnContext(ctx, "the provider answers again", "lane", l.name)
		}
		l.failures, l.rest, l.until = 0, 0, time.Time{}
	case errors.Is(ctx.Err(), context.Canceled):
		// The caller broke off: that is no silence of the provider's.
	case trial:
		l.rest = min(2*l.rest, restLongest)
		l.until = time.Now().Add(l.rest)
	case l.rest == 0:
		if l.failures++; e != nil && e.Code == codeTimeout {
			l.failures += timeoutCounts - 1
		}
		if l.failures >= breakAfter {
			l.rest = restFirst
			l.until = time.Now().Add(l.rest)
			l.log.ErrorContext(ctx, "the provider does not answer and is left alone for a moment", "lane", l.name, "error", err)
		}
	}
}

// down reports until when nothing is sent.
func (l *lane) down() (until time.Time, down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rest == 0 || !time.Now().Before(l.until) {
		return time.Time{}, false
	}
	return l.until, true
}

// silent reports whether a call found a provider that is not itself.
func silent(err error) bool {
	e, ok := errors.AsType[*payment.ProviderError](err)
	return ok && (e.Uncertain || e.Code == codeUnreachable) && e.Code != codeDuplicate
}

// spread makes those who wait for the same moment come one after the other.
func spread(d time.Duration) time.Duration {
	return d + rand.N(d/4+time.Millisecond) //nolint:gosec // not a secret
}

// pause waits, if ctx lasts that long.
func pause(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
