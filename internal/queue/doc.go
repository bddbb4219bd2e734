// Package queue knows the line: who came when, whose turn it is, who is inside.
//
// # Places
//
// A spot has an arrival, gapless from 1, and a number, its place in the order of
// admission; order.go is the one function between the two. The line is one row,
// the head: how many arrived, and up to which number it serves. What is stored of
// a spot is what was decided; what a fan is told follows from it, the sale and
// the clock (derive):
//
//	joined ──drip──▶ called ──enter──▶ inside ──▶ done (visit over, limit bought)
//	  ▲                 └─ turn over: missed, then done after the grace
//	  └── again: redeem (missed), behind (left, done)         any ──▶ left
//
// Turns and visits end by the sale's own clock, which stands still while it is
// paused. A visit with an open claim does not end.
//
// # Locks
//
// head → sale (shared) → spot → claim → units, everywhere. Joining, returning,
// opening and dripping begin with the head. Entering, leaving and claiming begin
// with the spot and never take the head. Nobody takes a head while holding a spot.
//
// # Joining
//
// One batcher an event takes whatever arrived while the last transaction ran:
//
//	callers ─▶ waiting (bounded) ─▶ batch ≤ 512 ─▶ lock head, insert, bump, ledger, COMMIT ─▶ answers
//
// It has no timer: a lone caller leaves at once, a crowd leaves together. The
// goroutine ends when nobody waits. A batch that fails is tried again member by
// member, with the same spot ids, so that a commit whose answer was lost is
// recognised as ours. Arrivals have no gap because the head stays locked from
// reading to commit, and an insert that met existing spots is rolled back to a
// savepoint and done again with exactly the new ones.
//
// # Dripping
//
// One step a second and open sale, on the locked head: room = min(credit,
// max_inside − reserved, sellable − ceil(wanting × mean units a claim)). First
// missed turns, then by number; who asked to go behind everybody is called when
// everybody who was there then has been. Two leaders do no harm: the second finds
// the credit spent.
package queue
