package queue_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/beacon"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/sale"
)

// withBeacon makes one that awaits a beacon without a known schedule.
func withBeacon(n *sale.NewSale) {
	drawn(n)
	n.Terms.BeaconName, n.Terms.BeaconRound = "Dice on the radio", 7
}

func TestABeaconIsAwaited(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), withBeacon)
	l.crowd(5)
	_, err := l.queue.GiveBeacon(t.Context(), l.event, l.by, "too soon")
	wantCode(t, err, "invalid_transition")
	_, err = l.queue.WaiveBeacon(t.Context(), l.event, l.by)
	wantCode(t, err, "invalid_transition")
	for range 2 { // asking again changes nothing
		snap := l.open()
		if snap.State != sale.Lobby || snap.Draw.Root == nil || snap.Draw.Secret != nil || snap.Draw.BeaconRound != 7 {
			t.Fatalf("while the beacon is awaited: %s, %+v", snap.State, snap.Draw)
		}
	}
	if snap := l.advance(); snap.State != sale.Lobby {
		t.Fatalf("the leader did not wait: %s", snap.State)
	}
	for _, bad := range []string{"", "  ", strings.Repeat("x", 1001), "a\x00b", "\xff"} {
		_, err := l.queue.GiveBeacon(t.Context(), l.event, l.by, bad)
		wantCode(t, err, "invalid_request")
	}
	snap, err := l.queue.GiveBeacon(t.Context(), l.event, l.by, " 4 8 15 16 23 42\n")
	if err != nil || snap.State != sale.Open || snap.Draw.BeaconValue != "4 8 15 16 23 42" || snap.Draw.WaivedAt != nil {
		t.Fatalf("%+v, %v", snap, err)
	}
	l.verifies(snap)
	l.audited()
	_, err = l.queue.GiveBeacon(t.Context(), l.event, l.by, "another")
	wantCode(t, err, "invalid_transition")
	if got, want := l.kinds(), []string{"draw_committed", "draw_frozen", "draw_rooted", "beacon_given", "secret_revealed", "drawn"}; !slices.Equal(got, want) {
		t.Errorf("the ledger says %q, want %q", got, want)
	}
}

func TestGoingOnWithoutTheBeaconIsDisclosed(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), withBeacon)
	l.crowd(5)
	l.open()
	snap, err := l.queue.WaiveBeacon(t.Context(), l.event, l.by)
	if err != nil || snap.State != sale.Open || snap.Draw.BeaconValue != "" || snap.Draw.WaivedAt == nil {
		t.Fatalf("%+v, %v", snap, err)
	}
	l.verifies(snap)
	l.audited()
	if got := l.kinds(); !slices.Contains(got, "beacon_waived") {
		t.Errorf("the ledger says %q", got)
	}
}

// A value that was stored by a process that died is not lost.
func TestAGivenBeaconIsDrawnByTheLeader(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), withBeacon)
	l.crowd(3)
	l.open()
	l.exec(`UPDATE draws SET beacon_value = 'heads' WHERE event_id = $1`, l.event)
	snap := l.advance()
	if snap.State != sale.Open {
		t.Fatalf("the sale is %s", snap.State)
	}
	l.verifies(snap)
}

// The root is public for half a minute at least before anybody can know the value.
func TestALateFreezeTakesALaterRound(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) {
		drawn(n)
		n.Terms.BeaconName = "drand quicknet"
		n.Terms.BeaconRound, _ = beacon.RoundAfter(n.Terms.BeaconName, n.Terms.OpensAt.Add(time.Minute))
	})
	named := l.snap().Draw.BeaconRound
	l.exec(`UPDATE draws SET beacon_round = beacon_round - 3000 WHERE event_id = $1`, l.event)
	d := l.open().Draw
	at, ok := beacon.Time("drand quicknet", d.BeaconRound)
	if !ok || at.Before(d.FrozenAt.Add(30*time.Second)) || at.After(d.FrozenAt.Add(34*time.Second)) {
		t.Errorf("frozen at %s, round %d comes at %s", d.FrozenAt, d.BeaconRound, at)
	}
	if d.BeaconRound == named-3000 {
		t.Error("the round is the one that had come")
	}
}

func TestAnEarlyFreezeKeepsTheRound(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) {
		drawn(n)
		n.Terms.BeaconName = "drand quicknet"
		n.Terms.BeaconRound, _ = beacon.RoundAfter(n.Terms.BeaconName, n.Terms.OpensAt.Add(time.Minute))
	})
	named := l.snap().Draw.BeaconRound
	if d := l.open().Draw; d.BeaconRound != named || d.FrozenAt == nil {
		t.Errorf("round %d, named was %d", d.BeaconRound, named)
	}
}

func TestARoundThatIsPastIsNotPublished(t *testing.T) {
	t.Parallel()
	conn := dbtest.Tx(t)
	l := newLine(t, conn, nil)
	organization := uuid.New()
	l.exec(`INSERT INTO organizations (id, name) VALUES ($1, 'Other')`, organization)
	snap, err := l.sales.Create(t.Context(), organization, terms(func(n *sale.NewSale) {
		drawn(n)
		n.Terms.BeaconName = "drand quicknet"
		n.Terms.BeaconRound, _ = beacon.RoundAfter(n.Terms.BeaconName, n.Terms.OpensAt.Add(time.Minute))
	}))
	if err != nil {
		t.Fatal(err)
	}
	l.exec(`UPDATE sales SET beacon_round = 1000 WHERE event_id = $1`, snap.ID())
	_, err = l.claims.Publish(t.Context(), snap.ID(), l.by)
	if f := wantCode(t, err, "invalid_request"); len(f.Fields) != 1 || f.Fields[0].Path != "sale.beacon.round" {
		t.Errorf("fields %+v", f.Fields)
	}
	if now, err := l.sales.Fresh(t.Context(), snap.ID()); err != nil || now.State != sale.Draft || now.Draw != nil {
		t.Errorf("%+v, %v", now, err)
	}
}
