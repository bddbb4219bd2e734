package web

import (
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// lastKey is an account in the line of an event.
type lastKey struct{ event, account uuid.UUID }

// lastPlaces remembers what this process told a fan last, to be shown, marked
// as on hold, while the database cannot be reached. It decides nothing. It
// keeps two generations and drops the older one as a whole: bounded, and
// nothing has to sweep it.
type lastPlaces struct {
	mu       sync.Mutex
	now, old map[lastKey]queue.View
	since    time.Time
}

const (
	placesKept   = 50_000 // in each generation
	placesKeptTo = 10 * time.Minute
)

func (l *lastPlaces) put(k lastKey, v queue.View) {
	v.Admission = nil // Nobody is let in from memory.
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil || len(l.now) >= placesKept || time.Since(l.since) > placesKeptTo {
		l.now, l.old, l.since = map[lastKey]queue.View{}, l.now, time.Now()
	}
	l.now[k] = v
}

func (l *lastPlaces) get(k lastKey) (queue.View, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v, ok := l.now[k]; ok {
		return v, true
	}
	v, ok := l.old[k]
	return v, ok
}

// rooms keeps what the waiting rooms of all fans of one picture share: thousands ask while a picture stands.
type rooms struct {
	mu   sync.Mutex
	kept map[uuid.UUID]room
}

// room is the waiting room of somebody who is not in the line, as one picture shows it. Its slices are read only.
type room struct {
	of   *sale.Snapshot
	view views.WaitingView
}

const roomsMost = 64

// at returns the waiting room of a picture.
func (r *rooms) at(s *sale.Snapshot) views.WaitingView {
	r.mu.Lock()
	kept := r.kept[s.ID()]
	r.mu.Unlock()
	if kept.of == s {
		return kept.view
	}
	kept = room{of: s, view: strangerView(s)}
	kept.view.Digest = kept.view.Shared()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil || len(r.kept) >= roomsMost {
		r.kept = map[uuid.UUID]room{}
	}
	r.kept[s.ID()] = kept
	return kept.view
}

// cache keeps a value that is dear to make for a while; those who ask at the
// same time wait for the same making.
type cache[T any] struct {
	life   time.Duration
	flight singleflight.Group
	mu     sync.Mutex
	kept   map[string]kept[T]
}

type kept[T any] struct {
	v  T
	at time.Time
}

func newCache[T any](life time.Duration) *cache[T] {
	return &cache[T]{life: life, kept: map[string]kept[T]{}}
}

// cacheMost bounds the keys of a cache.
const cacheMost = 1000

// get returns the kept value of a key or makes it; fresh is when it was made.
func (c *cache[T]) get(key string, build func() (T, error)) (v T, fresh time.Time, err error) {
	if k, ok := c.have(key); ok {
		return k.v, k.at, nil
	}
	got, err, _ := c.flight.Do(key, func() (any, error) {
		if k, ok := c.have(key); ok {
			return k, nil
		}
		v, err := build()
		if err != nil {
			return kept[T]{}, err
		}
		k := kept[T]{v: v, at: time.Now()}
		c.mu.Lock()
		defer c.mu.Unlock()
		for old, o := range c.kept {
			if len(c.kept) >= cacheMost || time.Since(o.at) > c.life {
				delete(c.kept, old)
			}
		}
		c.kept[key] = k
		return k, nil
	})
	k, _ := got.(kept[T])
	return k.v, k.at, err
}

func (c *cache[T]) have(key string) (kept[T], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.kept[key]
	return k, ok && time.Since(k.at) <= c.life
}
