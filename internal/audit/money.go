package audit

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/db/auditdb"
)

// Money is what came, in kobo, and where it is: Received is the sum of all the others.
type Money struct {
	Received int64 `json:"received"`
	// Tickets is what the good tickets are worth: their price less what was given back of it.
	Tickets int64 `json:"tickets"`
	// Fees are the provider's, where the buyer bore them.
	Fees        int64 `json:"fees"`
	Refunded    int64 `json:"refunded"`
	Due         int64 `json:"refunds_due"`
	ChargedBack int64 `json:"charged_back"`
	// Difference is what is missing (above zero: it came and is nowhere); 0 in a sound product.
	Difference int64 `json:"difference"`
}

func (m *Money) add(o Money) {
	m.Received += o.Received
	m.Tickets += o.Tickets
	m.Fees += o.Fees
	m.Refunded += o.Refunded
	m.Due += o.Due
	m.ChargedBack += o.ChargedBack
	m.Difference += o.Difference
}

// Line is the money of one payment.
type Line struct {
	Order     uuid.UUID `json:"order"`
	Reference string    `json:"reference"`
	Status    string    `json:"status"`
	Money
	// Wrong says in words what is not right about it.
	Wrong []string `json:"wrong,omitempty"`
}

// Lines are the payments of an event that brought money, the oldest first; 404 event_not_found.
func Lines(ctx context.Context, c db.Conn, event uuid.UUID) ([]Line, error) {
	q := auditdb.New()
	if _, err := q.Moment(ctx, c, event); err != nil {
		return nil, notFound(err)
	}
	rows, err := q.Money(ctx, c, event)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("audit.Lines: %w", err))
	}
	return lines(rows), nil
}

func lines(rows []auditdb.MoneyRow) []Line {
	out := make([]Line, len(rows))
	for i, r := range rows {
		out[i] = Line{Order: r.ClaimID, Reference: r.Reference, Status: r.Status, Wrong: r.Wrong, Money: Money{
			Received: r.Received, Tickets: r.Worth, Fees: r.Fees, Refunded: r.Refunded, Due: r.Due, ChargedBack: r.ChargedBack, Difference: r.Difference,
		}}
	}
	return out
}

func moneyAddsUp(rows []auditdb.MoneyRow, err error) (Result, error) {
	r := Result{Checked: int64(len(rows)), Money: &Money{}}
	for _, l := range lines(rows) {
		r.Money.add(l.Money)
		if len(l.Wrong) > 0 {
			// The reference is what a person looks for at the provider; it says nothing about anybody.
			r.violate("order %s, payment %s (%s): %s", l.Order, l.Reference, l.Status, strings.Join(l.Wrong, "; "))
		}
	}
	return r, err
}
