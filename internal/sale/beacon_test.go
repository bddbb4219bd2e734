package sale_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"fairqueue/internal/sale"
)

func TestKnownBeaconsHaveTheirSchedule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		round int64
		at    string
	}{
		{"drand quicknet", 1, "2023-08-23T15:09:27Z"},
		{"QUICKNET", 1001, "2023-08-23T15:59:27Z"},
		// As the drand gem of Ruby documents it.
		{"quicknet", 27946612, "2026-04-20T00:00:00Z"},
		{"drand", 1, "2020-07-22T15:17:30Z"},
		{"League of Entropy, default", 2881, "2020-07-23T15:17:30Z"},
	} {
		at, ok := sale.BeaconTime(c.name, c.round)
		if !ok || at.Format(time.RFC3339) != c.at {
			t.Errorf("round %d of %s: %s %v, want %s", c.round, c.name, at, ok, c.at)
		}
	}
	for _, name := range []string{"", "the dice of the mayor", "nist"} {
		if _, ok := sale.BeaconTime(name, 1); ok {
			t.Errorf("%q has a schedule", name)
		}
		if _, ok := sale.BeaconRoundAfter(name, time.Now()); ok {
			t.Errorf("%q has a schedule", name)
		}
	}
}

func TestTheRoundAfterAMomentIsTheFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"drand", "drand quicknet"}).Draw(t, "name")
		at := time.Unix(rapid.Int64Range(1_500_000_000, 4_000_000_000).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond"))
		round, ok := sale.BeaconRoundAfter(name, at)
		comes, _ := sale.BeaconTime(name, round)
		if !ok || round < 1 || comes.Before(at) {
			t.Fatalf("round %d comes at %s, before %s", round, comes, at)
		}
		if before, _ := sale.BeaconTime(name, round-1); round > 1 && !before.Before(at) {
			t.Fatalf("round %d comes at %s, which is not before %s", round-1, before, at)
		}
	})
}

func TestARoundMustComeAfterTheOpening(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 6, 1, 9, 0, 0, 0, time.UTC)
	opens := now.Add(time.Hour)
	first, _ := sale.BeaconRoundAfter("drand", opens.Add(sale.BeaconLead))
	past, _ := sale.BeaconRoundAfter("drand", now.Add(-time.Hour))
	for _, c := range []struct {
		name  string
		round int64
		opens time.Time
		wrong bool
	}{
		{"drand", first, opens, false},
		{"drand", first + 100, opens, false},
		{"drand", first - 1, opens, true},
		{"drand", past, opens, true},
		{"drand", 1, opens, true},
		// Opened already, with a round that was far enough and is past now.
		{"drand", past, now.Add(-2 * time.Hour), true},
		{"drand", 1 << 62, opens, false},
		// Nobody knows when these come.
		{"a friend's dice", 1, opens, false},
		{"", 0, opens, false},
	} {
		terms := sale.Terms{Ordering: sale.Draw, OpensAt: c.opens, BeaconName: c.name, BeaconRound: c.round}
		wrong := terms.CheckBeacon(now)
		if (len(wrong) > 0) != c.wrong || c.wrong && wrong[0].Path != "sale.beacon.round" {
			t.Errorf("%s %d: %+v", c.name, c.round, wrong)
		}
	}
}
