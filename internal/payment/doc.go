// Package payment knows money: what was asked, what came, what goes back.
//
// Every step has a written record before and after it, so that whatever
// crashes, the next one knows where to go on. The steps of one payment, and
// what a crash after each leaves behind:
//
//  1. One transaction: claim and units from held to paying (guarded), a row in
//     payments (initializing) with a fresh reference and the names for the tickets,
//     a job that opens it, ledger.
//     Crash: the job opens it within a minute. Nobody was sent anywhere.
//  2. Under a lease in the row: initialize at the provider with that reference.
//     Crash, time-out, 5xx: the provider may know the reference, but nobody has
//     its page. The next try asks first. Unknown there: the same reference is
//     used once more. Known: it is given up for a fresh one.
//  3. The page's address is stored (pending) and the buyer goes there.
//     Crash: the same call gives the stored address again.
//  4. A webhook is stored in the inbox with its job in one transaction; then 200.
//     Crash before: the provider sends it again. Crash after: the job runs.
//     However its work ends, the answer stays 200.
//  5. Settle, one transaction: lock the payment, compare reference, currency
//     and amounts, lock spot and claim, sell the units, issue tickets, enqueue
//     mail, ledger. Webhook, callback page and reconciler race through it and
//     exactly one wins.
//     Crash: all or nothing of it happened.
//  6. Reconcile asks about whatever is still open, so that each step above may
//     be lost without harm: the webhook that never came, the buyer who closed the
//     tab, the process that died.
//
// A job whose process was killed is taken over two minutes later (RescueStuckJobsAfter
// in internal/app). TestKilledAtEveryStep in internal/e2e kills a whole process with
// SIGKILL at each of these points; TestMoneyAddsUpThroughFaultsAndCrashes lets one die
// at any message to its database or to the provider. The way back is the next start.
//
// # The inbox, in the order of truth
//
// Webhooks come late, twice, damaged, and in any order. So none is taken for the
// newest word:
//
//   - A charge is settled before anything else about it is heard: no refund and no
//     dispute comes before its success, whose own webhook may be the last to arrive.
//   - What the provider says when it is asked outranks a webhook, so that an old
//     success buys nothing with money that has gone back since. A signed success that
//     it does not confirm, or cannot be asked about, is believed.
//   - Refunds and disputes are looked up. A move that the tables of states.go do not
//     know is old news.
//   - A repetition is the same row, by kind, reference and state.
//
// Money under a reference that is not ours, a success without money, an answer about
// another payment, a dispute: these are alerts, an error in the log and a count in
// the metrics (fairqueue_payment_alerts_total), because only a person can act on them.
//
// # What the reconciler makes of an answer about a claim that is paying
//
//	success                       settle
//	failed                        back to held: what is left, at least 120 s, never past the cap
//	abandoned, not found          kept until the deadline, then released
//	ongoing, pending, processing  kept until the deadline and 5 minutes, then released
//	no answer                     kept until the deadline and 20 minutes, then released
//	nonsense                      as no answer, and an alert
//
// The deadline runs from initialize: 15 minutes for card and ussd, 30 where a
// bank transfer was offered. A payment that was given up is asked about for a
// day more (late_expected), because neither abandoned nor failed is a
// provider's last word.
//
// What is offered follows the hold and the stock: a transfer only where the hold has
// 28 minutes left, and never while people wait for the last tenth, because it keeps
// tickets from them for longest. The organizer's choice is what may be offered at
// most; where nothing of it is left, card and ussd are.
//
// # Late success
//
// The same units if all are still free; else equal units of the tier; else the
// money goes back (refund_due, a row in refunds, a job, a mail). Above the fan's
// limit, a second success for one claim, a wrong currency or too little: it
// goes back whole. Too much: the tickets are issued and the difference goes back.
// Money for an event that was cancelled, or whose sale has ended and which has begun,
// goes back whole; a sale that merely ended still sells what was being paid.
//
// # Refunds
//
// The row in refunds comes before the call, and says requested before the call:
// whoever finds it so looks the refund up at the provider before asking again.
// Webhooks about refunds are only nudges to look.
//
// # What goes back
//
// Every ticket whose money goes back ends in takeBack, whoever wants it: an
// organizer, its fan, a cancelled event. One transaction frees its unit, owes what
// it is worth (its price but for what was given back of it), and makes its code
// void. With the last good ticket of an order goes all that came and has not gone
// back, fees too; the claim is refunded and the payment refund_due until the last
// refund has left. So what came is, at every moment, what good tickets are worth,
// what has gone back and what is owed, and the fee that the buyer bore while a
// ticket is good. The place of a ticket that was used is never sold again.
//
// A cancelled event is first marked, which ends all selling, and with it every ticket
// is void (ticket.InEffect): settling looks at the mark under a lock on the row of
// the sale, so that money that comes later goes back by itself. A job then takes back
// order after order. Each is decided by its own rows, so that a crash costs nothing
// but the order it was at, which was rolled back; and the progress is counted from
// the rows. A process that starts looks for such work itself, and does not wait until
// the jobs of the one that was killed are taken over.
//
// A dispute with the rule void makes the tickets void and the payment charged_back
// at once, while the places stay sold. Won, both are as before; lost, the places
// are free, and what the bank did not take goes back. With the rule keep, nothing
// happens before it is lost. Webhooks about disputes are nudges to look, and an
// open one is looked at once an hour.
//
// What is lost is what the provider says in the end, which may be less than was asked
// for. What a bank has given the buyer is never sent on top. A refund that nobody moves when
// a dispute is lost is over, as far as the bank paid it; one that is on its way is
// looked at in the same way should it fail, and before it is asked for (square). While a
// dispute is open nothing is asked for, by a job or by hand: whoever decides it decides
// that too. Money that went twice all the same is an alert.
//
// A refund that somebody made in the provider's dashboard is written down when a webhook,
// a look at our own refunds, or the look through all of the provider's shows it (adopt), so that our books are the bank's: first
// as what was owed and not sent, then as the price of tickets. All of that: they are
// void. Part of it: they stay good and are worth less, and an alert says that its organizer
// chooses which of them end. A part that is just the price of tickets is taken for theirs,
// so that they end without more money; any other is divided among all (ticket.ReduceTx),
// like an amount that an organizer gives back: in the ratio of what they are worth, to the
// kobo. Where a bank asks for the money, or more goes back than came, an alert says so, and
// money_adds_up of the audit, until it fits into the books.
//
// Because webhooks are lost, the reconciler also looks through all refunds that the
// provider has (look.go), each five minutes from a little before the last look began: a
// page in ten seconds at most, of all processes together. How far it is stands in a row
// (refund_looks), so that whatever was made while nobody looked, for a week or a
// minute, is found. What is in no book is noted (stray_refunds) and looked up a minute
// later: ours are written down by then.
//
// A refund that failed is asked for again each hour, or when the organizer says so, but
// not while a bank decides; then it is looked at every ten seconds until it is over, because
// a second failure may look to the inbox like the first one told twice. One that needs
// attention waits for the organizer, who gives the buyer's bank account; it is passed on and
// not kept. Both stand on the page of the order and are counted on the console, and so
// is a dispute that is open; the organizers get a letter about what came up, one for
// all of a minute and at most one in half an hour, and none twice about the same. The
// buyer gets one too: that the money is still theirs, and what comes next.
//
// # Locks
//
// payment, spot, claim, the sale (shared, by who settles), disputes, units, refunds, tickets,
// ledger. Start locks spot and claim and only reads payments, so it never waits for a settle
// that waits for it. How far the refunds of a provider were looked through, and what was
// noted of them, is written in statements of their own, after everything else.
package payment
