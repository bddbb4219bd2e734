package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
)

// A second sale sells seats that the first one blocked, and new tickets; what is wrong is said at once, and nothing typed
// is lost.
func TestAnOrganizerReleasesMoreTickets(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Encore", seated)
	b := s.as(s.org)
	console := "/organizer/events/" + e.ID().String()
	release := console + "/release"
	p := b.get(console + "/stock")
	if len(find(p.doc, "a[href="+release+"]")) != 1 {
		t.Fatal("no way to a second sale")
	}
	b.get(release).at(release).has("No seat is blocked.")
	if err := s.claims.Block(t.Context(), e, s.org.ID, claim.Which{Seats: []uuid.UUID{s.seat(e, "A1"), s.seat(e, "A2"), s.seat(e, "B8")}}); err != nil {
		t.Fatal(err)
	}
	p = b.get(release).at(release).has("Row A: 2 seats of Front", "Row B: 1 seat of Back", "Empty: ₦2,000, as before.")
	if len(find(p.doc, "input[name=row]")) != 2 {
		t.Error("not a box for each row with blocked seats")
	}

	at := func(d time.Duration) string { return time.Now().Add(d).In(e.Event.Location).Format("2006-01-02T15:04") }
	form := typed(p, release)
	p = b.post(release, form).status(http.StatusUnprocessableEntity)
	for _, name := range []string{"#opens_at", "#closes_at"} {
		if len(find(p.doc, name+"[aria-invalid=true]")) != 1 {
			t.Errorf("%s does not say that it is wrong", name)
		}
	}
	form.Set("ordering", "fifo")
	form.Set("opens_at", at(-time.Hour))
	form.Set("closes_at", at(24*time.Hour))
	b.post(release, form).status(http.StatusUnprocessableEntity).has("Release blocked seats, or write what new tickets there are.")
	form.Set("price.1", "3,000")
	p = b.post(release, form).status(http.StatusUnprocessableEntity).has("No seat of Back is ticked above.")
	if attr(find(p.doc, "#price-1")[0], "value") != "3,000" {
		t.Error("what was typed is lost")
	}
	form["row"] = []string{"0.0", "0.1"}
	form.Set("tiers.0.name", "Garden")
	form.Set("tiers.0.price", "700")
	form.Set("tiers.0.capacity", "40")
	second := b.post(release, form).status(http.StatusSeeOther).Header.Get("Location")
	b.post(release, form).redirects(second) // A double click.
	id := strings.TrimPrefix(second, "/organizer/events/")
	for name, want := range map[string][2]int{"Front": {2, 2_000_00}, "Back": {1, 3_000_00}, "Garden": {40, 700_00}} {
		if n := s.count(`SELECT count(*) FROM tiers WHERE event_id = $1 AND name = $2 AND capacity = $3 AND price_kobo = $4`, id, name, want[0], want[1]); n != 1 {
			t.Errorf("the second sale does not sell %d of %s for %d", want[0], name, want[1])
		}
	}
	b.send(b.get(second).at(second), second+"/publish").at(second)
	b.get("/organizer").has("Encore")

	// In the first sale these seats belong to the second one for good.
	p = b.get(console + "/stock?section=hall").has("3 in another sale")
	if len(find(p.doc, "input[name=n]")) != 11 {
		t.Error("a seat that is sold elsewhere can be chosen")
	}
	b.post(console+"/stock/seats", url.Values{"section": {"hall"}, "row": {"0", "1"}, "do": {"unblock"}}).status(http.StatusUnprocessableEntity)
	b.get(release).at(release).has("No seat is blocked.")
	// In the second one the others do.
	b.get(second+"/stock?section=hall").has("3 free", "11 in another sale")
	form.Set("tiers.0.capacity", "41") // Not a double click.
	b.post(release, form).status(http.StatusUnprocessableEntity).has("Some of the rows you ticked have no blocked seat any more.")

	s.fan("nosy@fair.example").look(release).status(http.StatusNotFound)
	s.fan("nosy@fair.example").post(release, form).status(http.StatusNotFound)
	draft := s.draft("Draft")
	b.look("/organizer/events/" + draft.ID().String() + "/release").redirects("/organizer/events/" + draft.ID().String() + "/stock")
}
