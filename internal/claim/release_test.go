package claim_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"fairqueue/internal/audit"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// show is an event with a second sale, each in a hall of its own, on the same services.
type show struct {
	first, second *hall
	// claims are the replicas; the first one is that of the halls.
	claims []*claim.Service
}

func (s *show) sales() []*hall { return []*hall{s.first, s.second} }

// released opens a show with two sales: limits are those of the first and the second.
func released(t testing.TB, first, second int, change func(*sale.NewSale)) *show {
	t.Helper()
	h := open(t, func(n *sale.NewSale) {
		n.Terms.MaxTicketsPerFan = first
		if change != nil {
			change(n)
		}
	})
	other := claim.New(claim.Config{DB: h.pool, Sales: h.sales, Queue: h.queue, Clock: &db.Clock{}})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := other.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	s := &show{first: h, claims: []*claim.Service{h.claims, other}}
	s.second = s.release(second, sale.NewRelease{Tiers: []sale.NewTier{{Name: "Late", Price: 700_000, Capacity: 5000}}})
	return s
}

// release opens another sale of the show.
func (s *show) release(limit int, n sale.NewRelease) *hall {
	h := *s.first
	h.Helper()
	n.Terms = h.event.Terms
	n.Terms.MaxTicketsPerFan = limit
	draft, err := h.sales.Release(h.Context(), s.first.event.ID(), uuid.New(), n)
	if err != nil {
		h.Fatal(err)
	}
	if h.event, err = h.claims.Publish(h.Context(), draft.ID(), uuid.New()); err != nil {
		h.Fatal(err)
	}
	return &h
}

// fans puts n people inside both sales.
func (s *show) fans(n int) []uuid.UUID {
	fans := s.first.fans(n)
	s.join(s.second, fans)
	return fans
}

// join puts people inside a sale, in the order of the ledger's word, so that the line is one that audits.
func (s *show) join(h *hall, fans []uuid.UUID) {
	h.Helper()
	h.sql(`
		WITH head AS (
			UPDATE queue_heads SET arrivals = arrivals + cardinality($2::uuid[]), serving = serving + cardinality($2::uuid[])
			WHERE event_id = $1 RETURNING arrivals - cardinality($2::uuid[]) AS before
		)
		INSERT INTO spots (id, event_id, account_id, arrival, status, called_at, turn_ends_at, entered_at, visit_ends_at)
		SELECT gen_random_uuid(), $1, f.id, head.before + f.n, 'inside', now(), now() + interval '1 hour', now(), now() + interval '1 hour'
		FROM unnest($2::uuid[]) WITH ORDINALITY AS f (id, n), head`, h.event.ID(), fans)
}

// buy pays for a claim.
func (h *hall) buy(c claim.Claim) error {
	return db.InTx(h.Context(), h.pool, func(tx pgx.Tx) error {
		l, err := claim.LockTx(h.Context(), tx, c.ID)
		if err != nil {
			return err
		}
		if err := l.PayTx(h.Context(), tx); err != nil {
			return err
		}
		bought, err := l.ConfirmTx(h.Context(), tx)
		if err == nil && bought.LimitBought {
			err = h.queue.FinishTx(h.Context(), tx, l.EventID, l.AccountID)
		}
		return err
	})
}

// free releases a claim that is held.
func (h *hall) free(c claim.Claim) error {
	return db.InTx(h.Context(), h.pool, func(tx pgx.Tx) error {
		l, err := claim.LockTx(h.Context(), tx, c.ID)
		if err != nil || l.Status != claim.Held {
			return err
		}
		return l.EndTx(h.Context(), tx, claim.Released)
	})
}

// refund gives the units of a paid claim back.
func (h *hall) refund(c claim.Claim) {
	h.Helper()
	h.sql(`WITH back AS (UPDATE units SET state = 'free', claim_id = NULL WHERE claim_id = $1 AND state = 'sold')
		UPDATE claims SET status = 'refunded', ended_at = now() WHERE id = $1`, c.ID)
}

// has is how many units a fan has in both sales.
func (s *show) has(fan uuid.UUID) int {
	s.first.Helper()
	return s.first.count(`SELECT count(*) FROM units u JOIN claims c ON c.id = u.claim_id
		WHERE c.account_id = $1 AND (u.state IN ('sold', 'paying') OR (u.state = 'held' AND u.held_until > now()))`, fan)
}

// withinLimits asks the audit of both sales.
func (s *show) withinLimits() {
	for _, h := range s.sales() {
		h.Helper()
		results, err := audit.Run(h.Context(), h.pool, nil, h.event.ID())
		if err != nil {
			h.Fatal(err)
		}
		for _, r := range results {
			if (r.Name == audit.WithinLimits || r.Name == audit.NeverOversold) && r.Violations > 0 {
				h.Errorf("%s of %s: %v", r.Name, h.event.Event.Slug, r.Detail)
			}
		}
	}
}

func TestTheLimitCountsOverAllSalesOfAShow(t *testing.T) {
	t.Parallel()
	s := released(t, 4, 3, nil)
	fan := s.fans(1)[0]
	held := s.first.mustHold(fan, 0, 2)
	_, err := s.second.hold(fan, 0, 2)
	code(t, err, "limit_reached")
	if left := fault.From(err).Extra["left"]; left != int64(1) {
		t.Errorf("left: %v, of a limit of 3 with 2 held in the other sale", left)
	}
	late := s.second.mustHold(fan, 0, 1)
	if err := s.first.buy(held); err != nil {
		t.Fatal(err)
	}
	if err := s.second.buy(late); err != nil {
		t.Fatal(err)
	}
	// Three are bought: that is the limit of the second sale, and not of the first.
	if st := s.status(s.second, fan); st != queue.Done {
		t.Errorf("with the limit bought the fan is %s", st)
	}
	if st := s.status(s.first, fan); st != queue.Inside {
		t.Errorf("with one ticket left the fan is %s", st)
	}
	_, err = s.first.hold(fan, 1, 2)
	code(t, err, "limit_reached")
	last := s.first.mustHold(fan, 1, 1)
	if err := s.first.buy(last); err != nil {
		t.Fatal(err)
	}
	if st := s.status(s.first, fan); st != queue.Done {
		t.Errorf("with everything bought the fan is %s", st)
	}
	s.withinLimits()

	// What goes back gives room in both.
	s.first.refund(held)
	s.first.sql(`UPDATE spots SET status = 'inside' WHERE account_id = $1`, fan)
	if c := s.second.mustHold(fan, 0, 1); len(c.Lines) != 1 || s.has(fan) != 3 {
		t.Errorf("after a refund the fan has %d", s.has(fan))
	}
}

// status is what a fan is told in a sale.
func (s *show) status(h *hall, fan uuid.UUID) queue.Status {
	h.Helper()
	v, err := h.queue.Status(h.Context(), h.event, fan)
	if err != nil {
		h.Fatal(err)
	}
	return v.Status
}

// Many fans ask for units of one sale at the same moment, as a batch serves them, and have bought the limit in another.
func TestABatchCountsWhatFansHaveInOtherSales(t *testing.T) {
	t.Parallel()
	s := released(t, 2, 2, func(n *sale.NewSale) { n.Tiers[0].Capacity = 200 })
	fans := s.fans(24)
	got, refused := s.first.rush(fans, 0, func(i int) int { return 1 + i%2 })
	if len(got) != len(fans) {
		t.Fatalf("%d of %d fans got something: %v", len(got), len(fans), refused)
	}
	late, refused := s.second.rush(fans, 0, func(int) int { return 1 })
	// Those who hold one may have one more, those who hold two none.
	if len(late) != 12 || len(refused) != 12 {
		t.Fatalf("%d were granted, %d refused", len(late), len(refused))
	}
	for _, err := range refused {
		code(t, err, "limit_reached")
	}
	s.withinLimits()
}

// One fan, many tabs, two sales, two replicas: whoever comes first, never more than the limit.
func TestTabsOfOneFanOverTwoSales(t *testing.T) {
	t.Parallel()
	const limit = 4
	s := released(t, limit, limit, func(n *sale.NewSale) { n.Tiers[0].Capacity = 100 })
	fans := s.fans(3)
	var wg sync.WaitGroup
	for i := range dbtest.Size(30, 300) {
		for _, fan := range fans {
			h := s.sales()[i%2]
			by := s.claims[i/2%2]
			wg.Go(func() {
				c, err := by.Hold(t.Context(), h.event, fan, claim.Request{TierID: h.tier(0), Quantity: 1 + i%3})
				switch fault.Code(err) {
				case "limit_reached", "claim_open", "not_admitted", "admission_expired":
					return
				case "":
				default:
					t.Error(err)
				}
				if err == nil && i%5 != 0 {
					err = h.buy(c)
				} else if err == nil {
					err = h.free(c)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	for _, fan := range fans {
		if n := s.has(fan); n < 1 || n > limit {
			t.Errorf("a fan has %d of at most %d", n, limit)
		}
	}
	for _, h := range s.sales() {
		h.whole()
	}
	s.withinLimits()
}

// Whatever happens in two sales of a show, in any order: nobody is granted more than the limit of the sale they claim in,
// and nobody is refused below it.
func TestRandomClaimsInTwoSalesStayWithinTheLimit(t *testing.T) {
	t.Parallel()
	evenings := dbtest.Size(25, 1000)
	// Two fans of each evening, who all stay inside.
	s := released(t, 4, 3, func(n *sale.NewSale) { n.Tiers[0].Capacity, n.Terms.MaxInside = 10*evenings, 2*evenings })
	rapid.Check(t, func(rt *rapid.T) {
		if evenings--; evenings < 0 {
			return
		}
		fans := s.fans(2)
		var claims []claim.Claim
		rt.Repeat(map[string]func(*rapid.T){
			"claim": func(rt *rapid.T) {
				fan := fans[rapid.IntRange(0, 1).Draw(rt, "fan")]
				h := s.sales()[rapid.IntRange(0, 1).Draw(rt, "sale")]
				n := rapid.IntRange(1, 4).Draw(rt, "quantity")
				had, limit := s.has(fan), h.event.Terms.MaxTicketsPerFan
				c, err := s.claims[rapid.IntRange(0, 1).Draw(rt, "replica")].Hold(t.Context(), h.event, fan, claim.Request{TierID: h.tier(0), Quantity: n})
				switch code := fault.Code(err); {
				case err == nil && had+n > limit:
					rt.Fatalf("%d more for a fan with %d of %d", n, had, limit)
				case err == nil:
					claims = append(claims, c)
				case code == "limit_reached" && had+n <= limit:
					rt.Fatalf("%d refused to a fan with %d of %d", n, had, limit)
				case code != "limit_reached" && code != "claim_open" && code != "admission_expired" && code != "not_admitted":
					rt.Fatal(err)
				}
			},
			"buy": func(rt *rapid.T) {
				if c, ok := some(rt, claims); ok {
					if err := s.first.buy(c); err != nil && fault.Code(err) != "claim_expired" {
						rt.Fatal(err)
					}
				}
			},
			"release": func(rt *rapid.T) {
				if c, ok := some(rt, claims); ok {
					if err := s.first.free(c); err != nil {
						rt.Fatal(err)
					}
				}
			},
			"pass": func(rt *rapid.T) {
				if c, ok := some(rt, claims); ok {
					s.first.sql(`UPDATE claims SET expires_at = now() - interval '1 second' WHERE id = $1 AND status = 'held'`, c.ID)
					s.first.sql(`UPDATE units SET held_until = now() - interval '1 second' WHERE claim_id = $1 AND state = 'held'`, c.ID)
				}
			},
			// A payment whose success comes after the hold has ended.
			"late": func(rt *rapid.T) {
				if c, ok := some(rt, claims); ok {
					err := db.InTx(t.Context(), s.first.pool, func(tx pgx.Tx) error {
						l, err := claim.LockTx(t.Context(), tx, c.ID)
						if err == nil {
							_, err = l.ConfirmTx(t.Context(), tx)
						}
						return err
					})
					if err != nil && !errors.Is(err, claim.ErrLimit) && !errors.Is(err, claim.ErrPaid) {
						rt.Fatal(err)
					}
				}
			},
			"refund": func(rt *rapid.T) {
				if c, ok := some(rt, claims); ok {
					s.first.sql(`WITH back AS (UPDATE units SET state = 'free', claim_id = NULL WHERE claim_id = $1 AND state = 'sold' RETURNING 1)
						UPDATE claims SET status = 'refunded', ended_at = now() WHERE id = $1 AND status = 'paid'`, c.ID)
				}
			},
			"": func(rt *rapid.T) {
				for _, fan := range fans {
					if n := s.has(fan); n > 4 {
						rt.Fatalf("a fan has %d units, the limits are 4 and 3", n)
					}
				}
			},
		})
	})
	s.withinLimits()
}

func some(rt *rapid.T, claims []claim.Claim) (claim.Claim, bool) {
	if len(claims) == 0 {
		return claim.Claim{}, false
	}
	return claims[rapid.IntRange(0, len(claims)-1).Draw(rt, "claim")], true
}

// A seat is sold in one sale of a show: the first gives it up for good, and of two releases one gets it.
func TestASeatIsSoldInOneSale(t *testing.T) {
	t.Parallel()
	s := &show{first: open(t, seated)}
	h := s.first
	given := h.ids("A3", "A4", "C10")
	if err := h.claims.Block(t.Context(), h.event, uuid.New(), claim.Which{Seats: given[:2]}); err != nil {
		t.Fatal(err)
	}
	// Only what is blocked can be given, and everything wrong is said at once.
	_, err := h.sales.Release(t.Context(), h.event.ID(), uuid.New(), sale.NewRelease{Terms: h.event.Terms, Seats: append(h.ids("A1"), given[0], given[0], uuid.New())})
	wrongSeats(t, err, "seats[0]", "seats[2]", "seats[3]")

	r := s.release(4, sale.NewRelease{Seats: given})
	if got := r.row("A"); got != "bbffbbbbbb" {
		t.Errorf("row A of the release is %s", got)
	}
	if got := r.row("C"); got != "bbbbbbbbbf" {
		t.Errorf("row C of the release is %s", got)
	}
	if n := len(r.event.Tiers); n != 1 || r.event.Tiers[0].Name != "Stalls" || r.event.Tiers[0].Capacity != 3 || r.event.Tiers[0].Available != 3 || r.event.Tiers[0].Price != 500_000 {
		t.Errorf("the tiers of the release: %+v", r.event.Tiers)
	}
	if got := h.row("A"); got != "ffbbffffff" {
		t.Errorf("row A of the first sale is %s", got)
	}
	// The first cannot have them back: it is told so, and a bug could not do it either.
	code(t, h.claims.Unblock(t.Context(), h.event, uuid.New(), claim.Which{Seats: given}), "seats_taken")
	for _, id := range given {
		if _, err := h.pool.Exec(t.Context(), `UPDATE units SET state = 'free' WHERE id = $1`, id); err == nil {
			t.Fatal("a seat is for sale twice")
		}
	}
	if _, err := h.pool.Exec(t.Context(), `INSERT INTO units (id, event_id, tier_id, slot) SELECT id, event_id, tier_id, 999 FROM seats WHERE event_id = $1 AND elsewhere LIMIT 1`, r.event.ID()); err == nil {
		t.Fatal("a seat that is only drawn got a unit")
	}
	_, err = h.sales.Release(t.Context(), h.event.ID(), uuid.New(), sale.NewRelease{Terms: h.event.Terms, Seats: given})
	wrongSeats(t, err, "seats[0]", "seats[1]", "seats[2]")

	// The release sells them, to fans of its own line, and can give one to a third sale.
	fan := uuid.New()
	h.sql(`INSERT INTO accounts (id, email) VALUES ($1::uuid, $1::uuid || '@example.com')`, fan)
	s.join(r, []uuid.UUID{fan})
	own := r.ids("A3", "A4")
	c, err := r.claims.Hold(t.Context(), r.event, fan, claim.Request{Seats: own})
	if err != nil || c.Lines[0].Seat == nil || c.Lines[0].Seat.Row != "A" {
		t.Fatal(c, err)
	}
	if err := r.claims.Block(t.Context(), r.event, uuid.New(), claim.Which{Seats: r.ids("C10")}); err != nil {
		t.Fatal(err)
	}
	third := s.release(4, sale.NewRelease{Seats: r.ids("C10"), Tiers: []sale.NewTier{{Name: "Stalls", Price: 900_000}, {Name: "Floor", Price: 1, Capacity: 5}}})
	if got := third.row("C"); got != "bbbbbbbbbf" {
		t.Errorf("row C of the third sale is %s", got)
	}
	if got := third.row("A"); got != "bbbbbbbbbb" {
		t.Errorf("row A of the third sale is %s", got)
	}
	if p := third.event.Tiers[0].Price; p != 900_000 {
		t.Errorf("the price is %v", p)
	}
	code(t, r.claims.Unblock(t.Context(), r.event, uuid.New(), claim.Which{Seats: r.ids("C10")}), "seats_taken")
	if n := h.count(`SELECT count(*) FROM (SELECT s.number FROM seats s JOIN units u ON u.id = s.id JOIN events e ON e.id = s.event_id
		WHERE e.show_id = $1 AND u.state <> 'blocked' GROUP BY s.number HAVING count(*) > 1) twice`, h.event.ID()); n != 0 {
		t.Errorf("%d seats are for sale twice", n)
	}
}

func wrongSeats(t *testing.T, err error, paths ...string) {
	t.Helper()
	code(t, err, "invalid_request")
	var got []string
	for _, f := range fault.From(err).Fields {
		got = append(got, f.Path)
	}
	if !slices.Equal(got, paths) {
		t.Fatalf("wrong are %v, want %v: %v", got, paths, err)
	}
}

// Two organizers release the same seats while a third unblocks them: each seat ends in one sale.
func TestReleasesRaceForSeats(t *testing.T) {
	t.Parallel()
	rounds(t, dbtest.Size(5, 100), func(t *testing.T, _ int) {
		h := open(t, seated)
		seats := h.ids("B1", "B2", "B3", "B4")
		if err := h.claims.Block(t.Context(), h.event, uuid.New(), claim.Which{Seats: seats}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		won := make([]bool, 3)
		for i := range 2 {
			wg.Go(func() {
				_, err := h.sales.Release(t.Context(), h.event.ID(), uuid.New(), sale.NewRelease{Terms: h.event.Terms, Seats: seats})
				if won[i] = err == nil; err != nil && fault.Code(err) != "invalid_request" {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			err := h.claims.Unblock(t.Context(), h.event, uuid.New(), claim.Which{Seats: seats})
			if won[2] = err == nil; err != nil && fault.Code(err) != "seats_taken" {
				t.Error(err)
			}
		})
		wg.Wait()
		if won[0] && won[1] || !won[0] && !won[1] && !won[2] || (won[0] || won[1]) && won[2] {
			t.Fatalf("releases and unblocking: %v", won)
		}
	})
}
