package payment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/catalog"
	"fairqueue/internal/fault"
)

// Everybody with a good ticket gets one letter, in pages of 200, and nobody else does.
func TestHoldersAreToldWhatChanged(t *testing.T) {
	t.Parallel()
	const others = 205 // more than a page
	s := open(t, config{capacity: others + 10})
	c, p := s.buy(2)
	gone, _ := s.buy(1)
	s.sql(`UPDATE tickets SET status = 'void', ended_at = now() WHERE claim_id = $1`, gone.ID)
	s.sql(`INSERT INTO accounts (id, email) SELECT gen_random_uuid(), 'holder' || n || '@example.com' FROM generate_series(1, $1::int) n`, others)
	s.sql(`INSERT INTO tickets (id, event_id, tier_id, unit_id, claim_id, payment_id, account_id, price_kobo)
		SELECT gen_random_uuid(), u.event_id, u.tier_id, u.id, $1, $2, a.id, 0
		FROM (SELECT *, row_number() OVER () AS n FROM units WHERE state = 'free') u
		JOIN (SELECT id, row_number() OVER () AS n FROM accounts WHERE email LIKE 'holder%') a USING (n)`, c.ID, p.ID)
	if n, err := s.payments.Holders(t.Context(), s.event.ID()); err != nil || n != others+1 {
		t.Fatalf("%d holders, %v", n, err)
	}
	by, name, starts := uuid.New(), "A long night", time.Date(2031, 3, 1, 18, 30, 0, 0, time.UTC)
	e, err := s.payments.ChangeDetails(t.Context(), s.event.ID(), by, catalog.Details{Name: &name, StartsAt: &starts})
	if err != nil || e.Event.Name != name || !e.Event.StartsAt.Equal(starts) || e.Event.Venue != "Hall" || e.Event.Slug != s.event.Event.Slug {
		t.Fatalf("%+v, %v", e, err)
	}
	s.until("letters to the holders", func() bool {
		s.hurryLetters()
		return s.count(`SELECT count(*) FROM river_job WHERE kind = 'event_changed' AND state <> 'completed'`) == 0 &&
			s.count(`SELECT count(*) FROM mailbox WHERE subject = 'Changed: A long night'`) == others+1
	})
	if n := s.count(`SELECT count(DISTINCT recipient) FROM mailbox WHERE subject = 'Changed: A long night'`); n != others+1 {
		t.Errorf("%d people got %d letters", n, others+1)
	}
	if n := s.count(`SELECT count(*) FROM mailbox m JOIN accounts a ON a.email = m.recipient WHERE a.id = $1 AND m.subject LIKE 'Changed%'`, gone.AccountID); n != 0 {
		t.Error("somebody without a good ticket got a letter")
	}
	var text string
	s.must(s.pool.QueryRow(t.Context(), `SELECT m.body FROM mailbox m JOIN accounts a ON a.email = m.recipient WHERE a.id = $1 AND m.subject LIKE 'Changed%'`, c.AccountID).Scan(&text))
	for _, want := range []string{"your tickets for A night.", "Name (before): A night", "Name (now): A long night", "It begins (now): Saturday 1 March 2031, 19:30 (Africa/Lagos)", "/tickets"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "Place") {
		t.Errorf("the place did not change:\n%s", text)
	}
	if n := s.count(`SELECT count(*) FROM ledger WHERE kind = 'event_changed' AND event_id = $1 AND body -> 'changes' -> 'name' ->> 'to' = $2`, s.event.ID(), name); n != 1 {
		t.Errorf("%d rows in the ledger", n)
	}
	// The same again changes nothing and writes to nobody.
	if _, err := s.payments.ChangeDetails(t.Context(), s.event.ID(), by, catalog.Details{Name: &name, StartsAt: &starts}); err != nil {
		t.Fatal(err)
	}
	if n := s.count(`SELECT count(*) FROM river_job WHERE kind = 'event_changed'`); n != 2 {
		t.Errorf("%d jobs, not 2", n)
	}
}

// hurryLetters lets the time pass that letters about a change wait.
func (s *shop) hurryLetters() {
	s.Helper()
	s.sql(`UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE kind = 'event_changed' AND state = 'scheduled'`)
}

// Changes that follow each other closely make one letter, which says what is true when it is written; what is changed
// back makes none.
func TestQuickChangesMakeOneLetter(t *testing.T) {
	t.Parallel()
	s := open(t, config{capacity: 5})
	c, _ := s.buy(1)
	change := func(name, venue string) {
		t.Helper()
		if _, err := s.payments.ChangeDetails(t.Context(), s.event.ID(), uuid.New(), catalog.Details{Name: &name, Venue: &venue}); err != nil {
			t.Fatal(err)
		}
	}
	told := func(done int) {
		t.Helper()
		s.hurryLetters()
		s.until("the letters are written", func() bool {
			return s.count(`SELECT count(*) FROM river_job WHERE kind = 'event_changed' AND state = 'completed'`) == done
		})
	}
	change("A short night", "Hall")
	change("A short night", "Garden")
	if n := s.count(`SELECT count(*) FROM river_job WHERE kind = 'event_changed' AND state = 'scheduled' AND scheduled_at > now() + interval '1 minute'`); n != 1 {
		t.Fatalf("%d letters wait, not 1", n)
	}
	change("A long night", "Garden")
	told(1)
	arrived := func(subject string) {
		t.Helper()
		s.until(subject, func() bool { return s.count(`SELECT count(*) FROM mailbox WHERE subject = $1`, subject) == 1 })
	}
	arrived("Changed: A long night")
	var text string
	s.must(s.pool.QueryRow(t.Context(), `SELECT m.body FROM mailbox m JOIN accounts a ON a.email = m.recipient WHERE a.id = $1 AND m.subject = 'Changed: A long night'`, c.AccountID).Scan(&text))
	for _, want := range []string{"Name (before): A night", "Name (now): A long night", "Place (before): Hall", "Place (now): Garden"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	change("A night", "Garden")
	change("A long night", "Garden")
	told(2)
	// After a letter the next change has one of its own.
	change("A new night", "Garden")
	told(3)
	arrived("Changed: A new night")
	if n := s.count(`SELECT count(*) FROM mailbox WHERE subject LIKE 'Changed%'`); n != 2 {
		t.Errorf("%d letters, not 2", n)
	}
}

func TestDetailsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t, config{still: true})
	by, empty, zone, name := uuid.New(), " ", "Lagos", "Another night"
	_, err := s.payments.ChangeDetails(t.Context(), s.event.ID(), by, catalog.Details{Venue: &empty, Timezone: &zone})
	if f := fault.From(err); f.Kind != fault.Invalid || len(f.Fields) != 2 || f.Fields[0].Path != "venue" || f.Fields[1].Path != "timezone" {
		t.Errorf("%+v", f)
	}
	s.sql(`UPDATE sales SET cancelled_at = now() WHERE event_id = $1`, s.event.ID())
	if _, err := s.payments.ChangeDetails(t.Context(), s.event.ID(), by, catalog.Details{Name: &name}); fault.Code(err) != "event_cancelled" {
		t.Error(err)
	}
	if n := s.count(`SELECT count(*) FROM events WHERE id = $1 AND name = 'A night' AND venue = 'Hall'`, s.event.ID()); n != 1 {
		t.Error("something changed")
	}
}
