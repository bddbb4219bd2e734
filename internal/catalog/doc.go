// Package catalog knows events: what happens where and when.
//
// # Shows
//
// A show is sold in one sale or in several. Each sale is an event with a slug, a
// line, a draw, tiers and units of its own, so that everything that is true of an
// event is true of it; events.show_id, the id of the first, ties them together,
// and never changes. An event alone is a show of its own.
//
//	of the show    organization, name, venue, time zone, time of start: copied into each event and
//	               held together by a foreign key to the first (events_follow_show), which carries a
//	               change of the first to the others and refuses one of theirs. Whoever reads an event
//	               reads one row, and nothing can differ.
//	               The map of the hall: copied when a release is made. A map never changes, and all
//	               sales of a show number its seats alike.
//	of the event   slug, terms, state, message, line, draw, tiers, units, tickets, money, ledger
//	counted        a fan's units, over all events of the show, against the limit of the sale they
//	               claim in (the view fan_units; locks in package claim)
//
// # Released seats
//
// A seat is sold in at most one sale of a show: released_seats has a row for each
// seat that the first sale gave away, by number, and says which event sells it
// now. Only a blocked unit can be given (released_seat_was_blocked), and it stays
// blocked for good (seat_is_sold_here). In the release such a seat has a row of
// seats, and a unit, with an id of its own; all others are drawn (seats.elsewhere),
// read blocked and have no unit, so that capacities are those of what is sold.
//
// A ticket is of its event, and so is its code. The door of a show has to let in
// tickets of each of its events: what it compares is the show of the ticket's
// event, not the event.
package catalog
