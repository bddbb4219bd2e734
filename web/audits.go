package web

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"fairqueue/internal/audit"
	"fairqueue/internal/fault"
	"fairqueue/views"
)

const (
	// auditLife is how long figures are shown as they are: an audit reads every
	// row of an event, so however many people look, it runs twice a minute.
	auditLife = 30 * time.Second
	// auditTimeout bounds one audit, auditWait how long a request waits for it;
	// then older figures, up to auditKept old, are better than none.
	auditTimeout = time.Minute
	auditWait    = 8 * time.Second
	auditKept    = 10 * time.Minute
)

// audits keeps the newest figures of each event, for the fairness page and its JSON.
type audits struct {
	run    func(ctx context.Context, event uuid.UUID) ([]audit.Result, error)
	flight singleflight.Group
	mu     sync.Mutex
	kept   map[uuid.UUID]kept[[]audit.Result]
}

func (a *audits) have(event uuid.UUID, life time.Duration) (kept[[]audit.Result], bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, ok := a.kept[event]
	return k, ok && time.Since(k.at) <= life
}

func (a *audits) keep(event uuid.UUID, k kept[[]audit.Result]) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept == nil {
		a.kept = map[uuid.UUID]kept[[]audit.Result]{}
	}
	for old, o := range a.kept {
		if len(a.kept) >= cacheMost || time.Since(o.at) > auditKept {
			delete(a.kept, old)
		}
	}
	a.kept[event] = k
}

// get returns the figures of an event that are failures when they are not zero, with when they were counted; 503 when
// they are not there in time.
func (a *audits) get(ctx context.Context, event uuid.UUID) (kept[[]audit.Result], error) {
	if k, ok := a.have(event, auditLife); ok {
		return k, nil
	}
	ch := a.flight.DoChan(event.String(), func() (any, error) {
		if k, ok := a.have(event, auditLife); ok {
			return k, nil
		}
		// Whoever asked first may go away; the others still want the figures.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
		defer cancel()
		results, err := a.run(ctx, event)
		if err != nil {
			return nil, err
		}
		k := kept[[]audit.Result]{at: time.Now()}
		for _, r := range results {
			if r.Failure {
				k.v = append(k.v, r)
			}
		}
		a.keep(event, k)
		return k, nil
	})
	wait := time.NewTimer(auditWait)
	defer wait.Stop()
	var err error
	select {
	case r := <-ch:
		if r.Err == nil {
			return r.Val.(kept[[]audit.Result]), nil
		}
		err = r.Err
	case <-wait.C:
		late := fault.New(fault.Unavailable, "database_unavailable", "The figures of this sale are still being counted. Look again in a moment.")
		late.RetryAfter = auditWait
		err = late
	case <-ctx.Done():
		err = ctx.Err()
	}
	if k, ok := a.have(event, auditKept); ok {
		return k, nil
	}
	return kept[[]audit.Result]{}, err
}

// invariants are the figures as the page shows them.
func (s *Server) invariants(ctx context.Context, event uuid.UUID) (shown []views.Invariant, at time.Time, err error) {
	k, err := s.audits.get(ctx, event)
	for _, r := range k.v {
		shown = append(shown, views.Invariant{Name: r.Name, Broken: r.Violations})
	}
	return shown, k.at, err
}

// violations are the figures by name, as the JSON has them.
func (s *Server) violations(ctx context.Context, event uuid.UUID) (map[string]int64, error) {
	k, err := s.audits.get(ctx, event)
	figures := make(map[string]int64, len(k.v))
	for _, r := range k.v {
		figures[r.Name] = r.Violations
	}
	return figures, err
}
