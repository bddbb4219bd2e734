// Package ticket knows tickets: who may come in.
//
// A ticket is issued in the transaction that settles its payment, one for each
// unit. A partial unique index allows one live ticket a unit, so that selling a
// place twice cannot be written down.
//
// The code that its QR carries proves itself without a look-up:
//
//	code = "FQ1." + base64url(id ‖ sig)
//	sig  = Ed25519("fairqueue-ticket-v1" ‖ id ‖ event id)
//
// with both ids as 16 bytes and the key of the label "ticket". It holds nothing
// personal, and it is computed when it is shown: a stolen table of tickets
// opens no door. Only its last six characters are kept, without regard to capitals,
// because people find a ticket by them (Found).
//
// # Whose it is
//
// A ticket belongs to the account that stood in line and never to another: there
// is no statement that changes account_id. Whoever cannot go gives it back
// (internal/payment, Return), and its place goes to whoever waits. The name on it
// can be put right once, by an organizer, because people misspell; a second time
// is refused, the ledger has who did it and on which ticket but neither name, and
// the fairness page counts it, since it comes nearest to passing a ticket on. What can
// be a name is one rule for everybody who writes one (PrintedName).
//
// # How it ends
//
//	valid ─→ used       somebody came in
//	      ─→ returned   its fan gave it back
//	      ─→ void       its money was taken back, or a bank asks for it; valid (or used) again
//	                    where that is undone
//	used  ─→ void       the same
//
// The code of a ticket that ended is not shown and opens no door, wherever it was
// kept: the door asks what it knows of the id. Package pdf prints tickets.
//
// When an event is cancelled, all its tickets are void at that moment: the rows follow
// order by order, because each ends together with its money, but what a ticket is now
// is read from the event too (InEffect).
//
// What it was (valid or used) is kept, so that a dispute that is won can undo its
// end; a ticket whose price went back, or whose place has gone to somebody else,
// never comes back. Part of a price can go back while the ticket stays good
// (reduced_kobo): it is worth the rest from then on. Part of an order is divided among its
// tickets in the ratio of what they are worth, to the kobo (spread).
package ticket
