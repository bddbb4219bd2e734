package sale

import (
	"time"

	"fairqueue/internal/beacon"
	"fairqueue/internal/fault"
)

// CheckBeacon returns what is wrong with the round of the beacon at a moment: a round that has come, whose value anybody
// may know, or one too soon after the opening. Nothing is wrong where no schedule is known.
func (t Terms) CheckBeacon(now time.Time) []fault.Field {
	at, ok := beacon.Time(t.BeaconName, t.BeaconRound)
	if !ok || t.BeaconRound < 1 || t.Ordering != Draw {
		return nil
	}
	var msg string
	first, _ := beacon.RoundAfter(t.BeaconName, t.OpensAt.Add(beacon.Lead))
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
