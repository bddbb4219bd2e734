package sandbox

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Paystack's own order of members, so that a reader that re-serialises a body before it checks the signature fails here
// as it would there.
type chargeData struct {
	ID              int64          `json:"id"`
	Domain          string         `json:"domain"`
	Status          string         `json:"status"`
	Reference       string         `json:"reference"`
	ReceiptNumber   any            `json:"receipt_number"`
	Amount          int64          `json:"amount"`
	Message         any            `json:"message"`
	GatewayResponse string         `json:"gateway_response"`
	PaidAt          *string        `json:"paid_at"`
	CreatedAt       string         `json:"created_at"`
	Channel         string         `json:"channel"`
	Currency        string         `json:"currency"`
	IPAddress       string         `json:"ip_address"`
	Metadata        any            `json:"metadata"`
	Log             any            `json:"log"`
	Fees            any            `json:"fees"`
	FeesSplit       any            `json:"fees_split"`
	Authorization   map[string]any `json:"authorization"`
	Customer        map[string]any `json:"customer"`
	Plan            any            `json:"plan"`
	Split           map[string]any `json:"split"`
	OrderID         any            `json:"order_id"`
	PaidAtCamel     *string        `json:"paidAt"`
	CreatedAtCamel  string         `json:"createdAt"`
	RequestedAmount int64          `json:"requested_amount"`
	TransactionDate string         `json:"transaction_date"`
}

const stamp = "2006-01-02T15:04:05.000Z"

// charge is data of verify and of charge.success.
func (s *Server) charge(t *transaction) chargeData {
	d := chargeData{
		ID: t.ID, Domain: "test", Status: t.Status, Reference: t.Reference, Amount: t.Amount, RequestedAmount: t.Requested,
		Currency: t.Currency, GatewayResponse: t.Gateway, Channel: t.Channel, IPAddress: "127.0.0.1",
		CreatedAt: t.CreatedAt.UTC().Format(stamp), Metadata: s.metadata(t), Split: map[string]any{},
		Authorization: map[string]any{},
		Customer:      s.customer(t),
	}
	d.CreatedAtCamel, d.TransactionDate = d.CreatedAt, d.CreatedAt
	if d.Channel == "" {
		d.Channel = "card" // what Paystack shows for a page that nobody opened
	}
	if s.pick(2, "plan", t.Reference) == 0 {
		d.Plan = map[string]any{}
	}
	if s.pick(2, "log", t.Reference) == 0 && t.OpenedAt != nil {
		d.Log = map[string]any{"start_time": t.OpenedAt.Unix(), "time_spent": 7, "attempts": 1, "errors": 0,
			"success": t.Status == statusSuccess, "mobile": false, "input": []any{}, "history": []any{}}
	}
	if t.PaidAt != nil {
		at := t.PaidAt.UTC().Format(stamp)
		d.PaidAt, d.PaidAtCamel = &at, &at
		d.Fees = fees(t.Amount)
		d.Authorization = s.authorization(t)
	}
	return d
}

func (s *Server) customer(t *transaction) map[string]any {
	return map[string]any{
		"id": s.number("customer", t.Email), "first_name": nil, "last_name": nil, "email": t.Email,
		"customer_code": "CUS_" + s.word(15, "customer", t.Email), "phone": nil, "metadata": nil, "risk_action": "default",
		"international_format_phone": nil,
	}
}

func (s *Server) authorization(t *transaction) map[string]any {
	a := map[string]any{
		"authorization_code": "AUTH_" + s.word(10, "authorization", t.Reference), "channel": t.Channel, "country_code": "NG",
		"reusable": t.Channel == "card", "account_name": nil, "signature": nil, "bank": "TEST BANK",
	}
	if t.Channel != "card" || t.Card == 0 {
		return a
	}
	c := cards[t.Card-1]
	a["bin"], a["last4"] = c.Number[:6], c.Number[len(c.Number)-4:]
	a["brand"], a["card_type"] = c.Brand, c.Brand+" "
	a["signature"] = "SIG_" + s.word(20, "card", c.Number)
	year := time.Now().Year() + 4
	if s.pick(2, "expiry", t.Reference) == 0 {
		a["exp_month"], a["exp_year"] = 12, year
	} else {
		a["exp_month"], a["exp_year"] = "12", strconv.Itoa(year)
	}
	return a
}

// metadata comes back as it went, or as a JSON string of it; nothing comes back as "", 0 or null.
func (s *Server) metadata(t *transaction) any {
	if len(t.Metadata) == 0 {
		return []any{"", 0, nil}[s.pick(3, "metadata", t.Reference)]
	}
	if t.Metadata[0] == '{' && s.pick(2, "metadata", t.Reference) == 0 {
		return string(t.Metadata)
	}
	return t.Metadata
}

// member reads one word of the metadata, whether it was sent as an object or as a JSON string.
func (t *transaction) member(key string) string {
	raw := t.Metadata
	var inner string
	if json.Unmarshal(raw, &inner) == nil {
		raw = json.RawMessage(inner)
	}
	var all map[string]any
	if json.Unmarshal(raw, &all) != nil {
		return ""
	}
	word, _ := all[key].(string)
	return word
}

func (s *Server) chargeEvent(t *transaction) string {
	return event("charge.success", s.charge(t))
}

// rejectedEvent is about a transfer that Paystack sent back by itself. It names no reference of the merchant's.
func (s *Server) rejectedEvent(t *transaction, amount int64) string {
	return event("bank.transfer.rejected", map[string]any{
		"amount": amount, "amount_expected": t.due(), "currency": t.Currency, "reason": "INCORRECT_AMOUNT",
		"customer": s.customer(t), "created_at": time.Now().UTC().Format(stamp),
	})
}

type refundEventData struct {
	Status    string         `json:"status"`
	Reference string         `json:"transaction_reference"`
	Refund    any            `json:"refund_reference"`
	Amount    any            `json:"amount"`
	Currency  string         `json:"currency"`
	Processor string         `json:"processor"`
	Customer  map[string]any `json:"customer"`
	// Integration is the merchant's number at Paystack.
	Integration int64  `json:"integration"`
	Domain      string `json:"domain"`
}

func (s *Server) refundEvent(t *transaction, f *refund) string {
	d := refundEventData{
		Status: f.Status, Reference: t.Reference, Amount: f.Amount, Currency: t.Currency, Processor: "instant-transfer",
		Customer:    map[string]any{"first_name": nil, "last_name": nil, "email": t.Email},
		Integration: s.number("integration"), Domain: "test",
	}
	if s.pick(2, "refund amount", strconv.FormatInt(f.ID, 10), f.Status) == 0 {
		d.Amount = strconv.FormatInt(f.Amount, 10)
	}
	if f.Status == "processed" {
		d.Refund = "TRF_" + s.word(15, "refund", strconv.FormatInt(f.ID, 10))
	}
	return event("refund."+f.Status, d)
}

// event is the raw body of a webhook. It is made once: retries and duplicates carry the same bytes. Slashes are escaped,
// as Paystack's encoder does, so that a re-serialised copy differs.
func event(name string, data any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct {
		Event string `json:"event"`
		Data  any    `json:"data"`
	}{name, data}); err != nil {
		panic(err) // only values from this file go in
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "/", `\/`)
}

// refundData is a refund as POST and GET /refund show it.
func (s *Server) refundData(t *transaction, f *refund) map[string]any {
	d := map[string]any{
		"id": f.ID, "integration": s.number("integration"), "domain": "test", "status": f.Status, "amount": f.Amount,
		"currency": t.Currency, "channel": nil, "fully_deducted": 0, "deducted_amount": 0,
		"transaction": t.ID, "transaction_reference": t.Reference, "refund_reference": nil, "dispute": nil, "settlement": nil,
		"customer_note": f.Customer, "merchant_note": f.Merchant, "refunded_by": "sandbox@paystack.test",
		"created_at": f.CreatedAt.UTC().Format(stamp), "createdAt": f.CreatedAt.UTC().Format(stamp), "refunded_at": nil,
		"expected_at": f.CreatedAt.UTC().Add(2 * s.scaled(refundStep)).Format(stamp),
	}
	if f.Status == "processed" {
		d["fully_deducted"], d["deducted_amount"] = 1, f.Amount
		d["refund_reference"] = "TRF_" + s.word(15, "refund", strconv.FormatInt(f.ID, 10))
		d["refunded_at"] = f.EndedAt.UTC().Format(stamp)
	}
	if s.pick(2, "refund transaction", strconv.FormatInt(f.ID, 10)) == 0 {
		// POST answers carry the whole transaction in some samples and its id in others.
		d["transaction"] = map[string]any{"id": t.ID, "domain": "test", "reference": t.Reference, "amount": t.Amount,
			"currency": t.Currency, "channel": t.Channel, "status": t.Status}
	}
	return d
}
