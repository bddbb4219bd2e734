package devstack

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

const (
	// lived is how long a child runs before its end is news, and not one more
	// failure of the same start.
	lived = 2 * time.Second
	// maxFailures in a row end the attempts: some ten seconds after the first.
	maxFailures = 7
)

// pause is how long the attempt after so many failures waits.
func pause(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return min(125*time.Millisecond<<failures, 2*time.Second)
}

// child is a program that a stack runs.
type child struct {
	proc func() *process
	// again starts it as before: same address, same files.
	again func(context.Context) error
	stop  func(context.Context) error

	halt context.CancelFunc
	kept chan struct{} // closed when keep returned
}

// watch lets a goroutine see to c until end.
func (s *Stack) watch(c *child) *child {
	ctx, halt := context.WithCancel(context.Background()) // ends by end, not with Start
	c.halt, c.kept = halt, make(chan struct{})
	go func() { // end waits for it
		defer close(c.kept)
		s.keep(ctx, c)
	}()
	return c
}

// keep starts c again whenever it ends without being told to, as long as that
// helps. Then, or when nobody asked for it, Dead gives the reason.
func (s *Stack) keep(ctx context.Context, c *child) {
	for failures := 0; ; {
		p := c.proc()
		begun := time.Now()
		select {
		case <-p.done:
		case <-ctx.Done():
			return
		}
		err := fmt.Errorf("%s ended by itself (%w)", p.name, p.reason())
		if s.revive == nil {
			s.dead <- err
			return
		}
		if time.Since(begun) > lived {
			failures = 0
		} else {
			failures++
		}
		if failures < maxFailures {
			s.revive(err.Error() + ": starting it again")
		}
		for {
			if failures >= maxFailures {
				s.dead <- fmt.Errorf("%w, %d times in a row", err, failures)
				return
			}
			if sleep(ctx, pause(failures)) != nil {
				return
			}
			again := c.again(ctx)
			if again == nil {
				break
			}
			if ctx.Err() != nil {
				return
			}
			failures++
			err = again
		}
	}
}

// end stops c, for good. Until keep has returned it may be about to start it.
func (c *child) end(ctx context.Context) error {
	if c == nil {
		return nil
	}
	if c.halt != nil {
		c.halt()
		<-c.kept
	}
	return c.stop(ctx)
}

func (s *Stack) watchPostgres() *child {
	return s.watch(&child{
		proc: func() *process { return s.pg.proc },
		again: func(ctx context.Context) error {
			// Somebody may have started one by hand: it would outlive us.
			if err := stopLeftoverPostgres(ctx, s.pg.dataDir); err != nil {
				return err
			}
			return s.pg.start(ctx)
		},
		stop: s.pg.stop,
	})
}

func (s *Stack) watchRedis() *child {
	if s.redis.InProcess() {
		return &child{stop: s.redis.Stop} // ends with us and never before
	}
	return s.watch(&child{
		proc: func() *process { return s.redis.proc },
		again: func(ctx context.Context) error {
			if err := stopLeftoverRedis(ctx, filepath.Join(s.dir, "redis")); err != nil {
				return err
			}
			return s.redis.Start(ctx)
		},
		stop: s.redis.Stop,
	})
}
