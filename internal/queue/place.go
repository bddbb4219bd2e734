package queue

import (
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

// Status is what a fan is told about their spot.
type Status string

// The statuses of CONTRACT.md.
const (
	InLobby Status = "lobby"
	Waiting Status = "waiting"
	Called  Status = "called"
	Inside  Status = "inside"
	Missed  Status = "missed"
	Left    Status = "left"
	Done    Status = "done"
)

// ETA is a range for the wait from now.
type ETA struct{ Low, High time.Duration }

// Admission is the right to claim.
type Admission struct {
	Token string
	// ExpiresAt is the moment that matters now: end of the turn when called, of the visit when inside.
	ExpiresAt time.Time
}

// View is a fan's place at one moment.
type View struct {
	SpotID   uuid.UUID
	EventID  uuid.UUID
	Account  uuid.UUID
	Status   Status
	Arrival  int64
	Number   *int64
	Ahead    *int64
	ETA      *ETA
	JoinedAt time.Time
	Serving  int64
	State    sale.State
	// PollAfter is when to ask again.
	PollAfter time.Duration
	Admission *Admission
	// GraceEndsAt is until when a missed turn can be asked for again.
	GraceEndsAt *time.Time
	// Redeems reports that a missed turn was asked for again: the fan is called as soon as there is room.
	Redeems bool
	// Behind reports that a fan who waits asked for another turn behind everybody who waited then.
	Behind bool
	// Wish is what the fan asked for while they wait.
	Wish Wish
	// Extendable reports that a called fan may still ask for two more minutes.
	Extendable bool
	// Owned is how many tickets of the show the limit counts already, sold, paying or held; known from the turn on.
	Owned int
	// LimitLeft reports whether the fan may still buy (so that done may ask for another turn).
	LimitLeft bool
}
