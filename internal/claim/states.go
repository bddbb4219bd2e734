package claim

import "slices"

// Status is where a claim is.
type Status string

// The statuses of CONTRACT.md.
const (
	Held     Status = "held"
	Paying   Status = "paying"
	Paid     Status = "paid"
	Expired  Status = "expired"
	Released Status = "released"
	Refunded Status = "refunded"
)

// moves is every move a claim may make. An ended claim may still become paid:
// its money came late and its seats, or equal ones, were free.
var moves = map[Status][]Status{
	Held:     {Held, Paying, Paid, Expired, Released},
	Paying:   {Held, Paid, Expired, Released},
	Expired:  {Paid},
	Released: {Paid},
	Paid:     {Refunded},
	Refunded: {},
}

// unitState is where a unit is.
type unitState string

const (
	free    unitState = "free"
	held    unitState = "held"
	paying  unitState = "paying"
	sold    unitState = "sold"
	blocked unitState = "blocked"
)

// unitMoves is every move a unit may make. From held to held its owner changes
// (the hold was past) or its hold grows.
var unitMoves = map[unitState][]unitState{
	free:    {held, sold, blocked},
	held:    {held, free, paying, sold, blocked},
	paying:  {held, free, sold},
	sold:    {free},
	blocked: {free},
}

// from lists the states that may move to one; SQL guards receive it.
func from[S ~string](table map[S][]S, to S) []string {
	states := []string{}
	for state, next := range table {
		if slices.Contains(next, to) {
			states = append(states, string(state))
		}
	}
	slices.Sort(states)
	return states
}
