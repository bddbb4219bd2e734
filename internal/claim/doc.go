// Package claim knows units: who holds, pays for or owns each sellable place.
//
// # Units
//
// Every sellable place is a row of units with one owner, made when the sale is
// published. Oversell is not prevented, it cannot be written down: a unit has
// one state and one claim_id, and a partial unique index allows one live ticket
// a unit.
//
//	          grant                    pay                  settle
//	free ───────────────▶ held ───────────────▶ paying ───────────────▶ sold
//	  ▲                   │  ▲                   │  │
//	  └── release, tidy ──┘  └── payment failed ─┘  └── given up ─▶ free
//
// A hold ends by a predicate, not by a job: a unit that is held with held_until
// in the past is free to the next statement that wants it. Tidy only tidies. A
// unit that is paying has no held_until at all (a CHECK says so), so that time
// alone never takes a seat from somebody who is paying; only package payment
// frees it, after asking the provider.
//
// units.held_until is always the expires_at of its claim while the claim is
// held. Every change of a claim's units compares the rows it touched with the
// lines of the claim: if somebody took one after the hold was past, nothing of
// the claim is left and the change fails.
//
// # Locks
//
// In this order everywhere: spot, claim, the advisory lock of a tier, units by
// (tier, slot), ledger; settling locks its payment before all of them. The
// spot's row serialises one fan's tabs, which is what makes counting the limit
// from rows right.
//
// Hold asks for units with SKIP LOCKED, so nobody waits for anybody. That
// answer may be too small only because others have rows locked for a moment
// and give them back, so a shortage is never believed: the transaction is
// rolled back, which lets go of what it had picked, and asked once more under
// the advisory lock of the tier and waiting for locked rows. Only that second
// answer may say sold_out or not_enough_left. Two waiting transactions without
// the advisory lock could each hold what the other waits for.
//
// Taking units whose hold is past ends the claim they belonged to as a whole.
// That happens after the units are locked, against the order above, and
// therefore with SKIP LOCKED: what is locked is being ended by its owner.
//
// # Seats
//
// A seat is a unit of the same id. Asking for seats locks their rows in the order
// above, without SKIP LOCKED: a seat is refused only when somebody has it. Seats
// answers what is left from memory: a short query asks for the newest decision of
// the event, and the states are read again, without those that are sold, when it
// is another one, when the first hold has ended, or after a second, because a
// decision with a lower id may have been committed later.
//
// The best seats are chosen in memory (seatmap.Plan) and then claimed like any
// others; what this process has just chosen for one fan it does not choose for
// the next. After two guesses, and before anybody is refused, they are chosen
// from the rows under the advisory lock of the tier. Who asks for seats one by
// one does not take that lock: if such a claim comes between, the choice is made
// again, and each time there is less to choose from.
//
// The grant is one statement for one fan (grant in hold.go). Should the rush on
// a tier become too much for a row lock each, that function is where many
// requests can share one statement.
package claim
