package views

import (
	"strings"
	"time"

	"fairqueue/views/ui"
)

// FairnessView is what anyone may check about one sale.
type FairnessView struct {
	Event      EventInfo
	Promise    string // how people are ordered, in a plain sentence or two
	Joined     int64
	Serving    int64
	Capacity   int
	Sold       int
	Invariants []Invariant
	Admissions []Admission // the newest first
	Exceptions []Exception // the newest first
	Commitment string      // hex; empty: no draw
	Ledger     int64       // sealed blocks
	CheckedAt  time.Time
}

// Invariant is one promise and how often it was broken.
type Invariant struct {
	Name   string // as in CONTRACT.md section 5
	Broken int64
}

// Admission is one step of the line.
type Admission struct {
	From, To int64
	At       time.Time
}

// Exception is one admission out of order, with its rule.
type Exception struct {
	Number int64
	Rule   string
	At     time.Time
}

func (v FairnessView) promise() string {
	switch {
	case v.Promise != "":
		return v.Promise
	case v.Event.Note != "":
		return v.Event.Note
	case v.Event.Draw:
		return "Everybody in the lobby gets a number by draw when the sale opens. Whoever comes later stands behind the lobby, in the order of joining."
	}
	return "First come, first served: a number follows the order of joining, is written down before we say yes, and never changes. We call numbers in order."
}

func (i Invariant) state() ui.State {
	if i.Broken != 0 {
		return ui.Out
	}
	return ui.Open
}

// words say in plain English what a count is a count of.
func (i Invariant) words() string {
	switch i.Name {
	case "never_oversold":
		return "tickets sold twice"
	case "one_spot_per_fan":
		return "fans with two places"
	case "arrival_gapless":
		return "gaps in the order of joining"
	case "no_lost_spot":
		return "places lost"
	case "no_overtaking":
		return "fans overtaken"
	case "draw_verifies":
		return "numbers that differ from the draw"
	case "within_limits":
		return "fans above the limit"
	case "paid_means_ticket_or_refund":
		return "payments without ticket or refund"
	case "ticket_means_paid":
		return "tickets without payment"
	case "money_adds_up":
		return "orders whose money does not add up"
	}
	return strings.ReplaceAll(i.Name, "_", " ")
}
