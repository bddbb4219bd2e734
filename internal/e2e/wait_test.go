package e2e_test

import (
	"testing"
	"time"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/lab"
)

// What the line promises half-way comes true for at least four fans of five, over HTTP: at the organizer's pace, and where
// the room decides. That is known only from measuring, for minutes: in a soak.
func TestTheWaitIsAsPromised(t *testing.T) {
	t.Parallel()
	type line struct {
		pace, room, fans int
		stay             lab.Range
	}
	lines := map[string]line{
		"at the organizer's pace": {600, 20_000, dbtest.Size(120, 3000), lab.Range{Max: time.Second}},
	}
	if dbtest.Soak() {
		lines["as the room empties"] = line{6000, 20, 3000, lab.Range{Min: time.Second, Max: 5 * time.Second}}
	}
	for name, c := range lines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startProduct(t)
			s := p.newShow(t, "promise", 100_000, func(body map[string]any) {
				terms := body["sale"].(map[string]any)
				terms["admit_per_minute"], terms["max_inside"], terms["max_tickets_per_fan"] = c.pace, c.room, 1
			})
			report, err := lab.Crowd(t.Context(), lab.Config{BaseURL: s.url, SandboxURL: s.bankURL, Event: s.id, Fans: p.fans(c.fans), Logger: s.log,
				Arrive: lab.Arrival{AtOnce: c.fans / 2, Every: 10 * time.Millisecond}, Look: c.stay, MaxTickets: 1, Stream: 0.2, Seed: dbtest.Seed()})
			if err != nil {
				t.Fatal(err)
			}
			t.Log(report)
			if report.Called != c.fans || report.Promised < c.fans/2 {
				t.Fatalf("%d called, %d of them with a promise, of %d", report.Called, report.Promised, c.fans)
			}
			if report.Kept*5 < report.Promised*4 {
				t.Errorf("%d of %d waits were as promised half-way", report.Kept, report.Promised)
			}
		})
	}
}
