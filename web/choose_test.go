package web_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/html"

	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/claim"
	"fairqueue/internal/sale"
)

// house is a small hall: stalls of two rows before a floor, and boxes to the left.
const house = `{"focal": {"x": 0, "y": -12}, "sections": [
 {"id": "stalls", "name": "Stalls", "kind": "seated", "tier": "Stalls", "rows": [
  {"name": "A", "count": 8, "x": 0, "y": 8, "aisles": [4], "marks": [{"seats": ["A8"], "accessible": true}, {"seats": ["A7"], "companion_of": "A8"}]},
  {"name": "B", "count": 8, "x": 0, "y": 9, "marks": [{"seats": ["B1"], "restricted": true}, {"seats": ["B8"], "blocked": true}]}]},
 {"id": "box", "name": "Box 1", "kind": "seated", "tier": "Box", "rows": [{"name": "L", "count": 3, "x": -14, "y": 2, "angle": -70}]},
 {"id": "floor", "name": "Floor", "kind": "standing", "tier": "Floor", "capacity": 50}]}`

func inHouse(n *sale.NewSale) {
	n.SeatMap = []byte(house)
	n.Tiers = []sale.NewTier{{Name: "Stalls", Price: 2_500_000}, {Name: "Box", Price: 5_000_000}, {Name: "Floor", Price: 1_000_000}}
}

// seatsOn are the check boxes of a page by the name of the seat, without its state.
func seatsOn(p *page) map[string]*html.Node {
	out := map[string]*html.Node{}
	for _, in := range find(p.doc, "#seatmap input[name=seat_ids]") {
		name, _, _ := strings.Cut(attr(in, "aria-label"), ";")
		out[name] = in
	}
	return out
}

const row = "Stalls, row %s, seat %s, ₦25,000"

// seat is the value of the check box of a seat of the stalls.
func seat(p *page, r, n string) string {
	p.t.Helper()
	for name, in := range seatsOn(p) {
		if strings.HasPrefix(name+",", fmt.Sprintf(row, r, n)+",") {
			return attr(in, "value")
		}
	}
	p.t.Fatalf("no seat %s %s among %v", r, n, len(seatsOn(p)))
	return ""
}

// marked are the seats that are ticked.
func marked(p *page) (out []string) {
	for name, in := range seatsOn(p) {
		if has(in, "checked") {
			out = append(out, strings.TrimSuffix(strings.TrimPrefix(name, "Stalls, "), ", ₦25,000"))
		}
	}
	slices.Sort(out)
	return out
}

func (p *page) button(label string) *html.Node {
	p.t.Helper()
	for _, b := range find(p.doc, "button") {
		if !strings.HasPrefix(words(b), label) {
			continue
		}
		if id := attr(b, "form"); id != "" {
			return find(p.doc, "#"+id)[0]
		}
		for f := range b.Ancestors() {
			if f.Data == "form" {
				return f
			}
		}
	}
	p.t.Fatalf("no button %q on:\n%s", label, p.says())
	return nil
}

// press sends the form of a button with everything it holds.
func (b *browser) press(p *page, label string) *page {
	b.t.Helper()
	form := p.button(label)
	values := url.Values{}
	for _, in := range find(form, "input[name]") {
		kind := attr(in, "type")
		if (kind == "radio" || kind == "checkbox") && !has(in, "checked") || has(in, "disabled") {
			continue
		}
		values.Add(attr(in, "name"), attr(in, "value"))
	}
	return b.follow(b.post(attr(form, "action"), values))
}

// takes is a fan who holds these very seats.
func (s *stack) takes(e *sale.Snapshot, email string, seats ...string) claim.Claim {
	s.t.Helper()
	other := s.fan(email)
	s.inside(other, e)
	hall := must(s.claims.Seats(s.t.Context(), e))(s.t)
	var ids []uuid.UUID
	for n, id := range hall.IDs {
		if p := hall.Place(n); p.Section == "Stalls" && slices.Contains(seats, p.Label) {
			ids = append(ids, id)
		}
	}
	return must(s.claims.Hold(s.t.Context(), e, other.acc.ID, claim.Request{Seats: ids}))(s.t)
}

func TestTheBestSeatsAreOneClickAway(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("House", inHouse)
	b := s.fan("a@fair.example")
	base := "/events/" + e.Event.Slug
	p := s.inside(b, e).has("Choose your place", "Find the best seats for us", "15 seats left", "50 left, standing", "Pick from the map")
	// The map and the list say the same of the same sections, and lead to the same places.
	links := func(where string) (out []string) {
		for _, a := range find(p.doc, where) {
			out = append(out, attr(a, "href"))
		}
		return out
	}
	inMap, inList := links("#overview a"), links("ul.secs a")
	if len(inMap) != 3 || !slices.Equal(inMap, inList) {
		t.Errorf("the map leads to %v, the list to %v", inMap, inList)
	}
	labels := find(p.doc, "#overview a")
	if got := attr(labels[0], "aria-label"); got != "Stalls, 15 left, ₦25,000" {
		t.Errorf("the stalls are called %q", got)
	}
	if got := attr(labels[2], "aria-label"); got != "Floor, 50 left, standing, ₦10,000" || attr(labels[2], "href") != base+"/tickets?tier="+e.Tiers[2].ID.String()+"#best" {
		t.Errorf("the floor is called %q and leads to %s", got, attr(labels[2], "href"))
	}
	p.has("1 wheelchair place left")
	// Following the floor marks it.
	floor := b.get(attr(labels[2], "href"))
	if on := find(floor.doc, "#best input[checked]"); attr(on[len(on)-1], "value") != e.Tiers[2].ID.String() {
		t.Error("the floor is not marked")
	}
	p = b.press(p, "Hold the best places together")
	if !strings.HasPrefix(p.Request.URL.Path, "/checkout/") {
		t.Fatalf("no checkout:\n%s", p.says())
	}
	held := must(s.claims.Get(t.Context(), b.acc.ID, uuid.MustParse(claimOf(p))))(t)
	if len(held.Lines) != 2 || held.Lines[0].Seat == nil || held.Lines[0].Seat.Row != "A" {
		t.Errorf("held %+v", held.Lines)
	}
	// There is one open claim: the pages of the choice lead to it.
	b.get(base+"/tickets?section=stalls").at(base+"/tickets").has("You already hold tickets for House", "Go on to pay")
}

func TestSeatsAreTickedAndHeldWithoutScript(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("House", inHouse)
	s.takes(e, "other@fair.example", "A1", "A2")
	b := s.fan("a@fair.example")
	s.inside(b, e)
	to := "/events/" + e.Event.Slug + "/tickets"
	p := b.get(to+"?section=stalls").at(to).has("Stalls", "₦25,000 a seat", "13 seats free", "No seat chosen yet", "Held, may come back", "Not for sale", "Wheelchair place", "Restricted view")
	var names []string
	for _, in := range find(p.doc, "[role=grid] [role=row] [role=gridcell] label input") {
		names = append(names, attr(in, "aria-label"))
		if free := !strings.Contains(attr(in, "aria-label"), ";"); free == has(in, "disabled") || free != (attr(in, "data-state") == "f") {
			t.Errorf("%s: disabled %v, state %s", attr(in, "aria-label"), has(in, "disabled"), attr(in, "data-state"))
		}
	}
	for _, want := range []string{
		"Stalls, row A, seat 1, ₦25,000; held, may come back", "Stalls, row A, seat 3, ₦25,000", "Stalls, row A, seat 8, ₦25,000, wheelchair place",
		"Stalls, row A, seat 7, ₦25,000, for a companion of the wheelchair place", "Stalls, row B, seat 1, ₦25,000, restricted view", "Stalls, row B, seat 8, ₦25,000; not for sale",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("no %q among %q", want, names)
		}
	}
	// A round trip adds up what is ticked, and keeps it while the map grows.
	ticked := "&seat_ids=" + seat(p, "B", "3") + "&seat_ids=" + seat(p, "B", "4")
	p = b.get(to+"?section=stalls&zoom=3"+ticked).has("Row B, seats 3 and 4", "2 seats, ₦50,000", "Hold 2 seats")
	if got := marked(p); !slices.Equal(got, []string{"row B, seat 3", "row B, seat 4"}) {
		t.Errorf("ticked %v", got)
	}
	p = b.press(p, "Hold 2 seats")
	if !strings.HasPrefix(p.Request.URL.Path, "/checkout/") {
		t.Fatalf("no checkout:\n%s", p.says())
	}
	p.has("₦50,000")
	// Numbers and ids mean the same; what is no seat is said in words.
	other := s.fan("c@fair.example")
	s.inside(other, e)
	hall := must(s.claims.Seats(t.Context(), e))(t)
	p = other.follow(other.post("/events/"+e.Event.Slug+"/claims", url.Values{"seat_ids": {hall.IDs[4].String(), hall.IDs[5].String()}}))
	if !strings.HasPrefix(p.Request.URL.Path, "/checkout/") {
		t.Fatalf("ids: no checkout:\n%s", p.says())
	}
	third := s.fan("d@fair.example")
	s.inside(third, e)
	third.follow(third.post("/events/"+e.Event.Slug+"/claims", url.Values{"section": {"stalls"}})).at(to).has("Something is missing", "Tick at least one seat")
	third.follow(third.post("/events/"+e.Event.Slug+"/claims", url.Values{"seat_ids": {"-1", "999999", "x"}, "section": {"stalls"}})).at(to).has("Tick at least one seat")
	third.look(to + "?section=nowhere").status(http.StatusNotFound)
}

func TestALostSeatIsSaidWithTheNearestInstead(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("House", inHouse)
	b := s.fan("a@fair.example")
	s.inside(b, e)
	to := "/events/" + e.Event.Slug + "/tickets"
	p := b.get(to + "?section=stalls")
	two := url.Values{"section": {"stalls"}, "seat_ids": {seat(p, "B", "2"), seat(p, "B", "3")}}
	s.takes(e, "other@fair.example", "B3", "B4")
	p = b.follow(b.post("/events/"+e.Event.Slug+"/claims", two)).at(to)
	p.has("Row B, seat 3 has just gone to somebody else", "Nothing is held for you yet", "Your other seat is still free and marked below")
	if p.Request.URL.RawQuery != "section=stalls" {
		t.Errorf("came back to %s", p.Request.URL)
	}
	if got := marked(p); !slices.Equal(got, []string{"row B, seat 2"}) {
		t.Errorf("still marked: %v", got)
	}
	p = b.press(p, "Take row")
	if !strings.HasPrefix(p.Request.URL.Path, "/checkout/") {
		t.Fatalf("the alternative leads to:\n%s", p.says())
	}
	held := must(s.claims.Get(t.Context(), b.acc.ID, uuid.MustParse(claimOf(p))))(t)
	if len(held.Lines) != 2 || held.Total != 5_000_000 {
		t.Errorf("held %+v", held.Lines)
	}
}

func TestALoneSeatIsNamedWithWhatToDo(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("House", inHouse)
	b := s.fan("a@fair.example")
	s.inside(b, e)
	to := "/events/" + e.Event.Slug + "/tickets"
	p := b.get(to + "?section=stalls")
	p = b.follow(b.post("/events/"+e.Event.Slug+"/claims", url.Values{"section": {"stalls"}, "seat_ids": {seat(p, "B", "2"), seat(p, "B", "3")}})).at(to)
	p.has("Row B, seat 1 would be left alone", "Take row B, seat 1 as well, ₦75,000", "Move to row B, seats 1 and 2, ₦50,000")
	// The list beside the map offers nothing that would be refused.
	for _, in := range find(p.doc, "#runs input[name=seats]") {
		if attr(in, "value") == seat(p, "B", "2")+" "+seat(p, "B", "3") {
			t.Error("what was refused stands in the list")
		}
	}
	if got := marked(p); len(got) != 2 {
		t.Errorf("still marked: %v", got)
	}
	p = b.press(p, "Take row B, seat 1 as well")
	held := must(s.claims.Get(t.Context(), b.acc.ID, uuid.MustParse(claimOf(p))))(t)
	if len(held.Lines) != 3 {
		t.Errorf("held %+v", held.Lines)
	}
}

func TestAPartyThatFitsNowhereTogetherIsOfferedGroups(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("House", inHouse, func(n *sale.NewSale) { n.Terms.MaxTicketsPerFan = 6 })
	b := s.fan("a@fair.example")
	p := s.inside(b, e)
	s.takes(e, "other@fair.example", "B4", "B5")
	p = b.send(p, "/events/"+e.Event.Slug+"/claims", "tier_id", e.Tiers[0].ID.String(), "quantity", "6")
	p.at("/events/"+e.Event.Slug+"/tickets").has("There are not 6 seats side by side in Stalls", "The most that are free next to each other is 4", "Take 4 together")
	p = b.press(p, "Seat the 6 of us in groups")
	if !strings.HasPrefix(p.Request.URL.Path, "/checkout/") {
		t.Fatalf("no checkout:\n%s", p.says())
	}
	if held := must(s.claims.Get(t.Context(), b.acc.ID, uuid.MustParse(claimOf(p))))(t); len(held.Lines) != 6 {
		t.Errorf("held %+v", held.Lines)
	}
}

func TestSeatsAreChangedInsideAHold(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("House", inHouse)
	b := s.fan("a@fair.example")
	s.inside(b, e)
	to := "/events/" + e.Event.Slug + "/tickets"
	p := b.get(to + "?section=stalls")
	p = b.follow(b.post("/events/"+e.Event.Slug+"/claims", url.Values{"section": {"stalls"}, "seat_ids": {seat(p, "B", "3"), seat(p, "B", "4")}}))
	id := claimOf(p)
	before := must(s.claims.Get(t.Context(), b.acc.ID, uuid.MustParse(id)))(t)

	b.get(to+"?claim="+id).at(to).has("Change your places", "2 tickets stay yours until you have others", "Take the best instead")
	p = b.get(to+"?section=stalls&claim="+id).at(to).has("Row B, seats 3 and 4", "Take these 2 instead")
	if got := marked(p); !slices.Equal(got, []string{"row B, seat 3", "row B, seat 4"}) {
		t.Errorf("the own seats are not marked: %v", got)
	}
	// Refused, the page is the same one, inside the hold.
	s.takes(e, "other@fair.example", "A1", "A2")
	p = b.follow(b.post("/checkout/"+id+"/change", url.Values{"section": {"stalls"}, "seat_ids": {seat(p, "A", "1")}})).at(to).has("Row A, seat 1 has just gone", "2 tickets stay yours")
	if p.Request.URL.Query().Get("claim") != id {
		t.Errorf("came back to %s", p.Request.URL)
	}
	// One of the two is kept, the other exchanged.
	p = b.follow(b.post("/checkout/"+id+"/change", url.Values{"section": {"stalls"}, "seat_ids": {seat(p, "B", "4"), seat(p, "B", "5")}})).at("/checkout/" + id)
	after := must(s.claims.Get(t.Context(), b.acc.ID, uuid.MustParse(id)))(t)
	if len(after.Lines) != 2 || after.Lines[0].Seat.Label != "B4" || after.Lines[1].Seat.Label != "B5" || !after.ExpiresAt.Equal(before.ExpiresAt) {
		t.Errorf("held %+v until %v, before until %v", after.Lines, after.ExpiresAt, before.ExpiresAt)
	}
	// Nobody else's, and not once it is over.
	other := s.fan("c@fair.example")
	s.inside(other, e)
	other.look(to + "?claim=" + id).redirects("/checkout/" + id)
	other.post("/checkout/"+id+"/change", url.Values{"seat_ids": {"1"}}).status(http.StatusNotFound)
	b.submit(p, "/checkout/"+id+"/release")
	b.look(to + "?claim=" + id).redirects("/checkout/" + id)
	b.follow(b.post("/checkout/"+id+"/change", url.Values{"section": {"stalls"}, "seat_ids": {"1"}})).at("/checkout/" + id)
}

func TestBasketsOfOthersAreNotSoldOut(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("House", inHouse, func(n *sale.NewSale) { n.Tiers[2].OpensAt = after(n, 2*time.Hour) })
	hall := must(s.claims.Seats(t.Context(), e))(t)
	var box []uuid.UUID
	for n, id := range hall.IDs {
		if hall.Place(n).Section == "Box 1" {
			box = append(box, id)
		}
	}
	other := s.fan("other@fair.example")
	s.inside(other, e)
	must(s.claims.Hold(t.Context(), e, other.acc.ID, claim.Request{Seats: box}))(t)
	b := s.fan("a@fair.example")
	s.inside(b, e)
	s.tick()
	p := b.get("/events/"+e.Event.Slug+"/tickets").has("All held, some usually come back", "In other people’s baskets, some usually come back", "On sale from ")
	if strings.Contains(p.says(), "Sold out") {
		t.Errorf("what is held is called sold out:\n%s", p.says())
	}
	for _, in := range find(p.doc, "#best input[name=tier_id]") {
		if open := attr(in, "value") == e.Tiers[0].ID.String(); open == has(in, "disabled") {
			t.Errorf("tier %s: disabled %v", attr(in, "value"), has(in, "disabled"))
		}
	}
	p = b.follow(b.post("/events/"+e.Event.Slug+"/claims", url.Values{"tier_id": {e.Tiers[2].ID.String()}, "quantity": {"1"}}))
	p.at("/events/"+e.Event.Slug+"/tickets").has("These tickets are not on sale yet", "They can be bought from ")
	b.get("/events/" + e.Event.Slug + "/tickets?section=box").has("All seats here are in other people’s baskets or sold. Some usually come back")
}

func after(n *sale.NewSale, d time.Duration) *time.Time {
	at := n.Terms.OpensAt.Add(d).Truncate(time.Second)
	return &at
}

func TestACodeOpensWhatAPresaleKeeps(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("House", inHouse)
	_, codes, err := s.claims.CreatePresale(t.Context(), e, s.org.ID, claim.NewPresale{Name: "Friends", TierID: e.Tiers[1].ID, PublicAt: time.Now().Add(time.Hour), Codes: []string{"FRIENDS-2026"}, UsesPerCode: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := s.fan("a@fair.example")
	s.inside(b, e)
	s.tick()
	to := "/events/" + e.Event.Slug + "/tickets"
	p := b.get(to).has("I have a code", "With a code only, until ")
	if got := seatsOn(b.get(to + "?section=box")); attr(got["Box 1, row L, seat 1, ₦50,000"], "data-state") != "b" {
		t.Errorf("a kept seat reads %v", got)
	}
	p = b.send(p, "/events/"+e.Event.Slug+"/presale", "code", "WRONG-CODE").at(to).has("This code opens nothing here")
	if in := find(p.doc, "#code"); attr(in[0], "aria-invalid") != "true" || attr(in[0], "value") != "WRONG-CODE" {
		t.Error("the wrong code is not there to be put right")
	}
	b.send(p, "/events/"+e.Event.Slug+"/presale", "code", codes[0]).at(to).has("Open to you: Friends", "Box 3 left")
	p = b.get(to + "?section=box")
	one := seatsOn(p)["Box 1, row L, seat 1, ₦50,000"]
	if attr(one, "data-state") != "f" || !has(one, "data-open") {
		t.Fatalf("with the code the seat is %s", attr(one, "data-state"))
	}
	p = b.follow(b.post("/events/"+e.Event.Slug+"/claims", url.Values{"section": {"box"}, "seat_ids": {attr(one, "value"), attr(seatsOn(p)["Box 1, row L, seat 2, ₦50,000"], "value"), attr(seatsOn(p)["Box 1, row L, seat 3, ₦50,000"], "value")}}))
	if !strings.HasPrefix(p.Request.URL.Path, "/checkout/") {
		t.Fatalf("no checkout:\n%s", p.says())
	}
	other := s.fan("c@fair.example")
	s.inside(other, e)
	other.send(other.get(to), "/events/"+e.Event.Slug+"/presale", "code", codes[0]).at(to).has("This code has been used up")
}

// The first look at a stadium costs little data, however much is in it.
func TestTheOverviewOfAStadiumIsSmall(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	raw := must(seatmap.Venues.ReadFile("venues/stadium.json"))(t)
	e := s.event("Derby", func(n *sale.NewSale) {
		n.SeatMap, n.Tiers = raw, nil
		for _, name := range seatmap.Tiers(raw) {
			n.Tiers = append(n.Tiers, sale.NewTier{Name: name, Price: 1_000_000})
		}
	})
	b := s.fan("a@fair.example")
	p := s.inside(b, e).has("Pick from the map", "Lower 1")
	if n := len(find(p.doc, "#overview a")); n != 144 {
		t.Fatalf("%d sections on the map", n)
	}
	t.Logf("overview: %d bytes, %d compressed", len(p.body), zipped(p.body))
	if n := zipped(p.body); n > 30_000 {
		t.Errorf("the overview has %d bytes, at most 30,000", n)
	}
	p = b.get("/events/" + e.Event.Slug + "/tickets?section=lower-1")
	if n := len(find(p.doc, "#seatmap input")); n != 240 || len(find(p.doc, "#seatmap [role=row]")) != 24 {
		t.Errorf("%d seats of a block of 240", n)
	}
	if n := zipped(p.body); n > 12_000 {
		t.Errorf("a block of 240 seats has %d bytes", n)
	}
}

func zipped(page string) int {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write([]byte(page))
	_ = w.Close()
	return z.Len()
}
