package views

import "strings"

func fieldID(name string) string { return strings.ReplaceAll(name, ".", "-") }

func tierField(i int, part string) string { return "tiers." + itoa(i) + "." + part }

// rows are the tiers as typed and enough empty ones: at least four, at least one spare.
func (v EventFormView) rows() []TierForm {
	rows := append([]TierForm(nil), v.Tiers...)
	least := 4
	if v.Map.Given {
		least = len(rows) + 1 // for tickets without a place on the map
	}
	for len(rows) < least {
		rows = append(rows, TierForm{})
	}
	return rows
}

func (v EventFormView) describes(name, hint string) string {
	var ids []string
	if v.Errors[name] != "" {
		ids = append(ids, fieldID(name)+"-e")
	}
	if hint != "" {
		ids = append(ids, fieldID(name)+"-h")
	}
	return strings.Join(ids, " ")
}

func (v EventFormView) errorCount() int { return len(v.Errors) + len(v.Map.Errors) }

func (v EventFormView) errorTitle() string {
	if v.errorCount() == 1 {
		return "One thing is not right yet"
	}
	return num(v.errorCount()) + " things are not right yet"
}

func (v EventFormView) tiersLine() string {
	if v.Map.Given {
		return "The kinds come from the seat map. Set their prices, in naira; 0 is free. The last row is for tickets that have no place on the map: leave it empty if there are none."
	}
	return "Leave a row empty if you do not need it. Prices are in naira; 0 is free."
}

// timesOpen unfolds the times of a tier that has some, or something wrong with them.
func (v EventFormView) timesOpen(i int, t TierForm) bool {
	return t.OpensAt != "" || t.ClosesAt != "" || v.Errors[tierField(i, "opens_at")] != "" || v.Errors[tierField(i, "closes_at")] != ""
}

func (t TierForm) places() string {
	if t.Places == 0 {
		return "None"
	}
	return count(t.Places, tierUnit(TierInfo{Seated: t.Seated}, true), tierUnit(TierInfo{Seated: t.Seated}, false))
}

func (m MapForm) title() string {
	switch m.Venue {
	case "theatre":
		return "The example of a theatre"
	case "arena":
		return "The example of an arena"
	case "stadium":
		return "The example of a stadium"
	}
	return m.Name
}

func (m MapForm) sum() string {
	s := count(m.Seats, "seat", "seats") + " in " + count(len(m.Sections), "section", "sections")
	if m.Standing > 0 {
		s = count(m.Seats, "seat", "seats") + " and " + count(m.Standing, "place", "places") + " to stand, in " + count(len(m.Sections), "section", "sections")
	}
	return s + "."
}

func (m MapForm) hallsLine() string {
	if m.Given {
		return "Take another hall by one click:"
	}
	return "Take one of three halls by one click:"
}

func (m MapForm) fileLabel() string {
	if m.Given {
		return "Or send another map"
	}
	return "Or send your own map"
}

func (m MapForm) errorTitle() string {
	if len(m.Errors) == 1 {
		return "One thing is wrong with the seat map"
	}
	return num(len(m.Errors)) + " things are wrong with the seat map"
}

func (s MapFormSection) tiers() string { return strings.Join(s.Tiers, ", ") }

func (s MapFormSection) inside() string {
	if s.Standing {
		return "Standing"
	}
	words := count(s.Rows, "row", "rows")
	if s.Accessible > 0 {
		words += ", " + count(s.Accessible, "wheelchair place", "wheelchair places")
	}
	if s.Blocked > 0 {
		words += ", " + num(s.Blocked) + " blocked"
	}
	return words
}

// detailErrors opens the folded part when something in it is wrong.
func (v EventFormView) detailErrors() bool {
	for _, name := range []string{"admit_per_minute", "max_inside", "turn_seconds", "visit_seconds", "hold_seconds", "grace_seconds"} {
		if v.Errors[name] != "" {
			return true
		}
	}
	return false
}

func (v EventFormView) zone() string {
	if v.Timezone == "" {
		return "Africa/Lagos"
	}
	return v.Timezone
}

func (v EventFormView) zoneList() []string {
	zones := v.Zones
	if len(zones) == 0 {
		zones = []string{"Africa/Lagos", "Africa/Accra", "Africa/Abidjan", "Africa/Cairo", "Africa/Casablanca", "Africa/Dakar", "Africa/Johannesburg", "Africa/Kampala", "Africa/Kigali", "Africa/Nairobi", "Europe/London", "UTC"}
	}
	for _, z := range zones {
		if z == v.zone() {
			return zones
		}
	}
	return append([]string{v.zone()}, zones...)
}

// stage is what everybody looks at.
func (m MapView) stage() string {
	if m.Pitch {
		return "PITCH"
	}
	return "STAGE"
}
