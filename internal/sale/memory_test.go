package sale

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/catalog"
)

// A read that began before a sale ended, and came back after that was known, does not bring it back to life: the fairness
// page of a sale that ended before its draw once said for a second that numbers were still to come.
func TestAnEndedSaleStaysEndedWhenReadsCross(t *testing.T) {
	t.Parallel()
	var m memory
	m.init()
	event := catalog.Event{ID: uuid.New(), Slug: "crossed"}
	began := time.Now()
	at := func(state State, after time.Duration, version int64) *Snapshot {
		return &Snapshot{Event: event, State: state, At: began.Add(after), Version: version}
	}
	now := func() State { return m.find(event.Slug).snap.State }
	for _, step := range []struct {
		snap *Snapshot
		want State
	}{
		{at(Draft, 0, 1), Draft}, {at(Lobby, 1, 2), Lobby}, {at(Draft, 0, 1), Lobby}, {at(Ended, 3, 3), Ended}, {at(Lobby, 2, 2), Ended}, {at(Ended, 4, 3), Ended},
	} {
		m.put([]*Snapshot{step.snap})
		if got := now(); got != step.want {
			t.Fatalf("after %s of %s the sale is %s, want %s", step.snap.State, step.snap.At.Sub(began), got, step.want)
		}
	}
	if len(m.liveIDs()) != 0 {
		t.Error("an ended sale is live")
	}
}
