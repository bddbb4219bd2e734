package e2e_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A check that was asked for something that nobody can have says so, and never that everything agrees.
func TestTheFairnessPageRefusesWhatNobodyCanHave(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	s := p.drawShow(t, "typed-draw", 3, "typed@example.test")
	v := b.visit(t, true)
	v.open("/events/" + s.slug + "/fairness")
	for _, c := range []struct{ arrival, number, says string }{
		{"0", "", "“0” is not a whole number of 1 or more"},
		{"-3", "", "“-3” is not a whole number"},
		{"abc", "", "“abc” is not a whole number"},
		{"1.5", "", "“1.5” is not a whole number"},
		{"1,5", "", "“1,5” is not a whole number"},
		{"2", "x", "“x” is not a whole number"},
		{"", "2", "A number can be checked only with its arrival"},
		{"4", "4", "Nobody has arrival 4: 3 had joined"},
		{"99999999999999999999", "", "is not a whole number"},
	} {
		v.fill("Your arrival", c.arrival)
		v.fill("The number you were given", c.number)
		marks := v.checked("Check now")
		if len(failed(marks)) != 0 || marks["typed"]+marks["arrival"] != "skip" {
			t.Errorf("arrival %q, number %q: %v", c.arrival, c.number, marks)
		}
		v.reads(c.says)
		v.waits(v.Locator("#check-sum").GetByText("The check is not finished"))
	}
	v.fill("Your arrival", " 3 ")
	v.fill("The number you were given", "")
	if marks := v.checked("Check now"); marks["root"] != "ok" || marks["number"] != "own" {
		t.Errorf("a true arrival: %v", marks)
	}
	v.waits(v.Locator("#check-sum").GetByText("Everything agrees"))
}

// A value that came before its round is not the beacon's: the browser finds that out by itself.
func TestTheFairnessPageFindsABeaconBeforeItsRound(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	opens := time.Now().Add(time.Hour).UTC()
	// Round 1 of quicknet came at 1692803367, and one more every three seconds.
	round := (opens.Unix()+600-1692803367)/3 + 1
	s := p.draft(t, "early-beacon", 5, func(body map[string]any) {
		sale := body["sale"].(map[string]any)
		sale["ordering"], sale["lobby_opens_at"], sale["opens_at"] = "draw", time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), opens.Format(time.RFC3339)
		sale["beacon"] = map[string]any{"name": "drand quicknet", "round": round}
	})
	p.api(t, "POST", "/organizer/events/"+s.id+"/publish", p.asOrganizer(), nil).want(http.StatusOK)
	for _, f := range p.fans(2) {
		p.api(t, "POST", "/events/"+s.id+"/queue", f.Token, nil).want(http.StatusCreated)
	}
	p.api(t, "POST", "/organizer/events/"+s.id+"/open", p.asOrganizer(), nil).want(http.StatusAccepted)
	p.api(t, "POST", "/organizer/events/"+s.id+"/beacon", p.asOrganizer(), map[string]any{"value": strings.Repeat("ab", 32)}).want(http.StatusOK)
	v := b.visit(t, true)
	v.open("/events/" + s.slug + "/fairness")
	if marks := v.checked("Check now"); marks["beacon"] != "weak" || marks["seed"] != "ok" || len(failed(marks)) != 0 {
		t.Errorf("of a beacon before its round: %v", marks)
	}
	v.waits(v.Locator("#check-sum").GetByText("its beacon does not count"))
	v.waits(v.Locator("#check-lines").GetByText("So it cannot be the value of the beacon. This draw proves only what a draw without a beacon proves."))
}

// A sale that ended before its draw was never drawn, and nobody is told to come back.
func TestTheFairnessPageOfASaleThatWasNeverDrawn(t *testing.T) {
	t.Parallel()
	p := startProduct(t)
	b := startBrowser(t, p)
	s := p.draft(t, "never-drawn", 5, func(body map[string]any) {
		sale := body["sale"].(map[string]any)
		sale["ordering"], sale["lobby_opens_at"], sale["opens_at"] = "draw", time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	})
	p.api(t, "POST", "/organizer/events/"+s.id+"/publish", p.asOrganizer(), nil).want(http.StatusOK)
	for _, f := range p.fans(2) {
		p.api(t, "POST", "/events/"+s.id+"/queue", f.Token, nil).want(http.StatusCreated)
	}
	p.api(t, "POST", "/organizer/events/"+s.id+"/end", p.asOrganizer(), nil).want(http.StatusOK)
	v := b.visit(t, true)
	v.open("/events/" + s.slug + "/fairness")
	v.fill("Your arrival", "2")
	want := map[string]string{"page": "ok", "commitment": "ok", "seed": "never", "root": "never", "number": "never", "calls": "none"}
	if marks := v.checked("Check now"); !maps.Equal(marks, want) {
		t.Errorf("of a sale that was never drawn: %v", marks)
	}
	if said, err := v.Locator("main").InnerText(); err != nil || strings.Contains(said, "Not yet") {
		t.Errorf("something is still to come: %v\n%s", err, said)
	}
}
