package audit_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/audit"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
)

// What the product does with the tickets, places and rows of an order whose money goes back; the refund is there.
const (
	returnAll = `UPDATE tickets SET status = 'returned', ended_at = now(), refund_id = (SELECT r.id FROM refunds r WHERE r.payment_id = tickets.payment_id)
		WHERE event_id = $1 AND account_id = $2`
	freeAll   = `UPDATE units SET state = 'free', claim_id = NULL WHERE id IN (SELECT unit_id FROM tickets WHERE event_id = $1 AND account_id = $2)`
	orderBack = `WITH p AS (UPDATE payments SET status = 'refund_due' WHERE event_id = $1 AND account_id = $2 RETURNING claim_id)
		UPDATE claims c SET status = 'refunded' FROM p WHERE c.id = p.claim_id`
	disputeWon = `INSERT INTO disputes (id, payment_id, provider_dispute_id, status, amount_kobo, resolved_at)
		SELECT gen_random_uuid(), id, 'won', 'won', amount_kobo, now() FROM payments WHERE event_id = $1 AND account_id = $2`
)

// The money of an event, line by line and in sum.
func TestMoneyLineByLine(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	h := build(t, pool)
	lines, err := audit.Lines(t.Context(), pool, h.event)
	if err != nil || len(lines) != 4 {
		t.Fatalf("%+v %v", lines, err)
	}
	var sum audit.Money
	for _, l := range lines {
		if len(l.Wrong) != 0 || l.Difference != 0 || l.Order == uuid.Nil || !strings.HasPrefix(l.Reference, "fq-") ||
			l.Received != l.Tickets+l.Fees+l.Refunded+l.Due+l.ChargedBack {
			t.Errorf("%+v", l)
		}
		sum.Received += l.Received
		sum.Tickets += l.Tickets
		sum.Due += l.Due
	}
	want := audit.Money{Received: 4 * price, Tickets: 3 * price, Due: price}
	if got := run(t, pool, h.event)[audit.MoneyAddsUp].Money; sum != want || got == nil || *got != want {
		t.Errorf("the lines add up to %+v, the audit says %+v, want %+v", sum, got, want)
	}
	h.exec(`UPDATE payments SET received_kobo = received_kobo - 1 WHERE event_id = $1 AND status = 'refund_due'`, h.event)
	if lines, err = audit.Lines(t.Context(), pool, h.event); err != nil || lines[3].Difference != -1 || len(lines[3].Wrong) != 2 {
		t.Errorf("a kobo too little: %+v %v", lines[3], err)
	}
	if _, err := audit.Lines(t.Context(), pool, uuid.New()); fault.Code(err) != "event_not_found" {
		t.Errorf("an unknown event: %v", err)
	}
}
