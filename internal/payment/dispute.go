package payment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"fairqueue/internal/claim"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/money"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
)

// hearDispute follows a webhook about a bank that asks for the money of a
// payment back. What the provider says when asked counts; the webhook only where
// it cannot say.
func (s *Service) hearDispute(ctx context.Context, p paymentdb.Payment, n Notice) (outcome string, err error) {
	if n.Dispute == nil || storable(n.Dispute.ProviderID) == "" {
		s.alert(ctx, "a dispute without a name", "payment", p.ID)
		return "a dispute without a name", nil
	}
	d, err := s.provider(p.Provider).Dispute(ctx, n.Dispute.ProviderID)
	switch {
	case err != nil && !refused(err):
		return "", fmt.Errorf("payment: dispute: %w", err)
	case err != nil || !d.Found:
		d = *n.Dispute
	}
	if d.Amount == 0 {
		d.Amount = n.Dispute.Amount
	}
	if d.Reference != "" && d.Reference != p.Reference {
		s.alert(ctx, "a dispute about another payment than its webhook says", "payment", p.ID)
		return "about another payment", nil
	}
	return "disputed", s.dispute(ctx, p.ID, d)
}

// disputeEvery is how often an open dispute is asked about: a webhook may be lost.
const disputeEvery = time.Hour

func (s *Service) workDispute(ctx context.Context, a disputeArgs) error {
	row, err := s.q.GetDispute(ctx, s.cfg.DB, a.Dispute)
	if err != nil {
		return fmt.Errorf("payment: dispute: %w", err)
	}
	if DisputeOutcome(row.Status) != DisputeOpen {
		return nil
	}
	d, err := s.provider(row.Provider).Dispute(ctx, row.ProviderDisputeID)
	if err != nil {
		return fmt.Errorf("payment: dispute: %w", err)
	}
	if d.Found {
		if err := s.dispute(ctx, row.PaymentID, d); err != nil {
			return err
		}
	}
	if d.Found && d.Outcome != DisputeOpen {
		return nil
	}
	return river.JobSnooze(disputeEvery)
}

// dispute writes down how a dispute stands, and does what follows from it by the
// rule of the sale: while one is open with the rule void, the tickets of its
// payment are void and their places stay sold; won, they are good again; lost,
// the money is gone and the places are free.
func (s *Service) dispute(ctx context.Context, payment uuid.UUID, d Dispute) error {
	return s.decide(ctx, payment, func(tx pgx.Tx, p paymentdb.LockPaymentRow, l *claim.Locked) error {
		row, fresh, err := s.writeDispute(ctx, tx, p.Payment, d)
		if err != nil {
			return err
		}
		rules, err := s.q.RulesOfEvent(ctx, tx, p.Payment.EventID)
		if err != nil {
			return fmt.Errorf("payment: dispute: %w", err)
		}
		if d.Outcome == DisputeOpen || d.Outcome == "" {
			if fresh && sale.DisputeRule(rules.Disputes) == sale.DisputesVoid {
				return s.holdTickets(ctx, tx, p.Payment)
			}
			return s.q.NoteDispute(ctx, tx, storable(d.Status), d.DueAt, row.ID)
		}
		n, err := s.q.MoveDispute(ctx, tx, paymentdb.MoveDisputeParams{
			Status: string(d.Outcome), ProviderStatus: storable(d.Status), AmountKobo: int64(d.Amount), ID: row.ID, FromStates: from(disputeMoves, d.Outcome),
		})
		if err != nil || n == 0 {
			return err
		}
		err = ledger.Write(ctx, tx, p.Payment.EventID, ledger.Disputed, map[string]any{"payment": p.Payment.ID, "dispute": row.ID, "status": d.Outcome})
		if err != nil {
			return err
		}
		// What did not fit into the books while it was open may fit now.
		if err := s.q.WakeStrays(ctx, tx, p.Payment.ID); err != nil {
			return fmt.Errorf("payment: dispute: %w", err)
		}
		if d.Outcome == DisputeLost {
			return s.lose(ctx, tx, p.Payment, l)
		}
		return s.win(ctx, tx, p.Payment, l, rules.CancelledAt != nil)
	})
}

// writeDispute returns the row of a dispute, and makes it with the job that looks after it.
func (s *Service) writeDispute(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, d Dispute) (row paymentdb.Dispute, fresh bool, err error) {
	id, err := uuid.NewV7()
	if err != nil {
		return row, false, fmt.Errorf("payment: dispute: %w", err)
	}
	amount := int64(d.Amount)
	if amount <= 0 && p.ReceivedKobo != nil {
		amount = *p.ReceivedKobo
	}
	n, err := s.q.InsertDispute(ctx, tx, paymentdb.InsertDisputeParams{
		ID: id, PaymentID: p.ID, ProviderDisputeID: storable(d.ProviderID), ProviderStatus: storable(d.Status),
		Category: storable(d.Category), AmountKobo: max(amount, 0), DueAt: d.DueAt,
	})
	if err != nil {
		return row, false, fmt.Errorf("payment: dispute: %w", err)
	}
	if row, err = s.q.DisputeByProvider(ctx, tx, storable(d.ProviderID)); err != nil {
		return row, false, fmt.Errorf("payment: dispute: %w", err)
	}
	if row.PaymentID != p.ID {
		return row, false, fmt.Errorf("payment: dispute %s is about another payment", row.ID)
	}
	if n == 0 {
		return row, false, nil
	}
	s.alert(ctx, "a payment is disputed", "payment", p.ID, "dispute", row.ID)
	if err := s.enqueue(ctx, tx, disputeArgs{Dispute: row.ID}, disputeEvery); err != nil {
		return row, true, err
	}
	if err := s.trouble(ctx, tx, p.EventID); err != nil {
		return row, true, err
	}
	return row, true, ledger.Write(ctx, tx, p.EventID, ledger.Disputed, map[string]any{"payment": p.ID, "dispute": row.ID, "status": DisputeOpen})
}

// holdTickets makes the tickets of a payment void while a dispute is open. Their money counts as charged back until it
// is won, and their places stay sold.
func (s *Service) holdTickets(ctx context.Context, tx pgx.Tx, p paymentdb.Payment) error {
	if Status(p.Status) != Succeeded {
		return nil // its money goes back anyway
	}
	good, err := s.voidAll(ctx, tx, p, nil)
	if err != nil {
		return err
	}
	return s.writeDisputed(ctx, tx, p, len(good))
}

// voidAll ends the good tickets of a payment whose money a bank has, or asks for.
func (s *Service) voidAll(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, free func(good []ticket.Good) ([]uuid.UUID, error)) ([]ticket.Good, error) {
	good, err := ticket.GoodTx(ctx, tx, p.ID)
	if err != nil {
		return nil, err
	}
	var units []uuid.UUID
	if free != nil {
		if units, err = free(good); err != nil {
			return nil, err
		}
	}
	if err := ticket.EndTx(ctx, tx, good, ticket.Void, nil); err != nil {
		return nil, err
	}
	if err := s.move(ctx, tx, p.ID, ChargedBack); err != nil {
		return nil, err
	}
	return good, writeTaken(ctx, tx, p, good, ticket.Void, whyDispute, uuid.Nil, units)
}

// lose is what follows from a lost dispute: the money is with the buyer, and the places go back into the sale.
func (s *Service) lose(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, l *claim.Locked) error {
	free := func(tickets []ticket.Good) ([]uuid.UUID, error) { return s.freeUnits(ctx, tx, l, tickets, false) }
	switch Status(p.Status) {
	case Succeeded:
		if _, err := s.voidAll(ctx, tx, p, free); err != nil {
			return err
		}
	case ChargedBack:
		voided, err := ticket.VoidedTx(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		units, err := free(voided)
		if err != nil {
			return err
		}
		if err := writeTaken(ctx, tx, p, voided, ticket.Void, whyDispute, uuid.Nil, units); err != nil {
			return err
		}
	default:
		return s.square(ctx, tx, p, uuid.Nil) // it goes back, or went, anyway
	}
	if l.Status == claim.Paid {
		if err := l.RefundedTx(ctx, tx); err != nil {
			return err
		}
	}
	owed, err := s.owedOf(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	lost, err := s.q.LostOfPayment(ctx, tx, p.ID)
	if err != nil {
		return fmt.Errorf("payment: dispute: %w", err)
	}
	// The banks took less than what the tickets were worth: without them, the rest is the buyer's too.
	if rest := money.Kobo(*p.ReceivedKobo-lost) - owed; rest > 0 {
		if err := s.owe(ctx, tx, p, rest, whyDispute); err != nil {
			return err
		}
	}
	if err := s.square(ctx, tx, p, uuid.Nil); err != nil {
		return err
	}
	return s.writeLost(ctx, tx, p)
}

// win makes the tickets good again that were void only because of disputes, once none is left that was not won; those
// of an event that was cancelled meanwhile are taken back like all the others.
func (s *Service) win(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, l *claim.Locked, cancelled bool) error {
	all, err := s.q.DisputesOfPayment(ctx, tx, p.ID)
	if err != nil {
		return fmt.Errorf("payment: dispute: %w", err)
	}
	if slices.ContainsFunc(all, func(d paymentdb.Dispute) bool { return DisputeOutcome(d.Status) != DisputeWon }) {
		return nil
	}
	if Status(p.Status) == ChargedBack {
		back, err := ticket.ReviveTx(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if err := s.move(ctx, tx, p.ID, Succeeded); err != nil {
			return err
		}
		p.Status = string(Succeeded)
		err = ledger.Write(ctx, tx, p.EventID, ledger.TicketsEnded, map[string]any{
			"payment": p.ID, "tickets": back, "status": ticket.Valid, "why": whyDispute, "units": []uuid.UUID{},
		})
		if err != nil {
			return err
		}
		if !cancelled {
			return s.writeRevived(ctx, tx, p, len(back))
		}
	}
	if !cancelled || Status(p.Status) != Succeeded {
		return nil
	}
	return s.cancelTx(ctx, tx, p, l)
}
