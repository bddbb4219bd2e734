package views

import (
	"strings"
	"time"
)

// say is what a screen reader hears when the state changes, and else now and then. It begins as the heading of the page does,
// or says the same in a sentence; a page and its voice that differ are two pages.
func (v WaitingView) say(now time.Time) string {
	if v.Event.Cancelled {
		return "Cancelled. " + v.cancelledTitle() + "."
	}
	switch v.Status {
	case SpotCalled:
		if v.Event.State == SalePaused {
			return "It is your turn. The sale is paused, and your time does not run down."
		}
		return "It is your turn. Come in before " + clockS(v.Until, v.Event.Zone) + "."
	case SpotInside:
		return v.sayInside()
	case SpotMissed:
		return "You can still come in. Ask for your turn before " + clockS(v.Until, v.Event.Zone) + "."
	case SpotLobby:
		return v.sayLobby(now)
	case SpotWaiting:
		return v.sayWaiting(now)
	case SpotLeft, SpotDone:
		return v.overTitle() + ". " + v.overLine()
	}
	if v.OnHold {
		return "On hold for a moment. We cannot look up your place just now. If you have one, it is saved."
	}
	return v.notInTitle() + "."
}

func (v WaitingView) sayInside() string {
	s := v.insideTitle() + "."
	switch {
	case v.Bank != nil:
		bold, rest := v.Bank.words()
		s += " " + bold + " " + rest
	case v.UsedUp != nil:
		s += " " + v.UsedUp.title() + ". " + v.UsedUp.heldLine()
	default:
		s = "You are inside. " + s
	}
	return s
}

func (v WaitingView) sayLobby(now time.Time) string {
	s := v.lobbyTitle(now) + "."
	switch {
	case v.Event.Held && v.Number == 0:
		return s + " Your number comes by itself."
	case v.Event.Held:
		return s
	case v.Late:
		return "You are in the line behind the lobby. " + s
	}
	return "You are in the lobby. " + s
}

func (v WaitingView) sayWaiting(now time.Time) string {
	gone := v.goneLine()
	switch {
	case v.Event.State == SaleSoldOut && v.Next:
		return "Sold out while it was your turn. " + v.firstLine()
	case v.Event.State == SaleSoldOut:
		return "Sold out. Your number is your place on the waiting list."
	case v.Event.State == SaleEnded:
		return "The line is closed. No more numbers are called."
	case v.OnHold:
		return "On hold for a moment. Your place is saved."
	case v.Event.State == SalePaused:
		return "The line is paused. Nobody can pass you."
	case gone != "":
		return "Sold out for you. " + gone
	case v.Next:
		return "You are next. We call you again as soon as there is room."
	case v.HasEta:
		return v.aheadLine() + " Your turn at about " + strings.Replace(etaClock(v.EtaLow, v.EtaHigh, now, v.Event.Zone), "–", " to ", 1) + "."
	}
	return v.aheadLine()
}

// aheadLine begins with a figure, by which the page knows what changes all the time and is said now and then only.
func (v WaitingView) aheadLine() string { return num(v.Ahead) + " ahead of you." }

// insideTitle is the heading of the page of somebody inside.
func (v WaitingView) insideTitle() string {
	switch {
	case v.Bank != nil:
		return "Your payment is under way"
	case v.UsedUp != nil:
		return "You need another turn"
	case v.Checkout != "":
		return "Pay for your tickets"
	}
	return "Choose your tickets"
}

// notInTitle is the heading of the page of somebody who has no place.
func (v WaitingView) notInTitle() string {
	switch {
	case v.Event.joinable():
		return "You are not in the line yet"
	case v.Event.State == SaleEnded:
		return v.Event.overWord()
	}
	return "The line is not open yet"
}
