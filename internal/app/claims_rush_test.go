package app_test

import (
	"fmt"
	"testing"
	"time"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/sale"
)

// A thousand fans want one last place over HTTP: one gets it, 999 are told 409, and nobody hears of a deadlock or of an
// error of ours.
func TestAThousandForOnePlace(t *testing.T) {
	t.Parallel()
	redis := dbtest.RedisServer(t)
	r := newRig(t, redis.URL)
	fans := r.fans(1000)
	for name, c := range map[string]struct {
		change func(*sale.NewSale)
		body   func(e *sale.Snapshot) string
	}{
		"unit": {
			change: func(n *sale.NewSale) { n.Tiers[0].Capacity = 1 },
			body:   func(e *sale.Snapshot) string { return oneOf(e.Tiers[0].ID) },
		},
		"seat": {
			change: func(n *sale.NewSale) {
				n.Tiers[0].Capacity = 0
				n.SeatMap = []byte(`{"focal":{"x":0,"y":0},"sections":[{"id":"stalls","name":"Stalls","kind":"seated","tier":"Regular","rows":[{"name":"A","count":1,"x":0,"y":3}]}]}`)
			},
			body: func(e *sale.Snapshot) string {
				seats, err := r.app.Claims.Seats(t.Context(), e)
				r.must(err)
				return fmt.Sprintf(`{"seat_ids":[%q]}`, seats.IDs[0])
			},
		},
	} {
		e := r.onSale("One "+name, c.change)
		l := r.claiming(64, c.body(e), fans)
		l.want = []int{201, 409} // all else fails the test
		res := l.closed(t, time.Minute)
		if res.answers != len(fans) {
			t.Errorf("%s: %d answers for %d fans", name, res.answers, len(fans))
		}
		if n := r.int(`SELECT count(*) FROM claims WHERE event_id = $1`, e.ID()); n != 1 {
			t.Errorf("%s: %d got it", name, n)
		}
		if n := r.int(`SELECT count(*) FROM spots WHERE event_id = $1 AND status = 'inside'`, e.ID()); n != len(fans) {
			t.Errorf("%s: %d of %d used their admission", name, n, len(fans))
		}
	}
	if n := r.int(`SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()`); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}
