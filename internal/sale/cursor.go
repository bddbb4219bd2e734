package sale

import (
	"encoding/base64"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/fault"
)

// A cursor is where a page of List ended: over, start, id.
func makeCursor(over bool, at time.Time, id uuid.UUID) string {
	raw := append([]byte{0}, id[:]...)
	if over {
		raw[0] = 1
	}
	return base64.RawURLEncoding.EncodeToString(append(raw, at.UTC().Format(time.RFC3339Nano)...))
}

func parseCursor(cursor string) (over bool, at time.Time, id uuid.UUID, err error) {
	if cursor == "" {
		return false, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), uuid.Nil, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err == nil && len(raw) > 17 && raw[0] <= 1 {
		copy(id[:], raw[1:17])
		if at, err = time.Parse(time.RFC3339Nano, string(raw[17:])); err == nil {
			return raw[0] == 1, at, id, nil
		}
	}
	return false, at, id, fault.InvalidField(fault.Field{Path: "cursor", Message: "This cursor is not one that a list gave out. Start again without it."})
}
