package views_test

import (
	"strings"
	"testing"
	"time"

	"fairqueue/views"
)

// Kinds that open later are neither sold nor held, and every page says so: the one that opens first, first.
func TestWhatOpensLaterIsNotToldAsHeld(t *testing.T) {
	t.Parallel()
	v := waiting(views.SpotWaiting)
	v.Number, v.Ahead, v.Serving, v.HasEta = 12, 3, 8, false
	v.Odds = &views.OddsInfo{Chance: "likely", Place: 4, Left: 10}
	v.Tiers = []views.TierInfo{
		{ID: "a", Name: "Regular", Capacity: 50, Wait: "On sale from today, 14:46", WaitUntil: now.Add(3 * time.Hour)},
		{ID: "b", Ordinal: 1, Name: "Guest list", Capacity: 10, Wait: "On sale from today, 14:44", WaitUntil: now.Add(2 * time.Hour)},
		{ID: "c", Ordinal: 2, Name: "Box", Capacity: 5, SoldOut: true},
	}
	untrue := func(page string) {
		t.Helper()
		for _, words := range []string{"sold or held", "Only if tickets come back", "All held", "None left now: Guest", "baskets"} {
			if strings.Contains(page, words) {
				t.Errorf("nothing is held, and the page says %q:\n%s", words, page)
			}
		}
	}
	page := says(t, v)
	untrue(page)
	for _, want := range []string{"Nothing is on sale at the moment. Guest list: on sale from today, 14:44", "That cannot be said yet: nothing is on sale now.", "Guest list: on sale from today, 14:44. Regular: on sale from today, 14:46."} {
		if !strings.Contains(page, want) {
			t.Errorf("the line does not say %q:\n%s", want, page)
		}
	}
	v.Wants = []int{0}
	if page := says(t, v); !strings.Contains(page, "nothing is on sale now.Regular: on sale from") {
		t.Errorf("who wants one kind reads:\n%s", page)
	}
	v.Wants = nil
	v.Status = views.SpotCalled
	page = says(t, v)
	untrue(page)
	event := text(parse(t, render(t, views.EventPage(frame(), views.EventView{Event: event(views.SaleOpen), Tiers: v.Tiers}))))
	untrue(event)
	if !strings.Contains(event, "On sale from today, 14:44") {
		t.Errorf("the event page says:\n%s", event)
	}
	choose := func() string {
		return text(parse(t, render(t, views.ChoosePage(frame(), views.ChooseView{Event: v.Event, Until: now.Add(time.Minute), CanTake: 2, Tiers: v.Tiers}))))
	}
	page = choose()
	untrue(page)
	if !strings.Contains(page, "Guest list: on sale from today, 14:44. Regular: on sale from today, 14:46.") {
		t.Errorf("choosing says:\n%s", page)
	}
	// What somebody holds may come back all the same.
	v.Tiers[2].SoldOut, v.Status = false, views.SpotWaiting
	page = says(t, v)
	for _, want := range []string{"Nothing is free at the moment. Guest list: on sale", "nothing is free now.Some tickets are held: those that are not paid in time come back"} {
		if !strings.Contains(page, want) {
			t.Errorf("with something held the line does not say %q:\n%s", want, page)
		}
	}
	if page := choose(); !strings.Contains(page, "Nothing is free at this moment") || !strings.Contains(page, "usually come back. Guest list: on sale") {
		t.Errorf("with something held choosing says:\n%s", page)
	}
}
