package db_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/dbtest"
)

func TestIDsGoThereAndBack(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	ids := []uuid.UUID{uuid.New(), uuid.Nil, uuid.New()}
	var one uuid.UUID
	var maybe, none *uuid.UUID
	var text string
	if err := tx.QueryRow(t.Context(), `SELECT $1::uuid, $1::uuid, NULL::uuid, $1::uuid::text`, ids[0]).Scan(&one, &maybe, &none, &text); err != nil {
		t.Fatal(err)
	}
	if one != ids[0] || maybe == nil || *maybe != ids[0] || none != nil || text != ids[0].String() {
		t.Errorf("%s %v %v %s", one, maybe, none, text)
	}
	rows, err := tx.Query(t.Context(), `SELECT i FROM unnest($1::uuid[]) WITH ORDINALITY AS u (i, n) ORDER BY n`, ids)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil || !slices.Equal(got, ids) {
		t.Errorf("%v %v", got, err)
	}
	var list []uuid.UUID
	if err := tx.QueryRow(t.Context(), `SELECT $1::uuid[]`, ids).Scan(&list); err != nil || !slices.Equal(list, ids) {
		t.Errorf("%v %v", list, err)
	}
	if err := tx.QueryRow(t.Context(), `SELECT $1::uuid`, (*uuid.UUID)(nil)).Scan(&maybe); err != nil || maybe != nil {
		t.Errorf("%v %v", maybe, err)
	}
	if err := tx.QueryRow(t.Context(), `SELECT $1::uuid`, ids[2].String()).Scan(&one); err != nil || one != ids[2] {
		t.Errorf("%v %v", one, err)
	}
}
