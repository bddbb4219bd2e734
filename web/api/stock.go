package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"fairqueue/internal/account"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// stockChange is one change of the stock: places added, seats or a number of places out of the sale or into it again, or
// when tiers are sold.
type stockChange struct {
	TierID  *uuid.UUID  `json:"tier_id,omitempty" format:"uuid" nullable:"false" doc:"A tier of general admission: with add, or with a number to block or unblock."`
	Add     *int        `json:"add,omitempty" minimum:"1" maximum:"200000" nullable:"false" doc:"So many places more."`
	Block   *units      `json:"block,omitempty" nullable:"false" doc:"Out of the sale: ids of seats, or with tier_id how many places. Only what is free; all or nothing."`
	Unblock *units      `json:"unblock,omitempty" nullable:"false" doc:"Into the sale again: ids of seats, or with tier_id how many places."`
	Times   []tierTimes `json:"times,omitempty" minItems:"1" maxItems:"100" nullable:"false" doc:"When tiers are sold, all of them or none. What fans hold stays theirs."`
}

// tierTimes is when a tier is sold within its sale.
type tierTimes struct {
	TierID   uuid.UUID  `json:"tier_id" format:"uuid"`
	OpensAt  *time.Time `json:"opens_at,omitempty" nullable:"true" doc:"Within the times of the sale; with the sale if null or left out."`
	ClosesAt *time.Time `json:"closes_at,omitempty" nullable:"true" doc:"Within the times of the sale; with the sale if null or left out."`
}

// units are seats by their ids, or a number of places.
type units struct {
	seats []uuid.UUID
	count int
}

// UnmarshalJSON reads either.
func (u *units) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, &u.seats)
	}
	return json.Unmarshal(b, &u.count)
}

// Schema documents both.
func (units) Schema(huma.Registry) *huma.Schema {
	one, most := float64(1), float64(20_000)
	least, many := 1, 20_000
	return &huma.Schema{AnyOf: []*huma.Schema{
		{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Format: "uuid"}, MinItems: &least, MaxItems: &many},
		{Type: huma.TypeInteger, Minimum: &one, Maximum: &most},
	}}
}

// which is what a change is about, from its field.
func (c stockChange) which(u *units, path string) (claim.Which, error) {
	w := claim.Which{Seats: u.seats, Count: u.count}
	if c.TierID != nil {
		w.TierID = *c.TierID
	}
	switch {
	case u.seats != nil && c.TierID != nil:
		return w, fault.InvalidField(fault.Field{Path: "tier_id", Message: "tier_id does not go with seats. Leave it out."})
	case u.seats == nil && c.TierID == nil:
		return w, fault.InvalidField(fault.Field{Path: "tier_id", Message: "tier_id is missing: say whose places."})
	}
	return w, nil
}

// change does it; 422 when it says nothing, or several things at once.
func (a *API) changeStock(r *request, who account.Identity, s *sale.Snapshot, c stockChange) error {
	said := 0
	for _, given := range []bool{c.Add != nil, c.Block != nil, c.Unblock != nil, c.Times != nil} {
		if given {
			said++
		}
	}
	switch {
	case said != 1:
		return fault.InvalidField(fault.Field{Path: "add", Message: "Say one thing: add, block, unblock or times."})
	case c.Times != nil && c.TierID != nil:
		return fault.InvalidField(fault.Field{Path: "tier_id", Message: "tier_id does not go with times, which name their tiers. Leave it out."})
	case c.Times != nil:
		times := make([]sale.TierTimes, len(c.Times))
		for i, t := range c.Times {
			times[i] = sale.TierTimes{TierID: t.TierID, OpensAt: t.OpensAt, ClosesAt: t.ClosesAt}
		}
		_, err := a.Sales.SetTierTimes(r.ctx(), s.ID(), who.AccountID, times)
		return err
	case c.Add != nil && c.TierID == nil:
		return fault.InvalidField(fault.Field{Path: "tier_id", Message: "tier_id is missing: say whose places."})
	case c.Add != nil:
		return a.Claims.Restock(r.ctx(), s, who.AccountID, *c.TierID, *c.Add)
	case c.Block != nil:
		w, err := c.which(c.Block, "block")
		if err != nil {
			return err
		}
		return a.Claims.Block(r.ctx(), s, who.AccountID, w)
	}
	w, err := c.which(c.Unblock, "unblock")
	if err != nil {
		return err
	}
	return a.Claims.Unblock(r.ctx(), s, who.AccountID, w)
}

func (a *API) stock() {
	add(a, route{
		id: "change-stock", method: http.MethodPost, path: prefix + "/organizer/events/{event}/stock", tag: tagOrganizer, auth: bearer,
		summary: "Add places, take places out of the sale, or change when tiers are sold",
		doc:     "Whoever waits is called for what comes into the sale. Answers with the event as it is then.",
		body:    stockChange{}, ok: []int{http.StatusOK}, codes: []string{"seats_taken", "not_enough_left", "invalid_transition"},
	}, func(r *request) (*reply[Event], error) {
		who, s, err := r.own()
		if err != nil {
			return nil, err
		}
		in, err := decode[stockChange](r)
		if err != nil {
			return nil, err
		}
		if err := a.changeStock(r, who, s, in); err != nil {
			return nil, err
		}
		if s, err = a.Sales.Get(r.ctx(), s.ID().String()); err != nil {
			return nil, err
		}
		return ok(eventOut(s))
	})
}
