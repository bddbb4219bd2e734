package sale_test

import (
	"testing"
	"time"

	"fairqueue/internal/beacon"
	"fairqueue/internal/sale"
)

func TestARoundMustComeAfterTheOpening(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 6, 1, 9, 0, 0, 0, time.UTC)
	opens := now.Add(time.Hour)
	first, _ := beacon.RoundAfter("drand", opens.Add(beacon.Lead))
	past, _ := beacon.RoundAfter("drand", now.Add(-time.Hour))
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
