package sale

import (
	"strings"
	"time"

	"fairqueue/internal/fault"
)

// BeaconLead is how long after the opening, or after a freeze that comes late, the round of a beacon comes at the
// earliest: the root of the lobby must be public before anybody can know the value.
const BeaconLead = 30 * time.Second

// beacon is the schedule of a public beacon: round 1 comes at genesis, one more each period.
type beacon struct {
	genesis time.Time
	period  time.Duration
}

// beaconOf recognises the networks of drand by name (genesis_time and period of https://api.drand.sh/chains). Any other
// name is free to use; then nothing is known about when its rounds come.
func beaconOf(name string) (beacon, bool) {
	switch name = strings.ToLower(name); {
	case strings.Contains(name, "quicknet"):
		return beacon{time.Unix(1692803367, 0).UTC(), 3 * time.Second}, true
	case strings.Contains(name, "drand"), strings.Contains(name, "default"):
		return beacon{time.Unix(1595431050, 0).UTC(), 30 * time.Second}, true
	}
	return beacon{}, false
}

// maxBeaconRound keeps the arithmetic of times far from its limits: three thousand years of the fastest beacon.
const maxBeaconRound = int64(1) << 35

// BeaconTime is when a round of a beacon comes; false for a beacon whose schedule is not known.
func BeaconTime(name string, round int64) (time.Time, bool) {
	b, ok := beaconOf(name)
	if !ok {
		return time.Time{}, false
	}
	seconds := (max(1, min(round, maxBeaconRound)) - 1) * int64(b.period/time.Second)
	return time.Unix(b.genesis.Unix()+seconds, 0).UTC(), true
}

// BeaconRoundAfter is the first round of a beacon that comes at t or later; false for a beacon whose schedule is not known.
func BeaconRoundAfter(name string, t time.Time) (int64, bool) {
	b, ok := beaconOf(name)
	if !ok {
		return 0, false
	}
	if !t.After(b.genesis) {
		return 1, true
	}
	since := t.Sub(b.genesis)
	return 1 + int64((since+b.period-1)/b.period), true
}

// CheckBeacon returns what is wrong with the round of the beacon at a moment: a round that has come, whose value anybody
// may know, or one too soon after the opening. Nothing is wrong where no schedule is known.
func (t Terms) CheckBeacon(now time.Time) []fault.Field {
	at, ok := BeaconTime(t.BeaconName, t.BeaconRound)
	if !ok || t.BeaconRound < 1 || t.Ordering != Draw {
		return nil
	}
	var msg string
	first, _ := BeaconRoundAfter(t.BeaconName, t.OpensAt.Add(BeaconLead))
	switch {
	case !at.After(now):
		msg = "This round of the beacon is past. Name one that comes at least 30 seconds after the sale opens."
	case t.BeaconRound < first:
		msg = "This round of the beacon comes too early: it must come at least 30 seconds after the sale opens."
	default:
		return nil
	}
	return []fault.Field{{Path: "sale.beacon.round", Message: msg}}
}
