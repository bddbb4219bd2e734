package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
)

// newRefund says what goes back; nothing of it is everything.
type newRefund struct {
	Amount    *money.Money `json:"amount,omitempty" doc:"So much of the price, while the tickets stay good; at most what they are worth."`
	TicketIDs []uuid.UUID  `json:"ticket_ids,omitempty" nullable:"false" doc:"These tickets, at what they are worth; they are void at once. Not with amount."`
	Resell    *bool        `json:"resell,omitempty" default:"true" doc:"Whether the places go back into the sale. Those of tickets that were used never do."`
	Reason    string       `json:"reason,omitempty" maxLength:"500" doc:"What the buyer reads about it." example:"The second stage does not open."`
	Request   string       `json:"request,omitempty" maxLength:"64" doc:"A name of your own for this request: sent twice, it is one refund."`
}

// RefundOut is money that goes back to a buyer.
type RefundOut struct {
	ID          uuid.UUID   `json:"id" format:"uuid"`
	Status      string      `json:"status" enum:"due,requested,pending,processing,processed,failed,needs_attention" doc:"failed is tried again every hour, though not while a bank asks for the same money; needs_attention waits for the buyer's bank account, on the page of the order."`
	Amount      money.Money `json:"amount"`
	Reason      string      `json:"reason" doc:"Why, in a word: organizer, returned, event_cancelled, event_over, dispute, provider (made there), bank (by a dispute), overpaid, underpaid, wrong_currency, wrong_amount, second_payment, sold_to_others, above_limit, changed_since."`
	Note        string      `json:"note" doc:"What the organizer wrote to the buyer."`
	Reference   string      `json:"reference" doc:"Of the payment it belongs to."`
	CreatedAt   time.Time   `json:"created_at"`
	ProcessedAt *time.Time  `json:"processed_at" doc:"When it left us."`
}

// OrderTicketOut is a ticket of an order, without its code.
type OrderTicketOut struct {
	ID         uuid.UUID   `json:"id" format:"uuid"`
	Tier       string      `json:"tier"`
	Seat       *Seat       `json:"seat" doc:"Null for general admission."`
	HolderName string      `json:"holder_name"`
	Status     string      `json:"status" enum:"valid,used,returned,void"`
	Price      money.Money `json:"price"`
	Worth      money.Money `json:"worth" doc:"Its price but for what was given back of it; zero once it is returned or void."`
}

// TransformSchema documents that seat may be null.
func (OrderTicketOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "seat")
}

// DisputeOut is a bank that asks for the money of a payment back.
type DisputeOut struct {
	ID        uuid.UUID   `json:"id" format:"uuid"`
	Reference string      `json:"reference" doc:"Of the payment."`
	Status    string      `json:"status" enum:"open,won,lost"`
	Category  string      `json:"category" doc:"In the provider's words."`
	Amount    money.Money `json:"amount"`
	DueAt     *time.Time  `json:"due_at" doc:"Until when to answer at the provider."`
	OpenedAt  time.Time   `json:"opened_at"`
}

// OrderPaymentOut is one attempt to pay for an order.
type OrderPaymentOut struct {
	ID        uuid.UUID   `json:"id" format:"uuid"`
	Reference string      `json:"reference"`
	Status    string      `json:"status" enum:"initializing,pending,succeeded,failed,abandoned,refund_due,refunded,charged_back"`
	Amount    money.Money `json:"amount" doc:"What was asked."`
	Received  money.Money `json:"received" doc:"What came; zero before anything did."`
	Channel   string      `json:"channel" doc:"How it was paid, in the provider's word."`
}

// OrderOut is an order with everything that happened to its money.
type OrderOut struct {
	ID        uuid.UUID         `json:"id" format:"uuid" doc:"Of the claim, too."`
	EventID   uuid.UUID         `json:"event_id" format:"uuid"`
	Buyer     string            `json:"buyer" doc:"E-mail address."`
	Total     money.Money       `json:"total"`
	Status    string            `json:"status" enum:"held,paying,paid,expired,released,refunded"`
	CreatedAt time.Time         `json:"created_at"`
	PaidAt    *time.Time        `json:"paid_at"`
	Tickets   []OrderTicketOut  `json:"tickets" nullable:"false"`
	Payments  []OrderPaymentOut `json:"payments" nullable:"false"`
	Refunds   []RefundOut       `json:"refunds" nullable:"false"`
	Disputes  []DisputeOut      `json:"disputes" nullable:"false"`
}

// newName is the name on a ticket as it should have been.
type newName struct {
	Name string `json:"name" minLength:"1" maxLength:"100" example:"Ada Lovelace"`
}

type correctedName struct {
	ID         uuid.UUID `json:"id" format:"uuid"`
	HolderName string    `json:"holder_name"`
}

type oneOrder struct {
	Order OrderOut `json:"order"`
}

type madeRefund struct {
	Refund *RefundOut `json:"refund" doc:"Null where the tickets were free."`
	Order  OrderOut   `json:"order"`
}

// TransformSchema documents that refund may be null.
func (madeRefund) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "refund")
}

// Cancellation is how far the money of a cancelled event has gone back.
type Cancellation struct {
	Orders   int         `json:"orders" doc:"Of which money goes back, or went since the event was cancelled."`
	AllBack  int         `json:"orders_back" doc:"Of them, those whose money has left us, all of it."`
	Open     int         `json:"open" doc:"Of them, those whose tickets are not taken back yet."`
	Free     int         `json:"free" doc:"Orders of which no money goes back, as free ones, and whose tickets are not taken back yet."`
	Disputed int         `json:"disputed" doc:"Orders of which a bank decides first."`
	UnderWay int         `json:"under_way" doc:"Payments that the banks have not decided about."`
	Refunds  int         `json:"refunds"`
	Back     int         `json:"back" doc:"Refunds that have left us."`
	Stuck    int         `json:"stuck" doc:"Refunds that failed or need attention."`
	Kept     money.Money `json:"kept" doc:"What came for open orders and goes back when their turn comes."`
	Owed     money.Money `json:"owed" doc:"All refunds together, but for those that had left before the event was cancelled."`
	Sent     money.Money `json:"sent" doc:"Of them, those that have left us."`
	Done     bool        `json:"done"`
}

type cancelled struct {
	Event    Event        `json:"event"`
	Progress Cancellation `json:"progress"`
}

// newCancel says why an event does not take place.
type newCancel struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"What its fans read about it, on its page and in their e-mails." example:"The hall is flooded."`
}

func refundOut(r payment.RefundDetail) RefundOut {
	return RefundOut{
		ID: r.ID, Status: r.Status, Amount: money.In(r.Amount), Reason: r.Reason, Note: r.Note, Reference: r.Reference,
		CreatedAt: r.CreatedAt.UTC(), ProcessedAt: utc(r.ProcessedAt),
	}
}

func orderDetailOut(o payment.OrderDetail) OrderOut {
	out := OrderOut{
		ID: o.ID, EventID: o.EventID, Buyer: o.Buyer, Total: money.In(o.Total), Status: string(o.Status),
		CreatedAt: o.CreatedAt.UTC(), PaidAt: utc(o.PaidAt),
		Tickets: make([]OrderTicketOut, len(o.Tickets)), Payments: make([]OrderPaymentOut, len(o.Payments)),
		Refunds: make([]RefundOut, len(o.Refunds)), Disputes: make([]DisputeOut, len(o.Disputes)),
	}
	for i, t := range o.Tickets {
		out.Tickets[i] = OrderTicketOut{ID: t.ID, Tier: t.Tier, HolderName: t.Holder, Status: string(t.Status), Price: money.In(t.Price), Worth: money.In(0)}
		if t.Good() {
			out.Tickets[i].Worth = money.In(t.Price - t.Reduced)
		}
		if t.Seat != nil {
			out.Tickets[i].Seat = &Seat{Section: t.Seat.Section, Row: t.Seat.Row, Label: t.Seat.Label}
		}
	}
	for i, p := range o.Payments {
		out.Payments[i] = OrderPaymentOut{ID: p.ID, Reference: p.Reference, Status: string(p.Status), Amount: money.In(p.Amount), Received: money.In(p.Received), Channel: p.Channel}
	}
	for i, r := range o.Refunds {
		out.Refunds[i] = refundOut(r)
	}
	for i, d := range o.Disputes {
		out.Disputes[i] = DisputeOut{ID: d.ID, Reference: d.Reference, Status: string(d.Status), Category: d.Category, Amount: money.In(d.Amount), DueAt: utc(d.DueAt), OpenedAt: d.OpenedAt.UTC()}
	}
	return out
}

func (n newRefund) ask(order, by uuid.UUID) (payment.Ask, error) {
	a := payment.Ask{Order: order, By: by, Tickets: n.TicketIDs, KeepOff: n.Resell != nil && !*n.Resell, Reason: n.Reason, Request: n.Request}
	if n.Amount != nil {
		if n.Amount.Currency != money.Currency {
			return a, fault.InvalidField(fault.Field{Path: "amount.currency", Message: "The currency is " + money.Currency + "."})
		}
		a.Amount = &n.Amount.Amount
	}
	return a, nil
}

var errNoOrder = fault.New(fault.NotFound, "order_not_found", "There is no such order of one of your events.")

// orderOf returns the order of the path for its organizer: 401, then 404 for everybody else, organizer or not.
func (r *request) orderOf() (who account.Identity, event, order uuid.UUID, err error) {
	if who, err = r.bearer(); err != nil {
		return who, event, order, err
	}
	if order, err = r.id(errNoOrder); err != nil {
		return who, event, order, err
	}
	org, err := r.api.Accounts.Organization(r.ctx(), who.AccountID)
	if err != nil {
		if fault.From(err).Kind == fault.Forbidden {
			err = errNoOrder
		}
		return who, event, order, err
	}
	if event, err = r.api.Payments.OrderEvent(r.ctx(), order); err != nil {
		return who, event, order, err
	}
	if _, err = r.api.Sales.Own(r.ctx(), org, event.String()); fault.Code(err) == errNoEvent.Code {
		err = errNoOrder
	}
	return who, event, order, err
}

func (a *API) refunds() {
	add(a, route{
		id: "get-order", method: http.MethodGet, path: prefix + "/organizer/orders/{id}", tag: tagOrganizer, auth: bearer,
		summary: "Get an order", doc: "With its tickets, payments, refunds and disputes.", ok: []int{http.StatusOK}, codes: []string{"order_not_found"},
	}, func(r *request) (*reply[oneOrder], error) {
		_, event, order, err := r.orderOf()
		if err != nil {
			return nil, err
		}
		o, err := a.Payments.Order(r.ctx(), event, order)
		if err != nil {
			return nil, err
		}
		return ok(oneOrder{orderDetailOut(o)})
	})

	add(a, route{
		id: "refund-order", method: http.MethodPost, path: prefix + "/organizer/orders/{id}/refund", tag: tagOrganizer, auth: bearer,
		summary: "Give money back",
		doc: "Without a body: everything. Tickets whose money goes back are void at once and their places are free again; the refund itself takes the banks some days. " +
			"With the last ticket of an order goes all that is left of what came for it, fees too.",
		body: newRefund{}, bodyOptional: true, ok: []int{http.StatusAccepted},
		codes: []string{"order_not_found", "nothing_to_refund", "order_not_paid", "order_disputed", "tickets_ended"},
	}, func(r *request) (*reply[madeRefund], error) {
		who, event, order, err := r.orderOf()
		if err != nil {
			return nil, err
		}
		in, err := decode[newRefund](r)
		if err != nil {
			return nil, err
		}
		ask, err := in.ask(order, who.AccountID)
		if err != nil {
			return nil, err
		}
		made, err := a.Payments.Refund(r.ctx(), ask)
		if err != nil {
			return nil, err
		}
		o, err := a.Payments.Order(r.ctx(), event, order)
		if err != nil {
			return nil, err
		}
		out := &reply[madeRefund]{http.StatusAccepted, madeRefund{Order: orderDetailOut(o)}}
		if made.ID != uuid.Nil {
			refund := refundOut(made)
			out.Body.Refund = &refund
		}
		return out, nil
	})

	add(a, route{
		id: "correct-name", method: http.MethodPost, path: prefix + "/organizer/events/{event}/tickets/{id}/name", tag: tagOrganizer, auth: bearer,
		summary: "Put a typing error in the name on a ticket right",
		doc:     "Once a ticket, and counted in the fairness data: tickets do not change hands. The name that is there already uses nothing up.",
		body:    newName{}, ok: []int{http.StatusOK}, codes: []string{"ticket_not_found", "name_corrected_already", "ticket_not_valid", "invalid_name"},
	}, func(r *request) (*reply[correctedName], error) {
		who, s, err := r.own()
		if err != nil {
			return nil, err
		}
		id, err := r.id(errNoTicket)
		if err != nil {
			return nil, err
		}
		in, err := decode[newName](r)
		if err != nil {
			return nil, err
		}
		t, err := a.Tickets.CorrectName(r.ctx(), s.ID(), id, who.AccountID, in.Name)
		if err != nil {
			return nil, err
		}
		return ok(correctedName{ID: t.ID, HolderName: t.HolderName})
	})

	const path = prefix + "/organizer/events/{event}/cancel"
	add(a, route{
		id: "cancel-event", method: http.MethodPost, path: path, tag: tagOrganizer, auth: bearer,
		summary: "Cancel an event",
		doc:     "It does not take place: the sale ends, every ticket is void, and everything that was paid goes back. It cannot be undone; once more changes nothing.",
		body:    newCancel{}, bodyOptional: true, ok: []int{http.StatusAccepted}, codes: []string{"invalid_transition"},
	}, func(r *request) (*reply[cancelled], error) {
		who, s, err := r.own()
		if err != nil {
			return nil, err
		}
		in, err := decode[newCancel](r)
		if err != nil {
			return nil, err
		}
		if s, err = a.Payments.Cancel(r.ctx(), s.ID(), who.AccountID, in.Reason); err != nil {
			return nil, err
		}
		out, err := r.cancellation(eventOut(s), s.ID())
		if err != nil {
			return nil, err
		}
		return &reply[cancelled]{http.StatusAccepted, out}, nil
	})

	add(a, route{
		id: "get-cancellation", method: http.MethodGet, path: path, tag: tagOrganizer, auth: bearer,
		summary: "How far the money of a cancelled event is", ok: []int{http.StatusOK}, codes: []string{"not_cancelled"},
	}, func(r *request) (*reply[cancelled], error) {
		_, s, err := r.own()
		if err != nil {
			return nil, err
		}
		if !s.Cancelled() {
			return nil, fault.New(fault.NotFound, "not_cancelled", "The event is not cancelled.")
		}
		out, err := r.cancellation(eventOut(s), s.ID())
		if err != nil {
			return nil, err
		}
		return ok(out)
	})
}

func (r *request) cancellation(e Event, event uuid.UUID) (cancelled, error) {
	c, err := r.api.Payments.Cancellation(r.ctx(), event)
	if err != nil {
		return cancelled{}, err
	}
	return cancelled{e, Cancellation{
		Orders: c.Orders, AllBack: c.OrdersBack, Open: c.Open, Free: c.Free, Disputed: c.Disputed, UnderWay: c.UnderWay, Refunds: c.Refunds, Back: c.Back, Stuck: c.Stuck,
		Kept: money.In(c.Kept), Owed: money.In(c.Owed), Sent: money.In(c.Sent), Done: c.Done(),
	}}, nil
}
