package sale

import (
	"math"
	"time"
)

// prior is what is expected of the outflow before enough was measured.
type prior struct {
	rate   float64 // numbers a second
	spread float64 // of its logarithm
	worth  float64 // that of so many seconds of measuring
}

// flow is the outflow of a line at one moment, as far as forecasts need it: what fills the room, and what comes after.
type flow struct {
	// fill numbers are called before the room can be full, at the pace fillRate a second.
	fill     int64
	fillRate float64
	fillFast float64 // how much faster it may be
	prior    prior
	// measured is for how long the outflow of a full room was measured, in seconds.
	measured float64
	// unseen is how much faster numbers may pass once those who are gone are passed over.
	unseen float64
	scales []scale
	guess  float64 // the expected rate over some minutes
	slower bool
}

// scale is what was measured over windows of one length.
type scale struct {
	// rate over the last window, numbers a second; vary is the squared coefficient of
	// variation from window to window.
	rate, vary float64
	// What follows from it and from shorter windows: the rate to expect, and how slow or
	// fast it may have become.
	expected, slow, fast float64
}

const (
	// shortest window; each scale doubles it.
	shortest = 8 * time.Second
	// windows of a scale that are compared, at most.
	maxWindows = 16
	// steady is the spread that remains however even the line moved so far: people
	// and organizers change their minds.
	steady = 0.10
	// certain is how many spreads the range reaches to either side.
	certain = 1.4
	// leastStay seconds inside is what choosing and paying takes; mostStay the share
	// of the visit that people take on average at worst.
	leastStay, mostStay = 75.0, 0.6
	// likelyGone is the share of those who wait that may have gone away: numbers pass
	// so much faster than fans are called.
	likelyGone = 0.4
	// leastWindow is the shortest time in seconds from which a rate is taken.
	leastWindow = 60.0
	// doubt is how much of the variation a change must exceed.
	doubt = 1.0
	// farthest is how far a change moves the range, as a logarithm.
	farthest = 0.7
	// mostPassed is how many times faster numbers may pass than fans are called while nobody knows yet who is gone: a
	// step passes at most five, and where 85 % never came nine promises of ten held at four.
	mostPassed = 4.0
	// absenceShows is how long it takes until those who are gone are passed.
	absenceShows = 3 * time.Minute
	// slack is what pictures and steps of a second are late.
	slackLow, slackHigh = 2 * time.Second, 3 * time.Second
	longestWait         = 30 * 24 * time.Hour
)

// expected is what the terms alone say. In a room that can be full the outflow is how fast it empties: those inside
// stay a minute at least, and hardly ever all their time.
func expected(t Terms) prior {
	pace := max(1, float64(t.AdmitPerMinute)) / 60
	least, most := leastStay, max(leastStay, mostStay*float64(t.VisitSeconds))
	slow, fast := min(pace, float64(t.MaxInside)/most), min(pace, float64(t.MaxInside)/least)/(1-likelyGone)
	return prior{rate: math.Sqrt(slow * fast), spread: math.Log(fast/slow) / (2 * certain), worth: max(20, min(120, math.Sqrt(least*most)/2))}
}

// begin starts measuring with the first picture.
func (m *Meter) begin(s *Snapshot) {
	m.admit, m.inside = s.Terms.AdmitPerMinute, s.Terms.MaxInside
	m.prior = expected(s.Terms)
	m.roomUntil = roomUntil(s)
	m.full = s.Serving >= m.roomUntil
	// A process that comes later knows what the line did on average.
	if m.full && s.Serving > 0 && s.OpenedAt != nil {
		if t := s.LineAt.Sub(*s.OpenedAt).Seconds(); t > 30 {
			m.prior.rate = min(float64(s.Serving)/t, 2*float64(m.admit)/60)
			m.prior.spread, m.prior.worth = 0.35, min(120, t/4)
		}
	}
}

// roomUntil is how many can be called before anybody must go: as many as fit in, or as there are tickets.
func roomUntil(s *Snapshot) int64 {
	n := s.Terms.MaxInside
	if stock := s.Stock(); stock > 0 {
		n = min(n, stock)
	}
	if float64(s.Terms.AdmitPerMinute)/60*float64(s.Terms.VisitSeconds) <= float64(n) {
		return 0 // never full: the first have gone before
	}
	return int64(n)
}

// follow notices that the room was filled, and that the terms changed.
func (m *Meter) follow(s *Snapshot, now sample) {
	if !m.full && now.serving >= m.roomUntil {
		m.full, m.from = true, now.busy
	}
	admit, inside := s.Terms.AdmitPerMinute, s.Terms.MaxInside
	if admit == m.admit && inside == m.inside {
		return
	}
	if f := m.flow(s, now); m.full && f.measured > 0 {
		m.prior = changed(f.guess, float64(m.admit)/60, float64(admit)/60, float64(inside)/float64(m.inside))
		m.from = now.busy
	} else {
		m.prior = expected(s.Terms)
		m.roomUntil = roomUntil(s)
	}
	m.admit, m.inside = admit, inside
}

// changed is what is expected of an outflow that was measured under other terms: room is how much larger it became. Where
// the organizer's pace was what held the line, it will follow the new one; else the room does.
func changed(rate, was, pace, room float64) prior {
	slow, fast := min(rate, rate*room), max(rate, rate*room)
	if rate > 0.75*was { // the pace held it
		slow, fast = rate*pace/was, rate*pace/was
		if pace > was {
			slow = rate
		}
		slow *= min(1, room)
	} else {
		slow, fast = min(slow, pace), min(fast, pace)
	}
	return prior{rate: math.Sqrt(slow * fast), spread: max(0.15, math.Log(fast/slow)/2), worth: 60}
}

// flow measures the windows that end now.
func (m *Meter) flow(s *Snapshot, now sample) *flow {
	f := &flow{prior: m.prior, guess: m.prior.rate, fillRate: max(1, float64(s.Terms.AdmitPerMinute)) / 60, fillFast: mostPassed}
	if !m.full {
		f.fill = m.roomUntil - now.serving
		if r := m.rate(now) / 60; r > 0 {
			share := 1 / (1 + now.busy.Seconds()/20)
			f.fillRate = share*f.fillRate + (1-share)*r
			if now.busy > absenceShows {
				f.fillFast = 1.2
			}
		}
		return f
	}
	f.measured = (now.busy - m.from).Seconds()
	if now.busy < absenceShows {
		f.unseen = mostPassed
	}
	vary := 0.0
	for w := shortest; w <= now.busy-m.from; w *= 2 {
		counts := make([]float64, 0, maxWindows)
		end, upper := now.busy, float64(now.serving)
		for end-w >= m.from && len(counts) < maxWindows {
			lower := m.servingAt(end - w)
			counts = append(counts, upper-lower)
			end, upper = end-w, lower
		}
		var sum, squares float64
		for _, c := range counts {
			sum += c
		}
		mean := sum / float64(len(counts))
		for _, c := range counts {
			squares += (c - mean) * (c - mean)
		}
		// What shorter windows say, if those were independent, counts as two more.
		if vary == 0 {
			vary = 2 * (0.04 + 1/max(1, mean))
		}
		vary /= 2
		if k := float64(len(counts)); k > 1 && mean > 0 {
			vary = (squares/(mean*mean) + 2*vary) / (k + 1)
		}
		f.scales = append(f.scales, scale{rate: counts[0] / w.Seconds(), vary: vary})
	}
	// Slower than it was: the last minute or two against the last quarter of an hour.
	if len(f.scales) > 6 {
		f.slower = f.scales[4].rate < 0.6*f.scales[len(f.scales)-1].rate
	}
	f.outlook()
	return f
}

// at is the scale nearest to a time in seconds, and how many scales the time is above the longest.
func (f *flow) at(seconds float64) (nearest int, above float64) {
	i, last := math.Log2(max(1, seconds/shortest.Seconds())), float64(len(f.scales)-1)
	return int(math.Round(min(i, last))), max(0, i-last)
}

// trust is the share of the prior in what is expected. A line that is faster than the prior holds possible refutes it; a
// slower one does not, because nobody leaves at first.
func (f *flow) trust() float64 {
	t := f.measured / f.prior.worth
	if n := len(f.scales); n > 0 && f.scales[n-1].rate > 0 {
		t += max(0, math.Log(f.scales[n-1].rate/f.prior.rate)/f.prior.spread-2*certain)
	}
	return 1 / (1 + t + t*t)
}

// rates is the expected outflow over a time in seconds, numbers a second, and how slow and how fast it may have become:
// a window half as long as that time says what to expect.
func (f *flow) rates(seconds float64) (slow, rate, fast float64) {
	if len(f.scales) == 0 {
		return f.prior.rate, f.prior.rate, f.prior.rate
	}
	i, _ := f.at(max(leastWindow, seconds/2))
	sc := &f.scales[i]
	return sc.slow, sc.expected, sc.fast
}

// outlook sets what the windows of each scale make expect. Shorter windows say whether the outflow changed since; they
// count as far as they differ by more than windows of theirs do anyway.
func (f *flow) outlook() {
	p := f.trust()
	least, _ := f.at(leastWindow)
	for i := range f.scales {
		long := &f.scales[i]
		long.expected = max(p*f.prior.rate+(1-p)*long.rate, 1e-6)
		long.slow, long.fast = long.expected, long.expected
		for j := i - 1; j >= least && long.rate > 0; j-- {
			short := &f.scales[j]
			d := max(-farthest, min(farthest, math.Log(max(short.rate, long.rate/100)/long.rate)))
			if beyond := d*d - doubt*(short.vary+long.vary); beyond > 0 {
				moved := long.expected * math.Exp((1-p)*beyond/d)
				long.slow, long.fast = min(long.slow, moved), max(long.fast, moved)
			}
		}
	}
	_, f.guess, _ = f.rates(paceOver.Seconds())
}

// spread is that of the logarithm of the time that is expected to be some seconds.
func (f *flow) spread(seconds float64) float64 {
	if len(f.scales) == 0 {
		return math.Hypot(f.prior.spread, steady)
	}
	p := f.trust()
	past, _ := f.at(max(leastWindow, seconds/2))
	i, above := f.at(seconds)
	ahead := f.scales[i].vary / math.Exp2(above)
	return math.Sqrt(p*p*f.prior.spread*f.prior.spread + (1-p)*(1-p)*f.scales[past].vary + ahead + steady*steady)
}

// Pass is a range for the time until so many more numbers have been called.
func (s *Snapshot) Pass(n int64) (low, high time.Duration) {
	f, n := s.flow, max(1, n)
	if f == nil {
		m := Meter{}
		m.begin(s)
		f = &flow{prior: m.prior, guess: m.prior.rate, fillRate: max(1, float64(s.Terms.AdmitPerMinute)) / 60, fillFast: mostPassed, unseen: mostPassed, fill: max(0, m.roomUntil-s.Serving)}
	}
	fill := float64(min(n, f.fill))
	fast, slow := fill/(f.fillRate*f.fillFast), fill/(0.85*f.fillRate)
	if rest := float64(n) - fill; rest > 0 {
		least, rate, most := f.rates(rest / f.guess)
		reach := math.Exp(certain * f.spread(rest/rate))
		fast, slow = fast+rest/most/reach/max(1, f.unseen), slow+rest/least*reach
	}
	// The next one may be called at any moment.
	fast *= float64(n-1) / float64(n)
	at := func(seconds float64) time.Duration {
		return time.Duration(min(longestWait.Seconds(), seconds) * float64(time.Second))
	}
	return max(0, at(fast)-slackLow), at(slow) + slackHigh
}

// Slower reports whether the line moves much slower than it did a while ago under the same terms.
func (s *Snapshot) Slower() bool { return s.flow != nil && s.flow.slower }

// Resumes reports whether a line that stands still was measured for long enough to know how such times end.
func (s *Snapshot) Resumes() bool {
	return s.flow != nil && s.flow.measured > 2*leastWindow+3*s.Still.Seconds()
}
