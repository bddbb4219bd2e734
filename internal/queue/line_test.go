package queue_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/internal/shuffle"
)

// errNobody keeps a leader from calling anybody.
var errNobody = errors.New("nobody is called now")

// evening is a line in which anything may happen in any order.
type evening struct {
	*line
	t      *rapid.T
	clock  *hands
	fans   []uuid.UUID
	away   map[uuid.UUID]bool
	claims []claim.Claim
	terms  sale.Terms
	paused bool
}

// TestAnyEvening drives a line by random acts of fans, organizer, replicas and clock; after every step of the drip all
// that must hold holds, and in the end everybody who waited was called.
func TestAnyEvening(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	most, tried, failing := dbtest.Size(6, 60), 0, false
	rapid.Check(t, func(r *rapid.T) {
		// Each check is an evening with a database: fewer of them, unless one is being made smaller.
		if !failing {
			if tried++; tried > most {
				return
			}
		}
		defer func() { failing = failing || r.Failed() }()
		e := newEvening(t, r, pool)
		for range rapid.IntRange(10, 40).Draw(r, "acts") {
			e.act(rapid.SampledFrom([]string{
				"join", "join", "leave", "return", "away", "away", "poll", "poll", "enter", "enter", "hold", "hold", "pay", "end", "expire",
				"time", "time", "pause", "rate", "room", "step", "step", "step", "step", "step",
			}).Draw(r, "act"))
		}
		e.clear()
	})
	if tried < most {
		t.Errorf("%d evenings, want %d", tried, most)
	}
}

func newEvening(t *testing.T, r *rapid.T, pool db.Conn) *evening {
	draw := rapid.Bool().Draw(r, "draw")
	e := &evening{t: r, away: map[uuid.UUID]bool{}}
	e.line, e.clock = watchedLine(t, pool, func(n *sale.NewSale) {
		n.Terms.MaxInside = rapid.IntRange(1, 6).Draw(r, "max_inside")
		n.Terms.AdmitPerMinute = rapid.SampledFrom([]int{1, 60, 600, 6_000}).Draw(r, "rate")
		n.Tiers[0].Capacity = rapid.IntRange(1, 30).Draw(r, "capacity")
		if draw {
			lobby := time.Now().Add(-time.Minute)
			n.Terms.Ordering, n.Terms.LobbyOpensAt, n.Terms.OpensAt = sale.Draw, &lobby, time.Now().Add(time.Hour)
		}
		e.terms = n.Terms
	})
	if draw {
		e.fans = e.crowd(rapid.IntRange(0, 20).Draw(r, "lobby"))
		if _, err := e.queue.Open(t.Context(), e.event, e.by); err != nil {
			r.Fatal(err)
		}
	}
	// The replica has led for a window: absence counts.
	for range window/4 + 1 {
		e.clock.add(4 * time.Second)
		if err := e.queue.Drip(t.Context(), func(context.Context, pgx.Tx) error { return errNobody }); err != nil && !errors.Is(err, errNobody) {
			r.Fatal(err)
		}
	}
	return e
}

func (e *evening) someone() (uuid.UUID, bool) {
	if len(e.fans) == 0 {
		return uuid.Nil, false
	}
	return e.fans[rapid.IntRange(0, len(e.fans)-1).Draw(e.t, "fan")], true
}

// refused fails unless an error is a refusal to a fan.
func (e *evening) refused(err error, codes ...string) {
	if err != nil && !slices.Contains(codes, fault.Code(err)) {
		e.t.Fatalf("%v, want one of %v", err, codes)
	}
}

func (e *evening) act(what string) {
	ctx := e.line.t.Context()
	switch what {
	case "join":
		e.fans = append(e.fans, e.crowd(rapid.IntRange(1, 6).Draw(e.t, "fans"))...)
		return
	case "pause":
		move := e.sales.Pause
		if e.paused {
			move = e.sales.Resume
		}
		if _, err := move(ctx, e.event, e.by); err != nil {
			e.t.Fatal(err)
		}
		e.paused = !e.paused
		return
	case "rate":
		e.terms.AdmitPerMinute = rapid.SampledFrom([]int{1, 60, 600, 6_000}).Draw(e.t, "rate")
		e.change(sale.Patch{AdmitPerMinute: &e.terms.AdmitPerMinute})
		return
	case "room":
		e.terms.MaxInside = rapid.IntRange(1, 8).Draw(e.t, "max_inside")
		e.change(sale.Patch{MaxInside: &e.terms.MaxInside})
		return
	case "step":
		e.checkedStep()
		return
	}
	fan, ok := e.someone()
	if !ok {
		return
	}
	if what != "away" && what != "time" && what != "end" && what != "expire" {
		delete(e.away, fan) // whoever acts is there
	}
	snap := e.snap()
	switch what {
	case "away": // many at once: a train goes into a tunnel
		for i := rapid.IntRange(0, 2).Draw(e.t, "from"); i < len(e.fans); i += rapid.IntRange(1, 3).Draw(e.t, "next") {
			e.away[e.fans[i]] = true
		}
	case "leave":
		e.refused(e.queue.Leave(ctx, snap, fan), "claim_open")
	case "return":
		_, _, err := e.queue.Join(ctx, snap, fan)
		e.refused(err)
	case "poll":
		_, err := e.queue.Status(ctx, snap, fan)
		e.refused(err)
	case "enter":
		_, err := e.queue.Enter(ctx, snap, fan)
		e.refused(err, "not_admitted", "admission_expired")
	case "hold":
		c, err := e.line.claims.Hold(ctx, snap, fan, claim.Request{TierID: snap.Tiers[0].ID, Quantity: rapid.IntRange(1, 4).Draw(e.t, "units")})
		e.refused(err, "not_admitted", "admission_expired", "claim_open", "sold_out", "not_enough_left", "limit_reached")
		if err == nil {
			e.claims = append(e.claims, c)
		}
	case "pay", "end", "expire":
		if len(e.claims) > 0 {
			i := rapid.IntRange(0, len(e.claims)-1).Draw(e.t, "claim")
			e.settle(e.claims[i], what)
			e.claims = slices.Delete(e.claims, i, i+1)
		}
	case "time":
		e.endTurn(fan, time.Duration(rapid.IntRange(1, 900).Draw(e.t, "seconds"))*time.Second)
	}
}

func (e *evening) change(p sale.Patch) {
	if _, err := e.sales.Change(e.line.t.Context(), e.event, e.by, p); err != nil {
		e.t.Fatal(err)
	}
}

// settle ends a claim that is still held, in one of three ways.
func (e *evening) settle(c claim.Claim, how string) {
	if e.int(`SELECT count(*) FROM claims WHERE id = $1 AND status = 'held'`, c.ID) == 0 {
		return
	}
	switch how {
	case "expire":
		e.expire(c)
	default:
		// Tickets are no subject here: what was held goes back.
		e.end(c, claim.Released)
	}
}

// place is what the rows say of one fan.
type place struct {
	account                    uuid.UUID
	arrival                    int64
	status                     string
	again, absent              bool
	step                       int64
	number                     int64
	turnRuns, visitRuns, claim bool
}

func (e *evening) places() map[uuid.UUID]place {
	rows, err := e.db.Query(e.line.t.Context(), `SELECT p.account_id, p.arrival, p.status, p.again IS NOT NULL, p.absent, COALESCE(p.called_step, 0),
		COALESCE(p.turn_ends_at > COALESCE(s.paused_at, now()) - s.paused_total, false), COALESCE(p.visit_ends_at > COALESCE(s.paused_at, now()) - s.paused_total, false),
		EXISTS (SELECT 1 FROM claims c WHERE c.spot_id = p.id AND (c.status = 'paying' OR c.status = 'held' AND c.expires_at > now()))
		FROM spots p JOIN sales s ON s.event_id = p.event_id WHERE p.event_id = $1`, e.event)
	if err != nil {
		e.t.Fatal(err)
	}
	defer rows.Close()
	numbers := e.numbers()
	all := map[uuid.UUID]place{}
	for rows.Next() {
		var p place
		if err := rows.Scan(&p.account, &p.arrival, &p.status, &p.again, &p.absent, &p.step, &p.turnRuns, &p.visitRuns, &p.claim); err != nil {
			e.t.Fatal(err)
		}
		p.number = numbers(p.arrival)
		all[p.account] = p
	}
	if err := rows.Err(); err != nil {
		e.t.Fatal(err)
	}
	return all
}

// numbers is the order by its published facts alone.
func (e *evening) numbers() func(int64) int64 {
	snap := e.snap()
	if snap.Draw == nil {
		return func(a int64) int64 { return a }
	}
	return func(a int64) int64 {
		if a > *snap.LobbySize {
			return a
		}
		return 1 + int64(shuffle.Index(uint64(a-1), uint64(*snap.LobbySize), *snap.Draw.Seed)) //nolint:gosec // small
	}
}

func (p place) inRoom() bool {
	return p.status == "called" && !p.absent && p.turnRuns || p.status == "inside" && (p.visitRuns || p.claim)
}

// tell writes what the replicas would know of the absent.
func (e *evening) tell(before map[uuid.UUID]place) {
	bits := make([]byte, len(e.fans)/8+1)
	for fan := range e.away {
		if p, ok := before[fan]; ok {
			bits[(p.number-1)/8] |= 0x80 >> ((p.number - 1) % 8)
		}
	}
	e.exec(`INSERT INTO presence (event_id, replica, low, absent) VALUES ($1, $1, 1, $2)
		ON CONFLICT (event_id, replica) DO UPDATE SET absent = EXCLUDED.absent, at = clock_timestamp()`, e.event, bits)
}

// checkedStep is a step of the drip, after a while, and everything that must hold after it.
func (e *evening) checkedStep() {
	e.exec(`UPDATE queue_heads SET credit_at = credit_at - make_interval(secs => $2) WHERE event_id = $1`, e.event, rapid.SampledFrom([]int{0, 1, 5, 100}).Draw(e.t, "seconds"))
	before := e.places()
	was, stepWas := e.serving(), e.int(`SELECT step FROM queue_heads WHERE event_id = $1`, e.event)
	e.tell(before)
	e.clock.add(time.Second)
	if err := e.queue.Drip(e.line.t.Context(), nil); err != nil {
		e.t.Fatal(err)
	}
	after, now := e.places(), e.serving()
	room, inRoom, called, absent := 0, 0, 0, 0
	for fan, p := range after {
		old := before[fan]
		if old.inRoom() {
			room++
		}
		if p.inRoom() {
			inRoom++
		}
		if p.number <= now && p.status == "joined" && !p.again {
			e.t.Fatalf("number %d was lost: serving %d", p.number, now)
		}
		if p.step <= stepWas || p.step == old.step {
			continue
		}
		switch {
		case e.paused:
			e.t.Fatalf("number %d was called in a pause", p.number)
		case old.status != "joined":
			e.t.Fatalf("number %d was called and had been %s", p.number, old.status)
		case p.absent:
			absent++
			if !e.away[fan] || old.again {
				e.t.Fatalf("number %d was called as absent and is there", p.number)
			}
		default:
			called++
			if e.away[fan] && !old.again {
				e.t.Fatalf("number %d takes up room and is away", p.number)
			}
		}
	}
	if most := max(room, e.terms.MaxInside); inRoom > most {
		e.t.Fatalf("%d take up the room, there is place for %d", inRoom, most)
	}
	bucket := max(1, float64(e.terms.AdmitPerMinute)/30)
	if float64(called) > bucket {
		e.t.Fatalf("%d were called at %d a minute", called, e.terms.AdmitPerMinute)
	}
	if absent > 0 && (absent > max(10, 4*max(called, e.terms.MaxInside)) || room >= e.terms.MaxInside) {
		e.t.Fatalf("%d were called while absent, with %d of %d places taken", absent, room, e.terms.MaxInside)
	}
	if now < was {
		e.t.Fatalf("serving went back from %d to %d", was, now)
	}
	// A step that calls nobody writes nothing, also no smaller purse.
	if n := e.int(`SELECT count(*) FROM queue_heads WHERE event_id = $1 AND step > $2 AND (credit < 0 OR credit > $3)`, e.event, stepWas, bucket+1e-6); n != 0 {
		e.t.Fatal("the credit is out of its bounds")
	}
	e.sound()
}

// sound asks the audit.
func (e *evening) sound() {
	if broken := e.broken(); len(broken) > 0 {
		e.t.Fatal(broken)
	}
}

// clear lets time pass until nobody waits: whoever waited has been called.
func (e *evening) clear() {
	if e.paused {
		e.act("pause")
	}
	clear(e.away)
	e.terms.AdmitPerMinute = 6_000
	e.change(sale.Patch{AdmitPerMinute: &e.terms.AdmitPerMinute})
	waiting := func() int64 {
		return e.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND status = 'joined'`, e.event)
	}
	for steps := 0; waiting() > 0; steps++ {
		if steps > 10+len(e.fans) {
			e.t.Fatalf("%d still wait after %d steps", waiting(), steps)
		}
		for _, c := range e.claims {
			e.settle(c, "end")
		}
		e.exec(`UPDATE spots SET turn_ends_at = turn_ends_at - interval '2 hours', visit_ends_at = visit_ends_at - interval '2 hours' WHERE event_id = $1`, e.event)
		e.checkedStep()
	}
	if n := e.int(`SELECT count(*) FROM spots WHERE event_id = $1`, e.event); n != int64(len(e.fans)) {
		e.t.Fatalf("%d have a spot, %d joined", n, len(e.fans))
	}
}
