package sale_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/live"
	"fairqueue/internal/sale"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func proposal() sale.NewSale {
	now := time.Now().Truncate(time.Second)
	t := sale.DefaultTerms()
	lobby := now.Add(time.Hour)
	t.LobbyOpensAt, t.OpensAt, t.ClosesAt = &lobby, now.Add(2*time.Hour), now.Add(24*time.Hour)
	return sale.NewSale{
		Event: catalog.NewEvent{Name: "  Afro Nation: Lagos!  ", Venue: "Tafawa Balewa Square", Timezone: "Africa/Lagos", StartsAt: now.Add(48 * time.Hour)},
		Terms: t,
		Tiers: []sale.NewTier{{Name: "Regular", Price: 1_500_000, Capacity: 100}, {Name: "VIP", Price: 5_000_000, Capacity: 10}},
	}
}

func organization(t *testing.T, conn db.Conn) uuid.UUID {
	t.Helper()
	id := uuid.New()
	if _, err := conn.Exec(t.Context(), `INSERT INTO organizations (id, name) VALUES ($1, 'Flytime')`, id); err != nil {
		t.Fatal(err)
	}
	return id
}

func create(t *testing.T, s *sale.Service, org uuid.UUID, change func(*sale.NewSale)) *sale.Snapshot {
	t.Helper()
	n := proposal()
	if change != nil {
		change(&n)
	}
	snap, err := s.Create(t.Context(), org, n)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

// publish puts a sale into a state by hand and by the table, with the units that publishing makes.
func publish(t *testing.T, s *sale.Service, conn db.Conn, event uuid.UUID, to sale.State) *sale.Snapshot {
	t.Helper()
	err := db.InTx(t.Context(), conn, func(tx pgx.Tx) error {
		if err := sale.MoveTx(t.Context(), tx, event, uuid.New(), states, to); err != nil {
			return err
		}
		for _, sql := range []string{
			`INSERT INTO queue_heads (event_id) VALUES ($1)`,
			`INSERT INTO units (id, event_id, tier_id, slot) SELECT gen_random_uuid(), event_id, id, n FROM tiers, generate_series(1, capacity) n WHERE event_id = $1`,
		} {
			if _, err := tx.Exec(t.Context(), sql, event); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	snap, err := s.Fresh(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func wantCode(t *testing.T, err error, code string) *fault.Error {
	t.Helper()
	if fault.Code(err) != code {
		t.Fatalf("error %v, want code %s", err, code)
	}
	return fault.From(err)
}

func TestCreateKeepsWhatWasAsked(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	org := organization(t, tx)
	snap := create(t, s, org, nil)
	if snap.Event.Name != "Afro Nation: Lagos!" || snap.Event.Slug != "afro-nation-lagos" || snap.State != sale.Draft || snap.Published() {
		t.Errorf("%q, slug %q, %s", snap.Event.Name, snap.Event.Slug, snap.State)
	}
	if len(snap.Tiers) != 2 || snap.Tiers[1].Name != "VIP" || snap.Tiers[1].Price != 5_000_000 || snap.Tiers[0].Available != 100 {
		t.Errorf("tiers %+v", snap.Tiers)
	}
	if again := create(t, s, org, nil); !strings.HasPrefix(again.Event.Slug, "afro-nation-lagos-") {
		t.Errorf("the second slug is %q", again.Event.Slug)
	}
	n := proposal()
	n.Event.Slug = "afro-nation-lagos"
	_, err := s.Create(t.Context(), org, n)
	wantCode(t, err, "slug_taken")
	for name, slug := range map[string]string{"Àṣà’s Night — Ẹ̀kọ́": "asas-night-eko", "夜": "event-", "123e4567-e89b-12d3-a456-426614174000": "event-"} {
		got := create(t, s, org, func(n *sale.NewSale) { n.Event.Name = name })
		if !strings.HasPrefix(got.Event.Slug, slug) {
			t.Errorf("slug of %q is %q", name, got.Event.Slug)
		}
	}
}

func TestEverythingWrongComesAtOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	_, err := sale.NewSale{
		Event: catalog.NewEvent{Name: " ", Slug: "No Slug", Venue: strings.Repeat("v", 201), Timezone: "Lagos"},
		Terms: sale.Terms{
			Ordering: "lottery", LobbyOpensAt: ptr(now), OpensAt: now, ClosesAt: now, MaxTicketsPerFan: 51, MaxWaiting: ptr(int64(0)),
			AdmitPerMinute: 0, MaxInside: 100_001, TurnSeconds: 29, VisitSeconds: 59, HoldSeconds: 7_201, GraceSeconds: -1,
		},
		Tiers: []sale.NewTier{{Name: "A", Price: -1, Capacity: 0}, {Name: "A", Price: 1_000_000_000_001, Capacity: 200_001}},
	}.Check()
	f := wantCode(t, err, "invalid_request")
	var paths []string
	for _, field := range f.Fields {
		paths = append(paths, field.Path)
	}
	want := []string{
		"name", "slug", "venue", "timezone", "starts_at", "sale.ordering", "sale.closes_at", "sale.lobby_opens_at", "sale.max_tickets_per_fan",
		"sale.max_waiting", "sale.admit_per_minute", "sale.max_inside", "sale.turn_seconds", "sale.visit_seconds", "sale.hold_seconds",
		"sale.grace_seconds", "tiers[0].price_kobo", "tiers[1].name", "tiers[1].price_kobo", "tiers[0].capacity", "tiers[1].capacity",
	}
	if !slices.Equal(paths, want) {
		t.Errorf("paths\n%q, want\n%q", paths, want)
	}
	_, err = sale.NewSale{Event: proposal().Event, Terms: sale.Terms{Ordering: sale.FIFO, BeaconURL: "ftp://x"}}.Check()
	for _, path := range []string{"sale.beacon", "sale.beacon.name", "sale.beacon.round", "sale.beacon.url", "tiers", "sale.opens_at"} {
		if !slices.ContainsFunc(fault.From(err).Fields, func(f fault.Field) bool { return f.Path == path }) {
			t.Errorf("nothing said about %s", path)
		}
	}
}

// Before the sale, what is available is what everybody can buy when it opens.
func TestWhatIsAvailableWhenTheSaleOpens(t *testing.T) {
	t.Parallel()
	conn := dbtest.Pool(t)
	s := sale.New(sale.Config{DB: conn})
	snap := create(t, s, organization(t, conn), func(n *sale.NewSale) { n.Tiers[1].OpensAt = ptr(n.Terms.OpensAt.Add(time.Hour)) })
	for _, state := range []sale.State{sale.Draft, sale.Scheduled} {
		if state != sale.Draft {
			snap = publish(t, s, conn, snap.ID(), state)
		}
		regular, vip := snap.Tiers[0], snap.Tiers[1]
		if regular.Available != 100 || regular.Later != 0 || vip.Available != 0 || vip.Later != 10 || vip.Unsold() != 10 || snap.Stock() != 110 {
			t.Errorf("%s: %+v %+v", snap.State, regular, vip)
		}
	}
	if again, err := s.Get(t.Context(), snap.ID().String()); err != nil || !again.Tiers[1].OpensAt.Equal(*snap.Tiers[1].OpensAt) || again.Tiers[1].OnSale(again.At) {
		t.Errorf("%+v %v", again, err)
	}
}

func ptr[T any](v T) *T { return &v }

// states are those that a row can have.
var states = []sale.State{sale.Draft, sale.Scheduled, sale.Lobby, sale.Open, sale.Paused, sale.Ended}

// Every pair of states: the table, the SQL guard and the ledger agree.
func TestEveryPairOfStates(t *testing.T) {
	t.Parallel()
	allowed := map[string]bool{}
	for _, pair := range []string{
		"draft→scheduled", "draft→lobby", "draft→open", "scheduled→lobby", "scheduled→open", "scheduled→ended",
		"lobby→open", "lobby→ended", "open→paused", "open→ended", "paused→open", "paused→ended",
	} {
		allowed[pair] = true
	}
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	event := create(t, s, organization(t, tx), nil).ID()
	for _, from := range states {
		for _, to := range append(slices.Clone(states), sale.SoldOut) {
			pair := fmt.Sprintf("%s→%s", from, to)
			if sale.Allowed(from, to) != allowed[pair] {
				t.Errorf("%s: the table says %v", pair, sale.Allowed(from, to))
			}
			if _, err := tx.Exec(t.Context(), `UPDATE sales SET state = $2, paused_at = CASE WHEN $2 = 'paused' THEN now() - interval '1 hour' END,
				paused_total = '0', opened_at = NULL, ended_at = NULL WHERE event_id = $1`, event, from); err != nil {
				t.Fatal(err)
			}
			err := sale.MoveTx(t.Context(), tx, event, uuid.New(), states, to)
			var now sale.State
			var paused time.Duration
			var opened, ended bool
			if err := tx.QueryRow(t.Context(), `SELECT state, extract(epoch FROM paused_total)::bigint * 1000000000, opened_at IS NOT NULL, ended_at IS NOT NULL
				FROM sales WHERE event_id = $1`, event).Scan(&now, &paused, &opened, &ended); err != nil {
				t.Fatal(err)
			}
			if !allowed[pair] {
				wantCode(t, err, "invalid_transition")
				if now != from {
					t.Errorf("%s was refused, and the sale is %s", pair, now)
				}
				continue
			}
			if err != nil || now != to {
				t.Errorf("%s: %v, the sale is %s", pair, err, now)
			}
			if (paused == time.Hour) != (from == sale.Paused) || opened != (to == sale.Open) || ended != (to == sale.Ended) {
				t.Errorf("%s: paused %s, opened %v, ended %v", pair, paused, opened, ended)
			}
		}
	}
	var rows int
	if err := tx.QueryRow(t.Context(), `SELECT count(*) FROM ledger WHERE event_id = $1 AND kind = 'sale_moved'`, event).Scan(&rows); err != nil || rows != len(allowed) {
		t.Errorf("%d moves in the ledger, want %d; %v", rows, len(allowed), err)
	}
	wantCode(t, sale.MoveTx(t.Context(), tx, uuid.New(), uuid.New(), states, sale.Open), "event_not_found")
}

func TestPauseAndResumeAreNotEachOther(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	event := create(t, s, organization(t, tx), nil).ID()
	by := uuid.New()
	_, err := s.End(t.Context(), event, by)
	wantCode(t, err, "invalid_transition") // a draft
	publish(t, s, tx, event, sale.Lobby)
	_, err = s.Resume(t.Context(), event, by) // lobby → open is allowed, but it is no resuming
	if f := wantCode(t, err, "invalid_transition"); f.Message != "The sale is in the lobby, so it cannot be resumed now." {
		t.Error(f.Message)
	}
	if err := sale.MoveTx(t.Context(), tx, event, by, states, sale.Open); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Pause(t.Context(), event, by)
	if err != nil || snap.State != sale.Paused {
		t.Fatalf("%v, %v", snap, err)
	}
	_, err = s.Pause(t.Context(), event, by)
	wantCode(t, err, "invalid_transition")
	if snap, err = s.Resume(t.Context(), event, by); err != nil || snap.State != sale.Open {
		t.Fatal(err)
	}
	if snap, err = s.End(t.Context(), event, by); err != nil || snap.State != sale.Ended || snap.EndedAt == nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), snap.Event.Slug); err != nil || got.State != sale.Ended {
		t.Errorf("the one who ended it sees %v, %v", got, err)
	}
}

func TestStockOfASnapshot(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	event := create(t, s, organization(t, tx), func(n *sale.NewSale) { n.Tiers[0].Capacity = 6; n.Tiers = n.Tiers[:1] }).ID()
	publish(t, s, tx, event, sale.Open)
	exec := func(sql string) {
		t.Helper()
		if _, err := tx.Exec(t.Context(), sql, event); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO accounts (id, email) VALUES ($1, 'a@example.com')`)
	exec(`INSERT INTO spots (id, event_id, account_id, arrival) VALUES ($1, $1, $1, 1)`)
	exec(`INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, expires_at, cap_at, limit_then) VALUES ($1, $1, $1, $1, 'paid', 0, now(), now(), 4)`)
	exec(`UPDATE units SET state = 'held', claim_id = $1, held_until = now() + interval '1 minute' WHERE event_id = $1 AND slot = 1`)
	exec(`UPDATE units SET state = 'held', claim_id = $1, held_until = now() - interval '1 minute' WHERE event_id = $1 AND slot = 2`)
	exec(`UPDATE units SET state = 'paying', claim_id = $1 WHERE event_id = $1 AND slot = 3`)
	exec(`UPDATE units SET state = 'sold', claim_id = $1 WHERE event_id = $1 AND slot = 4`)
	exec(`UPDATE units SET state = 'blocked' WHERE event_id = $1 AND slot = 5`)
	snap, err := s.Fresh(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	if tier := snap.Tiers[0]; tier.Available != 2 || tier.Held != 2 || tier.Sold != 1 {
		t.Errorf("available %d, held %d, sold %d; want 2, 2, 1", tier.Available, tier.Held, tier.Sold)
	}
	if snap.State != sale.Open {
		t.Errorf("with something held the sale is %s", snap.State)
	}
	exec(`UPDATE units SET state = 'sold', claim_id = $1, held_until = NULL WHERE event_id = $1 AND state <> 'blocked'`)
	if snap, err = s.Fresh(t.Context(), event); err != nil || snap.State != sale.SoldOut || !snap.Joinable() {
		t.Errorf("with everything sold the sale is %s, %v", snap.State, err)
	}
}

func TestChangeIsCheckedAndWrittenDown(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	event := create(t, s, organization(t, tx), nil).ID()
	publish(t, s, tx, event, sale.Open)
	by := uuid.New()
	_, err := s.Change(t.Context(), event, by, sale.Patch{MaxInside: ptr(0), TurnSeconds: ptr(3601), ClosesAt: ptr(time.Now().Add(-time.Hour)), Message: ptr(strings.Repeat("m", 501))})
	f := wantCode(t, err, "invalid_request")
	if len(f.Fields) != 4 || f.Fields[0].Path != "max_inside" {
		t.Errorf("fields %+v", f.Fields)
	}
	snap, err := s.Change(t.Context(), event, by, sale.Patch{MaxInside: ptr(7), Message: ptr("Doors at six.")})
	if err != nil || snap.Terms.MaxInside != 7 || snap.Message != "Doors at six." || snap.MessageAt == nil || snap.Terms.TurnSeconds != 120 {
		t.Fatalf("%+v, %v", snap, err)
	}
	before := snap.Version
	if snap, err = s.Change(t.Context(), event, by, sale.Patch{MaxInside: ptr(7)}); err != nil || snap.Version != before {
		t.Errorf("a change of nothing is version %d, was %d; %v", snap.Version, before, err)
	}
	var body string
	if err := tx.QueryRow(t.Context(), `SELECT body->'changes'->'max_inside'->>'from' FROM ledger WHERE event_id = $1 AND kind = 'sale_changed'`, event).Scan(&body); err != nil || body != "500" {
		t.Errorf("in the ledger %q, %v", body, err)
	}
	if _, err := s.End(t.Context(), event, by); err != nil {
		t.Fatal(err)
	}
	_, err = s.Change(t.Context(), event, by, sale.Patch{MaxInside: ptr(8)})
	wantCode(t, err, "invalid_transition")
	if _, err := s.Change(t.Context(), event, by, sale.Patch{Message: ptr("Thank you.")}); err != nil {
		t.Errorf("a last message: %v", err)
	}
}

func TestListShowsWhatIsPublished(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	s := sale.New(sale.Config{DB: pool})
	org := organization(t, pool)
	var want []string
	for i := range 5 {
		snap := create(t, s, org, func(n *sale.NewSale) {
			n.Event.Slug = fmt.Sprintf("night-%d", i)
			n.Event.StartsAt = n.Event.StartsAt.Add(time.Duration(i) * time.Hour)
		})
		if i == 1 {
			continue // a draft
		}
		publish(t, s, pool, snap.ID(), sale.Scheduled)
		if i == 0 {
			if _, err := s.End(t.Context(), snap.ID(), uuid.New()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want = append(want, snap.Event.Slug)
	}
	want = append(want, "night-0") // ended comes last
	var got []string
	for cursor, more := "", true; more; more = cursor != "" {
		events, next, err := s.List(t.Context(), 2, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			got = append(got, e.Event.Slug)
		}
		cursor = next
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %q, want %q", got, want)
	}
	_, _, err := s.List(t.Context(), 2, "garbage")
	wantCode(t, err, "invalid_request")
	own, err := s.ListOwn(t.Context(), org)
	if err != nil || len(own) != 5 {
		t.Errorf("%d own events, %v", len(own), err)
	}
	if _, err := s.Own(t.Context(), uuid.New(), "night-1"); fault.Code(err) != "event_not_found" {
		t.Errorf("a foreign organization sees a draft: %v", err)
	}
	if _, err := s.Own(t.Context(), org, own[0].ID().String()); err != nil {
		t.Error(err)
	}
	for _, key := range []string{"no-such-night", uuid.NewString(), ""} {
		_, err := s.Get(t.Context(), key)
		wantCode(t, err, "event_not_found")
	}
}

// A follower hears the last picture however slow it is, and other replicas hear of a change by a nudge.
// Who joins through another replica than the organizer published at is not told that there is no such event.
func TestAPublishedDraftIsSeenAtOnceEverywhere(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	here, there := sale.New(sale.Config{DB: tx}), sale.New(sale.Config{DB: tx})
	event := create(t, here, organization(t, tx), nil).ID()
	if snap, err := there.Get(t.Context(), event.String()); err != nil || snap.Published() {
		t.Fatalf("%+v, %v", snap, err)
	}
	publish(t, here, tx, event, sale.Lobby)
	if snap, err := there.Get(t.Context(), event.String()); err != nil || !snap.Published() {
		t.Errorf("%+v, %v", snap, err)
	}
}

func TestFollowersHearTheLast(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	hub := live.New(live.Config{})
	t.Cleanup(func() { hub.Close(t.Context()) })
	here, there := sale.New(sale.Config{DB: pool, Live: hub}), sale.New(sale.Config{DB: pool, Live: hub})
	event := create(t, here, organization(t, pool), nil).ID()
	publish(t, here, pool, event, sale.Open)
	if err := there.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	ch, stop := there.Follow(event)
	defer stop()
	if first := <-ch; first.State != sale.Open {
		t.Errorf("first %s", first.State)
	}
	for i := range 10 {
		if _, err := here.Change(t.Context(), event, uuid.New(), sale.Patch{MaxInside: ptr(10 + i)}); err != nil {
			t.Fatal(err)
		}
		if err := there.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if last := <-ch; last.Terms.MaxInside != 19 {
		t.Errorf("a slow follower found room %d, want 19", last.Terms.MaxInside)
	}
	if err := there.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case snap := <-ch:
		t.Errorf("told of no change: %+v", snap)
	default:
	}
	// From here on only nudges bring news.
	done := make(chan struct{})
	go func() {
		defer close(done)
		there.Listen(t.Context())
	}()
	// Listening may begin after the first nudge, so they come until one is heard.
	for room, heard := 100, false; !heard; room++ {
		if _, err := here.Change(t.Context(), event, uuid.New(), sale.Patch{MaxInside: &room}); err != nil {
			t.Fatal(err)
		}
		select {
		case snap := <-ch:
			heard = snap.Terms.MaxInside >= 100
		case <-time.After(20 * time.Millisecond):
		}
	}
	hub.Publish(t.Context(), "sale", []byte("garbage"))
	hub.Publish(t.Context(), "sale", make([]byte, 32))
	if _, err := here.End(t.Context(), event, uuid.New()); err != nil {
		t.Fatal(err)
	}
	for snap := range ch {
		if snap.State == sale.Ended {
			break
		}
	}
	t.Cleanup(func() { <-done })
}

// The measured pace counts the time in which somebody waited.
func TestALineThatStandsStillSaysSo(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	event := create(t, s, organization(t, tx), nil).ID()
	publish(t, s, tx, event, sale.Open)
	at := func(serving, arrivals, second int) time.Duration {
		t.Helper()
		if _, err := tx.Exec(t.Context(), `UPDATE sales SET paused_total = make_interval(secs => -$2::int) WHERE event_id = $1`, event, second); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `UPDATE queue_heads SET serving = $2, arrivals = $3 WHERE event_id = $1`, event, serving, arrivals); err != nil {
			t.Fatal(err)
		}
		snap, err := s.Fresh(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		return snap.Still
	}
	for _, step := range []struct {
		serving, arrivals, second int
		want                      time.Duration
	}{
		{0, 10, 0, 0}, {5, 10, 5, 0}, {5, 10, 45, 40 * time.Second}, {6, 10, 50, 0}, {10, 10, 55, 0},
		{10, 10, 500, 0}, {10, 11, 501, 0}, {10, 11, 511, 10 * time.Second}, // nobody waited for a while
	} {
		if got := at(step.serving, step.arrivals, step.second); got != step.want {
			t.Errorf("second %d, %d of %d called: still for %s, want %s", step.second, step.serving, step.arrivals, got, step.want)
		}
	}
}

func TestRateIsMeasured(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	s := sale.New(sale.Config{DB: tx})
	event := create(t, s, organization(t, tx), nil).ID()
	publish(t, s, tx, event, sale.Open)
	at := func(serving, arrivals, second int) float64 {
		t.Helper()
		// The transaction's clock stands still: the line's own is moved instead.
		if _, err := tx.Exec(t.Context(), `UPDATE sales SET paused_total = make_interval(secs => -$2::int) WHERE event_id = $1`, event, second); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `UPDATE queue_heads SET serving = $2, arrivals = $3 WHERE event_id = $1`, event, serving, arrivals); err != nil {
			t.Fatal(err)
		}
		snap, err := s.Fresh(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		return snap.Rate
	}
	if r := at(0, 1000, 0); r != 0 {
		t.Errorf("at the start the rate is %v", r)
	}
	for second := 1; second < 30; second++ {
		at(second*2, 1000, second)
	}
	if r := at(60, 60, 30); r < 119 || r > 121 {
		t.Errorf("two a second are %v a minute", r)
	}
	// An hour in which nobody waits says nothing.
	at(60, 1000, 3630)
	if r := at(62, 1000, 3631); r < 110 || r > 130 {
		t.Errorf("after an idle hour %v a minute", r)
	}
}
