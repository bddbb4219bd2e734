package paystack

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairqueue/internal/money"
	"fairqueue/internal/payment"
)

// Refund implements payment.Provider.
func (c *Client) Refund(ctx context.Context, reference string, amount money.Kobo, note string) (payment.Refund, error) {
	var d refund
	err := c.call(ctx, laneBack, http.MethodPost, "/refund", map[string]any{
		"transaction": reference, "amount": int64(amount), "merchant_note": note, "customer_note": note,
	}, &d)
	if err != nil {
		return payment.Refund{}, err
	}
	out := d.refund(reference)
	if out.ProviderID == "" {
		return payment.Refund{}, &payment.ProviderError{Code: codeMalformed, Message: "refund gave no id", Uncertain: true}
	}
	return out, nil
}

// refundPage is how many refunds of one transaction are looked at.
const refundPage = "100"

// Refunds implements payment.Provider. The list is documented to take the
// transaction's id, so the reference is looked up first.
func (c *Client) Refunds(ctx context.Context, reference string) ([]payment.Refund, error) {
	t, err := c.Verify(ctx, reference)
	if err != nil {
		return nil, err
	}
	if !t.Found {
		return nil, nil
	}
	var list []refund
	q := url.Values{"transaction": {t.ProviderID}, "perPage": {refundPage}}
	if err := c.call(ctx, laneBack, http.MethodGet, "/refund?"+q.Encode(), nil, &list); err != nil {
		return nil, err
	}
	out := make([]payment.Refund, 0, len(list))
	for _, d := range list {
		// A filter that is not understood would list everybody's.
		if d.of(t.ProviderID, reference) {
			out = append(out, d.refund(reference))
		}
	}
	return out, nil
}

// listPage is how many refunds are asked for at once: what a list gives without being asked. Only an empty page ends a list,
// so that one that is shorter than was asked for loses nothing.
const listPage = "50"

// AllRefunds implements payment.Provider. New ones push others to later pages: some may be seen twice, and none is missed.
func (c *Client) AllRefunds(ctx context.Context, since time.Time, page int) ([]payment.Refund, error) {
	var list []json.RawMessage
	q := url.Values{"from": {since.UTC().Format(time.RFC3339)}, "perPage": {listPage}, "page": {strconv.Itoa(page)}}
	if err := c.call(ctx, laneBack, http.MethodGet, "/refund?"+q.Encode(), nil, &list); err != nil {
		return nil, err
	}
	out := make([]payment.Refund, len(list))
	for i, raw := range list {
		// One that cannot be read hides no other; it has no name.
		var d refund
		if json.Unmarshal(raw, &d) != nil {
			continue
		}
		reference := d.TransactionRef
		if reference == "" {
			reference = d.Transaction.reference
		}
		out[i] = d.refund(string(reference))
	}
	return out, nil
}

// RetryRefund implements payment.Provider.
func (c *Client) RetryRefund(ctx context.Context, refundID string, to payment.BankAccount) (payment.Refund, error) {
	var d refund
	err := c.call(ctx, laneBack, http.MethodPost, "/refund/retry_with_customer_details/"+url.PathEscape(refundID), map[string]any{
		"refund_account_details": map[string]string{"currency": money.Currency, "account_number": to.Number, "bank_id": to.BankID},
	}, &d)
	if err != nil {
		return payment.Refund{}, err
	}
	out := d.refund("")
	if out.ProviderID != refundID {
		return payment.Refund{}, &payment.ProviderError{Code: codeMalformed, Message: "retry answered about another refund", Uncertain: true}
	}
	return out, nil
}

// banksLast is how long a list of banks is good: they change by the year, and an organizer waits for the page.
const banksLast = time.Hour

// Banks implements payment.Provider. A list from before is better than none.
func (c *Client) Banks(ctx context.Context) ([]payment.Bank, error) {
	c.banksMu.Lock()
	known, at := c.banks, c.banksAt
	c.banksMu.Unlock()
	if len(known) > 0 && time.Since(at) < banksLast {
		return slices.Clone(known), nil
	}
	fresh, err := c.askBanks(ctx)
	if err != nil && len(known) > 0 {
		return slices.Clone(known), nil
	}
	if err != nil {
		return nil, err
	}
	c.banksMu.Lock()
	c.banks, c.banksAt = fresh, time.Now()
	c.banksMu.Unlock()
	return slices.Clone(fresh), nil
}

func (c *Client) askBanks(ctx context.Context) ([]payment.Bank, error) {
	var list []struct {
		ID     anyText `json:"id"`
		Name   anyText `json:"name"`
		Active *bool   `json:"active"`
	}
	if err := c.call(ctx, laneBack, http.MethodGet, "/bank?country=nigeria&currency="+money.Currency, nil, &list); err != nil {
		return nil, err
	}
	out := make([]payment.Bank, 0, len(list))
	for _, b := range list {
		if b.ID != "" && b.Name != "" && (b.Active == nil || *b.Active) {
			out = append(out, payment.Bank{ID: string(b.ID), Name: string(b.Name)})
		}
	}
	slices.SortStableFunc(out, func(a, b payment.Bank) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
