// Package audit knows the promises: it checks every invariant straight from
// PostgreSQL, and never writes.
//
// All checks of a run see one snapshot (REPEATABLE READ, read only), so that a
// sale under full load can be audited: what one transaction changed together is
// seen together. A check looks at rows only, never at the code that wrote them
// and never at anything in memory; whatever a fan, an organizer or a crash did
// must leave rows that pass.
//
// Each result carries how much was looked at: no violations among nothing is
// no proof. Where the rows do not tell everything (who was inside at a moment
// that has passed), a check counts what certainly happened: it may miss a
// violation, it never makes one up. queries/audit.sql says so where it does.
//
// money_adds_up is told line by line (Lines): each payment that brought money, and what is wrong
// about it. A line is stricter than an order: two payments whose faults cancel out are two faults. A refund that the provider has and that does not
// fit into the books is one too, once the product has seen it (internal/payment, look.go).
//
// draw_verifies has nothing to look at while numbers follow from arrivals
// alone: no number is stored that could differ.
package audit
