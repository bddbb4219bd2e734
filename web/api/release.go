package api

import (
	"net/http"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

type newRelease struct {
	Slug  string      `json:"slug,omitempty" minLength:"1" maxLength:"80" doc:"Part of the address; made from that of the first sale if left out." example:"lagos-night-2"`
	Sale  newSale     `json:"sale"`
	Tiers []newTier   `json:"tiers,omitempty" nullable:"false" maxItems:"100" doc:"New tiers of general admission; and the price of a tier with released seats, where it is another than before."`
	Seats []uuid.UUID `json:"seats,omitempty" nullable:"false" format:"uuid" maxItems:"20000" doc:"Blocked seats, by their ids in the sale that blocks them."`
}

func (a *API) releases() {
	add(a, route{
		id: "create-release", method: http.MethodPost, path: prefix + "/organizer/events/{event}/releases", tag: tagOrganizer, auth: bearer,
		summary: "Release more tickets in a second sale",
		doc: "Another event of the same show, as a draft: a line, a draw and stock of its own, with the name, place and time of the first. " +
			"`max_tickets_per_fan` counts what a fan has in all sales of the show. A seat is sold in one of them: one that is released " +
			"must be blocked, and can never be unblocked where it was.",
		body: newRelease{}, ok: []int{http.StatusCreated}, codes: []string{"slug_taken"},
	}, func(r *request) (*reply[Event], error) {
		who, s, err := r.own()
		if err != nil {
			return nil, err
		}
		in, err := decode[newRelease](r)
		if err != nil {
			return nil, err
		}
		as := newEvent{Sale: in.Sale, Tiers: in.Tiers}.sale()
		s, err = a.Sales.Release(r.ctx(), s.ID(), who.AccountID, sale.NewRelease{Slug: in.Slug, Terms: as.Terms, Tiers: as.Tiers, Seats: in.Seats})
		if err != nil {
			return nil, err
		}
		return &reply[Event]{http.StatusCreated, eventOut(s)}, nil
	})
}
