package seatmap_test

import (
	"slices"
	"testing"

	"fairqueue/internal/catalog/seatmap"
)

// The tiers that Tiers names are enough to read the map with.
func TestTheTiersOfAMap(t *testing.T) {
	t.Parallel()
	for venue, want := range map[string][]string{
		"theatre": {"Stalls", "Circle", "Balcony", "Boxes"}, "arena": {"Floor", "Lower ring", "Upper ring"}, "stadium": {"Lower", "Club", "Upper"},
	} {
		raw, err := seatmap.Venues.ReadFile("venues/" + venue + ".json")
		if err != nil {
			t.Fatal(err)
		}
		got := seatmap.Tiers(raw)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", venue, got, want)
		}
		if _, wrong := seatmap.Read(raw, got, ""); len(wrong) > 0 {
			t.Errorf("%s cannot be read with its own tiers: %v", venue, wrong[0])
		}
	}
	for raw, want := range map[string][]string{
		`{"sections":[{"tier":"A","rows":[{"tier":"B","seats":[{"tier":"C"},{"tier":"A"}],"marks":[{"tier":"D"}]}]}]}`: {"A", "B", "C", "D"},
		`{"sections":[{"tier":0},{"tier":2}]}`:               {"Tier 1", "Tier 2", "Tier 3"},
		`{"sections":[{"tier":true,"rows":7},{"tier":"X"}]}`: {"X"},
		`{"sections":[{"tier":1e300},{"tier":-4}]}`:          nil,
		`nonsense`: nil,
	} {
		if got := seatmap.Tiers([]byte(raw)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}
