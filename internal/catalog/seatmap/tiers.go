package seatmap

import (
	"encoding/json"
	"slices"
	"strconv"
)

// Tiers returns the names of the tiers that a map asks for, in the order in which they first appear: for a form that
// begins with the map. A tier that is given by its place in the list gets a name of that place. What is wrong with the
// map is Read's to say; as much is returned as could be understood.
func Tiers(raw []byte) (names []string) {
	var doc struct {
		Sections []struct {
			Tier any `json:"tier"`
			Rows []struct {
				Tier  any `json:"tier"`
				Seats []struct {
					Tier any `json:"tier"`
				} `json:"seats"`
				Marks []struct {
					Tier any `json:"tier"`
				} `json:"marks"`
			} `json:"rows"`
		} `json:"sections"`
	}
	// Values of a wrong type are left out, and the rest is read.
	_ = json.Unmarshal(raw, &doc)
	last := -1
	add := func(tier any) {
		switch t := tier.(type) {
		case string:
			if t != "" && !slices.Contains(names, t) && len(names) < maxTiers {
				names = append(names, t)
			}
		case float64:
			if t >= 0 && t < maxTiers {
				last = max(last, int(t))
			}
		}
	}
	for _, s := range doc.Sections {
		add(s.Tier)
		for _, r := range s.Rows {
			add(r.Tier)
			for _, seat := range r.Seats {
				add(seat.Tier)
			}
			for _, mark := range r.Marks {
				add(mark.Tier)
			}
		}
	}
	for i := len(names); i <= last; i++ {
		names = append(names, "Tier "+strconv.Itoa(i+1))
	}
	return names
}

// maxTiers bounds the names; an event has no more tiers.
const maxTiers = 100
