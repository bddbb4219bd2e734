package dbtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// What a killed test process left is dropped by the next one; what a living one
// uses stays.
func TestOnlyDatabasesOfDeadProcessesAreDropped(t *testing.T) {
	ctx := t.Context()
	if err := shared.start(ctx); err != nil {
		t.Fatal(err)
	}
	const dead, living = clonePrefix + "deaddead_1", clonePrefix + "11111111_1"
	for _, name := range []string{dead, living} {
		if err := shared.create(ctx, name, "template0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := shared.drop(context.Background(), name); err != nil {
				t.Error(err)
			}
		})
	}
	other, err := pgx.Connect(ctx, shared.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close(context.Background()) })
	if _, err := other.Exec(ctx, `SELECT pg_advisory_lock($1::int4, $2::int4)`, lockRun, key("11111111")); err != nil {
		t.Fatal(err)
	}
	// As a process that starts now would.
	var next server
	t.Cleanup(func() {
		if err := next.stop(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("FAIRQUEUE_TEST_DATABASE_URL", shared.url)
	if err := next.start(ctx); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{dead: false, living: true, shared.template: true} {
		var there bool
		if err := shared.admin.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&there); err != nil || there != want {
			t.Errorf("%s is there: %v, want %v (%v)", name, there, want, err)
		}
	}
}
