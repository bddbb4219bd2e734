package views

import (
	"strings"
	"time"
)

// timerView is a span that belongs to the fan.
type timerView struct {
	Until  time.Time
	Of     time.Duration // the whole span
	Zone   *time.Location
	Before string // "Your 2 tickets are kept until"
	Warn   string // said when it is short
	Label  string // of the meter
	Then   string // what page.js does at the end; empty: reload
}

func (v timerView) then() string {
	if v.Then == "" {
		return "reload"
	}
	return v.Then
}

// lowFrom is when it gets short: the last two minutes, or the last half of a shorter span.
func (v timerView) lowFrom() time.Duration {
	if v.Of > 0 && v.Of < 4*time.Minute {
		return v.Of / 2
	}
	return 2 * time.Minute
}

// Low is whether it is short now.
func (v timerView) Low(now time.Time) bool { return v.Until.Sub(now) <= v.lowFrom() }

func cutMail(name string) (user, host string) {
	if i := strings.LastIndexByte(name, '@'); i > 0 {
		return name[:i], name[i:]
	}
	return name, ""
}

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
		return "Numbered seats, side by side"
	}
	if strings.EqualFold(t.Name, "standing") {
		return "No numbered seat" // the name has said the rest
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
