package beacon_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fairqueue/internal/beacon"
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
		at, ok := beacon.Time(c.name, c.round)
		if !ok || at.Format(time.RFC3339) != c.at {
			t.Errorf("round %d of %s: %s %v, want %s", c.round, c.name, at, ok, c.at)
		}
	}
	for _, name := range []string{"", "the dice of the mayor", "nist"} {
		if _, ok := beacon.Time(name, 1); ok {
			t.Errorf("%q has a schedule", name)
		}
		if _, ok := beacon.RoundAfter(name, time.Now()); ok {
			t.Errorf("%q has a schedule", name)
		}
	}
}

func TestTheRoundAfterAMomentIsTheFirst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"drand", "drand quicknet"}).Draw(t, "name")
		at := time.Unix(rapid.Int64Range(1_500_000_000, 4_000_000_000).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond"))
		round, ok := beacon.RoundAfter(name, at)
		comes, _ := beacon.Time(name, round)
		if !ok || round < 1 || comes.Before(at) {
			t.Fatalf("round %d comes at %s, before %s", round, comes, at)
		}
		if before, _ := beacon.Time(name, round-1); round > 1 && !before.Before(at) {
			t.Fatalf("round %d comes at %s, which is not before %s", round-1, before, at)
		}
	})
}

func TestWhatAKnownBeaconMayGive(t *testing.T) {
	t.Parallel()
	round := strings.Repeat("0aF9", 16)
	for _, c := range []struct {
		name, value string
		want        bool
	}{
		{"drand quicknet", round, true},
		{"drand quicknet", round[1:], false},
		{"drand", round + "\n", false},
		{"drand", strings.Repeat("g", 64), false},
		{"a friend's dice", "6", true},
	} {
		if got := beacon.MayGive(c.name, c.value); got != c.want {
			t.Errorf("%s may give %q: %v", c.name, c.value, got)
		}
	}
}
