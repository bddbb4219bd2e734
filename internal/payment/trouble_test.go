package payment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/payment"
)

// organizers makes two people organizers of the event, and one of another organization.
func (s *shop) organizers() []string {
	s.Helper()
	s.sql(`INSERT INTO organizations (id, name) VALUES ($1, 'Others')`, uuid.New())
	var all []string
	for _, org := range []string{"House", "House", "Others"} {
		id := uuid.New()
		email := "org." + id.String() + "@example.com"
		s.sql(`INSERT INTO accounts (id, email) VALUES ($1, $2)`, id, email)
		s.sql(`INSERT INTO members (organization_id, account_id, role) SELECT id, $1, 'owner' FROM organizations WHERE name = $2`, id, org)
		all = append(all, email)
	}
	return all
}

// mailed is how often somebody was written to under a title about the event, and what the newest of it says.
func (s *shop) mailed(to, title string) (n int, text string) {
	s.Helper()
	sent, err := s.mail.Mailbox(s.Context(), to, 50)
	s.must(err)
	for _, m := range sent {
		if m.Subject == title+" (A night)" {
			if n++; n == 1 {
				text = m.Text
			}
		}
	}
	return n, text
}

// rests hurries jobs until a refund of the shop has been asked for so often, and rests in a state.
func (s *shop) rests(status string, attempts int) {
	s.Helper()
	s.until("the refund is "+status, func() bool {
		s.hurry()
		return s.count(`SELECT count(*) FROM refunds WHERE status = $1 AND attempts >= $2`, status, attempts) == 1
	})
}

// Whoever has to act hears of it by mail, and whoever waits for the money too: once, however often it fails.
func TestARefundThatIsStuckIsToldToItsBuyerAndTheOrganizers(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	to := s.organizers()
	c, p := s.sold(2)
	buyer := "ada." + c.AccountID.String() + "@example.com"
	s.faults(knobs{"refund_outcome": "failed"})
	s.refund(payment.Ask{Order: c.ID, By: c.AccountID})
	s.rests("failed", 1)
	s.until("the letters about the failure", func() bool {
		s.hurry()
		n, _ := s.mailed(to[0], "1 refund needs you")
		m, _ := s.mailed(to[1], "1 refund needs you")
		return n == 1 && m == 1 && s.letters(c, "Your refund takes longer") == 1
	})
	_, text := s.mailed(to[0], "1 refund needs you")
	for _, want := range []string{"A night", buyer, "₦10,000", "did not go through", "once an hour", "While a bank asks for the same money, both wait", publicURL + "/organizer/events/" + s.event.ID().String() + "/orders?needs=you"} {
		if !strings.Contains(text, want) {
			t.Errorf("the organizers do not read %q:\n%s", want, text)
		}
	}
	_, text = s.mailed(buyer, "Your refund takes longer")
	for _, want := range []string{"still yours", "₦10,000", p.Reference, "tried again until", "PIN"} {
		if !strings.Contains(text, want) {
			t.Errorf("the buyer does not read %q:\n%s", want, text)
		}
	}

	// It fails on and on, which is no news, even when the organizers may be written to again.
	again := func() { s.sql(`UPDATE refunds SET organizer_told_at = now() - interval '1 hour'`) }
	again()
	s.rests("failed", 4)
	// That it needs an account is.
	s.faults(knobs{"refund_outcome": "needs-attention"})
	s.rests("needs_attention", 4)
	s.until("the letters about the account", func() bool {
		s.hurry()
		n, _ := s.mailed(to[0], "1 refund needs you")
		return n == 2 && s.letters(c, "Your refund needs a bank account") == 1
	})
	if _, text = s.mailed(to[0], "1 refund needs you"); !strings.Contains(text, "needs the buyer's bank account") || !strings.Contains(text, "Never ask for a PIN") {
		t.Errorf("the organizers do not read what to do:\n%s", text)
	}
	_, text = s.mailed(buyer, "Your refund needs a bank account")
	for _, want := range []string{"still yours", "will ask you for the bank and the number of an account", "nobody needs your PIN, your card, a password"} {
		if !strings.Contains(text, want) {
			t.Errorf("the buyer does not read %q:\n%s", want, text)
		}
	}
	if n := s.letters(c, "Your refund takes longer"); n != 1 {
		t.Errorf("the buyer read %d times that it takes longer", n)
	}
	if n, _ := s.mailed(to[2], "1 refund needs you"); n != 0 {
		t.Error("somebody else's organizer was told")
	}
	trouble, err := s.payments.TroubleOf(t.Context(), []uuid.UUID{s.event.ID(), uuid.New()})
	s.must(err)
	if len(trouble) != 1 || trouble[s.event.ID()] != (payment.Trouble{Refunds: 1}) {
		t.Errorf("%+v", trouble)
	}
}

// What happens within a minute is one letter, and the next one leaves the organizers half an hour.
func TestTheOrganizersReadOneLetterAboutMuchTrouble(t *testing.T) {
	t.Parallel()
	s := open(t, config{price: price})
	to := s.organizers()[0]
	_, first := s.sold(1)
	_, second := s.sold(2)
	_, third := s.sold(1)
	s.bankAsks(first, 7, disputeOpens, "awaiting-merchant-feedback", "", price)
	s.bankAsks(second, 8, disputeOpens, "awaiting-merchant-feedback", "", 2*price)
	s.bankAsks(second, 8, disputeOpens, "awaiting-merchant-feedback", "", 2*price)
	if n := s.count(`SELECT count(*) FROM river_job WHERE kind = 'payment_trouble' AND scheduled_at > created_at + interval '50 seconds'`); n != 2 {
		t.Fatalf("%d letters wait for what else comes", n)
	}
	told := func(title string) func() bool {
		return func() bool {
			s.hurry()
			n, _ := s.mailed(to, title)
			return n == 1
		}
	}
	s.until("one letter about both", told("2 disputes need you"))
	_, text := s.mailed(to, "2 disputes need you")
	zone, err := time.LoadLocation("Africa/Lagos")
	s.must(err)
	var due time.Time
	s.must(s.pool.QueryRow(t.Context(), `SELECT due_at FROM disputes WHERE provider_dispute_id = '7'`).Scan(&due))
	for _, want := range []string{"₦5,000", "₦10,000", "answer by " + due.In(zone).Format("Monday 2 January"), "without an answer in time the money is lost", "Do not send a refund on top"} {
		if !strings.Contains(text, want) {
			t.Errorf("the organizers do not read %q:\n%s", want, text)
		}
	}
	s.bankAsks(third, 9, disputeOpens, "awaiting-merchant-feedback", "", price)
	s.hurry()
	s.until("the third waits its time", func() bool {
		return s.count(`SELECT count(*) FROM river_job WHERE kind = 'payment_trouble' AND state = 'scheduled' AND scheduled_at > now() + interval '25 minutes'`) == 1
	})
	if n, _ := s.mailed(to, "1 dispute needs you"); n != 0 {
		t.Error("a second letter within half an hour")
	}
	s.sql(`UPDATE disputes SET organizer_told_at = organizer_told_at - interval '1 hour'`)
	s.until("a letter about the third", told("1 dispute needs you"))
}
