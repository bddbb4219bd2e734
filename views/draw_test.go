package views

import (
	"strings"
	"testing"
	"time"
)

// A value that cannot be the beacon's proves nothing, and the page says so instead of what a beacon proves.
func TestABeaconThatDoesNotCount(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)
	good, word := strings.Repeat("0a", 32), "my-own-value"
	for name, c := range map[string]struct {
		value      string
		due, drawn time.Time
		says       string // empty: it counts
	}{
		"in time":        {good, now.Add(-time.Minute), now, ""},
		"no schedule":    {word, time.Time{}, now, ""},
		"early":          {good, now.Add(time.Hour), now, "This value came before the round"},
		"came since":     {good, now.Add(-time.Minute), now.Add(-time.Hour), "This value came before the round"},
		"no such value":  {word, now.Add(-time.Minute), now, "This is not a value of drand quicknet"},
		"early and long": {good + "00", now.Add(time.Hour), now, "This value came before the round"},
		"half a value":   {good[:32], now.Add(-time.Minute), now, "This is not a value of drand quicknet"},
	} {
		v := FairnessView{Event: EventInfo{State: SaleOpen, Draw: true}, Draw: &DrawView{
			Commitment: good, Root: good, Secret: good, Seed: good, FrozenAt: c.drawn, RootedAt: c.drawn, DrawnAt: c.drawn,
			Beacon: &BeaconView{Name: "drand quicknet", Round: 7, Value: c.value, Due: c.due},
		}}
		steps, trust := "", v.trust(now)
		for _, s := range v.steps(now) {
			steps += s.Mark + ": " + s.Text + "\n"
		}
		proves, not := strings.Join(trust.Proves, " "), strings.Join(trust.Not, " ")
		if claims := strings.Contains(proves, "Nobody could choose the order"); claims != (c.says == "") {
			t.Errorf("%s: claims that nobody could choose the order: %t", name, claims)
		}
		if c.says == "" {
			continue
		}
		const only = "proves only what a draw without a beacon proves"
		if !strings.Contains(steps, "Does not count: ") || !strings.Contains(steps, c.says) || !strings.Contains(steps, only) {
			t.Errorf("%s: the steps read\n%s", name, steps)
		}
		if !strings.Contains(not, c.says) || !strings.Contains(not, only) {
			t.Errorf("%s: what is not proved reads %s", name, not)
		}
	}
}
