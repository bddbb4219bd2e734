package api

import (
	"net/http"

	"fairqueue/internal/claim"
)

// swap lets a fan choose again inside a hold.
func (a *API) swap() {
	add(a, route{
		id: "change-claim", method: http.MethodPatch, path: prefix + "/claims/{id}", tag: tagClaims, auth: bearer,
		summary: "Choose other tickets",
		doc: "In one step and for what is left of the same hold: the claim keeps its id and expires_at. What is in both selections is never let go of, " +
			"what is not asked for any more is back in the sale at once, and if anything is refused the claim stays as it was. The body is that of a new claim.",
		body: newClaim{}, ok: []int{http.StatusOK},
		codes: []string{"claim_not_found", "claim_expired", "payment_pending", "sold_out", "not_enough_left", "seats_taken", "limit_reached", "sale_not_open", "presale_only", "tier_not_on_sale", "orphan_seat"},
	}, func(r *request) (*reply[Claim], error) {
		who, id, err := r.claimOf()
		if err != nil {
			return nil, err
		}
		c, err := a.Claims.Get(r.ctx(), who.AccountID, id)
		if err != nil {
			return nil, err
		}
		in, err := decode[newClaim](r)
		var ask claim.Request
		if err == nil {
			ask, err = in.ask()
		}
		if err != nil {
			return nil, err
		}
		s, err := a.Sales.Get(r.ctx(), c.EventID.String())
		if err != nil {
			return nil, err
		}
		if c, err = a.Claims.Change(r.ctx(), s, who.AccountID, id, ask); err != nil {
			return nil, err
		}
		return ok(claimOut(c))
	})
}
