package claim_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

func code(t testing.TB, err error, want string) {
	t.Helper()
	if fault.Code(err) != want {
		t.Fatalf("got %v, want %q", err, want)
	}
}

// rush lets every fan ask at once and returns what each got.
func (h *hall) rush(fans []uuid.UUID, tier int, quantity func(i int) int) (got []claim.Claim, refused []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i, fan := range fans {
		wg.Go(func() {
			c, err := h.hold(fan, tier, quantity(i))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refused = append(refused, err)
				return
			}
			got = append(got, c)
		})
	}
	wg.Wait()
	return got, refused
}

func TestNeverOversold(t *testing.T) {
	t.Parallel()
	rounds(t, dbtest.Size(1, 100), func(t *testing.T, _ int) { neverOversold(t) })
}

func neverOversold(t *testing.T) {
	t.Helper()
	h := open(t, nil)
	got, refused := h.rush(h.fans(200), 0, func(int) int { return 1 })
	if len(got) != 10 || len(refused) != 190 {
		t.Fatalf("%d of 10 places went to 200 people", len(got))
	}
	seen := map[uuid.UUID]bool{}
	for _, c := range got {
		for _, l := range c.Lines {
			if seen[l.UnitID] {
				t.Fatalf("unit %s has two owners", l.UnitID)
			}
			seen[l.UnitID] = true
		}
	}
	for _, err := range refused {
		code(t, err, "sold_out")
	}
	if u := h.units(0); u["held"] != 10 {
		t.Fatalf("%v", u)
	}
	h.whole()
}

func TestNothingIsRefusedThatStaysFree(t *testing.T) {
	t.Parallel()
	h := open(t, func(n *sale.NewSale) { n.Tiers[0].Capacity = 31 })
	got, refused := h.rush(h.fans(60), 0, func(int) int { return 3 })
	if len(got) != 10 {
		t.Fatalf("%d of 10 possible claims were granted", len(got))
	}
	for _, err := range refused {
		code(t, err, "not_enough_left")
		if left := fault.From(err).Extra["left"]; left != 1 {
			t.Fatalf("left: %v", left)
		}
	}
	if u := h.units(0); u["held"] != 30 || u["free"] != 1 {
		t.Fatalf("%v", u)
	}
	h.whole()
}

func TestARushOnHoldsThatArePast(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	var old []uuid.UUID
	for _, fan := range h.fans(5) {
		old = append(old, h.mustHold(fan, 0, 2).ID)
	}
	for _, id := range old {
		h.pass(id)
	}
	got, _ := h.rush(h.fans(50), 0, func(i int) int { return 1 + i%3 })
	sum := 0
	for _, c := range got {
		sum += len(c.Lines)
	}
	if u := h.units(0); sum != u["held"] || u["held"]+u["free"] != 10 || u["free"] > 2 {
		t.Fatalf("%d granted, %v", sum, u)
	}
	h.whole()
	if err := h.claims.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := h.count(`SELECT count(*) FROM claims WHERE id = ANY($1) AND status = 'expired'`, old); n != 5 {
		t.Fatalf("%d of 5 past claims are expired", n)
	}
}

func TestTakingOverEndsTheWholeClaim(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	f := h.fans(3)
	first := h.mustHold(f[0], 1, 3)
	h.pass(first.ID)
	second := h.mustHold(f[1], 1, 1)
	if c, _ := h.claims.Get(t.Context(), f[0], first.ID); c.Status != claim.Expired {
		t.Fatalf("the first claim is %s", c.Status)
	}
	if u := h.units(1); u["held"] != 1 || u["free"] != 2 {
		t.Fatalf("%v", u)
	}
	if n := h.count(`SELECT count(*) FROM units WHERE claim_id = $1`, first.ID); n != 0 {
		t.Fatalf("%d units are still the ended claim's", n)
	}
	// What is left of it cannot be brought back.
	_, err := h.claims.Extend(t.Context(), f[0], first.ID)
	code(t, err, "claim_expired")
	h.mustHold(f[2], 1, 2)
	if second.Lines[0].UnitID != first.Lines[0].UnitID {
		t.Fatal("units are not given out by slot")
	}
	h.whole()
}

func TestAPastHoldDoesNotStandInItsFansWay(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fan := h.fans(1)[0]
	first := h.mustHold(fan, 1, 3)
	h.pass(first.ID)
	second := h.mustHold(fan, 1, 3)
	if second.ID == first.ID || h.units(1)["held"] != 3 {
		t.Fatalf("%v", h.units(1))
	}
	h.whole()
}

func TestWithinLimits(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fan := h.fans(1)[0]
	_, err := h.hold(fan, 0, 5)
	code(t, err, "limit_reached")
	if left := fault.From(err).Extra["left"]; left != int64(4) {
		t.Fatalf("left: %v", left)
	}
	c := h.mustHold(fan, 0, 3)
	_, err = h.hold(fan, 0, 1)
	code(t, err, "claim_open")
	if id := fault.From(err).Extra["claim_id"]; id != c.ID {
		t.Fatalf("claim_id: %v", id)
	}
	h.pay(c.ID)
	h.confirm(c.ID)
	_, err = h.hold(fan, 0, 2)
	code(t, err, "limit_reached")
	h.mustHold(fan, 0, 1)
}

func TestTheTabsOfOneFan(t *testing.T) {
	t.Parallel()
	h := open(t, func(n *sale.NewSale) { n.Tiers[0].Capacity = 100 })
	fan := h.fans(1)[0]
	tabs := make([]uuid.UUID, 20)
	for i := range tabs {
		tabs[i] = fan
	}
	got, refused := h.rush(tabs, 0, func(int) int { return 3 })
	if len(got) != 1 {
		t.Fatalf("%d claims", len(got))
	}
	for _, err := range refused {
		code(t, err, "claim_open")
	}
}

// pay does what starting a payment does to a claim.
func (h *hall) pay(id uuid.UUID) {
	h.Helper()
	h.locked(id, func(tx pgx.Tx, l *claim.Locked) error { return l.PayTx(h.Context(), tx) })
}

func (h *hall) confirm(id uuid.UUID) (out claim.Confirmed) {
	h.Helper()
	h.locked(id, func(tx pgx.Tx, l *claim.Locked) (err error) {
		out, err = l.ConfirmTx(h.Context(), tx)
		return err
	})
	return out
}

func (h *hall) locked(id uuid.UUID, fn func(tx pgx.Tx, l *claim.Locked) error) {
	h.Helper()
	if err := h.tryLocked(id, fn); err != nil {
		h.Fatal(err)
	}
}

func (h *hall) tryLocked(id uuid.UUID, fn func(tx pgx.Tx, l *claim.Locked) error) error {
	return db.InTx(h.Context(), h.pool, func(tx pgx.Tx) error {
		l, err := claim.LockTx(h.Context(), tx, id)
		if err != nil {
			return err
		}
		return fn(tx, l)
	})
}

func TestPayingNeverEndsByTime(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	f := h.fans(2)
	c := h.mustHold(f[0], 1, 3)
	h.pay(c.ID)
	h.pass(c.ID) // the moment shown passes
	_, err := h.hold(f[1], 1, 1)
	code(t, err, "sold_out")
	if err := h.claims.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.claims.Get(t.Context(), f[0], c.ID); got.Status != claim.Paying {
		t.Fatalf("the claim is %s", got.Status)
	}
	if u := h.units(1); u["paying"] != 3 {
		t.Fatalf("%v", u)
	}
	_, err = h.claims.Extend(t.Context(), f[0], c.ID)
	code(t, err, "payment_pending")
}

func TestPayingNeedsEveryUnit(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	f := h.fans(2)
	c := h.mustHold(f[0], 1, 3)
	h.pass(c.ID)
	h.mustHold(f[1], 1, 1)
	// As if this transaction had begun before the hold was past.
	h.sql(`UPDATE claims SET status = 'held', ended_at = NULL, expires_at = now() + interval '1 minute' WHERE id = $1`, c.ID)
	err := h.tryLocked(c.ID, func(tx pgx.Tx, l *claim.Locked) error { return l.PayTx(t.Context(), tx) })
	code(t, err, "claim_expired")
	err = h.tryLocked(c.ID, func(tx pgx.Tx, l *claim.Locked) error { return l.ReholdTx(t.Context(), tx) })
	code(t, err, "claim_expired")
}

func TestAFailedPaymentGivesTheHoldBack(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fan := h.fans(1)[0]
	c := h.mustHold(fan, 0, 2)
	h.pay(c.ID)
	h.left(c.ID, time.Second)
	rehold := func(tx pgx.Tx, l *claim.Locked) error { return l.ReholdTx(t.Context(), tx) }
	h.locked(c.ID, rehold)
	got, err := h.claims.Get(t.Context(), fan, c.ID)
	if left := time.Until(got.ExpiresAt); err != nil || got.Status != claim.Held || left < 110*time.Second || left > 121*time.Second {
		t.Fatalf("%s with %s left, %v", got.Status, left, err)
	}
	h.whole()
	// Never past the cap, and not at all once the cap is past.
	h.pay(c.ID)
	h.sql(`UPDATE claims SET expires_at = now() - interval '2 s', cap_at = now() + interval '30 s' WHERE id = $1`, c.ID)
	h.locked(c.ID, rehold)
	if got, _ = h.claims.Get(t.Context(), fan, c.ID); !got.ExpiresAt.Equal(got.CapAt) {
		t.Fatalf("held until %s, cap %s", got.ExpiresAt, got.CapAt)
	}
	h.pay(c.ID)
	h.sql(`UPDATE claims SET expires_at = now() - interval '2 s', cap_at = now() - interval '1 s' WHERE id = $1`, c.ID)
	h.locked(c.ID, rehold)
	if got, _ = h.claims.Get(t.Context(), fan, c.ID); got.Status != claim.Expired || h.units(0)["free"] != 10 {
		t.Fatalf("%s, %v", got.Status, h.units(0))
	}
}

func TestExtend(t *testing.T) {
	t.Parallel()
	h := open(t, func(n *sale.NewSale) { n.Terms.HoldSeconds = 600 })
	f := h.fans(2)
	c := h.mustHold(f[0], 0, 2)
	if c.CanExtend || c.CapAt.Sub(c.CreatedAt) != 30*time.Minute || c.ExpiresAt.Sub(c.ExtendAt) != 2*time.Minute {
		t.Fatalf("%+v", c)
	}
	_, err := h.claims.Extend(t.Context(), f[0], c.ID)
	code(t, err, "too_early")
	_, err = h.claims.Extend(t.Context(), f[1], c.ID)
	code(t, err, "claim_not_found")
	h.left(c.ID, 100*time.Second)
	if got, _ := h.claims.Get(t.Context(), f[0], c.ID); !got.CanExtend {
		t.Fatalf("%+v", got)
	}
	longer, err := h.claims.Extend(t.Context(), f[0], c.ID)
	if left := time.Until(longer.ExpiresAt); err != nil || left < 590*time.Second || left > 601*time.Second {
		t.Fatalf("%s left, %v", left, err)
	}
	h.sql(`UPDATE claims SET cap_at = now() + interval '5 min', expires_at = now() + interval '10 s' WHERE id = $1`, c.ID)
	longer, err = h.claims.Extend(t.Context(), f[0], c.ID)
	if err != nil || !longer.ExpiresAt.Equal(longer.CapAt) || longer.CanExtend {
		t.Fatalf("%+v, %v", longer, err)
	}
	_, err = h.claims.Extend(t.Context(), f[0], c.ID)
	code(t, err, "cap_reached")
	h.pass(c.ID)
	_, err = h.claims.Extend(t.Context(), f[0], c.ID)
	code(t, err, "claim_expired")
}

func TestAShortHoldIsExtendedInItsLastHalf(t *testing.T) {
	t.Parallel()
	h := open(t, func(n *sale.NewSale) { n.Terms.HoldSeconds = 60 })
	fan := h.fans(1)[0]
	c := h.mustHold(fan, 0, 1)
	if c.ExpiresAt.Sub(c.ExtendAt) != 30*time.Second || c.CapAt.Sub(c.CreatedAt) != 15*time.Minute {
		t.Fatalf("%+v", c)
	}
	h.left(c.ID, 40*time.Second)
	_, err := h.claims.Extend(t.Context(), fan, c.ID)
	code(t, err, "too_early")
	h.left(c.ID, 29*time.Second)
	if _, err = h.claims.Extend(t.Context(), fan, c.ID); err != nil {
		t.Fatal(err)
	}
}

func TestWrongRequestsChangeNothing(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fan := h.fans(1)[0]
	for _, n := range []int{0, -1, 51, 1_000_000_000} {
		_, err := h.hold(fan, 0, n)
		code(t, err, "invalid_request")
	}
	_, err := h.claims.Hold(t.Context(), h.event, fan, claim.Request{TierID: uuid.New(), Quantity: 1})
	code(t, err, "invalid_request")
	// 403 comes before 422.
	_, err = h.hold(uuid.New(), 0, 0)
	code(t, err, "not_admitted")
	if _, err := h.claims.Get(t.Context(), fan, uuid.New()); !errors.Is(err, fault.New(fault.NotFound, "claim_not_found", "")) {
		t.Fatal(err)
	}
	if u := h.units(0); u["free"] != 10 {
		t.Fatalf("%v", u)
	}
	if n := h.count(`SELECT count(*) FROM claims`); n != 0 {
		t.Fatalf("%d claims", n)
	}
}

func TestPausedAndEndedSales(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	f := h.fans(2)
	if _, err := h.sales.Pause(t.Context(), h.event.ID(), uuid.Nil); err != nil {
		t.Fatal(err)
	}
	h.mustHold(f[0], 0, 1) // whoever is inside may finish
	if _, err := h.sales.End(t.Context(), h.event.ID(), uuid.Nil); err != nil {
		t.Fatal(err)
	}
	if _, err := h.hold(f[1], 0, 1); err == nil {
		t.Fatal("a claim after the end")
	}
}

func TestReleasedUnitsAreBackAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	f := h.fans(2)
	c := h.mustHold(f[0], 1, 3)
	h.locked(c.ID, func(tx pgx.Tx, l *claim.Locked) error { return l.EndTx(t.Context(), tx, claim.Released) })
	h.mustHold(f[1], 1, 3)
	if open, err := h.claims.OpenOf(t.Context(), h.event.ID(), f[0]); err != nil || open != nil {
		t.Fatalf("%v %v", open, err)
	}
	if open, err := h.claims.OpenOf(t.Context(), h.event.ID(), f[1]); err != nil || open == nil || len(open.Lines) != 3 || open.Total != 3_000_000 {
		t.Fatalf("%v %v", open, err)
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	soon, before := time.Now().Add(time.Hour), time.Now().Add(-time.Minute)
	for name, c := range map[string]struct {
		opens time.Time
		lobby *time.Time
		want  sale.State
	}{
		"ahead":          {opens: soon, want: sale.Scheduled},
		"lobby is open":  {opens: soon, lobby: &before, want: sale.Lobby},
		"opens at once":  {opens: before, want: sale.Open},
		"past the lobby": {opens: before.Add(30 * time.Second), lobby: &before, want: sale.Open},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := prepare(t, func(n *sale.NewSale) { n.Terms.OpensAt, n.Terms.LobbyOpensAt = c.opens, c.lobby })
			snap, err := h.claims.Publish(t.Context(), h.event.ID(), uuid.New())
			if err != nil || snap.State != c.want || snap.Available() != 13 {
				t.Fatalf("%+v %v", snap, err)
			}
			_, err = h.claims.Publish(t.Context(), h.event.ID(), uuid.New())
			code(t, err, "invalid_transition")
			if n := h.count(`SELECT count(*) FROM units`); n != 13 {
				t.Fatalf("%d units", n)
			}
		})
	}
	h := prepare(t, nil)
	_, err := h.claims.Publish(t.Context(), uuid.New(), uuid.New())
	code(t, err, "event_not_found")
}

func TestPublishTwiceAtOnce(t *testing.T) {
	t.Parallel()
	h := prepare(t, nil)
	var mu sync.Mutex
	var wg sync.WaitGroup
	ok := 0
	for range 8 {
		wg.Go(func() {
			_, err := h.claims.Publish(t.Context(), h.event.ID(), uuid.New())
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				ok++
			} else if fault.Code(err) != "invalid_transition" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := h.count(`SELECT count(*) FROM units`); ok != 1 || n != 13 {
		t.Fatalf("%d published, %d units", ok, n)
	}
}

func TestALateSuccessFindsItsPlaces(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	f := h.fans(4)
	end := func(c claim.Claim) {
		h.locked(c.ID, func(tx pgx.Tx, l *claim.Locked) error { return l.EndTx(t.Context(), tx, claim.Released) })
	}
	same := h.mustHold(f[0], 0, 2)
	end(same)
	if got := h.confirm(same.ID); got.Moved || len(got.Lines) != 2 || got.Lines[0].UnitID != same.Lines[0].UnitID {
		t.Fatalf("%+v", got)
	}
	// Places 3 and 4 go to somebody else; 4 comes back, so one is kept and one is equal.
	moved := h.mustHold(f[1], 0, 2)
	end(moved)
	h.mustHold(f[2], 0, 1)
	if got := h.confirm(moved.ID); !got.Moved || len(got.Lines) != 2 {
		t.Fatalf("%+v", got)
	}
	for c, want := range map[uuid.UUID]bool{same.ID: false, moved.ID: true} {
		fan := f[0]
		if want {
			fan = f[1]
		}
		if seen, err := h.claims.Get(t.Context(), fan, c); err != nil || seen.Moved != want {
			t.Errorf("its fan sees moved %v, %v", seen.Moved, err)
		}
	}
	gone := h.mustHold(f[3], 1, 3)
	end(gone)
	h.sql(`UPDATE units SET state = 'blocked' WHERE tier_id = $1 AND slot = 1`, h.tier(1))
	err := h.tryLocked(gone.ID, func(tx pgx.Tx, l *claim.Locked) error {
		_, err := l.ConfirmTx(t.Context(), tx)
		return err
	})
	if !errors.Is(err, claim.ErrGone) {
		t.Fatal(err)
	}
	if u := h.units(1); u["free"] != 2 {
		t.Fatalf("%v", u)
	}
	err = h.tryLocked(same.ID, func(tx pgx.Tx, l *claim.Locked) error {
		_, err := l.ConfirmTx(t.Context(), tx)
		return err
	})
	if !errors.Is(err, claim.ErrPaid) {
		t.Fatal(err)
	}
	h.whole()
}

func TestALateSuccessAboveTheLimit(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	fan := h.fans(1)[0]
	late := h.mustHold(fan, 0, 2)
	h.pass(late.ID)
	c := h.mustHold(fan, 0, 3)
	h.pay(c.ID)
	if got := h.confirm(c.ID); got.LimitBought {
		t.Fatal("3 of 4 are not the limit")
	}
	err := h.tryLocked(late.ID, func(tx pgx.Tx, l *claim.Locked) error {
		_, err := l.ConfirmTx(t.Context(), tx)
		return err
	})
	if !errors.Is(err, claim.ErrLimit) {
		t.Fatal(err)
	}
}
