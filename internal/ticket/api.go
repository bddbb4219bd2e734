// Package ticket knows tickets: who may come in.
package ticket

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/keys"
	"fairqueue/internal/money"
)

// Ticket is the right to come in once.
type Ticket struct {
	ID, EventID, TierID, ClaimID, AccountID uuid.UUID
	Tier                                    string
	HolderName                              string
	Price                                   money.Kobo
	// Status: valid, used, returned or void.
	Status   string
	IssuedAt time.Time
	// Code is what the QR carries; empty unless valid or used.
	Code string
}

// Config is what a Service needs.
type Config struct {
	DB     db.Conn
	Keys   *keys.Ring
	Logger *slog.Logger
}

// Service is the one door to tickets.
type Service struct{ cfg Config }

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// List returns the account's tickets, newest first, in pages.
func (s *Service) List(ctx context.Context, account uuid.UUID, limit int, cursor string) (tickets []Ticket, next string, err error) {
	panic("not built")
}

// Get returns the account's ticket; 404 ticket_not_found.
func (s *Service) Get(ctx context.Context, account, id uuid.UUID) (Ticket, error) { panic("not built") }

// OfClaim returns the tickets of a claim of the account.
func (s *Service) OfClaim(ctx context.Context, account, claim uuid.UUID) ([]Ticket, error) {
	panic("not built")
}

// QR returns the modules of the QR code of a ticket's code, true for dark, without quiet zone.
func QR(code string) ([][]bool, error) { panic("not built") }
