package claim_test

import (
	"testing"

	"fairqueue/internal/sale"
)

// Whoever used their admission is inside, also when they got nothing; whoever asked for something impossible has not used it.
func TestARefusalForWantOfTicketsLeavesTheFanInside(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		taken, limit, ask int
		after             string
	}{
		"sold_out":          {3, 4, 1, "inside"},
		"not_enough_left":   {2, 4, 2, "inside"},
		"limit_reached":     {1, 2, 3, "inside"},
		"sale_not_open":     {1, 4, 1, "called"},
		"invalid_request":   {1, 4, 51, "called"},
		"admission_expired": {3, 4, 1, "called"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t, func(n *sale.NewSale) { n.Terms.MaxTicketsPerFan = c.limit })
			for _, fan := range h.fans(c.taken) {
				h.mustHold(fan, 1, 1)
			}
			fan := h.fans(1)[0]
			turn := "1 hour"
			switch name {
			case "sale_not_open":
				h.sql(`UPDATE sales SET state = 'ended' WHERE event_id = $1`, h.event.ID())
			case "admission_expired":
				turn = "-1 second"
			}
			h.sql(`UPDATE spots SET status = 'called', entered_at = NULL, visit_ends_at = NULL, turn_ends_at = now() + $2::interval WHERE account_id = $1`, fan, turn)
			for range 2 {
				_, err := h.hold(fan, 1, c.ask)
				if name != "sale_not_open" {
					code(t, err, name)
				} else if err == nil {
					t.Fatal("claimed in a sale that has ended")
				}
				if n := h.count(`SELECT count(*) FROM spots WHERE account_id = $1 AND status = $2`, fan, c.after); n != 1 {
					t.Fatalf("the fan is not %s", c.after)
				}
			}
			if n := h.count(`SELECT count(*) FROM spots WHERE account_id = $1 AND (visit_ends_at > now()) IS TRUE`, fan); (n == 1) != (c.after == "inside") {
				t.Errorf("%d visits run", n)
			}
		})
	}
}
