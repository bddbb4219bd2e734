package queue_test

import (
	"testing"
	"time"

	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

func TestOddsAreHonest(t *testing.T) {
	t.Parallel()
	tiers := func(available, held, sold int) []sale.Tier {
		return []sale.Tier{{Ordinal: 0, Capacity: 5000, Available: available, Held: held, Sold: sold}, {Ordinal: 1, Capacity: 500, Sold: 500}}
	}
	fan := func(number, serving int64, wants ...int) queue.View {
		ahead := number - 1 - serving
		return queue.View{Status: queue.Waiting, Number: &number, Ahead: &ahead, Serving: serving, Wish: queue.Wish{Tiers: wants}}
	}
	snap := func(state sale.State, serving int64, tiers []sale.Tier) *sale.Snapshot {
		return &sale.Snapshot{State: state, Serving: serving, Arrivals: 50_000, Tiers: tiers, Rate: 200, Terms: sale.Terms{MaxTicketsPerFan: 4}}
	}
	for name, c := range map[string]struct {
		event *sale.Snapshot
		view  queue.View
		want  queue.Chance
		left  int64
	}{
		"31,204th for 5,000 tickets": {snap(sale.Lobby, 0, tiers(5000, 0, 0)), fan(31_204, 0), queue.Unlikely, 5000},
		"first in the lobby":         {snap(sale.Lobby, 0, tiers(5000, 0, 0)), fan(1, 0), queue.Likely, 5000},
		"every called one buys two":  {snap(sale.Open, 1000, tiers(3000, 200, 1800)), fan(1700, 1000), queue.Likely, 3200},
		"at the edge":                {snap(sale.Open, 1000, tiers(3000, 200, 1800)), fan(1900, 1000), queue.Close, 3200},
		"beyond it":                  {snap(sale.Open, 1000, tiers(3000, 200, 1800)), fan(4000, 1000), queue.Unlikely, 3200},
		// Hardly anybody buys: the stock lasts for more.
		"few buy":                  {snap(sale.Open, 10_000, tiers(3000, 100, 1900)), fan(19_000, 10_000), queue.Likely, 3100},
		"all that is left is held": {snap(sale.Open, 2500, tiers(0, 40, 4960)), fan(2600, 2500), queue.Unlikely, 40},
		"sold out":                 {snap(sale.SoldOut, 2500, tiers(0, 0, 5000)), fan(2600, 2500), queue.Gone, 0},
		"sold out for you":         {snap(sale.Open, 1000, tiers(3000, 200, 1800)), fan(1001, 1000, 1), queue.Gone, 0},
	} {
		o := queue.OddsOf(c.event, c.view)
		if o == nil || o.Chance != c.want || o.Left != c.left || o.Place != *c.view.Ahead+1 || o.ReachLow > o.ReachHigh || o.ReachLow < c.event.Serving {
			t.Errorf("%s: %+v, want %s with %d left", name, o, c.want, c.left)
		}
	}
	drawn := fan(1, 0)
	drawn.Number = nil
	called := fan(1, 1)
	called.Status = queue.Called
	for name, o := range map[string]*queue.Odds{
		"before the draw": queue.OddsOf(snap(sale.Lobby, 0, tiers(5000, 0, 0)), drawn),
		"when called":     queue.OddsOf(snap(sale.Open, 1, tiers(5000, 0, 0)), called),
		"at the end":      queue.OddsOf(snap(sale.Ended, 1, tiers(5000, 0, 0)), fan(2, 1)),
	} {
		if o != nil {
			t.Errorf("%s there is nothing to say, but %+v", name, o)
		}
	}
}

func TestAWaitThatGrowsHasAReason(t *testing.T) {
	t.Parallel()
	start := time.Now()
	line := func(state sale.State, available, seconds int, serving func(second int) int64) *sale.Snapshot {
		m := sale.Meter{}
		var s *sale.Snapshot
		for i := range seconds {
			at := start.Add(time.Duration(i) * time.Second)
			s = &sale.Snapshot{State: state, At: at, LineAt: at, OpenedAt: &start, Arrivals: 100_000, Serving: serving(i),
				Terms: sale.Terms{AdmitPerMinute: 120, MaxInside: 100, VisitSeconds: 600}, Tiers: []sale.Tier{{Available: available, Held: 10}}}
			m.Observe(s)
		}
		return s
	}
	steady := func(i int) int64 { return int64(2 * i) }
	for name, c := range map[string]struct {
		event *sale.Snapshot
		want  queue.Slow
	}{
		"it moves":           {line(sale.Open, 1000, 900, steady), queue.SlowNot},
		"paused":             {line(sale.Paused, 1000, 900, steady), queue.SlowPaused},
		"all is held":        {line(sale.Open, 0, 900, steady), queue.SlowStock},
		"it stands still":    {line(sale.Open, 1000, 900, func(i int) int64 { return steady(min(i, 850)) }), queue.SlowPayments},
		"slower than it was": {line(sale.Open, 1000, 1500, func(i int) int64 { return steady(min(i, 1300)) + int64(max(0, i-1300)/3) }), queue.SlowPayments},
		"not open":           {line(sale.Lobby, 1000, 10, func(int) int64 { return 0 }), queue.SlowNot},
	} {
		if got := queue.SlowOf(c.event); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
