// Package sale knows a sale: its state, its tiers, its limits, and the picture of it in memory.
//
// The rows decide; the picture (Snapshot) is for showing. Each replica reads the
// pictures of all live sales once a second by one query, and one picture at once
// after a change:
//
//	a change → COMMIT → Fresh: read → memory → followers
//	                      └─ nudge by live → other replicas read → memory → followers
//
// A nudge carries no value that is believed, only the id of an event to read. A
// picture replaces an older one only, so that serving never goes back. Ended
// sales are not followed, their pictures are kept for a second; drafts are read
// each time, because another replica may have published one a moment ago.
//
// # Stock
//
// A tier may open later and close sooner than its sale, and a presale (package
// claim) may keep it, or seats of it, for those with a code. What is free is
// therefore told in two parts: Available, which anybody may buy now or, before the
// sale, when it opens; and Later, which is not sold either. Sold out is a sale
// without both and without holds. The pictures tell of opening times and presales
// by the clock of the database, so nothing has to be done when a time has come.
//
// # Money
//
// What an organizer sets about money (ways to pay, who bears the fee, tax, returns,
// disputes) is terms like the pace: checked here, changed live, written down. It
// says what is offered and what a page tells; what is paid and goes back is decided
// by package payment. A tax is a part of the price and no payment depends on it.
//
// # The wait
//
// A Meter a sale takes each picture in and measures the outflow, in numbers a
// second of the time in which somebody waited and the line was not paused, over
// windows of 8 s, 16 s, … (flow). Pass turns that into a range for the time until
// n more numbers were called:
//
//	numbers that fit into the room before it can be full   at the pace of the filling
//	all others   n / rate(window of half that time) × e^±(1.4 × spread)
//
// The spread is how much windows of the length of the wait differed from each
// other, how much the one that was measured may be off, and a tenth for what
// nobody can know. A shorter window that differs by more than windows of its
// length do anyway moves the end of the range toward which it differs. Before
// enough was measured the terms say what to expect, widely: the pace, the room
// over how long people stay, and that up to two fifths of those who wait have gone
// (their numbers pass without taking room). New terms start a new measurement,
// from what the old one says about them.
//
// TestTheWaitLiesInsideTheRange simulates fifteen evenings. Of the fans called,
// 86 % (30 % gone, pace-limited; most of the misses in the first three minutes)
// to 100 % wait as long as the range said at the half-way point of their wait,
// and the range of a wait above five minutes ends 1.3 to 2.1 times later than it
// begins. Tried and left: one window of three minutes (a room that fills misleads
// it for long), windows as long as the wait (late to see that payments became
// slow: 50 %), windows of a sixth of it (bursts of payments triple the range).
package sale
