package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/ticket"
)

// Ask is what an organizer wants to give back of an order: all that is good, some tickets, or an amount while the
// tickets stay good.
type Ask struct {
	Order, By uuid.UUID
	// Amount and Tickets: at most one of them; neither is everything.
	Amount  *money.Kobo
	Tickets []uuid.UUID
	// KeepOff leaves the places off the sale.
	KeepOff bool
	// Reason is what the organizer writes to the buyer.
	Reason string
	// Request is what the request is known by: the same one twice is one refund.
	Request string
}

const (
	maxReason  = 500
	maxRequest = 64
)

var (
	errNothing  = fault.New(fault.Conflict, "nothing_to_refund", "There is nothing left of this order to give back.")
	errUnpaid   = fault.New(fault.Conflict, "order_not_paid", "Nothing was received for this order, so there is nothing to give back.")
	errDisputed = fault.New(fault.Conflict, "order_disputed", "The buyer's bank asks for this money back already. Accept or answer the dispute at Paystack: a refund on top would pay twice.")
	errEnded    = fault.New(fault.Conflict, "tickets_ended", "Some of these tickets are not good any more. Look at the order again and choose from what is left.")
)

var errReason = fmt.Sprintf("The reason has at most %d characters.", maxReason)

// readable is what an organizer writes to buyers, tidied, and whether it is none that can be kept.
func readable(reason string) (tidied string, wrong bool) {
	tidied = strings.TrimSpace(strings.ReplaceAll(reason, "\r\n", "\n"))
	return tidied, !utf8.ValidString(tidied) || strings.ContainsRune(tidied, 0) || utf8.RuneCountInString(tidied) > maxReason
}

// check returns a tidied, and everything wrong with it at once: 422.
func (a Ask) check() (Ask, error) {
	var wrong []fault.Field
	add := func(path, msg string) { wrong = append(wrong, fault.Field{Path: path, Message: msg}) }
	if a.Amount != nil && a.Tickets != nil {
		add("amount", "Give an amount or tickets, not both.")
	}
	if a.Amount != nil && *a.Amount <= 0 {
		add("amount", "Give back more than "+money.Kobo(0).String()+".")
	}
	if a.Tickets != nil && len(a.Tickets) == 0 {
		add("ticket_ids", "Name at least one ticket, or leave this out for all.")
	}
	for i, id := range a.Tickets {
		if slices.Contains(a.Tickets[:i], id) {
			add(fmt.Sprintf("ticket_ids[%d]", i), "This ticket is there twice.")
		}
	}
	var wrongReason bool
	if a.Reason, wrongReason = readable(a.Reason); wrongReason {
		add("reason", errReason)
	}
	if len(a.Request) > maxRequest || !utf8.ValidString(a.Request) || strings.ContainsRune(a.Request, 0) {
		add("request", fmt.Sprintf("The name of the request has at most %d characters.", maxRequest))
	}
	if len(wrong) > 0 {
		return a, fault.InvalidField(wrong...)
	}
	return a, nil
}

// Refund gives back what an organizer wants to; the caller has checked that the order is theirs. The refund is zero where
// the tickets were free. 404 order_not_found; 422; 409 nothing_to_refund (refunds), order_not_paid, order_disputed,
// tickets_ended.
func (s *Service) Refund(ctx context.Context, a Ask) (RefundDetail, error) {
	a, err := a.check()
	if err != nil {
		return RefundDetail{}, err
	}
	event, err := s.OrderEvent(ctx, a.Order)
	if err != nil {
		return RefundDetail{}, err
	}
	payment, err := s.q.DeliveredOfClaim(ctx, s.cfg.DB, a.Order)
	if db.NoRows(err) {
		return RefundDetail{}, s.nothing(ctx, event, a.Order, errUnpaid)
	}
	if err != nil {
		return RefundDetail{}, db.Fault(fmt.Errorf("payment.Refund: %w", err))
	}
	var id *uuid.UUID
	err = s.decide(ctx, payment, func(tx pgx.Tx, p paymentdb.LockPaymentRow, l *claim.Locked) error {
		id, err = s.refundTx(ctx, tx, p.Payment, l, a)
		return err
	})
	if errors.Is(err, errNothing) {
		return RefundDetail{}, s.nothing(ctx, event, a.Order, errNothing)
	}
	if err != nil {
		return RefundDetail{}, err
	}
	if _, err := s.cfg.Sales.Fresh(ctx, event); err != nil {
		return RefundDetail{}, err
	}
	if id == nil {
		return RefundDetail{}, nil
	}
	row, err := s.q.RefundOfEvent(ctx, s.cfg.DB, *id, event)
	if err != nil {
		return RefundDetail{}, db.Fault(fmt.Errorf("payment.Refund: %w", err))
	}
	return refundDetail(row), nil
}

// nothing is why nothing of an order can be given back, with the refunds that there are.
func (s *Service) nothing(ctx context.Context, event, order uuid.UUID, why *fault.Error) error {
	o, err := s.Order(ctx, event, order)
	if err != nil {
		return err
	}
	if len(o.Refunds) == 0 {
		return why
	}
	refunds := make([]map[string]any, len(o.Refunds))
	for i, r := range o.Refunds {
		refunds[i] = map[string]any{"id": r.ID, "status": r.Status, "amount": money.In(r.Amount)}
	}
	return errNothing.With("refunds", refunds)
}

// refundTx decides under the locks of the payment and the claim.
func (s *Service) refundTx(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, l *claim.Locked, a Ask) (*uuid.UUID, error) {
	if a.Request != "" {
		had, err := s.q.RefundOfRequest(ctx, tx, p.ID, a.Request)
		if err == nil {
			return &had.ID, nil
		}
		if !db.NoRows(err) {
			return nil, fmt.Errorf("payment.Refund: %w", err)
		}
	}
	disputed, err := s.q.DisputeOpen(ctx, tx, p.ID)
	if err != nil {
		return nil, fmt.Errorf("payment.Refund: %w", err)
	}
	switch {
	case disputed:
		return nil, errDisputed
	case Status(p.Status) != Succeeded:
		return nil, errNothing
	}
	d := debt{why: whyOrganizer, by: a.By, note: a.Reason, request: a.Request}
	if a.Amount != nil {
		return s.giveAmount(ctx, tx, p, d, *a.Amount)
	}
	if err := s.areOf(ctx, tx, l.ID, p.ID, a.Tickets); err != nil {
		return nil, err
	}
	out, err := s.takeBack(ctx, tx, p, l, taking{debt: d, tickets: a.Tickets, status: ticket.Void, keepOff: a.KeepOff})
	if errors.Is(err, errNoTickets) {
		return nil, errNothing
	}
	if err != nil {
		return nil, err
	}
	return out.refund, s.writeTakenBack(ctx, tx, p, out, a.Reason)
}

// giveAmount gives part of the price back while the tickets stay good.
func (s *Service) giveAmount(ctx context.Context, tx pgx.Tx, p paymentdb.Payment, d debt, amount money.Kobo) (*uuid.UUID, error) {
	good, err := ticket.GoodTx(ctx, tx, p.ID)
	if err != nil {
		return nil, err
	}
	var worth money.Kobo
	for _, g := range good {
		worth += g.Worth
	}
	switch {
	case worth == 0:
		return nil, errNothing
	case amount > worth:
		return nil, fault.InvalidField(fault.Field{Path: "amount", Message: "At most " + worth.String() + " can be given back while the tickets stay good."})
	}
	d.amount = amount
	id, err := s.oweAs(ctx, tx, p, d)
	if err != nil {
		return nil, err
	}
	if err := ticket.ReduceTx(ctx, tx, good, amount); err != nil {
		return nil, err
	}
	return &id, s.writePart(ctx, tx, p, amount, d.note)
}

// areOf refuses tickets that are not of the order, or not good any more.
func (s *Service) areOf(ctx context.Context, tx pgx.Tx, order, payment uuid.UUID, ids []uuid.UUID) error {
	if ids == nil {
		return nil
	}
	all, err := s.q.TicketsOfOrder(ctx, tx, order)
	if err != nil {
		return fmt.Errorf("payment.Refund: %w", err)
	}
	var wrong []fault.Field
	var ended []uuid.UUID
	for i, id := range ids {
		at := slices.IndexFunc(all, func(t paymentdb.TicketsOfOrderRow) bool { return t.ID == id && t.PaymentID == payment })
		switch {
		case at < 0:
			wrong = append(wrong, fault.Field{Path: fmt.Sprintf("ticket_ids[%d]", i), Message: "This is not a ticket of this order."})
		case all[at].Status != string(ticket.Valid) && all[at].Status != string(ticket.Used):
			ended = append(ended, id)
		}
	}
	switch {
	case len(wrong) > 0:
		return fault.InvalidField(wrong...)
	case len(ended) == len(ids):
		return errNothing
	case len(ended) > 0:
		return errEnded.With("ticket_ids", ended)
	}
	return nil
}

var (
	errNoRefund  = fault.New(fault.NotFound, "refund_not_found", "There is no such refund of one of your events.")
	errNotStuck  = fault.New(fault.Conflict, "refund_not_stuck", "This refund is on its way. There is nothing to do about it now.")
	errBankSaid  = fault.New(fault.Conflict, "refund_refused", "Paystack did not take it. Look there for the reason, then try again.")
	errNoAccount = "Write the number of the account: 10 digits."
	errNoBank    = "Choose the bank of the buyer."
)

// RetryRefund asks the provider again, now, for a refund of an event that failed. 404 refund_not_found; 409
// refund_not_stuck, order_disputed, refund_refused; 503 provider_unavailable.
func (s *Service) RetryRefund(ctx context.Context, event, refund uuid.UUID) error {
	r, err := s.refundOf(ctx, event, refund)
	if err != nil {
		return err
	}
	if refundStatus(r.Status) != refundFailed {
		return errNotStuck
	}
	if err := s.undisputed(ctx, r.PaymentID); err != nil {
		return err
	}
	full, err := s.q.GetRefund(ctx, s.cfg.DB, r.ID)
	if err != nil {
		return db.Fault(fmt.Errorf("payment.RetryRefund: %w", err))
	}
	if err := s.seeThrough(ctx, r.ID); err != nil {
		return err
	}
	if err := s.askAgain(ctx, full); err != nil {
		return unavailable(err)
	}
	if r, err = s.refundOf(ctx, event, refund); err == nil && refundStatus(r.Status) == refundFailed {
		return errBankSaid
	}
	return err
}

// undisputed is the error of sending money by hand that a bank asks for too: it waits for the decision.
func (s *Service) undisputed(ctx context.Context, payment uuid.UUID) error {
	disputed, err := s.q.DisputeOpen(ctx, s.cfg.DB, payment)
	switch {
	case err != nil:
		return db.Fault(fmt.Errorf("payment: refund: %w", err))
	case disputed:
		return errDisputed
	}
	return nil
}

// CheckSend returns the refund of an event that SendRefund would send to a bank account now, or why it would not: 404
// refund_not_found; 422; 409 refund_not_stuck, order_disputed.
func (s *Service) CheckSend(ctx context.Context, event, refund uuid.UUID, to BankAccount) (RefundDetail, error) {
	r, err := s.toSend(ctx, event, refund, to)
	return refundDetail(r), err
}

func (s *Service) toSend(ctx context.Context, event, refund uuid.UUID, to BankAccount) (r paymentdb.RefundOfEventRow, err error) {
	if r, err = s.refundOf(ctx, event, refund); err != nil {
		return r, err
	}
	var wrong []fault.Field
	if to.BankID == "" || strings.Trim(to.BankID, "0123456789") != "" || len(to.BankID) > 10 {
		wrong = append(wrong, fault.Field{Path: "bank", Message: errNoBank})
	}
	if len(to.Number) != accountDigits || strings.Trim(to.Number, "0123456789") != "" {
		wrong = append(wrong, fault.Field{Path: "account_number", Message: errNoAccount})
	}
	if len(wrong) > 0 {
		return r, fault.InvalidField(wrong...)
	}
	if refundStatus(r.Status) != refundAttention || r.ProviderRefundID == nil {
		return r, errNotStuck
	}
	return r, s.undisputed(ctx, r.PaymentID)
}

// SendRefund sends a refund of an event that needs attention to the buyer's bank account, which is told to the provider
// and to nobody else. 404 refund_not_found; 422; 409 refund_not_stuck, order_disputed, refund_refused; 503 provider_unavailable.
func (s *Service) SendRefund(ctx context.Context, event, refund uuid.UUID, to BankAccount) error {
	r, err := s.toSend(ctx, event, refund, to)
	if err != nil {
		return err
	}
	if err := s.seeThrough(ctx, r.ID); err != nil {
		return err
	}
	got, err := s.provider(r.Provider).RetryRefund(ctx, *r.ProviderRefundID, to)
	switch {
	case refused(err):
		return errBankSaid.Because(err)
	case err != nil:
		return unavailable(err)
	}
	return s.moveRefund(ctx, r.PaymentID, r.ID, got, "")
}

// seeThrough looks soon, and again, at a refund that a person asks for once more: a second failure may look to the inbox like
// the first one told twice.
func (s *Service) seeThrough(ctx context.Context, refund uuid.UUID) error {
	return db.InTx(ctx, s.cfg.DB, func(tx pgx.Tx) error {
		return s.enqueue(ctx, tx, refundArgs{Refund: refund, Look: true}, refundLookMin)
	})
}

// accountDigits is how long the number of a Nigerian bank account is.
const accountDigits = 10

func (s *Service) refundOf(ctx context.Context, event, refund uuid.UUID) (paymentdb.RefundOfEventRow, error) {
	r, err := s.q.RefundOfEvent(ctx, s.cfg.DB, refund, event)
	if db.NoRows(err) {
		return r, errNoRefund
	}
	if err != nil {
		return r, db.Fault(fmt.Errorf("payment: refund: %w", err))
	}
	return r, nil
}
