package beacon

import (
	"regexp"
	"strings"
	"time"
)

// Lead is how long after the opening, or after a freeze that comes late, the round of a beacon comes at the earliest:
// the root of the lobby must be public before anybody can know the value.
const Lead = 30 * time.Second

// schedule is that of a public beacon: round 1 comes at genesis, one more each period.
type schedule struct {
	genesis time.Time
	period  time.Duration
}

// scheduleOf recognises the networks of drand by name (genesis_time and period of https://api.drand.sh/chains). Any other
// name is free to use; then nothing is known about when its rounds come.
func scheduleOf(name string) (schedule, bool) {
	switch name = strings.ToLower(name); {
	case strings.Contains(name, "quicknet"):
		return schedule{time.Unix(1692803367, 0).UTC(), 3 * time.Second}, true
	case strings.Contains(name, "drand"), strings.Contains(name, "default"):
		return schedule{time.Unix(1595431050, 0).UTC(), 30 * time.Second}, true
	}
	return schedule{}, false
}

// maxRound keeps the arithmetic of times far from its limits: three thousand years of the fastest beacon.
const maxRound = int64(1) << 35

// Time is when a round of a beacon comes; false for a beacon whose schedule is not known.
func Time(name string, round int64) (time.Time, bool) {
	b, ok := scheduleOf(name)
	if !ok {
		return time.Time{}, false
	}
	seconds := (max(1, min(round, maxRound)) - 1) * int64(b.period/time.Second)
	return time.Unix(b.genesis.Unix()+seconds, 0).UTC(), true
}

// RoundAfter is the first round of a beacon that comes at t or later; false for a beacon whose schedule is not known.
func RoundAfter(name string, t time.Time) (int64, bool) {
	b, ok := scheduleOf(name)
	if !ok {
		return 0, false
	}
	if !t.After(b.genesis) {
		return 1, true
	}
	since := t.Sub(b.genesis)
	return 1 + int64((since+b.period-1)/b.period), true
}

// drandValue is how drand gives the randomness of a round.
var drandValue = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

// MayGive reports whether a value has the form of those of a beacon. That of a beacon whose schedule is not known is
// not known either.
func MayGive(name, value string) bool {
	_, known := scheduleOf(name)
	return !known || drandValue.MatchString(value)
}
