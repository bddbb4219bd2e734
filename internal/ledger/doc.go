// Package ledger knows what was decided about order, stock and money, in the order it was decided.
//
// A row is written by the transaction that makes the decision, so there is no
// decision without its row and no row without its decision. Rows are never
// changed. They are read in the order of (xid, id), and only below
// pg_snapshot_xmin(pg_current_snapshot()): ids are given out before commit, so
// reading by id alone would miss rows of transactions that commit later.
//
// # Blocks
//
// Seal puts what is below that line into blocks, each with the Merkle root of its
// rows and the hash of the block before:
//
//	leaf = RFC 6962 leaf hash of  xid \n id \n event or nothing \n kind \n microseconds since 1970 \n body
//	hash = SHA-256(previous ‖ root ‖ number ‖ rows ‖ xid ‖ id)     numbers in 64 bits, big-endian
//
// with the xid and id of the last row, the body as PostgreSQL writes a jsonb, and
// 32 zero bytes before the first block. Who noted the hash of the last block, which
// the fairness page shows, notices any later change of a row before it.
//
// A transaction that stays open holds the sealing up, in any database of the same
// cluster; the rows wait, nothing is lost.
package ledger
