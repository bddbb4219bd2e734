package views

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"fairqueue/internal/money"
	"fairqueue/views/ui"
)

func (v ConsoleView) url(more string) templ.SafeURL {
	return templ.SafeURL("/organizer/events/" + v.Event.ID + more)
}

// dialMax is the end of a slider: room to double, and never below a useful span.
func (v ConsoleView) dialMax(value, least, most int) int {
	return min(max(value*2, least), most)
}

func (a ConsoleAction) label(e EventInfo) string {
	switch a {
	case ActionPublish:
		return "Publish"
	case ActionOpen:
		return "Open the sale now"
	case ActionPause:
		return "Pause the line"
	case ActionResume:
		return "Let the line go on"
	}
	return string(a)
}

// state is how the sale goes, for its organizer.
func (v ConsoleView) state(now time.Time) (ui.State, string) {
	if v.Event.Cancelled {
		return ui.Out, "Cancelled"
	}
	since := ""
	if !v.Event.Since.IsZero() {
		since = " since " + clock(v.Event.Since, v.Event.Zone)
	}
	switch v.Event.State {
	case SaleDraft:
		return ui.Soon, "Draft, nobody else sees it"
	case SaleScheduled, SaleLobby:
		return stateWords(v.Event, nil, now)
	case SaleOpen:
		return ui.Open, "Open" + since
	case SalePaused:
		return ui.Hold, "Paused" + since
	case SaleSoldOut:
		return ui.Out, "Sold out" + since
	}
	if !v.Event.Since.IsZero() {
		return ui.Out, "Ended at " + clock(v.Event.Since, v.Event.Zone)
	}
	return ui.Out, "Ended"
}

func (v ConsoleView) stockLine() string {
	if v.Event.State == SaleDraft {
		return "of " + num(v.Stats.Capacity) + " tickets"
	}
	return num(v.Stats.Held) + " held, " + num(v.Stats.Free) + " free"
}

func (v ConsoleView) servingWord() string {
	if v.Event.State == SaleEnded {
		return "Numbers called"
	}
	return "Calling now"
}

func (v ConsoleView) waiting() int64 {
	if v.Event.State == SaleLobby || v.Event.State == SaleScheduled {
		return v.Stats.Lobby
	}
	return v.Stats.Waiting + v.Stats.Lobby
}

func (v ConsoleView) waitingWord() string {
	if v.Event.State == SaleLobby || v.Event.State == SaleScheduled {
		return "In the lobby"
	}
	return "Waiting"
}

func (v ConsoleView) joined() int64 {
	if v.Stats.Joined > 0 {
		return v.Stats.Joined
	}
	s := v.Stats
	return s.Lobby + s.Waiting + s.Called + s.Inside + s.Missed + s.Left + s.Done
}

func (v ConsoleView) paceLine() string {
	if v.Event.State == SaleEnded {
		return "of " + num(v.Stats.Joined)
	}
	if v.Stats.CalledPerMinute > 0 {
		return num(v.Stats.CalledPerMinute) + " a minute"
	}
	return "you allow " + num(v.AdmitPerMinute) + " a minute"
}

// meaning is one sentence on what the figures mean for the organizer.
func (v ConsoleView) meaning() string {
	s := v.Stats
	switch v.Event.State {
	case SaleDraft:
		return "Publish when everything is right. Fans then see the event and its times."
	case SaleScheduled:
		return "Published. Fans can sign in and get ready. The line opens by itself at its time."
	case SaleLobby:
		if v.Event.Held {
			return "The lobby is closed. Whoever joins now stands behind it."
		}
		return "Fans are coming into the lobby. The sale opens by itself at its time, or when you open it."
	case SalePaused:
		return "Nobody is called. Whoever is inside may finish. Numbers, turns and visits stay as they are."
	case SaleSoldOut:
		return "Every ticket is sold. If one comes back, the line goes on by itself."
	case SaleEnded:
		return "The sale is over. Payments under way are still settled."
	}
	if room := int64(v.MaxInside) - s.Inside - s.Called; room <= 0 && s.Waiting > 0 {
		return "The room is full: the next fans are called when somebody inside finishes."
	}
	if s.Free == 0 && s.Held > 0 {
		return "Everything is sold or held. What is not paid in time comes back and goes to the next in line."
	}
	if s.Waiting > 0 && v.AdmitPerMinute > 0 {
		m := (s.Waiting + int64(v.AdmitPerMinute) - 1) / int64(v.AdmitPerMinute)
		return "At the pace you set, the last fan in line is called in about " + count(m, "minute", "minutes") + "."
	}
	return "Nobody waits. Whoever joins is called at once."
}

// moneyLine is how the money that stays comes about.
func (v ConsoleView) moneyLine() string {
	s := v.Stats
	line := s.Succeeded.String() + " came, before Paystack's fees"
	if back := s.Refunded - s.Lost; back > 0 {
		line += "; " + back.String() + " is back or on its way back"
	}
	if s.Lost > 0 {
		line += "; " + s.Lost.String() + " was lost to banks"
	}
	if s.Disputed > 0 {
		line += "; banks ask for " + s.Disputed.String()
	}
	return line
}

// shortMoney keeps a figure in its tile: ₦164.72m.
func shortMoney(k money.Kobo) string {
	naira := float64(k) / 100
	switch {
	case naira >= 1e9:
		return fmt.Sprintf("₦%.2fbn", naira/1e9)
	case naira >= 1e7:
		return fmt.Sprintf("₦%.2fm", naira/1e6)
	}
	return k.String()
}

func (v EndView) waitingLine() string {
	if v.Stats.Waiting == 0 {
		return "Nobody waits."
	}
	return count(v.Stats.Waiting, "fan who waits is", "fans who wait are") + " told that the sale is over."
}
