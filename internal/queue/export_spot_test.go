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
