package views

import (
	"strings"
	"time"
)

// others are the sales of the same show that a fan can still do something about.
func (v EventView) others() []HomeEvent {
	var out []HomeEvent
	for _, o := range v.Releases {
		if o.Event.State != SaleEnded && o.Event.State != SaleDraft {
			out = append(out, o)
		}
	}
	return out
}

// otherSale says of another sale of the show what it is: "More tickets: sale opens Sat 5 Dec, 10:00".
func (v EventView) otherSale(o HomeEvent, now time.Time) string {
	what := "More tickets"
	if o.Event.OpensAt.Before(v.Event.OpensAt) {
		what = "The sale before this one"
	}
	_, words := stateWords(o.Event, o.Tiers, now)
	return what + ": " + strings.ToLower(words[:1]) + words[1:]
}

// ticketGroup is the tickets of one show, or of several that have one sale each.
type ticketGroup struct {
	Name    string // of a show with tickets from several sales
	Tickets []TicketInfo
}

// groups puts the tickets of a show together, in the order of the newest of each.
func (v TicketsView) groups() []ticketGroup {
	show := func(t TicketInfo) string {
		if t.Event.Show != "" {
			return t.Event.Show
		}
		return t.Event.ID
	}
	var order []string
	of, several := map[string][]TicketInfo{}, map[string]bool{}
	for _, t := range v.Tickets {
		k := show(t)
		if len(of[k]) == 0 {
			order = append(order, k)
		} else if of[k][0].Event.ID != t.Event.ID {
			several[k] = true
		}
		of[k] = append(of[k], t)
	}
	var out []ticketGroup
	for _, k := range order {
		switch {
		case several[k]:
			out = append(out, ticketGroup{Name: of[k][0].Event.Name, Tickets: of[k]})
		case len(out) > 0 && out[len(out)-1].Name == "":
			last := &out[len(out)-1]
			last.Tickets = append(last.Tickets, of[k]...)
		default:
			out = append(out, ticketGroup{Tickets: of[k]})
		}
	}
	return out
}
