package views_test

import (
	"strings"
	"testing"

	"fairqueue/views"
)

// A step of the line passes numbers whose fans have left: the page does not say that they were called.
func TestStepsSayHowFarTheLineMoved(t *testing.T) {
	t.Parallel()
	v := views.FairnessView{Event: event(views.SaleOpen), Joined: 9, Serving: 5, Admissions: []views.Admission{{From: 3, To: 5, At: now}, {From: 1, To: 2, At: now}}}
	page := text(parse(t, render(t, views.FairnessPage(frame(), v))))
	for _, want := range []string{"How far the line moved", "The line moved to", "It passes the numbers of fans who had left"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q:\n%s", want, page)
		}
	}
	for _, wrong := range []string{"Numbers we called", "numbers called"} {
		if strings.Contains(page, wrong) {
			t.Errorf("the page says %q", wrong)
		}
	}
}
