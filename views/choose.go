package views

import "time"

// ChooseView is the choice of tier and quantity, inside.
type ChooseView struct {
	Event    EventInfo
	Tiers    []TierInfo
	Until    time.Time     // the visit ends
	Visit    time.Duration // how long it is in all
	Hold     time.Duration
	CanTake  int    // how many more this fan may take
	TierID   string // chosen before
	Quantity int    // chosen before
	Checkout string // /checkout/{claim} while one is open: no second one
	Problem  *Problem
}

// picked is whether row i is the chosen one: what was chosen before, if it can
// still be had, else the first that can.
func (v ChooseView) picked(i int) bool {
	first := -1
	for j, t := range v.Tiers {
		if t.Available == 0 {
			continue
		}
		if t.ID == v.TierID {
			return i == j
		}
		if first < 0 {
			first = j
		}
	}
	return i == first
}

func (v ChooseView) quantity() int { return min(max(v.Quantity, 1), v.CanTake) }

// columns of the choice of a number: one row up to six, else rows of five.
func (v ChooseView) columns() int {
	if v.CanTake <= 6 {
		return v.CanTake
	}
	return 5
}

func (v ChooseView) takeLine() string {
	if v.CanTake < v.Event.Limit {
		return "You can take " + itoa(v.CanTake) + " more. Each fan can have up to " + itoa(v.Event.Limit) + "."
	}
	return "Each fan can take up to " + itoa(v.Event.Limit) + "."
}
