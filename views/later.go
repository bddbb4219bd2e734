package views

import (
	"cmp"
	"slices"
	"strings"
)

// waitingTiers are the tiers that are not sold and cannot be had now, because they are not on sale or take a code: the one
// that comes first, first; those without a time last.
func waitingTiers(tiers []TierInfo) (out []TierInfo) {
	for _, t := range tiers {
		if t.Wait != "" {
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b TierInfo) int {
		if a.WaitUntil.IsZero() != b.WaitUntil.IsZero() {
			if a.WaitUntil.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.WaitUntil.Compare(b.WaitUntil), cmp.Compare(a.Ordinal, b.Ordinal))
	})
	return out
}

// notYet are those of some tiers that wait, where nothing can be had and nothing is in anybody's basket: whatever comes next
// comes with them. None otherwise.
func notYet(tiers []TierInfo) []TierInfo {
	if some(tiers) || slices.ContainsFunc(tiers, func(t TierInfo) bool { return !t.SoldOut && t.Wait == "" }) {
		return nil
	}
	return waitingTiers(tiers)
}

// nothingNow says of tiers of which nothing can be had that it is so, without saying that what opens later is held.
func nothingNow(tiers []TierInfo) string {
	if len(notYet(tiers)) > 0 {
		return "Nothing is on sale"
	}
	return "Nothing is free"
}

// waitLine says why each of some tiers cannot be had now: "Box: on sale from today, 14:00. Floor: no longer on sale."
func waitLine(tiers []TierInfo) string {
	said := make([]string, len(tiers))
	for i, t := range tiers {
		said[i] = t.Name + ": " + lowerFirst(t.Wait) + "."
	}
	return strings.Join(said, " ")
}

// wanted are the tiers that the fan wants; all of them where none was chosen.
func (v WaitingView) wanted() (out []TierInfo) {
	for _, t := range v.Tiers {
		if v.wants(t) {
			out = append(out, t)
		}
	}
	return out
}
