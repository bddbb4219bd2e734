package queue

import (
	"math"
	"slices"
	"time"

	"fairqueue/internal/sale"
)

// eta is a range for the wait of a fan with so many ahead, from the measured outflow of the line. Nothing is said while
// nothing is known: the sale is paused, sold out or over, or all that is left is held.
func eta(event *sale.Snapshot, state sale.State, ahead int64) *ETA {
	var until time.Duration
	switch state {
	case sale.Lobby, sale.Scheduled:
		until = max(0, event.Terms.OpensAt.Sub(event.At))
	case sale.Open:
		if event.State == sale.Open && event.Available() == 0 {
			return nil
		}
		if Stuck(event) && !event.Resumes() {
			return nil // nobody knows when those inside are done
		}
	default:
		return nil
	}
	low, high := event.Pass(ahead + 1)
	return &ETA{Low: (until + low).Truncate(time.Second), High: (until + high + time.Second).Truncate(time.Second)}
}

// Stuck reports whether the line stands still far longer than its pace explains:
// the room is full, or those inside may take all that is left.
func Stuck(event *sale.Snapshot) bool {
	between := time.Minute / time.Duration(max(1, event.Terms.AdmitPerMinute))
	return event.State == sale.Open && event.Still > 20*time.Second+3*between
}

// Slow is why a line moves slower than it did, or not at all.
type Slow string

// The reasons.
const (
	SlowNot      Slow = ""
	SlowPaused   Slow = "paused"
	SlowPayments Slow = "slow_payments" // the room is full, and those inside take long
	SlowStock    Slow = "stock_held"    // all that is left is held
	SlowLater    Slow = "stock_later"   // what is left is not on sale now, or takes a code
)

// SlowOf says why the wait grows, if it does.
func SlowOf(event *sale.Snapshot) Slow {
	switch {
	case event.State == sale.Paused:
		return SlowPaused
	case event.State != sale.Open:
		return SlowNot
	case event.Available() == 0 && event.Later() > 0:
		return SlowLater
	case event.Available() == 0:
		return SlowStock
	case Stuck(event) || event.Slower():
		return SlowPayments
	}
	return SlowNot
}

// Chance is how likely a fan who waits gets a ticket.
type Chance string

// The chances.
const (
	Likely   Chance = "likely"
	Close    Chance = "close"
	Unlikely Chance = "unlikely"
	// Gone: every tier that the fan wants is sold out.
	Gone Chance = "gone"
)

// Odds is what a fan who waits may expect.
type Odds struct {
	Chance Chance
	// Place is how many are called up to and with this fan, at most; Left the unsold tickets in the tiers wanted.
	Place, Left int64
	// Reach is the number up to which the stock is expected to last, as a range.
	ReachLow, ReachHigh int64
}

const (
	// buys and enough are what is expected of fans before any were seen: the share of them who buy, and how many called
	// ones outweigh that.
	buys, enough = 0.8, 60.0
	// unsure is the spread of the reach at first, sure what remains of it.
	unsure, sure = 0.35, 0.1
)

// OddsOf says what a fan who waits may expect in the tiers they want; nil where there is nothing to say: no number yet,
// the turn has come, the line is over.
//
// The reach follows from the tickets that a called number took so far, on average: those who were called and did not buy,
// left, or were away took none.
func OddsOf(event *sale.Snapshot, v View) *Odds {
	if (v.Status != InLobby && v.Status != Waiting) || v.Number == nil || v.Ahead == nil || event.State == sale.Ended {
		return nil
	}
	place := *v.Ahead + 1
	o := Odds{Place: place}
	var stock, available, taken int64
	for i := range event.Tiers {
		t := &event.Tiers[i]
		if len(v.Wish.Tiers) > 0 && !slices.Contains(v.Wish.Tiers, t.Ordinal) {
			continue
		}
		o.Left += int64(t.Unsold())
		taken += int64(t.Held + t.Sold)
		available += int64(t.Available + t.Later)
		stock += int64(t.Unsold() + t.Sold)
	}
	if o.Left == 0 {
		o.Chance, o.ReachLow, o.ReachHigh = Gone, event.Serving, event.Serving
		return &o
	}
	// A claim takes half the limit or so; the tiers wanted get their part of it.
	each := buys * (1 + float64(event.Terms.MaxTicketsPerFan)) / 2 * float64(stock) / float64(max(1, event.Stock()))
	// Those called in the last minute and a half have not chosen yet, half of them.
	choosing := min(float64(event.Serving), 1.5*event.Rate) / 2
	chose := float64(event.Serving) - choosing
	each = max(1e-3, (each*enough+float64(taken))/(enough+chose))
	more := max(0, float64(available)/each-choosing)
	spread := sure + unsure*math.Sqrt(enough/(enough+chose))
	o.ReachLow = event.Serving + int64(more*(1-spread))
	o.ReachHigh = event.Serving + int64(more*(1+spread))
	switch at := event.Serving + place; {
	case at <= o.ReachLow:
		o.Chance = Likely
	case at <= o.ReachHigh:
		o.Chance = Close
	default:
		o.Chance = Unlikely
	}
	return &o
}
