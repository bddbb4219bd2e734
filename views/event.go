package views

import (
	"slices"
	"time"
)

// EventView is the page of one event.
type EventView struct {
	Event             EventInfo
	Tiers             []TierInfo
	Place             *PlaceInfo    // the fan's own place; nil: not in the line
	Turn, Visit, Hold time.Duration // how long a turn, a visit and a hold last
	Tickets           int           // tickets this fan has for the event
	Problem           *Problem      // why joining did not work
	Presale           PresaleInfo
	Releases          []HomeEvent // the other sales of the show
	Channels          []string    // ways to pay that are offered, or would be now
	Bank              *BankInfo   // the fan's payment for the event that is not decided; nil: none
}

// mine is whether the fan has a place worth going to.
func (v EventView) mine() bool { return v.Place != nil && v.Place.active() }

// paying is whether tickets are kept for a payment of the fan's.
func (v EventView) paying() bool { return v.Bank != nil && v.Bank.waits() }

// usedUp is the fan's visit, where no payment is left in it; nil: there is none such.
func (v EventView) usedUp() *UsedUpInfo {
	if v.Place == nil || v.paying() {
		return nil
	}
	return v.Place.UsedUp
}

// bar is the reminder on top: only for what cannot wait, since the stub shows the place.
func (v EventView) bar() *PlaceInfo {
	if v.mine() && (v.Place.Status == SpotCalled || v.Place.Status == SpotMissed) {
		p := *v.Place
		p.Event = v.Event
		return &p
	}
	return nil
}

// opened is whether the sale has begun: its times are then the past.
func (v EventView) opened() bool {
	switch v.Event.State {
	case SaleOpen, SalePaused, SaleSoldOut, SaleEnded:
		return true
	}
	return false
}

func (v EventView) scheduleTitle() string {
	if v.opened() {
		return "How the line works"
	}
	return "What happens " + v.onDay()
}

func (v EventView) onDay() string {
	t := v.Event.LobbyOpensAt
	if t.IsZero() {
		t = v.Event.OpensAt
	}
	return "on " + weekday(t, v.Event.Zone)
}

func (v EventView) opensLine(now time.Time) string {
	e := v.Event
	if e.LobbyOpensAt.After(now) {
		if sameDay(e.LobbyOpensAt, e.OpensAt, e.Zone) {
			return "Sale opens at " + clock(e.OpensAt, e.Zone) + ", " + zoneWords(e.Zone) + "."
		}
		return "Sale opens " + when(e.OpensAt, now, e.Zone) + ", " + zoneWords(e.Zone) + "."
	}
	return zoneWords(e.Zone) + "."
}

// early says honestly whether coming early helps.
func (e EventInfo) early() string {
	switch {
	case e.drawn():
		return "Joining early does not help. Everybody who is in the lobby at " + clock(e.OpensAt, e.Zone) + " has the same chance."
	case !e.LobbyOpensAt.IsZero():
		return "Places are given in the order of joining, from the moment the lobby opens."
	}
	return "Places are given in the order of joining, from the moment the sale opens."
}

func (v EventView) lobbyLine() string {
	if v.Event.drawn() {
		return "Come any time before the sale and leave the page open. You can lock your phone."
	}
	return "You can join from now on. Your place is written down at once, and your number follows the order of joining."
}

func (v EventView) openTitle() string {
	if v.opened() {
		return "The sale opened."
	}
	if v.Event.drawn() {
		return "The draw."
	}
	return "The sale opens."
}

func (v EventView) openLine() string {
	switch {
	case v.opened() && v.Event.drawn():
		return "Everybody in the lobby got a number by draw. If you join now, you stand behind them."
	case v.opened():
		return "Numbers follow the order of joining, and a number never changes."
	case v.Event.drawn():
		return "Everybody in the lobby gets a number. If you come later, you stand behind the lobby."
	case !v.Event.LobbyOpensAt.IsZero():
		return "We begin to call numbers. If you come later, you stand behind those who are there."
	}
	return "The line opens. Numbers follow the order of joining, and a number never changes."
}

func (v EventView) afterLine() string {
	if v.Turn <= 0 || v.Visit <= 0 {
		return "The page turns yellow when it is your turn."
	}
	what := "to choose and pay."
	if seated(v.Tiers) {
		what = "to choose your seats and pay."
	}
	return "You have " + span(v.Turn) + " to come in and " + span(v.Visit) + " " + what
}

// seated is whether some of the tickets are for numbered seats.
func seated(tiers []TierInfo) bool {
	return slices.ContainsFunc(tiers, func(t TierInfo) bool { return t.Seated })
}

// signInBefore is the label that asks for the sign-in in time.
func signInBefore(t, now time.Time, l *time.Location) string {
	if sameDay(t, now, l) {
		return "Sign in before " + clock(t, l)
	}
	if t.Sub(now) < 6*24*time.Hour {
		return "Sign in before " + weekday(t, l)
	}
	return "Sign in before " + dayShort(t, l)
}
