package web

import (
	"context"
	"slices"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/claim"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// moneyReceipt is what was paid for an order, for the fan's papers; an order for which nothing was settled has none.
func (s *Server) moneyReceipt(c echo.Context) error {
	cl, e, _, err := s.claimed(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	if cl.Status != claim.Paid && cl.Status != claim.Refunded {
		return see(c, checkoutPath(cl.ID))
	}
	ctx := c.Request().Context()
	o, err := s.cfg.Payments.Order(ctx, cl.EventID, cl.ID)
	if err != nil {
		return err
	}
	paid := paidBy(o)
	if paid == nil {
		return see(c, checkoutPath(cl.ID))
	}
	v := views.MoneyReceiptView{
		Event: eventInfo(e), ClaimID: cl.ID.String(), TaxNumber: paid.Tax.Number, Buyer: o.Buyer, PaidAt: *o.PaidAt,
		Reference: paid.Reference, How: paid.Channel, Lines: orderLines(cl), Seats: seatSets(cl), Total: cl.Total,
		Fees: fees(e, cl.Total, paid),
	}
	if o.Name != "" && o.Name != o.Buyer {
		v.Buyer = o.Name + ", " + o.Buyer
	}
	if v.Seller, err = s.cfg.Accounts.OrganizationName(ctx, e.Event.OrganizationID); err != nil {
		return err
	}
	back := backOf(o.Refunds, func(r payment.RefundDetail) bool { return r.Reference == paid.Reference && r.Reason != whyOverpaid })
	v.Back, v.Left = back, v.Total+v.Fees.OnTop
	for _, b := range back {
		v.Left -= b.Amount
	}
	if paid.Status == payment.ChargedBack && v.Left > 0 {
		taken := views.BackView{Amount: v.Left, Why: views.TakenByBank}
		for _, d := range o.Disputes {
			if d.Reference == paid.Reference {
				taken.At, taken.Sent = d.OpenedAt, deref(d.ResolvedAt)
			}
		}
		v.Back, v.Left = append(v.Back, taken), 0
	}
	v.TaxLeft = paid.Tax.In(max(0, min(v.Left-v.Fees.OnTop, v.Total)))
	return s.page(c, views.MoneyReceiptPage(s.frame(c), v))
}

// whyOverpaid is the reason of what came too much: it was never a part of the price.
const whyOverpaid = "overpaid"

// paidBy is the payment that became the tickets of an order; nil: there is none.
func paidBy(o payment.OrderDetail) *payment.OrderPayment {
	if o.PaidAt == nil {
		return nil
	}
	return o.Payment()
}

// fees are what was paid beside the price, or will be: p is the payment that was settled, nil before.
func fees(e *sale.Snapshot, total money.Kobo, p *payment.OrderPayment) views.FeesView {
	tax := e.Terms.Tax
	if p != nil {
		tax = p.Tax // what the organizer changes later changes no receipt
	}
	v := views.FeesView{Tax: tax.In(total)}
	if tax.BasisPoints > 0 {
		v.TaxName = tax.Name + " " + tax.Percent()
	}
	switch {
	case p != nil:
		// Whoever bears the fee now: what came tells who bore it then.
		v.Known = true
		if on := p.Received - p.Amount; on > 0 && on == p.Fees {
			v.ByFan, v.OnTop = true, on
		}
	case e.Terms.FeesBy == sale.FeesByFan && total > 0:
		v.ByFan, v.OnTop = true, payment.FeeOnTop(total)
	}
	return v
}

// backOf is money that goes back, as a fan sees it.
func backOf(refunds []payment.RefundDetail, which func(payment.RefundDetail) bool) (out []views.BackView) {
	for _, r := range refunds {
		if which != nil && !which(r) {
			continue
		}
		out = append(out, views.BackView{Amount: r.Amount, Why: r.Reason, Note: r.Note, Status: r.Status, At: r.CreatedAt, Sent: deref(r.ProcessedAt)})
	}
	slices.SortStableFunc(out, func(a, b views.BackView) int { return a.At.Compare(b.At) })
	return out
}

// orderMoney sets in v what follows from payments whose money came: what goes back, and the fee that was paid.
func (s *Server) orderMoney(ctx context.Context, cl claim.Claim, e *sale.Snapshot, payments []payment.Payment, v *views.CheckoutView) error {
	came := func(p payment.Payment) bool {
		switch p.Status {
		case payment.Initializing, payment.Pending, payment.Failed, payment.Abandoned:
			return false
		}
		return true
	}
	if !slices.ContainsFunc(payments, came) {
		v.Fees = fees(e, cl.Total, nil)
		return nil
	}
	o, err := s.cfg.Payments.Order(ctx, cl.EventID, cl.ID)
	if err != nil {
		return err
	}
	v.Back = backOf(o.Refunds, nil)
	paid := paidBy(o)
	v.Fees = fees(e, cl.Total, paid)
	v.Receipt = paid != nil && (cl.Status == claim.Paid || cl.Status == claim.Refunded)
	return nil
}
