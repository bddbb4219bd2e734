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
