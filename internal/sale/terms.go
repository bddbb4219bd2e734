package sale

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"fairqueue/internal/catalog"
	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
)

// The ranges of CONTRACT.md.
const (
	maxTiers    = 100
	maxTierName = 100
	maxMessage  = 500
	maxPrice    = money.Kobo(1e12)
	maxCapacity = 200_000
)

type span struct {
	field, what string
	min, max    int
}

var (
	spanTickets = span{"max_tickets_per_fan", "The limit of tickets for one fan", 1, 50}
	spanRate    = span{"admit_per_minute", "The number of fans called a minute", 1, 600_000}
	spanInside  = span{"max_inside", "The number of fans inside at once", 1, 100_000}
	spanTurn    = span{"turn_seconds", "The time to enter", 30, 3_600}
	spanVisit   = span{"visit_seconds", "The time inside", 60, 7_200}
	spanHold    = span{"hold_seconds", "The time of a hold", 60, 7_200}
	spanGrace   = span{"grace_seconds", "The time to ask for a missed turn", 0, 86_400}
)

func (s span) check(prefix string, v int) []fault.Field {
	if v >= s.min && v <= s.max {
		return nil
	}
	unit := ""
	if strings.HasSuffix(s.field, "_seconds") {
		unit = " seconds"
	}
	return []fault.Field{{Path: prefix + s.field, Message: fmt.Sprintf("%s must lie between %d and %d%s.", s.what, s.min, s.max, unit)}}
}

// DefaultTerms are the numbers an organizer gets when they leave a field out (those of CONTRACT.md's example).
func DefaultTerms() Terms {
	return Terms{
		Ordering: FIFO, MaxTicketsPerFan: 4, AdmitPerMinute: 600, MaxInside: 500,
		TurnSeconds: 120, VisitSeconds: 600, HoldSeconds: 600, GraceSeconds: 600,
		FeesBy: FeesByOrganizer, Disputes: DisputesVoid,
	}
}

// Check returns everything wrong with the terms; paths begin with "sale.".
func (t Terms) Check() []fault.Field {
	const at = "sale."
	var wrong []fault.Field
	add := func(field, msg string) { wrong = append(wrong, fault.Field{Path: at + field, Message: msg}) }
	if t.Ordering != FIFO && t.Ordering != Draw {
		add("ordering", "The ordering is fifo or draw.")
	}
	opens, closes := catalog.Sensible(t.OpensAt), catalog.Sensible(t.ClosesAt)
	if !opens {
		add("opens_at", "Say when the sale opens.")
	}
	switch {
	case !closes:
		add("closes_at", "Say when the sale closes.")
	case opens && !t.ClosesAt.After(t.OpensAt):
		add("closes_at", "The sale must close after it opens.")
	}
	if l := t.LobbyOpensAt; l != nil {
		if !catalog.Sensible(*l) || opens && !l.Before(t.OpensAt) {
			add("lobby_opens_at", "The lobby must open before the sale does.")
		}
	}
	wrong = append(wrong, spanTickets.check(at, t.MaxTicketsPerFan)...)
	if t.MaxWaiting != nil && *t.MaxWaiting < 1 {
		add("max_waiting", "The length of the line is at least 1, or left out.")
	}
	wrong = append(wrong, spanRate.check(at, t.AdmitPerMinute)...)
	wrong = append(wrong, spanInside.check(at, t.MaxInside)...)
	wrong = append(wrong, spanTurn.check(at, t.TurnSeconds)...)
	wrong = append(wrong, spanVisit.check(at, t.VisitSeconds)...)
	wrong = append(wrong, spanHold.check(at, t.HoldSeconds)...)
	wrong = append(wrong, spanGrace.check(at, t.GraceSeconds)...)
	wrong = append(wrong, t.checkMoney(at)...)
	return append(wrong, t.checkBeacon()...)
}

func (t Terms) checkBeacon() (wrong []fault.Field) {
	if t.BeaconName == "" && t.BeaconRound == 0 && t.BeaconURL == "" {
		return nil
	}
	add := func(path, msg string) { wrong = append(wrong, fault.Field{Path: path, Message: msg}) }
	if t.Ordering == FIFO {
		add("sale.beacon", "A beacon belongs to a draw.")
	}
	if msg := catalog.CheckText(t.BeaconName, 100); msg != "" {
		add("sale.beacon.name", "The name of the beacon "+msg)
	}
	if t.BeaconRound < 1 {
		add("sale.beacon.round", "The round of the beacon is a number from 1.")
	}
	if t.BeaconURL != "" {
		if u, err := url.Parse(t.BeaconURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(t.BeaconURL) > 500 {
			add("sale.beacon.url", "The address of the beacon begins with https://.")
		}
	}
	return wrong
}

// Check returns n without space around its texts, and everything wrong with it at once: 422 with paths as in the
// JSON of POST /organizer/events ("name", "sale.opens_at", "tiers[0].price_kobo").
func (n NewSale) Check() (NewSale, error) {
	event, wrong := catalog.Check(n.Event)
	n.Event = event
	n.Terms = n.Terms.tidy()
	wrong = append(wrong, n.Terms.Check()...)
	wrong = append(wrong, n.Terms.checkReturns("sale.", n.Event.StartsAt)...)
	switch {
	case len(n.Tiers) == 0:
		wrong = append(wrong, fault.Field{Path: "tiers", Message: "Name at least one tier of tickets."})
	case len(n.Tiers) > maxTiers:
		wrong = append(wrong, fault.Field{Path: "tiers", Message: fmt.Sprintf("There are too many tiers: %d at most.", maxTiers)})
	}
	tiers := make([]NewTier, 0, len(n.Tiers))
	names := map[string]bool{}
	for i, t := range n.Tiers[:min(len(n.Tiers), maxTiers)] {
		add := func(field, msg string) {
			wrong = append(wrong, fault.Field{Path: fmt.Sprintf("tiers[%d].%s", i, field), Message: msg})
		}
		t.Name = strings.TrimSpace(t.Name)
		if msg := catalog.CheckText(t.Name, maxTierName); msg != "" {
			add("name", "The name of the tier "+msg)
		} else if names[t.Name] {
			add("name", "Two tiers have this name.")
		}
		names[t.Name] = true
		if t.Price < 0 || t.Price > maxPrice {
			add("price_kobo", "The price must lie between "+money.Kobo(0).String()+" and "+maxPrice.String()+".")
		}
		t.checkTimes(n.Terms, add)
		tiers = append(tiers, t)
	}
	n.Tiers = tiers
	wrong = append(wrong, n.checkPlaces()...)
	if len(wrong) > 0 {
		return n, fault.InvalidField(wrong...)
	}
	return n, nil
}

// checkTimes compares when a tier is sold with when the sale is.
func (t NewTier) checkTimes(sale Terms, add func(field, msg string)) {
	within := func(at *time.Time) bool {
		return at == nil || catalog.Sensible(*at) && !at.Before(sale.OpensAt) && !at.After(sale.ClosesAt)
	}
	if !within(t.OpensAt) {
		add("opens_at", "The sale must be open then: not before it begins, nor after its end.")
	}
	switch {
	case !within(t.ClosesAt):
		add("closes_at", "The sale must be open until then: not after its end, nor before it begins.")
	case t.OpensAt != nil && t.ClosesAt != nil && !t.ClosesAt.After(*t.OpensAt):
		add("closes_at", "The end must come after the beginning.")
	}
}

// checkPlaces reads the seat map and compares it with the capacities of the tiers, which it completes.
func (n *NewSale) checkPlaces() (wrong []fault.Field) {
	places, seated := make([]int, len(n.Tiers)), make([]bool, len(n.Tiers))
	if len(n.SeatMap) > 0 {
		names := make([]string, len(n.Tiers))
		for i, t := range n.Tiers {
			names[i] = t.Name
		}
		if n.seats, wrong = seatmap.Read(n.SeatMap, names, "seat_map"); n.seats != nil {
			places, seated = n.seats.Capacities(len(n.Tiers))
		}
	}
	for i := range n.Tiers {
		t := &n.Tiers[i]
		t.seated = seated[i]
		msg := ""
		switch {
		case len(n.SeatMap) > 0 && n.seats == nil && t.Capacity == 0:
			// It would have followed from the map.
		case places[i] > 0 && t.Capacity == 0:
			t.Capacity = places[i]
		case places[i] > 0 && t.Capacity != places[i]:
			msg = fmt.Sprintf("The seat map has %d places of this tier. Make the capacity %d, or leave it out.", places[i], places[i])
		case t.Capacity < 1 || t.Capacity > maxCapacity:
			msg = fmt.Sprintf("The capacity must lie between 1 and %d.", maxCapacity)
		}
		if msg != "" {
			wrong = append(wrong, fault.Field{Path: fmt.Sprintf("tiers[%d].capacity", i), Message: msg})
		}
	}
	return wrong
}

// check returns everything wrong with the fields of p that are set; paths are
// bare, as in the JSON of PATCH /organizer/events/{event}/sale.
func (p Patch) check(opens, starts, now time.Time) error {
	var wrong []fault.Field
	for _, f := range []struct {
		span  span
		value *int
	}{
		{spanTickets, p.MaxTicketsPerFan}, {spanRate, p.AdmitPerMinute}, {spanInside, p.MaxInside}, {spanTurn, p.TurnSeconds},
		{spanVisit, p.VisitSeconds}, {spanHold, p.HoldSeconds}, {spanGrace, p.GraceSeconds},
	} {
		if f.value != nil {
			wrong = append(wrong, f.span.check("", *f.value)...)
		}
	}
	if p.MaxWaiting != nil && *p.MaxWaiting < 1 {
		wrong = append(wrong, fault.Field{Path: "max_waiting", Message: "The length of the line is at least 1."})
	}
	if m := p.Message; m != nil {
		if !utf8.ValidString(*m) || strings.ContainsRune(*m, 0) {
			wrong = append(wrong, fault.Field{Path: "message", Message: "The message holds characters that cannot be shown."})
		} else if utf8.RuneCountInString(*m) > maxMessage {
			wrong = append(wrong, fault.Field{Path: "message", Message: fmt.Sprintf("The message is too long: %d characters at most.", maxMessage)})
		}
	}
	if c := p.ClosesAt; c != nil {
		switch {
		case !catalog.Sensible(*c) || !c.After(opens):
			wrong = append(wrong, fault.Field{Path: "closes_at", Message: "The sale must close after it opens."})
		case !c.After(now):
			wrong = append(wrong, fault.Field{Path: "closes_at", Message: "This time is past. End the sale instead."})
		}
	}
	wrong = append(wrong, p.checkMoney(starts)...)
	if len(wrong) > 0 {
		return fault.InvalidField(wrong...)
	}
	return nil
}

// small is v as PostgreSQL's integer; checked values always fit.
func small(v int) int32 { return int32(max(math.MinInt32, min(math.MaxInt32, v))) } //nolint:gosec // bounded
