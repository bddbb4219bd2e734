package paystack

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strings"

	"fairqueue/internal/payment"
)

// Open implements payment.Provider: the signature is the lower-case hex
// HMAC-SHA512 of the raw body with the secret key, compared in constant time.
func (c *Client) Open(signature string, body []byte) (payment.Notice, error) {
	mac := hmac.New(sha512.New, []byte(c.cfg.SecretKey))
	mac.Write(body)
	if !hmac.Equal([]byte(signature), hex.AppendEncode(nil, mac.Sum(nil))) {
		return payment.Notice{}, payment.ErrSignature
	}
	return c.Read(body), nil
}

type event struct {
	Event anyText         `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// Read implements payment.Provider. What cannot be read is kept all the same:
// it is signed, so it was meant for us, and somebody will want to look at it.
func (c *Client) Read(body []byte) payment.Notice {
	n := payment.Notice{Body: body}
	var ev event
	if json.Unmarshal(body, &ev) != nil {
		n.Dedupe = dedupe("", "", "", body)
		return n
	}
	n.Kind = string(ev.Event)
	switch {
	case strings.HasPrefix(n.Kind, "refund."):
		var d refund
		_ = json.Unmarshal(ev.Data, &d) // only a nudge: the refund is looked up
		if n.Reference = string(d.TransactionRef); n.Reference == "" {
			n.Reference = string(d.Transaction.reference)
		}
		// Two refunds of one transaction may be alike but for their digest.
		n.Dedupe = dedupe(n.Kind, n.Reference, string(d.Status), body)
	case strings.HasPrefix(n.Kind, "charge.dispute."):
		var d dispute
		_ = json.Unmarshal(ev.Data, &d)
		if read := d.dispute(); read.ProviderID != "" {
			n.Dispute = &read
		}
		n.Reference = d.dispute().Reference
		n.Dedupe = dedupe(n.Kind, n.Reference, string(d.Status), body)
	case strings.HasPrefix(n.Kind, "charge."):
		var d charge
		if err := json.Unmarshal(ev.Data, &d); err == nil && d.Amount.kobo > 0 && d.Reference != "" &&
			d.Currency != "" && d.Status == "success" && c.ours(d.Domain) {
			read := d.charge()
			n.Charge = &read
		}
		if n.Reference = string(d.Reference); n.Reference == "" {
			n.Dedupe = dedupe(n.Kind, "", "", body)
			break
		}
		// Without the body: a repetition is the same event even if its bytes differ.
		n.Dedupe = dedupe(n.Kind, n.Reference, string(d.Status), nil)
	default:
		n.Dedupe = dedupe(n.Kind, "", "", body)
	}
	return n
}

// dedupe is the digest by which a repetition is recognised. Lengths stand
// before the parts, so that no two lists of parts look alike.
func dedupe(kind, reference, state string, body []byte) []byte {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(kind), []byte(reference), []byte(state), body} {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = h.Write(part)
	}
	return h.Sum(nil)
}
