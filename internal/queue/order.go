package queue

import "fairqueue/internal/sale"

// order is the one place where arrivals become numbers and back. Numbers are
// arrivals: in fifo sales always, in a draw from the opening on, until a draw
// that was held says otherwise.
type order struct {
	ordering sale.Ordering
	opened   bool
}

// number is the place of an arrival in the order of admission; false until it is known.
func (o order) number(arrival int64) (int64, bool) {
	if o.ordering == sale.Draw && !o.opened {
		return 0, false
	}
	return arrival, true
}

// arrival is the other way.
func (o order) arrival(number int64) int64 { return number }
