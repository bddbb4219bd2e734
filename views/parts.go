package views

import "time"

// timerView is a span that belongs to the fan.
type timerView struct {
	Until  time.Time
	Of     time.Duration // the whole span
	Zone   *time.Location
	Before string // "Your 2 tickets are kept until"
	Warn   string // said in the last two minutes
	Label  string // of the meter
}

// Low is whether the last two minutes run.
func (v timerView) Low(now time.Time) bool { return v.Until.Sub(now) <= 2*time.Minute }

func messageTitle(e EventInfo) string {
	if e.MessageAt.IsZero() {
		return "From the organizer"
	}
	return "From the organizer, " + clock(e.MessageAt, e.zone())
}

func placeURL(p PlaceInfo) string {
	if p.Status == SpotInside {
		return eventURL(p.Event, "/tickets")
	}
	return eventURL(p.Event, "/queue")
}

func placeLabel(p PlaceInfo) string {
	switch p.Status {
	case SpotCalled, SpotMissed:
		return "Come in"
	case SpotInside:
		return "Choose tickets"
	}
	return "Go to your place"
}

func tierKind(t TierInfo) string {
	if t.Seated {
		return "Numbered seat"
	}
	return "Standing, no numbered seat"
}

func tierUnit(t TierInfo, one bool) string {
	switch {
	case t.Seated && one:
		return "seat"
	case t.Seated:
		return "seats"
	case one:
		return "place"
	}
	return "places"
}
