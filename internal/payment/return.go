package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/ticket"
)

var (
	errNoTicket = fault.New(fault.NotFound, "ticket_not_found", "There is no such ticket of yours.")
	errUsed     = fault.New(fault.Conflict, "ticket_used", "This ticket has let somebody in already, so it cannot be given back.")
)

// Why a ticket cannot be given back; the reason of not_returnable.
const (
	notAllowed   = "not_allowed"
	notInTime    = "too_late"
	notGood      = "ended"
	notCancelled = "event_cancelled"
	notDisputed  = "disputed"
)

var notReturnableWords = map[string]string{
	notAllowed:   "The organizer of this event does not take tickets back.",
	notInTime:    "The time to give tickets of this event back is over.",
	notGood:      "This ticket is not good any more, so it cannot be given back.",
	notCancelled: "The event is cancelled. Your money comes back by itself: there is nothing to give back.",
	notDisputed:  "Your bank has asked for the money of this ticket back. Until it has decided, the ticket cannot be given back here.",
}

func errNotReturnable(reason string) error {
	return fault.New(fault.Conflict, "not_returnable", notReturnableWords[reason]).With("reason", reason)
}

// ReturnUntil is until when the account may give a ticket back for its price; 404 ticket_not_found, 409 not_returnable
// (reason) or ticket_used where it may not now.
func (s *Service) ReturnUntil(ctx context.Context, account, ticketID uuid.UUID) (time.Time, error) {
	_, until, err := s.returnable(ctx, s.cfg.DB, account, ticketID)
	return until, err
}

// Return gives a ticket of the account back at its price: its code is void, its place goes to whoever waits, and the
// refund follows. 404 ticket_not_found; 409 not_returnable (reason), ticket_used.
func (s *Service) Return(ctx context.Context, account, ticketID uuid.UUID) error {
	t, _, err := s.returnable(ctx, s.cfg.DB, account, ticketID)
	if err != nil {
		return err
	}
	err = s.decide(ctx, t.PaymentID, func(tx pgx.Tx, p paymentdb.LockPaymentRow, l *claim.Locked) error {
		// Again under the locks: two tabs, an organizer or a bank may have been faster.
		if _, _, err := s.returnable(ctx, tx, account, ticketID); err != nil {
			return err
		}
		out, err := s.takeBack(ctx, tx, p.Payment, l, taking{
			debt: debt{why: whyReturned}, tickets: []uuid.UUID{ticketID}, status: ticket.Returned,
		})
		if err != nil {
			return err
		}
		return s.writeReturned(ctx, tx, p.Payment, out)
	})
	if errors.Is(err, ticket.ErrChanged) {
		return errUsed.Because(err)
	}
	if err != nil {
		return err
	}
	// What was given back is shown as free at once; every replica sees it within a second anyway.
	_, err = s.cfg.Sales.Fresh(ctx, t.EventID)
	return err
}

func (s *Service) returnable(ctx context.Context, c db.Conn, account, ticketID uuid.UUID) (t paymentdb.OfTicketRow, until time.Time, err error) {
	t, err = s.q.OfTicket(ctx, c, ticketID, account)
	if db.NoRows(err) {
		return t, until, errNoTicket
	}
	if err != nil {
		return t, until, db.Fault(fmt.Errorf("payment.Return: %w", err))
	}
	until = t.StartsAt
	if t.ReturnsUntil != nil && t.ReturnsUntil.Before(until) {
		until = *t.ReturnsUntil
	}
	switch {
	case ticket.Status(t.Status) == ticket.Used:
		err = errUsed
	case t.CancelledAt != nil:
		err = errNotReturnable(notCancelled)
	case t.Disputed:
		err = errNotReturnable(notDisputed)
	case ticket.Status(t.Status) != ticket.Valid || Status(t.PaymentStatus) != Succeeded:
		err = errNotReturnable(notGood)
	case !t.Returns:
		err = errNotReturnable(notAllowed)
	case !t.Now.Before(until):
		err = errNotReturnable(notInTime)
	}
	return t, until, err
}
