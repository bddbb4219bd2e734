package web_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/sale"
)

// paid is an order of n tickets that a new fan has paid, and the address of its page for the organizer.
func (s *stack) paid(e *sale.Snapshot, email, n string) (fan *browser, order string) {
	s.t.Helper()
	fan = s.fan(email)
	p := s.hold(fan, e, n)
	claim := claimOf(p)
	fan.submit(p, "/checkout/"+claim+"/pay")
	ref := s.reference(claim)
	s.bankSays(ref, "success")
	fan.get("/checkout/" + claim + "/return?trxref=" + ref + "&reference=" + ref).at("/checkout/" + claim)
	return fan, "/organizer/events/" + e.ID().String() + "/orders/" + claim
}

// eventually waits until a job has made a query count what it should.
func (s *stack) eventually(what string, want int, query string, args ...any) {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for s.count(query, args...) != want {
		select {
		case <-tick.C:
		case <-late.C:
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// bankFaults uses the controls of the sandbox.
func (s *stack) bankFaults(body map[string]any) {
	s.t.Helper()
	r := must(http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.provider.URL+"/_sandbox/faults", bytes.NewReader(must(json.Marshal(body))(s.t))))(s.t)
	resp := must(s.provider.Client().Do(r))(s.t)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("the sandbox refused %v: %s", body, resp.Status)
	}
}

func TestAnOrganizerGivesMoneyBack(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Night of Drums")
	fan, order := s.paid(e, "fan@fair.example", "2")
	b, list := s.as(s.org), "/organizer/events/"+e.ID().String()+"/orders"
	p := b.get(list).at(list).has("@fair.example", "₦25,000")
	if links := find(p.doc, "a[href="+order+"]"); len(links) != 1 {
		t.Fatalf("%d ways to the order:\n%s", len(links), p.says())
	}
	p = b.get(order).at(order).has("@fair.example", "Give money back", "₦25,000")
	var ids []string
	for _, box := range find(p.doc, "input[name=ticket]") {
		ids = append(ids, attr(box, "value"))
	}
	if len(ids) != 2 {
		t.Fatalf("%d tickets to choose from", len(ids))
	}

	// What cannot be is said at its field, and what was typed is still there.
	for field, q := range map[string]string{"amount": "what=amount&amount=x", "reason": "what=all&reason=" + strings.Repeat("x", 501)} {
		p = b.get(order + "/refund?" + q).at(order)
		if len(find(p.doc, "#"+field+"[aria-invalid=true]")) != 1 {
			t.Errorf("%s: the field does not say that it is wrong\n%s", q, p.says())
		}
	}
	b.get(order + "/refund?what=amount&amount=25000.01").at(order).has("At most ₦25,000")
	b.get(order + "/refund?what=tickets").at(order).has("Choose at least one ticket.")
	// Who marks a ticket or writes a sum does not mean everything, whatever stood there already.
	b.get(order + "/refund?what=all&ticket=" + ids[0]).at(order).has("You marked tickets, and above stands everything.")
	b.get(order + "/refund?what=all&amount=500").at(order).has("You wrote an amount, and above stands everything.")
	if n := s.count(`SELECT count(*) FROM refunds`); n != 0 {
		t.Fatalf("%d refunds of nothing", n)
	}

	// One ticket: asked once more, then done once, however often the button is pressed.
	ask := order + "/refund?" + url.Values{"what": {"tickets"}, "ticket": ids[:1], "resell": {"yes"}, "reason": {"The stage moved."}}.Encode()
	p = b.get(ask).at(order+"/refund").has("Give ₦12,500 back?", "1 ticket stays good", "The stage moved.", "goes back into the sale")
	if n := s.count(`SELECT count(*) FROM refunds`); n != 0 {
		t.Fatal("asking gave money back")
	}
	b.submit(p, order+"/refund").redirects(order)
	b.send(p, order+"/refund").at(order).has("The stage moved.")
	if n := s.count(`SELECT sum(amount_kobo) FROM refunds`); n != 12_500_00 {
		t.Fatalf("%d kobo go back", n)
	}
	if n := s.count(`SELECT count(*) FROM tickets WHERE account_id = $1 AND status = 'void'`, fan.acc.ID); n != 1 {
		t.Errorf("%d tickets are void", n)
	}

	// Back in the browser asks again, and there is nothing to ask about.
	b.get(ask).at(order).has("These tickets are not good any more, so there is nothing to give back for them.")

	// A part of the rest, and then everything; what was given before is said, so that nobody gives the same sum twice unawares.
	p = b.get(order+"/refund?what=amount&amount=2,500").has("Give ₦2,500 back?", "The tickets stay good.", "₦12,500 of this order is back or on its way already.", "This comes on top.")
	b.send(p, order+"/refund").at(order).has("₦2,500 is on its way back")
	p = b.get(order+"/refund?what=all").has("Give ₦10,000 back?", "stays off the sale")
	b.send(p, order+"/refund").at(order).has("₦10,000 is on its way back")
	if left := find(b.get(order).doc, "form[action="+order+"/refund]"); len(left) != 0 {
		t.Error("there is still something to give back")
	}
	if n := s.count(`SELECT count(*) FROM units WHERE state = 'blocked'`); n != 1 {
		t.Errorf("%d places are off the sale", n)
	}
	b.look(order + "/refund?what=all").redirects(order)
}

func TestAnOrganizerFindsAnOrder(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Night of Drums")
	_, other := s.paid(e, "somebody@else.example", "1")
	ada, order := s.paid(e, "Ada@Fair.example", "2")
	elsewhere := s.event("Another Night")
	b, list := s.as(s.org), "/organizer/events/"+e.ID().String()+"/orders"
	ref := s.text(`SELECT p.reference FROM payments p JOIN accounts a ON a.id = p.account_id WHERE a.email ILIKE 'ada@%'`)
	// Two standing tickets of one order are told apart by the ends of their codes.
	var ends []string
	for _, m := range regexp.MustCompile(`Code ends in ([A-Za-z0-9_-]{6})`).FindAllStringSubmatch(b.get(order).says(), -1) {
		ends = append(ends, m[1])
	}
	if len(ends) != 2 || ends[0] == ends[1] {
		t.Fatalf("the tickets are not told apart: %v", ends)
	}
	number := order[strings.LastIndex(order, "/")+1:]
	mine := must(s.cfg.Tickets.OfClaim(t.Context(), ada.acc.ID, uuid.MustParse(number)))(t)
	s.exec(`UPDATE accounts SET name = 'Chukwuemeka O’Brien-Adé' WHERE email ILIKE 'ada@%'`)
	s.exec(`UPDATE tickets SET holder_name = (ARRAY['Jọláadé Adébáyọ̀', 'Ƙasimu Ɗanjuma'])[n] FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM tickets WHERE claim_id = $1) x
		WHERE x.id = tickets.id`, number)
	// One whose end was never written down is found too.
	s.exec(`UPDATE tickets SET code_end = NULL WHERE id = $1`, mine[0].ID)
	for _, q := range []string{
		"ADA@fair", ref, strings.ToUpper(ref), ref[4:16], ends[0], ends[1], " " + ends[1] + " ", mine[0].Code, number,
		// Codes as people copy them: in other letters, with the dots for what is left out, broken over two lines.
		strings.ToUpper(ends[0]), strings.ToLower(ends[1]), "…" + ends[0], "..." + ends[1], strings.ToUpper(mine[1].Code), mine[0].Code[:50] + " " + mine[0].Code[50:],
		// Names without their accents, in parts, in any order, of more than one person of the order.
		"jolaade", "JOLAADE", "JỌLÁADÉ", "jọlaa", "jo\u0323la\u0301", "adebayo jolaade", " bayo \t jola ", "kasimu danjuma", "KASIMU", "obrien", "o'brien", "O´Brien", "brien chukwu",
		"ade kasimu", "jolaade ada@fair",
	} {
		p := b.get(list + "?q=" + url.QueryEscape(q))
		if len(find(p.doc, "a[href="+other+"]")) != 0 || len(find(p.doc, "a[href="+order+"]")) != 1 {
			t.Errorf("%q: found\n%s", q, p.says())
		}
	}
	if n := s.count(`SELECT count(*) FROM tickets WHERE code_end IS NULL`); n != 0 {
		t.Errorf("the ends of %d codes are still not written down", n)
	}
	b.get(list+"?q="+url.QueryEscape(" \t ")).has("somebody@else.example", "ada@fair.example")
	for _, q := range []string{"jolaadex", "jolaade else", "adebayo nobody", "nobody", "%", "_", "' OR 1", ends[0][:5], "no\x00bo\xffdy", strings.Repeat("ọ", 200)} {
		if p := b.get(list + "?q=" + url.QueryEscape(q)).has("No order of this event has"); len(find(p.doc, "a[href="+order+"]")) != 0 {
			t.Errorf("%q: found\n%s", q, p.says())
		}
	}
	b.get("/organizer/events/" + elsewhere.ID().String() + "/orders?q=" + ends[0]).has("No order of this event has")

	// From wherever somebody got to, there is a way back: to the newest of what was looked for, and to all.
	older := url.QueryEscape(db.Cursor(time.Now().Add(-time.Hour), uuid.Max))
	for q, back := range map[string]string{"?": list, "?q=jolaade&": list + "?q=jolaade", "?needs=you&": list + "?needs=you"} {
		p := b.get(list + q + "cursor=" + older).has("There are no older orders.")
		if len(find(p.doc, "a[href="+back+"]")) == 0 {
			t.Errorf("%s: no way back to %s\n%s", q, back, p.says())
		}
	}
	if p := b.get(list + "?needs=you").has("Nothing needs you."); len(find(p.doc, "main a[href="+list+"]")) == 0 {
		t.Errorf("no way back to all orders:\n%s", p.says())
	}
}

func TestAnOrderIsItsOrganizersOnly(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Night of Drums")
	fan, order := s.paid(e, "fan@fair.example", "1")
	other := s.fan("other@fair.example")
	must(s.accounts.BecomeOrganizer(t.Context(), other.acc.ID, "Others"))(t)
	elsewhere := s.event("Another Night")
	for _, b := range []*browser{fan, other} {
		b.look(order).status(http.StatusNotFound)
		b.look(order + "/refund?what=all").status(http.StatusNotFound)
		b.post(order+"/refund", url.Values{"what": {"all"}}).status(http.StatusNotFound)
		b.post("/organizer/events/"+e.ID().String()+"/cancel", url.Values{"sure": {"yes"}}).status(http.StatusNotFound)
	}
	own := s.as(s.org)
	own.look(strings.Replace(order, e.ID().String(), elsewhere.ID().String(), 1)).status(http.StatusNotFound)
	own.look("/organizer/events/" + e.ID().String() + "/orders/" + uuid.NewString()).status(http.StatusNotFound)
	own.look("/organizer/events/" + e.ID().String() + "/orders/nonsense").status(http.StatusNotFound)
	s.visitor().look(order).redirects("/sign-in?next=" + url.QueryEscape(order))
	if n := s.count(`SELECT count(*) FROM refunds`); n != 0 {
		t.Fatalf("%d refunds", n)
	}
}

func TestAnOrganizerPutsANameRight(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Night of Drums")
	_, order := s.paid(e, "fan@fair.example", "1")
	b, name := s.as(s.org), order+"/tickets/"+s.text(`SELECT id::text FROM tickets`)+"/name"
	p := b.send(b.get(order), name, "name", "").at(order)
	if len(find(p.doc, "input[name=name][aria-invalid=true]")) != 1 {
		t.Fatalf("the field does not say that it is wrong:\n%s", p.says())
	}
	b.send(p, name, "name", "Jọláadé").at(order).has("The ticket is for Jọláadé now.")
	if left := find(b.get(order).doc, "form[action="+name+"]"); len(left) != 0 {
		t.Error("the name could be corrected again")
	}
	b.follow(b.post(name, url.Values{"name": {"Somebody Else"}})).at(order).has("once only")
	b.post(order+"/tickets/"+uuid.NewString()+"/name", url.Values{"name": {"Nobody"}}).status(http.StatusNotFound)
}

func TestARefundThatIsStuckSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Night of Drums")
	_, order := s.paid(e, "fan@fair.example", "1")
	b, console := s.as(s.org), "/organizer/events/"+e.ID().String()
	s.bankFaults(map[string]any{"refund_outcome": "needs-attention"})
	b.send(b.get(order+"/refund?what=all"), order+"/refund").at(order)
	s.hurried("the refund needs attention", 1, `SELECT count(*) FROM refunds WHERE status = 'needs_attention'`)

	b.get(console).has("1 refund needs you")
	if p := b.get("/organizer").has("1 refund needs you"); len(find(p.doc, "a[href="+console+"/orders?needs=you]")) != 1 {
		t.Errorf("the list of events does not lead to it:\n%s", p.says())
	}
	if links := find(b.get(console+"/orders?needs=you").doc, "a[href="+order+"]"); len(links) != 1 {
		t.Fatalf("%d ways to the order", len(links))
	}
	p := b.get(order).at(order).has("needs the buyer's bank account")
	send := order + "/refunds/" + s.text(`SELECT id::text FROM refunds`) + "/send"
	banks := find(p.doc, "select[name=bank] option")
	if len(banks) < 2 {
		t.Fatalf("no bank to choose:\n%s", p.says())
	}
	const number = "0123456789"
	p = b.send(p, send, "bank", "", "account_number", "12").at(order)
	if len(find(p.doc, "select[name=bank][aria-invalid=true]")) != 1 || len(find(p.doc, "input[name=account_number][aria-invalid=true]")) != 1 {
		t.Fatalf("the fields do not say that they are wrong:\n%s", p.says())
	}
	// It is shown once more, in no address and in no log, before anything is sent.
	ask := b.post(send, url.Values{"bank": {attr(banks[1], "value")}, "account_number": {number}}).status(http.StatusOK).
		has("Send ₦12,500 there?", "0123 456 789", "fan@fair.example")
	if n := s.count(`SELECT count(*) FROM refunds WHERE status = 'needs_attention'`); n != 1 {
		t.Fatal("asking sent the money")
	}
	b.submit(ask, send).redirects(order)
	s.hurried("the refund is sent", 1, `SELECT count(*) FROM refunds WHERE status = 'processed'`)
	b.get(console + "/orders?needs=you").has("Nothing needs you")
	b.follow(b.post(send, url.Values{"bank": {attr(banks[1], "value")}, "account_number": {number}, "sure": {"yes"}})).at(order).has("There is nothing to do about it now")
	if strings.Contains(s.log.text(), number) || s.count(`SELECT count(*) FROM sessions WHERE position($1::bytea in data) > 0`, []byte(number)) != 0 {
		t.Error("the number of a bank account was kept")
	}
}

func TestAFailedRefundIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	e := s.event("Night of Drums")
	_, order := s.paid(e, "fan@fair.example", "1")
	b := s.as(s.org)
	s.bankFaults(map[string]any{"refund_outcome": "failed"})
	b.send(b.get(order+"/refund?what=all"), order+"/refund").at(order)
	s.hurried("the refund has failed", 1, `SELECT count(*) FROM refunds WHERE status = 'failed'`)
	retry := order + "/refunds/" + s.text(`SELECT id::text FROM refunds`) + "/retry"
	// It fails once more, which the provider says in the same words as the first time: that is seen soon, not in an hour.
	b.send(b.get(order).has("did not go through"), retry).at(order)
	s.hurriedWithin("1 minute", "it is known to have failed again", 1, `SELECT count(*) FROM refunds WHERE status = 'failed'`)
	s.bankFaults(map[string]any{"refund_outcome": "processed"})
	b.send(b.get(order).has("did not go through"), retry).at(order)
	s.hurried("the refund is sent", 1, `SELECT count(*) FROM refunds WHERE status = 'processed'`)
	b.follow(b.post(retry, nil)).at(order).has("There is nothing to do about it now")
}

// hurried is eventually where the jobs that wait are worked at once.
func (s *stack) hurried(what string, want int, query string) {
	s.t.Helper()
	s.hurriedWithin("1 year", what, want, query)
}

// hurriedWithin hurries only what would come soon by itself.
func (s *stack) hurriedWithin(soon, what string, want int, query string) {
	s.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for s.count(query) != want {
		if _, err := s.pool.Exec(s.t.Context(), `UPDATE river_job SET scheduled_at = now(), state = 'available'
			WHERE state IN ('retryable', 'scheduled') AND scheduled_at < now() + $1::text::interval`, soon); err != nil {
			s.t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-late.C:
			s.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// text returns the only word of a query.
func (s *stack) text(query string) (word string) {
	s.t.Helper()
	if err := s.pool.QueryRow(s.t.Context(), query).Scan(&word); err != nil {
		s.t.Fatal(err)
	}
	return word
}

func TestAnOrganizerCancelsAnEvent(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	draft := s.draft("A Draft")
	e := s.event("Night of Drums")
	fan, order := s.paid(e, "fan@fair.example", "2")
	b, console := s.as(s.org), "/organizer/events/"+e.ID().String()
	b.look("/organizer/events/" + draft.ID().String() + "/cancel").redirects("/organizer/events/" + draft.ID().String())

	p := b.get(console+"/cancel").at(console+"/cancel").has("1 order is paid: ₦25,000 goes back", "It cannot be undone.")
	b.post(console+"/cancel", url.Values{"reason": {"The hall is <flooded>."}}).status(http.StatusOK).has("Tick this first.", "The hall is <flooded>.")
	b.post(console+"/cancel", url.Values{"sure": {"yes"}, "reason": {strings.Repeat("x", 501)}}).status(http.StatusOK).has("The reason has at most 500 characters.")
	if e, err := s.sales.Fresh(t.Context(), e.ID()); err != nil || e.Cancelled() {
		t.Fatal("cancelled without a tick", err)
	}
	b.send(p, console+"/cancel", "sure", "yes", "reason", "The hall is <flooded>.").at(console + "/orders").
		has("The event is cancelled. ₦25,000 of 1 order goes back. You need not do anything now.")
	b.look(console + "/cancel").redirects(console + "/orders")
	s.hurried("the money is back", 1, `SELECT count(*) FROM refunds WHERE status = 'processed' AND amount_kobo = 2500000`)
	b.get(console + "/orders").has("all money has been sent back")
	live := b.get(console + "/cancel/live").status(http.StatusOK)
	if strings.Contains(live.body, "<html") || len(find(live.doc, "#cancelled")) != 1 {
		t.Error("the part about the money is not a part")
	}
	b.get(order).has("The event is cancelled", "Sent back")
	b.get(console).has("Cancelled")

	// Whoever comes sees it, and whoever has a ticket too.
	s.visitor().get("/events/"+e.Event.Slug).has("The event is cancelled", "It does not take place.", "The organizer writes: “The hall is <flooded>.”")
	fan.get("/tickets/"+s.text(`SELECT id::text FROM tickets LIMIT 1`)).has("The event is cancelled", "The hall is <flooded>.")
	if got := s.text(`SELECT cancel_reason FROM sales WHERE cancelled_at IS NOT NULL`); got != "The hall is <flooded>." {
		t.Errorf("kept: %q", got)
	}
	s.fan("late@fair.example").get("/events/" + e.Event.Slug + "/queue").has("The event is cancelled")
	fan.get("/events/" + e.Event.Slug + "/queue").has("The event is cancelled")
	if n := s.count(`SELECT count(*) FROM tickets WHERE account_id = $1 AND status = 'void'`, fan.acc.ID); n != 2 {
		t.Errorf("%d tickets are void", n)
	}
	s.eventually("the letter", 1, `SELECT count(*) FROM mailbox WHERE recipient = 'fan@fair.example' AND subject = 'The event is cancelled (Night of Drums)' AND position('The organizer writes: The hall is <flooded>.' in body) > 0`)
}
