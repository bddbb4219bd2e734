package e2e_test

import (
	"testing"
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
