// Package catalog knows events: what happens where and when.
package catalog

import (
	"time"

	"github.com/google/uuid"
)

// Event is a night people want to get into.
type Event struct {
	ID             uuid.UUID
	OrganizationID uuid.UUID
	Slug           string
	Name           string
	Venue          string
	// Timezone is an IANA name; Location is never nil.
	Timezone  string
	Location  *time.Location
	StartsAt  time.Time
	CreatedAt time.Time
}

// NewEvent is what an organizer gives. An empty Slug is made from the name.
type NewEvent struct {
	Name, Slug, Venue, Timezone string
	StartsAt                    time.Time
}
