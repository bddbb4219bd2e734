package queue

import (
	"testing"

	"pgregory.net/rapid"

	"fairqueue/internal/db/queuedb"
)

// A number is absent exactly when it has been in reach for more than a window and gave no sign for more than a window,
// however the line jumps and however often the ring goes round.
func TestAbsenceNeedsAWholeWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		window := uint32(presenceWindow.Seconds())
		w := &watch{}
		second, serving, arrivals := uint32(1), int64(0), int64(0)
		since, sign := map[int64]uint32{}, map[int64]uint32{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			second += rapid.SampledFrom([]uint32{0, 1, 1, 1, 30, window, window + 1}).Draw(t, "seconds")
			arrivals += rapid.SampledFrom([]int64{0, 3, 40, ringSize - 5, ringSize + 7}).Draw(t, "joins")
			serving = min(arrivals, serving+rapid.SampledFrom([]int64{0, 0, 1, 30, ringSize, ringSize + 40}).Draw(t, "called"))
			low, bits := w.look(second, serving, arrivals, 600)
			for n := serving + 1; n <= w.upTo.Load(); n++ {
				if _, ok := since[n]; !ok {
					since[n] = second
				}
			}
			if low != serving+1 {
				t.Fatalf("low %d, serving %d", low, serving)
			}
			a := absence{[]queuedb.PresenceRow{{Low: low, Absent: bits}}}
			for n := max(1, serving-50); n <= min(arrivals, serving+leastReach)+50; n++ {
				reached, in := since[n]
				want := n > serving && in && reached+window < second && sign[n]+window < second
				if a.has(n) != want {
					t.Fatalf("second %d, serving %d: number %d (in reach since %d, last sign %d) absent: %t", second, serving, n, reached, sign[n], !want)
				}
			}
			for range rapid.IntRange(0, 20).Draw(t, "signs") {
				n := serving + rapid.Int64Range(-3, 100).Draw(t, "number")
				w.saw(n, second)
				if n > serving && n <= w.upTo.Load() {
					sign[n] = second
				}
			}
		}
	})
}

func TestReachFollowsThePace(t *testing.T) {
	t.Parallel()
	for perMinute, want := range map[int]int64{1: leastReach, 600: leastReach, 6_000: 30_000, 600_000: ringSize} {
		if got := reachOf(perMinute); got != want {
			t.Errorf("at %d a minute %d numbers are watched, want %d", perMinute, got, want)
		}
	}
	w := &watch{}
	w.look(1, 0, 70_000, 600_000)
	if _, bits := w.look(100, 0, 70_000, 600_000); len(bits) != ringSize/8 {
		t.Errorf("%d bytes of the absent, want %d", len(bits), ringSize/8)
	}
	if _, bits := w.look(100, 0, 70_000, 1); len(bits) != ringSize/8 {
		t.Errorf("a slower pace forgot who was watched: %d bytes", len(bits))
	}
}

func TestAbsentByTheWordOfAll(t *testing.T) {
	t.Parallel()
	all := []byte{0xff, 0xff}
	for name, c := range map[string]struct {
		rows []queuedb.PresenceRow
		want bool
	}{
		"nobody says anything":  {nil, false},
		"one says so":           {[]queuedb.PresenceRow{{Low: 1, Absent: all}}, true},
		"both say so":           {[]queuedb.PresenceRow{{Low: 1, Absent: all}, {Low: 3, Absent: all}}, true},
		"one has seen them":     {[]queuedb.PresenceRow{{Low: 1, Absent: all}, {Low: 1, Absent: []byte{0xf0, 0xff}}}, false},
		"one is new":            {[]queuedb.PresenceRow{{Low: 1, Absent: all}, {Low: 1, Absent: []byte{}}}, false},
		"one looks further on":  {[]queuedb.PresenceRow{{Low: 1, Absent: all}, {Low: 6, Absent: all}}, false},
		"one reaches less far":  {[]queuedb.PresenceRow{{Low: 1, Absent: all}, {Low: 1, Absent: []byte{0xf0}}}, false},
		"one has fallen silent": {[]queuedb.PresenceRow{{Low: 1, Absent: all}, {Low: 1, Absent: all, Age: 6}}, false},
	} {
		if got := absenceOf(c.rows).has(5); got != c.want {
			t.Errorf("%s: absent %t, want %t", name, got, c.want)
		}
	}
}
