package sale

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// memory holds the newest picture of each live sale. Readers take an index that
// is never changed, without a lock; writers make a new one.
type memory struct {
	index atomic.Pointer[index]

	mu        sync.Mutex
	paces     map[uuid.UUID]*Meter
	followers map[uuid.UUID]map[*follower]struct{}
}

type index struct {
	live   map[uuid.UUID]kept
	bySlug map[string]uuid.UUID
	// others: drafts, ended sales, and nil for keys that name nothing; by id and by slug.
	others map[string]kept
}

type kept struct {
	snap *Snapshot
	// at is this machine's time of arrival, which no clock of others can make older.
	at time.Time
}

// found is what memory knows about an id or slug; a fresh nil is a known absence.
type found struct {
	snap  *Snapshot
	fresh bool
}

// maxOthers bounds what is kept besides live sales; beyond it the old are dropped.
const maxOthers = 4096

func (m *memory) init() {
	m.index.Store(&index{live: map[uuid.UUID]kept{}, bySlug: map[string]uuid.UUID{}, others: map[string]kept{}})
	m.paces = map[uuid.UUID]*Meter{}
	m.followers = map[uuid.UUID]map[*follower]struct{}{}
}

func (m *memory) find(key string) found {
	ix := m.index.Load()
	id, known := ix.bySlug[key]
	if !known {
		id, _ = uuid.Parse(key)
	}
	if k, ok := ix.live[id]; ok {
		return found{k.snap, time.Since(k.at) < freshFor}
	}
	if k, ok := ix.others[key]; ok {
		// A draft may have been published by another replica a moment ago, and
		// "there is no such event" would be the answer to those who join.
		draft := k.snap != nil && k.snap.State == Draft
		return found{k.snap, !draft && time.Since(k.at) < keptFor}
	}
	return found{}
}

func (m *memory) liveIDs() []uuid.UUID {
	ix := m.index.Load()
	ids := make([]uuid.UUID, 0, len(ix.live))
	for id := range ix.live {
		ids = append(ids, id)
	}
	return ids
}

// Live returns the ids of the sales in memory that are neither drafts nor over.
func (s *Service) Live() []uuid.UUID { return s.memo.liveIDs() }

// miss remembers for a moment that a key names nothing.
func (m *memory) miss(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.index.Load().copy()
	next.others[key] = kept{at: time.Now()}
	m.index.Store(next)
}

// put takes pictures that are not older than what is there, and tells the followers.
func (m *memory) put(snaps []*Snapshot) {
	if len(snaps) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.index.Load().copy()
	now := time.Now()
	for _, snap := range snaps {
		id := snap.ID()
		old, was := next.live[id]
		if !was {
			// A sale that has ended must not come back to life by a read that began before.
			old = next.others[id.String()]
			was = old.snap != nil
		}
		if was && (snap.At.Before(old.snap.At) || snap.Version < old.snap.Version || snap.Serving < old.snap.Serving) {
			continue // two reads crossed: the newer picture is there already
		}
		for _, key := range []string{id.String(), snap.Event.Slug} {
			delete(next.others, key)
		}
		if snap.State == Draft || snap.State == Ended {
			delete(next.live, id)
			delete(next.bySlug, snap.Event.Slug)
			delete(m.paces, id)
			for _, key := range []string{id.String(), snap.Event.Slug} {
				next.others[key] = kept{snap, now}
			}
		} else {
			p := m.paces[id]
			if p == nil {
				p = &Meter{}
				m.paces[id] = p
			}
			p.Observe(snap)
			next.live[id] = kept{snap, now}
			next.bySlug[snap.Event.Slug] = id
		}
		for f := range m.followers[id] {
			f.offer(snap)
		}
	}
	m.index.Store(next)
}

func (ix *index) copy() *index {
	next := &index{
		live: make(map[uuid.UUID]kept, len(ix.live)+1), bySlug: make(map[string]uuid.UUID, len(ix.bySlug)+1),
		others: make(map[string]kept, len(ix.others)+1),
	}
	for k, v := range ix.live {
		next.live[k] = v
	}
	for k, v := range ix.bySlug {
		next.bySlug[k] = v
	}
	for k, v := range ix.others {
		if time.Since(v.at) < keptFor && len(next.others) < maxOthers {
			next.others[k] = v
		}
	}
	return next
}

// follower is one reader of an event's changes: a channel that holds the latest.
type follower struct {
	ch   chan *Snapshot
	last *Snapshot
}

// offer gives the follower a picture that differs from its last. It runs under
// the lock of memory, so there is one sender; a slow reader finds the newest.
func (f *follower) offer(snap *Snapshot) {
	if f.last != nil && same(f.last, snap) {
		return
	}
	f.last = snap
	select {
	case <-f.ch:
	default:
	}
	f.ch <- snap
}

// same reports whether nothing differs that a follower is told about.
func same(a, b *Snapshot) bool {
	if a.Serving != b.Serving || a.State != b.State || a.Message != b.Message || a.Version != b.Version || a.Presale != b.Presale || len(a.Tiers) != len(b.Tiers) {
		return false
	}
	for i := range a.Tiers {
		if !a.Tiers[i].same(b.Tiers[i]) {
			return false
		}
	}
	return true
}

// Follow returns a channel that gets the snapshot in memory, if there is one, and the new snapshot after each change of
// the event (serving, state, message, stock); slow readers miss intermediate ones, never the last. stop must be called.
func (s *Service) Follow(event uuid.UUID) (ch <-chan *Snapshot, stop func()) {
	f := &follower{ch: make(chan *Snapshot, 1)}
	m := &s.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.followers[event] == nil {
		m.followers[event] = map[*follower]struct{}{}
	}
	m.followers[event][f] = struct{}{}
	if k, ok := m.index.Load().live[event]; ok {
		f.offer(k.snap)
	}
	return f.ch, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.followers[event], f)
		if len(m.followers[event]) == 0 {
			delete(m.followers, event)
		}
	}
}
