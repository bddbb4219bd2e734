package fault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"fairqueue/internal/fault"
)

func TestUnknownErrorsAreInternalAndSayNothing(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("queue: %w", errors.New("password=hunter2"))
	f := fault.From(err)
	if f.Kind != fault.Internal || fault.Status(err) != 500 || f.Code != "internal" {
		t.Fatalf("got %+v", f)
	}
	if got := f.Message; got == "" || errors.Is(f, fault.New(fault.NotFound, "x", "")) {
		t.Fatalf("message %q", got)
	}
}

func TestCopiesKeepTheCode(t *testing.T) {
	t.Parallel()
	base := fault.New(fault.Conflict, "claim_open", "You already hold tickets.")
	err := fmt.Errorf("claim: %w", base.With("claim_id", "x").After(time.Second).Because(errors.New("why")))
	if !errors.Is(err, base) {
		t.Fatal("a copy is no longer recognised by its code")
	}
	if base.Extra != nil || base.RetryAfter != 0 || base.Err != nil {
		t.Fatal("With, After or Because changed the shared value")
	}
	if fault.Status(err) != 409 {
		t.Fatalf("status %d", fault.Status(err))
	}
}

func TestEveryKindHasItsStatus(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind]int{
		fault.Internal: 500, fault.Unauthorized: 401, fault.NotFound: 404, fault.Forbidden: 403,
		fault.TooLarge: 413, fault.Invalid: 422, fault.Conflict: 409, fault.TooMany: 429, fault.Unavailable: 503,
	}
	for k, s := range want {
		if got := fault.Status(fault.New(k, "c", "m")); got != s {
			t.Errorf("kind %d: got %d, want %d", k, got, s)
		}
	}
	if got := fault.Status(fault.New(fault.Kind(200), "c", "m")); got != 500 {
		t.Errorf("unknown kind: %d", got)
	}
}
