package lab

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"text/tabwriter"
	"time"
)

// Fairness is an experiment without a server: a crowd with bots in it goes through a line, and what counts is who stands
// at its front. It asks what the order itself gives, so nothing here is lost to networks or machines.
type Fairness struct {
	// Seeds is how many lines are formed, the first from Seed.
	Seeds int
	Seed  uint64
	// Fans is everybody, Front how many of them are called first.
	Fans, Front int
	// Bots is the part of the fans that are none, from 0 to 1.
	Bots float64
	// Tabs is how many tabs a bot opens, Faster how many times faster than a person it reacts.
	Tabs   int
	Faster float64
	// Order is the draw: where position i of n lands, for all of them.
	Order func(seed uint64, n int) []uint32
}

// Shares are the bots' shares of the front over all seeds, in percent.
type Shares struct{ Mean, Lowest, Highest float64 }

// FairnessReport is what came out.
type FairnessReport struct {
	Fairness
	BotCount int
	// Requests is how many joins came in one line, of which each account's first gave it its place.
	Requests int
	Draw     Shares
	FIFO     Shares
	// MeanWithin and EachWithin are the bounds around the bots' share of the crowd, in points.
	MeanWithin, EachWithin float64
	OK                     bool
	Took                   time.Duration
}

// The bounds for 10,000 fans, a front of 1,000 and 200 seeds. A smaller experiment is allowed what chance does to it: so many
// standard deviations of a share, and of a mean of shares.
const (
	meanWithin, meanSigmas = 0.3, 3.5
	eachWithin, eachSigmas = 5.0, 4.0
)

// Run forms the lines. An error means that the experiment makes no sense as it was asked for.
func (f Fairness) Run() (*FairnessReport, error) {
	switch {
	case f.Seeds < 1 || f.Fans < 2 || f.Fans > 10_000_000:
		return nil, errors.New("there must be at least 1 seed, and 2 to 10,000,000 fans")
	case f.Front < 1 || f.Front >= f.Fans:
		return nil, errors.New("the front must be smaller than the crowd")
	case !(f.Bots > 0 && f.Bots < 1) || !(f.Faster > 0) || f.Tabs < 1:
		return nil, errors.New("bots is a part between 0 and 1, and each has at least one tab")
	}
	began := time.Now()
	r := &FairnessReport{Fairness: f, BotCount: int(math.Round(f.Bots * float64(f.Fans)))}
	r.Requests = f.Fans + r.BotCount*(f.Tabs-1)
	draw, fifo := make([]float64, f.Seeds), make([]float64, f.Seeds)
	for i := range f.Seeds {
		seed := f.Seed + uint64(i) //nolint:gosec // counts upward
		line := f.arrive(seed, r.BotCount)
		// Position in the line is arrival − 1; without a draw it is the number − 1 as well.
		order := f.Order(seed, f.Fans)
		inDraw, inFIFO := 0, 0
		for position, bot := range line {
			if bot && position < f.Front {
				inFIFO++
			}
			if bot && int(order[position]) < f.Front {
				inDraw++
			}
		}
		draw[i], fifo[i] = f.percent(inDraw), f.percent(inFIFO)
	}
	r.Draw, r.FIFO = shares(draw), shares(fifo)

	share := float64(r.BotCount) / float64(f.Fans)
	// Drawing without replacement: hypergeometric.
	sigma := 100 * math.Sqrt(share*(1-share)/float64(f.Front)*float64(f.Fans-f.Front)/float64(f.Fans-1))
	r.MeanWithin = max(meanWithin, meanSigmas*sigma/math.Sqrt(float64(f.Seeds)))
	r.EachWithin = max(eachWithin, eachSigmas*sigma)
	want := 100 * share
	r.OK = math.Abs(r.Draw.Mean-want) <= r.MeanWithin && r.Draw.Highest-want <= r.EachWithin && want-r.Draw.Lowest <= r.EachWithin
	r.Took = time.Since(began)
	return r, nil
}

func (f Fairness) percent(n int) float64 { return 100 * float64(n) / float64(f.Front) }

func shares(all []float64) Shares {
	sum := 0.0
	for _, s := range all {
		sum += s
	}
	return Shares{Mean: sum / float64(len(all)), Lowest: slices.Min(all), Highest: slices.Max(all)}
}

// People see that joining is open, understand, and press a button: a median of three seconds with a long tail. The way to
// the server is another tenth of a second or so, for everybody.
const (
	reactMedian = 3.0
	reactSpread = 0.6
	wayMedian   = 0.1
	waySpread   = 0.5
)

// arrive forms one line: who of the accounts that join, in order of their first request, is a bot. An account has one place
// however many of its tabs ask.
func (f Fairness) arrive(seed uint64, bots int) []bool {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) //nolint:gosec // an experiment that can be repeated
	lognormal := func(median, spread float64) float64 { return median * math.Exp(spread*rng.NormFloat64()) }
	type arrival struct {
		at  float64
		bot bool
	}
	line := make([]arrival, f.Fans)
	for i := range line {
		a := arrival{at: math.Inf(1), bot: i < bots}
		tabs, slower := 1, 1.0
		if a.bot {
			tabs, slower = f.Tabs, 1/f.Faster
		}
		for range tabs {
			a.at = min(a.at, slower*lognormal(reactMedian, reactSpread)+lognormal(wayMedian, waySpread))
		}
		line[i] = a
	}
	slices.SortStableFunc(line, func(a, b arrival) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	out := make([]bool, f.Fans)
	for i, a := range line {
		out[i] = a.bot
	}
	return out
}

// Print writes the report for people.
func (r *FairnessReport) Print(out io.Writer) error {
	want := 100 * float64(r.BotCount) / float64(r.Fans)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "%d fans join, %d of them (%.1f %%) are bots that react %g × faster and open %d tabs each.\n", r.Fans, r.BotCount, want, r.Faster, r.Tabs)
	fmt.Fprintf(out, "%d requests make %d places: one an account, whatever the number of its tabs.\n", r.Requests, r.Fans)
	fmt.Fprintf(out, "The bots' share of the first %d numbers, over %d seeds:\n\n", r.Front, r.Seeds)
	fmt.Fprintln(w, "\tmean\tlowest\thighest\t")
	for _, row := range []struct {
		name string
		s    Shares
	}{{"draw", r.Draw}, {"first come, first served", r.FIFO}} {
		fmt.Fprintf(w, "%s\t%.2f %%\t%.1f %%\t%.1f %%\t\n", row.name, row.s.Mean, row.s.Lowest, row.s.Highest)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	word := "PASS"
	if !r.OK {
		word = "FAIL"
	}
	_, err := fmt.Fprintf(out, "\n%s  In a draw speed and tabs must give nothing: mean within ± %.2f points of %.1f %%, no seed outside ± %.1f. (%s)\n",
		word, r.MeanWithin, want, r.EachWithin, r.Took.Round(10*time.Millisecond))
	return err
}
