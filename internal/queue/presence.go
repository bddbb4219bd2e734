package queue

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/sale"
)

const (
	// presenceWindow is how long a fan must have been watched without a sign to be absent.
	presenceWindow = max(time.Minute, PollMost*5/2)
	// presenceGap is how long a replica or a leader may be silent before what it
	// saw says nothing: those who were with it had nowhere to show themselves.
	presenceGap = 5 * time.Second
	// ringSize is how many numbers one event's ring has room for.
	ringSize   = 1 << 16
	leastReach = 1 << 12
	// forgetEvery is how many publications lie between two that tidy.
	forgetEvery = 600
)

// Seen notes a sign of the fan with a number: a poll, or a stream that is open. It costs no lock and no I/O.
func (s *Service) Seen(event uuid.UUID, number int64) {
	if w := s.presence.find(event); w != nil {
		w.saw(number, s.presence.second(s.now()))
	}
}

// presence is what this replica saw of the fans who wait.
type presence struct {
	replica uuid.UUID
	// start is where the seconds of the rings count from.
	start time.Time
	// watches are those of the open events. Readers take a map that is never
	// changed, without a lock.
	watches atomic.Pointer[map[uuid.UUID]*watch]

	mu sync.Mutex // one publication at a time
	// published is when the last one succeeded.
	published time.Time
	count     int
}

func (p *presence) find(event uuid.UUID) *watch {
	watches := p.watches.Load()
	if watches == nil {
		return nil
	}
	return (*watches)[event]
}

// second is an instant as the rings count, from 1.
func (p *presence) second(at time.Time) uint32 {
	return 1 + uint32(max(0, at.Sub(p.start))/time.Second) //nolint:gosec // a process lives less than a century
}

// watch is a ring of the numbers next in one line: for each the second of its
// last sign. A number shares its place with the one ringSize further, which
// nobody looks at before this one was called.
type watch struct {
	serving, upTo atomic.Int64
	ring          [ringSize]atomic.Uint32

	// Of the publisher alone: up to which number the ring reached when, and
	// whether a row of this event was written.
	reached []reach
	written bool
}

type reach struct {
	second uint32
	upTo   int64
}

// saw notes a sign. It writes only what is news, so that many signs of one
// second do not fight over a line of the processor's cache.
func (w *watch) saw(number int64, second uint32) {
	if number <= w.serving.Load() || number > w.upTo.Load() {
		return
	}
	slot := &w.ring[uint64(number)%ringSize] //nolint:gosec // positive
	if slot.Load() != second {
		slot.Store(second)
	}
}

// reachOf is how many numbers beyond serving are watched: as many as can be
// called in a window at the pace, the absent among them included.
func reachOf(perMinute int) int64 {
	n := int64(perMinute) * int64(1+absentPerRoom) * int64(presenceWindow/time.Second) / 60
	return min(max(n, leastReach), ringSize)
}

// look moves the watch to where the line is now and returns the row: the first
// number that is not served, and the bits of those who were watched for a whole
// window without a sign. Numbers that nobody has are not watched.
func (w *watch) look(second uint32, serving, arrivals int64, perMinute int) (low int64, absent []byte) {
	serving = max(serving, w.serving.Load())
	upTo := max(w.upTo.Load(), min(serving+reachOf(perMinute), arrivals))
	upTo = min(upTo, serving+ringSize)
	w.serving.Store(serving)
	w.upTo.Store(upTo)
	window := uint32(presenceWindow / time.Second)
	low = serving + 1
	w.reached = append(w.reached, reach{second, upTo})
	// Kept: the latest that is a window old, and all that are younger.
	for len(w.reached) > 1 && w.reached[1].second+window < second {
		w.reached = w.reached[1:]
	}
	if first := w.reached[0]; first.second+window < second {
		for n := low; n <= min(first.upTo, upTo); n++ {
			if w.ring[uint64(n)%ringSize].Load()+window >= second { //nolint:gosec // positive
				continue
			}
			i := n - low
			for int64(len(absent)) <= i/8 {
				absent = append(absent, make([]byte, 1+i/8-int64(len(absent)))...)
			}
			absent[i/8] |= 0x80 >> (i % 8)
		}
	}
	if absent == nil {
		absent = []byte{}
	}
	return low, absent
}

// forget makes everybody unknown until a whole window has passed again.
func (w *watch) forget() { w.reached = nil }

// PublishPresence writes down who was not seen by this replica for a whole window. Every replica calls it each second.
func (s *Service) PublishPresence(ctx context.Context) error {
	p := &s.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	now := s.now()
	if now.Sub(p.published) > presenceGap {
		// This process stood still, or could not reach the database: fans could
		// not show themselves here, or what they were answered was no use to them.
		p.forget()
	}
	if err := s.publish(ctx, p.second(now)); err != nil {
		p.forget()
		return db.Fault(fmt.Errorf("queue.PublishPresence: %w", err))
	}
	p.published = now
	return nil
}

func (p *presence) forget() {
	if watches := p.watches.Load(); watches != nil {
		for _, w := range *watches {
			w.forget()
		}
	}
}

func (s *Service) publish(ctx context.Context, second uint32) error {
	p := &s.presence
	watches := map[uuid.UUID]*watch{}
	if old := p.watches.Load(); old != nil {
		maps.Copy(watches, *old)
	}
	row := struct {
		events []uuid.UUID
		lows   []int64
		absent [][]byte
	}{}
	waited := map[uuid.UUID]bool{}
	for _, id := range s.cfg.Sales.Live() {
		event, err := s.cfg.Sales.Get(ctx, id.String())
		if err != nil {
			return err
		}
		if !watched(event) {
			continue
		}
		waited[id] = true
		w := watches[id]
		if w == nil {
			w = &watch{}
			watches[id] = w
		}
		low, absent := w.look(second, event.Serving, event.Arrivals, event.Terms.AdmitPerMinute)
		row.events, row.lows, row.absent = append(row.events, id), append(row.lows, low), append(row.absent, absent)
	}
	maps.DeleteFunc(watches, func(id uuid.UUID, _ *watch) bool { return !waited[id] })
	p.watches.Store(&watches)

	q := queuedb.New()
	if p.count++; p.count%forgetEvery == 0 {
		if err := q.ForgetPresence(ctx, s.cfg.DB, (10 * presenceWindow).Seconds()); err != nil {
			return err
		}
	}
	if len(row.events) == 0 {
		return nil
	}
	rows, err := q.PublishPresence(ctx, s.cfg.DB, p.replica, row.events, row.lows, row.absent)
	if err != nil {
		return err
	}
	emptied := false
	for _, r := range rows {
		w := watches[r.EventID]
		emptied = emptied || w.written && r.Fresh
		w.written = true
	}
	if !emptied {
		return nil
	}
	// The table was emptied by a crash, and with it the rows of replicas that may
	// be gone: what is left of the watching proves nothing.
	p.forget()
	for i := range row.absent {
		row.absent[i] = []byte{}
	}
	_, err = q.PublishPresence(ctx, s.cfg.DB, p.replica, row.events, row.lows, row.absent)
	return err
}

// watched reports whether fans wait in a line that moves, or will again.
func watched(event *sale.Snapshot) bool {
	switch event.State {
	case sale.Open, sale.Paused, sale.SoldOut:
		return event.Serving < event.Arrivals
	}
	return false
}

// absence answers whether a number is absent by the word of every replica.
// The zero value: nobody is.
type absence struct{ rows []queuedb.PresenceRow }

// absenceOf reads what the replicas wrote. A replica that has fallen silent makes
// everybody unknown until its last word is a window old.
func absenceOf(rows []queuedb.PresenceRow) absence {
	for _, r := range rows {
		if r.Age > presenceGap.Seconds() {
			return absence{}
		}
	}
	return absence{rows}
}

// has reports whether every replica has watched a number for a window without a sign.
func (a absence) has(number int64) bool {
	if len(a.rows) == 0 {
		return false
	}
	for _, r := range a.rows {
		i := number - r.Low
		if i < 0 || i/8 >= int64(len(r.Absent)) || r.Absent[i/8]&(0x80>>(i%8)) == 0 {
			return false
		}
	}
	return true
}

// led is since when this process makes the steps without a break.
type led struct {
	mu        sync.Mutex
	at, since time.Time
}

// step notes a round of steps and reports whether absence may be believed: a new
// leader, or one that was away, first watches for a window.
func (l *led) step(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() || now.Sub(l.at) > presenceGap {
		l.since = now
	}
	l.at = now
	return now.Sub(l.since) >= presenceWindow
}
