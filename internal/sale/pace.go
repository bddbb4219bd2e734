package sale

import "time"

// pace measures how fast a line moves while somebody waits in it: an empty line
// says nothing about the speed, and a pause is no time of the line.
type pace struct {
	samples []sample
}

type sample struct {
	line    time.Time
	serving int64
	// busy is how long, so far, somebody waited; moved is what it was when
	// somebody was called last.
	busy    time.Duration
	moved   time.Duration
	waiting bool
}

const (
	paceOver  = 3 * time.Minute
	paceLeast = 10 * time.Second
	paceStep  = time.Second
)

// observe takes the picture in and returns numbers called a minute, 0 for
// unknown, and for how long nobody was called although somebody waits.
func (p *pace) observe(s *Snapshot) (rate float64, still time.Duration) {
	now := sample{line: s.LineAt, serving: s.Serving, waiting: s.Serving < s.Arrivals && (s.State == Open || s.State == Paused)}
	if n := len(p.samples); n > 0 {
		last := p.samples[n-1]
		now.busy = last.busy
		if step := now.line.Sub(last.line); step > 0 && (last.waiting || now.serving > last.serving) {
			now.busy += step
		}
		now.moved = last.moved
		if now.serving > last.serving || !now.waiting {
			now.moved = now.busy
		}
		if now.line.Sub(last.line) < paceStep {
			// One a second is enough; the step counts with the next.
			return p.rate(now), now.busy - now.moved
		}
	}
	p.samples = append(p.samples, now)
	drop := 0
	for drop < len(p.samples)-1 && p.samples[len(p.samples)-1].busy-p.samples[drop].busy > paceOver {
		drop++
	}
	p.samples = append(p.samples[:0], p.samples[drop:]...)
	if len(p.samples) > 1000 {
		p.samples = append(p.samples[:0], p.samples[len(p.samples)-500:]...)
	}
	return p.rate(now), now.busy - now.moved
}

func (p *pace) rate(now sample) float64 {
	if len(p.samples) == 0 {
		return 0
	}
	first := p.samples[0]
	busy := now.busy - first.busy
	if busy < paceLeast {
		return 0
	}
	return float64(now.serving-first.serving) / busy.Minutes()
}

// Pass is a range for the time until so many more numbers have been called.
func (s *Snapshot) Pass(n int64) (low, high time.Duration) {
	fast, slow := float64(s.Terms.AdmitPerMinute), float64(s.Terms.AdmitPerMinute)
	if s.Rate > 0 {
		fast, slow = max(fast, s.Rate), min(slow, s.Rate)
	}
	at := func(n, perMinute float64) time.Duration {
		return time.Duration(min(float64(longestWait), n/perMinute*float64(time.Minute)))
	}
	low = at(float64(n-1), fast)
	return low, max(low+2*time.Second, at(1.5*float64(n), slow))
}

const longestWait = 30 * 24 * time.Hour
