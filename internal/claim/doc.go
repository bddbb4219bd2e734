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
// An organizer takes free units out of the sale and puts them back (free ⇄ blocked;
// a hold that is past counts as free, and ends), and adds places to a tier of general
// admission: both lock as claims do, so that nobody loses what they hold.
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
// A seat is a unit of the same id. Asking for seats locks their rows, and those of
// up to two neighbours on either side, in the order above and without SKIP LOCKED:
// a seat is refused only when somebody has it, and two who take seats at the same
// time cannot leave one between them alone that neither sees. Whether as many
// could be had elsewhere without that is judged by what was known a moment before;
// only who is refused is refused by what is so now.
//
// Seats answers what is left from memory. All rows are read once (52 ms for a
// stadium of 40,000 seats), and then followed through the ledger: one statement
// reads the decisions since the last, and the units that they are about, which the
// ledger rows name, or whose claim they name (0.3 ms where nothing has changed, 0.6
// after a claim, where a bare SELECT 1 took 0.2; all on two busy processors). The
// place to go on from is the oldest transaction that had not ended in the snapshot
// of the last question, not the highest id: ids are given out before commit, and
// one that is committed late would be missed. A decision that names neither claim
// nor units costs reading all rows. Holds that end are seen by their times, without
// a question. Everybody who asks at the same moment shares one: 500 who looked
// without a pause at a stadium in which others claimed looked 128,000 times a
// second. Every ten seconds all rows are read again, for what somebody may have done
// to the rows by hand.
//
// The best seats are chosen in memory (seatmap.Plan) and then claimed like any
// others; what this process has just chosen for one fan it does not choose for
// the next. After two guesses, and before anybody is refused or a seat is left
// alone, they are chosen from the rows under the advisory lock of the tier: from
// what is in memory and the decisions since, and before a refusal from all rows.
// Who asks for seats one by one does not take that lock: if such a claim comes
// between, the choice is made again, and each time there is less to choose from.
//
// # Choosing again
//
// Change swaps the units of a claim that is held, in one transaction under the
// locks of starting a payment: either a payment is of what was there before, or
// of what is there after. Own units count as free, and not towards the limit; the
// hall is judged as it will be. Own and wanted units are locked together, in the
// one order. For places of a tier own units are locked first and others with SKIP
// LOCKED, so that nobody is waited for while units are in hand; who would be
// refused because of that takes the advisory lock of the tier, chooses without
// locking, locks all in the one order, and chooses again if one was lost. The lines
// and the total of the claim are written anew; id, expires_at and cap_at stay.
// The ledger says what was taken and what was freed (claim_changed), and the audit
// counts the limit as of the last change. Money of an earlier attempt at another
// total that comes after the change goes back: it is not the price of these.
//
// The grant is one statement for one fan (grant in hold.go). Should the rush on
// a tier become too much for a row lock each, that function is where many
// requests can share one statement.
//
// # Presales
//
// A presale keeps a tier, or a block of seats, for those with a code until it is
// public. It is over by a predicate, like a hold: nothing has to be done when its time
// has come. The schema says that a seat, and a tier, is in one presale at a time, and
// that a code is good for so many fans. Of codes only an HMAC is kept.
//
// Whether a fan may have what is kept is decided by the rows, where the limit is
// (MayHold and refusal for tiers, ShutSeats for seats), together with the times of
// tiers. What is shown and proposed follows from a list in memory that is at most a
// second old (gates.go): seats that are kept read blocked to those who cannot have
// them, so that everybody without a code sees the same, and so do all with the same
// codes. A choice that the rows refuse because of it is made again.
package claim
