package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

func TestTheEventPageLeadsToMoreTickets(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	first := s.event("Detty December")
	draft, err := s.sales.Release(t.Context(), first.ID(), uuid.New(), sale.NewRelease{Terms: first.Terms, Tiers: []sale.NewTier{{Name: "Late", Price: 1, Capacity: 5}}})
	if err != nil {
		t.Fatal(err)
	}
	leads := func(b *browser, path string, want bool, links ...string) {
		t.Helper()
		p := b.get(path).status(http.StatusOK)
		for _, link := range links {
			if strings.Contains(p.body, `href="`+link+`"`) != want {
				t.Errorf("%s leads to %s: want %t", path, link, want)
			}
		}
	}
	there, more := "/events/"+first.Event.Slug, "/events/"+draft.Event.Slug
	leads(s.visitor(), there, false, more)
	if _, err := s.claims.Publish(t.Context(), draft.ID(), uuid.New()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sales.Fresh(t.Context(), first.ID()); err != nil {
		t.Fatal(err)
	}
	leads(s.visitor(), there, true, more)
	leads(s.visitor(), more, true, there)
	// Each sale is in the lists.
	leads(s.visitor(), "/", true, there, more)
	leads(s.as(s.org), "/organizer", true, "/organizer/events/"+first.ID().String(), "/organizer/events/"+draft.ID().String())
}
