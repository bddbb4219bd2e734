package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/money"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
)

var errDraft = fault.New(fault.Conflict, "invalid_transition", "The event is a draft that nobody has seen, so there is nothing to cancel.").With("state", sale.Draft)

// Cancel says that an event does not take place: its sale ends, and everything that was paid goes back. Cancelling what
// is cancelled changes nothing. The orders are gone through by a job, each by its own rows, so that whatever crashes it
// goes on where it was. The reason is what the fans read about it; empty for none. 422; 409 invalid_transition for a draft.
func (s *Service) Cancel(ctx context.Context, event, by uuid.UUID, reason string) (*sale.Snapshot, error) {
	reason, wrong := readable(reason)
	if wrong {
		return nil, fault.InvalidField(fault.Field{Path: "reason", Message: errReason})
	}
	err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		state, err := sale.StateTx(ctx, tx, event)
		if err != nil {
			return err
		}
		if state == sale.Draft {
			return errDraft
		}
		// From here on, no money becomes tickets: what is settled afterwards goes back.
		first, err := sale.CancelTx(ctx, tx, event, reason)
		if err != nil || !first {
			return err
		}
		if err := s.enqueue(ctx, tx, cancelArgs{Event: event}, 0); err != nil {
			return err
		}
		return ledger.Write(ctx, tx, event, ledger.EventCancelled, map[string]any{"by": by})
	})
	if err != nil {
		return nil, err
	}
	return s.endSale(ctx, event, by)
}

// endSale ends the sale of an event, unless it is over.
func (s *Service) endSale(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	e, err := s.cfg.Queue.End(ctx, event, by)
	if fault.Code(err) == "invalid_transition" {
		return s.cfg.Sales.Fresh(ctx, event)
	}
	return e, err
}

// goOn lets the work of cancelled events go on at once that a process left behind which was killed. Where another process
// is at it, two jobs do no harm: each order is decided by its own rows.
func (s *Service) goOn(ctx context.Context) error {
	events, err := s.q.CancelsLeft(ctx, s.cfg.DB)
	if err != nil || len(events) == 0 {
		return db.Fault(err)
	}
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		for _, event := range events {
			if err := s.enqueue(ctx, tx, cancelArgs{Event: event}, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

const (
	cancelPage = 50
	// cancelFor is how long one run goes on before it lets others have the worker.
	cancelFor   = 20 * time.Second
	cancelAgain = time.Second
)

// workCancel gives back the money of a cancelled event, a bounded piece at a time, until no good ticket is left.
func (s *Service) workCancel(ctx context.Context, a cancelArgs) error {
	if _, err := s.endSale(ctx, a.Event, uuid.Nil); err != nil {
		return err
	}
	until := s.cfg.Clock.Now().Add(cancelFor)
	for {
		n, err := s.cfg.Claims.FreeHeld(ctx, a.Event, cancelPage)
		if err != nil {
			return err
		}
		if n < cancelPage {
			break
		}
	}
	var after uuid.UUID
	var failed []error
	for {
		page, err := s.q.ToTakeBack(ctx, s.cfg.DB, a.Event, after, cancelPage)
		if err != nil {
			return fmt.Errorf("payment: cancel: %w", err)
		}
		for _, id := range page {
			after = id
			// One order that cannot be decided now keeps nobody else waiting.
			if err := s.cancelOne(ctx, id); err != nil {
				failed = append(failed, fmt.Errorf("payment: cancel %s: %w", id, err))
			}
		}
		if len(page) < cancelPage {
			return errors.Join(failed...)
		}
		if s.cfg.Clock.Now().After(until) {
			return river.JobSnooze(cancelAgain)
		}
	}
}

func (s *Service) cancelOne(ctx context.Context, payment uuid.UUID) error {
	return s.decide(ctx, payment, func(tx pgx.Tx, p paymentdb.LockPaymentRow, l *claim.Locked) error {
		disputed, err := s.q.DisputeOpen(ctx, tx, payment)
		if err != nil {
			return fmt.Errorf("payment: cancel: %w", err)
		}
		if disputed || Status(p.Payment.Status) != Succeeded {
			return nil // what becomes of a dispute decides it
		}
		return s.cancelTx(ctx, tx, p.Payment, l)
	})
}

// cancelTx takes all tickets of a payment of a cancelled event back.
func (s *Service) cancelTx(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, l *claim.Locked) error {
	out, err := s.takeBack(ctx, tx, p, l, taking{debt: debt{why: whyCancelled}, status: ticket.Void})
	if err != nil {
		return err
	}
	rules, err := s.q.RulesOfEvent(ctx, tx, p.EventID)
	if err != nil {
		return fmt.Errorf("payment: cancel: %w", err)
	}
	return s.writeCancelled(ctx, tx, p, out, rules.CancelReason)
}

// Cancellation is how far the money of a cancelled event has gone back.
type Cancellation struct {
	// Orders is of how many orders money goes back, or went since: OrdersBack have all of it, Open still have good tickets.
	Orders, OrdersBack, Open int
	// Free is how many orders have good tickets and no money left, as those that cost nothing. Of Disputed orders a bank
	// decides first; UnderWay payments are not decided yet.
	Free, Disputed, UnderWay int
	// Refunds are owed in all, Back of them have left us, Stuck wait for a person. What had left before the event was
	// cancelled is not in any of it.
	Refunds, Back, Stuck int
	Owed, Sent           money.Kobo
	// Kept is what came for open orders and has not gone back.
	Kept money.Kobo
}

// Done reports whether nothing is left to do.
func (c Cancellation) Done() bool {
	return c.Open == 0 && c.Free == 0 && c.Disputed == 0 && c.UnderWay == 0 && c.Back == c.Refunds
}

// Cancellation returns how far the money of an event has gone back, counted from its rows.
func (s *Service) Cancellation(ctx context.Context, event uuid.UUID) (Cancellation, error) {
	r, err := s.q.CancelProgress(ctx, s.cfg.DB, event)
	if err != nil {
		return Cancellation{}, db.Fault(fmt.Errorf("payment.Cancellation: %w", err))
	}
	return Cancellation{
		Orders: int(r.Orders), OrdersBack: int(r.BackOrders), Open: int(r.OpenOrders), Free: int(r.FreeOrders), Disputed: int(r.DisputedOrders), UnderWay: int(r.UnderWay), Refunds: int(r.Refunds), Back: int(r.Back),
		Stuck: int(r.Stuck), Owed: money.Kobo(r.OwedKobo), Sent: money.Kobo(r.BackKobo), Kept: money.Kobo(r.KeptKobo),
	}, nil
}
