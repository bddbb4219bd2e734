package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"fairqueue/internal/money"
	"fairqueue/internal/sale"
)

// Event as CONTRACT.md has it.
type Event struct {
	ID       uuid.UUID      `json:"id" format:"uuid"`
	Show     uuid.UUID      `json:"show" format:"uuid" doc:"The same for all sales of a show: the id of its first event."`
	Slug     string         `json:"slug" example:"lagos-night"`
	Name     string         `json:"name" example:"Lagos Night"`
	Venue    string         `json:"venue" example:"Eko Convention Centre"`
	Timezone string         `json:"timezone" doc:"IANA name." example:"Africa/Lagos"`
	StartsAt time.Time      `json:"starts_at"`
	Sale     EventSale      `json:"sale"`
	Tiers    []EventTier    `json:"tiers" nullable:"false"`
	Releases []EventRelease `json:"releases,omitempty" nullable:"false" doc:"The other public sales of the same show, the oldest first; only where one event is asked for."`
}

// EventRelease is another sale of the show of an Event.
type EventRelease struct {
	ID   uuid.UUID        `json:"id" format:"uuid"`
	Slug string           `json:"slug" example:"lagos-night-2"`
	Sale EventReleaseSale `json:"sale"`
}

// EventReleaseSale is the short form of an EventSale.
type EventReleaseSale struct {
	State        string     `json:"state" enum:"scheduled,lobby,open,paused,sold_out,ended"`
	LobbyOpensAt *time.Time `json:"lobby_opens_at" doc:"Null when there is no lobby."`
	OpensAt      time.Time  `json:"opens_at"`
	ClosesAt     time.Time  `json:"closes_at"`
}

// EventSale is the sale of an Event.
type EventSale struct {
	State            string     `json:"state" enum:"draft,scheduled,lobby,open,paused,sold_out,ended"`
	Ordering         string     `json:"ordering" enum:"fifo,draw"`
	LobbyOpensAt     *time.Time `json:"lobby_opens_at" doc:"Null when there is no lobby."`
	OpensAt          time.Time  `json:"opens_at"`
	ClosesAt         time.Time  `json:"closes_at"`
	MaxTicketsPerFan int        `json:"max_tickets_per_fan"`
	Message          string     `json:"message" doc:"What the organizer tells everybody who waits; empty for nothing."`
	Returns          bool       `json:"returns" doc:"Whether tickets may be given back for their price now."`
	Cancelled        bool       `json:"cancelled" doc:"The event does not take place; all money goes back."`
	CancelReason     string     `json:"cancel_reason,omitempty" doc:"Why it does not take place, in the organizer's words."`
}

// EventTier is a tier of an Event.
type EventTier struct {
	ID        uuid.UUID   `json:"id" format:"uuid"`
	Name      string      `json:"name" example:"Stands"`
	Price     money.Money `json:"price"`
	Capacity  int         `json:"capacity"`
	Available int         `json:"available" doc:"Free for everybody now, or when the sale opens: neither sold, nor held, nor being paid for, on sale and in no presale."`
	Seated    bool        `json:"seated"`
	OpensAt   *time.Time  `json:"opens_at,omitempty" doc:"Where the tier is on sale later than the sale."`
	ClosesAt  *time.Time  `json:"closes_at,omitempty" doc:"Where the tier is on sale for less time than the sale."`
	PublicAt  *time.Time  `json:"public_at,omitempty" doc:"While only those with a presale code can buy: until then."`
}

type eventList struct {
	Events     []Event `json:"events" nullable:"false"`
	NextCursor *string `json:"next_cursor" doc:"Null at the end."`
}

func eventOut(s *sale.Snapshot) Event {
	e := Event{
		ID: s.Event.ID, Show: s.Event.ShowID, Slug: s.Event.Slug, Name: s.Event.Name, Venue: s.Event.Venue,
		Timezone: s.Event.Timezone, StartsAt: s.Event.StartsAt.UTC(),
		Sale: EventSale{
			State: string(s.State), Ordering: string(s.Terms.Ordering),
			LobbyOpensAt: utc(s.Terms.LobbyOpensAt), OpensAt: s.Terms.OpensAt.UTC(), ClosesAt: s.Terms.ClosesAt.UTC(),
			MaxTicketsPerFan: s.Terms.MaxTicketsPerFan, Message: s.Message, Returns: s.ReturnsOpen(s.At), Cancelled: s.Cancelled(), CancelReason: s.CancelReason,
		},
		Tiers: make([]EventTier, len(s.Tiers)),
	}
	for i, t := range s.Tiers {
		e.Tiers[i] = EventTier{ID: t.ID, Name: t.Name, Price: money.In(t.Price), Capacity: t.Capacity, Available: t.Available, Seated: t.Seated,
			OpensAt: utc(t.OpensAt), ClosesAt: utc(t.ClosesAt), PublicAt: utc(t.PublicAt)}
	}
	return e
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

// nullable documents that an object may be null, which huma's tags can say of
// scalars only.
func nullable(s *huma.Schema, names ...string) *huma.Schema {
	for _, n := range names {
		p := s.Properties[n]
		s.Properties[n] = &huma.Schema{Description: p.Description, AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
	}
	return s
}

func (a *API) events() {
	add(a, route{
		id: "list-events", method: http.MethodGet, path: prefix + "/events", tag: tagEvents, auth: optional,
		summary: "List published events", doc: "Soonest first.", ok: []int{http.StatusOK}, list: true,
	}, func(r *request) (*reply[eventList], error) {
		if _, _, err := r.maybe(); err != nil {
			return nil, err
		}
		limit, cursor, err := r.page()
		if err != nil {
			return nil, err
		}
		found, more, err := a.Sales.List(r.ctx(), limit, cursor)
		if err != nil {
			return nil, err
		}
		out := eventList{Events: make([]Event, len(found)), NextCursor: next(more)}
		for i, s := range found {
			out.Events[i] = eventOut(s)
		}
		return ok(out)
	})

	add(a, route{
		id: "get-event", method: http.MethodGet, path: prefix + "/events/{event}", tag: tagEvents, auth: optional,
		summary: "Get an event", doc: "A draft is 404 to all but its organization.", ok: []int{http.StatusOK},
	}, func(r *request) (*reply[Event], error) {
		if _, _, err := r.maybe(); err != nil {
			return nil, err
		}
		s, err := r.event()
		if err != nil {
			return nil, err
		}
		out := eventOut(s)
		others, err := a.Sales.Others(r.ctx(), s)
		if err != nil {
			return nil, err
		}
		for _, o := range others {
			out.Releases = append(out.Releases, EventRelease{ID: o.ID(), Slug: o.Event.Slug, Sale: EventReleaseSale{
				State: string(o.State), LobbyOpensAt: utc(o.Terms.LobbyOpensAt), OpensAt: o.Terms.OpensAt.UTC(), ClosesAt: o.Terms.ClosesAt.UTC(),
			}})
		}
		return ok(out)
	})
}
