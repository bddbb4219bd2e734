package sale

import (
	"slices"
	"time"
)

// Meter measures how fast a line moves while somebody waits in it: an empty line
// says nothing about the speed, and a pause is no time of the line.
type Meter struct {
	samples []sample
	// admit and inside are the terms under which measured began.
	admit, inside int
	// prior is what is expected before enough was measured.
	prior prior
	// roomUntil is the number up to which the room cannot be full of those who
	// were called: until then the outflow says nothing about how long they stay.
	roomUntil int64
	// from is the busy time since which the outflow is measured for forecasts.
	from time.Duration
	full bool
}

// sample is the line at one moment of its busy time.
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
	// Samples become rarer with age, so that hours fit into a few thousand: one a
	// second for fineFor, then one in coarse.
	maxSamples = 4096
	fineFor    = 10 * time.Minute
	coarse     = 15 * time.Second
)

// Observe takes the picture in and sets in it what follows from all so far: Rate, Still and the forecast of Pass.
func (m *Meter) Observe(s *Snapshot) {
	now := sample{line: s.LineAt, serving: s.Serving, waiting: s.Serving < s.Arrivals && (s.State == Open || s.State == Paused)}
	n := len(m.samples)
	if n == 0 {
		m.begin(s)
	} else {
		last := m.samples[n-1]
		now.busy = last.busy
		if step := now.line.Sub(last.line); step > 0 && (last.waiting || now.serving > last.serving) {
			now.busy += step
		}
		now.moved = last.moved
		if now.serving > last.serving || !now.waiting {
			now.moved = now.busy
		}
		m.follow(s, now)
	}
	// One a second is enough; the step of what is left out counts with the next.
	if n == 0 || now.line.Sub(m.samples[n-1].line) >= paceStep {
		m.samples = append(m.samples, now)
		m.thin()
	}
	s.Rate, s.Still = m.rate(now), now.busy-now.moved
	s.flow = m.flow(s, now)
}

// rate is numbers called a minute over the last minutes, 0 for unknown.
func (m *Meter) rate(now sample) float64 {
	busy := min(paceOver, now.busy)
	if busy < paceLeast {
		return 0
	}
	return (float64(now.serving) - m.servingAt(now.busy-busy)) / busy.Minutes()
}

// servingAt is the serving number at a busy time, straight between samples.
func (m *Meter) servingAt(busy time.Duration) float64 {
	i, _ := slices.BinarySearchFunc(m.samples, busy, func(s sample, t time.Duration) int { return int(s.busy - t) })
	switch {
	case i == 0:
		return float64(m.samples[0].serving)
	case i == len(m.samples):
		return float64(m.samples[i-1].serving)
	}
	a, b := m.samples[i-1], m.samples[i]
	return float64(a.serving) + float64(b.serving-a.serving)*float64(busy-a.busy)/float64(b.busy-a.busy)
}

// thin keeps the samples few: of old ones it leaves one in coarse, and forgets the oldest beyond that.
func (m *Meter) thin() {
	if len(m.samples) < maxSamples {
		return
	}
	last := m.samples[len(m.samples)-1]
	kept := m.samples[:1]
	for _, s := range m.samples[1:] {
		if last.busy-s.busy < fineFor || s.busy-kept[len(kept)-1].busy >= coarse {
			kept = append(kept, s)
		}
	}
	if over := len(kept) - maxSamples*3/4; over > 0 {
		kept = append(kept[:0], kept[over:]...)
	}
	m.samples = kept
}
