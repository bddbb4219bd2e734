// Package db knows how to reach PostgreSQL.
//
// It opens the pool, runs transactions, applies the schema, tells errors of
// the database apart and keeps the offset between this machine's clock and the
// database's. The SQL of a subject lies in queries/<owner>.sql; sqlc makes the
// package internal/db/<owner>db of it, which only its owner imports.
//
// Transactions are READ COMMITTED everywhere: what must not change between two
// statements is locked, in the order that DESIGN.md gives. A commit whose
// outcome is unknown (the connection broke while it ran) is an error of its
// own, see OutcomeUnknown: it must be looked up, never simply repeated.
//
// The layer's own three statements (version, clock, schema state) stand here
// and not in queries/, because they must work before there is a schema.
package db
