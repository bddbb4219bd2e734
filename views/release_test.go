package views_test

import (
	"strings"
	"testing"
	"time"

	"fairqueue/views"
)

func TestAnEventLeadsToTheOtherSalesOfItsShow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	sale := func(slug string, opens time.Duration, state views.SaleState) views.EventInfo {
		return views.EventInfo{ID: slug, Slug: slug, Name: "Detty December", Venue: "Eko Hotel", State: state, StartsAt: now.Add(480 * time.Hour),
			OpensAt: now.Add(opens), ClosesAt: now.Add(400 * time.Hour)}
	}
	first, second := sale("detty-december", -48*time.Hour, views.SaleSoldOut), sale("detty-december-2", 96*time.Hour, views.SaleScheduled)
	links := func(v views.EventView) (out []string) {
		for _, a := range all(parse(t, render(t, views.EventPage(views.Frame{Now: now}, v))), tag("a")) {
			if href, _ := attr(a, "href"); strings.HasPrefix(href, "/events/detty-december") && strings.Contains(text(a), ":") {
				out = append(out, href+" "+text(a))
			}
		}
		return out
	}
	if got := links(views.EventView{Event: first, Releases: []views.HomeEvent{{Event: second}}}); len(got) != 1 || !strings.HasPrefix(got[0], "/events/detty-december-2 More tickets: sale opens ") {
		t.Errorf("the first sale leads to %q", got)
	}
	if got := links(views.EventView{Event: second, Releases: []views.HomeEvent{{Event: first}}}); len(got) != 1 || got[0] != "/events/detty-december The sale before this one: sold out, waiting list open" {
		t.Errorf("the second sale leads to %q", got)
	}
	first.State = views.SaleEnded
	if got := links(views.EventView{Event: second, Releases: []views.HomeEvent{{Event: first}}}); len(got) != 0 {
		t.Errorf("a sale that is over is offered: %q", got)
	}
}

func TestTicketsOfAShowStandTogether(t *testing.T) {
	t.Parallel()
	of := func(show, event, name, id string) views.TicketInfo {
		return views.TicketInfo{ID: id, Tier: "Stands", Status: views.TicketValid, Event: views.EventInfo{ID: event, Show: show, Slug: event, Name: name}}
	}
	page := parse(t, render(t, views.TicketsPage(views.Frame{}, views.TicketsView{Tickets: []views.TicketInfo{
		of("a", "a2", "Detty December", "1"), of("b", "b", "Afro Nation", "2"), of("a", "a", "Detty December", "3"),
	}})))
	var order []string
	for _, n := range all(page, tag("a")) {
		if href, _ := attr(n, "href"); strings.HasPrefix(href, "/tickets/") {
			order = append(order, strings.TrimPrefix(href, "/tickets/"))
		}
	}
	if got := strings.Join(order, ""); got != "132" {
		t.Errorf("the order is %s", got)
	}
	var heads []string
	for _, h := range all(page, tag("h2")) {
		heads = append(heads, text(h))
	}
	if len(heads) != 1 || heads[0] != "Detty December" {
		t.Errorf("headings: %q", heads)
	}
}
