package payment

import (
	"context"
	"errors"
	"fmt"
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

// Why money goes back; in rows, ledger and mails.
const (
	whyCurrency  = "wrong_currency"
	whyAmount    = "wrong_amount"
	whyUnderpaid = "underpaid"
	whyOverpaid  = "overpaid"
	whySecond    = "second_payment"
	whyGone      = "sold_to_others"
	whyLimit     = "above_limit"
	whyChanged   = "changed_since"
	whyCancelled = "event_cancelled"
	whyOver      = "event_over"
)

// verdict is what to do with the money of a success.
type verdict struct {
	// back is why all of it goes back; empty: it pays.
	back string
	// over is what came too much, and goes back while the rest pays.
	over money.Kobo
}

// What a provider says that cannot be true: nothing is settled by it, and a person is alerted.
var (
	errNothingCame = errors.New("payment: a success without money")
	errOther       = errors.New("payment: an answer about another payment")
)

// judge compares what came with what was asked. Settle when the currency is
// ours, requested_amount, where present, is what we asked, and amount is at
// least that; more by exactly the fees is a buyer who bears the fees.
func judge(asked money.Kobo, reference string, c Charge) (verdict, error) {
	switch {
	case c.Reference != reference || c.Status != chargeSuccess || !c.Found:
		return verdict{}, errOther
	case c.Amount < 0 || (c.Amount == 0 && asked > 0):
		return verdict{}, errNothingCame
	case !strings.EqualFold(c.Currency, money.Currency):
		return verdict{back: whyCurrency}, nil
	case c.Amount < asked:
		return verdict{back: whyUnderpaid}, nil
	case c.Requested != 0 && c.Requested != asked:
		return verdict{back: whyAmount}, nil
	case c.Fees > 0 && c.Amount == asked+c.Fees:
		return verdict{}, nil
	}
	return verdict{over: c.Amount - asked}, nil
}

// settle is step 5; settling what is settled does nothing.
func (s *Service) settle(ctx context.Context, id uuid.UUID, c Charge) error {
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		locked, err := s.q.LockPayment(ctx, tx, id)
		if err != nil {
			return fmt.Errorf("payment: settle: %w", err)
		}
		return s.settleTx(ctx, tx, locked.Payment, c)
	})
}

// settleTx settles a payment whose row the transaction has locked.
func (s *Service) settleTx(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, c Charge) error {
	if p.SettledAt != nil {
		return nil
	}
	v, err := judge(money.Kobo(p.AmountKobo), p.Reference, c)
	if err != nil {
		return err
	}
	l, err := claim.LockTx(ctx, tx, p.ClaimID)
	if err != nil {
		return err
	}
	if v.back == "" && money.Kobo(p.AmountKobo) != l.Total && l.Status != claim.Paid && l.Status != claim.Refunded {
		// The attempt had failed, the fan chose other tickets, and then its money came: it is not the price of these.
		v.back = whyChanged
	}
	fate, err := s.q.HoldSale(ctx, tx, p.EventID)
	if err != nil {
		return fmt.Errorf("payment: settle: %w", err)
	}
	switch {
	case v.back != "":
	case fate.Cancelled:
		v.back = whyCancelled
	case fate.Over:
		v.back = whyOver
	}
	if v.back == "" {
		err = s.deliver(ctx, tx, p, c, v, l)
		switch {
		case errors.Is(err, claim.ErrPaid):
			v.back = whySecond
		case errors.Is(err, claim.ErrGone):
			v.back = whyGone
		case errors.Is(err, claim.ErrLimit):
			v.back = whyLimit
		default:
			return err
		}
	}
	return s.giveBack(ctx, tx, p, c, v.back, l)
}

// deliver turns the money into tickets. The errors of claim.ConfirmTx come
// back before anything is changed.
func (s *Service) deliver(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, c Charge, v verdict, l *claim.Locked) error {
	sold, err := l.ConfirmTx(ctx, tx)
	if err != nil {
		return err
	}
	if err := s.record(ctx, tx, p.ID, Succeeded, c); err != nil {
		return err
	}
	buyer, err := s.q.Buyer(ctx, tx, p.AccountID)
	if err != nil {
		return fmt.Errorf("payment: settle: %w", err)
	}
	o := ticket.Order{EventID: p.EventID, ClaimID: p.ClaimID, PaymentID: p.ID, AccountID: p.AccountID}
	for i, line := range sold.Lines {
		o.Units = append(o.Units, ticket.Unit{UnitID: line.UnitID, TierID: line.TierID, HolderName: holder(p.Holders, i, buyer), Price: line.Price})
	}
	tickets, err := s.cfg.Tickets.IssueTx(ctx, tx, o)
	if err != nil {
		return err
	}
	if v.over > 0 {
		if err := s.owe(ctx, tx, p, v.over, whyOverpaid); err != nil {
			return err
		}
	}
	if sold.LimitBought {
		if err := s.cfg.Queue.FinishTx(ctx, tx, p.EventID, p.AccountID); err != nil {
			return err
		}
	}
	err = ledger.Write(ctx, tx, p.EventID, ledger.Settled, map[string]any{
		"payment": p.ID, "claim": p.ClaimID, "received": c.Amount, "tickets": tickets, "moved": sold.Moved,
	})
	if err != nil {
		return err
	}
	return s.writeTickets(ctx, tx, p, buyer.Email, sold, v.over)
}

// giveBack writes down that all that came is owed to the buyer, and lets the
// claim go where it waits for this very payment.
func (s *Service) giveBack(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, c Charge, why string, l *claim.Locked) error {
	if err := s.record(ctx, tx, p.ID, RefundDue, c); err != nil {
		return err
	}
	if live(p.Status) && l.Status == claim.Paying {
		if err := s.letGo(ctx, tx, why, l); err != nil {
			return err
		}
	}
	if err := s.owe(ctx, tx, p, c.Amount, why); err != nil {
		return err
	}
	s.log.WarnContext(ctx, "a payment goes back", "payment", p.ID, "reason", why)
	return s.writeRefundDue(ctx, tx, p, c.Amount, why)
}

// letGo takes a claim out of paying whose money goes back: its fan may try again, unless there is nothing to try for.
func (s *Service) letGo(ctx context.Context, tx pgx.Tx, why string, l *claim.Locked) error {
	if why == whyCancelled || why == whyOver {
		return l.EndTx(ctx, tx, claim.Released)
	}
	return l.ReholdTx(ctx, tx)
}

// record writes what came, once.
func (s *Service) record(ctx context.Context, tx pgx.Tx, payment uuid.UUID, to Status, c Charge) error {
	received, fees := int64(c.Amount), int64(c.Fees)
	var requested *int64
	if r := int64(c.Requested); r != 0 {
		requested = &r
	}
	channel, id, said := storable(c.Channel), storable(c.ProviderID), storable(c.GatewayResponse)
	n, err := s.q.SettlePayment(ctx, tx, paymentdb.SettlePaymentParams{
		Status: string(to), ReceivedKobo: &received, RequestedKobo: requested, FeesKobo: &fees,
		Channel: &channel, ProviderID: &id, GatewayResponse: said,
		ID: payment, FromStates: from(moves, to),
	})
	if err != nil {
		return fmt.Errorf("payment: settle: %w", err)
	}
	if n != 1 {
		return fmt.Errorf("payment: %s cannot become %s", payment, to)
	}
	return nil
}

// holder is the name on ticket i of an order: what the buyer said, else the buyer's own.
func holder(said []string, i int, b paymentdb.BuyerRow) string {
	if i < len(said) && said[i] != "" {
		return said[i]
	}
	return ticket.BuyerName(b.Name, b.Email)
}
