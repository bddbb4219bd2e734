package api

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// SeatSections is the seat map of an event with what is left of it.
type SeatSections struct {
	Sections []SeatSection `json:"sections" nullable:"false" doc:"Empty where the event has no seat map."`
	Version  string        `json:"version" doc:"Another one when a status is another one."`
}

// SeatSection is a part of the venue.
type SeatSection struct {
	ID        string        `json:"id" example:"stalls"`
	Name      string        `json:"name" example:"Stalls"`
	Kind      string        `json:"kind" enum:"seated,standing"`
	Capacity  int           `json:"capacity"`
	Available int           `json:"available"`
	Tiers     []SectionTier `json:"tiers" nullable:"false"`
	Rows      []SectionRow  `json:"rows,omitempty" nullable:"false" doc:"Of seated sections, for those who are admitted."`
}

// SectionTier is what a section has of a tier.
type SectionTier struct {
	TierID    uuid.UUID `json:"tier_id" format:"uuid"`
	Capacity  int       `json:"capacity"`
	Available int       `json:"available"`
}

// SectionRow is a row of seats, in the order in which they stand.
type SectionRow struct {
	Name  string        `json:"name"`
	Seats []SectionSeat `json:"seats" nullable:"false"`
}

// SectionSeat is a seat that somebody may choose.
type SectionSeat struct {
	ID          uuid.UUID `json:"id" format:"uuid" doc:"For seat_ids of a claim."`
	Label       string    `json:"label" example:"A12"`
	TierID      uuid.UUID `json:"tier_id" format:"uuid"`
	Status      string    `json:"status" enum:"free,held,sold,blocked"`
	Accessible  bool      `json:"accessible"`
	X           float64   `json:"x" doc:"In seat widths."`
	Y           float64   `json:"y" doc:"In seat widths, away from the top of the page."`
	CompanionOf string    `json:"companion_of,omitempty" doc:"Label of the accessible seat of this section that it goes with."`
	Restricted  bool      `json:"restricted,omitempty" doc:"Not everything can be seen from here."`
	Aisle       bool      `json:"aisle,omitempty" doc:"An aisle lies between this seat and the next."`
}

// sectionOut says of a section, whose first seat has that number, what everybody may know, and with rows what those who
// are admitted may choose from.
func sectionOut(s *sale.Snapshot, seats *claim.Seats, section *seatmap.Section, number int, rows bool) SeatSection {
	o := SeatSection{ID: section.ID, Name: section.Name, Kind: string(section.Kind), Tiers: []SectionTier{}}
	add := func(tier, capacity, available int) {
		id := s.Tiers[tier].ID
		i := slices.IndexFunc(o.Tiers, func(t SectionTier) bool { return t.TierID == id })
		if i < 0 {
			i = len(o.Tiers)
			o.Tiers = append(o.Tiers, SectionTier{TierID: id})
		}
		o.Tiers[i].Capacity += capacity
		o.Tiers[i].Available += available
		o.Capacity += capacity
		o.Available += available
	}
	if section.Kind == seatmap.Standing {
		add(section.Tier, s.Tiers[section.Tier].Capacity, s.Tiers[section.Tier].Available)
	}
	for _, row := range section.Rows {
		r := SectionRow{Name: row.Name}
		for _, seat := range row.Seats {
			state := seats.States[number]
			free := 0
			if state == claim.SeatFree {
				free = 1
			}
			add(seat.Tier, 1, free)
			if rows {
				r.Seats = append(r.Seats, SectionSeat{
					ID: seats.IDs[number], Label: seat.Label, TierID: s.Tiers[seat.Tier].ID, Status: state.String(), Accessible: seat.Accessible,
					X: seat.X, Y: seat.Y, CompanionOf: seat.CompanionOf, Restricted: seat.Restricted, Aisle: seat.Aisle,
				})
			}
			number++
		}
		if rows {
			o.Rows = append(o.Rows, r)
		}
	}
	return o
}

// admitted reports whether the request shows an admission to the event: 401 for
// one without a token, 403 for one that is not the account's.
func (r *request) admitted(s *sale.Snapshot) (bool, error) {
	token := r.Request().Header.Get("Admission")
	if token == "" {
		return false, nil
	}
	who, err := r.bearer()
	if err != nil {
		return false, err
	}
	_, err = r.api.Queue.CheckToken(token, s.ID(), who.AccountID)
	return err == nil, err
}

func (a *API) seats(e *echo.Echo) {
	a.hot(e, route{
		id: "get-seats", method: http.MethodGet, path: prefix + "/events/{event}/seats", tag: tagClaims, auth: optional,
		summary: "Get the seats", doc: "Without an admission the sections with what is left of them; with a token and the header `Admission` their rows and seats, too. " +
			"Large venues are best asked for section by section. Has an ETag, and is compressed for those who take gzip.",
		ok: []int{http.StatusOK}, codes: []string{"not_admitted", "admission_expired", "invalid_request"},
		query: []*huma.Param{
			{Name: "Admission", In: "header", Description: "admission.token of the queue, to see seats.", Schema: &huma.Schema{Type: "string"}},
			{Name: "section", In: "query", Description: "Id of the one section to get.", Schema: &huma.Schema{Type: "string"}},
		},
	}, SeatSections{}, func(r *request) error {
		who, _, err := r.maybe()
		if err != nil {
			return err
		}
		s, err := r.event()
		if err != nil {
			return err
		}
		rows, err := r.admitted(s)
		if err != nil {
			return err
		}
		seats, err := a.Claims.SeatsFor(r.ctx(), s, who.AccountID)
		if err != nil {
			return err
		}
		only := r.QueryParam("section")
		if only != "" && (seats == nil || !slices.ContainsFunc(seats.Map.Sections, func(x seatmap.Section) bool { return x.ID == only })) {
			return fault.InvalidField(fault.Field{Path: "section", Message: "The event has no such section."})
		}
		if seats == nil {
			return r.JSON(http.StatusOK, SeatSections{Sections: []SeatSection{}})
		}
		p, err := a.seatBodies.of(s, seats).part(s, seats, rows, only)
		if err != nil {
			return err
		}
		h := r.Response().Header()
		h.Set("Cache-Control", "private, no-cache")
		h.Set("Vary", "Authorization, Admission, Accept-Encoding")
		h.Set("ETag", p.etag)
		if r.Request().Header.Get("If-None-Match") == p.etag {
			return r.NoContent(http.StatusNotModified)
		}
		return p.write(r.Response(), r.Request())
	})
}
