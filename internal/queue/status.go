package queue

import (
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// stored are the statuses of a row.
var stored = struct{ joined, called, inside, left, done string }{"joined", "called", "inside", "left", "done"}

// The ways of asking for another turn; also the rules in the ledger, with ruleLobby for leaving undone, and rulePresale for
// a turn before one's number.
const (
	redeem    = "redeem"
	behind    = "behind"
	ruleLobby = "lobby"

	rulePresale = "presale"
)

func notInQueue() error {
	return fault.New(fault.NotFound, "not_in_queue", "You are not in this line. Join it first.")
}

// derive is what a fan is told: it follows from the row, the sale and the clock.
func derive(p queuedb.PlaceRow) Status {
	state := sale.State(p.State)
	switch {
	case p.Status == stored.left:
		return Left
	case state == sale.Ended || p.Status == stored.done:
		return Done
	case p.Status == stored.called:
		switch {
		case p.TurnEndsAt.After(p.LineAt):
			return Called
		case graceEnd(p).After(p.LineAt):
			return Missed
		}
		return Done
	case p.Status == stored.inside:
		if p.VisitEndsAt.After(p.LineAt) || p.ClaimID != nil {
			return Inside
		}
		return Done
	case state == sale.Open || state == sale.Paused:
		return Waiting
	}
	return InLobby
}

// graceEnd is until when a missed turn can be asked for again, in line time.
func graceEnd(p queuedb.PlaceRow) time.Time {
	return p.TurnEndsAt.Add(time.Duration(p.GraceSeconds) * time.Second)
}

// real turns line time into the database's time, as of now.
func real(p queuedb.PlaceRow, line time.Time) time.Time { return line.Add(p.At.Sub(p.LineAt)) }

// view makes what a fan sees of one moment's rows.
func (s *Service) view(event *sale.Snapshot, account uuid.UUID, p queuedb.PlaceRow) (View, error) {
	v := View{
		SpotID: p.ID, EventID: event.ID(), Account: account, Status: derive(p), Arrival: p.Arrival, JoinedAt: p.JoinedAt.UTC(),
		Serving: p.Serving, State: sale.State(p.State), Owned: int(p.Owned), LimitLeft: p.Owned < int64(p.MaxTicketsPerFan),
		Wish: wishOf(p.Wants, p.MailTurn),
	}
	if v.State == sale.Open && event.State == sale.SoldOut {
		v.State = sale.SoldOut
	}
	if n, known := s.placeOrder(event.ID(), p).number(p.Arrival); known {
		v.Number = &n
	}
	switch v.Status {
	case InLobby, Waiting:
		if v.Status == Waiting && v.Number != nil {
			s.Seen(event.ID(), *v.Number)
		}
		v.Redeems = p.Again != nil && *p.Again != behind
		v.Behind = v.Status == Waiting && p.Again != nil && *p.Again == behind
		if ahead, known := aheadOf(p, v.Number); known {
			v.Ahead = &ahead
			v.ETA = eta(event, v.State, ahead)
		}
	case Called, Inside:
		a, err := s.admission(event.ID(), account, p, v)
		if err != nil {
			return View{}, err
		}
		v.Admission = a
		v.Extendable = v.Status == Called && !p.Extended
		var none int64
		v.Ahead = &none
	case Missed:
		at := real(p, graceEnd(p)).UTC()
		v.GraceEndsAt = &at
	}
	v.PollAfter = pollAfter(event, &v, p.Again != nil)
	return v, nil
}

// aheadOf counts who comes before a waiting fan, at most: numbers, also of those who left.
func aheadOf(p queuedb.PlaceRow, number *int64) (int64, bool) {
	if p.Again != nil {
		n := p.Before
		if *p.Again == behind && p.AgainAfter != nil {
			n += max(0, *p.AgainAfter-p.Serving)
		}
		return n, true
	}
	if number == nil {
		return 0, false
	}
	return max(0, *number-1-p.Serving), true
}

// PollLeast and PollMost bound the intervals that are handed out: a fan who is
// there gives a sign at least every PollMost.
const (
	PollLeast = 2 * time.Second
	PollMost  = 15 * time.Second
)

const (
	pollNear = 5 * time.Second
	// pollSpread is by how much an interval is made longer or shorter.
	pollSpread = 0.15
	// pollShare is how often a fan asks in the time that is left at least.
	pollShare = 10
)

// pollAfter is when to ask again: soon when the turn is near, seldom when it is
// far, never all at once.
func pollAfter(event *sale.Snapshot, v *View, again bool) time.Duration {
	wait := PollMost
	switch v.Status {
	case Called, Inside, Missed:
		wait = pollNear
	case InLobby:
		wait = event.Terms.OpensAt.Sub(event.At) / pollShare
	case Waiting:
		if v.ETA != nil {
			wait = v.ETA.Low / pollShare
		} else if again || v.State == sale.Open {
			wait = pollNear
		}
	case Left, Done:
	}
	// Bounded before it is spread: those at a bound are spread like all others.
	wait = max(PollLeast*100/(100-pollSpread*100), min(PollMost*100/(100+pollSpread*100), wait))
	return time.Duration(float64(wait) * (1 - pollSpread + 2*pollSpread*rand.Float64())).Round(time.Millisecond) //nolint:gosec // spreads polls, guards nothing
}
