package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
)

// Payment is one attempt to pay for a claim.
type Payment struct {
	ID               uuid.UUID   `json:"id" format:"uuid"`
	Reference        string      `json:"reference" doc:"How the provider knows it."`
	Status           string      `json:"status" enum:"initializing,pending,succeeded,failed,abandoned,refund_due,refunded,charged_back"`
	Amount           money.Money `json:"amount"`
	AuthorizationURL *string     `json:"authorization_url" doc:"Where to send the buyer; null where there is nothing to pay or the provider has not answered yet."`
}

type onePayment struct {
	Payment Payment `json:"payment"`
}

// newPayment is what may be said about an order before it is paid.
type newPayment struct {
	Holders []string `json:"holders,omitempty" maxItems:"50" nullable:"false" doc:"Whose names stand on the tickets: one for each line of the claim, in their order; an empty one is the buyer's. Left out: what was said with the payment that is pending, else the buyer's name."`
}

func paymentOut(p payment.Payment) onePayment {
	return onePayment{Payment{
		ID: p.ID, Reference: p.Reference, Status: string(p.Status), Amount: money.In(p.Amount), AuthorizationURL: next(p.AuthorizationURL),
	}}
}

var errNoPayment = fault.New(fault.NotFound, "payment_not_found", "There is no such payment, or it is not yours.")

func (a *API) payments() {
	add(a, route{
		id: "start-payment", method: http.MethodPost, path: prefix + "/claims/{id}/payments", tag: tagPayments, auth: bearer,
		summary: "Start paying",
		doc:     "201 with a new payment; while one is pending the same one comes back with 200. Send the buyer to authorization_url.",
		body:    newPayment{}, bodyOptional: true, ok: []int{http.StatusCreated, http.StatusOK},
		codes: []string{"claim_not_found", "claim_expired", "claim_paid", "attempts_used", "provider_unavailable"},
	}, func(r *request) (*reply[onePayment], error) {
		who, id, err := r.claimOf()
		if err != nil {
			return nil, err
		}
		in, err := decode[newPayment](r)
		if err != nil {
			return nil, r.firstOf(err, who, id)
		}
		p, created, err := a.Payments.Start(r.ctx(), who.AccountID, id, in.Holders...)
		if err != nil {
			return nil, err
		}
		out := &reply[onePayment]{http.StatusOK, paymentOut(p)}
		if created {
			out.Status = http.StatusCreated
		}
		return out, nil
	})

	add(a, route{
		id: "get-payment", method: http.MethodGet, path: prefix + "/payments/{id}", tag: tagPayments, auth: bearer,
		summary: "Get a payment", ok: []int{http.StatusOK}, codes: []string{"payment_not_found"},
	}, func(r *request) (*reply[onePayment], error) {
		who, err := r.bearer()
		if err != nil {
			return nil, err
		}
		id, err := r.id(errNoPayment)
		if err != nil {
			return nil, err
		}
		p, err := a.Payments.Get(r.ctx(), who.AccountID, id)
		if err != nil {
			return nil, err
		}
		return ok(paymentOut(p))
	})
}

var errNoSignature = fault.New(fault.Unauthorized, "invalid_signature", "The webhook is not signed: the header x-paystack-signature is missing.")

// webhook takes what Paystack sends. It is documented by hand: its body is
// Paystack's own and must reach the check of the signature byte for byte.
func (a *API) webhook(e *echo.Echo) {
	rt := route{
		id: "paystack-webhook", method: http.MethodPost, path: "/webhooks/paystack", tag: tagPayments,
		summary: "Paystack's webhook", doc: "Paystack's own format, signed in x-paystack-signature. 200 means: stored.",
		ok: []int{http.StatusOK}, codes: []string{"invalid_signature"},
	}
	op := rt.operation()
	op.Parameters = append(op.Parameters, &huma.Param{Name: "x-paystack-signature", In: "header", Required: true,
		Description: "HMAC-SHA512 of the body, in hex.", Schema: &huma.Schema{Type: "string"}})
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: "object"}}}}
	op.Responses["200"] = &huma.Response{Description: "Stored"}
	a.huma.OpenAPI().AddOperation(&op)
	a.describe(rt)

	e.POST(rt.path, func(c echo.Context) error {
		r := &request{api: a, Context: c}
		signature := c.Request().Header.Get("X-Paystack-Signature")
		if signature == "" {
			return r.write(errNoSignature)
		}
		body, err := r.read(maxBody)
		if err != nil {
			return r.write(err)
		}
		if err := a.Payments.Receive(r.ctx(), signature, body); err != nil {
			return r.write(err)
		}
		return c.NoContent(http.StatusOK)
	})
}
