package payment_test

import "testing"

// The mail of an order says what was bought, when and where; a free one names no money.
func TestTheMailOfAnOrder(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: 500_000})
	c, p := s.sold(2)
	free := open(t, config{})
	f, _ := free.buy(1)
	for _, o := range []struct {
		s        *shop
		account  string
		has, not []string
	}{
		{s, c.AccountID.String(), []string{"You are going", "    Tickets: 2 × Stands", "    Place: Hall", "    Begins: ", "(Africa/Lagos)", "    Paid: ₦10,000", p.Reference, publicURL + "/tickets"}, nil},
		{free, f.AccountID.String(), []string{"    Tickets: 1 × Stands", publicURL + "/tickets"}, []string{"Paid", "₦"}},
	} {
		const letters = ` FROM mailbox m JOIN accounts a ON a.email = m.recipient WHERE a.id = $1 AND m.subject LIKE 'Your ticket% for A night'`
		o.s.until("the mail of the order", func() bool { return o.s.count(`SELECT count(*)`+letters, o.account) == 1 })
		for _, want := range o.has {
			if o.s.count(`SELECT count(*)`+letters+` AND position($2 IN m.body) > 0`, o.account, want) != 1 {
				t.Errorf("%q is missing", want)
			}
		}
		for _, not := range o.not {
			if o.s.count(`SELECT count(*)`+letters+` AND position($2 IN m.body) > 0`, o.account, not) != 0 {
				t.Errorf("%q is there", not)
			}
		}
	}
}

// Every letter about money says which event it is about, and when that is.
func TestLettersAboutMoneyNameTheEvent(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	p := s.start(s.hold(s.fan(), 1))
	s.outcome(p, knobs{"outcome": "success", "amount": int64(price) - 100})
	const letter = ` FROM mailbox m JOIN accounts a ON a.email = m.recipient WHERE a.id = $1 AND m.subject LIKE 'Your money is on its way back%'`
	s.until("the letter", func() bool { s.reconcile(); return s.count(`SELECT count(*)`+letter, p.AccountID) == 1 })
	for _, want := range []string{"A night", "    Begins: ", "    Place: Hall"} {
		if s.count(`SELECT count(*)`+letter+` AND position($2 IN m.body) > 0`, p.AccountID, want) != 1 {
			t.Errorf("%q is missing", want)
		}
	}
}
