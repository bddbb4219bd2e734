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
// What was sold comes back (sold ▶ free, taken.go) only with the ticket that it was sold
// with, in the transaction of package payment that owes its money: to whoever waits, or,
// where the organizer says so or the ticket has let somebody in, blocked.
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
// In this order everywhere: spots, claim, the advisory lock of a tier, units by
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
// # Many at once
//
// Claims of a tier and a number are group-committed (batch.go, batch_grant.go): one
// batcher a tier and process takes whoever asked while the last transaction ran, each
// fan once. No timer; the batch grows with the load. One transaction of three round
// trips serves it:
//
//  1. BEGIN; the spots of all members, in the order of locks and with SKIP LOCKED;
//     who of them may claim.
//  2. What each may hold (MayHold); units for all of them together (PickUnits).
//  3. Let in who was called; claims, lines and units in one statement (GrantMany); the
//     ledger; COMMIT.
//
// Between the second and the third, Go decides: a member is refused by the same
// function as a single claim (refusal), the units are given out in the order of the
// members, and who wants more than is left is left out. So nothing that is wrong with
// one member touches the others. Who is busy with something else (a spot that is
// locked) is left to the single way, hold in hold.go, and so is every member of a batch
// that failed for a reason nobody foresaw. A shortage is not believed here either: the
// members who got too few take part in a second transaction that waits, and only that
// one refuses. After it has refused somebody, the next batch waits at once: sold out, a
// thousand are told so by a few transactions.
//
// The ids of the claims are made before, so that a batch whose commit was not heard of
// is served again and finds the claims that it made.
//
// While batch follows batch, units are looked for from the last slot given out on, so
// that the holds before it are not read again; once a second, and whenever too few are
// found, from the beginning.
//
// What the planner does not know of a new event cost more than everything else
// together: it read all units of a tier of 200,000 (130 ms), all of 50,000 spots (12 ms)
// and all open claims for each batch, and there were 315 claims a second. The statements of a batch
// look up each fan by itself (OFFSET 0, scalar subqueries) and read units by slot
// (BySlot), and do so whatever the statistics say.
//
// Measured on 2 busy processors (BenchmarkClaimsHTTP), processor time a claim, first of
// claims then of the bare client: the Go process with the load in it 165 µs at first,
// of which verifying the admission was 70 and two generic ways through JSON 30, and 90
// now; PostgreSQL 105 to 135 µs, of which the checks of six foreign keys a claim were
// about 35. Those to accounts and events are now one look a statement (migration 7). The
// bare client: 55 to 80 µs in Go and 215 to 270 in PostgreSQL, where each unit is a
// commit. Alone on 2 processors: 7,400 to 8,200 claims a second at 256 connections with
// a p99 of 50 ms, beside 5,100 to 5,500 of the bare client; median of five, 1.53. A token that this process has signed itself is not verified again
// (package queue); with several replicas behind a proxy that spreads requests, that helps
// a part of them.
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
