package claim_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"fairqueue/internal/audit"
	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

const (
	randomFans  = 7
	randomLimit = 4
	hallSeats   = 12
)

// evening is a small sale in which anything may happen: two rows of six seats, and a floor.
type evening struct {
	*hall
	t        *rapid.T
	replicas []*claim.Service
	fans     []uuid.UUID
	seats    []uuid.UUID // row A, then row B
	claims   []claim.Claim
	did      map[string]int
}

// newEvening opens the sale again for others: an event of its own on the same database.
func newEvening(rt *rapid.T, h *hall, replicas []*claim.Service, did map[string]int) *evening {
	terms := sale.DefaultTerms()
	terms.Ordering, terms.OpensAt, terms.ClosesAt = sale.FIFO, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	terms.MaxTicketsPerFan, terms.HoldSeconds = randomLimit, 60
	draft, err := h.sales.Create(h.Context(), h.org, sale.NewSale{
		Event: catalog.NewEvent{Name: "An evening " + uuid.NewString(), Venue: "Hall", Timezone: "Africa/Lagos", StartsAt: time.Now().Add(48 * time.Hour)},
		Terms: terms,
		Tiers: []sale.NewTier{{Name: "Stalls", Price: 500_000}, {Name: "Floor", Price: 100_000}},
		SeatMap: []byte(`{"allow_orphans":true,"focal":{"x":0,"y":0},"sections":[
			{"id":"stalls","name":"Stalls","kind":"seated","tier":"Stalls","rows":[{"name":"A","to":"B","count":6,"x":0,"y":3}]},
			{"id":"floor","name":"Floor","kind":"standing","tier":"Floor","capacity":6}]}`),
	})
	if err != nil {
		rt.Fatal(err)
	}
	one := *h
	e := &evening{hall: &one, t: rt, replicas: replicas, did: did}
	if e.event, err = h.claims.Publish(h.Context(), draft.ID(), uuid.New()); err != nil {
		rt.Fatal(err)
	}
	e.fans = e.hall.fans(randomFans)
	for _, row := range []string{"A", "B"} {
		for n := range hallSeats / 2 {
			e.seats = append(e.seats, e.ids(fmt.Sprintf("%s%d", row, n+1))...)
		}
	}
	return e
}

func (e *evening) replica() *claim.Service {
	return e.replicas[rapid.IntRange(0, len(e.replicas)-1).Draw(e.t, "replica")]
}

func (e *evening) fan() uuid.UUID { return e.fans[rapid.IntRange(0, randomFans-1).Draw(e.t, "fan")] }

// some is one of the claims that were ever made.
func (e *evening) some() claim.Claim {
	if len(e.claims) == 0 {
		e.t.Skip("nothing was claimed yet")
	}
	return e.claims[rapid.IntRange(0, len(e.claims)-1).Draw(e.t, "claim")]
}

// status is where a claim is now, as its fan sees it.
func (e *evening) status(c claim.Claim) claim.Status {
	now, err := e.hall.claims.Get(e.Context(), c.AccountID, c.ID)
	if err != nil {
		e.t.Fatal(err)
	}
	return now.Status
}

// standing is what a fan has, and what is left of the sale.
type standing struct {
	own   int
	open  bool
	free  []bool // by seat
	floor int    // free places on the floor
}

func (e *evening) stands(fan uuid.UUID) (s standing) {
	s.own = e.count(`SELECT count(*) FROM units u JOIN claims c ON c.id = u.claim_id WHERE c.account_id = $1 AND c.event_id = $2
		AND (u.state IN ('sold', 'paying') OR u.state = 'held' AND u.held_until > now())`, fan, e.event.ID())
	s.open = e.count(`SELECT count(*) FROM claims WHERE account_id = $1 AND event_id = $2 AND (status = 'paying' OR status = 'held' AND expires_at > now())`,
		fan, e.event.ID()) > 0
	s.floor = e.units(1)["free"]
	s.free = make([]bool, hallSeats)
	rows, err := e.pool.Query(e.Context(), `SELECT id FROM units WHERE tier_id = $1 AND (state = 'free' OR state = 'held' AND held_until <= now())`, e.tier(0))
	if err != nil {
		e.t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		e.t.Fatal(err)
	}
	for _, id := range ids {
		s.free[slices.Index(e.seats, id)] = true
	}
	return s
}

// together is the longest run of free seats in a row.
func (s standing) together() (most int) {
	run := 0
	for i, free := range s.free {
		if i%(hallSeats/2) == 0 {
			run = 0
		}
		if free {
			run++
		} else {
			run = 0
		}
		most = max(most, run)
	}
	return most
}

// request draws what a fan asks for.
func (e *evening) request() claim.Request {
	if kind := rapid.SampledFrom([]string{"floor", "any", "best", "split", "seats"}).Draw(e.t, "kind"); kind != "seats" {
		r := claim.Request{TierID: e.tier(0), Quantity: rapid.IntRange(1, randomLimit).Draw(e.t, "quantity")}
		switch kind {
		case "floor":
			r.TierID = e.tier(1)
		case "best":
			r.Best = true
		case "split":
			r.Best, r.Split = true, true
		}
		return r
	}
	return claim.Request{Seats: e.someSeats()}
}

// someSeats draws a few seats.
func (e *evening) someSeats() (ids []uuid.UUID) {
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, hallSeats-1), 1, randomLimit, rapid.ID[int]).Draw(e.t, "seats") {
		ids = append(ids, e.seats[i])
	}
	return ids
}

// answer is the code that the rows say a request must get.
func (e *evening) answer(s standing, r claim.Request) string {
	n := max(r.Quantity, len(r.Seats))
	switch {
	case s.own+n > randomLimit:
		return "limit_reached"
	case r.Seats != nil:
		for _, id := range r.Seats {
			if !s.free[slices.Index(e.seats, id)] {
				return "seats_taken"
			}
		}
		return ""
	}
	left, together := s.floor, s.floor
	if r.TierID == e.tier(0) {
		left = 0
		for _, free := range s.free {
			if free {
				left++
			}
		}
		together = left
		if r.Best && !r.Split {
			together = s.together()
		}
	}
	switch {
	case left == 0:
		return "sold_out"
	case together < n:
		return "not_enough_left"
	}
	return ""
}

// got checks that a claim is what was asked for.
func (e *evening) got(c claim.Claim, r claim.Request) {
	if len(c.Lines) != max(r.Quantity, len(r.Seats)) {
		e.t.Fatalf("%d units for %+v", len(c.Lines), r)
	}
	var at []int
	for _, l := range c.Lines {
		if r.Seats != nil && !slices.Contains(r.Seats, l.UnitID) || r.Seats == nil && l.TierID != r.TierID {
			e.t.Fatalf("%+v for %+v", l, r)
		}
		at = append(at, slices.Index(e.seats, l.UnitID))
	}
	slices.Sort(at)
	if r.Best && !r.Split && (at[len(at)-1]-at[0] != len(at)-1 || at[0]/(hallSeats/2) != at[len(at)-1]/(hallSeats/2)) {
		e.t.Fatalf("a party sits at %v", at)
	}
}

func (e *evening) hold(fan uuid.UUID, r claim.Request) {
	before := e.stands(fan)
	want := e.answer(before, r)
	if before.open {
		want = "claim_open"
	}
	c, err := e.replica().Hold(e.Context(), e.event, fan, r)
	if fault.Code(err) != want {
		e.t.Fatalf("asking for %+v: %v, want %q with %+v", r, err, want, before)
	}
	e.did[strings.TrimSpace("hold "+want)]++
	if err == nil {
		e.claims = append(e.claims, c)
		e.got(c, r)
	}
}

// change asks for something else inside a hold: what it holds already does not stand in its way, and it stays the same
// claim until the same moment.
func (e *evening) change(c claim.Claim, r claim.Request) {
	had, err := e.hall.claims.Get(e.Context(), c.AccountID, c.ID)
	if err != nil {
		e.t.Fatal(err)
	}
	before := e.stands(c.AccountID)
	want := "claim_expired"
	switch had.Status {
	case claim.Paying:
		want = "payment_pending"
	case claim.Held:
		before.own -= len(had.Lines)
		for _, l := range had.Lines {
			if i := slices.Index(e.seats, l.UnitID); i >= 0 {
				before.free[i] = true
			} else {
				before.floor++
			}
		}
		want = e.answer(before, r)
	}
	got, err := e.replica().Change(e.Context(), e.event, c.AccountID, c.ID, r)
	if fault.Code(err) != want {
		e.t.Fatalf("changing a claim that is %s to %+v: %v, want %q with %+v", had.Status, r, err, want, before)
	}
	e.did[strings.TrimSpace("change "+want)]++
	if err != nil {
		got, err = e.hall.claims.Get(e.Context(), c.AccountID, c.ID)
		if err != nil || !slices.EqualFunc(got.Lines, had.Lines, func(a, b claim.Line) bool { return a.UnitID == b.UnitID && a.Price == b.Price }) {
			e.t.Fatalf("a change that was refused made %+v of %+v (%v)", got.Lines, had.Lines, err)
		}
		return
	}
	if got.ID != had.ID || !got.ExpiresAt.Equal(had.ExpiresAt) || !got.CapAt.Equal(had.CapAt) {
		e.t.Fatalf("the claim was %+v, and is %+v", had, got)
	}
	e.got(got, r)
}

// stock is an organizer's word about seats, or places on the floor, and what it must lead to.
func (e *evening) stock(what string, do func(*claim.Service, claim.Which) error) {
	var w claim.Which
	want := ""
	if rapid.Bool().Draw(e.t, "floor") {
		w.TierID, w.Count = e.tier(1), rapid.IntRange(1, 3).Draw(e.t, "places")
		if e.units(1)[map[string]string{"block": "free", "unblock": "blocked"}[what]] < w.Count {
			want = "not_enough_left"
		}
	} else {
		w.Seats = e.someSeats()
		if n := e.count(`SELECT count(*) FROM units WHERE id = ANY($1) AND (state IN ('paying', 'sold') OR state = 'held' AND held_until > now())`, w.Seats); what == "block" && n > 0 {
			want = "seats_taken"
		}
	}
	blocked := func() int {
		return e.count(`SELECT count(*) FROM units WHERE event_id = $1 AND state = 'blocked'`, e.event.ID())
	}
	before := blocked()
	err := do(e.replica(), w)
	if fault.Code(err) != want {
		e.t.Fatalf("to %s %+v: %v, want %q", what, w, err, want)
	}
	e.did[strings.TrimSpace(what+" "+want)]++
	after := blocked()
	if err != nil && after != before || w.Count > 0 && err == nil && after-before != map[string]int{"block": w.Count, "unblock": -w.Count}[what] {
		e.t.Fatalf("to %s %+v: %d were blocked, and %d are", what, w, before, after)
	}
	if n := e.count(`SELECT count(*) FROM units WHERE id = ANY($1) AND state = 'blocked'`, w.Seats); err == nil && w.Seats != nil && n != map[string]int{"block": len(w.Seats)}[what] {
		e.t.Fatalf("to %s %d seats: %d are blocked", what, len(w.Seats), n)
	}
}

// locked runs what payment does to a claim, and returns the code or the word of its refusal.
func (e *evening) locked(what string, c claim.Claim, fn func(tx pgx.Tx, l *claim.Locked) error) {
	before := e.status(c)
	err := e.tryLocked(c.ID, fn)
	said := fault.Code(err)
	for word, known := range map[string]error{"paid": claim.ErrPaid, "gone": claim.ErrGone, "limit": claim.ErrLimit} {
		if errors.Is(err, known) {
			said = word
		}
	}
	if err != nil && (said == "" || said == "internal") {
		e.t.Fatalf("%s of a claim that is %s: %v", what, before, err)
	}
	e.did[strings.TrimSpace(what+" "+said)]++
}

// broken are the rules that rows of the event break, in words. Units that were returned belong to nobody any more, though
// their claim is paid.
const broken = `
	SELECT format('tier %s has %s places of %s', t.name, count(u.id), t.capacity) FROM tiers t LEFT JOIN units u ON u.tier_id = t.id
	WHERE t.event_id = $1 GROUP BY t.id HAVING count(u.id) <> t.capacity
	UNION ALL
	SELECT format('account %s has %s units', c.account_id, count(*)) FROM units u JOIN claims c ON c.id = u.claim_id
	WHERE c.event_id = $1 AND (u.state IN ('sold', 'paying') OR u.state = 'held' AND u.held_until > now())
	GROUP BY c.account_id HAVING count(*) > $2
	UNION ALL
	SELECT format('account %s has %s open claims', c.account_id, count(*)) FROM claims c
	WHERE c.event_id = $1 AND (c.status = 'paying' OR c.status = 'held' AND c.expires_at > now()) GROUP BY c.account_id HAVING count(*) > 1
	UNION ALL
	SELECT format('claim %s is %s, and its unit %s is %s by %s', c.id, c.status, u.id, u.state, coalesce(u.claim_id::text, 'nobody'))
	FROM claims c JOIN claim_lines l ON l.claim_id = c.id JOIN units u ON u.id = l.unit_id
	WHERE c.event_id = $1 AND (c.status IN ('paying', 'paid') OR c.status = 'held' AND c.expires_at > now())
	  AND (u.claim_id IS DISTINCT FROM c.id OR u.state <> CASE c.status WHEN 'paid' THEN 'sold' ELSE c.status END)
	  AND NOT EXISTS (SELECT FROM returned r WHERE r.claim_id = c.id AND r.unit_id = u.id)
	UNION ALL
	SELECT format('unit %s is %s by claim %s, which is %s and has no line of it, or ended', u.id, u.state, c.id, c.status)
	FROM units u JOIN claims c ON c.id = u.claim_id
	WHERE u.event_id = $1
	  AND (NOT EXISTS (SELECT FROM claim_lines l WHERE l.claim_id = c.id AND l.unit_id = u.id)
	       OR (u.state IN ('paying', 'sold') OR u.held_until > now()) AND c.status <> CASE u.state WHEN 'sold' THEN 'paid' ELSE u.state END
	       OR u.state = 'held' AND u.held_until IS DISTINCT FROM c.expires_at)
	UNION ALL
	SELECT format('claim %s costs %s, its lines %s', c.id, c.total_kobo, sum(l.price_kobo))
	FROM claims c JOIN claim_lines l ON l.claim_id = c.id WHERE c.event_id = $1 GROUP BY c.id HAVING sum(l.price_kobo) <> c.total_kobo`

// takeBack takes up to so many units of an order back that was paid, into the sale or off it.
func (e *evening) takeBack(what string, most int) {
	var paid []claim.Claim
	for _, c := range e.claims {
		if e.status(c) == claim.Paid {
			paid = append(paid, c)
		}
	}
	if len(paid) == 0 {
		return
	}
	c, off := rapid.SampledFrom(paid).Draw(e.t, "paid"), rapid.Bool().Draw(e.t, "off")
	e.locked(what, c, func(tx pgx.Tx, l *claim.Locked) error {
		rows, err := tx.Query(e.Context(), `SELECT id FROM units WHERE claim_id = $1 AND state = 'sold' ORDER BY slot`, c.ID)
		if err != nil {
			return err
		}
		sold, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		units := sold[:min(most, len(sold))]
		var keepOff []uuid.UUID
		if off {
			keepOff = units
		}
		if err := l.TakeBackTx(e.Context(), tx, units, keepOff); err != nil {
			return err
		}
		if _, err := tx.Exec(e.Context(), `INSERT INTO returned (claim_id, unit_id) SELECT $1, unnest($2::uuid[])`, c.ID, units); err != nil {
			return err
		}
		if len(units) < len(sold) {
			return nil
		}
		return l.RefundedTx(e.Context(), tx)
	})
}

// holds fails the test when a rule is broken.
func (e *evening) holds() {
	rows, err := e.pool.Query(e.Context(), broken, e.event.ID(), randomLimit)
	if err != nil {
		e.t.Fatal(err)
	}
	wrong, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(wrong) > 0 {
		e.t.Fatalf("%v %s", err, strings.Join(wrong, "\n"))
	}
}

// audited lets the independent checker look at the rows and the ledger.
func (e *evening) audited() {
	results, err := audit.Run(e.Context(), e.pool, nil, e.event.ID())
	if err != nil {
		e.t.Fatal(err)
	}
	for _, r := range results {
		if r.Violations > 0 && (r.Name == audit.NeverOversold || r.Name == audit.WithinLimits) {
			e.t.Fatalf("%s: %s", r.Name, strings.Join(r.Detail, "; "))
		}
	}
}
