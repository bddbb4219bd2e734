package lab

import (
	"testing"
	"time"
)

func TestPromisesAreJudgedHalfWay(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	hear := func(p *promises, seconds int, low, high int64) {
		var is place
		is.Spot.ETA = &struct {
			Low  int64 `json:"low_seconds"`
			High int64 `json:"high_seconds"`
		}{low, high}
		p.hear(is, at(seconds))
	}
	for name, c := range map[string]struct {
		called   int
		kept, ok bool
	}{
		"by what was said last before half of it was over": {60, true, true},
		"too early":                             {48, false, true},
		"too late":                              {78, false, true},
		"not by what was said after the half":   {96, false, true},
		"nothing was said in the first half":    {10, false, false},
		"the turn is seen a look after it came": {71, true, true},
	} {
		p := promises{joined: start}
		hear(&p, 8, 1, 2)
		hear(&p, 20, 30, 50)
		hear(&p, 50, 0, 100)
		if kept, ok := p.kept(at(c.called)); kept != c.kept || ok != c.ok {
			t.Errorf("%s: kept %v, judged %v", name, kept, ok)
		}
	}
}
