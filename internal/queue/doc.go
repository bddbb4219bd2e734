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
//	  └── again: redeem (missed, or called in vain), behind (left, done)   any ──▶ left
//
// Turns and visits end by the sale's own clock, which stands still while it is
// paused. A visit with an open claim does not end.
//
// # Polling
//
// Who waits is answered from memory: identity, arrival and time of joining never
// change, so they are signed into a cookie (SignSpot) or kept for bearers
// (SpotOf), and the rest follows from the picture of the sale:
//
//	lobby, scheduled              ─▶ lobby
//	number > serving, and not off ─▶ waiting
//	ended, never called, not off  ─▶ done
//	anything else                 ─▶ the row (Status)
//
// Off are the arrivals whose status does not follow from their number: left, taken
// up again, asked for another turn, come in. It is a set with a bit each that may
// hold too many, because it only says that the row must be asked: so it is filled
// before the commit (turned), and what a fan did is there when they are answered.
// The other replicas read what changed each second, half a minute back, because a
// change is seen when it commits. A replica that has not read for three seconds
// asks the row of everybody, and finds out that the database is away.
//
// Rows are read together: whoever asks while two queries run is in the next, at
// most 512 in one, and a query begins after those it answers have asked. So 2,000
// who ask at one moment are four queries, and a replica that believes nothing
// does not drown the database.
//
// Spots of bearers are kept as long as there is room, not for five seconds: polls
// come every 2 to 15 s, so that only those right before their turn would ever find
// one, and nothing in a spot can become wrong but the wishes, which are not told to
// bearers. What is decided (another turn, coming in, a claim) is decided by rows.
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
// recognised as ours.
//
// Nearly always the head stands where our last batch left it and no member has a
// spot. So that is believed first (joinFresh): lock, take the arrivals, insert,
// ledger and COMMIT are sent in one round trip (db.OneTrip), and PostgreSQL
// refuses the whole where one of it is not so: the head was moved by another
// replica, the sale cannot be joined, the line is full, somebody has a spot.
// Then, and for some batches after, what is true is found out in five trips
// (joinTx). There, arrivals have no gap because the head stays locked from
// reading to commit, and an insert that met existing spots is rolled back to a
// savepoint and done again with exactly the new ones.
//
// The simpler ways are traps, each with a test that shows it: one statement that
// locks and looks has an older snapshot than its lock and leaves gaps; bumping
// first leaves gaps; looking up first who exists reads the whole line for each
// batch while the table has no statistics.
//
// What the profile said of joins over HTTP, and what became of it (BenchmarkHTTP in
// internal/app; two processors for the load, the server and PostgreSQL, while
// others used the machine too, so that only figures of one run compare):
//
//	nine round trips a batch        five: statements that answer nothing wait for one that does
//	                                (db.Pipe); then one (db.OneTrip). A batch waits for each answer
//	                                behind all requests that are ready at that moment, because the
//	                                runtime looks at the network when it has nothing else to run: at
//	                                512 connections 24,100 → 28,300 joins a second, at 64 17,100 →
//	                                21,300, while a fifth of the machine had nothing to do
//	ids sent as text by pgx         0.11 of the 0.29 s of batches in a profile; now sixteen bytes (db)
//	a goroutine for each new caller the limiter's cache took 6 % of all samples; now 3
//	PostgreSQL, a row's insert      21 µs; 15 without the key to events (the head that is locked
//	                                has one) and with one index for (account, event) and account;
//	                                14.4 → 10 with one look at the accounts for all rows of a
//	                                statement instead of a foreign key (7.4 of the 14.4), and ids in
//	                                order of time. CHECKs and partial indexes: less than 0.5
//	p99 at 5,000 a second           31 to 47 ms while PostgreSQL made and zeroed files of its log, as
//	                                a new cluster does for each 16 MB; 5 to 7 once it has files to
//	                                write again (min_wal_size)
//	huma, JSON, log line, metrics   see web
//
// With all of that, on two processors that were nearly ours, three runs: 29,500 to
// 32,400 joins a second at 512 connections, 0.50 to 0.52 of the bare handler, p99
// 35 to 40 ms; 24,100 to 26,100 at 64, 0.29 to 0.31, p99 6 to 8 ms. Alone on the
// machine: 32,200 at 512, 0.55, p99 32 ms; with one statement less in a batch 0.297 at
// 64 instead of 0.290 (medians of three). What is left at
// 64 is waiting: batches of 32 take 1.2 ms, of which PostgreSQL computes half.
// Larger buffers, compressed pages of the log, a rarer garbage collection, more
// processors than there are (the limit gains as much) and one statement less still
// (the spots' answering for the head) were tried: nothing beyond noise.
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
// One step a second and open sale, one transaction on the locked head, one row in
// the ledger:
//
//	room = min(credit, max_inside − reserved, sellable − ceil(wanting × mean units a claim))
//
//	reserved  called while present and the turn runs, or inside while the visit runs or a claim is open
//	wanting   those among them who have not claimed in this turn
//	credit    a token bucket in the row, by the database's clock: at most two seconds of the pace
//
//	missed turns that were asked for again ─▶ called
//	then upward from serving: present or unknown ─▶ called, room − 1
//	                          absent             ─▶ called without room, at most max(10, 4 × room), none when room = 0
//	                          left, or again     ─▶ passed
//	who asked to go behind everybody: when everybody who was there then has been served
//
// Two leaders do no harm: the second finds the credit spent. A turn, visit or hold
// that has just ended is reserved two seconds longer, because its owner may be
// using its last instant in a transaction that has not committed. What is over is
// written down after the step, outside the head's lock; nothing depends on it.
//
// Whoever was called just as stock went had no chance. A turn that runs out, or a
// visit that ends without a claim, while nothing can be sold is therefore kept:
// the step makes it another turn by the rule redeem, unasked, in the order of
// numbers, and it is first when stock comes back. Asking meanwhile is the same. A
// turn that ran out while there was something to sell is missed, whatever goes later, and
// whoever held tickets and let them go has had their chance;
// only the half minute in which a leader may have been away is not told apart.
//
// Sellable is what anybody can buy at this moment, by the clock: free units, and
// those whose hold is past, of tiers that are on sale and that no presale keeps,
// without the seats of blocks that a presale keeps. So nobody has to be told when a
// tier opens, a presale becomes public, or an organizer adds or unblocks places:
// the next step counts them.
//
// What takes a presale code is no reason to call fans who have none: they could not
// buy it. Nor may a fan with a code wait behind an evening without anything for
// everybody. Therefore, where what anybody can buy holds the line (and not the pace or the
// room), those with a code are called for what it opens, as many as there are
// units beside those that other holders of codes inside still want: who missed a
// turn first, then by number, then who waits behind everybody. Serving does not
// move. This is the one way to a turn before one's number; it takes nothing from those
// before, who could not have bought, and it is disclosed as an exception by the rule
// presale, in the ledger and the fairness data. As long as there is something for
// everybody, a code changes nothing about the order. A fan inside counts against
// what their code opens as far as that goes, and against the rest of the stock
// beyond it. A turn that ends while there was nothing for this fan is kept, also while
// others could have bought with a code.
//
// A step counts only what decides it: no room needs neither stock nor claims;
// units are counted up to what everybody reserved could want; who has claimed
// matters only when that is scarce. With 100,000 inside and 200,000 units a full
// room was found in 23 ms where counting everything took 150, on a machine that
// others kept busy. Calling 10,000 costs between the bare update of their rows and a
// quarter more (BenchmarkDripStep beside its limit); turns and visits are indexed by their end, so
// that the many who have missed theirs are not read again each second.
//
// Letters cost a step one row: a job that names the step, which writes to those
// who asked for it and completes in the transaction of their letters.
//
// # Presence
//
// Nobody writes to be present. Each replica keeps a ring of the numbers next in
// line, and in it the second of the last sign of each: a poll, an open stream.
// Once a second it writes one row: who was in its reach for a whole window and
// gave no sign for a whole window. The window is a minute, or 2.5 × the longest
// interval that is handed out, whichever is longer. The reach ends where the line
// ends, so that whoever has just come has not been missed, and is as far as the
// pace can get in a window, between 4,096 and 65,536 numbers; beyond it everybody
// is unknown.
//
// Absent is who is absent by the word of every replica of the last window, read in
// the step's transaction. Everything else is unknown, and the unknown are called
// like the present:
//
//	a replica has fallen silent for 5 s   until its last word is a window old
//	a new replica                         until it has watched for a window
//	a replica stood still, or failed to   until it has watched for a window
//	write, or finds the table emptied
//	a new leader, or one that was away    until it has led for a window
//
// Whoever was called while absent and shows up (a status, coming in, asking for
// time) arrives: under the head's lock, as far as there is room, lowest numbers
// first, as an ordinary turn; otherwise first in the next step, which the ledger
// tells as a return by the rule redeem. Those who arrive at one moment are one
// transaction. Claiming never takes the head, so it refuses who has not arrived.
package queue
