package ticket

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/dbtest"
)

func TestEveryMoveOfATicket(t *testing.T) {
	t.Parallel()
	all := []Status{Valid, Used, Returned, Void}
	if len(moves) != len(all) {
		t.Fatalf("the table knows %d of %d states", len(moves), len(all))
	}
	tx := dbtest.Tx(t)
	run := func(q string, args ...any) {
		t.Helper()
		if _, err := tx.Exec(t.Context(), q, args...); err != nil {
			t.Fatal(err)
		}
	}
	org, event, tier, account, spot, claim, unit, payment, id := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
	run(`INSERT INTO organizations (id, name) VALUES ($1, 'House')`, org)
	run(`INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at) VALUES ($1, $2, $3, 'x', 'x', 'UTC', now())`, event, org, event.String())
	run(`INSERT INTO tiers (id, event_id, ordinal, name, price_kobo, capacity) VALUES ($1, $2, 0, 'x', 1000, 1)`, tier, event)
	run(`INSERT INTO accounts (id, email) VALUES ($1, $2)`, account, account.String()+"@example.com")
	run(`INSERT INTO spots (id, event_id, account_id, arrival) VALUES ($1, $2, $3, 1)`, spot, event, account)
	run(`INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, expires_at, cap_at, limit_then)
		VALUES ($1, $2, $3, $4, 'paid', 1000, now(), now(), 4)`, claim, event, account, spot)
	run(`INSERT INTO units (id, event_id, tier_id, slot, state, claim_id) VALUES ($1, $2, $3, 1, 'sold', $4)`, unit, event, tier, claim)
	run(`INSERT INTO payments (id, claim_id, event_id, account_id, provider, reference, amount_kobo, status, deadline_at, settled_at, received_kobo)
		VALUES ($1, $2, $3, $4, 'paystack', 'ref', 1000, 'succeeded', now(), now(), 1000)`, payment, claim, event, account)
	run(`INSERT INTO tickets (id, event_id, tier_id, unit_id, claim_id, payment_id, account_id, price_kobo) VALUES ($1, $2, $3, $4, $5, $6, $7, 1000)`,
		id, event, tier, unit, claim, payment, account)

	for _, was := range all {
		for _, to := range []Status{Returned, Void} {
			run(`UPDATE tickets SET status = $2, ended_from = NULL, ended_at = NULL WHERE id = $1`, id, string(was))
			err := EndTx(t.Context(), tx, []Good{{ID: id, Status: was}}, to, nil)
			if allowed := slices.Contains(moves[was], to); allowed != (err == nil) || !allowed && !errors.Is(err, ErrChanged) {
				t.Errorf("%s to %s: %v; allowed: %v", was, to, err, allowed)
			}
		}
		for _, from := range []Status{Valid, Used} {
			run(`UPDATE tickets SET status = $2, ended_from = $3 WHERE id = $1`, id, string(was), string(from))
			back, err := ReviveTx(t.Context(), tx, payment)
			if allowed := slices.Contains(moves[was], from) && was == Void; err != nil || (len(back) == 1) != allowed {
				t.Errorf("%s is %s again: %v, %v; allowed: %v", was, from, back, err, allowed)
			}
		}
	}

	// Who decided about a valid ticket did not decide about one that has let somebody in since.
	run(`UPDATE tickets SET status = 'used', ended_from = NULL WHERE id = $1`, id)
	if err := EndTx(t.Context(), tx, []Good{{ID: id, Status: Valid}}, Void, nil); !errors.Is(err, ErrChanged) {
		t.Errorf("%v", err)
	}
	good, err := GoodTx(t.Context(), tx, payment)
	if err != nil || len(good) != 1 || good[0].Worth != 1000 || good[0].Status != Used {
		t.Fatalf("%+v %v", good, err)
	}
	if err := ReduceTx(t.Context(), tx, good, 400); err != nil {
		t.Fatal(err)
	}
	if good, err = GoodTx(t.Context(), tx, payment); err != nil || good[0].Worth != 600 {
		t.Fatalf("%+v %v", good, err)
	}
	if err := ReduceTx(t.Context(), tx, good, 601); err == nil {
		t.Error("more was given back than it is worth")
	}

	// The place of a ticket that is void has gone to somebody else: it stays void.
	if err := EndTx(t.Context(), tx, good, Void, nil); err != nil {
		t.Fatal(err)
	}
	if voided, err := VoidedTx(t.Context(), tx, payment); err != nil || len(voided) != 1 || voided[0].Status != Used {
		t.Fatalf("%+v %v", voided, err)
	}
	run(`UPDATE units SET state = 'free', claim_id = NULL WHERE id = $1`, unit)
	if back, err := ReviveTx(t.Context(), tx, payment); err != nil || len(back) != 0 {
		t.Fatalf("%v %v", back, err)
	}
}
