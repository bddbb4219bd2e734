package views

import "fairqueue/internal/money"

// MoreView is the form of a second sale of a show, as it was typed.
type MoreView struct {
	Event    EventInfo
	Form     EventFormView // the sale, its pace, and tickets without a numbered seat
	Sections []MoreSection // those with blocked seats
	Seated   []MoreTier    // the tiers of the blocked seats
	HasMap   bool
}

// MoreSection is a section with the rows that have blocked seats.
type MoreSection struct {
	Name string
	Rows []MoreRow
}

// MoreRow is a row with blocked seats.
type MoreRow struct {
	Name   string
	Value  string // which one it is
	Seats  int    // how many are blocked
	Tiers  string
	Picked bool
}

// MoreTier is a tier with blocked seats; Price is what is typed as the new one.
type MoreTier struct {
	Name   string
	Was    money.Kobo
	Price  string
	Field  string // the name of the field
	Places int
}

// seats is how many blocked ones the section has.
func (s MoreSection) seats() (n int) {
	for _, r := range s.Rows {
		n += r.Seats
	}
	return n
}

func (s MoreSection) picked() bool {
	for _, r := range s.Rows {
		if r.Picked {
			return true
		}
	}
	return false
}

func (r MoreRow) words() string {
	return "Row " + r.Name + ": " + count(r.Seats, "seat", "seats") + " of " + r.Tiers
}
