package seatmap

import "encoding/json"

type mapOut struct {
	Focal        focalOut     `json:"focal"`
	AllowOrphans bool         `json:"allow_orphans,omitempty"`
	Sections     []sectionOut `json:"sections"`
}

type focalOut struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

type sectionOut struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Kind     Kind     `json:"kind"`
	Tier     string   `json:"tier,omitempty"`
	Capacity int      `json:"capacity,omitempty"`
	Rows     []rowOut `json:"rows,omitempty"`
}

type rowOut struct {
	Name  string    `json:"name"`
	Tier  string    `json:"tier"`
	Seats []seatOut `json:"seats"`
}

type seatOut struct {
	Label       string  `json:"label"`
	Tier        string  `json:"tier,omitempty"`
	X           float64 `json:"x"`
	Y           float64 `json:"y"`
	Accessible  bool    `json:"accessible,omitempty"`
	CompanionOf string  `json:"companion_of,omitempty"`
	Restricted  bool    `json:"restricted,omitempty"`
	Blocked     bool    `json:"blocked,omitempty"`
	Aisle       bool    `json:"aisle,omitempty"`
}

// Write returns the map in the format that Read takes, every seat spelled out; a tier is written once a row, and for
// the seats that differ from the first.
func Write(m *Map, tiers []string) ([]byte, error) {
	out := mapOut{Focal: focalOut{m.FocalX, m.FocalY}, AllowOrphans: m.AllowOrphans, Sections: make([]sectionOut, len(m.Sections))}
	for i, s := range m.Sections {
		o := sectionOut{ID: s.ID, Name: s.Name, Kind: s.Kind, Capacity: s.Capacity}
		if s.Kind == Standing {
			o.Tier = tiers[s.Tier]
		}
		for _, r := range s.Rows {
			row := rowOut{Name: r.Name, Tier: tiers[r.Seats[0].Tier], Seats: make([]seatOut, len(r.Seats))}
			for n, seat := range r.Seats {
				row.Seats[n] = seatOut{
					Label: seat.Label, X: seat.X, Y: seat.Y, Accessible: seat.Accessible, CompanionOf: seat.CompanionOf,
					Restricted: seat.Restricted, Blocked: seat.Blocked, Aisle: seat.Aisle,
				}
				if seat.Tier != r.Seats[0].Tier {
					row.Seats[n].Tier = tiers[seat.Tier]
				}
			}
			o.Rows = append(o.Rows, row)
		}
		out.Sections[i] = o
	}
	return json.Marshal(out)
}
