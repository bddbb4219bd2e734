package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// Claim is what a fan holds, pays for or has bought at once.
type Claim struct {
	ID        uuid.UUID   `json:"id" format:"uuid"`
	EventID   uuid.UUID   `json:"event_id" format:"uuid"`
	Status    string      `json:"status" enum:"held,paying,paid,expired,released,refunded"`
	ExpiresAt time.Time   `json:"expires_at" doc:"End of the hold. Time alone never ends a claim that is being paid for."`
	Lines     []ClaimLine `json:"lines" nullable:"false"`
	Total     money.Money `json:"total"`
}

// ClaimLine is one unit of a Claim.
type ClaimLine struct {
	UnitID uuid.UUID   `json:"unit_id" format:"uuid"`
	TierID uuid.UUID   `json:"tier_id" format:"uuid"`
	Seat   *Seat       `json:"seat" doc:"Null for general admission."`
	Price  money.Money `json:"price"`
}

// TransformSchema documents that seat may be null.
func (ClaimLine) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "seat")
}

// Seat is where somebody sits.
type Seat struct {
	Section string `json:"section"`
	Row     string `json:"row"`
	Label   string `json:"label"`
}

type newClaim struct {
	TierID   *uuid.UUID  `json:"tier_id,omitempty" format:"uuid" nullable:"false" doc:"With quantity: so many tickets of a tier." example:"0190e8a0-0000-7000-8000-000000000001"`
	Quantity *int        `json:"quantity,omitempty" minimum:"1" maximum:"50" nullable:"false" example:"2"`
	Best     bool        `json:"best_available,omitempty" doc:"With tier_id and quantity: the best seats side by side, or none."`
	Split    bool        `json:"split,omitempty" doc:"With best_available: a party that does not fit side by side may sit in several groups, as few as can be."`
	SeatIDs  []uuid.UUID `json:"seat_ids,omitempty" minItems:"1" maxItems:"50" nullable:"false" format:"uuid" doc:"Instead of tier_id and quantity: these seats."`
}

// ask is the request for the units; 422 when it is neither for a tier nor for seats.
func (n newClaim) ask() (claim.Request, error) {
	var wrong []fault.Field
	for _, f := range []struct {
		name  string
		given bool
	}{{"tier_id", n.TierID != nil}, {"quantity", n.Quantity != nil}, {"best_available", n.Best}} {
		switch {
		case f.name == "best_available" && n.SeatIDs == nil:
		case n.SeatIDs != nil && f.given:
			wrong = append(wrong, fault.Field{Path: f.name, Message: f.name + " does not go with seat_ids. Leave it out."})
		case n.SeatIDs == nil && !f.given:
			wrong = append(wrong, fault.Field{Path: f.name, Message: f.name + " is missing."})
		}
	}
	if n.Split && !n.Best {
		wrong = append(wrong, fault.Field{Path: "split", Message: "split goes with best_available only. Leave it out, or ask for the best seats."})
	}
	if len(wrong) > 0 {
		return claim.Request{}, fault.InvalidField(wrong...)
	}
	if n.SeatIDs != nil {
		return claim.Request{Seats: n.SeatIDs}, nil
	}
	return claim.Request{TierID: *n.TierID, Quantity: *n.Quantity, Best: n.Best, Split: n.Split}, nil
}

func claimOut(c claim.Claim) Claim {
	out := Claim{
		ID: c.ID, EventID: c.EventID, Status: string(c.Status), ExpiresAt: c.ExpiresAt.UTC(),
		Lines: make([]ClaimLine, len(c.Lines)), Total: money.In(c.Total),
	}
	for i, l := range c.Lines {
		out.Lines[i] = ClaimLine{UnitID: l.UnitID, TierID: l.TierID, Price: money.In(l.Price)}
		if l.Seat != nil {
			out.Lines[i].Seat = &Seat{Section: l.Seat.Section, Row: l.Seat.Row, Label: l.Seat.Label}
		}
	}
	return out
}

var (
	errNoClaim = fault.New(fault.NotFound, "claim_not_found", "There is no such claim, or it is not yours.")
	// The two that the rows decide, for requests that are refused before a row is locked.
	errNotAdmitted = fault.New(fault.Forbidden, "not_admitted", "It is not your turn. Wait in line; you get an admission when your number is called.")
	errTurnOver    = fault.New(fault.Forbidden, "admission_expired", "Your turn is over. Join again to ask for another one.")
)

// mayClaim is the 403 of a claim, from the fan's place as it is now.
func (a *API) mayClaim(r *request, s *sale.Snapshot, who account.Identity) error {
	v, err := a.Queue.Status(r.ctx(), s, who.AccountID)
	switch {
	case fault.Code(err) == "not_in_queue":
		return errNotAdmitted
	case err != nil:
		return err
	}
	switch v.Status {
	case queue.Called, queue.Inside:
		return nil
	case queue.Missed, queue.Done:
		return errTurnOver
	case queue.InLobby, queue.Waiting, queue.Left:
	}
	return errNotAdmitted
}

// claimOf returns who asks and about which claim: 401, 404 of what is no id.
func (r *request) claimOf() (who account.Identity, id uuid.UUID, err error) {
	if who, err = r.bearer(); err != nil {
		return who, id, err
	}
	id, err = r.id(errNoClaim)
	return who, id, err
}

// noBodyOn is noBody for a claim, whose absence is told first.
func (r *request) noBodyOn(who account.Identity, id uuid.UUID) error {
	if err := r.noBody(); err != nil {
		return r.firstOf(err, who, id)
	}
	return nil
}

// firstOf is what is told of a bad body about a claim: that there is no such claim comes before.
func (r *request) firstOf(err error, who account.Identity, id uuid.UUID) error {
	return r.first(err, func() error { _, err := r.api.Claims.Get(r.ctx(), who.AccountID, id); return err })
}

func (a *API) claims(e *echo.Echo) {
	a.hot(e, route{
		id: "create-claim", method: http.MethodPost, path: prefix + "/events/{event}/claims", tag: tagClaims, auth: bearer, admission: true,
		summary: "Hold tickets", doc: "All or nothing: so many tickets of a tier (any, or with best_available the best seats side by side), or the very seats. The tickets are yours until expires_at.",
		body: newClaim{}, ok: []int{http.StatusCreated},
		codes: []string{"not_admitted", "admission_expired", "sold_out", "not_enough_left", "seats_taken", "limit_reached", "claim_open", "sale_not_open", "presale_only", "tier_not_on_sale", "orphan_seat"},
	}, Claim{}, func(r *request) error {
		who, s, err := r.placeOf()
		if err != nil {
			return err
		}
		r.Set(AccountKey, who.AccountID)
		if _, err := a.Queue.CheckToken(r.Request().Header.Get("Admission"), s.ID(), who.AccountID); err != nil {
			return err
		}
		ask, err := r.claimAsked()
		if err != nil {
			return r.first(err, func() error { return a.mayClaim(r, s, who) })
		}
		c, err := a.Claims.Hold(r.ctx(), s, who.AccountID, ask)
		if err != nil {
			return err
		}
		return sendClaim(r, http.StatusCreated, &c)
	})

	add(a, route{
		id: "get-claim", method: http.MethodGet, path: prefix + "/claims/{id}", tag: tagClaims, auth: bearer,
		summary: "Get a claim", ok: []int{http.StatusOK}, codes: []string{"claim_not_found"},
	}, func(r *request) (*reply[Claim], error) {
		who, id, err := r.claimOf()
		if err != nil {
			return nil, err
		}
		c, err := a.Claims.Get(r.ctx(), who.AccountID, id)
		if err != nil {
			return nil, err
		}
		return ok(claimOut(c))
	})

	add(a, route{
		id: "extend-claim", method: http.MethodPost, path: prefix + "/claims/{id}/extend", tag: tagClaims, auth: bearer,
		summary: "Hold for longer",
		doc:     "hold_seconds from now, in the last 120 seconds of a hold (the last half of a shorter one), never past the cap: 3 × hold_seconds, at least 15 minutes, after the claim was made.",
		ok:      []int{http.StatusOK}, codes: []string{"claim_not_found", "too_early", "cap_reached", "claim_expired", "payment_pending", "sale_not_open"},
	}, func(r *request) (*reply[Claim], error) {
		who, id, err := r.claimOf()
		if err != nil {
			return nil, err
		}
		if err := r.noBodyOn(who, id); err != nil {
			return nil, err
		}
		c, err := a.Claims.Extend(r.ctx(), who.AccountID, id)
		if err != nil {
			return nil, err
		}
		return ok(claimOut(c))
	})

	add(a, route{
		id: "release-claim", method: http.MethodDelete, path: prefix + "/claims/{id}", tag: tagClaims, auth: bearer,
		summary: "Give tickets back",
		doc:     "Held: they are back at once. Being paid for: only if the provider, asked now, says abandoned, failed or not found.",
		ok:      []int{http.StatusNoContent}, codes: []string{"claim_not_found", "payment_pending", "claim_paid", "provider_unavailable"},
	}, func(r *request) (*nothing, error) {
		who, id, err := r.claimOf()
		if err != nil {
			return nil, err
		}
		if err := r.noBodyOn(who, id); err != nil {
			return nil, err
		}
		if err := a.Payments.Release(r.ctx(), who.AccountID, id); err != nil {
			return nil, err
		}
		return noContent()
	})
}
