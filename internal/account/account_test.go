package account_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"fairqueue/internal/account"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
)

func TestEnsureMakesOneAccountHoweverManyAsk(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Pool(t))
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[uuid.UUID]bool{}
	for range 20 {
		wg.Go(func() {
			a, err := b.Ensure(t.Context(), "Ada@Example.com", "Ada Obi")
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[a.ID] = true
		})
	}
	wg.Wait()
	if n := b.count(`SELECT count(*) FROM accounts`); len(ids) != 1 || n != 1 {
		t.Errorf("%d ids, %d rows", len(ids), n)
	}
	a, err := b.Ensure(t.Context(), "ada@example.com", "Somebody Else")
	if err != nil || a.Name != "Ada Obi" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAnOrganizerHasOneOrganization(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Pool(t))
	ctx := t.Context()
	a, err := b.Ensure(ctx, "org@example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Organization(ctx, a.ID); fault.Code(err) != "not_organizer" || fault.Status(err) != 403 {
		t.Errorf("a fan has an organization: %v", err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	orgs := map[uuid.UUID]bool{}
	for range 10 {
		wg.Go(func() {
			id, err := b.BecomeOrganizer(ctx, a.ID, "")
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			orgs[id] = true
		})
	}
	wg.Wait()
	if n := b.count(`SELECT count(*) FROM organizations WHERE name = 'org'`); len(orgs) != 1 || n != 1 {
		t.Errorf("%d answers, %d organizations", len(orgs), n)
	}
	id, err := b.Organization(ctx, a.ID)
	if err != nil || !orgs[id] {
		t.Errorf("%s, %v", id, err)
	}
	a, err = b.Get(ctx, a.ID)
	if err != nil || !slices.Equal(a.Roles, []string{"fan", "organizer"}) {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := b.Get(ctx, uuid.New()); fault.Status(err) != 404 {
		t.Errorf("unknown account: %v", err)
	}
	if _, err := b.BecomeOrganizer(ctx, uuid.New(), "x"); fault.Status(err) != 404 {
		t.Errorf("unknown account: %v", err)
	}
}

func TestFansAreMadeInBulk(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Pool(t))
	const n = 12_001 // not a multiple of a batch
	seen := map[string]bool{}
	err := b.CreateFans(t.Context(), n, func(f account.Fan) error {
		if !strings.HasPrefix(f.Account.Email, "fan-") || !strings.HasSuffix(f.Account.Email, "@lab.fairqueue.test") {
			t.Fatalf("address %q", f.Account.Email)
		}
		seen[f.Account.Email] = true
		if len(seen)%1000 != 1 {
			return nil
		}
		for kind, c := range map[account.Kind]string{account.Bearer: f.Token, account.Session: f.Cookie} {
			if id, err := b.Verify(kind, c); err != nil || id.AccountID != f.Account.ID || !id.Exempt {
				t.Fatalf("%c: %+v, %v", kind, id, err)
			}
		}
		a, err := b.Get(t.Context(), f.Account.ID)
		if err != nil || a.Email != f.Account.Email || !a.Exempt {
			t.Fatalf("%+v, %v", a, err)
		}
		return nil
	})
	if err != nil || len(seen) != n {
		t.Fatalf("%d fans, %v", len(seen), err)
	}
	if rows := b.count(`SELECT count(*) FROM accounts WHERE exempt`); rows != n {
		t.Errorf("%d rows", rows)
	}
	stop := errors.New("enough")
	if err := b.CreateFans(t.Context(), 3, func(account.Fan) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("yield's error: %v", err)
	}
	if err := b.CreateFans(t.Context(), 0, nil); err != nil {
		t.Error(err)
	}
}
