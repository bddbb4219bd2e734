package sale

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"
)

// topic is where replicas tell each other which event to read again.
const topic = "sale"

const (
	// listenPause is the least time between two reads, however many nudges come.
	listenPause = 100 * time.Millisecond
	maxNudged   = 256
)

// nudge tells the other replicas to read an event: its id behind our own.
func (s *Service) nudge(ctx context.Context, id uuid.UUID) {
	if s.cfg.Live == nil {
		return
	}
	s.cfg.Live.Publish(ctx, topic, append(s.me[:], id[:]...))
}

// Listen reads events again when other replicas changed them, until ctx ends. Without it changes arrive with the
// next Refresh; what a message says is never believed.
func (s *Service) Listen(ctx context.Context) {
	if s.cfg.Live == nil {
		return
	}
	for ctx.Err() == nil {
		sub := s.cfg.Live.Subscribe(topic, maxNudged)
		s.listen(ctx, sub.C)
		sub.Close()
		s.rest(ctx) // a reader that was too slow is dropped and comes back
	}
}

func (s *Service) listen(ctx context.Context, messages <-chan []byte) {
	for {
		ids := map[uuid.UUID]struct{}{}
		select {
		case <-ctx.Done():
			return
		case m, ok := <-messages:
			if !ok {
				return
			}
			s.nudged(ids, m)
		}
		for more := true; more && len(ids) < maxNudged; {
			select {
			case m, ok := <-messages:
				if more = ok; ok {
					s.nudged(ids, m)
				}
			default:
				more = false
			}
		}
		if len(ids) == 0 {
			continue
		}
		list := make([]uuid.UUID, 0, len(ids))
		for id := range ids {
			list = append(list, id)
		}
		if snaps, err := s.read(ctx, []string{}, list, []string{}); err == nil {
			s.memo.put(snaps)
		} else if ctx.Err() == nil {
			s.cfg.Logger.WarnContext(ctx, "sale: a nudge could not be followed", "err", err)
		}
		s.rest(ctx)
	}
}

func (s *Service) nudged(ids map[uuid.UUID]struct{}, m []byte) {
	if len(m) == 32 && !bytes.Equal(m[:16], s.me[:]) {
		ids[uuid.UUID(m[16:32])] = struct{}{}
	}
}

func (s *Service) rest(ctx context.Context) {
	t := time.NewTimer(listenPause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
