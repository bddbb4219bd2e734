package views

import (
	"slices"
	"time"
)

// UsedUpInfo is a visit in which no payment is left: its fan could choose, but not pay.
type UsedUpInfo struct {
	Event EventInfo
	Held  int       // tickets that are held still
	Until time.Time // and until when
	Late  bool      // a payment of it may still arrive
}

func (u UsedUpInfo) title() string {
	if u.Late {
		return "Both payments of your visit are used"
	}
	return "Both payments failed"
}

// moneyLine says where the money is.
func (u UsedUpInfo) moneyLine() string {
	s := "They were for " + u.Event.Name + ". No money was taken, or your bank gives it back."
	if u.Late {
		s = "None of your payments for " + u.Event.Name + " has reached us yet."
	}
	return s + " If one is confirmed later after all, you get " + u.equals() + " or all of the money back."
}

func (u UsedUpInfo) equals() string {
	if u.Held > 0 {
		return "the same or equal tickets"
	}
	return "equal tickets"
}

// heldLine says what becomes of the tickets.
func (u UsedUpInfo) heldLine() string {
	switch {
	case u.Held == 0:
		return "No tickets are held for you."
	case u.Held == 1:
		return "Your ticket is kept until " + clock(u.Until, u.Event.Zone) + ", in case your bank says yes after all. Then it goes back to the others by itself."
	}
	return "Your " + itoa(u.Held) + " tickets are kept until " + clock(u.Until, u.Event.Zone) + ", in case your bank says yes after all. Then they go back to the others by themselves."
}

// gives is what is given back by asking for another turn; empty: nothing.
func (u UsedUpInfo) gives() string {
	switch u.Held {
	case 0:
		return ""
	case 1:
		return "the ticket goes back to the others at once"
	}
	return "the tickets go back to the others at once"
}

// usedUps are the visits among places in which no payment is left.
func usedUps(places []PlaceInfo) (out []UsedUpInfo) {
	for _, p := range places {
		if p.UsedUp != nil {
			out = append(out, *p.UsedUp)
		}
	}
	return out
}

// unpaid are the places of events at which something can be done: no payment for them is under way, and one is left.
func unpaid(places []PlaceInfo, banks []BankInfo) []PlaceInfo {
	return slices.DeleteFunc(slices.Clone(places), func(p PlaceInfo) bool {
		return p.UsedUp != nil || slices.ContainsFunc(banks, func(b BankInfo) bool { return b.waits() && b.Event.ID == p.Event.ID })
	})
}
