package seatmap

import "fairqueue/internal/fault"

// Kind is what people do in a section.
type Kind string

// The kinds.
const (
	Seated   Kind = "seated"
	Standing Kind = "standing"
)

// Limits of a map.
const (
	MaxSeats    = 100_000
	maxSections = 500
	maxRows     = 20_000
	maxRowSeats = 2_000
	maxStanding = 200_000
	maxName     = 100
	maxLabel    = 20
	maxID       = 60
	// maxCoord bounds coordinates, in seat widths.
	maxCoord = 10_000
)

// Map is a venue with every seat spelled out.
type Map struct {
	// FocalX and FocalY are where everybody looks, in seat widths like all coordinates.
	FocalX, FocalY float64
	// AllowOrphans switches off the rule that no single seat is left alone.
	AllowOrphans bool
	Sections     []Section
}

// Section is a part of the venue.
type Section struct {
	ID, Name string
	Kind     Kind
	// Tier and Capacity are those of a standing section.
	Tier, Capacity int
	// Rows are those of a seated section.
	Rows []Row
}

// Row is a row of seats, in the order in which they stand.
type Row struct {
	Name  string
	Seats []Seat
}

// Seat is one seat.
type Seat struct {
	// Label is what is printed on it, unique in its section.
	Label string
	// Tier is the index of its tier in the event.
	Tier int
	X, Y float64
	// CompanionOf is the label of the accessible seat, in the same section, that this one goes with; "" for none.
	CompanionOf string
	Accessible  bool
	Restricted  bool
	Blocked     bool
	// Aisle: an aisle lies between this seat and the next one of its row.
	Aisle bool
}

// Capacities counts the places of each of n tiers, and says which of them have seats. Blocked seats count.
func (m *Map) Capacities(n int) (places []int, seated []bool) {
	places, seated = make([]int, n), make([]bool, n)
	for _, s := range m.Sections {
		if s.Kind == Standing {
			places[s.Tier] += s.Capacity
		}
		for _, r := range s.Rows {
			for _, seat := range r.Seats {
				places[seat.Tier]++
				seated[seat.Tier] = true
			}
		}
	}
	return places, seated
}

// maxWrong is how many errors are told at most; the last says how many more there are.
const maxWrong = 1000

// faults collects what is wrong.
type faults struct {
	wrong []fault.Field
	more  int
}

func (f *faults) add(at *path, message string) {
	if len(f.wrong) >= maxWrong {
		f.more++
		return
	}
	f.wrong = append(f.wrong, fault.Field{Path: at.String(), Message: message})
}
