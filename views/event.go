package views

import "time"

// EventView is the page of one event.
type EventView struct {
	Event             EventInfo
	Tiers             []TierInfo
	Place             *PlaceInfo    // the fan's own place; nil: not in the line
	Turn, Visit, Hold time.Duration // how long a turn, a visit and a hold last
	Tickets           int           // tickets this fan has for the event
	Problem           *Problem      // why joining did not work
}
