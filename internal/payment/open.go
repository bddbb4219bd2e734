package payment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/money"
)

// openLease is how long one process may be at it; longer than startPatience
// and than the job's time-out.
const openLease = 60 * time.Second

// waitForOther is how often a second click looks whether the first is done.
const waitForOther = 200 * time.Millisecond

// open is step 2 and 3: it makes sure that the payment has its page, whoever
// opens it, and returns the payment the claim has then.
func (s *Service) open(ctx context.Context, id uuid.UUID) (paymentdb.Payment, error) {
	tick := time.NewTicker(waitForOther)
	defer tick.Stop()
	for {
		p, err := s.q.LeaseOpening(ctx, s.cfg.DB, secs(openLease), id)
		if err == nil {
			return s.openLeased(ctx, p)
		}
		if !db.NoRows(err) {
			return p, db.Fault(fmt.Errorf("payment: open: %w", err))
		}
		if p, err = s.q.GetPayment(ctx, s.cfg.DB, id); err != nil {
			return p, db.Fault(fmt.Errorf("payment: open: %w", err))
		}
		if p.Status == string(Abandoned) {
			// Given up for a fresh reference?
			next, err := s.q.LiveOfClaim(ctx, s.cfg.DB, p.ClaimID)
			if err == nil {
				id = next.ID
				continue
			}
			if !db.NoRows(err) {
				return p, db.Fault(fmt.Errorf("payment: open: %w", err))
			}
		}
		if p.Status != string(Initializing) {
			return p, nil
		}
		select {
		case <-ctx.Done():
			return p, errUnavailable.Because(ctx.Err())
		case <-tick.C:
		}
	}
}

// openTries is how often one holder of the lease calls initialize.
const openTries = 2

// openLeased opens a payment under its lease. The first opening of all may call
// the provider at once; every later one asks first what became of the one before.
func (s *Service) openLeased(ctx context.Context, p paymentdb.Payment) (paymentdb.Payment, error) {
	ask := p.Openings > 1
	for try := 1; ; try++ {
		if ask {
			next, done, err := s.lookAgain(ctx, p)
			if err != nil || done {
				return next, err
			}
			p = next
		}
		page, err := s.initialize(ctx, p)
		switch {
		case err == nil:
			return s.opened(ctx, p, page)
		case refused(err):
			s.log.ErrorContext(ctx, "the provider refused a payment", "payment", p.ID, "error", err)
			if ferr := s.fail(ctx, p.ID, "The payment could not be opened."); ferr != nil {
				return p, ferr
			}
			return p, errUnavailable.Because(err)
		case Uncertain(err) && try < openTries && ctx.Err() == nil:
			ask = true
		default:
			return p, s.pass(ctx, p, err)
		}
	}
}

// lookAgain finds out what became of an initialize whose outcome is unknown.
// The provider knows the reference: nobody has its page, so it is given up for
// a fresh one. It does not: the reference is still ours to use.
func (s *Service) lookAgain(ctx context.Context, p paymentdb.Payment) (next paymentdb.Payment, done bool, err error) {
	c, err := s.provider(p.Provider).Verify(ctx, p.Reference)
	switch {
	case err != nil:
		return p, true, s.pass(ctx, p, err)
	case !c.Found:
		return p, false, nil
	case c.Status == chargeSuccess:
		if err := s.settle(ctx, p.ID, c); err != nil {
			return p, true, err
		}
		next, err = s.q.GetPayment(ctx, s.cfg.DB, p.ID)
		return next, true, db.Fault(err)
	}
	return s.replace(ctx, p)
}

func (s *Service) initialize(ctx context.Context, p paymentdb.Payment) (string, error) {
	buyer, err := s.q.Buyer(ctx, s.cfg.DB, p.AccountID)
	if err != nil {
		return "", &ProviderError{Code: "not_asked", Err: err}
	}
	back := s.cfg.PublicURL + "/checkout/" + p.ClaimID.String() + "/return"
	return s.provider(p.Provider).Initialize(ctx, Start{
		Reference: p.Reference, Email: buyer.Email, Amount: money.Kobo(p.AmountKobo),
		CallbackURL: back, CancelURL: back, Channels: p.Channels,
		Metadata: map[string]string{"payment": p.ID.String(), "claim": p.ClaimID.String()},
	})
}

// opened is step 3.
func (s *Service) opened(ctx context.Context, p paymentdb.Payment, page string) (paymentdb.Payment, error) {
	// What the provider has done is written down even if the caller's patience is over.
	end, cancel := s.cleanup(ctx)
	defer cancel()
	row, err := s.q.ToPending(end, s.cfg.DB, paymentdb.ToPendingParams{
		AuthorizationUrl: page, OpenSeconds: secs(openFor(p.Channels)), CheckSeconds: secs(firstCheck),
		ID: p.ID, FromStates: from(moves, Pending),
	})
	if db.NoRows(err) {
		// Released or settled in between: what is stored says so.
		row, err = s.q.GetPayment(end, s.cfg.DB, p.ID)
	}
	if err != nil {
		return row, db.Fault(fmt.Errorf("payment: open: %w", err))
	}
	return row, nil
}

// replace gives up a reference whose page nobody has for a fresh one, leased to the caller.
func (s *Service) replace(ctx context.Context, p paymentdb.Payment) (next paymentdb.Payment, done bool, err error) {
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		locked, err := s.q.LockPayment(ctx, tx, p.ID)
		if err != nil {
			return fmt.Errorf("payment: replace: %w", err)
		}
		if next, done = locked.Payment, true; next.Status != string(Initializing) {
			return nil
		}
		if err := s.end(ctx, tx, p.ID, Abandoned, ""); err != nil {
			return err
		}
		l, err := claim.LockTx(ctx, tx, p.ClaimID)
		if err != nil {
			return err
		}
		if l.Status != claim.Paying {
			return nil
		}
		fresh, err := s.insert(ctx, tx, l, p.Channels, next.Holders)
		if err != nil {
			return err
		}
		done = false
		if next, err = s.q.LeaseOpening(ctx, tx, secs(openLease), fresh.ID); err != nil {
			return fmt.Errorf("payment: replace: %w", err)
		}
		return nil
	})
	return next, done, err
}

// pass lets go of the lease, so that the next call may try at once, and tells the caller to.
func (s *Service) pass(ctx context.Context, p paymentdb.Payment, cause error) error {
	end, cancel := s.cleanup(ctx)
	defer cancel()
	s.log.WarnContext(ctx, "the provider could not be asked to open a payment", "payment", p.ID, "error", cause)
	if err := s.q.EndLease(end, s.cfg.DB, p.ID, p.Openings); err != nil {
		s.log.WarnContext(ctx, "a lease could not be ended", "payment", p.ID, "error", err)
	}
	return unavailable(cause)
}

func (s *Service) cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}
