package views

import (
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"fairqueue/internal/money"
	"fairqueue/views/ui"
)

// StockView is the stock of one sale, for its organizer.
type StockView struct {
	Event    EventInfo
	Tiers    []StockTier
	Sections []StockSection // of the seat map; none without one
	Presales []PresaleRow
	Change   StockForm
	Fixed    bool // a draft has no units yet, and an ended sale keeps what it has
	Done     string
	Problem  *Problem
}

// StockTier is the stock of one tier.
type StockTier struct {
	ID, Name                                    string
	Price                                       money.Kobo
	Seated                                      bool
	Capacity, Free, Held, Paying, Sold, Blocked int
	OpensAt, ClosesAt                           time.Time // zero: with the sale
}

// StockForm changes the number of tickets of a tier, as it was typed.
type StockForm struct {
	TierID, Do, Count string
	Error             string // about Count
}

// StockSection is one section of a seat map with its seats; those being paid for are held.
type StockSection struct {
	Key, Name                 string
	Free, Held, Sold, Blocked int
	Elsewhere                 int // sold in another sale of the show
}

// SeatState is the state of a seat, as the API names it, or elsewhere.
type SeatState string

// The states of a seat.
const (
	SeatFree      SeatState = "free"
	SeatHeld      SeatState = "held"
	SeatSold      SeatState = "sold"
	SeatBlocked   SeatState = "blocked"
	SeatElsewhere SeatState = "elsewhere" // another sale of the show sells it
)

// StockSectionView is one section, seat by seat.
type StockSectionView struct {
	Event   EventInfo
	Section StockSection
	Rows    []StockRow
	Fixed   bool
	Done    string
	Problem *Problem
}

// StockRow is a row of seats.
type StockRow struct {
	Name   string
	Index  int // in the section, from 0
	Picked bool
	Seats  []StockSeat
}

// StockSeat is one seat.
type StockSeat struct {
	Number int // in the whole map, from 0
	Label  string
	State  SeatState
	Aisle  bool // an aisle follows
	Mark   string
	Picked bool
}

// PresaleRow is a presale in the list.
type PresaleRow struct {
	ID, Name string
	What     string // "Stalls" or "24 seats"
	PublicAt time.Time
	Codes    int
	Unlocked int
	EndedAt  time.Time // zero: not ended by hand
}

// PresaleFormView is the form of a new presale, as it was typed.
type PresaleFormView struct {
	Event                              EventInfo
	Name, What, PublicAt               string // What: tier:ID, section:KEY or seats
	Kind, Generate, Codes, UsesPerCode string // Kind: generate or own
	Options                            []PresaleOption
	Seats                              []int  // numbers of the seats that were picked; then What is seats
	SeatWords                          string // which ones they are
	Errors                             map[string]string
	Problem                            *Problem
}

// PresaleOption is what a presale may keep.
type PresaleOption struct{ Value, Words string }

// CodesView shows the codes of a presale, once.
type CodesView struct {
	Event   EventInfo
	Presale PresaleRow
	Codes   []string
	Uses    int // how many fans each is good for
}

func stockURL(e EventInfo, more string) templ.SafeURL {
	return templ.SafeURL("/organizer/events/" + e.ID + "/stock" + more)
}

func sectionURL(e EventInfo, key string) templ.SafeURL {
	return stockURL(e, "?"+url.Values{"section": {key}}.Encode())
}

// general are the tiers without numbered seats: their tickets are changed by number.
func (v StockView) general() (tiers []StockTier) {
	for _, t := range v.Tiers {
		if !t.Seated {
			tiers = append(tiers, t)
		}
	}
	return tiers
}

func (v StockView) sum() (t StockTier) {
	for _, x := range v.Tiers {
		t.Capacity += x.Capacity
		t.Free += x.Free
		t.Held += x.Held
		t.Paying += x.Paying
		t.Sold += x.Sold
		t.Blocked += x.Blocked
	}
	return t
}

// fixedWords say why the stock stands as it is.
func (v StockView) fixedWords() string {
	if v.Event.State == SaleDraft {
		return "The tickets are made when you publish the event. Then you can add more, block some, or keep some for a presale."
	}
	return "The sale is over, so its tickets stay as they are."
}

func (t StockTier) times(e EventInfo) string {
	from, until := "", ""
	if !t.OpensAt.IsZero() {
		from = "from " + dayShort(t.OpensAt, e.Zone) + ", " + clock(t.OpensAt, e.Zone)
	}
	if !t.ClosesAt.IsZero() {
		until = "until " + dayShort(t.ClosesAt, e.Zone) + ", " + clock(t.ClosesAt, e.Zone)
	}
	if from == "" && until == "" {
		return ""
	}
	return "Sold " + strings.TrimSpace(from+" "+until)
}

func (s StockSection) words() string {
	words := num(s.Free) + " free"
	if s.Held > 0 {
		words += ", " + num(s.Held) + " held"
	}
	words += ", " + num(s.Sold) + " sold"
	if s.Blocked > 0 {
		words += ", " + num(s.Blocked) + " blocked"
	}
	if s.Elsewhere > 0 {
		words += ", " + num(s.Elsewhere) + " in another sale"
	}
	return words
}

func (r StockRow) free() (n int) {
	for _, s := range r.Seats {
		if s.picks() {
			n++
		}
	}
	return n
}

// states are those that the key explains.
func (s StockSection) states() []SeatState {
	states := []SeatState{SeatFree, SeatBlocked, SeatHeld, SeatSold}
	if s.Elsewhere > 0 {
		states = append(states, SeatElsewhere)
	}
	return states
}

func (s StockSeat) name(row string) string {
	words := "Row " + row + ", seat " + s.Label
	if s.Mark != "" {
		words += ", " + s.Mark
	}
	if s.State == SeatElsewhere {
		return words + ", in another sale"
	}
	return words + ", " + string(s.State)
}

// picks is whether the seat can be chosen.
func (s StockSeat) picks() bool { return s.State == SeatFree || s.State == SeatBlocked }

// state of a presale, and what it does now.
func (p PresaleRow) state(e EventInfo, now time.Time) (ui.State, string) {
	switch {
	case !p.EndedAt.IsZero():
		return ui.Out, "Ended " + at(p.EndedAt, now, e.zone())
	case !p.PublicAt.After(now):
		return ui.Open, "Public since " + dayShort(p.PublicAt, e.Zone) + ", " + clock(p.PublicAt, e.Zone)
	}
	return ui.Soon, "For codes until " + dayShort(p.PublicAt, e.Zone) + ", " + clock(p.PublicAt, e.Zone)
}

func (p PresaleRow) running(now time.Time) bool { return p.EndedAt.IsZero() && p.PublicAt.After(now) }

func (p PresaleRow) codes() string {
	return count(p.Codes, "code", "codes") + ", given by " + count(p.Unlocked, "fan", "fans")
}

func (v PresaleFormView) errorTitle() string {
	if len(v.Errors) == 1 {
		return "One thing is not right yet"
	}
	return itoa(len(v.Errors)) + " things are not right yet"
}

// form lends the fields of the form of an event.
func (v PresaleFormView) form() EventFormView { return EventFormView{Errors: v.Errors} }

func (v CodesView) text() string { return strings.Join(v.Codes, "\n") + "\n" }

// file is the codes as a file that the browser makes of this page: they are not asked for again.
func (v CodesView) file() templ.SafeURL {
	return templ.SafeURL("data:text/plain;base64," + base64.StdEncoding.EncodeToString([]byte(v.text())))
}

func (v CodesView) fileName() string { return v.Event.Slug + "-codes.txt" }

func (v CodesView) line() string {
	words := count(len(v.Codes), "code", "codes") + " for " + v.Presale.What + ". "
	if v.Uses == 1 {
		return words + "Each is good for one fan."
	}
	return words + "Each is good for " + num(v.Uses) + " fans."
}

// lines is how high the field with the codes is.
func (v CodesView) lines() int { return max(3, min(len(v.Codes), 16)) }

func (s SeatState) word() string {
	switch s {
	case SeatFree:
		return "Free"
	case SeatBlocked:
		return "Blocked"
	case SeatHeld:
		return "Held"
	case SeatSold:
		return "Sold"
	}
	return "In another sale"
}

// short is what fits on a seat: the end of its label. Held and sold seats are crossed out.
func (s StockSeat) short() string {
	if !s.picks() {
		return ""
	}
	r := []rune(s.Label)
	i := len(r)
	for i > 0 && r[i-1] >= '0' && r[i-1] <= '9' {
		i--
	}
	if i < len(r) {
		return string(r[i:])
	}
	return string(r[max(len(r)-3, 0):])
}
