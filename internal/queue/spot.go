package queue

import (
	"context"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

// Spot is what a place is known by without the database: signed into the spot cookie of a browser, cached for bearers.
// Nothing in it changes but the wishes, which are only shown.
type Spot struct {
	ID, Event, Account uuid.UUID
	Arrival            int64
	JoinedAt           time.Time
	Wish               Wish
}

// spotKey names a spot by what a bearer tells.
type spotKey struct{ event, account uuid.UUID }

// maxSpots bounds the spots in memory, at about 250 bytes each.
const maxSpots = 1 << 18

// staleAfter is how old what memory knows may be before the row is asked: pictures
// and returns are read each second, so this is two missed readings.
const staleAfter = 3 * time.Second

// SpotOf returns the account's spot, from the cache or by a batched read; 404 not_in_queue.
func (s *Service) SpotOf(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (Spot, error) {
	if spot, ok := s.spots.GetIfPresent(spotKey{event.ID(), account}); ok {
		return spot, nil
	}
	spot, ok, err := s.line(event.ID()).spots.get(ctx, s, account)
	if err != nil {
		return Spot{}, err
	}
	if !ok {
		return Spot{}, notInQueue()
	}
	return spot, nil
}

// keepSpot makes a spot known to the next poll.
func (s *Service) keepSpot(v *View) {
	s.spots.Set(spotKey{v.EventID, v.Account}, v.Spot())
}

// Spot is the lasting part of a view.
func (v *View) Spot() Spot {
	return Spot{ID: v.SpotID, Event: v.EventID, Account: v.Account, Arrival: v.Arrival, JoinedAt: v.JoinedAt, Wish: v.Wish}
}

func wishOf(wants []int16, mail bool) Wish {
	w := Wish{Mail: mail}
	for _, ordinal := range wants {
		w.Tiers = append(w.Tiers, int(ordinal))
	}
	return w
}

// Status returns the account's place by its row, as it is now; 404 not_in_queue. What is asked by everybody again and
// again, polls and pages of the waiting room, takes SpotOf and StatusOf. Asking is showing up: who was called while absent
// has come.
func (s *Service) Status(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (View, error) {
	places := &s.line(event.ID()).places
	p, ok, err := places.get(ctx, s, account)
	if err == nil && ok && away(p) {
		if err := s.arrive(ctx, event.ID(), account); err != nil {
			return View{}, err
		}
		p, ok, err = places.get(ctx, s, account)
	}
	if err != nil {
		return View{}, err
	}
	if !ok {
		return View{}, notInQueue()
	}
	return s.view(event, account, p)
}

// StatusOf returns the place of a spot: from memory while its number has not been called, else from its row.
func (s *Service) StatusOf(ctx context.Context, event *sale.Snapshot, spot Spot) (View, error) {
	if v, ok := s.remembered(event, &spot); ok {
		return v, nil
	}
	v, err := s.Status(ctx, event, spot.Account)
	if err == nil && v.SpotID != spot.ID {
		return View{}, notInQueue() // a spot of another database
	}
	return v, err
}

// remembered is the place of a spot that follows from the picture: its number
// has not been called, and it was never left nor taken up again.
func (s *Service) remembered(event *sale.Snapshot, spot *Spot) (v View, ok bool) {
	l := s.line(event.ID())
	if l.stale() || s.cfg.Clock.Now().Sub(event.At) > staleAfter || l.off.has(spot.Arrival) {
		return View{}, false
	}
	v = View{
		SpotID: spot.ID, EventID: spot.Event, Account: spot.Account, Arrival: spot.Arrival, JoinedAt: spot.JoinedAt, Wish: spot.Wish,
		Serving: event.Serving, State: event.State, LimitLeft: true,
	}
	number, known := s.order(event).number(spot.Arrival)
	if known && number <= event.Serving {
		return View{}, false
	}
	switch event.State {
	case sale.Scheduled, sale.Lobby:
		v.Status = InLobby
	case sale.Open, sale.Paused, sale.SoldOut:
		if !known {
			return View{}, false
		}
		v.Status = Waiting
	case sale.Ended:
		v.Status = Done
		if known {
			n := number // a variable of its own: number need not escape
			v.Number = &n
		}
	default:
		return View{}, false
	}
	if known && v.Status != Done {
		places := &struct{ number, ahead int64 }{number, number - 1 - event.Serving}
		v.Number, v.Ahead = &places.number, &places.ahead
		v.ETA = eta(event, v.State, places.ahead)
		if v.Status == Waiting {
			s.Seen(spot.Event, number)
		}
	}
	v.PollAfter = pollAfter(event, &v, false)
	return v, true
}
