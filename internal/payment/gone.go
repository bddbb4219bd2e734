package payment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/ledger"
	"fairqueue/internal/money"
	"fairqueue/internal/ticket"
)

// Who gave money back, in rows.
const (
	madeByUs       = "us"
	madeByProvider = "provider"
	madeByBank     = "bank"
)

const byBank = "The bank took the money back by a dispute."

// unsent are the states of a refund whose money nobody moves now.
func unsent(r paymentdb.Refund) bool {
	return slices.Contains([]refundStatus{refundOwed, refundFailed, refundAttention}, refundStatus(r.Status))
}

// square ends what is still owed of a payment as far as banks have given its money to the buyer, with disputes that were
// lost: a refund on top would pay twice. A refund that is on its way is the provider's; should it fail, this is asked again.
// unknown is one that was asked for and that the provider does not know; zero: none. What a bank took and no refund was owed
// for is in no row of refunds: the payment is charged back.
func (s *Service) square(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, unknown uuid.UUID) error {
	lost, err := s.q.LostOfPayment(ctx, tx, p.ID)
	if err != nil {
		return fmt.Errorf("payment: square: %w", err)
	}
	if lost == 0 {
		return nil
	}
	all, err := s.q.LockRefundsOfPayment(ctx, tx, p.ID)
	if err != nil {
		return fmt.Errorf("payment: square: %w", err)
	}
	over := min(lost, *p.ReceivedKobo) - *p.ReceivedKobo
	for _, r := range all {
		if r.MadeBy != madeByBank {
			over += r.AmountKobo
		}
	}
	for _, r := range all {
		part := min(over, r.AmountKobo)
		// The provider knows the whole of one that needs attention.
		if part <= 0 || !unsent(r) && r.ID != unknown || refundStatus(r.Status) == refundAttention && part < r.AmountKobo {
			continue
		}
		if err := s.coverBank(ctx, tx, p, r, part); err != nil {
			return err
		}
		over -= part
	}
	if over > 0 {
		s.alert(ctx, "a bank took money that goes back, or went, by a refund too", "payment", p.ID, "amount", over)
	}
	return s.ended(ctx, tx, p)
}

// stillOwed squares a payment before one of its refunds is asked for that the provider does not know, and reports whether a
// bank asks for its money: who decides that decides about the refund too.
func (s *Service) stillOwed(ctx context.Context, r paymentdb.GetRefundRow) (now paymentdb.GetRefundRow, disputed bool, err error) {
	err = db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		p, err := s.q.LockPayment(ctx, tx, r.PaymentID)
		if err != nil {
			return fmt.Errorf("payment: square: %w", err)
		}
		if err := s.square(ctx, tx, p.Payment, r.ID); err != nil {
			return err
		}
		if disputed, err = s.q.DisputeOpen(ctx, tx, r.PaymentID); err != nil {
			return fmt.Errorf("payment: square: %w", err)
		}
		now, err = s.q.GetRefund(ctx, tx, r.ID)
		return err
	})
	return now, disputed, err
}

// coverBank writes down that a bank has given the buyer a part, or all, of what a refund owes.
func (s *Service) coverBank(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, r paymentdb.Refund, part int64) error {
	id := r.ID
	if part < r.AmountKobo {
		var err error
		if id, err = s.split(ctx, tx, p, r, part); err != nil {
			return err
		}
	}
	n, err := s.q.CoverRefund(ctx, tx, paymentdb.CoverRefundParams{
		Status: string(refundProcessed), MadeBy: madeByBank, AmountKobo: part, LastError: byBank, ID: id, FromStates: from(refundMoves, refundProcessed),
	})
	if err != nil {
		return fmt.Errorf("payment: square: %w", err)
	}
	if n != 1 {
		return fmt.Errorf("payment: square: refund %s is not %s any more", r.ID, r.Status)
	}
	return ledger.Write(ctx, tx, p.EventID, ledger.RefundChanged, map[string]any{"refund": id, "status": refundProcessed, "by": madeByBank})
}

// split takes the part of a bank out of what a refund owes, into a row of its own.
func (s *Service) split(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, r paymentdb.Refund, part int64) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return id, fmt.Errorf("payment: split: %w", err)
	}
	n, err := s.q.ShrinkRefund(ctx, tx, part, r.ID, []string{r.Status})
	if err != nil {
		return id, fmt.Errorf("payment: split: %w", err)
	}
	if n != 1 {
		return id, fmt.Errorf("payment: split: refund %s is not %s any more", r.ID, r.Status)
	}
	if err := s.q.InsertRefund(ctx, tx, paymentdb.InsertRefundParams{ID: id, PaymentID: p.ID, AmountKobo: part, Reason: whyBank, AskedBy: r.AskedBy, Note: r.Note}); err != nil {
		return id, fmt.Errorf("payment: split: %w", err)
	}
	return id, ledger.Write(ctx, tx, p.EventID, ledger.RefundDue, map[string]any{"payment": p.ID, "refund": id, "of": r.ID, "amount": part, "reason": whyBank})
}

// ended moves a payment to refunded that waited for its refunds, once all of them have left.
func (s *Service) ended(ctx context.Context, tx pgx.Tx, p paymentdb.Payment) error {
	all, err := s.q.LockRefundsOfPayment(ctx, tx, p.ID)
	if err != nil {
		return fmt.Errorf("payment: refund: %w", err)
	}
	var back int64
	for _, r := range all {
		if refundStatus(r.Status) == refundProcessed {
			back += r.AmountKobo
		}
	}
	if p.Status == string(RefundDue) && p.ReceivedKobo != nil && back >= *p.ReceivedKobo {
		return s.move(ctx, tx, p.ID, Refunded)
	}
	return nil
}

// errNotOurs: a refund at the provider cannot be fitted into the books now.
var errNotOurs = errors.New("payment: more goes back at the provider than is left")

// adopt writes down a refund that somebody made at the provider and not here, and does what follows from it by the rules of
// our own: it is taken for what is owed and not sent; the rest is the price of tickets. Where all of that went back, they are
// void; where part of it did, they stay good and are worth less, and an organizer chooses which of them end.
func (s *Service) adopt(ctx context.Context, payment uuid.UUID, f Refund) error {
	to := refundStatus(strings.ReplaceAll(f.Status, "-", "_"))
	if !slices.Contains([]refundStatus{refundPending, refundProcessing, refundProcessed, refundAttention}, to) || f.ProviderID == "" || f.Amount <= 0 {
		return nil // nothing has moved, or it is a word we do not know
	}
	err := s.decide(ctx, payment, func(tx pgx.Tx, p paymentdb.LockPaymentRow, l *claim.Locked) error {
		all, err := s.q.LockRefundsOfPayment(ctx, tx, payment)
		if err != nil {
			return fmt.Errorf("payment: adopt: %w", err)
		}
		if known(all, f) {
			return nil
		}
		disputed, err := s.q.DisputeOpen(ctx, tx, payment)
		if err != nil {
			return fmt.Errorf("payment: adopt: %w", err)
		}
		if status := Status(p.Payment.Status); disputed || status != Succeeded && status != RefundDue {
			return errNotOurs // what a bank asks for may go back by a refund of its own
		}
		return s.adoptTx(ctx, tx, p.Payment, l, all, f, to)
	})
	if errors.Is(err, errNotOurs) {
		return s.misfit(ctx, payment, f)
	}
	return err
}

func (s *Service) adoptTx(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, l *claim.Locked, all []paymentdb.Refund, f Refund, to refundStatus) error {
	free := *p.ReceivedKobo
	for _, r := range all {
		free -= r.AmountKobo
	}
	if free > 0 && Status(p.Status) != Succeeded {
		return errNotOurs
	}
	id, err := s.place(ctx, tx, p, all, f, to, max(0, int64(f.Amount)-max(0, free)))
	if err != nil {
		return err
	}
	s.log.WarnContext(ctx, "a refund that was made at the provider is written down", "payment", p.ID, "refund", id, "amount", int64(f.Amount))
	if given := min(free, int64(f.Amount)); given > 0 {
		err = s.given(ctx, tx, p, l, id, money.Kobo(given), given == free)
	}
	if err != nil || to != refundProcessed {
		return err
	}
	if err := s.ended(ctx, tx, p); err != nil {
		return err
	}
	return s.writeRefunded(ctx, tx, p, f.Amount)
}

// place gives a refund of the provider its row: that of a refund which is owed, as far as it is sent with it, else a new
// one. over is how much of it is owed already.
func (s *Service) place(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, all []paymentdb.Refund, f Refund, to refundStatus, over int64) (uuid.UUID, error) {
	var whole []paymentdb.Refund
	// The largest first, so that as few rows as possible are touched.
	all = slices.SortedStableFunc(slices.Values(all), func(a, b paymentdb.Refund) int { return cmp.Compare(b.AmountKobo, a.AmountKobo) })
	for _, r := range all {
		switch {
		case over <= 0 || !unsent(r) || refundStatus(r.Status) == refundAttention:
			// The provider has one that needs attention already: this is another.
		case r.AmountKobo > over:
			n, err := s.q.ShrinkRefund(ctx, tx, over, r.ID, []string{r.Status})
			if err := once(n, err); err != nil {
				return uuid.Nil, err
			}
			over = 0
		default:
			whole, over = append(whole, r), over-r.AmountKobo
		}
	}
	if over > 0 || len(whole) > 1 && to != refundProcessed {
		return uuid.Nil, errNotOurs // of several, nobody could say which is owed again if it failed
	}
	amount := int64(f.Amount)
	for i, r := range whole {
		if i == 0 {
			continue
		}
		amount -= r.AmountKobo
		n, err := s.q.CoverRefund(ctx, tx, paymentdb.CoverRefundParams{
			Status: string(refundProcessed), MadeBy: madeByProvider, AmountKobo: r.AmountKobo, ID: r.ID, FromStates: from(refundMoves, refundProcessed),
		})
		if err := once(n, err); err != nil {
			return uuid.Nil, err
		}
		if err := ledger.Write(ctx, tx, p.EventID, ledger.RefundChanged, map[string]any{"refund": r.ID, "status": refundProcessed, "by": madeByProvider}); err != nil {
			return uuid.Nil, err
		}
	}
	if len(whole) > 0 {
		return whole[0].ID, s.bind(ctx, tx, p, whole[0].ID, f, to, amount)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return id, fmt.Errorf("payment: adopt: %w", err)
	}
	if err := s.q.InsertRefund(ctx, tx, paymentdb.InsertRefundParams{ID: id, PaymentID: p.ID, AmountKobo: amount, Reason: whyProvider}); err != nil {
		return id, fmt.Errorf("payment: adopt: %w", err)
	}
	if err := s.enqueue(ctx, tx, refundArgs{Refund: id}, refundLookMin); err != nil {
		return id, err
	}
	return id, s.bind(ctx, tx, p, id, f, to, amount)
}

// bind makes a row that is owed the one of a refund at the provider, along the table: asked for, by somebody, and then
// what the provider says of it.
func (s *Service) bind(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, id uuid.UUID, f Refund, to refundStatus, amount int64) error {
	n, err := s.q.LeaseRefund(ctx, tx, id, from(refundMoves, refundRequested), 0)
	if err := once(n, err); err != nil {
		return err
	}
	n, err = s.q.CoverRefund(ctx, tx, paymentdb.CoverRefundParams{
		Status: string(to), MadeBy: madeByProvider, AmountKobo: amount, ProviderRefundID: &f.ProviderID, ID: id, FromStates: from(refundMoves, to),
	})
	if err := once(n, err); err != nil {
		return err
	}
	return ledger.Write(ctx, tx, p.EventID, ledger.RefundChanged, map[string]any{
		"refund": id, "status": to, "by": madeByProvider, "payment": p.ID, "amount": amount,
	})
}

// once is the error of a guarded move of one refund: it changed since it was read.
func once(n int64, err error) error {
	if err != nil {
		return fmt.Errorf("payment: adopt: %w", err)
	}
	if n != 1 {
		return errNotOurs
	}
	return nil
}

// given does with tickets what follows from money that went back at the provider and was not owed: all of it, or part.
func (s *Service) given(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, l *claim.Locked, refund uuid.UUID, amount money.Kobo, all bool) error {
	good, err := ticket.GoodTx(ctx, tx, p.ID)
	if err != nil {
		return err
	}
	var worth money.Kobo
	for _, g := range good {
		worth += g.Worth
	}
	if all || worth > 0 && amount >= worth {
		// The fee that the buyer bore goes with the last ticket, too.
		out, err := s.takeBack(ctx, tx, p, l, taking{debt: debt{why: whyProvider}, status: ticket.Void, paid: &refund})
		if err != nil {
			return err
		}
		out.amount += amount
		return s.writeTakenBack(ctx, tx, p, out, "")
	}
	if err := ticket.ReduceTx(ctx, tx, priceOf(good, amount), amount); err != nil {
		return err
	}
	s.alert(ctx, "part of an order was refunded at the provider: its organizer chooses which tickets end", "payment", p.ID, "amount", int64(amount))
	return s.writePart(ctx, tx, p, amount, "")
}

// priceOf returns the tickets that an amount which somebody gave back at the provider is most likely for: those that are
// worth exactly as much, next to each other, the first of the order first, so that they can be ended without more money.
// No such: all of them, of which each is worth a little less.
func priceOf(good []ticket.Good, amount money.Kobo) []ticket.Good {
	for i := range good {
		var worth money.Kobo
		for j := i; j < len(good) && worth < amount; j++ {
			if worth += good[j].Worth; worth == amount {
				return good[i : j+1]
			}
		}
	}
	return good
}
