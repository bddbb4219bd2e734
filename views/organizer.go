package views

import "fairqueue/internal/money"

// OrganizerView is the organizer's list of events.
type OrganizerView struct {
	Events   []OrganizerEvent
	Newcomer bool // the person has no organization yet
	Problem  *Problem
}

// OrganizerEvent is one event with its figures.
type OrganizerEvent struct {
	Event          EventInfo
	Capacity, Sold int
	Waiting        int64
	Trouble        Trouble
}

// EventFormView is the form of a new event, as it was typed.
type EventFormView struct {
	Name, Venue, Timezone                     string
	StartsAt, LobbyOpensAt, OpensAt, ClosesAt string // yyyy-mm-ddThh:mm in Timezone
	Ordering                                  string // fifo or draw
	MaxPerFan, AdmitPerMinute, MaxInside      string
	TurnSeconds, VisitSeconds, HoldSeconds    string
	GraceSeconds                              string
	BeaconName, BeaconRound, BeaconURL        string
	Money                                     MoneyForm
	Tiers                                     []TierForm        // the page shows at least four rows
	Map                                       MapForm           // the seat map, if the form has one
	Errors                                    map[string]string // by field name; tiers.0.name and so on
	Zones                                     []string          // offered time zones; nil: those of Africa
	Problem                                   *Problem
}

// TierForm is one row of tiers. A row with nothing in it is not a tier.
type TierForm struct {
	Name, Price, Capacity string // Price in naira
	OpensAt, ClosesAt     string // as in EventFormView; empty: with the sale
	Mapped                bool   // the seat map names it: neither its name nor its number can be typed
	Places                int    // on the seat map
	Seated                bool   // the places are numbered seats
}

// MapForm is the seat map of a form.
type MapForm struct {
	Given           bool   // there is one, and it can be used
	Name            string // of the file, or of the example
	Venue           string // theatre, arena or stadium; empty: a file
	Kept            string // the file, packed, so that it travels with the form
	Pairs           bool   // no single seat is left alone
	Seats, Standing int
	Sections        []MapFormSection
	Picture         *MapView // how it looks; nil: only the list
	Errors          []MapError
}

// MapFormSection is one section of a seat map, with what is in it.
type MapFormSection struct {
	Name                              string
	Tiers                             []string
	Standing                          bool
	Rows, Places, Blocked, Accessible int
}

// MapError is one thing that is wrong with a seat map; Path is where, as in the file.
type MapError struct {
	Path, Words string
}

// Stats are the figures of one sale.
type Stats struct {
	Lobby, Waiting, Called, Inside, Missed, Left, Done, Serving int64
	Joined                                                      int64
	Capacity, Free, Held, Sold                                  int
	// Lost is what of Refunded banks took.
	Succeeded, Refunded, Lost, Disputed money.Kobo
	CalledPerMinute                     int
}

// ConsoleView is the organizer's control of one sale.
type ConsoleView struct {
	Event          EventInfo
	Stats          Stats
	AdmitPerMinute int
	MaxInside      int
	Can            []ConsoleAction // what is possible now, in the order of its importance
	Errors         map[string]string
	Typed          map[string]string // fields as they were typed when something was wrong
	Beacon         *BeaconView       // the beacon that is named; nil: none
	Draw           *DrawView         // nil: none, or a draft
	Trouble        Trouble
	Done           string // what was just done, in a sentence
	Problem        *Problem
}

// ConsoleAction is a change of the sale's state.
type ConsoleAction string

// What an organizer can do with a sale.
const (
	ActionPublish ConsoleAction = "publish"
	ActionOpen    ConsoleAction = "open"
	ActionPause   ConsoleAction = "pause"
	ActionResume  ConsoleAction = "resume"
	ActionEnd     ConsoleAction = "end"
)

// EndView asks whether a sale shall really end.
type EndView struct {
	Event EventInfo
	Stats Stats
}
