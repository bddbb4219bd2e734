package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/sale"
)

// buys pays for n tickets of the first tier of an event and returns their pages, in order.
func (s *stack) buys(b *browser, e *sale.Snapshot, n string) (tickets []string) {
	s.t.Helper()
	p := s.hold(b, e, n)
	claim := claimOf(p)
	b.submit(p, "/checkout/"+claim+"/pay")
	ref := s.reference(claim)
	s.bankSays(ref, "success")
	b.get("/checkout/" + claim + "/return?trxref=" + ref + "&reference=" + ref).at("/checkout/" + claim).has("You are going")
	for _, a := range find(b.get("/tickets").doc, "main a.row") {
		tickets = append(tickets, attr(a, "href"))
	}
	return tickets
}

// leads are the addresses that a page leads to.
func leads(p *page) (to []string) {
	for _, a := range find(p.doc, "main a") {
		to = append(to, attr(a, "href"))
	}
	return to
}

func TestATicketIsKeptOnPaperAndInACalendar(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Night of Paper")
	b := s.fan("paper@fair.example")
	tickets := s.buys(b, e, "2")
	if len(tickets) != 2 {
		t.Fatalf("%v", tickets)
	}
	p := b.get(tickets[0]).at(tickets[0]).has("Ticket 1 of 2", "Why can it not be passed on?", "does not take tickets back")
	links := leads(p)
	for _, to := range []string{"/ticket.pdf", "/ticket.pdf?all=1", "/print", "/event.ics"} {
		if !slices.Contains(links, tickets[0]+to) {
			t.Errorf("the page does not lead to %s", to)
		}
	}

	one, all := b.look(tickets[0]+"/ticket.pdf").status(http.StatusOK), b.look(tickets[0]+"/ticket.pdf?all=1").status(http.StatusOK)
	for pages, p := range map[string]*page{"/Count 1": one, "/Count 2": all} {
		if p.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(p.body, "%PDF-") || !strings.Contains(p.body, pages) ||
			!strings.HasPrefix(p.Header.Get("Content-Disposition"), `attachment; filename="`+e.Event.Slug+"-") || p.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v %.20q", pages, p.Header, p.body)
		}
	}
	ics := b.look(tickets[1] + "/event.ics").status(http.StatusOK)
	if !strings.HasPrefix(ics.Header.Get("Content-Type"), "text/calendar") || !strings.Contains(ics.body, "SUMMARY:Night of Paper\r\n") || !strings.Contains(ics.body, "DTSTART:"+e.Event.StartsAt.UTC().Format("20060102T150405Z")) {
		t.Errorf("%v\n%s", ics.Header, ics.body)
	}
	p = b.get(tickets[1]+"/print").at(tickets[1]+"/print").has("Your 2 tickets on paper", "Ticket 1 of 2", "Ticket 2 of 2")
	if n := len(find(p.doc, "svg.qr")); n != 2 {
		t.Errorf("%d codes on paper", n)
	}
	thief := s.fan("thief@fair.example")
	for _, to := range []string{"", "/ticket.pdf", "/print", "/event.ics", "/return"} {
		thief.get(tickets[0] + to).status(http.StatusNotFound)
		if p := s.visitor().look(tickets[0] + to); p.StatusCode != http.StatusSeeOther && p.StatusCode != http.StatusUnauthorized {
			t.Errorf("a stranger gets %d at %s", p.StatusCode, to)
		}
	}
	thief.post(tickets[0]+"/return", nil).status(http.StatusNotFound)
}

// A calendar follows a ticket that a bank decides about: each file takes the place of the one before, and an event that
// another ticket still opens stays sure.
func TestACalendarFollowsADispute(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Disputed night")
	b := s.fan("calendar@fair.example")
	tickets := s.buys(b, e, "2")
	before := 0
	says := func(state string) {
		t.Helper()
		file := strings.ReplaceAll(b.look(tickets[0]+"/event.ics").status(http.StatusOK).body, "\r\n ", "")
		if !strings.Contains(file, "STATUS:"+state+"\r\n") {
			t.Errorf("not %s:\n%s", state, file)
		}
		_, rest, _ := strings.Cut(file, "SEQUENCE:")
		number, _, _ := strings.Cut(rest, "\r\n")
		n := must(strconv.Atoi(number))(t)
		if n < before || n == 0 {
			t.Errorf("%s has the number %d after %d", state, n, before)
		}
		before = n
	}
	says("CONFIRMED")
	first := tickets[0][len("/tickets/"):]
	s.exec(`UPDATE tickets SET status = 'void', ended_at = now() WHERE id = $1`, first)
	s.exec(`INSERT INTO disputes (id, payment_id, provider_dispute_id, status, amount_kobo) SELECT gen_random_uuid(), payment_id, 'calendar', 'open', 1 FROM tickets WHERE id = $1`, first)
	says("CONFIRMED") // by the other ticket
	s.exec(`UPDATE tickets SET status = 'void', ended_at = now()`)
	says("TENTATIVE")
	if p := b.get(tickets[0]); !slices.Contains(leads(p), tickets[0]+"/event.ics") {
		t.Error("the page does not lead to the calendar")
	}
	s.exec(`UPDATE disputes SET status = 'lost', resolved_at = now()`)
	says("CANCELLED")
	s.exec(`UPDATE tickets SET status = 'valid', ended_at = NULL`)
	s.exec(`UPDATE disputes SET status = 'won'`)
	says("CONFIRMED")
}

func TestATicketIsGivenBackByPlainForms(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Night of Returns", func(n *sale.NewSale) { n.Terms.Returns = true })
	b := s.fan("back@fair.example")
	tickets := s.buys(b, e, "2")
	b.get(tickets[0]).has("You can give this ticket back for ₦12,500 until")
	p := b.get(tickets[0]+"/return").at(tickets[0]+"/return").has("Give this ticket back?", "₦12,500 goes back", "Your other tickets stay as they are.")
	p = b.send(p, tickets[0]+"/return").at(tickets[0]).has("You gave this ticket back", "₦12,500 is on its way back")
	if len(find(p.doc, "svg.qr")) != 0 || slices.Contains(leads(p), tickets[0]+"/ticket.pdf") {
		t.Error("a ticket that was given back still has a code")
	}
	// A second click, Back and the files lead to the page that says so.
	b.follow(b.post(tickets[0]+"/return", nil)).at(tickets[0]).has("You gave this ticket back")
	for _, to := range []string{"/return", "/ticket.pdf"} {
		b.get(tickets[0] + to).at(tickets[0])
	}
	if n := s.count(`SELECT count(*) FROM refunds`); n != 1 {
		t.Errorf("%d refunds", n)
	}
	b.get(tickets[1]).has("Ticket 2 of 2", "Valid")
	b.get(tickets[0] + "/print").has("Your ticket on paper")

	// What is refused says why, and changes nothing.
	s.exec(`UPDATE sales SET returns = false WHERE event_id = $1`, e.ID())
	b.follow(b.post(tickets[1]+"/return", nil)).at(tickets[1]).has("The organizer of this event does not take tickets back.")
	if n := s.count(`SELECT count(*) FROM tickets WHERE status = 'valid'`); n != 1 {
		t.Errorf("%d good tickets", n)
	}
	s.exec(`UPDATE refunds SET status = 'processed', processed_at = now()`)
	b.get(tickets[0]).has("₦12,500 went back the way you paid.")
	s.exec(`UPDATE refunds SET status = 'needs_attention', processed_at = NULL`)
	b.get(tickets[0]).has("₦12,500 is owed to you.")
}

func TestAnOrganizerChangesTheDetails(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Night of Change")
	b := s.fan("change@fair.example")
	tickets := s.buys(b, e, "1")
	org := s.organizer()
	page := "/organizer/events/" + e.ID().String() + "/details"
	form := typed(org.get(page).at(page).has("Save and tell the one ticket holder"), page)
	if form.Get("name") != "Night of Change" || form.Get("timezone") != "Africa/Lagos" || form.Get("starts_at") != e.Event.StartsAt.In(e.Event.Location).Format("2006-01-02T15:04") {
		t.Fatalf("%v", form)
	}
	wrong := url.Values{"name": {"Night of Change"}, "venue": {" "}, "timezone": {"Africa/Lagos"}, "starts_at": {"soon"}}
	org.post(page, wrong).status(http.StatusUnprocessableEntity).has("2 things are not right yet")
	// The form as it is changes nothing, although it knows no seconds.
	org.follow(org.post(page, form)).at(page).has("Saved.")
	if n := s.count(`SELECT count(*) FROM ledger WHERE kind = 'event_changed'`); n != 0 {
		t.Fatalf("%d changes of nothing", n)
	}
	form.Set("venue", "Eko Hall")
	org.follow(org.post(page, form)).at(page).has("Saved.", "Night of Change")
	b.get(tickets[0]).has("Eko Hall")
	// The letter waits for what else is changed; here its time is over at once.
	s.exec(`UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE kind = 'event_changed'`)
	s.heard("change@fair.example", "Changed: Night of Change")
	s.fan("stranger@fair.example").get(page).status(http.StatusNotFound)
}

// heard waits until an address has a message with a subject.
func (s *stack) heard(email, subject string) {
	s.t.Helper()
	for {
		box, err := s.mail.Mailbox(s.t.Context(), email, 20)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, m := range box {
			if m.Subject == subject {
				return
			}
		}
		select {
		case <-s.events:
		case <-time.After(20 * time.Second):
			s.t.Fatalf("no message %q for %s", subject, email)
		}
	}
}
