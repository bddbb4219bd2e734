package paystack

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"fairqueue/internal/money"
	"fairqueue/internal/payment"
)

// amount is kobo that come as a number, as a string of digits, or not at all;
// what cannot be read is not ok, and leaves the rest readable.
type amount struct {
	kobo money.Kobo
	ok   bool
}

func (a *amount) UnmarshalJSON(b []byte) error {
	*a = amount{}
	s := string(bytes.Trim(bytes.TrimSpace(b), `"`))
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		// 5000.00 is a whole number all the same; 50.5 is no amount of kobo.
		f, ferr := strconv.ParseFloat(s, 64)
		if ferr != nil || f > 1<<53 || f < -(1<<53) || f != float64(int64(f)) {
			return nil //nolint:nilerr // not ok says it
		}
		n = int64(f)
	}
	*a = amount{kobo: money.Kobo(n), ok: true}
	return nil
}

// anyText is a string that may come as a number, null, or something else that
// nobody needs and that must not make the rest unreadable.
type anyText string

func (t *anyText) UnmarshalJSON(b []byte) error {
	*t = ""
	switch b = bytes.TrimSpace(b); {
	case len(b) == 0 || string(b) == "null":
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = anyText(s)
	case b[0] == '{' || b[0] == '[':
	default:
		*t = anyText(b)
	}
	return nil
}

// moment is an RFC 3339 instant; anything else is none.
type moment struct{ at *time.Time }

func (m *moment) UnmarshalJSON(b []byte) error {
	m.at = nil
	var s string
	if json.Unmarshal(b, &s) != nil {
		return nil //nolint:nilerr // a moment nobody decides by
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		at = at.UTC()
		m.at = &at
	}
	return nil
}

// present reports whether something is named, in whatever form: an id, a word or an object.
type present bool

func (p *present) UnmarshalJSON(b []byte) error {
	switch string(bytes.TrimSpace(b)) {
	case "null", `""`, "0", "false", "{}", "[]":
		*p = false
	default:
		*p = true
	}
	return nil
}

// charge is data of verify and of charge.* webhooks: what is needed of it.
// metadata, log, plan, authorization and customer, whose forms vary, are not.
type charge struct {
	ID              anyText `json:"id"`
	Domain          anyText `json:"domain"`
	Status          anyText `json:"status"`
	Reference       anyText `json:"reference"`
	Amount          amount  `json:"amount"`
	Requested       amount  `json:"requested_amount"`
	Fees            amount  `json:"fees"`
	Currency        anyText `json:"currency"`
	Channel         anyText `json:"channel"`
	GatewayResponse anyText `json:"gateway_response"`
	PaidAt          moment  `json:"paid_at"`
	PaidAtToo       moment  `json:"paidAt"`
}

func (d *charge) charge() payment.Charge {
	c := payment.Charge{
		Found: true, Status: string(d.Status), Reference: string(d.Reference), ProviderID: string(d.ID),
		Amount: d.Amount.kobo, Requested: d.Requested.kobo, Fees: d.Fees.kobo, Currency: string(d.Currency),
		Channel: string(d.Channel), GatewayResponse: string(d.GatewayResponse), PaidAt: d.PaidAt.at,
	}
	if c.PaidAt == nil {
		c.PaidAt = d.PaidAtToo.at
	}
	return c
}

// refund is data of the refund paths and of refund.* webhooks. The transaction
// is an id, an object, or named by transaction_reference.
type refund struct {
	ID              anyText     `json:"id"`
	Status          anyText     `json:"status"`
	Amount          amount      `json:"amount"`
	Transaction     transaction `json:"transaction"`
	TransactionRef  anyText     `json:"transaction_reference"`
	RefundReference anyText     `json:"refund_reference"`
	Dispute         present     `json:"dispute"`
}

type transaction struct{ id, reference anyText }

func (t *transaction) UnmarshalJSON(b []byte) error {
	var o struct {
		ID        anyText `json:"id"`
		Reference anyText `json:"reference"`
	}
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &o); err != nil {
			return err
		}
		*t = transaction{id: o.ID, reference: o.Reference}
		return nil
	}
	return t.id.UnmarshalJSON(b)
}

// of reports whether the refund belongs to a transaction.
func (d *refund) of(id, reference string) bool {
	for _, r := range []anyText{d.TransactionRef, d.Transaction.reference} {
		if r != "" {
			return string(r) == reference
		}
	}
	return d.Transaction.id != "" && (string(d.Transaction.id) == id || string(d.Transaction.id) == reference)
}

func (d *refund) refund(reference string) payment.Refund {
	status := string(d.Status)
	if status == "retriable" || status == "needs_attention" {
		// Other words for it, seen in answers and libraries.
		status = "needs-attention"
	}
	return payment.Refund{
		ProviderID: string(d.ID), Status: status, Amount: d.Amount.kobo, Reference: reference, Transaction: string(d.Transaction.id), Dispute: bool(d.Dispute),
	}
}
