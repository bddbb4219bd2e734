package payment

import "slices"

// Status is where a payment is.
type Status string

// The statuses of CONTRACT.md.
const (
	Initializing Status = "initializing"
	Pending      Status = "pending"
	Succeeded    Status = "succeeded"
	Failed       Status = "failed"
	Abandoned    Status = "abandoned"
	RefundDue    Status = "refund_due"
	Refunded     Status = "refunded"
	ChargedBack  Status = "charged_back"
)

// moves is every move a payment may make. From failed and abandoned money may
// still come: neither is a provider's last word.
var moves = map[Status][]Status{
	Initializing: {Pending, Succeeded, Failed, Abandoned, RefundDue},
	Pending:      {Succeeded, Failed, Abandoned, RefundDue},
	Failed:       {Succeeded, RefundDue},
	Abandoned:    {Succeeded, RefundDue},
	Succeeded:    {RefundDue, Refunded, ChargedBack},
	RefundDue:    {Refunded, ChargedBack},
	Refunded:     {},
	// A dispute is open with the tickets void, or lost; one that is won undoes it.
	ChargedBack: {Succeeded},
}

// live reports whether the provider may be taking money for it as far as we know.
func live(s string) bool { return s == string(Initializing) || s == string(Pending) }

// refundStatus is where a refund is.
type refundStatus string

const (
	refundOwed       refundStatus = "due"
	refundRequested  refundStatus = "requested"
	refundPending    refundStatus = "pending"
	refundProcessing refundStatus = "processing"
	refundProcessed  refundStatus = "processed"
	refundFailed     refundStatus = "failed"
	refundAttention  refundStatus = "needs_attention"
)

// refundMoves is every move a refund may make. Reports may skip a state; one
// that failed is asked for again. One that nobody works on is processed where the
// buyer's bank has taken the money back by a dispute.
var refundMoves = map[refundStatus][]refundStatus{
	refundOwed:       {refundRequested, refundProcessed},
	refundRequested:  {refundRequested, refundPending, refundProcessing, refundProcessed, refundFailed, refundAttention},
	refundPending:    {refundProcessing, refundProcessed, refundFailed, refundAttention},
	refundProcessing: {refundProcessed, refundFailed, refundAttention},
	refundAttention:  {refundProcessing, refundProcessed, refundFailed},
	refundFailed:     {refundRequested, refundProcessed},
	refundProcessed:  {},
}

// disputeMoves is every move a dispute may make.
var disputeMoves = map[DisputeOutcome][]DisputeOutcome{
	DisputeOpen: {DisputeWon, DisputeLost},
	DisputeWon:  {},
	DisputeLost: {},
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
