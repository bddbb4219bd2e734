package queue

import (
	"context"

	"github.com/google/uuid"
)

// Freeze and Root are single steps of opening, as a process that dies after one leaves them.
func (s *Service) Freeze(ctx context.Context, event uuid.UUID) error {
	_, err := s.freeze(ctx, event, uuid.Nil)
	return err
}

func (s *Service) Root(ctx context.Context, event uuid.UUID) error { return s.root(ctx, event) }
