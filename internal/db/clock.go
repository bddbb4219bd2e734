package db

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Clock tells the time of the database on this machine, whose own clock may be
// wrong. Tokens, cookies and countdowns use it; inside a transaction the
// database's now() decides. The zero value and nil are the system clock; Sync,
// called now and then, makes it follow a database.
type Clock struct {
	offset atomic.Int64 // nanoseconds to add to this machine's clock
}

const clockSamples = 3

// Sync measures how far this machine's clock is from the database's. The
// fastest of a few round trips counts, and half of it is taken off. On an error
// the last offset stays.
func (c *Clock) Sync(ctx context.Context, conn Conn) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var best, offset time.Duration
	for i := range clockSamples {
		start := time.Now()
		var at time.Time
		if err := conn.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&at); err != nil {
			return Fault(fmt.Errorf("db.Clock: %w", err))
		}
		trip := time.Since(start)
		if i == 0 || trip < best {
			best = trip
			// Round(0) drops the monotonic reading: at has none.
			offset = at.Sub(start.Round(0).Add(trip / 2))
		}
	}
	c.offset.Store(int64(offset))
	return nil
}

// Offset is what Now adds to this machine's clock.
func (c *Clock) Offset() time.Duration {
	if c == nil {
		return 0
	}
	return time.Duration(c.offset.Load())
}

// Now is the database's present time, in UTC.
func (c *Clock) Now() time.Time { return time.Now().Add(c.Offset()).UTC() }
