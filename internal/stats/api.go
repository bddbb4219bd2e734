// Package stats knows figures for dashboards; it only reads.
package stats

import (
	"context"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/money"
)

// Event is what an organizer watches; JSON as CONTRACT.md.
type Event struct {
	Queue struct {
		Lobby   int64 `json:"lobby"`
		Waiting int64 `json:"waiting"`
		Called  int64 `json:"called"`
		Inside  int64 `json:"inside"`
		Missed  int64 `json:"missed"`
		Left    int64 `json:"left"`
		Done    int64 `json:"done"`
		Serving int64 `json:"serving"`
	} `json:"queue"`
	Stock struct {
		Capacity int64 `json:"capacity"`
		Free     int64 `json:"free"`
		Held     int64 `json:"held"`
		Sold     int64 `json:"sold"`
	} `json:"stock"`
	Money struct {
		Succeeded money.Money `json:"succeeded"`
		Refunded  money.Money `json:"refunded"`
	} `json:"money"`
	// Rates: per minute, over the last minute.
	Rates struct {
		Joins    float64 `json:"joins_per_minute"`
		Admitted float64 `json:"admitted_per_minute"`
		Claims   float64 `json:"claims_per_minute"`
		Payments float64 `json:"payments_per_minute"`
		// FailedShare is the share of payments that failed among those that ended in the last ten minutes, 0 to 1.
		FailedShare float64 `json:"payments_failed_share"`
	} `json:"rates"`
}

// Of returns the figures of an event now.
func Of(ctx context.Context, c db.Conn, event uuid.UUID) (Event, error) { panic("not built") }
