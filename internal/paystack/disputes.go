package paystack

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"fairqueue/internal/payment"
)

// Dispute implements payment.Provider.
func (c *Client) Dispute(ctx context.Context, id string) (payment.Dispute, error) {
	var d dispute
	err := c.call(ctx, laneBack, http.MethodGet, "/dispute/"+url.PathEscape(id), nil, &d)
	if e, ok := errors.AsType[*payment.ProviderError](err); ok && e.Code == codeNoDispute {
		return payment.Dispute{ProviderID: id}, nil
	}
	if err != nil {
		return payment.Dispute{}, err
	}
	out := d.dispute()
	if out.ProviderID != id || out.Status == "" {
		return payment.Dispute{}, &payment.ProviderError{Code: codeMalformed, Message: "dispute answered about something else", Uncertain: true}
	}
	return out, nil
}

// dispute is data of GET /dispute/{id} and of charge.dispute.* webhooks.
type dispute struct {
	ID             anyText     `json:"id"`
	Status         anyText     `json:"status"`
	Resolution     anyText     `json:"resolution"`
	Category       anyText     `json:"category"`
	RefundAmount   amount      `json:"refund_amount"`
	Transaction    transaction `json:"transaction"`
	TransactionRef anyText     `json:"transaction_reference"`
	DueAt          moment      `json:"dueAt"`
	DueAtToo       moment      `json:"due_at"`
	ResolvedAt     moment      `json:"resolvedAt"`
	ResolvedAtToo  moment      `json:"resolved_at"`
}

func (d *dispute) dispute() payment.Dispute {
	out := payment.Dispute{
		Found: true, ProviderID: string(d.ID), Status: string(d.Status), Resolution: string(d.Resolution), Category: string(d.Category),
		Amount: d.RefundAmount.kobo, Reference: string(d.Transaction.reference), DueAt: d.DueAt.at, ResolvedAt: d.ResolvedAt.at,
		Outcome: outcome(string(d.Status), string(d.Resolution)),
	}
	if out.Reference == "" {
		out.Reference = string(d.TransactionRef)
	}
	if out.DueAt == nil {
		out.DueAt = d.DueAtToo.at
	}
	if out.ResolvedAt == nil {
		out.ResolvedAt = d.ResolvedAtToo.at
	}
	return out
}

// outcome reads who won. The words are Paystack's: a dispute that was declined was declined by the merchant, and the
// money stays; accepted by anybody, or turned into a chargeback, it goes. Words that nobody knows leave it open.
func outcome(status, resolution string) payment.DisputeOutcome {
	if status != "resolved" {
		return payment.DisputeOpen
	}
	switch resolution {
	case "declined", "fraudulent-recovered":
		return payment.DisputeWon
	case "merchant-accepted", "auto-accepted", "paystack-accepted", "fraudulent-lost", "converted-to-chargeback":
		return payment.DisputeLost
	}
	return payment.DisputeOpen
}
