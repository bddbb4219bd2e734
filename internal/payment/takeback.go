package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/money"
	"fairqueue/internal/ticket"
)

// Why tickets were taken back and their money goes back; in rows, ledger and mails.
const (
	whyOrganizer = "organizer"
	whyReturned  = "returned"
	whyDispute   = "dispute"
	whyProvider  = "provider"
	whyBank      = "bank"
)

// errNoTickets: nothing of what is asked for is good any more.
var errNoTickets = errors.New("payment: no tickets to take back")

// taking is what ends tickets and owes their money.
type taking struct {
	debt // its amount follows from the tickets
	// tickets are the ones to take back; nil: all that are good.
	tickets []uuid.UUID
	status  ticket.Status
	// keepOff leaves the places off the sale; those of tickets that were used always are.
	keepOff bool
	// paid is the refund that their money has gone back with already; nil: it is owed.
	paid *uuid.UUID
}

// taken is what came of it.
type taken struct {
	tickets []ticket.Good
	// refund is nil where there was nothing to give back.
	refund *uuid.UUID
	amount money.Kobo
	// all: no ticket of the order is good any more.
	all bool
}

// takeBack is how every ticket ends whose money goes back, whoever wants it: in one transaction their places go into the
// sale again, a refund of what they are worth is owed, and their codes are void. With the last ticket of an order goes
// everything that came for it and has not gone back, fees too. The caller has locked the payment (succeeded) and the claim.
func (s *Service) takeBack(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, l *claim.Locked, t taking) (taken, error) {
	good, err := ticket.GoodTx(ctx, tx, p.ID)
	if err != nil {
		return taken{}, err
	}
	out := taken{tickets: good}
	if t.tickets != nil {
		out.tickets = slices.DeleteFunc(slices.Clone(good), func(g ticket.Good) bool { return !slices.Contains(t.tickets, g.ID) })
	}
	if len(out.tickets) == 0 {
		return out, errNoTickets
	}
	out.all = len(out.tickets) == len(good)
	units, err := s.freeUnits(ctx, tx, l, out.tickets, t.keepOff)
	if err != nil {
		return out, err
	}
	owed, err := s.owedOf(ctx, tx, p.ID)
	if err != nil {
		return out, err
	}
	for _, g := range out.tickets {
		out.amount += g.Worth
	}
	if out.all {
		out.amount = money.Kobo(*p.ReceivedKobo) - owed
	}
	if t.amount = out.amount; t.amount > 0 {
		id, err := s.oweAs(ctx, tx, p, t.debt)
		if err != nil {
			return out, err
		}
		out.refund = &id
	}
	if t.paid != nil {
		out.refund = t.paid
	}
	if err := ticket.EndTx(ctx, tx, out.tickets, t.status, out.refund); err != nil {
		return out, err
	}
	if err := writeTaken(ctx, tx, p, out.tickets, t.status, t.why, t.by, units); err != nil || !out.all {
		return out, err
	}
	return out, s.endOrder(ctx, tx, p, l)
}

// endOrder ends the claim and the payment of an order without a good ticket: its money is back, or owed.
func (s *Service) endOrder(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, l *claim.Locked) error {
	if err := l.RefundedTx(ctx, tx); err != nil {
		return err
	}
	all, err := s.q.LockRefundsOfPayment(ctx, tx, p.ID)
	if err != nil {
		return fmt.Errorf("payment: take back: %w", err)
	}
	to := Refunded
	if slices.ContainsFunc(all, func(r paymentdb.Refund) bool { return refundStatus(r.Status) != refundProcessed }) {
		to = RefundDue
	}
	return s.move(ctx, tx, p.ID, to)
}

// move takes a payment along the table of moves.
func (s *Service) move(ctx context.Context, tx pgx.Tx, id uuid.UUID, to Status) error {
	n, err := s.q.MovePayment(ctx, tx, string(to), id, from(moves, to))
	if err != nil {
		return fmt.Errorf("payment: to %s: %w", to, err)
	}
	if n != 1 {
		return fmt.Errorf("payment: %s cannot become %s", id, to)
	}
	return nil
}

// freeUnits gives the places of tickets back to the sale.
func (s *Service) freeUnits(ctx context.Context, tx pgx.Tx, l *claim.Locked, tickets []ticket.Good, keepOff bool) ([]uuid.UUID, error) {
	var units, off []uuid.UUID
	for _, t := range tickets {
		units = append(units, t.UnitID)
		if keepOff || t.Status == ticket.Used {
			off = append(off, t.UnitID)
		}
	}
	return units, l.TakeBackTx(ctx, tx, units, off)
}

// owedOf is what has gone back of a payment or is on its way, with its refunds locked.
func (s *Service) owedOf(ctx context.Context, tx pgx.Tx, payment uuid.UUID) (owed money.Kobo, err error) {
	all, err := s.q.LockRefundsOfPayment(ctx, tx, payment)
	if err != nil {
		return 0, fmt.Errorf("payment: take back: %w", err)
	}
	for _, r := range all {
		owed += money.Kobo(r.AmountKobo)
	}
	return owed, nil
}

func writeTaken(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, tickets []ticket.Good, status ticket.Status, why string, by uuid.UUID, units []uuid.UUID) error {
	ids := make([]uuid.UUID, len(tickets))
	for i, t := range tickets {
		ids[i] = t.ID
	}
	if units == nil {
		units = []uuid.UUID{}
	}
	body := map[string]any{"payment": p.ID, "tickets": ids, "status": status, "why": why, "units": units}
	if by != uuid.Nil {
		body["by"] = by
	}
	return ledger.Write(ctx, tx, p.EventID, ledger.TicketsEnded, body)
}

// changedTries is how often a decision about tickets is made again when one of them was let in meanwhile.
const changedTries = 3

// decide runs fn in a transaction with a payment, its spot and its claim locked.
func (s *Service) decide(ctx context.Context, payment uuid.UUID, fn func(tx pgx.Tx, p paymentdb.LockPaymentRow, l *claim.Locked) error) error {
	for try := 1; ; try++ {
		err := db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
			p, err := s.q.LockPayment(ctx, tx, payment)
			if err != nil {
				return fmt.Errorf("payment: decide: %w", err)
			}
			l, err := claim.LockTx(ctx, tx, p.Payment.ClaimID)
			if err != nil {
				return err
			}
			return fn(tx, p, l)
		})
		if try == changedTries || !errors.Is(err, ticket.ErrChanged) {
			return err
		}
	}
}
