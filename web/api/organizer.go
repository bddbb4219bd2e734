package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"fairqueue/internal/catalog"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
	"fairqueue/internal/stats"
)

type newEvent struct {
	Name     string    `json:"name" minLength:"1" maxLength:"200" example:"Lagos Night"`
	Slug     string    `json:"slug,omitempty" minLength:"1" maxLength:"80" doc:"Part of the address; made from the name if left out." example:"lagos-night"`
	Venue    string    `json:"venue" minLength:"1" maxLength:"200" example:"Eko Convention Centre"`
	Timezone string    `json:"timezone,omitempty" maxLength:"100" default:"Africa/Lagos" doc:"IANA name." example:"Africa/Lagos"`
	StartsAt time.Time `json:"starts_at" example:"2030-08-01T18:00:00Z"`
	Sale     newSale   `json:"sale"`
	Tiers    []newTier `json:"tiers" nullable:"false" minItems:"1" maxItems:"100"`
	SeatMap  SeatMap   `json:"seat_map,omitempty"`
}

type newSale struct {
	Ordering         string     `json:"ordering" enum:"fifo,draw"`
	LobbyOpensAt     *time.Time `json:"lobby_opens_at,omitempty" nullable:"true" doc:"No lobby if left out."`
	OpensAt          time.Time  `json:"opens_at" example:"2030-06-01T09:00:00Z"`
	ClosesAt         time.Time  `json:"closes_at" example:"2030-07-31T18:00:00Z"`
	MaxWaiting       *int64     `json:"max_waiting,omitempty" nullable:"true" minimum:"1" doc:"Longest the line may get; no limit if left out."`
	Beacon           *newBeacon `json:"beacon,omitempty"`
	MaxTicketsPerFan *int       `json:"max_tickets_per_fan,omitempty" minimum:"1" maximum:"50" example:"4"`
	Pace
	MoneyTerms
}

// Pace is what may change while the line moves.
type Pace struct {
	AdmitPerMinute *int `json:"admit_per_minute,omitempty" minimum:"1" maximum:"600000" example:"600"`
	MaxInside      *int `json:"max_inside,omitempty" minimum:"1" maximum:"100000" example:"500"`
	TurnSeconds    *int `json:"turn_seconds,omitempty" minimum:"30" maximum:"3600" example:"120"`
	VisitSeconds   *int `json:"visit_seconds,omitempty" minimum:"60" maximum:"7200" example:"600"`
	HoldSeconds    *int `json:"hold_seconds,omitempty" minimum:"60" maximum:"7200" example:"600"`
	GraceSeconds   *int `json:"grace_seconds,omitempty" minimum:"0" maximum:"86400" example:"600"`
}

type newBeacon struct {
	Name  string `json:"name" minLength:"1" maxLength:"100" example:"drand quicknet"`
	Round int64  `json:"round" minimum:"1"`
	URL   string `json:"url,omitempty" maxLength:"500"`
}

type beaconValue struct {
	Value   *string `json:"value,omitempty" minLength:"1" maxLength:"1000" example:"a2c4e6f80123"`
	Without bool    `json:"without,omitempty"`
}

type newTier struct {
	Name      string `json:"name" minLength:"1" maxLength:"100" example:"Stands"`
	PriceKobo int64  `json:"price_kobo" minimum:"0" maximum:"1000000000000" example:"1500000"`
	Capacity  int    `json:"capacity,omitempty" minimum:"1" maximum:"200000" doc:"Of a tier on the seat map it may be left out." example:"5000"`

	OpensAt  *time.Time `json:"opens_at,omitempty" nullable:"true" doc:"Within the times of the sale; with the sale if left out."`
	ClosesAt *time.Time `json:"closes_at,omitempty" nullable:"true" doc:"Within the times of the sale; with the sale if left out."`
}

type salePatch struct {
	Pace
	MoneyTerms
	MaxTicketsPerFan *int       `json:"max_tickets_per_fan,omitempty" minimum:"1" maximum:"50"`
	MaxWaiting       *int64     `json:"max_waiting,omitempty" minimum:"1"`
	Message          *string    `json:"message,omitempty" maxLength:"500" example:"Doors open at six." doc:"Everybody who waits reads it at once; empty for none."`
	ClosesAt         *time.Time `json:"closes_at,omitempty"`
}

// Order is a claim with its money.
type Order struct {
	ID            uuid.UUID   `json:"id" format:"uuid"`
	Buyer         string      `json:"buyer" doc:"E-mail address."`
	Quantity      int         `json:"quantity"`
	Tiers         string      `json:"tiers" example:"2 × Stands"`
	Total         money.Money `json:"total"`
	Status        string      `json:"status" enum:"held,paying,paid,expired,released,refunded"`
	PaymentStatus string      `json:"payment_status" enum:"initializing,pending,succeeded,failed,abandoned,refund_due,refunded,charged_back"`
	Reference     string      `json:"reference"`
	CreatedAt     time.Time   `json:"created_at"`
	PaidAt        *time.Time  `json:"paid_at"`
	Back          money.Money `json:"back" doc:"What has gone back of it, or is on its way."`
	Stuck         bool        `json:"stuck" doc:"A refund of it failed or needs the buyer's bank account."`
	Disputed      bool        `json:"disputed" doc:"A bank asks for its money back."`
}

type orderList struct {
	Orders     []Order `json:"orders" nullable:"false"`
	NextCursor *string `json:"next_cursor" doc:"Null at the end."`
}

func (n newEvent) sale() sale.NewSale {
	t := sale.DefaultTerms()
	t.Ordering = sale.Ordering(n.Sale.Ordering)
	t.LobbyOpensAt, t.OpensAt, t.ClosesAt = n.Sale.LobbyOpensAt, n.Sale.OpensAt, n.Sale.ClosesAt
	t.MaxWaiting = n.Sale.MaxWaiting
	for _, f := range []struct {
		from *int
		to   *int
	}{
		{n.Sale.MaxTicketsPerFan, &t.MaxTicketsPerFan},
		{n.Sale.AdmitPerMinute, &t.AdmitPerMinute}, {n.Sale.MaxInside, &t.MaxInside},
		{n.Sale.TurnSeconds, &t.TurnSeconds}, {n.Sale.VisitSeconds, &t.VisitSeconds},
		{n.Sale.HoldSeconds, &t.HoldSeconds}, {n.Sale.GraceSeconds, &t.GraceSeconds},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	n.Sale.MoneyTerms.to(&t)
	if b := n.Sale.Beacon; b != nil {
		t.BeaconName, t.BeaconRound, t.BeaconURL = b.Name, b.Round, b.URL
	}
	if n.Timezone == "" {
		n.Timezone = "Africa/Lagos"
	}
	out := sale.NewSale{
		Event: catalog.NewEvent{Name: n.Name, Slug: n.Slug, Venue: n.Venue, Timezone: n.Timezone, StartsAt: n.StartsAt},
		Terms: t, Tiers: make([]sale.NewTier, len(n.Tiers)), SeatMap: n.SeatMap,
	}
	for i, tier := range n.Tiers {
		out.Tiers[i] = sale.NewTier{Name: tier.Name, Price: money.Kobo(tier.PriceKobo), Capacity: tier.Capacity, OpensAt: tier.OpensAt, ClosesAt: tier.ClosesAt}
	}
	return out
}

func (p salePatch) sale() sale.Patch {
	out := sale.Patch{
		AdmitPerMinute: p.AdmitPerMinute, MaxInside: p.MaxInside, MaxTicketsPerFan: p.MaxTicketsPerFan,
		TurnSeconds: p.TurnSeconds, VisitSeconds: p.VisitSeconds, HoldSeconds: p.HoldSeconds, GraceSeconds: p.GraceSeconds,
		MaxWaiting: p.MaxWaiting, Message: p.Message, ClosesAt: p.ClosesAt,
	}
	p.MoneyTerms.patch(&out)
	return out
}

func orderOut(o payment.Order) Order {
	return Order{
		ID: o.ID, Buyer: o.Buyer, Quantity: o.Quantity, Tiers: o.Tiers, Total: money.In(o.Total), Status: string(o.Status),
		PaymentStatus: string(o.Payment), Reference: o.Reference, CreatedAt: o.CreatedAt.UTC(), PaidAt: utc(o.PaidAt),
		Back: money.In(o.Back), Stuck: o.Stuck, Disputed: o.Disputed,
	}
}

// orderFilter is which orders of an event a request asks for.
func (a *API) orderFilter(r *request, event uuid.UUID) (f payment.OrderFilter, err error) {
	switch needs := r.QueryParam("needs"); needs {
	case "", "you":
		f.Needing = needs != ""
	default:
		return f, fault.InvalidField(fault.Field{Path: "needs", Message: "needs can only be: you."})
	}
	if f.Search = strings.ReplaceAll(strings.ToValidUTF8(r.QueryParam("q"), ""), "\x00", ""); utf8.RuneCountInString(f.Search) > maxSearch {
		return f, fault.InvalidField(fault.Field{Path: "q", Message: "q has at most " + strconv.Itoa(maxSearch) + " characters."})
	}
	f.Found, err = a.Tickets.Found(r.ctx(), event, f.Search)
	return f, err
}

// maxSearch is how many characters of words orders are looked for by.
const maxSearch = 200

// moves are what an organizer does to a sale by one word.
func (a *API) moves() map[string]func(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	return map[string]func(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error){
		"publish": a.Claims.Publish, "open": a.Queue.Open, "pause": a.Sales.Pause, "resume": a.Sales.Resume, "end": a.Queue.End,
	}
}

var moveDocs = map[string][2]string{
	"publish": {"Publish a draft", "With opens_at in the past it opens at once; with lobby_opens_at past and opens_at ahead it opens the lobby. The round of a beacon whose schedule is known must come at least 30 seconds after `opens_at`."},
	"open":    {"Open the sale now", "From scheduled or lobby. Answers when the draw is done; 202 with the state `lobby` while a beacon is awaited."},
	"pause":   {"Stop calling", "Joining goes on, whoever is inside may finish, turns and visits do not run down."},
	"resume":  {"Go on calling", ""},
	"end":     {"End the sale", "No joins, no claims; payments under way are settled. Ending before the draw reveals its secret too."},
}

func (a *API) organizer() {
	const path = prefix + "/organizer/events"
	add(a, route{
		id: "create-event", method: http.MethodPost, path: path, tag: tagOrganizer, auth: bearer,
		summary: "Create an event", doc: "It is a draft until it is published. Numbers that are left out take the values of the example. " +
			"A seat map has the format of " + seatMapSchema + "; a theatre, an arena and a stadium stand under " + venuesPath + "theatre.json, arena.json and stadium.json.",
		body: newEvent{}, ok: []int{http.StatusCreated}, codes: []string{"not_organizer", "slug_taken"},
	}, func(r *request) (*reply[Event], error) {
		who, err := r.bearer()
		if err != nil {
			return nil, err
		}
		org, err := a.Accounts.Organization(r.ctx(), who.AccountID)
		if err != nil {
			return nil, err
		}
		in, err := decodeEvent(r)
		if err != nil {
			return nil, err
		}
		s, err := a.Sales.Create(r.ctx(), org, in.sale())
		if err != nil {
			return nil, err
		}
		return &reply[Event]{http.StatusCreated, eventOut(s)}, nil
	})

	add(a, route{
		id: "get-seat-map", method: http.MethodGet, path: path + "/{event}/seat_map", tag: tagOrganizer, auth: bearer,
		summary: "Export the seat map", doc: "In the format in which it was given, every seat spelled out.",
		ok: []int{http.StatusOK}, codes: []string{"seat_map_not_found"},
	}, func(r *request) (*reply[SeatMap], error) {
		_, s, err := r.own()
		if err != nil {
			return nil, err
		}
		m, err := a.seatMap(r.ctx(), s)
		if err != nil {
			return nil, err
		}
		return ok(m)
	})

	moves := a.moves()
	statuses := map[string][]int{
		"publish": {http.StatusOK}, "open": {http.StatusOK, http.StatusAccepted},
		"pause": {http.StatusOK}, "resume": {http.StatusOK}, "end": {http.StatusOK},
	}
	for _, word := range []string{"publish", "open", "pause", "resume", "end"} {
		add(a, route{
			id: word + "-event", method: http.MethodPost, path: path + "/{event}/" + word, tag: tagOrganizer, auth: bearer,
			summary: moveDocs[word][0], doc: moveDocs[word][1], ok: statuses[word], codes: []string{"invalid_transition"},
		}, func(r *request) (*reply[Event], error) {
			who, s, err := r.own()
			if err != nil {
				return nil, err
			}
			if err := r.noBody(); err != nil {
				return nil, err
			}
			if s, err = moves[word](r.ctx(), s.ID(), who.AccountID); err != nil {
				return nil, err
			}
			out := &reply[Event]{http.StatusOK, eventOut(s)}
			if word == "open" && s.State == sale.Lobby {
				out.Status = http.StatusAccepted
			}
			return out, nil
		})
	}

	add(a, route{
		id: "give-beacon", method: http.MethodPost, path: path + "/{event}/beacon", tag: tagOrganizer, auth: bearer,
		summary: "Hold the draw that awaits its beacon",
		doc: "`value` is what the beacon published for the round, as text; it goes into the seed byte by byte. " +
			"`without`: true goes on without the beacon, which the fairness data says for good. One of the two.",
		body: beaconValue{}, ok: []int{http.StatusOK}, codes: []string{"invalid_transition"},
	}, func(r *request) (*reply[Event], error) {
		who, s, err := r.own()
		if err != nil {
			return nil, err
		}
		in, err := decode[beaconValue](r)
		if err != nil {
			return nil, err
		}
		switch {
		case in.Value != nil && in.Without:
			return nil, fault.InvalidField(fault.Field{Path: "without", Message: "Give the value, or go on without it: not both."})
		case in.Value != nil:
			s, err = a.Queue.GiveBeacon(r.ctx(), s.ID(), who.AccountID, *in.Value)
		case in.Without:
			s, err = a.Queue.WaiveBeacon(r.ctx(), s.ID(), who.AccountID)
		default:
			return nil, fault.InvalidField(fault.Field{Path: "value", Message: "value is missing: what the beacon published for the round."})
		}
		if err != nil {
			return nil, err
		}
		return ok(eventOut(s))
	})

	add(a, route{
		id: "change-sale", method: http.MethodPatch, path: path + "/{event}/sale", tag: tagOrganizer, auth: bearer,
		summary: "Change a sale while it runs", doc: "Any of the fields; what is left out stays.",
		body: salePatch{}, ok: []int{http.StatusOK}, codes: []string{"invalid_transition"},
	}, func(r *request) (*reply[Event], error) {
		who, s, err := r.own()
		if err != nil {
			return nil, err
		}
		in, err := decode[salePatch](r)
		if err != nil {
			return nil, err
		}
		if s, err = a.Sales.Change(r.ctx(), s.ID(), who.AccountID, in.sale()); err != nil {
			return nil, err
		}
		return ok(eventOut(s))
	})

	add(a, route{
		id: "get-stats", method: http.MethodGet, path: path + "/{event}/stats", tag: tagOrganizer, auth: bearer,
		summary: "Figures of a sale", doc: "held includes what is being paid for; a hold past its time counts as free.",
		ok: []int{http.StatusOK},
	}, func(r *request) (*reply[stats.Event], error) {
		_, s, err := r.own()
		if err != nil {
			return nil, err
		}
		figures, err := stats.Of(r.ctx(), a.DB, s.ID())
		if err != nil {
			return nil, err
		}
		return ok(figures)
	})

	add(a, route{
		id: "list-orders", method: http.MethodGet, path: path + "/{event}/orders", tag: tagOrganizer, auth: bearer,
		summary: "List orders", doc: "Claims with a payment, newest first.", ok: []int{http.StatusOK}, list: true, codes: []string{"invalid_request"},
		query: []*huma.Param{{
			Name: "q", In: "query", Description: "Only those with all of these words, or parts of words, in the buyer's address or name, the names on the tickets, or the references of payments, " +
				"without regard to capitals and accents; or with this number, or with a ticket whose code this is or that ends in these six characters.",
			Schema: &huma.Schema{Type: "string", Examples: []any{"ada lovelace"}},
		}, {
			Name: "needs", In: "query", Description: "`you`: only those whose money waits for a person.", Schema: &huma.Schema{Type: "string", Enum: []any{"you"}},
		}},
	}, func(r *request) (*reply[orderList], error) {
		_, s, err := r.own()
		if err != nil {
			return nil, err
		}
		limit, cursor, err := r.page()
		if err != nil {
			return nil, err
		}
		filter, err := a.orderFilter(r, s.ID())
		if err != nil {
			return nil, err
		}
		found, more, err := a.Payments.FindOrders(r.ctx(), s.ID(), filter, limit, cursor)
		if err != nil {
			return nil, err
		}
		out := orderList{Orders: make([]Order, len(found)), NextCursor: next(more)}
		for i, o := range found {
			out.Orders[i] = orderOut(o)
		}
		return ok(out)
	})
}
