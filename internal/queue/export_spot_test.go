package queue

import "github.com/google/uuid"

// Asking is how many wait for the next reading of spots.
func (s *Service) Asking(event uuid.UUID) int {
	g := &s.line(event).spots
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.asking)
}

// Arrivals is the set of arrivals.
type Arrivals struct{ a arrivals }

func (a *Arrivals) Add(n int64)      { a.a.add(n) }
func (a *Arrivals) Has(n int64) bool { return a.a.has(n) }

// SetBacklog bounds who waits before a batcher; Backlog is how many do.
func (s *Service) SetBacklog(n int) { s.backlog = n }

func (s *Service) Backlog(event uuid.UUID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.batchers[event]
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}
