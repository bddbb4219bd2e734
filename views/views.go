package views

import (
	"time"

	"fairqueue/internal/money"
)

// Theme is the look a person chose; empty follows the device.
type Theme string

// The themes of the design.
const (
	ThemeAuto  Theme = ""
	ThemeDay   Theme = "fq-day"
	ThemeNight Theme = "fq-night"
)

// Frame is what every page knows about the request it answers.
type Frame struct {
	Name      string    // who is signed in: a name or an e-mail; empty: nobody
	Organizer bool      // the person has an organization: show the way to it
	Theme     Theme     // from the cookie `theme`
	Path      string    // path and query of this page, where sign-in and the theme switch come back to
	Now       time.Time // the server's corrected clock
	RequestID string    // shown on error pages
	Dev       bool      // show the ways to the mailbox and the gallery
	TestMode  bool      // people pay with a test key: say on every page that no money moves
	Still     bool      // the gallery: clocks stand, nothing asks the server
}

// SaleState is the state of a sale (CONTRACT.md section 3).
type SaleState string

// The states of a sale.
const (
	SaleDraft     SaleState = "draft"
	SaleScheduled SaleState = "scheduled"
	SaleLobby     SaleState = "lobby"
	SaleOpen      SaleState = "open"
	SalePaused    SaleState = "paused"
	SaleSoldOut   SaleState = "sold_out"
	SaleEnded     SaleState = "ended"
)

// SpotStatus is where a fan stands in a line; empty: not in it.
type SpotStatus string

// The states of a spot.
const (
	SpotNone    SpotStatus = ""
	SpotLobby   SpotStatus = "lobby"
	SpotWaiting SpotStatus = "waiting"
	SpotCalled  SpotStatus = "called"
	SpotInside  SpotStatus = "inside"
	SpotMissed  SpotStatus = "missed"
	SpotLeft    SpotStatus = "left"
	SpotDone    SpotStatus = "done"
)

// EventInfo is an event as every page shows it.
type EventInfo struct {
	ID, Slug, Name, Venue string
	Show                  string         // the same for all sales of a show
	Zone                  *time.Location // the event's own zone; nil is UTC
	StartsAt              time.Time
	State                 SaleState
	Since                 time.Time // when State began; zero: not known
	Draw                  bool      // ordering is draw
	LobbyOpensAt          time.Time // zero: no lobby
	OpensAt, ClosesAt     time.Time
	Limit                 int    // most tickets for each fan
	Message               string // the organizer's message to everybody
	MessageAt             time.Time
	Held                  bool   // the lobby is closed and the draw is being held
	Cancelled             bool   // the event does not take place
	CancelReason          string // what the organizer says about it; may be empty
}

// TierInfo is one kind of ticket.
type TierInfo struct {
	ID, Name            string
	Ordinal             int
	Price               money.Kobo
	Capacity, Available int
	Seated              bool
	SoldOut             bool // nothing is left and nothing is held: it does not come back by itself
	// Wait says why nothing can be had now of what is not sold: "On sale from today, 14:00".
	Wait string
	// WaitUntil is when that ends; zero: it does not, or nobody knows.
	WaitUntil time.Time
}

// PlaceInfo is the fan's own place in a line.
type PlaceInfo struct {
	Event  EventInfo
	Status SpotStatus
	Number int64 // 0: no number yet
	Ahead  int64
	UsedUp *UsedUpInfo // inside, and no payment is left; nil: one is
}

// BankInfo is a payment of the fan that is not decided yet.
type BankInfo struct {
	Event   EventInfo
	ClaimID string
	Amount  money.Kobo
	Waiting bool // the bank is at work on it
	Late    bool // its tickets were given up meanwhile, and the money may still come
}

// Problem is a refusal, said to a person: what happened, then what comes next.
// Code is the stable code of the API; known codes bring their own words when
// Title and Text are empty.
type Problem struct {
	Code  string
	Title string
	Text  string
	Left  int       // not_enough_left: how many there are; limit_reached: how many more
	At    time.Time // sale_not_joinable: when joining begins
}
