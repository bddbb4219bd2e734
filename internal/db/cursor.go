package db

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/fault"
)

// Cursor is where a page of a list ends that is sorted by (instant, id),
// newest first; opaque to callers.
func Cursor(at time.Time, id uuid.UUID) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro())) //nolint:gosec // the bits are what counts
	return base64.RawURLEncoding.EncodeToString(append(raw, id[:]...))
}

// farAhead is after every row: where the first page begins.
var farAhead = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// ParseCursor is the other way; "" is the beginning of the list. 422 for what
// Cursor did not make.
func ParseCursor(cursor string) (at time.Time, id uuid.UUID, err error) {
	if cursor == "" {
		return farAhead, uuid.Max, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) != 8+len(id) {
		return at, id, badCursor()
	}
	at = time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC() //nolint:gosec // the bits are what counts
	if at.Year() < 2000 || at.Year() > 9999 {
		return at, id, badCursor()
	}
	copy(id[:], raw[8:])
	return at, id, nil
}

func badCursor() error {
	return fault.InvalidField(fault.Field{Path: "cursor", Message: "This cursor is not one that a list gave out. Start again without it."})
}
