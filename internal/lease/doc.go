// Package lease knows which replica leads.
//
// A lease is a row: name, holder, until. All times are the database's.
//
//	              take (free, past, or mine)
//	follower ────────────────────────────────► leader ──► step every Interval
//	    ▲                                         │  ▲
//	    │  not renewed for TTL, lost, or resigned │  │ renewed every Renew,
//	    └─────────────────────────────────────────┘  └ beside the steps
//
// With the defaults (5 s, renewed each second) a leader that was killed or cut
// off is replaced within 6 s, one that stops in order within 1 s.
//
// Two may believe that they lead for a moment: a process that was stopped for
// ten seconds does not know. So the belief decides nothing. Each step gets a
// check to call in its own transaction, and what it writes is guarded as well
// (compare and set). A local timer only ends a step that cannot succeed.
//
// Session advisory locks were not used: a leader that is cut off keeps one
// until TCP gives up, and they do not work through PgBouncer.
package lease
