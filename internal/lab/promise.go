package lab

import "time"

// promises are the waits that a fan was told, each when it was heard.
type promises struct {
	joined time.Time
	told   []promise
}

type promise struct{ at, earliest, latest time.Time }

func (p *promises) hear(place place, now time.Time) {
	if eta := place.Spot.ETA; eta != nil {
		p.told = append(p.told, promise{now, now.Add(time.Duration(eta.Low) * time.Second), now.Add(time.Duration(eta.High) * time.Second)})
	}
}

// lookEvery is how far a fan may learn of the turn after it came: the shortest time between two polls.
const lookEvery = 2 * time.Second

// kept reports whether the fan was called within the range that was promised half-way; ok is false where nothing was.
func (p *promises) kept(called time.Time) (kept, ok bool) {
	half := p.joined.Add(called.Sub(p.joined) / 2)
	for i := len(p.told) - 1; i >= 0; i-- {
		if t := p.told[i]; !t.at.After(half) {
			return !called.Before(t.earliest) && !called.Add(-lookEvery).After(t.latest), true
		}
	}
	return false, false
}
