package sale_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/sale"
)

// evening is a line to simulate: the rules of the drip, and people.
type evening struct {
	crowd                int     // wait at the opening, since up to lobby before it
	lobby                float64 // seconds
	trickle              float64 // join each second after it
	admit, inside, stock int
	absent               float64 // share of those who wait that is not there
	leaves               float64 // share that left before the turn
	// stay is how long somebody stays inside who enters at a second, in seconds.
	stay func(rnd *rand.Rand, second int) float64
	// change moves the terms at a second.
	change func(second int, t *sale.Terms)
	// changed is the second at which something changes that nobody could foretell: who was half-way before it can be
	// seen and called after it is left out.
	changed float64
	// late is when the process that measures starts.
	late int
}

// visits are between short and long seconds, most of them short.
func visits(short, long float64) func(*rand.Rand, int) float64 {
	return func(rnd *rand.Rand, _ int) float64 { return min(long, short+rnd.ExpFloat64()*(long-short)/4) }
}

// promise is what a fan was told half-way.
type promise struct {
	wait, low, high float64 // seconds from then
	half            float64 // second of the sale
}

// run plays the evening second by second and returns what was promised half-way, and how it came.
func (e evening) run(rnd *rand.Rand) []promise {
	start := time.Date(2026, 1, 2, 18, 0, 0, 0, time.UTC)
	opened := start
	terms := sale.Terms{AdmitPerMinute: e.admit, MaxInside: e.inside, TurnSeconds: 120, VisitSeconds: 600, MaxTicketsPerFan: 4, OpensAt: start}
	type fan struct {
		joined, called float64
		absent, left   bool
	}
	var fans []fan
	join := func(at float64) {
		fans = append(fans, fan{at, -1, rnd.Float64() < e.absent, rnd.Float64() < e.leaves})
	}
	for i := range e.crowd {
		join(-e.lobby * (1 - float64(i)/float64(e.crowd)))
	}
	type visitor struct{ until, claims float64 }
	var inside []visitor
	meter := sale.Meter{}
	var pictures []*sale.Snapshot
	serving, credit, free, sold := 0, 1.0, e.stock, 0
	due := 0.0
	for second := 0; second < 6*3600 && (serving < len(fans) || second < 60); second++ {
		now := float64(second)
		if second < 3*3600 {
			for due += e.trickle; due >= 1; due-- {
				join(now)
			}
		}
		if e.change != nil {
			e.change(second, &terms)
		}
		inside = slices.DeleteFunc(inside, func(v visitor) bool { return v.until <= now })
		wanting := 0
		for i, v := range inside {
			if v.claims > now {
				wanting++
			} else if v.claims >= 0 {
				n := min(free, 1+rnd.IntN(3))
				free, sold = free-n, sold+n
				inside[i].claims = -1
			}
		}
		perSecond := float64(terms.AdmitPerMinute) / 60
		credit = min(max(1, 2*perSecond), credit+perSecond)
		room := min(int(credit), terms.MaxInside-len(inside), free-int(math.Ceil(2*float64(wanting))))
		skip := 0
		if room > 0 {
			skip = max(10, 4*room)
		}
		for ; serving < len(fans) && room > 0; serving++ {
			f := &fans[serving]
			if f.joined > now {
				break
			}
			f.called = now
			switch {
			case f.left:
				f.called = -1
			case f.absent && second >= 60:
				skip--
			case f.absent:
				room, credit = room-1, credit-1
				inside = append(inside, visitor{now + float64(terms.TurnSeconds), math.Inf(1)})
			default:
				room, credit = room-1, credit-1
				stay := e.stay(rnd, second)
				claims := now + stay*0.4
				if rnd.Float64() < 0.15 {
					claims = math.Inf(1)
				}
				inside = append(inside, visitor{now + stay, claims})
			}
			if skip < 0 {
				break
			}
		}
		at := start.Add(time.Duration(second) * time.Second)
		s := &sale.Snapshot{Terms: terms, State: sale.Open, OpenedAt: &opened, At: at, LineAt: at, Arrivals: int64(len(fans)), Serving: int64(serving),
			Tiers: []sale.Tier{{Capacity: e.stock, Available: free, Sold: sold}}}
		if second >= e.late {
			meter.Observe(s)
		}
		pictures = append(pictures, s)
		if free == 0 {
			break
		}
	}
	var told []promise
	before := &sale.Snapshot{Terms: terms, State: sale.Lobby, At: start, LineAt: start, Tiers: pictures[0].Tiers}
	before.Terms.AdmitPerMinute, before.Terms.MaxInside = e.admit, e.inside
	for i, f := range fans {
		if f.called < 0 {
			continue // left, or the tickets were gone
		}
		half := (f.joined + f.called) / 2
		if half < float64(e.late) && e.late > 0 {
			continue
		}
		if half < e.changed && e.changed < f.called {
			continue
		}
		p := promise{wait: f.called - half, half: half}
		ahead := int64(i)
		s := before
		if half >= 0 {
			s = pictures[int(half)]
			ahead = max(0, int64(i)-s.Serving)
			half = 0
		}
		low, high := s.Pass(ahead + 1)
		p.low, p.high = -half+low.Truncate(time.Second).Seconds(), -half+(high+time.Second).Truncate(time.Second).Seconds()
		told = append(told, p)
	}
	return told
}

var evenings = map[string]evening{
	"steady pace":      {crowd: 4000, lobby: 600, admit: 100, inside: 1000, stock: 50_000, stay: visits(60, 300)},
	"full room":        {crowd: 4000, lobby: 600, admit: 600, inside: 300, stock: 50_000, stay: visits(60, 500)},
	"full room, quick": {crowd: 4000, lobby: 600, admit: 3000, inside: 500, stock: 50_000, stay: visits(40, 200)},
	"full room, slow":  {crowd: 3000, lobby: 600, admit: 600, inside: 200, stock: 50_000, stay: visits(200, 600)},
	"lobby of an hour": {crowd: 6000, lobby: 3600, admit: 120, inside: 1000, stock: 50_000, stay: visits(60, 300)},
	"bursty payments": {crowd: 4000, lobby: 600, admit: 600, inside: 300, stock: 50_000, stay: func(rnd *rand.Rand, second int) float64 {
		s := visits(60, 300)(rnd, second)
		// The provider lets nobody through for two minutes of every six.
		if in := math.Mod(float64(second)+s, 360); in > 240 {
			s += 360 - in
		}
		return s
	}},
	"the absent are skipped": {crowd: 5000, lobby: 1800, admit: 200, inside: 2000, absent: 0.3, leaves: 0.05, stock: 50_000, stay: visits(60, 300)},
	"absent in a full room":  {crowd: 5000, lobby: 1800, admit: 600, inside: 300, absent: 0.3, leaves: 0.05, stock: 50_000, stay: visits(60, 400)},
	"most never come":        {crowd: 12_000, lobby: 1800, admit: 200, inside: 2000, absent: 0.85, stock: 50_000, stay: visits(60, 300)},
	"most never come, room":  {crowd: 12_000, lobby: 1800, admit: 600, inside: 200, absent: 0.85, stock: 50_000, stay: visits(60, 400)},
	"pace halved":            {crowd: 6000, lobby: 600, admit: 200, inside: 2000, stock: 50_000, stay: visits(60, 300), changed: 500, change: at(500, func(t *sale.Terms) { t.AdmitPerMinute = 100 })},
	"pace doubled":           {crowd: 6000, lobby: 600, admit: 100, inside: 2000, stock: 50_000, stay: visits(60, 300), changed: 500, change: at(500, func(t *sale.Terms) { t.AdmitPerMinute = 200 })},
	"room doubled":           {crowd: 6000, lobby: 600, admit: 1000, inside: 200, stock: 50_000, stay: visits(60, 400), changed: 600, change: at(600, func(t *sale.Terms) { t.MaxInside = 400 })},
	"payments become slow": {changed: 1500, crowd: 6000, lobby: 600, admit: 1000, inside: 300, stock: 50_000, stay: func(rnd *rand.Rand, second int) float64 {
		if second > 1200 {
			return visits(100, 600)(rnd, second)
		}
		return visits(60, 400)(rnd, second)
	}},
	"sells out":          {crowd: 6000, lobby: 600, admit: 300, inside: 400, stock: 3000, stay: visits(60, 400)},
	"people keep coming": {crowd: 1000, lobby: 600, trickle: 1.5, admit: 100, inside: 300, stock: 50_000, stay: visits(60, 300)},
	"another process":    {crowd: 6000, lobby: 600, admit: 600, inside: 300, stock: 50_000, stay: visits(60, 500), late: 900},
}

func at(second int, change func(*sale.Terms)) func(int, *sale.Terms) {
	return func(now int, t *sale.Terms) {
		if now == second {
			change(t)
		}
	}
}

// The true wait lies inside the range that was promised half-way for at least four of five fans, whatever the evening; and
// the range says something.
func TestTheWaitLiesInsideTheRange(t *testing.T) {
	t.Parallel()
	for name, e := range evenings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var all, ratios []float64
			under, over, counted := 0, 0, 0
			for seed := range dbtest.Size(2, 20) {
				inside, count := 0, 0
				for _, p := range e.run(rand.New(rand.NewPCG(uint64(dbtest.Seed()), uint64(seed)))) {
					count++
					if p.wait < p.low {
						under++
					} else if p.wait > p.high {
						over++
					} else {
						inside++
					}
					if p.wait > 300 && p.half > 600 {
						ratios = append(ratios, p.high/max(1, p.low))
					}
				}
				counted += count
				all = append(all, float64(inside)/float64(count))
			}
			slices.Sort(ratios)
			median := 0.0
			if len(ratios) > 0 {
				median = ratios[len(ratios)/2]
			}
			t.Logf(name+": inside %.3f, of %d too early %d, too late %d; range of waits above 5 minutes: high/low %.2f", all, counted, under, over, median)
			for _, share := range all {
				if share < 0.8 {
					t.Errorf("%.1f %% of the waits lie inside the range", 100*share)
				}
			}
			if median > 2.2 {
				t.Errorf("of a long wait the range ends %.1f times later than it begins", median)
			}
		})
	}
}
