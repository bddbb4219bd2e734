package claim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/dbtest"
)

// stage is a claim of one unit in a transaction, whose states a test sets.
type stage struct {
	*testing.T
	tx          pgx.Tx
	claim, unit uuid.UUID
}

func newStage(t *testing.T) *stage {
	s := &stage{T: t, tx: dbtest.Tx(t), claim: uuid.New(), unit: uuid.New()}
	org, event, tier, account, spot := uuid.New(), uuid.New(), uuid.New(), uuid.New(), uuid.New()
	s.sql(`INSERT INTO organizations (id, name) VALUES ($1, 'House')`, org)
	s.sql(`INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at) VALUES ($1, $2, $3, 'x', 'x', 'UTC', now())`, event, org, event.String())
	s.sql(`INSERT INTO tiers (id, event_id, ordinal, name, price_kobo, capacity) VALUES ($1, $2, 0, 'x', 1, 1)`, tier, event)
	s.sql(`INSERT INTO accounts (id, email) VALUES ($1, $2)`, account, account.String()+"@example.com")
	s.sql(`INSERT INTO spots (id, event_id, account_id, arrival) VALUES ($1, $2, $3, 1)`, spot, event, account)
	s.sql(`INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, expires_at, cap_at, limit_then)
		VALUES ($1, $2, $3, $4, 'held', 1, now() + interval '1 min', now() + interval '1 hour', 4)`, s.claim, event, account, spot)
	s.sql(`INSERT INTO units (id, event_id, tier_id, slot) VALUES ($1, $2, $3, 1)`, s.unit, event, tier)
	return s
}

func (s *stage) sql(q string, args ...any) {
	s.Helper()
	if _, err := s.tx.Exec(s.Context(), q, args...); err != nil {
		s.Fatal(err)
	}
}

func TestEveryMoveOfAClaim(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	all := []Status{Held, Paying, Paid, Expired, Released, Refunded}
	if len(moves) != len(all) {
		t.Fatalf("the table knows %d of %d states", len(moves), len(all))
	}
	do := map[Status]func() (int64, error){
		Held: func() (int64, error) {
			return queries.ClaimToHeld(t.Context(), s.tx, time.Now().Add(time.Minute), s.claim, from(moves, Held))
		},
		Paying: func() (int64, error) { return queries.ClaimToPaying(t.Context(), s.tx, s.claim, from(moves, Paying)) },
		Paid: func() (int64, error) {
			return queries.ClaimToPaid(t.Context(), s.tx, false, s.claim, from(moves, Paid))
		},
		Expired: func() (int64, error) {
			return queries.EndClaim(t.Context(), s.tx, "expired", s.claim, from(moves, Expired))
		},
		Released: func() (int64, error) {
			return queries.EndClaim(t.Context(), s.tx, "released", s.claim, from(moves, Released))
		},
		Refunded: func() (int64, error) {
			return queries.ClaimToRefunded(t.Context(), s.tx, s.claim, from(moves, Refunded))
		},
	}
	for _, was := range all {
		for to, move := range do {
			s.sql(`UPDATE claims SET status = $2 WHERE id = $1`, s.claim, string(was))
			n, err := move()
			if allowed := slices.Contains(moves[was], to); err != nil || (n == 1) != allowed {
				t.Errorf("%s to %s: %d rows, %v; allowed: %v", was, to, n, err, allowed)
			}
		}
	}
}

func TestEveryMoveOfAUnit(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	all := []unitState{free, held, paying, sold, blocked}
	if len(unitMoves) != len(all) {
		t.Fatalf("the table knows %d of %d states", len(unitMoves), len(all))
	}
	do := map[unitState]func() (int64, error){
		held: func() (int64, error) {
			return queries.UnitsToHeld(t.Context(), s.tx, time.Now().Add(time.Minute), s.claim, from(unitMoves, held))
		},
		free: func() (int64, error) { return queries.UnitsToFree(t.Context(), s.tx, s.claim, from(unitMoves, free)) },
		paying: func() (int64, error) {
			return queries.UnitsToPaying(t.Context(), s.tx, s.claim, from(unitMoves, paying))
		},
		sold: func() (int64, error) { return queries.UnitsToSold(t.Context(), s.tx, s.claim, from(unitMoves, sold)) },
	}
	for _, was := range all {
		for to, move := range do {
			owned := was == held || was == paying || was == sold
			s.sql(`UPDATE units SET state = $2, claim_id = CASE WHEN $3 THEN $4::uuid END,
				held_until = CASE WHEN $2 = 'held' THEN now() + interval '1 min' END WHERE id = $1`, s.unit, string(was), owned, s.claim)
			n, err := move()
			// These statements find a unit by its claim; free and blocked ones have none.
			if allowed := owned && slices.Contains(unitMoves[was], to); err != nil || (n == 1) != allowed {
				t.Errorf("%s to %s: %d rows, %v; allowed: %v", was, to, n, err, allowed)
			}
		}
	}
}

func TestTheSchemaKnowsNoHalfUnits(t *testing.T) {
	t.Parallel()
	for _, set := range []string{
		`state = 'held'`, `state = 'paying'`, `state = 'sold'`, `claim_id = '%s'`, `held_until = now()`,
		`state = 'paying', claim_id = '%s', held_until = now()`, `state = 'free', held_until = now()`,
	} {
		s := newStage(t)
		q := `UPDATE units SET ` + set + ` WHERE id = $1`
		if slices.Contains([]byte(set), '%') {
			q = fmt.Sprintf(q, s.claim)
		}
		if _, err := s.tx.Exec(t.Context(), q, s.unit); err == nil {
			t.Errorf("the schema takes %s", set)
		}
	}
}

func TestOnlyWhatWasBoughtIsTakenBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, was := range []unitState{free, held, paying, sold, blocked} {
		owned := was == held || was == paying || was == sold
		s.sql(`UPDATE units SET state = $2, claim_id = CASE WHEN $3 THEN $4::uuid END,
			held_until = CASE WHEN $2 = 'held' THEN now() + interval '1 min' END WHERE id = $1`, s.unit, string(was), owned, s.claim)
		n, err := queries.SoldToFree(t.Context(), s.tx, s.claim, []uuid.UUID{s.unit}, from(unitMoves, free))
		if err != nil || (n == 1) != (was == sold) {
			t.Errorf("%s: %d rows, %v", was, n, err)
		}
	}
}
