// Package audit knows the promises: it checks every invariant straight from PostgreSQL, and never writes.
package audit

import (
	"context"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"fairqueue/internal/db"
)

// Result is one invariant with its figure: how many violations were found.
type Result struct {
	Name       string `json:"name"`
	Violations int64  `json:"violations"`
	// Checked is how many things were looked at, so that a zero means something.
	Checked int64 `json:"checked"`
	// Failure is false for figures that are never a failure (redis_harmless).
	Failure bool     `json:"failure"`
	Detail  []string `json:"detail,omitempty"`
}

// Run checks every invariant of an event in one repeatable-read snapshot.
func Run(ctx context.Context, c db.Conn, r redis.UniversalClient, event uuid.UUID) ([]Result, error) {
	panic("not built")
}
