package views

import (
	"time"

	"github.com/a-h/templ"
)

// BeaconFormView is the page where an organizer gives the value of an awaited beacon.
type BeaconFormView struct {
	Event   EventInfo
	Beacon  BeaconView
	Size    int64  // people in the lobby
	Value   string // as it was typed
	Error   string // what is wrong with it
	Unsure  bool   // the box was not ticked
	Problem *Problem
}

func (v BeaconFormView) url(more string) templ.SafeURL {
	return templ.SafeURL("/organizer/events/" + v.Event.ID + more)
}

func (v BeaconFormView) due(now time.Time) string {
	switch {
	case v.Beacon.Due.IsZero():
		return "Give it as soon as it is out."
	case v.Beacon.Due.After(now):
		return "It comes " + atSecond(v.Beacon.Due, now, v.Event.zone()) + ", " + zoneWords(v.Event.Zone) + "."
	}
	return "It came out " + atSecond(v.Beacon.Due, now, v.Event.zone()) + ", " + zoneWords(v.Event.Zone) + "."
}

func (v BeaconFormView) hint() string {
	if v.Beacon.Due.IsZero() {
		return "The text that the source gives for this round."
	}
	return "For drand it is the field randomness of this round: 64 characters, 0 to 9 and a to f."
}

// atSecond is at, to the second for today.
func atSecond(t, now time.Time, l *time.Location) string {
	if sameDay(t, now, l) {
		return "at " + clockS(t, l)
	}
	return at(t, now, l)
}

// beaconOpen shows the folded fields when there is something in them.
func (v EventFormView) beaconOpen() bool {
	if v.BeaconName != "" || v.BeaconRound != "" || v.BeaconURL != "" {
		return true
	}
	return v.Errors["beacon"] != "" || v.Errors["beacon.name"] != "" || v.Errors["beacon.round"] != "" || v.Errors["beacon.url"] != ""
}

// awaits is whether the draw waits for the value of its beacon.
func (v ConsoleView) awaits() bool {
	return v.Draw != nil && v.Draw.Root != "" && v.Draw.Seed == "" && v.Draw.Beacon != nil && v.Draw.Beacon.WaivedAt.IsZero() && v.Event.State != SaleEnded
}

func (v ConsoleView) awaitTitle(now time.Time) string {
	b := v.Draw.Beacon
	if b.Due.After(now) {
		return "The draw waits for " + b.round() + ", out " + atSecond(b.Due, now, v.Event.zone())
	}
	return "The draw waits for " + b.round()
}

func (v ConsoleView) awaitText() string {
	return "The lobby is closed with " + count(v.Draw.Size, "fan", "fans") + ". Nobody is called before the draw. Fans read that it waits for the beacon."
}

// drawWords is how the draw stands where nothing is to be done about it; empty: no draw.
func (v ConsoleView) drawWords(now time.Time) string {
	if !v.Event.Draw {
		return ""
	}
	d := v.Draw
	switch {
	case d == nil && v.Beacon != nil:
		return "Draw with " + v.Beacon.round() + ". A secret is sealed when you publish; the beacon cannot be changed afterwards."
	case d == nil:
		return "Draw without a public beacon. A secret is sealed when you publish."
	case d.Seed != "" && d.Beacon != nil && !d.Beacon.WaivedAt.IsZero():
		return "Drawn " + at(d.DrawnAt, now, v.Event.zone()) + " among " + num(d.Size) + ", without the beacon. The fairness page says so."
	case d.Seed != "":
		return "Drawn " + at(d.DrawnAt, now, v.Event.zone()) + " among " + num(d.Size) + "."
	case v.Event.State == SaleEnded:
		return "The sale ended before its draw. The secret is revealed."
	case !d.FrozenAt.IsZero():
		return "The lobby is closed with " + num(d.Size) + ". The draw is being held."
	case d.Beacon != nil:
		return "The secret is sealed. At the opening the draw waits for " + d.Beacon.round() + ", and you give its value here."
	}
	return "The secret is sealed. The numbers are drawn at the opening."
}

// typed is the value of a field of the console: as it was typed when it was wrong.
func (v ConsoleView) typed(name string, value int) string {
	if t, ok := v.Typed[name]; ok {
		return t
	}
	return itoa(value)
}

// message is the message that stands, or as it was typed when it was wrong.
func (v ConsoleView) message() string {
	if t, ok := v.Typed["message"]; ok {
		return t
	}
	return v.Event.Message
}
