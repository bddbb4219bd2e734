package claim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
	"fairqueue/internal/live"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// replica is another process's claims of the same event: services of its own on the same database.
func (h *hall) replica() *claim.Service {
	h.Helper()
	ring, err := keys.New("a secret of the tests, long enough")
	if err != nil {
		h.Fatal(err)
	}
	clock := &db.Clock{}
	hub := live.New(live.Config{})
	sales := sale.New(sale.Config{DB: h.pool, Live: hub, Clock: clock})
	line := queue.New(queue.Config{DB: h.pool, Sales: sales, Keys: ring, Clock: clock, Issuer: "http://localhost"})
	claims := claim.New(claim.Config{DB: h.pool, Sales: sales, Queue: line, Clock: clock})
	h.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(claims.Close(ctx), line.Close(ctx)); err != nil {
			h.Error(err)
		}
		hub.Close(ctx)
	})
	return claims
}

// anyOrder lets seats be taken in any pattern.
func anyOrder(n *sale.NewSale) {
	seated(n)
	n.SeatMap = bytes.Replace(n.SeatMap, []byte(`{"focal"`), []byte(`{"allow_orphans":true,"focal"`), 1)
}

const (
	linearSeats = 6
	linearFans  = 8
)

// deed is what a fan asks for.
type deed struct {
	kind  string // take, swap, release, lapse (the time of the hold is over), look
	fan   int
	claim int   // of swap, release and lapse
	seats []int // of take and swap
}

// end is how it went. No claim is 0.
type end struct {
	code  string // "" for success, else the code of the refusal
	claim int    // the claim that was made or seen
	seats []int  // those it has, or those that were refused
}

// world is a set of seats at one moment: which claim has each, and which claim of each fan is open.
type world struct {
	owner [linearSeats]int
	open  [linearFans]int
}

func (w world) free(claim int) world {
	for i, c := range w.owner {
		if c == claim {
			w.owner[i] = 0
		}
	}
	return w
}

func (w world) of(claim int) (seats []int) {
	for i, c := range w.owner {
		if c == claim && c != 0 {
			seats = append(seats, i)
		}
	}
	return seats
}

// seatSet says what one fan after the other, each alone, could see of a set of seats.
var seatSet = porcupine.Model{
	Init: func() any { return world{} },
	Step: func(state, input, output any) (bool, any) {
		w, in, out := state.(world), input.(deed), output.(end)
		mine := w.open[in.fan]
		switch in.kind {
		case "take", "swap":
			if in.kind == "take" && out.code == "claim_open" {
				return mine != 0 && mine == out.claim, w
			}
			if in.kind == "take" && mine != 0 {
				return false, w
			}
			if in.kind == "swap" && (mine == 0 || mine != in.claim) {
				return out.code == "claim_expired", w
			}
			had := func(i int) bool { return w.owner[i] != 0 && w.owner[i] != mine }
			if out.code == "seats_taken" {
				// What is refused was another's, and was asked for.
				for _, i := range out.seats {
					if had(i) && slices.Contains(in.seats, i) {
						return true, w
					}
				}
				return false, w
			}
			if out.code != "" || slices.ContainsFunc(in.seats, had) || !slices.Equal(out.seats, in.seats) {
				return false, w
			}
			if in.kind == "swap" {
				if out.claim != mine {
					return false, w
				}
				w = w.free(mine)
			}
			for _, i := range in.seats {
				w.owner[i] = out.claim
			}
			w.open[in.fan] = out.claim
			return true, w
		case "release", "lapse":
			if mine == in.claim {
				w = w.free(mine)
				w.open[in.fan] = 0
			}
			return out.code == "", w
		default: // look
			return out.code == "" && out.claim == mine && slices.Equal(out.seats, w.of(mine)), w
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %+v", input, output) },
}

// linear reports whether a history could have come from a single set of seats.
func linear(t testing.TB, history []porcupine.Operation) bool {
	t.Helper()
	switch porcupine.CheckOperationsTimeout(seatSet, history, time.Minute) {
	case porcupine.Ok:
		return true
	case porcupine.Illegal:
		return false
	}
	t.Fatal("the history was too long to be checked")
	return false
}

// contest lets fans, each with two tabs at two replicas, do what they like with the same few seats.
type contest struct {
	*hall
	replicas []*claim.Service
	fans     []uuid.UUID
	seats    []uuid.UUID
	start    time.Time

	mu      sync.Mutex
	claims  map[uuid.UUID]int
	ids     []uuid.UUID // by number of the claim, from 1
	last    [linearFans]int
	history []porcupine.Operation
}

func newContest(t testing.TB) *contest {
	t.Helper()
	h := open(t, anyOrder)
	c := &contest{hall: h, replicas: []*claim.Service{h.claims, h.replica()}, fans: h.fans(linearFans), ids: []uuid.UUID{uuid.Nil},
		claims: map[uuid.UUID]int{uuid.Nil: 0}, start: time.Now()}
	for i := range linearSeats {
		c.seats = append(c.seats, h.ids(fmt.Sprintf("B%d", i+1))...)
	}
	return c
}

// number gives a claim its number.
func (c *contest) number(fan int, id uuid.UUID) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, known := c.claims[id]
	if !known {
		n = len(c.ids)
		c.claims[id], c.ids = n, append(c.ids, id)
	}
	if n != 0 {
		c.last[fan] = n
	}
	return n
}

func (c *contest) latest(fan int) (int, uuid.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last[fan], c.ids[c.last[fan]]
}

// places are the seats of a claim, as numbers.
func (c *contest) places(lines []claim.Line) (out []int) {
	for _, l := range lines {
		out = append(out, slices.Index(c.seats, l.UnitID))
	}
	slices.Sort(out)
	return out
}

// tab is one tab of one fan: some deeds, one after the other.
func (c *contest) tab(client int, rnd *rand.Rand, deeds int) error {
	ctx := c.Context()
	for range deeds {
		in := deed{fan: client / 2}
		var id uuid.UUID
		in.claim, id = c.latest(in.fan)
		switch n := rnd.IntN(10); {
		case in.claim == 0 || n < 4:
			in.kind = "take"
		case n < 6:
			in.kind = "swap"
		case n < 8:
			in.kind = "release"
		case n < 9:
			in.kind = "lapse"
		default:
			in.kind = "look"
		}
		var request claim.Request
		if in.kind == "take" || in.kind == "swap" {
			in.seats = rnd.Perm(linearSeats)[:1+rnd.IntN(3)]
			for _, i := range in.seats {
				request.Seats = append(request.Seats, c.seats[i])
			}
			slices.Sort(in.seats)
		}
		s := c.replicas[(client+rnd.IntN(2))%2]
		op := porcupine.Operation{ClientId: client, Input: in, Call: time.Since(c.start).Nanoseconds()}
		var got claim.Claim
		var err error
		switch in.kind {
		case "take":
			got, err = s.Hold(ctx, c.event, c.fans[in.fan], request)
		case "swap":
			got, err = s.Change(ctx, c.event, c.fans[in.fan], id, request)
		case "release":
			err = c.end(ctx, id)
		case "lapse":
			err = c.lapse(ctx, id)
		case "look":
			var mine *claim.Claim
			if mine, err = s.OpenOf(ctx, c.event.ID(), c.fans[in.fan]); mine != nil {
				got = *mine
			}
		}
		op.Return = time.Since(c.start).Nanoseconds()
		out := end{code: fault.Code(err), claim: c.number(in.fan, got.ID), seats: c.places(got.Lines)}
		if f := fault.From(err); err != nil {
			switch out.code {
			case "claim_open":
				holds, _ := f.Extra["claim_id"].(uuid.UUID)
				out.claim = c.number(in.fan, holds)
			case "seats_taken":
				taken, _ := f.Extra["seats"].([]claim.NamedSeat)
				for _, t := range taken {
					out.seats = append(out.seats, slices.Index(c.seats, t.ID))
				}
			case "claim_expired":
			default:
				return fmt.Errorf("%+v: %w", in, err)
			}
		}
		op.Output = out
		c.mu.Lock()
		c.history = append(c.history, op)
		c.mu.Unlock()
	}
	return nil
}

// end releases a claim, as its fan does.
func (c *contest) end(ctx context.Context, id uuid.UUID) error {
	return db.InTx(ctx, c.pool, func(tx pgx.Tx) error {
		l, err := claim.LockTx(ctx, tx, id)
		if err != nil {
			return err
		}
		return l.EndTx(ctx, tx, claim.Released)
	})
}

// lapse puts the end of a hold into the past.
func (c *contest) lapse(ctx context.Context, id uuid.UUID) error {
	return db.InTx(ctx, c.pool, func(tx pgx.Tx) error {
		if _, err := claim.LockTx(ctx, tx, id); err != nil {
			return err
		}
		// An hour ago: before every transaction that is under way.
		if _, err := tx.Exec(ctx, `UPDATE claims SET expires_at = now() - interval '1 hour' WHERE id = $1 AND status = 'held'`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE units SET held_until = now() - interval '1 hour' WHERE claim_id = $1 AND state = 'held'`, id)
		return err
	})
}

// run lets all tabs do so many deeds each, and then each fan look.
func (c *contest) run(seed uint64, deeds int) {
	c.Helper()
	var wg sync.WaitGroup
	for client := range 2 * linearFans {
		rnd := rand.New(rand.NewPCG(seed, uint64(client)))
		wg.Go(func() {
			if err := c.tab(client, rnd, deeds); err != nil {
				c.Error(err)
			}
		})
	}
	wg.Wait()
	for fan := range linearFans {
		op := porcupine.Operation{ClientId: 2 * fan, Input: deed{kind: "look", fan: fan}, Call: time.Since(c.start).Nanoseconds()}
		mine, err := c.replicas[fan%2].OpenOf(c.Context(), c.event.ID(), c.fans[fan])
		if err != nil {
			c.Fatal(err)
		}
		var out end
		if mine != nil {
			out = end{claim: c.number(fan, mine.ID), seats: c.places(mine.Lines)}
		}
		op.Output, op.Return = out, time.Since(c.start).Nanoseconds()
		c.history = append(c.history, op)
	}
}

// kinds counts the deeds of a history by how they ended.
func kinds(history []porcupine.Operation) map[string]int {
	out := map[string]int{}
	for _, op := range history {
		out[strings.TrimSpace(op.Input.(deed).kind+" "+op.Output.(end).code)]++
	}
	return out
}

// Whatever fans do to the same seats at once, at two replicas: there is an order of it, one after the other, in which each
// would have got the same answer.
func TestClaimsOfSeatsAreLinearizable(t *testing.T) {
	t.Parallel()
	total := map[string]int{}
	rounds(t, dbtest.Size(4, 100), func(t *testing.T, round int) {
		c := newContest(t)
		c.run(uint64(dbtest.Seed())+uint64(round), dbtest.Size(8, 12)) //nolint:gosec // a seed
		if t.Failed() {
			return
		}
		if !linear(t, c.history) {
			for _, op := range c.history {
				t.Logf("%2d %9d–%9d %s", op.ClientId, op.Call, op.Return, seatSet.DescribeOperation(op.Input, op.Output))
			}
			t.Fatalf("round %d is not linearizable", round)
		}
		for kind, n := range kinds(c.history) {
			total[kind] += n
		}
		c.whole()
	})
	for _, kind := range []string{"take", "take seats_taken", "take claim_open", "swap", "swap seats_taken", "swap claim_expired", "release", "lapse", "look", "swap", "swap seats_taken", "swap claim_expired"} {
		if total[kind] == 0 {
			t.Errorf("nothing ended as %q: %v", kind, total)
		}
	}
}

// The check above can fail: histories that no set of seats could have given are refused.
func TestABrokenHistoryIsRefused(t *testing.T) {
	t.Parallel()
	// One after the other, but those with the same time at once.
	type did struct {
		at  int64
		in  deed
		out end
	}
	take := func(fan int, seats ...int) deed { return deed{kind: "take", fan: fan, seats: seats} }
	got := func(claim int, seats ...int) end { return end{claim: claim, seats: seats} }
	taken := func(seats ...int) end { return end{code: "seats_taken", seats: seats} }
	for name, c := range map[string]struct {
		history []did
		want    bool
	}{
		"one after the other":     {[]did{{1, take(0, 1, 2), got(1, 1, 2)}, {2, take(1, 2, 3), taken(2)}, {3, deed{kind: "release", claim: 1}, end{}}, {4, take(1, 2, 3), got(2, 2, 3)}}, true},
		"at once, one wins":       {[]did{{1, take(0, 1), got(1, 1)}, {1, take(1, 1), taken(1)}}, true},
		"released at once":        {[]did{{1, take(0, 1), got(1, 1)}, {2, deed{kind: "release", claim: 1}, end{}}, {2, take(1, 1), got(2, 1)}}, true},
		"sold twice":              {[]did{{1, take(0, 1), got(1, 1)}, {1, take(1, 1), got(2, 1)}}, false},
		"sold twice in part":      {[]did{{1, take(0, 1, 2), got(1, 1, 2)}, {2, take(1, 2, 3), got(2, 2, 3)}}, false},
		"refused though free":     {[]did{{1, take(0, 1), got(1, 1)}, {2, take(1, 2), taken(2)}}, false},
		"refused for another":     {[]did{{1, take(0, 1), got(1, 1)}, {2, take(1, 2), taken(1)}}, false},
		"refused after the end":   {[]did{{1, take(0, 1), got(1, 1)}, {2, deed{kind: "release", claim: 1}, end{}}, {3, take(1, 1), taken(1)}}, false},
		"two open claims":         {[]did{{1, take(0, 1), got(1, 1)}, {2, take(0, 2), got(2, 2)}}, false},
		"other seats than asked":  {[]did{{1, take(0, 1), got(1, 2)}}, false},
		"an old look":             {[]did{{1, take(0, 1), got(1, 1)}, {2, deed{kind: "look"}, end{}}}, false},
		"swapped":                 {[]did{{1, take(0, 1), got(1, 1)}, {2, deed{kind: "swap", claim: 1, seats: []int{1, 2}}, got(1, 1, 2)}, {3, take(1, 3), got(2, 3)}}, true},
		"swapped, nothing free":   {[]did{{1, take(0, 1), got(1, 1)}, {2, deed{kind: "swap", claim: 1, seats: []int{2}}, got(1, 2)}, {3, take(1, 1), taken(1)}}, false},
		"swapped onto another's":  {[]did{{1, take(0, 1), got(1, 1)}, {2, take(1, 2), got(2, 2)}, {3, deed{kind: "swap", claim: 1, seats: []int{2}}, got(1, 2)}}, false},
		"swapped after the end":   {[]did{{1, take(0, 1), got(1, 1)}, {2, deed{kind: "lapse", claim: 1}, end{}}, {3, deed{kind: "swap", claim: 1, seats: []int{2}}, got(1, 2)}}, false},
		"half of a swap":          {[]did{{1, take(0, 1), got(1, 1)}, {2, deed{kind: "swap", claim: 1, seats: []int{2, 3}}, got(1, 2, 3)}, {3, deed{kind: "look"}, got(1, 2)}}, false},
		"between, both were free": {[]did{{1, take(0, 1), got(1, 1)}, {2, deed{kind: "swap", claim: 1, seats: []int{2}}, got(1, 2)}, {2, take(1, 1), got(2, 1)}, {2, take(2, 2), got(3, 2)}}, false},
	} {
		var history []porcupine.Operation
		for i, d := range c.history {
			history = append(history, porcupine.Operation{ClientId: i, Input: d.in, Output: d.out, Call: 10 * d.at, Return: 10*d.at + 5})
		}
		if linear(t, history) != c.want {
			t.Errorf("%s: linearizable is not %v", name, c.want)
		}
	}

	// And a true one in which one seat is given to a stranger while somebody has it.
	c := newContest(t)
	held := -1
	for try := uint64(0); held < 0; try++ {
		c.run(try, 2)
		if t.Failed() || try == 20 {
			t.Fatal("nobody has anything at the end")
		}
		held = slices.IndexFunc(c.history[len(c.history)-linearFans:], func(op porcupine.Operation) bool { return len(op.Output.(end).seats) > 0 })
	}
	if !linear(t, c.history) {
		t.Fatal("the history is broken already")
	}
	last := c.history[len(c.history)-linearFans+held]
	now := time.Since(c.start).Nanoseconds()
	stranger := (last.Input.(deed).fan + 1) % linearFans
	seat := last.Output.(end).seats[0]
	broken := append(slices.Clone(c.history),
		porcupine.Operation{ClientId: 99, Input: deed{kind: "release", fan: stranger, claim: c.last[stranger]}, Output: end{}, Call: now, Return: now + 1},
		porcupine.Operation{ClientId: 99, Input: take(stranger, seat), Output: got(999, seat), Call: now + 2, Return: now + 3})
	if linear(t, broken) {
		t.Error("a seat that is another's was given away, and the check found nothing")
	}
}
