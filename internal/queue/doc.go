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
// opening, drawing and dripping begin with the head. Entering, leaving and claiming begin
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
// # Drawing
//
// A sale with a draw commits to a secret when it is published: SHA-256 of 32
// random bytes, which lie sealed in a table that only the draw reads. Opening is
// three short transactions, and whatever was done before is found done:
//
//	1 freeze  lock the head: lobby_size = arrivals; who joins from now on is behind.
//	          A crash after it: the leader finds a frozen draw without a root (Due) and goes on.
//	2 root    read the spots 1..N, which can no longer change, without a lock; publish their
//	          Merkle root. A crash after it: the leader draws, or waits for the beacon.
//	3 draw    lock the head: reveal the secret, set the seed, open the sale. All or nothing.
//
// The sale is in its lobby until the third. With a beacon the third waits for its
// value (GiveBeacon), which nobody can know when the root is published: a freeze
// that comes late takes the first round at least half a minute after itself.
// Going on without it (WaiveBeacon) is an act of the organizer that stays visible.
// A sale that ends before its draw reveals the secret too. A secret that does not
// hash to the commitment is not drawn with: the sale stays closed.
//
// number(arrival) follows from the seed, in order.go alone. Each replica makes
// both directions as tables, 8 bytes a fan, the first time somebody asks; until
// they are there single numbers are computed (17 µs). The seed comes from
// PostgreSQL with everything else of a picture; a step reads it by a statement
// behind the lock of the head, because the statement that waits for the lock has
// an older snapshot of every row but the locked ones. Opening with 1,000,000 in
// the lobby took 0.7 s of CPU in the process, the root from its rows and the
// tables included (3.7 s by the clock on a machine that others kept busy).
// Proofs come from the tree of the lobby, kept in memory (64 bytes a fan).
//
// # Dripping
//
// One step a second and open sale, on the locked head: room = min(credit,
// max_inside − reserved, sellable − ceil(wanting × mean units a claim)). First
// missed turns, then by number; who asked to go behind everybody is called when
// everybody who was there then has been. Two leaders do no harm: the second finds
// the credit spent.
package queue
