package ticket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/ticketdb"
	"fairqueue/internal/money"
)

// Status is where a ticket is.
type Status string

// The statuses of CONTRACT.md. Returned and void tickets let nobody in; returned is what its fan gave back, void what
// was taken back.
const (
	Valid    Status = "valid"
	Used     Status = "used"
	Returned Status = "returned"
	Void     Status = "void"
)

// InEffect is what a ticket is now whose row says status: at the moment its event is cancelled none lets anybody in any more,
// while the rows follow order by order with the money. Whoever shows a ticket or opens a door by it decides by this.
func InEffect(status Status, eventCancelledAt *time.Time) Status {
	if eventCancelledAt != nil && (status == Valid || status == Used) {
		return Void
	}
	return status
}

// moves is every move a ticket may make. A ticket that was used can still be taken back with its money, but not given
// back by its fan. What a dispute made void is good again when it is won, as it was.
var moves = map[Status][]Status{
	Valid:    {Used, Returned, Void},
	Used:     {Void},
	Returned: {},
	Void:     {Valid, Used},
}

// from lists the states that may move to one; SQL guards receive it.
func from(to ...Status) []string {
	states := []string{}
	for state, next := range moves {
		if slices.ContainsFunc(to, func(s Status) bool { return slices.Contains(next, s) }) {
			states = append(states, string(state))
		}
	}
	slices.Sort(states)
	return states
}

// Good is a ticket that lets somebody in, or has.
type Good struct {
	ID, UnitID, TierID uuid.UUID
	Status             Status
	// Worth is its price but for what was given back of it.
	Worth money.Kobo
}

// ErrChanged: a ticket is no longer what it was when somebody decided about it; the decision is made again.
var ErrChanged = errors.New("ticket: changed meanwhile")

// GoodTx returns the tickets of a payment that are valid or used, in the order of their places.
func GoodTx(ctx context.Context, tx pgx.Tx, payment uuid.UUID) ([]Good, error) {
	rows, err := queries.LiveOfPayment(ctx, tx, payment)
	if err != nil {
		return nil, fmt.Errorf("ticket.GoodTx: %w", err)
	}
	good := make([]Good, len(rows))
	for i, r := range rows {
		good[i] = Good{ID: r.ID, UnitID: r.UnitID, TierID: r.TierID, Status: Status(r.Status), Worth: money.Kobo(r.Worth)}
	}
	return good, nil
}

// EndTx ends tickets as returned or void, with the refund that their price goes back with (nil: none), and their codes
// with them; ErrChanged if one is not as it is in the list any more. The caller has locked their payment and units.
func EndTx(ctx context.Context, tx pgx.Tx, tickets []Good, to Status, refund *uuid.UUID) error {
	p := ticketdb.EndTicketsParams{Status: string(to), RefundID: refund, FromStates: from(to)}
	for _, t := range tickets {
		p.Ids, p.Was = append(p.Ids, t.ID), append(p.Was, string(t.Status))
	}
	n, err := queries.EndTickets(ctx, tx, p)
	if err != nil {
		return fmt.Errorf("ticket.EndTx: %w", err)
	}
	if n != int64(len(tickets)) {
		return ErrChanged
	}
	return nil
}

// ReduceTx takes an amount off what tickets are worth, and lets them stay good: off each of them by what it is worth
// (spread); the amount is at most what they are worth together.
func ReduceTx(ctx context.Context, tx pgx.Tx, tickets []Good, by money.Kobo) error {
	off, ok := spread(tickets, by)
	if !ok {
		return fmt.Errorf("ticket.ReduceTx: %s more or less than the tickets are worth", by)
	}
	var ids []uuid.UUID
	var kobo []int64
	for i, t := range tickets {
		if off[i] > 0 {
			ids, kobo = append(ids, t.ID), append(kobo, int64(off[i]))
		}
	}
	n, err := queries.ReduceTickets(ctx, tx, []string{string(Valid), string(Used)}, ids, kobo)
	if err != nil {
		return fmt.Errorf("ticket.ReduceTx: %w", err)
	}
	if n != int64(len(ids)) {
		return ErrChanged
	}
	return nil
}

// spread divides an amount among tickets in the ratio of what they are worth, to the kobo: each gets the whole kobo of its
// share, and what is left over goes to those with the largest rests, the first of them first. No share is above what its
// ticket is worth. It is not ok where all of them together are worth less.
func spread(tickets []Good, amount money.Kobo) (shares []money.Kobo, ok bool) {
	var sum money.Kobo
	for _, t := range tickets {
		sum += t.Worth
	}
	if amount < 0 || amount > sum {
		return nil, false
	}
	shares = make([]money.Kobo, len(tickets))
	if amount == 0 {
		return shares, true
	}
	rests, order := make([]uint64, len(tickets)), make([]int, len(tickets))
	left := amount
	for i, t := range tickets {
		// 128 bits: the dearest tickets times the largest amount are more than 64.
		high, low := bits.Mul64(uint64(t.Worth), uint64(amount))   //nolint:gosec // neither is below zero
		share, rest := bits.Div64(high, low, uint64(sum))          //nolint:gosec // above zero here
		shares[i], rests[i], order[i] = money.Kobo(share), rest, i //nolint:gosec // at most what the ticket is worth
		left -= shares[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rests[b], rests[a]) })
	for _, i := range order[:left] {
		shares[i]++
	}
	return shares, true
}

// ReviveTx undoes the end of the tickets of a payment that went back with no refund and whose places are still their
// order's; it returns their ids.
func ReviveTx(ctx context.Context, tx pgx.Tx, payment uuid.UUID) ([]uuid.UUID, error) {
	ids, err := queries.ReviveTickets(ctx, tx, payment, from(Valid))
	if err != nil {
		return nil, fmt.Errorf("ticket.ReviveTx: %w", err)
	}
	return ids, nil
}

// VoidedTx returns the tickets of a payment that ReviveTx would make good again, with what they were.
func VoidedTx(ctx context.Context, tx pgx.Tx, payment uuid.UUID) ([]Good, error) {
	rows, err := queries.VoidedOfPayment(ctx, tx, payment)
	if err != nil {
		return nil, fmt.Errorf("ticket.VoidedTx: %w", err)
	}
	voided := make([]Good, len(rows))
	for i, r := range rows {
		voided[i] = Good{ID: r.ID, UnitID: r.UnitID, TierID: r.TierID, Status: Status(r.Status), Worth: money.Kobo(r.Worth)}
	}
	return voided, nil
}
