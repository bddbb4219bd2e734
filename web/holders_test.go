package web_test

import (
	"net/http"
	"strings"
	"testing"

	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
)

// Whoever buys for others says their names before paying; a name that cannot be printed is told beside its field, and what
// was typed is still there.
func TestTicketsForOthers(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Together")
	b := s.fan("chief@names.example")
	p := s.hold(b, e, "2").has("Other names on the tickets?", "Ticket 1: Stands", "Ticket 2: Stands", "A field that you leave empty gets your name.")
	claim := claimOf(p)
	long := strings.Repeat("n", ticket.MaxName+1)
	p = b.send(p, "/checkout/"+claim+"/pay", "name", "Chief Ade", "holder_0", "Ngozi Ade", "holder_1", long).at("/checkout/" + claim).has("The name is too long: 100 characters at most.")
	typed := func() string { return attr(find(p.doc, "#holder_0")[0], "value") }
	if typed() != "Ngozi Ade" {
		t.Errorf("the name that was good is %q now", typed())
	}
	b.submit(p, "/checkout/"+claim+"/pay", "holder_1", "")
	if n := s.count(`SELECT count(*) FROM payments WHERE holders = '{Ngozi Ade,Chief Ade}'`); n != 1 {
		t.Error("the names that stood there are not those of the payment")
	}
	s.bankSays(s.reference(claim), "failed")
	// At the next try they need not be typed again.
	p = b.get("/checkout/" + claim + "/return").at("/checkout/" + claim).has("did not go through")
	if typed() != "Ngozi Ade" {
		t.Errorf("the name of the try before is %q now", typed())
	}
	if own := attr(find(p.doc, "#holder_1")[0], "value"); own != "" {
		t.Errorf("the buyer is named twice: %q", own)
	}
	b.submit(p, "/checkout/"+claim+"/pay")
	s.bankSays(s.reference(claim), "success")
	b.get("/checkout/" + claim + "/return")
	if n := s.count(`SELECT count(*) FROM tickets WHERE holder_name IN ('Ngozi Ade', 'Chief Ade')`); n != 2 {
		t.Errorf("%d tickets have the names", n)
	}
	b.get("/tickets").has("Ngozi Ade")
}

// Whoever never said a name finds one read out of the address, to be put right; a script that sends none has its rule.
func TestANameThatNobodySaid(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Guessed")
	b := s.fan("ngozi.ade88@names.example")
	p := s.hold(b, e, "1").has("From your e-mail address: put it right if it is not your name.")
	claim := claimOf(p)
	if got := attr(find(p.doc, "#name")[0], "value"); got != "Ngozi Ade" {
		t.Errorf("the name is %q", got)
	}
	p = b.send(p, "/checkout/"+claim+"/pay", "name", " ").at("/checkout/" + claim).has("Write the name as it should stand on the ticket.")
	if strings.Contains(words(p.doc), "From your e-mail") || attr(find(p.doc, "#name")[0], "value") == "Ngozi Ade" {
		t.Error("what was typed is not what stands there")
	}
	b.post("/checkout/"+claim+"/pay", nil).status(http.StatusSeeOther)
	if n := s.count(`SELECT count(*) FROM payments WHERE holders = '{Ngozi Ade}'`); n != 1 {
		t.Error("the ticket is not for who bought it")
	}
}

// An address is no name, wherever it is written; but what nobody wrote is never refused.
func TestAnAddressIsNoName(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Addressed", func(n *sale.NewSale) { n.Tiers[0].Price = 0 })
	b := s.fan("1234@names.example")
	s.exec(`UPDATE accounts SET name = 'chidi@example.com' WHERE id = $1`, b.acc.ID) // kept in former times
	p := s.hold(b, e, "1")
	pay := "/checkout/" + claimOf(p) + "/pay"
	if got := attr(find(p.doc, "#name")[0], "value"); got != "" {
		t.Errorf("the name is %q, which is refused", got)
	}
	b.send(p, pay, "name", "chidi@example.com").has("Write a name, not an e-mail address")
	b.send(p, pay, "name", "Chidi", "holder_0", "chidi@example.com").has("Write a name, not an e-mail address")
	s.exec(`UPDATE accounts SET name = '' WHERE id = $1`, b.acc.ID)
	b.post(pay, nil).status(http.StatusSeeOther)
	if n := s.count(`SELECT count(*) FROM tickets WHERE holder_name = '1234'`); n != 1 {
		t.Errorf("%d tickets for a buyer without a name", n)
	}
}
