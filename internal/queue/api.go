// Package queue knows the line: who came when, whose turn it is, who is inside.
package queue

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/keys"
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
	// LimitLeft reports whether the fan may still buy (so that done may ask for another turn).
	LimitLeft bool
}

// Config is what a Service needs.
type Config struct {
	DB    db.Conn
	Sales *sale.Service
	Keys  *keys.Ring
	Clock *db.Clock
	// Issuer is PUBLIC_URL, the iss of tokens.
	Issuer string
	Logger *slog.Logger
}

// Service is the one door to the line.
type Service struct{ cfg Config }

// New returns a Service. Close must be called: joins are batched by goroutines.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Close stops taking joins, finishes those begun, and returns.
func (s *Service) Close(ctx context.Context) error { panic("not built") }

// Join makes or finds the account's spot; it answers only after COMMIT. created is true the first time. On a spot
// that is missed, left or done it asks for another turn as CONTRACT.md says. 409 sale_not_joinable (with joinable_at),
// line_full; 503 not_durable.
func (s *Service) Join(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (v View, created bool, err error) {
	panic("not built")
}

// Status returns the account's place; 404 not_in_queue.
func (s *Service) Status(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (View, error) {
	panic("not built")
}

// Leave gives the spot up; 404 not_in_queue, 409 claim_open while a claim is held or paying. Leaving twice is fine.
func (s *Service) Leave(ctx context.Context, event *sale.Snapshot, account uuid.UUID) error {
	panic("not built")
}

// Enter makes a called spot inside (the browser's way: the session proves the account); already inside is fine.
// 403 not_admitted, admission_expired.
func (s *Service) Enter(ctx context.Context, event *sale.Snapshot, account uuid.UUID) (View, error) {
	panic("not built")
}

// CheckToken verifies an admission token against account and event without the database: 403 not_admitted (forged,
// foreign), admission_expired. It returns the spot's id.
func (s *Service) CheckToken(token string, event, account uuid.UUID) (spot uuid.UUID, err error) {
	panic("not built")
}

// AdmitTx locks the account's spot FOR UPDATE in the caller's transaction, makes it inside if it is called and the
// turn still runs, and returns its id; 403 not_admitted, admission_expired otherwise. It is the first lock of every claim.
func (s *Service) AdmitTx(ctx context.Context, tx pgx.Tx, event, account uuid.UUID) (spot uuid.UUID, err error) {
	panic("not built")
}

// FinishTx ends the visit of a fan who has bought the limit (status done).
func (s *Service) FinishTx(ctx context.Context, tx pgx.Tx, event, account uuid.UUID) error {
	panic("not built")
}

// CreateHeadTx makes the head row of a sale that is being published.
func CreateHeadTx(ctx context.Context, tx pgx.Tx, event uuid.UUID) error { panic("not built") }

// Open opens the sale now (from lobby or scheduled): freezes the lobby and starts calling; 409 invalid_transition.
func (s *Service) Open(ctx context.Context, event, by uuid.UUID) (*sale.Snapshot, error) {
	panic("not built")
}

// Advance makes the moves that are due by the clock: scheduled to lobby, to open, to ended. The leader calls it each second.
func (s *Service) Advance(ctx context.Context) error { panic("not built") }

// Drip makes one step for every open sale: calls whom rate, room and stock allow. check runs inside each step's
// transaction and fails when leadership was lost.
func (s *Service) Drip(ctx context.Context, check func(ctx context.Context, tx pgx.Tx) error) error {
	panic("not built")
}

// PublicKey is the key that verifies admission tokens; KeyID is its kid in the JWKS.
func (s *Service) PublicKey() (key ed25519.PublicKey, keyID string) { panic("not built") }
