package payment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/money"
)

// debt is money that is owed to a buyer, and why.
type debt struct {
	amount money.Kobo
	why    string
	// by is the organizer who asked for it; zero: a rule.
	by uuid.UUID
	// note is what the organizer writes to the buyer about it.
	note string
	// request is what the organizer's request is known by, so that the same one twice is one refund.
	request string
}

// owe writes a refund down, with the job that asks for it.
func (s *Service) owe(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, amount money.Kobo, why string) error {
	_, err := s.oweAs(ctx, tx, p, debt{amount: amount, why: why})
	return err
}

func (s *Service) oweAs(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, d debt) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return id, fmt.Errorf("payment: owe: %w", err)
	}
	row := paymentdb.InsertRefundParams{ID: id, PaymentID: p.ID, AmountKobo: int64(d.amount), Reason: d.why, Note: d.note}
	body := map[string]any{"payment": p.ID, "refund": id, "amount": d.amount, "reason": d.why}
	if d.by != uuid.Nil {
		row.AskedBy, body["by"] = &d.by, d.by
	}
	if d.request != "" {
		row.Request = &d.request
	}
	if err := s.q.InsertRefund(ctx, tx, row); err != nil {
		return id, fmt.Errorf("payment: owe: %w", err)
	}
	if err := s.enqueue(ctx, tx, refundArgs{Refund: id}, 0); err != nil {
		return id, err
	}
	return id, ledger.Write(ctx, tx, p.EventID, ledger.RefundDue, body)
}

const (
	// refundLease is longer than one call to the provider.
	refundLease = 30 * time.Second
	// refundAgain is when a refund that failed is asked for again.
	refundAgain = time.Hour
	// How often a refund under way is looked at: half its age, within these.
	refundLookMin = 10 * time.Second
	refundLookMax = time.Hour
)

// over reports whether a job has nothing left to do for its refund.
func (a refundArgs) over(status refundStatus) bool {
	return status == refundProcessed || a.Look && (status == refundFailed || status == refundAttention)
}

// workRefund brings one refund a step further and comes back until it is processed.
func (s *Service) workRefund(ctx context.Context, a refundArgs) error {
	r, err := s.q.GetRefund(ctx, s.cfg.DB, a.Refund)
	if err != nil {
		return fmt.Errorf("payment: refund: %w", err)
	}
	if a.over(refundStatus(r.Status)) {
		return nil
	}
	if status := refundStatus(r.Status); status == refundOwed || status == refundRequested {
		err = s.ask(ctx, r)
	} else {
		err = s.askAgain(ctx, r)
	}
	if err != nil {
		return err
	}
	r, err = s.q.GetRefund(ctx, s.cfg.DB, a.Refund)
	if err != nil {
		return fmt.Errorf("payment: refund: %w", err)
	}
	switch {
	case a.over(refundStatus(r.Status)):
		return nil
	case a.Look:
		return river.JobSnooze(refundLookMin)
	case refundStatus(r.Status) == refundFailed:
		return river.JobSnooze(refundAgain)
	}
	age := s.cfg.Clock.Now().Sub(r.CreatedAt)
	return river.JobSnooze(min(max(age/2, refundLookMin), refundLookMax))
}

// askAgain looks at a refund that was sent, and asks again for one that failed, unless its money has gone back otherwise.
func (s *Service) askAgain(ctx context.Context, r paymentdb.GetRefundRow) error {
	p, err := s.q.GetPayment(ctx, s.cfg.DB, r.PaymentID)
	if err != nil {
		return fmt.Errorf("payment: refund: %w", err)
	}
	if err := s.syncRefunds(ctx, p); err != nil {
		return err
	}
	failed := refundStatus(r.Status) == refundFailed
	if r, err = s.q.GetRefund(ctx, s.cfg.DB, r.ID); err != nil {
		return fmt.Errorf("payment: refund: %w", err)
	}
	if !failed || refundStatus(r.Status) != refundFailed {
		return nil
	}
	return s.ask(ctx, r)
}

// ask asks the provider for a refund. What was asked for before with an unknown
// outcome is looked up first. While a bank asks for the money of its payment, nothing is
// sent: whoever decides for the buyer would have it paid twice. The job comes back.
func (s *Service) ask(ctx context.Context, r paymentdb.GetRefundRow) error {
	disputed, err := s.q.DisputeOpen(ctx, s.cfg.DB, r.PaymentID)
	if err != nil {
		return fmt.Errorf("payment: refund: %w", err)
	}
	if disputed && refundStatus(r.Status) != refundRequested {
		return nil
	}
	n, err := s.q.LeaseRefund(ctx, s.cfg.DB, r.ID, from(refundMoves, refundRequested), secs(refundLease))
	if err != nil {
		return fmt.Errorf("payment: refund: %w", err)
	}
	if n == 0 {
		return nil // somebody is at it
	}
	provider, was := s.provider(r.Provider), r
	if refundStatus(r.Status) != refundOwed {
		found, err := s.lookUp(ctx, r)
		if err != nil {
			return err
		}
		if found != nil {
			return s.moveRefund(ctx, r.PaymentID, r.ID, *found, "")
		}
	}
	// Under the lock that a dispute takes too: one that came since is seen.
	r, disputed, err = s.stillOwed(ctx, r)
	switch {
	case err != nil || refundStatus(r.Status) == refundProcessed:
		return err
	case disputed && refundStatus(was.Status) == refundFailed:
		// Nothing was asked for: it is what it was, and not on its way for as long as a bank thinks.
		_, err = s.q.MoveRefund(ctx, s.cfg.DB, paymentdb.MoveRefundParams{
			Status: string(refundFailed), LastError: was.LastError, ID: was.ID, FromStates: []string{string(refundRequested)},
		})
		return err
	case disputed:
		return nil
	}
	note := r.Note
	if note == "" {
		note = "FairQueue " + r.Reason
	}
	got, err := provider.Refund(ctx, r.Reference, money.Kobo(r.AmountKobo), note)
	switch {
	case err == nil:
		return s.moveRefund(ctx, r.PaymentID, r.ID, got, "")
	case refused(err):
		// Nothing was done. It is asked for again later: an empty balance fills up.
		s.log.ErrorContext(ctx, "the provider refused a refund", "refund", r.ID, "error", err)
		return s.moveRefund(ctx, r.PaymentID, r.ID, Refund{Status: string(refundFailed)}, err.Error())
	}
	return fmt.Errorf("payment: refund: %w", err)
}

// lookUp finds, at the provider, the refund whose request got no answer: of the
// same amount, not failed, and not known as another refund of ours.
func (s *Service) lookUp(ctx context.Context, r paymentdb.GetRefundRow) (*Refund, error) {
	list, err := s.provider(r.Provider).Refunds(ctx, r.Reference)
	if err != nil {
		return nil, fmt.Errorf("payment: refund: %w", err)
	}
	ours, err := s.q.RefundsOfPayment(ctx, s.cfg.DB, r.PaymentID)
	if err != nil {
		return nil, fmt.Errorf("payment: refund: %w", err)
	}
	for _, f := range list {
		known := slices.ContainsFunc(ours, func(o paymentdb.Refund) bool {
			return o.ID != r.ID && o.ProviderRefundID != nil && *o.ProviderRefundID == f.ProviderID
		})
		if !known && f.Amount == money.Kobo(r.AmountKobo) && !nothingMoved(f) {
			return &f, nil
		}
	}
	return nil, nil //nolint:nilnil // none is an ordinary answer
}

// syncRefunds brings our refunds of a payment up to what the provider says of them.
func (s *Service) syncRefunds(ctx context.Context, p paymentdb.Payment) error {
	ours, err := s.q.RefundsOfPayment(ctx, s.cfg.DB, p.ID)
	if err != nil {
		return fmt.Errorf("payment: refunds: %w", err)
	}
	list, err := s.provider(p.Provider).Refunds(ctx, p.Reference)
	if err != nil {
		return fmt.Errorf("payment: refunds: %w", err)
	}
	for _, f := range list {
		if known(ours, f) {
			continue
		}
		if err := s.adopt(ctx, p.ID, f); err != nil {
			return err
		}
	}
	for _, o := range ours {
		for _, f := range list {
			if o.ProviderRefundID == nil || *o.ProviderRefundID != f.ProviderID {
				continue
			}
			if err := s.moveRefund(ctx, p.ID, o.ID, f, ""); err != nil {
				return err
			}
		}
	}
	var failed []string
	for _, f := range list {
		if nothingMoved(f) {
			failed = append(failed, storable(f.ProviderID))
		}
	}
	if err := s.q.ForgetStrays(ctx, s.cfg.DB, p.ID, failed); err != nil {
		return fmt.Errorf("payment: refunds: %w", err)
	}
	return nil
}

// known reports whether a refund at the provider is one of ours: one that we have asked for and not heard about yet may be
// the one. One that failed has moved nothing, and ours forget theirs when they are asked for again; what a bank won is no
// refund of anybody's.
func known(ours []paymentdb.Refund, f Refund) bool {
	return nothingMoved(f) || slices.ContainsFunc(ours, func(o paymentdb.Refund) bool {
		if o.ProviderRefundID == nil {
			return refundStatus(o.Status) != refundOwed && o.MadeBy == madeByUs && money.Kobo(o.AmountKobo) == f.Amount
		}
		return *o.ProviderRefundID == f.ProviderID
	})
}

// moveRefund writes what the provider says of a refund; a move that the table
// does not know is old news.
func (s *Service) moveRefund(ctx context.Context, paymentID, id uuid.UUID, f Refund, lastError string) error {
	to := refundStatus(strings.ReplaceAll(f.Status, "-", "_"))
	states := from(refundMoves, to)
	if to == refundRequested || len(states) == 0 {
		return nil // a word we do not know: looked at again later
	}
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		locked, err := s.q.LockPayment(ctx, tx, paymentID)
		if err != nil {
			return fmt.Errorf("payment: refund: %w", err)
		}
		var providerID *string
		if f.ProviderID != "" {
			providerID = &f.ProviderID
		}
		n, err := s.q.MoveRefund(ctx, tx, paymentdb.MoveRefundParams{
			Status: string(to), ProviderRefundID: providerID, LastError: storable(lastError), ID: id, FromStates: states,
		})
		if err != nil {
			return fmt.Errorf("payment: refund: %w", err)
		}
		if n == 0 {
			return nil
		}
		err = ledger.Write(ctx, tx, locked.Payment.EventID, ledger.RefundChanged, map[string]any{"refund": id, "status": to})
		switch {
		case err != nil:
			return err
		case to == refundProcessed:
			return s.refunded(ctx, tx, locked.Payment, f.Amount)
		case to == refundFailed || to == refundAttention:
			if err := s.square(ctx, tx, locked.Payment, uuid.Nil); err != nil { // the bank may have paid meanwhile
				return err
			}
			return s.troubled(ctx, tx, locked.Payment, id, to)
		}
		return nil
	})
}

// refunded tells the buyer that money is back, and ends the payment once all of it is.
func (s *Service) refunded(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, amount money.Kobo) error {
	if err := s.ended(ctx, tx, p); err != nil {
		return err
	}
	return s.writeRefunded(ctx, tx, p, amount)
}
