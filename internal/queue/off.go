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
)

// line is what this replica holds of one event's line besides the picture.
type line struct {
	// off holds the arrivals whose status does not follow from their number. Too
	// many in it do no harm: it only says that the row must be asked.
	off arrivals
	// at is when off was read last, as the service counts; 0: never.
	at    atomic.Int64
	began time.Time // of the service

	places reads[queuedb.PlaceRow]
	spots  reads[Spot]
	comers reads[struct{}]
}

func (l *line) stale() bool {
	at := l.at.Load()
	return at == 0 || int64(time.Since(l.began))-at > int64(staleAfter)
}

// lines holds the line of each event that somebody asked about. Readers take a
// map that is never changed, without a lock.
type lines struct {
	all atomic.Pointer[map[uuid.UUID]*line]
	mu  sync.Mutex
}

// maxLines bounds the events that are remembered; beyond it those are forgotten
// that are not live.
const maxLines = 4096

func (s *Service) line(event uuid.UUID) *line {
	if all := s.lines.all.Load(); all != nil {
		if l := (*all)[event]; l != nil {
			return l
		}
	}
	s.lines.mu.Lock()
	defer s.lines.mu.Unlock()
	next := map[uuid.UUID]*line{}
	if all := s.lines.all.Load(); all != nil {
		if l := (*all)[event]; l != nil {
			return l
		}
		maps.Copy(next, *all)
	}
	if len(next) >= maxLines {
		live := map[uuid.UUID]*line{}
		for _, id := range s.cfg.Sales.Live() {
			if l := next[id]; l != nil {
				live[id] = l
			}
		}
		next = live
	}
	l := &line{began: s.began}
	l.places.read, l.spots.read = s.readPlaces(event), s.readSpots(event)
	l.comers.read = s.readComers(event)
	next[event] = l
	s.lines.all.Store(&next)
	return l
}

// turned notes that a spot's status does not follow from its number any more. It
// is called before the commit that makes it so: asking a row once too often
// costs little, and whoever was answered finds what they did.
func (s *Service) turned(event uuid.UUID, arrival int64) { s.line(event).off.add(arrival) }

const (
	// overlap is read again each time: a change is seen when it commits, which
	// may be later than when it was made. No transaction lives longer.
	overlap = 30 * time.Second
	// always is longer than there are sales.
	always = 100 * 365 * 24 * time.Hour
)

// Refresh learns which spots were left or asked for another turn lately: their status does not follow from their
// number. Every replica calls it each second.
func (s *Service) Refresh(ctx context.Context) error {
	var met, known []uuid.UUID
	window := overlap
	now := int64(time.Since(s.began))
	for _, id := range s.cfg.Sales.Live() {
		at := s.line(id).at.Load()
		if at == 0 {
			met = append(met, id)
			continue
		}
		known = append(known, id)
		window = max(window, overlap+time.Duration(now-at))
	}
	if err := s.learn(ctx, known, window); err != nil {
		return err
	}
	return s.learn(ctx, met, always)
}

// learn reads the changes of some events.
func (s *Service) learn(ctx context.Context, events []uuid.UUID, window time.Duration) error {
	if len(events) == 0 {
		return nil
	}
	asked := int64(time.Since(s.began))
	rows, err := queuedb.New().Changed(ctx, s.cfg.DB, events, window.Seconds())
	if err != nil {
		return db.Fault(fmt.Errorf("queue.Refresh: %w", err))
	}
	for _, r := range rows {
		s.line(r.EventID).off.add(r.Arrival)
	}
	for _, id := range events {
		s.line(id).at.Store(max(1, asked))
	}
	return nil
}

// arrivals is a set of arrivals, a bit each. Looking one up takes no lock.
type arrivals struct {
	pages atomic.Pointer[[]*page]
	mu    sync.Mutex
}

// pageBits is how many arrivals a page holds: 8 KiB.
const pageBits = 1 << 16

type page [pageBits / 64]atomic.Uint64

func (a *arrivals) has(arrival int64) bool {
	pages := a.pages.Load()
	at := arrival / pageBits
	if pages == nil || arrival < 0 || at >= int64(len(*pages)) {
		return false
	}
	p := (*pages)[at]
	bit := arrival % pageBits
	return p != nil && p[bit/64].Load()&(1<<(bit%64)) != 0
}

func (a *arrivals) add(arrival int64) {
	if arrival < 0 {
		return
	}
	bit := arrival % pageBits
	a.page(arrival / pageBits)[bit/64].Or(1 << (bit % 64))
}

// page returns a page, making it where there is none.
func (a *arrivals) page(at int64) *page {
	if pages := a.pages.Load(); pages != nil && at < int64(len(*pages)) && (*pages)[at] != nil {
		return (*pages)[at]
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var old []*page
	if pages := a.pages.Load(); pages != nil {
		old = *pages
	}
	next := make([]*page, max(at+1, int64(len(old))))
	copy(next, old)
	if next[at] == nil {
		next[at] = &page{}
	}
	a.pages.Store(&next)
	return next[at]
}
