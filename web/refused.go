package web

import (
	"errors"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/views"
)

// refusal makes of what was told what can be done about it.
func (s seatsOf) refusal(i int, told notice, chosen []int) *views.SeatRefusal {
	if told.Seats == nil {
		return nil
	}
	names := func(numbers []int) (out []views.SeatName) {
		for _, n := range s.inHall(numbers) {
			out = append(out, s.name(n))
		}
		return out
	}
	r := &views.SeatRefusal{}
	if told.Problem != nil && told.Problem.Code == "seats_taken" {
		r.Lost = names(told.Seats.Lost)
	}
	offer := func(seats []int, label string) {
		o := views.SeatOffer{Label: label}
		for _, n := range seats {
			o.Seats = append(o.Seats, strconv.Itoa(n))
			o.Price += s.tiers[s.Seat(n).Tier].Price
		}
		o.Label += ", " + o.Price.String()
		r.Offers = append(r.Offers, o)
	}
	if alone := s.inHall(told.Seats.Alone); len(alone) == 1 {
		name := s.name(alone[0])
		r.Alone = &name
		if moved := s.beside(i, chosen, alone[0]); moved != nil {
			offer(moved, "Move to "+views.SeatWords(names(moved)))
		}
		if all := append(slices.Clone(chosen), alone[0]); s.fine(i, all) && len(all) <= s.event.Terms.MaxTicketsPerFan {
			slices.Sort(all)
			offer(all, "Take "+views.SeatWords(names(alone))+" as well")
		}
		return r
	}
	if len(r.Lost) == 0 {
		return nil
	}
	for _, n := range chosen {
		if s.state(n) == 'f' {
			r.Kept++
		}
	}
	if seats := s.inHall(told.Seats.Instead); len(seats) > 0 && !slices.ContainsFunc(seats, func(n int) bool { return s.state(n) != 'f' }) {
		offer(seats, "Take "+views.SeatWords(names(seats))+" instead")
	}
	return r
}

// inHall leaves out what is no seat.
func (s seatsOf) inHall(numbers []int) (out []int) {
	for _, n := range numbers {
		if n >= 0 && n < len(s.IDs) {
			out = append(out, n)
		}
	}
	return out
}

// fine reports whether seats of a section are free and leave nobody's seat alone.
func (s seatsOf) fine(i int, seats []int) bool {
	first := s.drawn.first[i]
	var within []int
	for _, n := range seats {
		if s.drawn.holds(n) != i || s.state(n) != 'f' {
			return false
		}
		within = append(within, n-first)
	}
	return s.drawn.section(i).plan.Orphan(func(n int) bool { return s.state(first+n) == 'f' }, within) < 0
}

// beside moves neighbours by one so that the seat is taken which would be left alone; nil where that does not help.
func (s seatsOf) beside(i int, chosen []int, alone int) []int {
	if len(chosen) == 0 {
		return nil
	}
	moved := slices.Clone(chosen)
	slices.Sort(moved)
	if moved[len(moved)-1]-moved[0] != len(moved)-1 {
		return nil
	}
	switch alone {
	case moved[0] - 1:
		moved = append([]int{alone}, moved[:len(moved)-1]...)
	case moved[len(moved)-1] + 1:
		moved = append(moved[1:], alone)
	default:
		return nil
	}
	if !s.fine(i, moved) {
		return nil
	}
	return moved
}

// apartOffer is what a party can do that fits nowhere together.
func apartOffer(told notice, v views.ChooseView) *views.ApartOffer {
	if told.Problem == nil || told.Problem.Code != "not_enough_left" || told.Form["split"] != "" {
		return nil
	}
	i := slices.IndexFunc(v.Tiers, func(t views.TierInfo) bool { return t.ID == told.Form["tier_id"] && t.Seated })
	quantity, _ := strconv.Atoi(told.Form["quantity"])
	if i < 0 || quantity < 2 || quantity > v.CanTake || v.Tiers[i].Available < quantity {
		return nil
	}
	a := &views.ApartOffer{TierID: v.Tiers[i].ID, Tier: v.Tiers[i].Name, Quantity: quantity, Most: min(told.Problem.Left, quantity-1)}
	for _, t := range v.Tiers {
		if told.Seats != nil && slices.Contains(told.Seats.Tiers, t.ID) && t.Available >= quantity {
			a.Others = append(a.Others, t)
		}
	}
	return a
}

// seatNotice is what a refusal says of seats, by their numbers in the hall, and of kinds of tickets.
type seatNotice struct {
	Lost    []int    `json:"lost,omitempty"`
	Alone   []int    `json:"alone,omitempty"`
	Instead []int    `json:"instead,omitempty"`
	Tiers   []string `json:"tiers,omitempty"`
}

// seatsTold reads the seats out of a refusal; nil where it names none.
func seatsTold(hall *catalog.Hall, err error) *seatNotice {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return nil
	}
	var n seatNotice
	numbers := func(v any) (out []int) {
		named, _ := v.([]claim.NamedSeat)
		if one, ok := v.(claim.NamedSeat); ok {
			named = []claim.NamedSeat{one}
		}
		for _, seat := range named {
			if hall == nil {
				break
			}
			if number, ok := hall.Number(seat.ID); ok {
				out = append(out, number)
			}
		}
		return out
	}
	n.Lost, n.Alone, n.Instead = numbers(f.Extra["seats"]), numbers(f.Extra["seat"]), numbers(f.Extra["alternatives"])
	if ids, ok := f.Extra["other_tiers"].([]uuid.UUID); ok {
		for _, id := range ids {
			n.Tiers = append(n.Tiers, id.String())
		}
	}
	if n.Lost == nil && n.Alone == nil && n.Instead == nil && n.Tiers == nil {
		return nil
	}
	return &n
}
