package ticket

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"fairqueue/internal/db"
)

// endsLength is how many characters of a code people are told to know a ticket by.
const endsLength = 6

// Ends are the last characters of the code of a ticket, whatever has become of it.
func (s *Service) Ends(id, event uuid.UUID) string {
	code := s.code(id, event)
	return code[len(code)-endsLength:]
}

var ends = regexp.MustCompile(`^[A-Za-z0-9_-]{6}$`)

// Found returns the orders of an event with a ticket of this code, or one that ends in it; none for other words. Codes are not kept, so
// the ends of all of them are made again: a second for every 30,000 tickets, for a person who looks for one.
func (s *Service) Found(ctx context.Context, event uuid.UUID, words string) (claims []uuid.UUID, err error) {
	words = strings.TrimSpace(words)
	if id, ok := s.Read(words, event); ok {
		claim, err := s.q.ClaimOfTicket(ctx, s.cfg.DB, id, event)
		if db.NoRows(err) {
			return nil, nil
		}
		if err != nil {
			return nil, db.Fault(fmt.Errorf("ticket.Found: %w", err))
		}
		return []uuid.UUID{claim}, nil
	}
	if !ends.MatchString(words) {
		return nil, nil
	}
	rows, err := s.q.CodesOfEvent(ctx, s.cfg.DB, event)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("ticket.Found: %w", err))
	}
	for _, r := range rows {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("ticket.Found: %w", err)
		}
		if s.Ends(r.ID, event) == words {
			claims = append(claims, r.ClaimID)
		}
	}
	return claims, nil
}
