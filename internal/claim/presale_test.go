package claim_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// fresh reads the event again, as a replica that is up to date.
func (h *hall) fresh() *sale.Snapshot {
	h.Helper()
	var err error
	if h.event, err = h.sales.Fresh(h.Context(), h.event.ID()); err != nil {
		h.Fatal(err)
	}
	return h.event
}

func (h *hall) presale(n claim.NewPresale) (claim.Presale, []string) {
	h.Helper()
	n.Name = "Fan club"
	if n.PublicAt.IsZero() {
		n.PublicAt = time.Now().Add(time.Hour)
	}
	if n.Generate == 0 && n.Codes == nil {
		n.Generate = 1
	}
	p, codes, err := h.claims.CreatePresale(h.Context(), h.fresh(), uuid.New(), n)
	if err != nil {
		h.Fatal(err)
	}
	h.fresh()
	return p, codes
}

func (h *hall) unlock(fan uuid.UUID, code string) claim.Presale {
	h.Helper()
	p, err := h.claims.Unlock(h.Context(), h.event, fan, code)
	if err != nil {
		h.Fatal(err)
	}
	return p
}

func TestATierIsSoldAtTimesOfItsOwn(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) *time.Time { at := time.Now().Add(d).UTC().Truncate(time.Microsecond); return &at }
	opens := in(time.Hour)
	h := open(t, func(n *sale.NewSale) {
		n.Tiers[0].OpensAt, n.Tiers[1].ClosesAt = opens, in(-time.Minute)
	})
	fan := h.fans(1)[0]
	_, err := h.hold(fan, 0, 1)
	code(t, err, "tier_not_on_sale")
	if at, _ := fault.From(err).Extra["opens_at"].(time.Time); !at.Equal(*opens) {
		t.Errorf("opens_at is %v, want %v", fault.From(err).Extra["opens_at"], opens)
	}
	_, err = h.hold(fan, 1, 1)
	code(t, err, "tier_not_on_sale")
	if at, said := fault.From(err).Extra["opens_at"]; !said || at != nil {
		t.Errorf("a tier that has closed opens at %v", at)
	}
	if s := h.fresh(); s.Available() != 0 || s.Later() != 13 || s.State != sale.Open {
		t.Errorf("%s: %d for everybody, %d later", s.State, s.Available(), s.Later())
	}
	// By the clock of the database, without anybody doing anything.
	h.sql(`UPDATE tiers SET opens_at = now() - interval '1 second' WHERE id = $1`, h.tier(0))
	h.mustHold(fan, 0, 1)
	if s := h.fresh(); s.Available() != 9 || s.Later() != 3 {
		t.Errorf("%d for everybody, %d later", s.Available(), s.Later())
	}
}

func TestSeatsOfATierThatIsNotOnSale(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(time.Hour)
	h := open(t, func(n *sale.NewSale) { seated(n); n.Tiers[0].OpensAt = &at })
	fan := h.fans(1)[0]
	if a := h.row("A"); a != "bbbbbbbbbb" {
		t.Errorf("they are offered: %s", a)
	}
	_, err := h.take(fan, "A1", "A2")
	code(t, err, "tier_not_on_sale")
	_, err = h.best(fan, 2)
	code(t, err, "tier_not_on_sale")
	h.mustHold(fan, 1, 1) // the floor is open
}

func TestAPresaleKeepsATier(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	f := h.fans(3)
	p, codes := h.presale(claim.NewPresale{TierID: h.tier(0), Codes: []string{"Flytime 2030"}})
	if len(codes) != 1 || codes[0] != "Flytime 2030" || h.event.Tiers[0].Available != 0 || h.event.Tiers[0].Later != 10 || !h.event.Presale || h.event.Tiers[0].PublicAt == nil {
		t.Errorf("%v, %+v", codes, h.event.Tiers[0])
	}
	_, err := h.hold(f[0], 0, 1)
	code(t, err, "presale_only")
	h.mustHold(f[2], 1, 1) // another tier is nobody's
	for _, wrong := range []string{"flytime", "FLYTIME-2031", "", "'; --", "flytime2030flytime2030flytime2030flytime2030"} {
		_, err := h.claims.Unlock(t.Context(), h.event, f[0], wrong)
		code(t, err, "invalid_code")
	}
	// However it is written, and however often.
	for _, same := range []string{"flytime-2030", " FLYTIME2030 "} {
		if got := h.unlock(f[0], same); got.ID != p.ID {
			t.Errorf("unlocked %+v", got)
		}
	}
	if tiers, err := h.claims.TiersFor(t.Context(), h.event, f[0]); err != nil || tiers[0].Available != 10 || tiers[0].PublicAt != nil {
		t.Errorf("for a fan with the code: %+v %v", tiers, err)
	}
	if tiers, err := h.claims.TiersFor(t.Context(), h.event, f[1]); err != nil || tiers[0].Available != 0 {
		t.Errorf("for others: %+v %v", tiers, err)
	}
	h.mustHold(f[0], 0, 2)
	_, err = h.claims.Unlock(t.Context(), h.event, f[1], "FLYTIME2030")
	code(t, err, "code_used")
	if n := h.count(`SELECT count(*) FROM presale_codes WHERE position('FLYTIME' IN upper(encode(mac, 'escape'))) > 0`); n != 0 {
		t.Error("a code can be read")
	}
	if err := h.claims.EndPresale(t.Context(), h.event, uuid.New(), p.ID); err != nil {
		t.Fatal(err)
	}
	h.mustHold(f[1], 0, 1)
	if all, err := h.claims.Presales(t.Context(), h.event.ID()); err != nil || len(all) != 1 || all[0].Running() || all[0].Codes != 1 || all[0].Unlocked != 1 {
		t.Errorf("%+v %v", all, err)
	}
	code(t, h.claims.EndPresale(t.Context(), h.event, uuid.New(), uuid.New()), "presale_not_found")
	h.whole()
}

func TestAPresaleEndsByTheClock(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	p, codes := h.presale(claim.NewPresale{TierID: h.tier(0)})
	h.sql(`UPDATE presales SET public_at = now() WHERE id = $1`, p.ID)
	h.mustHold(h.fans(1)[0], 0, 1)
	if got := h.unlock(h.fans(1)[0], codes[0]); got.Running() || got.Unlocked != 0 {
		t.Errorf("a code was used up for what is public: %+v", got)
	}
	// And may be followed by another one.
	h.presale(claim.NewPresale{TierID: h.tier(0)})
	_, err := h.hold(h.fans(1)[0], 0, 1)
	code(t, err, "presale_only")
}

func TestAPresaleKeepsABlockOfSeats(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	f := h.fans(5)
	first := h.row("A")
	block := h.ids("A4", "A5", "A6", "A7", "B1", "B2")
	_, codes := h.presale(claim.NewPresale{Seats: block})
	if a, b := h.row("A"), h.row("B"); a != "fffbbbbfff" || b != "bbffffffff" {
		t.Errorf("%s %s, before %s", a, b, first)
	}
	if s := h.event.Tiers[0]; s.Available != 23 || s.Later != 6 {
		t.Errorf("%+v", s)
	}
	_, err := h.take(f[0], "A3", "A4")
	code(t, err, "presale_only")
	if kept, _ := fault.From(err).Extra["seats"].([]claim.NamedSeat); len(kept) != 1 || kept[0].Label != "A4" {
		t.Errorf("%v", kept)
	}
	// What nobody without a code may have comes before what is wrong with asking.
	h.mustHold(f[4], 1, 1)
	_, err = h.take(f[4], "A3", "A4")
	code(t, err, "presale_only")
	_, err = h.take(f[4], "B9", "B10")
	code(t, err, "claim_open")
	got, err := h.best(f[0], 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range got.Lines {
		if slices.Contains(block, l.UnitID) {
			t.Errorf("the best seats without a code are %s", labels(got))
		}
	}
	// Any seats of the tier are any but those, down to the last.
	h.sql(`UPDATE sales SET max_tickets_per_fan = 50`)
	h.fresh()
	rest := h.mustHold(f[1], 0, 21)
	for _, l := range rest.Lines {
		if slices.Contains(block, l.UnitID) {
			t.Error("a seat of the block was given out")
		}
	}
	h.fresh()
	for _, ask := range []claim.Request{{TierID: h.tier(0), Quantity: 1}, {TierID: h.tier(0), Quantity: 1, Best: true}} {
		_, err = h.claims.Hold(t.Context(), h.event, f[2], ask)
		code(t, err, "sold_out")
		if m := fault.From(err).Message; !strings.Contains(m, "presale code") {
			t.Errorf("what is only kept is told as sold: %s", m)
		}
	}
	// Those with the code see them, and get them.
	h.unlock(f[3], codes[0])
	mine, err := h.claims.SeatsFor(t.Context(), h.event, f[3])
	if err != nil {
		t.Fatal(err)
	}
	free := 0
	for _, state := range mine.States {
		if state == claim.SeatFree {
			free++
		}
	}
	if everybody := h.seats(); free != 6 || mine.Version == everybody.Version {
		t.Errorf("%d seats are free for who has the code", free)
	}
	if c, err := h.best(f[3], 4); err != nil || labels(c) != "A4 A5 A6 A7" {
		t.Errorf("%v %v", c, err)
	}
	h.whole()
}

// A process that has not heard of a presale, or of the times of a tier, decides by the rows all the same.
func TestWhatIsKeptIsDecidedByTheRows(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	stale := h.event
	h.seats() // and has the hall in memory
	block := h.ids("A4", "A5", "A6", "A7", "B4", "B5", "B6", "B7")
	h.presale(claim.NewPresale{Seats: block})
	for _, r := range []claim.Request{
		{TierID: h.tier(0), Quantity: 2, Best: true}, {TierID: h.tier(0), Quantity: 4}, {TierID: h.tier(0), Quantity: 4}, {TierID: h.tier(0), Quantity: 4},
	} {
		c, err := h.claims.Hold(t.Context(), stale, h.fans(1)[0], r)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range c.Lines {
			if slices.Contains(block, l.UnitID) {
				t.Errorf("%+v got %s", r, labels(c))
			}
		}
	}
	_, err := h.claims.Hold(t.Context(), stale, h.fans(1)[0], claim.Request{Seats: h.ids("A4", "A5")})
	code(t, err, "presale_only")
	h.sql(`UPDATE tiers SET opens_at = now() + interval '1 hour' WHERE id = $1`, h.tier(0))
	_, err = h.claims.Hold(t.Context(), stale, h.fans(1)[0], claim.Request{Seats: h.ids("C1", "C2")})
	code(t, err, "tier_not_on_sale")
	_, err = h.claims.Hold(t.Context(), stale, h.fans(1)[0], claim.Request{TierID: h.tier(0), Quantity: 2, Best: true})
	code(t, err, "tier_not_on_sale")
	h.whole()
}

// A success that comes late finds no equal seat in what a presale keeps for others.
func TestALateSuccessLeavesAPresaleAlone(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	f := h.fans(3)
	late, friend := f[0], f[2]
	lose := func(fan uuid.UUID) claim.Claim {
		c, err := h.take(fan, "A5", "A6")
		if err != nil {
			t.Fatal(err)
		}
		h.pass(c.ID)
		return c
	}
	first, second := lose(late), lose(friend)
	if _, err := h.take(f[1], "A5", "A6"); err != nil {
		t.Fatal(err)
	}
	// All others of the tier are kept.
	h.sql(`UPDATE units u SET state = 'blocked' FROM seats s WHERE s.id = u.id AND u.event_id = $1 AND u.state = 'free' AND s.label NOT IN ('B1', 'B2')`, h.event.ID())
	_, codes := h.presale(claim.NewPresale{Seats: h.ids("B1", "B2")})
	confirm := func(c claim.Claim) error {
		return h.tryLocked(c.ID, func(tx pgx.Tx, l *claim.Locked) error {
			_, err := l.ConfirmTx(t.Context(), tx)
			return err
		})
	}
	if err := confirm(first); !errors.Is(err, claim.ErrGone) {
		t.Errorf("without a code: %v", err)
	}
	h.unlock(friend, codes[0])
	if err := confirm(second); err != nil {
		t.Errorf("with a code: %v", err)
	}
	h.sound()
}

func TestASeatIsInOnePresale(t *testing.T) {
	t.Parallel()
	h := open(t, seated)
	h.presale(claim.NewPresale{Seats: h.ids("A1", "A2")})
	n := claim.NewPresale{Name: "Another", PublicAt: time.Now().Add(time.Hour), Generate: 1}
	n.Seats = h.ids("A2", "A3")
	_, _, err := h.claims.CreatePresale(t.Context(), h.event, uuid.New(), n)
	code(t, err, "presale_overlaps")
	if kept, _ := fault.From(err).Extra["seats"].([]claim.NamedSeat); len(kept) != 1 || kept[0].Label != "A2" {
		t.Errorf("%v", kept)
	}
	n.Seats, n.TierID = nil, h.tier(0)
	_, _, err = h.claims.CreatePresale(t.Context(), h.event, uuid.New(), n)
	code(t, err, "presale_overlaps")
	if n := h.count(`SELECT count(*) FROM presales`) + h.count(`SELECT count(*) FROM presale_codes`); n != 2 {
		t.Errorf("%d rows are left of what was refused", n-2)
	}
	for field, n := range map[string]claim.NewPresale{
		"name":          {PublicAt: n.PublicAt, Generate: 1, TierID: h.tier(1)},
		"tier_id":       {Name: "x", PublicAt: n.PublicAt, Generate: 1},
		"public_at":     {Name: "x", PublicAt: time.Now().Add(-time.Minute), Generate: 1, TierID: h.tier(1)},
		"generate":      {Name: "x", PublicAt: n.PublicAt, TierID: h.tier(1)},
		"codes[1]":      {Name: "x", PublicAt: n.PublicAt, TierID: h.tier(1), Codes: []string{"ABCDEF", "abc-def"}},
		"codes[0]":      {Name: "x", PublicAt: n.PublicAt, TierID: h.tier(1), Codes: []string{"ÄÖÜ123"}},
		"seat_ids[0]":   {Name: "x", PublicAt: n.PublicAt, Generate: 1, Seats: []uuid.UUID{uuid.New()}},
		"uses_per_code": {Name: "x", PublicAt: n.PublicAt, Generate: 1, TierID: h.tier(1), UsesPerCode: -1},
	} {
		_, _, err := h.claims.CreatePresale(t.Context(), h.event, uuid.New(), n)
		code(t, err, "invalid_request")
		if fields := fault.From(err).Fields; len(fields) != 1 || fields[0].Path != field {
			t.Errorf("%v, want %s", fields, field)
		}
	}
}

// Many who give a code at once use it up exactly.
func TestTheLastUseOfACode(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	p, codes := h.presale(claim.NewPresale{TierID: h.tier(0), UsesPerCode: 3})
	var mu sync.Mutex
	var wg sync.WaitGroup
	won := 0
	for _, fan := range h.fans(20) {
		for range 2 { // in two tabs
			wg.Go(func() {
				_, err := h.claims.Unlock(t.Context(), h.event, fan, codes[0])
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if fault.Code(err) != "code_used" {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if n := h.count(`SELECT count(*) FROM presale_unlocks WHERE presale_id = $1`, p.ID); n != 3 || won != 6 {
		t.Errorf("%d fans have unlocked it, %d were told so", n, won)
	}
	// The schema says so, too.
	if _, err := h.pool.Exec(t.Context(), `INSERT INTO presale_unlocks (presale_id, account_id, code_id, nth, uses)
		SELECT u.presale_id, $1, u.code_id, 4, u.uses FROM presale_unlocks u LIMIT 1`, h.fans(1)[0]); err == nil {
		t.Error("a fourth use can be written down")
	}
}

func TestMadeCodesCanBeReadAloud(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	_, codes := h.presale(claim.NewPresale{TierID: h.tier(0), Generate: 500})
	seen := map[string]bool{}
	for _, c := range codes {
		if len(c) != 11 || c[5] != '-' || seen[c] {
			t.Fatalf("a code is %q", c)
		}
		seen[c] = true
		for _, r := range c {
			if r == '0' || r == 'O' || r == '1' || r == 'I' {
				t.Fatalf("%q", c)
			}
		}
	}
}
