package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
)

// How long after its deadline a payment is kept for what the provider said.
const (
	graceAbandoned = 0
	graceWaiting   = 5 * time.Minute
	graceSilent    = graceWaiting + 15*time.Minute
)

// act does what follows from the provider's answer about a payment; asked is
// the error of asking.
func (s *Service) act(ctx context.Context, p paymentdb.Payment, c Charge, asked error) error {
	if asked != nil {
		return s.giveUp(ctx, p.ID, graceSilent)
	}
	if c.Found && c.Status == chargeSuccess {
		err := s.settle(ctx, p.ID, c)
		switch {
		case errors.Is(err, errNothingCame):
			s.alert(ctx, "the provider says success and no money", "payment", p.ID)
			return s.giveUp(ctx, p.ID, graceWaiting)
		case errors.Is(err, errOther):
			s.alert(ctx, "the provider answered about another payment", "payment", p.ID)
			return s.giveUp(ctx, p.ID, graceSilent)
		}
		return err
	}
	status := c.Status
	if !c.Found {
		status = "not_found"
	}
	if err := s.q.Observe(ctx, s.cfg.DB, storable(status), storable(c.GatewayResponse), p.ID); err != nil {
		return db.Fault(fmt.Errorf("payment: observe: %w", err))
	}
	switch {
	case c.Found && (c.Status == chargeFailed || c.Status == chargeReversed):
		return s.fail(ctx, p.ID, c.GatewayResponse)
	case !c.Found || c.Status == chargeAbandoned:
		return s.giveUp(ctx, p.ID, graceAbandoned)
	}
	return s.giveUp(ctx, p.ID, graceWaiting)
}

// firstLateCheck is when a payment that was given up is asked about first.
const firstLateCheck = time.Minute

// end makes a live payment failed or abandoned.
func (s *Service) end(ctx context.Context, tx pgx.Tx, id uuid.UUID, to Status, response string) error {
	n, err := s.q.EndPayment(ctx, tx, paymentdb.EndPaymentParams{
		Status: string(to), GatewayResponse: storable(response), CheckSeconds: secs(firstLateCheck), ID: id, FromStates: from(moves, to),
	})
	if err != nil {
		return fmt.Errorf("payment: end: %w", err)
	}
	if n != 1 {
		return fmt.Errorf("payment: %s cannot become %s", id, to)
	}
	return nil
}

// fail ends an attempt that failed; the claim goes back to its fan.
func (s *Service) fail(ctx context.Context, id uuid.UUID, response string) error {
	return s.finish(ctx, id, func(tx pgx.Tx, _ paymentdb.LockPaymentRow, l *claim.Locked) error {
		if err := s.end(ctx, tx, id, Failed, response); err != nil {
			return err
		}
		if l.Status != claim.Paying {
			return nil
		}
		return l.ReholdTx(ctx, tx)
	})
}

// giveUp ends an attempt whose time is over by more than grace, and releases its claim.
func (s *Service) giveUp(ctx context.Context, id uuid.UUID, grace time.Duration) error {
	return s.finish(ctx, id, func(tx pgx.Tx, p paymentdb.LockPaymentRow, l *claim.Locked) error {
		if p.Now.Before(p.Payment.DeadlineAt.Add(grace)) {
			return nil
		}
		return s.release(ctx, tx, p.Payment, l, Abandoned, p.Payment.GatewayResponse)
	})
}

func (s *Service) release(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, l *claim.Locked, to Status, response string) error {
	if err := s.end(ctx, tx, p.ID, to, response); err != nil {
		return err
	}
	if l.Status != claim.Paying {
		// Paid by another attempt in the meantime.
		return nil
	}
	return l.EndTx(ctx, tx, claim.Released)
}

// finish runs fn with the payment, its spot and its claim locked, if the payment is still live.
func (s *Service) finish(ctx context.Context, id uuid.UUID, fn func(tx pgx.Tx, p paymentdb.LockPaymentRow, l *claim.Locked) error) error {
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		p, err := s.q.LockPayment(ctx, tx, id)
		if err != nil {
			return fmt.Errorf("payment: finish: %w", err)
		}
		if !live(p.Payment.Status) {
			return nil
		}
		l, err := claim.LockTx(ctx, tx, p.Payment.ClaimID)
		if err != nil {
			return err
		}
		return fn(tx, p, l)
	})
}

// checkEvery is how often, at most, a page makes us ask the provider.
const checkEvery = 2 * time.Second

// Check asks the provider about the account's claim's live payment now (the buyer came back) and settles or frees
// accordingly; at most once in two seconds a payment goes to the provider.
func (s *Service) Check(ctx context.Context, account, claimID uuid.UUID) error {
	_, err := s.Ask(ctx, account, claimID)
	return err
}

// Said is what the provider said of a payment when it was asked just now.
type Said string

// What it may have said. SaidNothing: it was not asked now.
const (
	SaidNothing Said = ""
	SaidUnpaid  Said = "unpaid" // the buyer has not paid: not its last word
	SaidElse    Said = "else"
	Silent      Said = "silent" // it did not answer
)

// Ask is Check, and tells what the provider said.
func (s *Service) Ask(ctx context.Context, account, claimID uuid.UUID) (Said, error) {
	if _, err := s.cfg.Claims.Get(ctx, account, claimID); err != nil {
		return SaidNothing, err
	}
	all, err := s.q.PaymentsOfClaim(ctx, s.cfg.DB, claimID, account)
	if err != nil {
		return SaidNothing, db.Fault(fmt.Errorf("payment.Check: %w", err))
	}
	for _, p := range all {
		if p.SettledAt != nil || (!live(p.Status) && !p.LateExpected) {
			continue
		}
		p, err := s.q.TakeCheck(ctx, s.cfg.DB, p.ID, secs(checkEvery))
		if db.NoRows(err) {
			return SaidNothing, nil
		}
		if err != nil {
			return SaidNothing, db.Fault(fmt.Errorf("payment.Check: %w", err))
		}
		said := SaidElse
		c, err := s.provider(p.Provider).Verify(ctx, p.Reference)
		switch {
		case err != nil:
			said = Silent
			s.log.WarnContext(ctx, "the provider could not be asked", "payment", p.ID, "error", err)
		case c.Found && c.Status == chargeAbandoned:
			said = SaidUnpaid
		}
		return said, s.act(ctx, p, c, err)
	}
	return SaidNothing, nil
}

// Release is DELETE /claims/{id}: a held claim is released at once; a paying one only if the provider, asked now, says
// abandoned, failed or not found, else 409 payment_pending. 404 claim_not_found. Already ended: fine; 409 claim_paid.
func (s *Service) Release(ctx context.Context, account, claimID uuid.UUID) error {
	pending, err := s.releaseHeld(ctx, account, claimID)
	if err != nil || pending == nil {
		return err
	}
	c, err := s.provider(pending.Provider).Verify(ctx, pending.Reference)
	switch {
	case err != nil:
		return errPending.Because(err)
	case c.Found && c.Status == chargeSuccess:
		if err := s.act(ctx, *pending, c, nil); err != nil {
			return err
		}
		return errPaid
	case c.Found && c.Status != chargeAbandoned && c.Status != chargeFailed:
		return errors.Join(errPending, s.act(ctx, *pending, c, nil))
	}
	to := Abandoned
	if c.Status == chargeFailed {
		to = Failed
	}
	err = s.finish(ctx, pending.ID, func(tx pgx.Tx, p paymentdb.LockPaymentRow, l *claim.Locked) error {
		return s.release(ctx, tx, p.Payment, l, to, c.GatewayResponse)
	})
	if err != nil {
		return err
	}
	// Somebody else may have ended the attempt first, and given the claim back.
	if pending, err = s.releaseHeld(ctx, account, claimID); err == nil && pending != nil {
		return errPending // and its fan has begun another one
	}
	return err
}

// releaseHeld releases a claim that is held. It returns the live payment of one that is paying.
func (s *Service) releaseHeld(ctx context.Context, account, claimID uuid.UUID) (pending *paymentdb.Payment, err error) {
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		pending = nil
		l, err := claim.LockTx(ctx, tx, claimID)
		if err != nil {
			return err
		}
		if l.AccountID != account {
			return errNoClaim
		}
		switch l.Status {
		case claim.Paid, claim.Refunded:
			return errPaid
		case claim.Held:
			return l.EndTx(ctx, tx, claim.Released)
		case claim.Paying:
			p, err := s.q.LiveOfClaim(ctx, tx, claimID)
			if err != nil {
				return fmt.Errorf("payment.Release: %w", err)
			}
			pending = &p
		}
		return nil
	})
	return pending, err
}

const (
	// reconcileBatch bounds one Reconcile, reconcileAtOnce its calls at a time.
	reconcileBatch  = 100
	reconcileAtOnce = 8
	reconcileFor    = 30 * time.Second
)

// Reconcile asks the provider about payments that are due and acts on it, a bounded number a call; every worker calls
// it every few seconds, and no two take the same payment. The first call of a process takes up what another one left behind.
// It also goes on looking through the provider's refunds.
func (s *Service) Reconcile(ctx context.Context) error {
	outer := ctx
	if !s.wentOn.Load() {
		if err := s.goOn(ctx); err != nil {
			return fmt.Errorf("payment.Reconcile: %w", err)
		}
		if err := s.q.BeginLooks(ctx, s.cfg.DB, s.cfg.Provider.Name()); err != nil {
			return db.Fault(fmt.Errorf("payment.Reconcile: %w", err))
		}
		s.wentOn.Store(true)
	}
	due, err := s.q.TakeDue(ctx, s.cfg.DB, reconcileBatch)
	if err != nil {
		return db.Fault(fmt.Errorf("payment.Reconcile: %w", err))
	}
	// What is not reached in time has its next turn already.
	ctx, cancel := context.WithTimeout(ctx, reconcileFor)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(reconcileAtOnce)
	for _, p := range due {
		g.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			c, asked := s.provider(p.Provider).Verify(ctx, p.Reference)
			if asked != nil && ctx.Err() != nil {
				return nil // we broke off: that is no silence of the provider's
			}
			if asked != nil {
				s.log.WarnContext(ctx, "the provider could not be asked", "payment", p.ID, "error", asked)
			}
			// The answer is acted on even if it took the last of the time.
			end, done := s.cleanup(ctx)
			defer done()
			if err := s.act(end, p, c, asked); err != nil {
				s.log.ErrorContext(ctx, "a payment could not be reconciled", "payment", p.ID, "error", err)
			}
			return nil
		})
	}
	// With the time of the caller: what was to be settled is.
	return errors.Join(g.Wait(), s.look(outer))
}

// unavailable is what a caller hears when the provider did not do its part.
func unavailable(cause error) error {
	e := errUnavailable.Because(cause)
	if pe, ok := errors.AsType[*ProviderError](cause); ok && pe.RetryAfter > 0 {
		e = e.After(pe.RetryAfter)
	}
	return e
}
