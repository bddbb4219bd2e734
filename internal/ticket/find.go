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

// end is how the ends of a code are kept to be found by: people do not tell capitals from small letters.
func (s *Service) end(id, event uuid.UUID) string { return strings.ToLower(s.Ends(id, event)) }

// ended is a code, or the end of one, as people write it: with capitals for small letters, with spaces in it, with the dots in
// front of it that stand for the rest.
var ended = regexp.MustCompile(`^(?:fq1\.[a-z0-9_-]*|\.+|…)?([a-z0-9_-]{6})$`)

// Found returns the orders of an event with a ticket of this code, or one that ends in it; none for other words.
func (s *Service) Found(ctx context.Context, event uuid.UUID, words string) (claims []uuid.UUID, err error) {
	words = strings.Join(strings.Fields(words), "")
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
	m := ended.FindStringSubmatch(strings.ToLower(words))
	if m == nil {
		return nil, nil
	}
	if err := s.writeEnds(ctx, event); err != nil {
		return nil, fmt.Errorf("ticket.Found: %w", err)
	}
	if claims, err = s.q.ClaimsByCodeEnd(ctx, s.cfg.DB, event, m[1]); err != nil {
		return nil, db.Fault(fmt.Errorf("ticket.Found: %w", err))
	}
	return claims, nil
}

// endsAtOnce is how many ends are written in one statement: making them takes about a thirtieth of a second.
const endsAtOnce = 1000

// writeEnds writes down what the codes of an event end in that were issued before that was kept. There are none as a rule.
func (s *Service) writeEnds(ctx context.Context, event uuid.UUID) error {
	for {
		ids, err := s.q.CodesWithoutEnd(ctx, s.cfg.DB, event, endsAtOnce)
		if err != nil || len(ids) == 0 {
			return db.Fault(err)
		}
		made := make([]string, len(ids))
		for i, id := range ids {
			made[i] = s.end(id, event)
		}
		if err := s.q.WriteCodeEnds(ctx, s.cfg.DB, ids, made); err != nil {
			return db.Fault(err)
		}
	}
}
