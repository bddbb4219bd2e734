package views

import (
	"strings"
	"time"

	"fairqueue/views/ui"
)

// FairnessView is what anyone may check about one sale.
type FairnessView struct {
	Event      EventInfo
	Joined     int64
	Serving    int64
	Capacity   int
	Sold       int
	Invariants []Invariant
	Admissions []Admission // the newest first
	Exceptions []Exception // the newest first
	Draw       *DrawView   // nil: no draw
	Own        *OwnPlace   // nil: not known, or not in the line
	StepsMost  int64       // how many steps the line has at most
	BaseURL    string      // the public address of the site
	CheckedAt  time.Time
	Corrected  int64 // tickets whose name was put right
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

// number is empty words while nobody knows it: somebody left the lobby and came back before the draw.
func (x Exception) number() string {
	if x.Number == 0 {
		return "not drawn"
	}
	return num(x.Number)
}

func (v FairnessView) promise() string {
	const after = " Numbers are called in order, and nobody can buy or ask a way past you."
	if v.Event.Draw && !v.Event.drawn() {
		return "This sale has no lobby, so there is nobody to draw among: first come, first served. A number follows the order of joining and never changes." + after
	}
	if v.Event.Draw {
		return "Everybody in the lobby has the same chance: numbers are drawn when the sale opens, and anyone can compute them again. Whoever comes later stands behind the lobby, in the order of joining." + after
	}
	return "There is no draw: first come, first served. A number follows the order of joining, is written down before we say yes, and never changes." + after
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

// namesLine says how many names on tickets were put right.
func (v FairnessView) namesLine() string {
	const rule = " An organizer may put a typing error right, once a ticket. The ticket stays with the account that stood in line."
	switch v.Corrected {
	case 0:
		return "None." + rule
	case 1:
		return "The name on 1 ticket was put right." + rule
	}
	return "The names on " + num(v.Corrected) + " tickets were put right." + rule
}
