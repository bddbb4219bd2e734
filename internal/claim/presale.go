package claim

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/sale"
)

// Presale keeps a tier, or a block of seats, for those who have a code until it is public.
type Presale struct {
	ID       uuid.UUID
	Name     string
	TierID   uuid.UUID // zero: a block of seats
	Seats    int       // how many seats the block has
	PublicAt time.Time
	Codes    int // how many codes there are
	Unlocked int // how many fans have given one
	EndedAt  time.Time
}

// NewPresale is a presale to be made.
type NewPresale struct {
	Name     string
	TierID   uuid.UUID
	Seats    []uuid.UUID
	PublicAt time.Time
	// Codes are given, or so many made up; each counts for so many fans.
	Codes       []string
	Generate    int
	UsesPerCode int
}

// CreatePresale makes a presale and returns its codes, which are told this once.
func (s *Service) CreatePresale(ctx context.Context, event *sale.Snapshot, by uuid.UUID, n NewPresale) (Presale, []string, error) {
	return Presale{}, nil, errors.New("claim.CreatePresale: not built")
}

// Presales lists the presales of an event.
func (s *Service) Presales(ctx context.Context, event uuid.UUID) ([]Presale, error) { return nil, nil }

// EndPresale makes a presale public at once.
func (s *Service) EndPresale(ctx context.Context, event *sale.Snapshot, by, presale uuid.UUID) error {
	return errors.New("claim.EndPresale: not built")
}

// Unlock gives a fan what a code opens; 422 invalid_code.
func (s *Service) Unlock(ctx context.Context, event *sale.Snapshot, account uuid.UUID, code string) (Presale, error) {
	return Presale{}, errors.New("claim.Unlock: not built")
}

// UnlockedBy are the presales of an event that are open to the account and not public yet.
func (s *Service) UnlockedBy(ctx context.Context, event, account uuid.UUID) ([]Presale, error) {
	return nil, nil
}
