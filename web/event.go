package web

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
	"fairqueue/views"
)

// eventsShown bounds the list of events on one page.
const eventsShown = 50

var errNoEvent = fault.New(fault.NotFound, "event_not_found", "There is no event at this address. Look for it in the list of events.")

// snapshot returns the event of the route; drafts only for their organization.
func (s *Server) snapshot(c echo.Context) (*sale.Snapshot, error) {
	event, err := s.cfg.Sales.Get(c.Request().Context(), c.Param("slug"))
	if err != nil {
		return nil, err
	}
	if event.Published() {
		return event, nil
	}
	id, ok := who(c)
	if !ok {
		return nil, errNoEvent
	}
	org, err := s.cfg.Accounts.Organization(c.Request().Context(), id.AccountID)
	if err != nil || org != event.Event.OrganizationID {
		return nil, errNoEvent.Because(err)
	}
	return event, nil
}

func (s *Server) home(c echo.Context) error {
	ctx := c.Request().Context()
	events, _, err := s.cfg.Sales.List(ctx, eventsShown, "")
	if err != nil {
		return err
	}
	byUrgency(events, s.now())
	v := views.HomeView{Events: make([]views.HomeEvent, len(events))}
	for i, e := range events {
		v.Events[i] = views.HomeEvent{Event: eventInfo(e), Tiers: tierInfos(e)}
	}
	s.knowBadge(c)
	if id, ok := who(c); ok {
		if v.Places, err = s.places(c, id.AccountID); err != nil {
			return err
		}
		if v.Banks, err = s.banks(c, id.AccountID); err != nil {
			return err
		}
	}
	return s.page(c, views.HomePage(s.frame(c), v))
}

// byUrgency sorts events by what a fan can do about them: a line about to
// begin, a sale that runs, one to come, one that is sold out or over.
func byUrgency(events []*sale.Snapshot, now time.Time) {
	rank := func(e *sale.Snapshot) int {
		switch e.State {
		case sale.Lobby:
			if e.Terms.OpensAt.Sub(now) < time.Hour {
				return 0
			}
			return 1
		case sale.Open, sale.Paused:
			return 1
		case sale.Scheduled:
			return 2
		case sale.SoldOut:
			return 3
		case sale.Ended, sale.Draft:
		}
		return 4
	}
	slices.SortStableFunc(events, func(a, b *sale.Snapshot) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Terms.OpensAt.Compare(b.Terms.OpensAt), a.Event.StartsAt.Compare(b.Event.StartsAt))
	})
}

// places are the account's places in lines that still move, the most urgent
// first.
func (s *Server) places(c echo.Context, account uuid.UUID) (out []views.PlaceInfo, err error) {
	mine, err := s.cfg.Queue.Places(c.Request().Context(), account)
	if err != nil {
		return nil, err
	}
	for _, v := range mine {
		e, err := s.cfg.Sales.Get(c.Request().Context(), v.EventID.String())
		if err != nil {
			return nil, err
		}
		p := placeInfo(e, v)
		if p.UsedUp, err = s.usedUp(c, e, v); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b views.PlaceInfo) int { return cmp.Compare(urgency(a.Status), urgency(b.Status)) })
	return out, nil
}

// urgency ranks places: what cannot wait comes first.
func urgency(st views.SpotStatus) int {
	i := slices.Index([]views.SpotStatus{views.SpotCalled, views.SpotInside, views.SpotMissed, views.SpotWaiting, views.SpotLobby}, st)
	if i < 0 {
		return 9
	}
	return i
}

func (s *Server) event(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	v := views.EventView{
		Event: eventInfo(e), Tiers: tierInfos(e),
		Turn: seconds(e.Terms.TurnSeconds), Visit: seconds(e.Terms.VisitSeconds), Hold: seconds(e.Terms.HoldSeconds),
	}
	v.Channels, _ = payment.Promise(e)
	told := s.told(c)
	v.Problem, v.Presale = told.Problem, presaleTold(e, told)
	others, err := s.cfg.Sales.Others(c.Request().Context(), e)
	if err != nil {
		// The event can be read while its other sales cannot.
		s.cfg.Logger.Warn("event page without the other sales", "err", err, "request", requestID(c))
	}
	for _, o := range others {
		v.Releases = append(v.Releases, views.HomeEvent{Event: eventInfo(o), Tiers: tierInfos(o)})
	}
	if id, ok := who(c); ok && (e.Joinable() || e.State == sale.Ended) {
		place, err := s.place(c, e, id)
		switch {
		case err == nil:
			p := placeInfo(e, place)
			if p.UsedUp, err = s.usedUp(c, e, place); err != nil {
				return err
			}
			v.Place = &p
			if v.Tickets, err = s.ticketsOf(c, e, place); err != nil {
				return err
			}
			if v.Bank, err = s.bankOfPlace(c, e, place); err != nil {
				return err
			}
		case fault.Code(err) != "not_in_queue":
			// The event can be read while places cannot.
			s.cfg.Logger.Warn("event page without the fan's place", "err", err, "request", requestID(c))
		}
	}
	return s.page(c, views.EventPage(s.frame(c), v))
}

// ticketsOf counts the account's live tickets for an event, for somebody who
// has been inside.
func (s *Server) ticketsOf(c echo.Context, e *sale.Snapshot, place queue.View) (int, error) {
	switch place.Status {
	case queue.Inside, queue.Done, queue.Left:
	default:
		return 0, nil
	}
	mine, err := s.liveTickets(c, e.ID(), place.Account)
	return len(mine), err
}

// maxTickets is as many tickets as a page of one person looks at.
const maxTickets = 200

func (s *Server) liveTickets(c echo.Context, event, account uuid.UUID) ([]ticket.Ticket, error) {
	all, _, err := s.cfg.Tickets.List(c.Request().Context(), account, maxTickets, "")
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(t ticket.Ticket) bool {
		return t.EventID != event || (t.Status != "valid" && t.Status != "used")
	}), nil
}

func eventPath(e *sale.Snapshot, more string) string { return "/events/" + e.Event.Slug + more }
