package payment

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/paymentdb"
	"fairqueue/internal/dbtest"
)

// rows makes a payment with a refund in a transaction.
func rows(t *testing.T) (tx pgx.Tx, payment, refund uuid.UUID) {
	t.Helper()
	tx = dbtest.Tx(t)
	org, event, account, spot, claim := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
	payment, refund = uuid.New(), uuid.New()
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO organizations (id, name) VALUES ($1, 'House')`, []any{org}},
		{`INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at) VALUES ($1, $2, $3, 'x', 'x', 'UTC', now())`, []any{event, org, event.String()}},
		{`INSERT INTO accounts (id, email) VALUES ($1, $2)`, []any{account, account.String() + "@example.com"}},
		{`INSERT INTO spots (id, event_id, account_id, arrival) VALUES ($1, $2, $3, 1)`, []any{spot, event, account}},
		{`INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, expires_at, cap_at, limit_then)
			VALUES ($1, $2, $3, $4, 'paying', 1, now(), now(), 4)`, []any{claim, event, account, spot}},
		{`INSERT INTO payments (id, claim_id, event_id, account_id, provider, reference, amount_kobo, status, deadline_at)
			VALUES ($1, $2, $3, $4, 'paystack', $5, 1, 'pending', now())`, []any{payment, claim, event, account, payment.String()}},
		{`INSERT INTO refunds (id, payment_id, amount_kobo, reason, status) VALUES ($1, $2, 1, 'x', 'due')`, []any{refund, payment}},
	} {
		if _, err := tx.Exec(t.Context(), q.sql, q.args...); err != nil {
			t.Fatal(err)
		}
	}
	return tx, payment, refund
}

func TestEveryMoveOfAPayment(t *testing.T) {
	t.Parallel()
	tx, id, _ := rows(t)
	q := paymentdb.New()
	all := []Status{Initializing, Pending, Succeeded, Failed, Abandoned, RefundDue, Refunded, ChargedBack}
	if len(moves) != len(all) {
		t.Fatalf("the table knows %d of %d states", len(moves), len(all))
	}
	one := int64(1)
	settle := func(to Status) func() (int64, error) {
		return func() (int64, error) {
			return q.SettlePayment(t.Context(), tx, paymentdb.SettlePaymentParams{Status: string(to), ReceivedKobo: &one, ID: id, FromStates: from(moves, to)})
		}
	}
	end := func(to Status) func() (int64, error) {
		return func() (int64, error) {
			return q.EndPayment(t.Context(), tx, paymentdb.EndPaymentParams{Status: string(to), ID: id, FromStates: from(moves, to)})
		}
	}
	do := map[Status]func() (int64, error){
		Pending: func() (int64, error) {
			_, err := q.ToPending(t.Context(), tx, paymentdb.ToPendingParams{ID: id, FromStates: from(moves, Pending)})
			if err != nil {
				return 0, nil //nolint:nilerr // no row
			}
			return 1, nil
		},
		Succeeded: settle(Succeeded), RefundDue: settle(RefundDue), Failed: end(Failed), Abandoned: end(Abandoned),
		Refunded: func() (int64, error) { return q.MovePayment(t.Context(), tx, "refunded", id, from(moves, Refunded)) },
		ChargedBack: func() (int64, error) {
			return q.MovePayment(t.Context(), tx, "charged_back", id, from(moves, ChargedBack))
		},
	}
	for _, was := range all {
		for to, move := range do {
			settled := slices.Contains([]Status{Succeeded, RefundDue, Refunded, ChargedBack}, was)
			_, err := tx.Exec(t.Context(), `UPDATE payments SET status = $2, settled_at = CASE WHEN $3 THEN now() END, received_kobo = CASE WHEN $3 THEN 1 END WHERE id = $1`,
				id, string(was), settled)
			if err != nil {
				t.Fatal(err)
			}
			n, err := move()
			allowed := slices.Contains(moves[was], to)
			if was == Succeeded && to == RefundDue || was == ChargedBack && to == Succeeded {
				allowed = false // what came is written once: a returned ticket and a won dispute go another way
			}
			if err != nil || (n == 1) != allowed {
				t.Errorf("%s to %s: %d rows, %v; allowed: %v", was, to, n, err, allowed)
			}
		}
	}
}

func TestEveryMoveOfARefund(t *testing.T) {
	t.Parallel()
	tx, _, id := rows(t)
	q := paymentdb.New()
	all := []refundStatus{refundOwed, refundRequested, refundPending, refundProcessing, refundProcessed, refundFailed, refundAttention}
	if len(refundMoves) != len(all) {
		t.Fatalf("the table knows %d of %d states", len(refundMoves), len(all))
	}
	for _, was := range all {
		for _, to := range all {
			if to == refundOwed {
				continue
			}
			if _, err := tx.Exec(t.Context(), `UPDATE refunds SET status = $2, requested_at = now() - interval '1 hour', provider_refund_id = NULL WHERE id = $1`, id, string(was)); err != nil {
				t.Fatal(err)
			}
			var n int64
			var err error
			if to == refundRequested {
				n, err = q.LeaseRefund(t.Context(), tx, id, from(refundMoves, to), secs(refundLease))
			} else {
				n, err = q.MoveRefund(t.Context(), tx, paymentdb.MoveRefundParams{Status: string(to), ID: id, FromStates: from(refundMoves, to)})
			}
			if allowed := slices.Contains(refundMoves[was], to); err != nil || (n == 1) != allowed {
				t.Errorf("%s to %s: %d rows, %v; allowed: %v", was, to, n, err, allowed)
			}
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	ok := Charge{Found: true, Status: "success", Reference: "r", Currency: "NGN", Amount: 1000, Requested: 1000}
	with := func(change func(c *Charge)) Charge { c := ok; change(&c); return c }
	for name, c := range map[string]struct {
		charge Charge
		want   verdict
		fails  bool
	}{
		"exact":               {ok, verdict{}, false},
		"no requested amount": {with(func(c *Charge) { c.Requested = 0 }), verdict{}, false},
		"fees of ours":        {with(func(c *Charge) { c.Fees = 15 }), verdict{}, false},
		"fees of the buyer":   {with(func(c *Charge) { c.Fees, c.Amount = 15, 1015 }), verdict{}, false},
		"too much":            {with(func(c *Charge) { c.Fees, c.Amount = 15, 1016 }), verdict{over: 16}, false},
		"too little":          {with(func(c *Charge) { c.Amount = 999 }), verdict{back: whyUnderpaid}, false},
		"something else":      {with(func(c *Charge) { c.Requested, c.Amount = 2000, 2000 }), verdict{back: whyAmount}, false},
		"other currency":      {with(func(c *Charge) { c.Currency = "USD" }), verdict{back: whyCurrency}, false},
		"lower-case currency": {with(func(c *Charge) { c.Currency = "ngn" }), verdict{}, false},
		"nothing":             {with(func(c *Charge) { c.Amount = 0 }), verdict{}, true},
		"less than nothing":   {with(func(c *Charge) { c.Amount = -1000 }), verdict{}, true},
		"other reference":     {with(func(c *Charge) { c.Reference = "s" }), verdict{}, true},
		"not a success":       {with(func(c *Charge) { c.Status = "ongoing" }), verdict{}, true},
		"not found":           {Charge{Reference: "r"}, verdict{}, true},
	} {
		got, err := judge(1000, "r", c.charge)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func TestEveryMoveOfADispute(t *testing.T) {
	t.Parallel()
	tx, payment, _ := rows(t)
	q := paymentdb.New()
	all := []DisputeOutcome{DisputeOpen, DisputeWon, DisputeLost}
	if len(disputeMoves) != len(all) {
		t.Fatalf("the table knows %d of %d states", len(disputeMoves), len(all))
	}
	id := uuid.New()
	if n, err := q.InsertDispute(t.Context(), tx, paymentdb.InsertDisputeParams{ID: id, PaymentID: payment, ProviderDisputeID: "7"}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for _, was := range all {
		for _, to := range all {
			if _, err := tx.Exec(t.Context(), `UPDATE disputes SET status = $2, resolved_at = CASE WHEN $2 <> 'open' THEN now() END WHERE id = $1`, id, string(was)); err != nil {
				t.Fatal(err)
			}
			n, err := q.MoveDispute(t.Context(), tx, paymentdb.MoveDisputeParams{Status: string(to), ProviderStatus: "", ID: id, FromStates: from(disputeMoves, to)})
			if allowed := slices.Contains(disputeMoves[was], to); err != nil || (n == 1) != allowed {
				t.Errorf("%s to %s: %d rows, %v; allowed: %v", was, to, n, err, allowed)
			}
		}
	}
}

// What a provider says is kept as far as PostgreSQL can hold it, and never stops what it is about.
func TestWhatSomebodySaysIsStored(t *testing.T) {
	t.Parallel()
	tx, _, _ := rows(t)
	for _, said := range []string{"", "a\x00b", "\xff\xfe", strings.Repeat("x", 500), strings.Repeat("\u20a6", 100), "a" + strings.Repeat("\u20a6", 100)} {
		kept := storable(said)
		var back string
		if err := tx.QueryRow(t.Context(), `SELECT $1::text`, kept).Scan(&back); err != nil || back != kept || len(kept) > maxStored {
			t.Errorf("%q: %q %v", said, kept, err)
		}
	}
}
