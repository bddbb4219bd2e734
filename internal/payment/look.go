package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
)

// Of a refund that somebody made at the provider only a webhook tells, and a webhook may be lost. So its list of refunds is
// looked through from where the last look began, page by page, and what is in none of our books is looked up like after a
// webhook. How far that is stands in a row: whoever is killed, or was away for a week, goes on there.
const (
	// lookPause is the least time between two steps, of all processes together. A step asks for one page and looks up
	// straysAtOnce payments, with at most three questions each: that is 42 questions a minute at most.
	lookPause    = 10 * time.Second
	straysAtOnce = 2
	// lookRest is the time between two looks.
	lookRest = 5 * time.Minute
	// lookOverlap is how much of the time before it a look sees again: a list may lag, and clocks differ.
	lookOverlap = 3 * time.Hour
	// strayWait is how long a refund may be known at the provider alone: ours are being written down meanwhile.
	strayWait = time.Minute
	// lookFor bounds a step.
	lookFor = 30 * time.Second
)

// look makes the next step, if it is time: a page of the provider's refunds, and a look at some that are in no book.
func (s *Service) look(ctx context.Context) error {
	l, err := s.q.TakeLook(ctx, s.cfg.DB, secs(lookPause), s.cfg.Provider.Name())
	if db.NoRows(err) {
		return nil // nothing to do, or somebody is at it
	}
	if err != nil {
		return db.Fault(fmt.Errorf("payment: look: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	if l.BeganAt != nil {
		err = s.lookAtPage(ctx, l)
	}
	err = errors.Join(err, s.lookAtStrays(ctx))
	if _, ok := errors.AsType[*ProviderError](err); ok || ctx.Err() != nil {
		// The next step asks for the same page.
		s.log.WarnContext(ctx, "the provider's refunds could not be looked through", "error", err)
		return nil
	}
	return db.Fault(err)
}

// lookAtPage notes what is on the next page and in none of our books.
func (s *Service) lookAtPage(ctx context.Context, l paymentdb.RefundLook) error {
	page, err := s.cfg.Provider.AllRefunds(ctx, l.Since, int(l.Page))
	if err != nil {
		return fmt.Errorf("payment: look: %w", err)
	}
	if len(page) == 0 {
		return s.q.EndLook(ctx, s.cfg.DB, paymentdb.EndLookParams{
			OverlapSeconds: secs(lookOverlap), RestSeconds: secs(lookRest), Provider: l.Provider, BeganAt: l.BeganAt, Page: l.Page,
		})
	}
	p := paymentdb.NoteStraysParams{Provider: l.Provider, WaitSeconds: secs(strayWait)}
	for _, f := range page {
		if storable(f.ProviderID) == "" || f.Amount <= 0 || nothingMoved(f) {
			continue
		}
		p.Ids, p.Kobo = append(p.Ids, storable(f.ProviderID)), append(p.Kobo, int64(f.Amount))
		p.Payments, p.Numbers = append(p.Payments, storable(f.Reference)), append(p.Numbers, storable(f.Transaction))
	}
	if len(p.Ids) > 0 {
		if err := s.q.NoteStrays(ctx, s.cfg.DB, p); err != nil {
			return fmt.Errorf("payment: look: %w", err)
		}
	}
	return s.q.NextPage(ctx, s.cfg.DB, l.Provider, l.BeganAt, l.Page)
}

// lookAtStrays looks up some payments with refunds that are in no book.
func (s *Service) lookAtStrays(ctx context.Context) error {
	if err := s.q.ForgetBooked(ctx, s.cfg.DB); err != nil {
		return fmt.Errorf("payment: look: %w", err)
	}
	due, err := s.q.TakeStrays(ctx, s.cfg.DB, straysAtOnce)
	if err != nil {
		return fmt.Errorf("payment: look: %w", err)
	}
	slices.SortFunc(due, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	var errs []error
	for _, payment := range slices.Compact(due) {
		errs = append(errs, s.lookAtStray(ctx, payment))
	}
	return errors.Join(errs...)
}

// lookAtStray does what a webhook about a refund of the payment would have done.
func (s *Service) lookAtStray(ctx context.Context, payment uuid.UUID) error {
	p, err := s.q.GetPayment(ctx, s.cfg.DB, payment)
	if err != nil {
		return fmt.Errorf("payment: look: %w", err)
	}
	if p.SettledAt == nil {
		// No refund comes before the success, whose own webhook was lost too.
		if err := s.learn(ctx, p, Notice{}); err != nil {
			return err
		}
	}
	return s.syncRefunds(ctx, p)
}

// nothingMoved reports whether a refund at the provider is none that our books miss: it failed, or it is how a bank took
// what it won.
func nothingMoved(f Refund) bool { return f.Status == string(refundFailed) || f.Dispute }

// misfit alerts once about a refund at the provider that does not fit into our books, and keeps it in sight: it is tried
// again, and the audit counts it until it fits.
func (s *Service) misfit(ctx context.Context, payment uuid.UUID, f Refund) error {
	n, err := s.q.Misfit(ctx, s.cfg.DB, storable(f.ProviderID), payment, int64(f.Amount), secs(strayWait))
	if err != nil {
		return fmt.Errorf("payment: misfit: %w", err)
	}
	if n == 1 {
		s.alert(ctx, "a refund was made at the provider and does not fit into our books", "payment", payment, "amount", int64(f.Amount), "status", storable(f.Status))
	}
	return nil
}
