package ledger_test

import (
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/ledger"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestWriteTakesObjectsOnly(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	if err := ledger.Write(t.Context(), tx, uuid.New(), ledger.Joined, []int{1}); err == nil {
		t.Error("a list was written")
	}
	if err := ledger.Write(t.Context(), tx, uuid.Nil, ledger.SaleMoved, map[string]string{"to": "open"}); err != nil {
		t.Error(err)
	}
	var kind, to string
	if err := tx.QueryRow(t.Context(), `SELECT kind, body->>'to' FROM ledger WHERE event_id IS NULL ORDER BY id DESC LIMIT 1`).Scan(&kind, &to); err != nil {
		t.Fatal(err)
	}
	if kind != "sale_moved" || to != "open" {
		t.Errorf("read back %s %s", kind, to)
	}
}
