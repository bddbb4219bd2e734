package live

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// quietTime is how long the connection may say nothing before it is asked
	// whether it still lives; twice that, and it is replaced.
	quietTime  = 5 * time.Second
	retryFirst = 100 * time.Millisecond
	retryMost  = 2 * time.Second
)

func (h *Hub) channel() string { return h.cfg.Prefix + "live" }

// send passes the queue on to Redis. A failure costs that message and a short
// pause, in which the queue may overflow: nudges are not worth keeping.
func (h *Hub) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-h.out:
			h.sendOne(ctx, m)
		case <-h.flush:
			for {
				select {
				case m := <-h.out:
					if !h.sendOne(ctx, m) {
						return
					}
				default:
					return
				}
			}
		}
	}
}

func (h *Hub) sendOne(ctx context.Context, m string) bool {
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := h.cfg.Redis.Publish(sendCtx, h.channel(), m).Err()
	if err == nil {
		return true
	}
	h.dropped.Add(1)
	if ctx.Err() == nil {
		h.complain(ctx, "Redis is away; other replicas hear from the database only", err)
		pause(ctx, h.flush, retryFirst)
	}
	return false
}

// hear receives until ctx ends, through reconnects.
func (h *Hub) hear(ctx context.Context) {
	wait := retryFirst
	for ctx.Err() == nil {
		start := time.Now()
		err := h.receive(ctx)
		if ctx.Err() != nil {
			return
		}
		h.complain(ctx, "Redis is away; hearing other replicas from the database only", err)
		if time.Since(start) > quietTime {
			wait = retryFirst
		}
		pause(ctx, nil, wait/2+rand.N(wait))
		wait = min(2*wait, retryMost)
	}
}

// receive hears one connection until it fails.
func (h *Hub) receive(ctx context.Context) error {
	ps := h.cfg.Redis.Subscribe(ctx, h.channel())
	// Receive does not end with ctx while it waits; closing ends it.
	defer context.AfterFunc(ctx, func() { _ = ps.Close() })()
	defer ps.Close() //nolint:errcheck // of no interest: it is replaced
	quiet := 0
	for {
		msg, err := ps.ReceiveTimeout(ctx, quietTime)
		var ne net.Error
		switch {
		case err == nil:
			quiet = 0
		case errors.As(err, &ne) && ne.Timeout() && quiet == 0 && ctx.Err() == nil:
			quiet++
			if err := ps.Ping(ctx); err != nil {
				return err
			}
			continue
		default:
			return err
		}
		m, ok := msg.(*redis.Message)
		if !ok {
			continue // a subscription confirmed, a pong
		}
		origin, topic, payload, ok := decode(m.Payload)
		if !ok || origin == h.origin {
			continue
		}
		h.deliver(topic, []byte(payload))
	}
}

// pause waits, but no longer than ctx, and not once done is closed.
func pause(ctx context.Context, done <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-done:
	case <-t.C:
	}
}
