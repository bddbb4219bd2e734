package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/db/queuedb"
)

// Step is one step of the line: the numbers that were called.
type Step struct {
	From, To int64
	At       time.Time
}

// Exception is one return to the line: redeem, behind or lobby. Number is 0 while it is not known.
type Exception struct {
	Number int64
	Rule   string
	At     time.Time
}

// History returns the newest steps and exceptions of a line, newest first.
func (s *Service) History(ctx context.Context, event uuid.UUID, limit int) (steps []Step, exceptions []Exception, err error) {
	n := int32(max(1, min(limit, 1000))) //nolint:gosec // bounded
	rows, err := queuedb.New().Steps(ctx, s.cfg.DB, event, n)
	if err != nil {
		return nil, nil, db.Fault(fmt.Errorf("queue.History: %w", err))
	}
	for _, r := range rows {
		steps = append(steps, Step{From: r.FromNumber, To: r.ToNumber, At: r.At})
	}
	returns, err := queuedb.New().Exceptions(ctx, s.cfg.DB, event, n)
	if err != nil {
		return nil, nil, db.Fault(fmt.Errorf("queue.History: %w", err))
	}
	snap, err := s.cfg.Sales.Get(ctx, event.String())
	if err != nil {
		return nil, nil, err
	}
	o := s.order(snap)
	for _, r := range returns {
		exceptions = append(exceptions, exceptionOf(o, r))
	}
	return steps, exceptions, nil
}

// Places returns the account's spots in sales that are not over, newest first, without those it left.
func (s *Service) Places(ctx context.Context, account uuid.UUID) ([]View, error) {
	events, err := queuedb.New().Places(ctx, s.cfg.DB, account)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("queue.Places: %w", err))
	}
	views := make([]View, 0, len(events))
	for _, id := range events {
		event, err := s.cfg.Sales.Get(ctx, id.String())
		if err != nil {
			return nil, err
		}
		v, err := s.Status(ctx, event, account)
		if err != nil {
			return nil, err
		}
		views = append(views, v)
	}
	return views, nil
}
