package web_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/sale"
)

// seated gives an event a hall with 14 seats and a floor.
func seated(n *sale.NewSale) {
	n.SeatMap = []byte(smallMap)
	n.Tiers = []sale.NewTier{{Name: "Front", Price: 2_000_00}, {Name: "Back", Price: 1_000_00}, {Name: "Floor", Price: 500_00}}
}

func (s *stack) blocked(e *sale.Snapshot) int {
	s.t.Helper()
	return s.count(`SELECT count(*) FROM units WHERE event_id = $1 AND state = 'blocked'`, e.ID())
}

// Tickets without a number are added, blocked and put back; what cannot be done is said, and what was typed stays.
func TestAnOrganizerChangesTheNumberOfTickets(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Stock")
	fan := s.fan("holder@fair.example")
	s.hold(fan, e, "3")
	b := s.as(s.org)
	page := "/organizer/events/" + e.ID().String() + "/stock"
	p := b.get("/organizer/events/" + e.ID().String())
	if len(find(p.doc, "nav a[href="+page+"]")) != 1 {
		t.Fatal("no way from the console to the stock")
	}
	p = b.get(page).at(page)
	row := find(p.doc, "tbody tr")[0]
	if got := words(row); got != "Stands ₦12,500 10 7 3 0 0 0" {
		t.Errorf("the row says %q", got)
	}
	p = b.send(p, page, "do", "block", "count", "4").at(page).has("Blocked: 4 tickets of Stands.")
	if s.blocked(e) != 4 {
		t.Errorf("%d are blocked", s.blocked(e))
	}
	p = b.send(p, page, "do", "block", "count", "4").at(page).has("Only 3 tickets are free now")
	if in := find(p.doc, "#count")[0]; attr(in, "value") != "4" || len(find(p.doc, "input[value=block][checked]")) != 1 {
		t.Error("what was typed is lost")
	}
	p = b.send(p, page, "do", "unblock", "count", "5").at(page).has("Only 4 tickets are blocked now.")
	p = b.send(p, page, "do", "unblock", "count", "4").at(page).has("Back in the sale: 4 tickets of Stands.")
	p = b.send(p, page, "do", "add", "count", "15").at(page).has("Added: 15 tickets of Stands.")
	if s.blocked(e) != 0 || s.count(`SELECT count(*) FROM units WHERE event_id = $1`, e.ID()) != 25 {
		t.Error("the stock is not what the page said")
	}
	for _, bad := range []string{"", "0", "-3", "x", "1e3", "999999999"} {
		p = b.send(p, page, "do", "add", "count", bad).at(page)
		if len(find(p.doc, "#count[aria-invalid=true]")) != 1 {
			t.Errorf("%q: the field does not say what is wrong", bad)
		}
	}
	b.post(page, url.Values{"tier_id": {uuid.NewString()}, "do": {"add"}, "count": {"1"}}).status(http.StatusNotFound)
	b.follow(b.post(page, url.Values{"tier_id": {e.Tiers[0].ID.String()}, "do": {"burn"}, "count": {"1"}})).at(page).has("Choose what to do")
	if n := s.count(`SELECT capacity FROM tiers WHERE event_id = $1`, e.ID()); n != 25 {
		t.Errorf("capacity %d", n)
	}
}

// wallClock is an hour from now, as a form of an event knows it.
func wallClock(e *sale.Snapshot) string {
	return time.Now().Add(time.Hour).In(e.Event.Location).Format("2006-01-02T15:04")
}

// An organizer changes when a kind is sold; what is wrong stands at its field, and fans cannot choose it outside its time.
func TestAnOrganizerChangesWhenAKindIsSold(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Early birds")
	b := s.as(s.org)
	stock := "/organizer/events/" + e.ID().String() + "/stock"
	page := stock + "/times"
	p := b.get(stock)
	if len(find(p.doc, "a[href="+page+"]")) != 1 {
		t.Fatal("no way from the stock to the times")
	}
	early := e.Terms.OpensAt.Add(-time.Hour).In(e.Event.Location).Format("2006-01-02T15:04")
	p = b.submit(b.get(page), page, "tiers.0.opens_at", early).status(http.StatusUnprocessableEntity).has("not before it begins")
	if in := find(p.doc, "#tiers-0-opens_at[aria-invalid=true]"); len(in) != 1 || attr(in[0], "value") != early {
		t.Errorf("the field does not say what is wrong: %s", words(p.doc))
	}
	b.submit(p, page, "tiers.0.opens_at", "soon").status(http.StatusUnprocessableEntity).has("Write the date and the time")
	later := wallClock(e)
	p = b.send(b.get(page), page, "tiers.0.opens_at", later).at(page).has("Saved.", "Nothing is on sale at the moment, so nobody is called until a kind opens.")
	if got := attr(find(p.doc, "#tiers-0-opens_at")[0], "value"); got != later {
		t.Errorf("the form says %q", got)
	}
	b.get(stock).has("Sold from")
	s.visitor().get("/events/" + e.Event.Slug).has("On sale from")
	b.send(b.get(page), page, "tiers.0.opens_at", "").at(page).has("Saved.")
	if p := s.visitor().get("/events/" + e.Event.Slug); strings.Contains(words(p.doc), "On sale from") {
		t.Error("a time that was taken away is still told")
	}
}

// Seats are blocked one by one or by rows; a seat that a fan got in the meantime is named, and nothing changes.
func TestAnOrganizerBlocksSeats(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Seats", seated)
	b := s.as(s.org)
	stock := "/organizer/events/" + e.ID().String() + "/stock"
	section := func() *page { return b.get(stock + "?section=hall").status(http.StatusOK) }
	send := func(form url.Values) *page { return b.post(stock+"/seats", form) }
	p := b.get(stock).at(stock)
	if len(find(p.doc, "a[href="+stock+"?section=hall]")) != 1 || len(find(p.doc, "option")) != 0 || attr(find(p.doc, "input[name=tier_id]")[0], "value") != e.Tiers[2].ID.String() {
		t.Errorf("a section for the seats and a number for the floor:\n%s", p.says())
	}
	p = section()
	if n := len(find(p.doc, "input[name=n]")); n != 14 || len(find(p.doc, "input[name=row]")) != 2 {
		t.Fatalf("%d seats", n)
	}
	b.follow(send(url.Values{"section": {"hall"}, "n": {"2", "3"}, "do": {"block"}})).has("Blocked: 2 seats of Hall.", "12 free", "2 blocked")

	// A fan has two of the second row.
	fan := s.fan("sitter@fair.example")
	s.inside(fan, e)
	if _, err := s.claims.Hold(t.Context(), e, fan.acc.ID, claim.Request{Seats: []uuid.UUID{s.seat(e, "B1"), s.seat(e, "B2")}}); err != nil {
		t.Fatal(err)
	}
	p = send(url.Values{"section": {"hall"}, "n": {"6", "9"}, "do": {"block"}}).status(http.StatusConflict).has("row B seat B1", "Nothing was changed")
	if len(find(p.doc, "input[name=n][value=9][checked]")) != 1 {
		t.Error("what was ticked is lost")
	}
	if s.blocked(e) != 2 {
		t.Errorf("%d are blocked", s.blocked(e))
	}
	b.follow(send(url.Values{"section": {"hall"}, "row": {"1"}, "do": {"block"}})).has("Blocked: 6 seats of Hall. 2 seats of these rows are held or sold and stay with their fans.")
	b.follow(send(url.Values{"section": {"hall"}, "row": {"0", "1"}, "do": {"unblock"}})).has("Back in the sale: 8 seats of Hall.")
	if s.blocked(e) != 0 {
		t.Errorf("%d are blocked", s.blocked(e))
	}
	for _, form := range []url.Values{{"do": {"block"}}, {"do": {"unblock"}, "n": {"2"}}, {"do": {"block"}, "n": {"-1", "x", "999"}}, {"do": {"burn"}, "n": {"2"}}} {
		form.Set("section", "hall")
		send(form).status(http.StatusUnprocessableEntity)
	}
	send(url.Values{"section": {"floor"}, "do": {"block"}}).status(http.StatusNotFound)
	b.look(stock + "?section=nowhere").status(http.StatusNotFound)
}

// seat is the id of a seat by its label.
func (s *stack) seat(e *sale.Snapshot, label string) (id uuid.UUID) {
	s.t.Helper()
	if err := s.pool.QueryRow(s.t.Context(), `SELECT id FROM seats WHERE event_id = $1 AND label = $2`, e.ID(), label).Scan(&id); err != nil {
		s.t.Fatal(err)
	}
	return id
}

// A presale keeps what it says until its codes are given, and its codes are shown once.
func TestAnOrganizerMakesAPresale(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Presale", seated)
	b := s.as(s.org)
	stock := "/organizer/events/" + e.ID().String() + "/stock"
	lagos, err := time.LoadLocation("Africa/Lagos")
	if err != nil {
		t.Fatal(err)
	}
	public := time.Now().Add(2 * time.Hour).In(lagos).Format("2006-01-02T15:04")
	p := b.send(b.get(stock+"/presale"), stock+"/presales", "name", "").status(http.StatusUnprocessableEntity)
	for _, name := range []string{"#name", "#public_at"} {
		if len(find(p.doc, name+"[aria-invalid=true]")) != 1 {
			t.Errorf("%s does not say that it is wrong", name)
		}
	}
	p = b.submit(p, stock+"/presales", "name", "Members", "public_at", public, "generate", "7", "what", "tier:"+e.Tiers[0].ID.String()).status(http.StatusOK).
		has("Save these codes now", "7 codes for all of Front")
	codes := strings.Fields(words(find(p.doc, "textarea#codes")[0]))
	if len(codes) != 7 || len(find(p.doc, "a[download]")) != 1 || p.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("codes %q", codes)
	}
	fan := s.fan("member@fair.example")
	if _, err := s.claims.Unlock(t.Context(), e, fan.acc.ID, codes[3]); err != nil {
		t.Error(err)
	}
	p = b.get(stock).at(stock).has("Members", "all of Front", "7 codes, given by 1 fan", "For codes until")
	if strings.Contains(p.body, codes[3]) {
		t.Error("a code is shown again")
	}
	// The organizer still sees these seats as free.
	if n := len(find(b.get(stock+"?section=hall").doc, ".stk-free")); n != 14+1 {
		t.Errorf("%d free seats and the key", n)
	}

	// Single seats, with codes of one's own.
	p = b.post(stock+"/seats", url.Values{"section": {"hall"}, "n": {"8", "9"}, "do": {"presale"}}).status(http.StatusOK).has("2 seats of Hall")
	p = b.submit(p, stock+"/presales", "name", "Band", "public_at", public, "kind", "own", "codes", "x")
	p.status(http.StatusUnprocessableEntity).has("Code 1:")
	form := url.Values{"name": {"Band"}, "public_at": {public}, "kind": {"own"}, "codes": {"HIGHLIFE-1\r\nHIGH LIFE 2\r\n\r\n"}, "uses_per_code": {"2"}, "what": {"seats"}, "n": {"8", "9"}}
	b.post(stock+"/presales", form).status(http.StatusOK).has("2 codes for 2 seats. Each is good for 2 fans.")
	// The same form again, by Reload: it is refused, and nothing is made.
	b.post(stock+"/presales", form)
	form.Set("codes", "ANOTHER-ONE")
	b.post(stock+"/presales", form).status(http.StatusConflict).has("Another presale keeps some of this")
	if n := s.count(`SELECT count(*) FROM presales WHERE event_id = $1`, e.ID()); n != 2 {
		t.Errorf("%d presales", n)
	}
	var id uuid.UUID
	if err := s.pool.QueryRow(t.Context(), `SELECT id FROM presales WHERE name = 'Members'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	end := stock + "/presales/" + id.String() + "/end"
	p = b.send(b.get(stock), end).at(stock).has("The presale is over.", "Ended")
	if len(find(p.doc, "form[action="+end+"]")) != 0 {
		t.Error("it can be ended twice")
	}
	b.post(stock+"/presales/"+uuid.NewString()+"/end", nil).status(http.StatusNotFound)
	b.post(stock+"/presales/x/end", nil).status(http.StatusNotFound)
}

// A draft has no stock to change, and an ended sale keeps what it has.
func TestStockThatStandsAsItIs(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.as(s.org)
	draft := s.draft("Draft", seated)
	stock := "/organizer/events/" + draft.ID().String() + "/stock"
	p := b.get(stock).at(stock).has("The tickets are made when you publish the event.", "14", "50")
	if len(find(p.doc, "form[action="+stock+"]")) != 0 {
		t.Error("the stock of a draft can be changed")
	}
	if n := len(find(b.get(stock+"?section=hall").doc, "input[name=n]")); n != 0 {
		t.Errorf("%d seats of a draft can be chosen", n)
	}
	b.look(stock + "/presale").redirects(stock)
	b.send(b.get(stock+"/times"), stock+"/times", "tiers.1.closes_at", draft.Terms.ClosesAt.Add(-time.Hour).In(draft.Event.Location).Format("2006-01-02T15:04")).has("Saved.")
	over := s.event("Over")
	if _, err := s.queue.End(t.Context(), over.ID(), s.org.ID); err != nil {
		t.Fatal(err)
	}
	stock = "/organizer/events/" + over.ID().String() + "/stock"
	b.get(stock).at(stock).has("The sale is over, so its tickets stay as they are.")
	b.get(stock + "/times").has("The sale is over, so nothing is sold any more.")
	b.follow(b.post(stock+"/times", url.Values{"tiers.0.opens_at": {wallClock(over)}})).at(stock + "/times").has("The sale is over")
	b.follow(b.post(stock, url.Values{"tier_id": {over.Tiers[0].ID.String()}, "do": {"add"}, "count": {"1"}})).at(stock).has("Nothing was changed")
}

// Nobody but the organizer's people sees or changes a stock.
func TestTheStockOfAStranger(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Not yours", seated)
	stock := "/organizer/events/" + e.ID().String() + "/stock"
	other := s.fan("other@fair.example")
	if _, err := s.accounts.BecomeOrganizer(t.Context(), other.acc.ID, "Other Nights"); err != nil {
		t.Fatal(err)
	}
	for _, b := range []*browser{s.fan("nosy@fair.example"), other} {
		for _, page := range []string{"", "?section=hall", "/times", "/presale"} {
			b.look(stock + page).status(http.StatusNotFound)
		}
		for _, form := range []string{"", "/seats", "/times", "/presales", "/presales/" + uuid.NewString() + "/end"} {
			b.post(stock+form, url.Values{"tier_id": {e.Tiers[2].ID.String()}, "count": {"1"}, "do": {"block"}, "section": {"hall"}, "n": {strconv.Itoa(1)}}).status(http.StatusNotFound)
		}
	}
	if s.blocked(e) != 0 {
		t.Error("a stranger blocked something")
	}
	s.visitor().get(stock).at("/sign-in")
	s.visitor().post(stock, url.Values{"do": {"add"}}).status(http.StatusSeeOther)
}
