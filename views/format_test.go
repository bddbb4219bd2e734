package views

import (
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 12408: "12,408", 1234567: "1,234,567", -1200: "-1,200"} {
		if got := num(n); got != want {
			t.Errorf("num(%d) is %q, want %q", n, got, want)
		}
	}
	for n, want := range map[string]string{"47": "num", "1,204": "num num-1", "250,118": "num num-7", "125,000": "num num-1 num-7"} {
		if got := numClass(n); got != want {
			t.Errorf("numClass(%s) is %q, want %q", n, got, want)
		}
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{30 * time.Second: "30 seconds", time.Minute: "1 minute", 90 * time.Second: "90 seconds", 2 * time.Minute: "2 minutes", 10 * time.Minute: "10 minutes", 2 * time.Hour: "2 hours"} {
		if got := span(d); got != want {
			t.Errorf("span(%s) is %q, want %q", d, got, want)
		}
	}
	now := time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{-time.Second: "00:00", 59 * time.Second: "00:59", 401 * time.Second: "06:41", time.Hour + 62*time.Second: "1:01:02"} {
		if got := left(now.Add(d), now); got != want {
			t.Errorf("left(%s) is %q, want %q", d, got, want)
		}
	}
	if got := countParts(now.Add(25*time.Hour+time.Minute), now); len(got) != 3 || got[0] != (countPart{"d", "1", "day"}) || got[2] != (countPart{"m", "1", "minute"}) {
		t.Errorf("a day ahead: %v", got)
	}
	if got := countParts(now.Add(61*time.Second), now); len(got) != 2 || got[1] != (countPart{"s", "01", "second"}) {
		t.Errorf("a minute ahead: %v", got)
	}
}

func TestEstimateSaysClockTimesAndMinutes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 11, 27, 0, 0, time.UTC)
	lagos := time.FixedZone("Africa/Lagos", 3600)
	if got := etaClock(11*time.Minute, 19*time.Minute, now, lagos); got != "12:38–12:46" {
		t.Errorf("clock: %q", got)
	}
	for _, c := range []struct {
		lo, hi time.Duration
		want   string
	}{{0, 40 * time.Second, "in about a minute"}, {20 * time.Second, 80 * time.Second, "within 2 minutes"}, {11 * time.Minute, 19 * time.Minute, "11 to 19 minutes from now"}, {3 * time.Hour, 4*time.Hour + time.Minute, "3 to 5 hours from now"}} {
		if got := etaMinutes(c.lo, c.hi); got != c.want {
			t.Errorf("%s to %s: %q, want %q", c.lo, c.hi, got, c.want)
		}
	}
}

func TestZoneWords(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"Africa/Lagos": "Lagos time", "America/New_York": "New York time", "UTC": "UTC"} {
		if got := zoneWords(time.FixedZone(name, 0)); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if zoneWords(nil) != "UTC" {
		t.Error("no zone is not UTC")
	}
}

// Labels of the ruler never lie over each other, wherever the fan stands.
func TestRulerStaysReadable(t *testing.T) {
	t.Parallel()
	for _, v := range []WaitingView{
		{Number: 2, Serving: 1}, {Number: 12408, Serving: 8214}, {Number: 250118, Serving: 8214}, {Number: 9000, Serving: 8999}, {Number: 100, Serving: 0},
	} {
		v.Status, v.Event = SpotWaiting, EventInfo{State: SaleOpen, Limit: 4}
		v.Odds = &OddsInfo{Chance: "close", Place: v.Number - v.Serving, Left: 4780, Low: v.Serving + 1195, High: v.Serving + 4780}
		o, ok := v.odds()
		if !ok || o.Short == "" || o.Long == "" {
			t.Fatalf("number %d: no answer", v.Number)
		}
		if x := o.youAt(); x < 0 || x > 352 {
			t.Errorf("number %d stands at %f", v.Number, x)
		}
		if n := len(o.labels()); n < 1 || n > 3 {
			t.Errorf("number %d: %d labels", v.Number, n)
		}
	}
	if _, ok := (WaitingView{Status: SpotWaiting, Number: 5, Event: EventInfo{State: SaleOpen}}).odds(); ok {
		t.Error("answers without knowing what is left")
	}
}

// A date far away is not taken for one of this year.
func TestADateFarAwayHasItsYear(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)
	for t0, want := range map[time.Time]string{
		now.AddDate(0, 0, 250): "on Wed 28 Jul, 11:00", now.AddDate(1, 0, 0): "on Sat 20 Nov 2027, 11:00", now.AddDate(40, 0, 0): "on Sat 20 Nov 2066, 11:00",
		now.AddDate(-1, 0, 0): "on Thu 20 Nov 2025, 11:00", now: "at 11:00",
	} {
		if got := at(t0, now, time.UTC); got != want {
			t.Errorf("at: %q, want %q", got, want)
		}
	}
	if got := when(now.AddDate(1, 0, 0), now, time.UTC); got != "Sat 20 Nov 2027, 11:00" {
		t.Errorf("when: %q", got)
	}
}
