package db_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/db"
	"fairqueue/internal/fault"
)

func TestCursorsComeBack(t *testing.T) {
	t.Parallel()
	at, id := time.Date(2026, 5, 1, 19, 30, 0, 123456000, time.UTC), uuid.New()
	gotAt, gotID, err := db.ParseCursor(db.Cursor(at, id))
	if err != nil || !gotAt.Equal(at) || gotID != id {
		t.Fatalf("got %v %v %v", gotAt, gotID, err)
	}
	if _, _, err := db.ParseCursor(""); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"x", "AAAA", "%%%", db.Cursor(at, id) + "A", db.Cursor(time.Unix(1<<40, 0), id)} {
		if _, _, err := db.ParseCursor(bad); fault.Status(err) != 422 {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
