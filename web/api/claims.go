package api

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

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
	TierID   uuid.UUID `json:"tier_id" format:"uuid"`
	Quantity int       `json:"quantity" minimum:"1" maximum:"50" example:"2"`
}

func claimOut(c claim.Claim) Claim {
	out := Claim{
		ID: c.ID, EventID: c.EventID, Status: string(c.Status), ExpiresAt: c.ExpiresAt.UTC(),
		Lines: make([]ClaimLine, len(c.Lines)), Total: money.In(c.Total),
	}
	for i, l := range c.Lines {
		out.Lines[i] = ClaimLine{UnitID: l.UnitID, TierID: l.TierID, Price: money.In(l.Price)}
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
		return r.first(err, func() error { _, err := r.api.Claims.Get(r.ctx(), who.AccountID, id); return err })
	}
	return nil
}

func (a *API) claims() {
	add(a, route{
		id: "create-claim", method: http.MethodPost, path: prefix + "/events/{event}/claims", tag: tagClaims, auth: bearer, admission: true,
		summary: "Hold tickets", doc: "All or nothing. The tickets are yours until expires_at.",
		body: newClaim{}, ok: []int{http.StatusCreated},
		codes: []string{"not_admitted", "admission_expired", "sold_out", "not_enough_left", "limit_reached", "claim_open", "sale_not_open"},
	}, func(r *request) (*reply[Claim], error) {
		who, s, err := r.placeOf()
		if err != nil {
			return nil, err
		}
		if _, err := a.Queue.CheckToken(r.Request().Header.Get("Admission"), s.ID(), who.AccountID); err != nil {
			return nil, err
		}
		in, err := decode[newClaim](r)
		if err != nil {
			return nil, r.first(err, func() error { return a.mayClaim(r, s, who) })
		}
		c, err := a.Claims.Hold(r.ctx(), s, who.AccountID, claim.Request{TierID: in.TierID, Quantity: in.Quantity})
		if err != nil {
			return nil, err
		}
		return &reply[Claim]{http.StatusCreated, claimOut(c)}, nil
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
