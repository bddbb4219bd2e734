package payment_test

import (
	"slices"
	"strings"
	"testing"

	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
	"fairqueue/internal/ticket"
)

// names are those on the tickets of a claim, in its order.
func (s *shop) names(account, claim string) (out []string) {
	s.Helper()
	rows, err := s.pool.Query(s.Context(), `SELECT t.holder_name FROM tickets t JOIN claim_lines l ON l.claim_id = t.claim_id AND l.unit_id = t.unit_id
		WHERE t.account_id = $1 AND t.claim_id = $2 ORDER BY l.line`, account, claim)
	s.must(err)
	defer rows.Close()
	for rows.Next() {
		var name string
		s.must(rows.Scan(&name))
		out = append(out, name)
	}
	s.must(rows.Err())
	return out
}

// Each ticket has the name that was said for it before paying; one for whom nobody was named is the buyer's.
func TestEachTicketHasItsHolder(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c := s.hold(s.fan(), 3)
	pay := func(holders ...string) payment.Payment {
		t.Helper()
		p, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID, holders...)
		s.must(err)
		return p
	}
	// What cannot stand on a ticket begins nothing.
	for _, wrong := range [][]string{{"Ada"}, {"Ada", "Bola", "Chi", "Dayo"}, {"Ada", "", strings.Repeat("x", 101)}, {"Ada", "Bo\x01la", ""}} {
		_, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID, wrong...)
		code(t, err, "invalid_request")
		want := "holders"
		if len(wrong) == 3 {
			want = "holders[" + string(rune('0'+slices.IndexFunc(wrong, func(n string) bool { return len(n) > 100 || strings.Contains(n, "\x01") }))) + "]"
		}
		if f := fault.From(err).Fields; len(f) != 1 || f[0].Path != want {
			t.Errorf("%q: %+v, want %s", wrong, f, want)
		}
	}
	if n := s.count(`SELECT count(*)::int FROM payments`); n != 0 {
		t.Fatalf("%d payments", n)
	}

	first := pay("Ada Obi", "", "Chi Eze")
	// Said once more, while it is the same payment; and not said, which changes nothing.
	if p := pay("Ada Obi", " Bola  Ojo ", ""); p.ID != first.ID {
		t.Fatal("another payment")
	}
	if p := pay(); p.ID != first.ID {
		t.Fatal("another payment")
	}
	s.outcome(first, knobs{"outcome": "success"})
	s.until("the claim is paid", func() bool { return len(s.tickets1(c)) == 3 })
	if got, want := s.names(c.AccountID.String(), c.ID.String()), []string{"Ada Obi", "Bola Ojo", ticket.BuyerName("", "ada."+c.AccountID.String()+"@example.com")}; !slices.Equal(got, want) {
		t.Errorf("the tickets are for %q, want %q", got, want)
	}
	s.addsUp()
}

// Names belong to the payment that brings the money: after one that failed they can be said anew, and a success that comes
// too late for the very places takes them to equal ones.
func TestHoldersGoWithTheirPayment(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	c := s.hold(s.fan(), 2)
	first, _, err := s.payments.Start(t.Context(), c.AccountID, c.ID, "Ada", "Bola")
	s.must(err)
	s.outcome(first, knobs{"outcome": "abandoned"})
	s.must(s.payments.Release(t.Context(), c.AccountID, c.ID))
	s.hold(s.fan(), 2) // somebody else has the places by now
	s.outcome(first, knobs{"outcome": "success"})
	s.until("it found other places", func() bool { s.reconcile(); return len(s.tickets1(c)) == 2 })
	if got := s.names(c.AccountID.String(), c.ID.String()); !slices.Equal(got, []string{"Ada", "Bola"}) {
		t.Errorf("the tickets are for %q", got)
	}

	d := s.hold(s.fan(), 1)
	one, _, err := s.payments.Start(t.Context(), d.AccountID, d.ID, "Dayo")
	s.must(err)
	s.outcome(one, knobs{"outcome": "failed"})
	s.until("it failed", func() bool {
		p, err := s.payments.Get(t.Context(), d.AccountID, one.ID)
		s.must(err)
		s.reconcile()
		return p.Status == payment.Failed
	})
	two, _, err := s.payments.Start(t.Context(), d.AccountID, d.ID, "Emeka")
	s.must(err)
	s.outcome(two, knobs{"outcome": "success"})
	s.until("it is paid", func() bool { return len(s.tickets1(d)) == 1 })
	if got := s.names(d.AccountID.String(), d.ID.String()); !slices.Equal(got, []string{"Emeka"}) {
		t.Errorf("the ticket is for %q", got)
	}
	s.addsUp()
}
