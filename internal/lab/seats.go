package lab

import (
	"context"
	"net/http"
)

// hall is what the server shows of numbered seats to somebody who is inside.
type hall struct {
	Sections []struct {
		Rows []struct {
			Seats []struct {
				ID     string `json:"id"`
				TierID string `json:"tier_id"`
				Status string `json:"status"`
			} `json:"seats"`
		} `json:"rows"`
	} `json:"sections"`
}

// request is what the fan asks for: so many of a tier without seats; else the best seats, or those that they chose on the
// map.
func (f *fan) request(ctx context.Context, admission string, t tier, n int) (map[string]any, error) {
	if !t.Seated {
		return map[string]any{"tier_id": t.ID, "quantity": n}, nil
	}
	best := map[string]any{"tier_id": t.ID, "quantity": n, "best_available": true}
	if !f.chance(f.cfg.Map) {
		return best, nil
	}
	var h hall
	if err := f.call(ctx, http.MethodGet, f.path("/seats"), http.Header{"Admission": {admission}}, nil, &h); err != nil {
		return nil, err
	}
	if ids := f.choose(h, t.ID, n); ids != nil {
		return map[string]any{"seat_ids": ids}, nil
	}
	return best, nil
}

// choose points at n free seats of a tier that stand next to each other in the list, anywhere: at the end of a run of
// free ones, so that as a rule no single seat stays alone. Nil where there are none.
func (f *fan) choose(h hall, tier string, n int) []string {
	var runs [][]string
	for _, s := range h.Sections {
		for _, r := range s.Rows {
			var run []string
			end := func() {
				if len(run) == n || len(run) > n+1 {
					runs = append(runs, run)
				}
				run = nil
			}
			for _, seat := range r.Seats {
				if seat.Status != "free" || seat.TierID != tier {
					end()
					continue
				}
				run = append(run, seat.ID)
			}
			end()
		}
	}
	if len(runs) == 0 {
		return nil
	}
	run := runs[f.rnd.IntN(len(runs))]
	if f.chance(0.5) {
		return run[:n]
	}
	return run[len(run)-n:]
}
