package api

import (
	"net/http"
	"time"

	"fairqueue/internal/catalog"
)

type eventPatch struct {
	Name     *string    `json:"name,omitempty" minLength:"1" maxLength:"200" example:"Lagos Night"`
	Venue    *string    `json:"venue,omitempty" minLength:"1" maxLength:"200" example:"Eko Convention Centre"`
	Timezone *string    `json:"timezone,omitempty" minLength:"1" maxLength:"100" doc:"IANA name." example:"Africa/Lagos"`
	StartsAt *time.Time `json:"starts_at,omitempty" example:"2030-08-01T18:00:00Z"`
}

// details lets an organizer change what an event is, as opposed to how it is sold.
func (a *API) details() {
	add(a, route{
		id: "change-event", method: http.MethodPatch, path: prefix + "/organizer/events/{event}", tag: tagOrganizer, auth: bearer,
		summary: "Change the name, place or time of an event",
		doc:     "Any of the fields; what is left out stays, and the slug always does. All sales of the same show change with it, and everybody who holds a valid ticket is told by mail.",
		body:    eventPatch{}, ok: []int{http.StatusOK}, codes: []string{"event_cancelled"},
	}, func(r *request) (*reply[Event], error) {
		who, s, err := r.own()
		if err != nil {
			return nil, err
		}
		in, err := decode[eventPatch](r)
		if err != nil {
			return nil, err
		}
		d := catalog.Details{Name: in.Name, Venue: in.Venue, Timezone: in.Timezone, StartsAt: in.StartsAt}
		if s, err = a.Payments.ChangeDetails(r.ctx(), s.ID(), who.AccountID, d); err != nil {
			return nil, err
		}
		return ok(eventOut(s))
	})
}
