package views

import "time"

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
