package api

import (
	"context"
	"encoding/json"
	"path"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog"
	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

const (
	// maxMap is the largest body of a request that holds a seat map, in bytes.
	maxMap        = 10 << 20
	seatMapSchema = docsPath + "/seat-map.schema.json"
	venuesPath    = docsPath + "/venues/"
)

// SeatMap is a seat map as JSON; package seatmap knows its format.
type SeatMap []byte

// MarshalJSON returns the map as it is.
func (m SeatMap) MarshalJSON() ([]byte, error) { return json.RawMessage(m).MarshalJSON() }

// UnmarshalJSON keeps the map as it is.
func (m *SeatMap) UnmarshalJSON(b []byte) error { return (*json.RawMessage)(m).UnmarshalJSON(b) }

// Schema documents where the schema is.
func (SeatMap) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "Sections, rows and seats; the schema is at " + seatMapSchema + "."}
}

// decodeEvent is decode for a body that may hold a seat map: up to 10 MiB, of
// which 1 MiB is not the map. The map itself is read where the tiers are known.
func decodeEvent(r *request) (newEvent, error) {
	var in newEvent
	raw, err := r.read(maxMap)
	if err != nil {
		return in, err
	}
	var parts map[string]json.RawMessage
	err = json.Unmarshal(raw, &parts)
	seats, given := parts["seat_map"]
	if len(raw)-len(seats) > maxBody {
		return in, errTooLarge
	}
	if err == nil && given {
		delete(parts, "seat_map")
		if raw, err = json.Marshal(parts); err != nil {
			return in, fault.Wrap(err, fault.Invalid, "invalid_request", "The body is not valid JSON.")
		}
	}
	err = r.decodeAs(&in, r.api.bodies[reflect.TypeFor[newEvent]()], raw)
	in.SeatMap = SeatMap(seats)
	return in, err
}

var errNoSeatMap = fault.New(fault.NotFound, "seat_map_not_found", "This event has no numbered seats.")

// seatMap is the seat map of an event as it can be given again.
func (a *API) seatMap(ctx context.Context, s *sale.Snapshot) (SeatMap, error) {
	hall, err := catalog.HallOf(ctx, a.DB, s.ID())
	if err != nil {
		return nil, err
	}
	if hall == nil {
		return nil, errNoSeatMap
	}
	tiers := make([]string, len(s.Tiers))
	for i, t := range s.Tiers {
		tiers[i] = t.Name
	}
	return seatmap.Write(hall.Map, tiers)
}

// seatMapFiles serves the schema and the examples.
func seatMapFiles(e *echo.Echo) {
	e.GET(seatMapSchema, serve("application/schema+json", seatmap.Schema))
	for _, venue := range []string{"theatre", "arena", "stadium"} {
		b, err := seatmap.Venues.ReadFile(path.Join("venues", venue+".json"))
		if err != nil {
			panic(err) // it is part of the binary
		}
		e.GET(venuesPath+venue+".json", serve("application/json", b))
	}
}
