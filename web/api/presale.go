package api

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
)

// Presale keeps a tier, or a block of seats, for those who have a code.
type Presale struct {
	ID       uuid.UUID  `json:"id" format:"uuid"`
	Name     string     `json:"name" example:"Fan club"`
	TierID   *uuid.UUID `json:"tier_id" format:"uuid" nullable:"true" doc:"Null for a block of seats."`
	Seats    int        `json:"seats" doc:"How many seats it is about; 0 for general admission."`
	PublicAt time.Time  `json:"public_at" doc:"From then on everybody can buy."`
	EndedAt  *time.Time `json:"ended_at" nullable:"true" doc:"When it became public; null while it runs."`
}

// PresaleFigures is a Presale as its organizer sees it.
type PresaleFigures struct {
	Presale
	Codes    int `json:"codes" doc:"How many codes there are."`
	Unlocked int `json:"unlocked" doc:"How many fans have given one."`
}

type newPresale struct {
	Name     string      `json:"name" minLength:"1" maxLength:"100" example:"Fan club"`
	TierID   *uuid.UUID  `json:"tier_id,omitempty" format:"uuid" nullable:"false" doc:"The tier that is kept; or seat_ids."`
	SeatIDs  []uuid.UUID `json:"seat_ids,omitempty" format:"uuid" nullable:"false" minItems:"1" maxItems:"20000" doc:"The seats that are kept; or tier_id."`
	PublicAt time.Time   `json:"public_at" doc:"Later than now, before the sale closes." example:"2030-06-02T09:00:00Z"`
	Codes    []string    `json:"codes,omitempty" nullable:"false" minItems:"1" maxItems:"1000" doc:"Codes of 6 to 40 letters and digits; or generate. Capitals, spaces and dashes make no difference."`
	Generate *int        `json:"generate,omitempty" minimum:"1" maximum:"10000" nullable:"false" doc:"How many codes to make; or codes." example:"100"`
	Uses     *int        `json:"uses_per_code,omitempty" minimum:"1" maximum:"100000" nullable:"false" doc:"For how many fans each code is good; 1 if left out." example:"1"`
}

type madePresale struct {
	Presale PresaleFigures `json:"presale"`
	Codes   []string       `json:"codes" nullable:"false" doc:"Told this once: only what they hash to is kept."`
}

type presaleList struct {
	Presales []PresaleFigures `json:"presales" nullable:"false"`
}

type presaleCode struct {
	Code string `json:"code" minLength:"1" maxLength:"200" example:"FANCL-UB234"`
}

type unlockedPresale struct {
	Presale Presale `json:"presale"`
}

type unlockedPresales struct {
	Presales []Presale `json:"presales" nullable:"false"`
}

func presaleOut(p claim.Presale) Presale {
	out := Presale{ID: p.ID, Name: p.Name, Seats: p.Seats, PublicAt: p.PublicAt.UTC()}
	if p.TierID != uuid.Nil {
		out.TierID = &p.TierID
	}
	if !p.Running() {
		out.EndedAt = utc(&p.EndedAt)
	}
	return out
}

func presaleFigures(p claim.Presale) PresaleFigures {
	return PresaleFigures{Presale: presaleOut(p), Codes: p.Codes, Unlocked: p.Unlocked}
}

func (n newPresale) presale() claim.NewPresale {
	out := claim.NewPresale{Name: n.Name, Seats: n.SeatIDs, PublicAt: n.PublicAt, Codes: n.Codes}
	if n.TierID != nil {
		out.TierID = *n.TierID
	}
	if n.Generate != nil {
		out.Generate = *n.Generate
	}
	if n.Uses != nil {
		out.UsesPerCode = *n.Uses
	}
	return out
}

var errNoPresale = fault.New(fault.NotFound, "presale_not_found", "The event has no such presale.")

func (a *API) presales() {
	const path = prefix + "/organizer/events/{event}/presales"
	add(a, route{
		id: "create-presale", method: http.MethodPost, path: path, tag: tagOrganizer, auth: bearer,
		summary: "Keep stock for those with a code",
		doc:     "A tier or a block of seats, until public_at. A seat, and a tier, is in one presale at a time. The codes are told in this answer and never again.",
		body:    newPresale{}, ok: []int{http.StatusCreated}, codes: []string{"presale_overlaps", "code_taken", "invalid_transition"},
	}, func(r *request) (*reply[madePresale], error) {
		who, s, err := r.own()
		if err != nil {
			return nil, err
		}
		in, err := decode[newPresale](r)
		if err != nil {
			return nil, err
		}
		p, codes, err := a.Claims.CreatePresale(r.ctx(), s, who.AccountID, in.presale())
		if err != nil {
			return nil, err
		}
		return &reply[madePresale]{http.StatusCreated, madePresale{presaleFigures(p), codes}}, nil
	})

	add(a, route{
		id: "list-presales", method: http.MethodGet, path: path, tag: tagOrganizer, auth: bearer,
		summary: "List presales", doc: "Newest first, with those that are over.", ok: []int{http.StatusOK},
	}, func(r *request) (*reply[presaleList], error) {
		_, s, err := r.own()
		if err != nil {
			return nil, err
		}
		found, err := a.Claims.Presales(r.ctx(), s.ID())
		if err != nil {
			return nil, err
		}
		out := presaleList{Presales: make([]PresaleFigures, len(found))}
		for i, p := range found {
			out.Presales[i] = presaleFigures(p)
		}
		return ok(out)
	})

	add(a, route{
		id: "end-presale", method: http.MethodDelete, path: path + "/{id}", tag: tagOrganizer, auth: bearer,
		summary: "Make a presale public at once", doc: "Once more changes nothing.", ok: []int{http.StatusNoContent}, codes: []string{"presale_not_found"},
	}, func(r *request) (*nothing, error) {
		who, s, err := r.own()
		if err != nil {
			return nil, err
		}
		id, err := r.id(errNoPresale)
		if err != nil {
			return nil, err
		}
		if err := r.noBody(); err != nil {
			return nil, err
		}
		if err := a.Claims.EndPresale(r.ctx(), s, who.AccountID, id); err != nil {
			return nil, err
		}
		return noContent()
	})

	add(a, route{
		id: "unlock-presale", method: http.MethodPost, path: prefix + "/events/{event}/presale", tag: tagClaims, auth: bearer,
		summary: "Give a presale code",
		doc:     "What the code opens stays open to the account; giving it again changes nothing. It can be given before the turn: fans who wait with a code are called for what it opens, in their order, also while nothing is left for others.",
		body:    presaleCode{}, ok: []int{http.StatusOK}, codes: []string{"422 invalid_code", "code_used", "too_many_requests"},
	}, func(r *request) (*reply[unlockedPresale], error) {
		who, s, err := r.placeOf()
		if err != nil {
			return nil, err
		}
		in, err := decode[presaleCode](r)
		if err != nil {
			return nil, err
		}
		if err := a.Guard.Presale(r.ctx(), who.AccountID.String(), r.RealIP()); err != nil {
			return nil, err
		}
		p, err := a.Claims.Unlock(r.ctx(), s, who.AccountID, in.Code)
		if err != nil {
			return nil, err
		}
		return ok(unlockedPresale{presaleOut(p)})
	})

	add(a, route{
		id: "list-unlocked", method: http.MethodGet, path: prefix + "/events/{event}/presale", tag: tagClaims, auth: bearer,
		summary: "What is open to this account and not public yet", ok: []int{http.StatusOK},
	}, func(r *request) (*reply[unlockedPresales], error) {
		who, s, err := r.placeOf()
		if err != nil {
			return nil, err
		}
		found, err := a.Claims.UnlockedBy(r.ctx(), s.ID(), who.AccountID)
		if err != nil {
			return nil, err
		}
		out := unlockedPresales{Presales: make([]Presale, len(found))}
		for i, p := range found {
			out.Presales[i] = presaleOut(p)
		}
		return ok(out)
	})
}
