// Package ledger knows what was decided about order, stock and money, in the order it was decided.
//
// A row is written by the transaction that makes the decision, so there is no
// decision without its row and no row without its decision. Rows are never
// changed. They are read in the order of (xid, id), and only below
// pg_snapshot_xmin(pg_current_snapshot()): ids are given out before commit, so
// reading by id alone would miss rows of transactions that commit later.
package ledger
