package db

import (
	"testing"

	"fairqueue/internal/fault"
)

func TestAnOldPostgreSQLIsRefusedInASentence(t *testing.T) {
	t.Parallel()
	if err := versionFault(150000, "15.0"); err != nil {
		t.Error(err)
	}
	f := fault.From(versionFault(140011, "14.11"))
	if f.Code != "database_too_old" || f.Message != "The database is PostgreSQL 14.11; FairQueue needs PostgreSQL 15 or newer. Upgrade it, or point DATABASE_URL at a newer one." {
		t.Errorf("got %+v", f)
	}
}
