package ticket_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"fairqueue/internal/fault"
	"fairqueue/internal/ticket"
)

func (d *desk) corrected() int64 {
	d.Helper()
	n, err := ticket.NamesCorrected(d.Context(), d.tx, d.event)
	if err != nil {
		d.Fatal(err)
	}
	return n
}

func TestANameIsCorrectedOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	_, ids := d.order(2)
	by := uuid.New()
	got, err := d.tickets.CorrectName(t.Context(), d.event, ids[0], by, "  Adaeze \t Obi ")
	if err != nil || got.HolderName != "Adaeze Obi" || got.NameCorrectedAt.IsZero() || got.Code == "" {
		t.Fatalf("%+v %v", got, err)
	}
	// The same request again is answered with the same ticket.
	if again, err := d.tickets.CorrectName(t.Context(), d.event, ids[0], by, "Adaeze Obi"); err != nil || again != got {
		t.Fatalf("%+v %v", again, err)
	}
	if _, err := d.tickets.CorrectName(t.Context(), d.event, ids[0], by, "Chidi Eze"); fault.Code(err) != "name_corrected_already" {
		t.Fatalf("a second correction: %v", err)
	}
	if one, err := d.tickets.Get(t.Context(), d.fan, ids[0]); err != nil || one.HolderName != "Adaeze Obi" {
		t.Fatalf("%+v %v", one, err)
	}
	if n := d.corrected(); n != 1 {
		t.Fatalf("%d names corrected, not 1", n)
	}
	var body string
	if err := d.tx.QueryRow(t.Context(), `SELECT body::text FROM ledger WHERE event_id = $1 AND kind = 'name_corrected'`, d.event).Scan(&body); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(body, ids[0].String()) || !strings.Contains(body, by.String()) || strings.Contains(body, "Ad") {
		t.Fatalf("ledger: %s", body)
	}
}

func TestTheSameNameUsesNoCorrectionUp(t *testing.T) {
	t.Parallel()
	d := open(t)
	_, ids := d.order(1)
	if got, err := d.tickets.CorrectName(t.Context(), d.event, ids[0], uuid.New(), "Ada"); err != nil || !got.NameCorrectedAt.IsZero() {
		t.Fatalf("%+v %v", got, err)
	}
	if n := d.corrected(); n != 0 {
		t.Fatalf("%d names corrected, not 0", n)
	}
}

func TestNamesThatAreRefused(t *testing.T) {
	t.Parallel()
	d := open(t)
	_, ids := d.order(2)
	for name, bad := range map[string]string{"nothing": "  ", "too long": strings.Repeat("é", ticket.MaxName+1), "control": "Ada\x00", "not UTF-8": "Ad\xff", "figures": "12345 <b>"} {
		if _, err := d.tickets.CorrectName(t.Context(), d.event, ids[0], uuid.New(), bad); fault.Code(err) != "invalid_name" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.tickets.CorrectName(t.Context(), uuid.New(), ids[0], uuid.New(), "Obi"); fault.Code(err) != "ticket_not_found" {
		t.Errorf("another event: %v", err)
	}
	if _, err := d.tickets.CorrectName(t.Context(), d.event, uuid.New(), uuid.New(), ""); fault.Code(err) != "ticket_not_found" {
		t.Errorf("no ticket: %v", err)
	}
	d.sql(`UPDATE tickets SET status = 'used', ended_at = now() WHERE id = $1`, ids[1])
	if _, err := d.tickets.CorrectName(t.Context(), d.event, ids[1], uuid.New(), "Obi"); fault.Code(err) != "ticket_not_valid" {
		t.Errorf("a used one: %v", err)
	}
	if n := d.corrected(); n != 0 {
		t.Errorf("%d names corrected, not 0", n)
	}
	if got, err := d.tickets.CorrectName(t.Context(), d.event, ids[0], uuid.New(), strings.Repeat("é", ticket.MaxName)); err != nil || got.HolderName == "Ada" {
		t.Errorf("%+v %v", got, err)
	}
}

func TestWhatANameIs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Ada", "O", "Ọláńrewájú Adéṣọ́lá", "N’Golo d'Arc", "Anne-Marie St. John", "Dr. A. B. Obi 3rd", "李小龍", "محمد علي", "अनन्या", "Łukasz",
		"Ngozi, née Eze", "Jr. Ⅲ Obi", "می\u200cخواهم", strings.Repeat("é", ticket.MaxName),
	} {
		if clean, bad := ticket.PrintedName("  " + name + "\t"); clean != name || bad != "" {
			t.Errorf("%q is %q: %s", name, clean, bad)
		}
	}
	for name, why := range map[string]string{
		"12345 <b>": "signs", "<Ada>": "signs", "Ada>": "signs", "12345": "letter", "-": "letter", "…": "letter", "☎ 080 1234": "letter", "\u0301": "letter",
		"": "Write the name", " \n ": "Write the name", "\u00a0": "Write the name", "Ada\x00": "shown", "Ada\x1b[2J": "shown", "Ada\u0085\u0086": "shown",
		"chidi@example.com": "not an e-mail address", "Chidi Obi chidi@example.com": "not an e-mail address", "Ada ＠ home": "not an e-mail address", "ada﹫x": "not an e-mail address",
		"Ada \u202eibO": "shown", "Ad\xff": "shown", strings.Repeat("é", ticket.MaxName+1): "too long",
	} {
		if clean, bad := ticket.PrintedName(name); clean != "" || !strings.Contains(bad, why) {
			t.Errorf("%q is taken as %q: %q, want %q", name, clean, bad, why)
		}
		if _, err := ticket.Holders([]string{"Ada", name}, 2); strings.TrimSpace(name) != "" && fault.Code(err) != "invalid_request" {
			t.Errorf("%q as a holder: %v", name, err)
		}
	}
}

func FuzzPrintedName(f *testing.F) {
	for _, name := range []string{"Ada Obi", "12345 <b>", "Ọlá\tBello", "\u202eAda", "A\x00", "\xff", "é\u0301 "} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean, bad := ticket.PrintedName(name)
		if (clean == "") != (bad != "") {
			t.Fatalf("%q is both or neither: %q %q", name, clean, bad)
		}
		if bad != "" {
			return
		}
		if again, bad := ticket.PrintedName(clean); again != clean || bad != "" {
			t.Fatalf("%q becomes %q, then %q: %s", name, clean, again, bad)
		}
		letters := 0
		for _, r := range clean {
			if unicode.IsLetter(r) {
				letters++
			}
			if unicode.IsControl(r) || r == '<' || r == '>' || r == '@' || r == utf8.RuneError && !strings.ContainsRune(name, utf8.RuneError) {
				t.Fatalf("%q is printed with %q", name, r)
			}
		}
		if letters == 0 || utf8.RuneCountInString(clean) > ticket.MaxName {
			t.Fatalf("%q is a name: %q", name, clean)
		}
	})
}

// A section that is called like its tier is said once.
func TestAPlaceDoesNotRepeatItsTier(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tier, section, want string }{
		{"Circle", "Circle", "Row AA, seat 3"},
		{"circle ", "Circle", "Row AA, seat 3"},
		{"Stands", "Block D", "Block D, row AA, seat 3"},
	} {
		if got := ticket.Place(c.tier, c.section, "AA", "3"); got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.section, c.tier, got, c.want)
		}
	}
}

// Who never said a name is called by the address, as far as that reads like a name; no ticket is without one.
func TestANameOutOfAnAddress(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{
		"ada.obi@example.test":       "Ada Obi",
		"ada_obi-eze77@example.test": "Ada Obi Eze",
		"Ngozi+tickets@example.test": "Ngozi",
		"ọlá.bello@example.test":     "Ọlá Bello",
		"o'neil@example.test":        "O'neil",
		"1234@example.test":          "",
		"...@example.test":           "",
		"@example.test":              "",
		strings.Repeat("a", 200):     "",
		"a<b>@example.test":          "",
		"\u202eada@example.test":     "",
	} {
		if got := ticket.NameFrom(email); got != want {
			t.Errorf("%s is %q, want %q", email, got, want)
		}
	}
	if got := ticket.BuyerName("", "1234@example.test"); got != "1234" {
		t.Errorf("who has nothing else is %q", got)
	}
	if got := ticket.BuyerName("", "ọ̀@ada@example.test"); got != "Ọ̀" {
		t.Errorf("out of an odd address: %q", got)
	}
	if got := ticket.BuyerName("Ada Obi", "x@example.test"); got != "Ada Obi" {
		t.Errorf("who said a name is %q", got)
	}
}
