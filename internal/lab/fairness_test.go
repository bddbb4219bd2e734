package lab_test

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/lab"
	"fairqueue/internal/shuffle"
)

func crowd(seeds int) lab.Fairness {
	return lab.Fairness{
		Seeds: seeds, Seed: 1, Fans: 10_000, Front: 1_000, Bots: 0.2, Tabs: 10, Faster: 100,
		Order: func(seed uint64, n int) []uint32 {
			return shuffle.Table(n, sha256.Sum256(binary.BigEndian.AppendUint64(nil, seed)))
		},
	}
}

// Bots that react 100 times faster and open ten tabs each get their share of the front and no more.
func TestADrawGivesBotsTheirShare(t *testing.T) {
	t.Parallel()
	r, err := crowd(dbtest.Size(200, 2000)).Run()
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK || r.MeanWithin > 0.301 || r.EachWithin != 5 || r.Draw.Mean < 19.7 || r.Draw.Mean > 20.3 {
		t.Errorf("%+v", r)
	}
	// Without a draw they take it nearly whole: the experiment sees the difference.
	if r.FIFO.Lowest < 90 || r.Requests != 28_000 {
		t.Errorf("%+v", r)
	}
	var out strings.Builder
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "PASS") || !strings.Contains(out.String(), "28000 requests make 10000 places") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// An order that keeps who came first in front, were it ever so little, does not pass.
func TestAnOrderThatFavoursTheFastIsSeen(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]func(f lab.Fairness) func(seed uint64, n int) []uint32{
		"no draw at all": func(lab.Fairness) func(uint64, int) []uint32 {
			return func(_ uint64, n int) []uint32 {
				same := make([]uint32, n)
				for i := range same {
					same[i] = uint32(i) //nolint:gosec // a position
				}
				return same
			}
		},
		"every fortieth keeps its place": func(f lab.Fairness) func(uint64, int) []uint32 {
			return func(seed uint64, n int) []uint32 {
				order := f.Order(seed, n)
				back := shuffle.Invert(order)
				for i := 0; i < n; i += 40 {
					// Position i and whoever was drawn to it change places.
					other, to := back[i], order[i]
					order[i], order[other] = uint32(i), to //nolint:gosec // a position
					back[i], back[to] = uint32(i), other   //nolint:gosec // a position
				}
				return order
			}
		},
	} {
		f := crowd(50)
		f.Order = order(f)
		r, err := f.Run()
		if err != nil || r.OK {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
}

func TestAnExperimentWithoutSenseIsRefused(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*lab.Fairness){
		func(f *lab.Fairness) { f.Seeds = 0 }, func(f *lab.Fairness) { f.Front = f.Fans }, func(f *lab.Fairness) { f.Bots = 1 },
		func(f *lab.Fairness) { f.Tabs = 0 }, func(f *lab.Fairness) { f.Fans = 1 }, func(f *lab.Fairness) { f.Faster = 0 },
	} {
		f := crowd(1)
		change(&f)
		if r, err := f.Run(); err == nil {
			t.Errorf("%+v", r)
		}
	}
}
