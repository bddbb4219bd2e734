package payment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
)

// OrderDetail is one order with everything that happened to its money, for the organizer.
type OrderDetail struct {
	ID, EventID uuid.UUID
	// Buyer is their e-mail, Name what they call themselves.
	Buyer, Name string
	Total       money.Kobo
	Status      claim.Status
	CreatedAt   time.Time
	PaidAt      *time.Time
	// CancelledAt is when the event was cancelled.
	CancelledAt *time.Time
	Tickets     []OrderTicket
	Payments    []OrderPayment
	Refunds     []RefundDetail
	Disputes    []DisputeDetail

	// delivered is the payment that became the tickets.
	delivered uuid.UUID
}

// OrderTicket is a ticket of an order.
type OrderTicket struct {
	ID     uuid.UUID
	Tier   string
	Seat   *ticket.Seat
	Holder string
	Status ticket.Status
	Price  money.Kobo
	// Reduced is what of its price was given back while it stayed good.
	Reduced money.Kobo
	EndedAt *time.Time
	// Dispute is why it is void where a bank asks for its money back, or took it; empty for others.
	Dispute DisputeOutcome
	// Corrected: its name was put right once, which is as often as it may be.
	Corrected bool

	// refunded: its price went back by a refund.
	refunded bool
}

// Good reports whether the ticket lets somebody in, or has.
func (t OrderTicket) Good() bool { return t.Status == ticket.Valid || t.Status == ticket.Used }

// OrderPayment is one attempt to pay for an order.
type OrderPayment struct {
	Payment
	Received, Fees money.Kobo
	Channel        string
	SettledAt      *time.Time
	// Tax is the one in the price when the payment began.
	Tax sale.Tax
}

// RefundDetail is money that goes back, and how far it is.
type RefundDetail struct {
	ID        uuid.UUID
	Reference string // of the payment
	Amount    money.Kobo
	// Status: due, requested, pending, processing, processed, failed, needs_attention.
	Status string
	// Reason is why, in a word of the rows; Note what the organizer wrote to the buyer.
	Reason, Note string
	ByOrganizer  bool
	CreatedAt    time.Time
	ProcessedAt  *time.Time
	// Attempts is how often the provider was asked for it; LastError what it said when it refused.
	Attempts  int
	LastError string
}

// Stuck reports whether the refund waits for a person.
func (r RefundDetail) Stuck() bool {
	return r.Status == string(refundFailed) || r.Status == string(refundAttention)
}

// DisputeDetail is a bank that asks for money back.
type DisputeDetail struct {
	ID             uuid.UUID
	Reference      string // of the payment
	ProviderID     string
	Status         DisputeOutcome
	ProviderStatus string
	Category       string
	Amount         money.Kobo
	DueAt          *time.Time
	OpenedAt       time.Time
	ResolvedAt     *time.Time
}

// Worth is what the good tickets of the order are worth.
func (o OrderDetail) Worth() (worth money.Kobo) {
	for _, t := range o.Tickets {
		if t.Good() {
			worth += t.Price - t.Reduced
		}
	}
	return worth
}

// Payment is the one that became the tickets of the order, whatever became of both since; nil where there is none.
func (o OrderDetail) Payment() *OrderPayment {
	for i := range o.Payments {
		if o.Payments[i].ID == o.delivered {
			return &o.Payments[i]
		}
	}
	return nil
}

// Standing is the payment whose tickets are good; nil where none are.
func (o OrderDetail) Standing() *OrderPayment {
	for i := range o.Payments {
		if o.Payments[i].Status == Succeeded {
			return &o.Payments[i]
		}
	}
	return nil
}

// Left is what goes back with the last good ticket: all that came for the order and has not gone back.
func (o OrderDetail) Left() money.Kobo {
	p := o.Standing()
	if p == nil {
		return 0
	}
	left := p.Received
	for _, r := range o.Refunds {
		if r.Reference == p.Reference {
			left -= r.Amount
		}
	}
	return left
}

// Disputed reports whether a bank asks for money of the order back now.
func (o OrderDetail) Disputed() bool {
	return slices.ContainsFunc(o.Disputes, func(d DisputeDetail) bool { return d.Status == DisputeOpen })
}

var errNoOrder = fault.New(fault.NotFound, "order_not_found", "There is no such order of one of your events.")

// OrderEvent returns the event of an order; 404 order_not_found.
func (s *Service) OrderEvent(ctx context.Context, order uuid.UUID) (uuid.UUID, error) {
	row, err := s.q.Order(ctx, s.cfg.DB, order)
	if db.NoRows(err) {
		return uuid.Nil, errNoOrder
	}
	if err != nil {
		return uuid.Nil, db.Fault(fmt.Errorf("payment.OrderEvent: %w", err))
	}
	return row.EventID, nil
}

// Order returns an order of an event with its tickets, payments, refunds and disputes; 404 order_not_found.
func (s *Service) Order(ctx context.Context, event, order uuid.UUID) (OrderDetail, error) {
	var o OrderDetail
	row, err := s.q.Order(ctx, s.cfg.DB, order)
	if db.NoRows(err) || err == nil && row.EventID != event {
		return o, errNoOrder
	}
	if err != nil {
		return o, db.Fault(fmt.Errorf("payment.Order: %w", err))
	}
	o = OrderDetail{
		ID: row.ID, EventID: row.EventID, Buyer: row.Email, Name: row.Name, Total: money.Kobo(row.TotalKobo),
		Status: claim.Status(row.ClaimStatus), CreatedAt: row.CreatedAt, PaidAt: row.PaidAt, CancelledAt: row.CancelledAt,
	}
	for _, fill := range []func(context.Context, *OrderDetail) error{s.orderTickets, s.orderPayments, s.orderRefunds, s.orderDisputes} {
		if err := fill(ctx, &o); err != nil {
			return o, db.Fault(fmt.Errorf("payment.Order: %w", err))
		}
	}
	o.tellDisputed()
	return o, nil
}

// tellDisputed says of tickets that are void by a dispute, and by no refund, how it stands.
func (o *OrderDetail) tellDisputed() {
	p := o.Payment()
	for i := range o.Tickets {
		t := &o.Tickets[i]
		for _, d := range o.Disputes {
			if t.Status != ticket.Void || t.refunded || d.Reference != p.Reference {
				continue
			}
			if d.Status == DisputeOpen || d.Status == DisputeLost && t.Dispute == "" {
				t.Dispute = d.Status
			}
		}
	}
}

func (s *Service) orderTickets(ctx context.Context, o *OrderDetail) error {
	rows, err := s.q.TicketsOfOrder(ctx, s.cfg.DB, o.ID)
	for _, r := range rows {
		t := OrderTicket{
			ID: r.ID, Tier: r.TierName, Holder: r.HolderName, Status: ticket.InEffect(ticket.Status(r.Status), o.CancelledAt),
			Price: money.Kobo(r.PriceKobo), Reduced: money.Kobo(r.ReducedKobo), EndedAt: r.EndedAt, Corrected: r.NameCorrectedAt != nil, refunded: r.RefundID != nil,
		}
		if r.SeatSection != nil && r.SeatRow != nil && r.SeatLabel != nil {
			t.Seat = &ticket.Seat{Section: *r.SeatSection, Row: *r.SeatRow, Label: *r.SeatLabel}
		}
		o.Tickets, o.delivered = append(o.Tickets, t), r.PaymentID
	}
	return err
}

func (s *Service) orderPayments(ctx context.Context, o *OrderDetail) error {
	rows, err := s.q.PaymentsOfOrder(ctx, s.cfg.DB, o.ID)
	for _, r := range rows {
		p := OrderPayment{
			Payment: view(r), SettledAt: r.SettledAt,
			Tax: sale.Tax{Name: r.TaxName, BasisPoints: int(r.TaxBasisPoints), Number: r.TaxNumber},
		}
		if r.ReceivedKobo != nil {
			p.Received = money.Kobo(*r.ReceivedKobo)
		}
		if r.FeesKobo != nil {
			p.Fees = money.Kobo(*r.FeesKobo)
		}
		if r.Channel != nil {
			p.Channel = *r.Channel
		}
		o.Payments = append(o.Payments, p)
	}
	return err
}

func (s *Service) orderRefunds(ctx context.Context, o *OrderDetail) error {
	rows, err := s.q.RefundsOfOrder(ctx, s.cfg.DB, o.ID)
	for _, r := range rows {
		o.Refunds = append(o.Refunds, refundDetail(paymentdb.RefundOfEventRow{
			ID: r.ID, AmountKobo: r.AmountKobo, Reason: r.Reason, Status: r.Status, CreatedAt: r.CreatedAt, ProcessedAt: r.ProcessedAt,
			LastError: r.LastError, AskedBy: r.AskedBy, Note: r.Note, Attempts: r.Attempts, Reference: r.Reference,
		}))
	}
	return err
}

func refundDetail(r paymentdb.RefundOfEventRow) RefundDetail {
	return RefundDetail{
		ID: r.ID, Reference: r.Reference, Amount: money.Kobo(r.AmountKobo), Status: r.Status, Reason: r.Reason, Note: r.Note,
		ByOrganizer: r.AskedBy != nil, CreatedAt: r.CreatedAt, ProcessedAt: r.ProcessedAt, Attempts: int(r.Attempts), LastError: r.LastError,
	}
}

func (s *Service) orderDisputes(ctx context.Context, o *OrderDetail) error {
	rows, err := s.q.DisputesOfOrder(ctx, s.cfg.DB, o.ID)
	for _, r := range rows {
		o.Disputes = append(o.Disputes, DisputeDetail{
			ID: r.ID, Reference: r.Reference, ProviderID: r.ProviderDisputeID, Status: DisputeOutcome(r.Status), ProviderStatus: r.ProviderStatus,
			Category: r.Category, Amount: money.Kobo(r.AmountKobo), DueAt: r.DueAt, OpenedAt: r.OpenedAt, ResolvedAt: r.ResolvedAt,
		})
	}
	return err
}
