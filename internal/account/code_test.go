package account_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"fairqueue/internal/account"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
)

func TestACodeSignsInOnceAndMakesTheAccount(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Tx(t))
	ctx := t.Context()
	code := b.send("  Ada@Once.Example ")
	if b.codes("ada@once.example")[0] != code || len(code) != 6 {
		t.Fatalf("code %q was not sent to the normalised address", code)
	}
	a, err := b.Redeem(ctx, "ADA@once.example", " "+code[:3]+" "+code[3:]+" ")
	if err != nil {
		t.Fatal(err)
	}
	if a.Email != "ada@once.example" || !slices.Equal(a.Roles, []string{"fan"}) || a.Exempt {
		t.Errorf("account %+v", a)
	}
	if _, err := b.Redeem(ctx, "ada@once.example", code); fault.Code(err) != "invalid_code" || fault.Status(err) != 401 {
		t.Errorf("a code worked twice: %v", err)
	}
	code = b.send("ada@once.example")
	again, err := b.Redeem(ctx, "ada@once.example", code)
	if err != nil || again.ID != a.ID {
		t.Errorf("signing in again: %+v, %v", again, err)
	}
}

func TestOnlyTheNewestCodeCounts(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Tx(t))
	old := b.send("ada@newest.example")
	code := b.send("ada@newest.example")
	if old != code {
		if _, err := b.Redeem(t.Context(), "ada@newest.example", old); fault.Code(err) != "invalid_code" {
			t.Errorf("an older code: %v", err)
		}
	}
	if _, err := b.Redeem(t.Context(), "ada@newest.example", code); err != nil {
		t.Error(err)
	}
	// With the newest used up, the older one does not come back to life.
	if _, err := b.Redeem(t.Context(), "ada@newest.example", old); fault.Code(err) != "invalid_code" {
		t.Errorf("an older code after the newest was used: %v", err)
	}
}

func TestACodeOfSomebodyElseIsWorthless(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Tx(t))
	code := b.send("ada@own.example")
	b.exec(`INSERT INTO codes (id, email, mac, expires_at) SELECT gen_random_uuid(), 'eve@own.example', mac, expires_at FROM codes WHERE email = 'ada@own.example'`)
	if _, err := b.Redeem(t.Context(), "eve@own.example", code); fault.Code(err) != "invalid_code" {
		t.Errorf("a copied row signs in: %v", err)
	}
	if n := b.count(`SELECT count(*) FROM accounts WHERE email LIKE '%@own.example'`); n != 0 {
		t.Errorf("%d accounts made without a right code", n)
	}
}

func TestFiveWrongTriesEndACode(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Tx(t))
	ctx := t.Context()
	code := b.send("ada@five.example")
	for i := range account.MaxTries {
		if _, err := b.Redeem(ctx, "ada@five.example", wrong(code)); fault.Code(err) != "invalid_code" {
			t.Fatalf("try %d: %v", i+1, err)
		}
	}
	for range 2 {
		_, err := b.Redeem(ctx, "ada@five.example", code)
		if fault.Code(err) != "too_many_attempts" || fault.Status(err) != 429 || fault.From(err).RetryAfter <= 0 {
			t.Fatalf("the right code after five wrong ones: %v", err)
		}
	}
	if _, err := b.Redeem(ctx, "ada@five.example", b.send("ada@five.example")); err != nil {
		t.Errorf("a new code: %v", err)
	}
}

func TestFourWrongTriesLeaveOne(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Tx(t))
	code := b.send("ada@four.example")
	for range account.MaxTries - 1 {
		_, _ = b.Redeem(t.Context(), "ada@four.example", wrong(code))
	}
	if _, err := b.Redeem(t.Context(), "ada@four.example", code); err != nil {
		t.Error(err)
	}
}

func TestParallelGuessesGetFiveAnswersTogether(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Pool(t))
	ctx := t.Context()
	code := b.send("ada@parallel.example")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for range 50 {
		wg.Go(func() {
			_, err := b.Redeem(ctx, "ada@parallel.example", wrong(code))
			mu.Lock()
			defer mu.Unlock()
			got[fault.Code(err)]++
		})
	}
	wg.Wait()
	if got["invalid_code"] != account.MaxTries || got["too_many_attempts"] != 50-account.MaxTries {
		t.Errorf("answers: %v", got)
	}
	if n := b.count(`SELECT max(tries) FROM codes`); n != account.MaxTries {
		t.Errorf("%d tries counted", n)
	}
}

func TestTheRightCodeFromManyAtOnceWorksOnce(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Pool(t))
	code := b.send("ada@double.example")
	var wg sync.WaitGroup
	var mu sync.Mutex
	ok := 0
	for range 20 {
		wg.Go(func() {
			_, err := b.Redeem(t.Context(), "ada@double.example", code)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				ok++
			} else if c := fault.Code(err); c != "invalid_code" && c != "too_many_attempts" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := b.count(`SELECT count(*) FROM accounts`); ok != 1 || n != 1 {
		t.Errorf("%d signed in, %d accounts", ok, n)
	}
}

func TestCodesExpire(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Tx(t))
	code := b.send("ada@late.example")
	if n := b.count(`SELECT round(extract(epoch FROM expires_at - created_at))::int FROM codes WHERE email = 'ada@late.example'`); n != 600 {
		t.Errorf("a code lives %d s", n)
	}
	b.exec(`UPDATE codes SET expires_at = now() WHERE email = 'ada@late.example'`)
	if _, err := b.Redeem(t.Context(), "ada@late.example", code); fault.Code(err) != "invalid_code" {
		t.Errorf("an expired code: %v", err)
	}
}

func TestAnAddressGetsAtMostFiveMails(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Pool(t))
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if err := b.SendCode(t.Context(), "ada@flood.example"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	codes := b.codes("ada@flood.example")
	if len(codes) != account.MaxCodes {
		t.Fatalf("%d mails", len(codes))
	}
	if _, err := b.Redeem(t.Context(), "ada@flood.example", codes[0]); err != nil {
		t.Errorf("the last code that was sent: %v", err)
	}
	if b.send("ada@flood.example"); len(b.codes("ada@flood.example")) != account.MaxCodes+1 {
		t.Error("nothing more was sent to somebody who redeems what they get")
	}
}

func TestSendingTellsNothingAboutAccounts(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Tx(t))
	if _, err := b.Ensure(t.Context(), "known@enum.example", "Known"); err != nil {
		t.Fatal(err)
	}
	for _, e := range []string{"known@enum.example", "unknown@enum.example"} {
		code := b.send(e)
		if _, err := b.Redeem(t.Context(), e, wrong(code)); fault.Code(err) != "invalid_code" {
			t.Errorf("%s: %v", e, err)
		}
	}
	if _, err := b.Redeem(t.Context(), "never-asked@enum.example", "123456"); fault.Code(err) != "invalid_code" {
		t.Error(err)
	}
}

func TestCodesAreNotStoredReadable(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Tx(t))
	code := b.send("ada@secret.example")
	for _, table := range []string{"codes", "river_job"} {
		if n := b.count(`SELECT count(*) FROM `+table+` t WHERE to_jsonb(t)::text LIKE '%'||$1||' is your%' OR to_jsonb(t)::text LIKE '%"'||$1||'"%'`, code); n != 0 {
			t.Errorf("the code is readable in %s", table)
		}
	}
	if n := b.count(`SELECT count(*) FROM river_job WHERE to_jsonb(river_job)::text LIKE '%secret.example%'`); n != 0 {
		t.Error("the address is readable in the job")
	}
}

func TestAddressesAreNormalised(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64) + "@" + strings.Repeat("b", 185) + ".com"
	for in, want := range map[string]string{
		" Ada@Example.COM\n": "ada@example.com", "o'neil+x@a-b.co": "o'neil+x@a-b.co",
		"ada@bücher.example": "ada@bücher.example", "ada@xn--bcher-kva.example": "ada@xn--bcher-kva.example",
		long: long,
	} {
		if got, err := account.NormalizeEmail(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", " ", "ada", "@", "a@", "@b.c", "ada@@b.c", "a b@c.d", `"a b"@c.d`, "Ada <ada@b.c>", "<ada@b.c>", "ada@b.c, eve@b.c",
		"ada@b.c\r\nBcc: eve@b.c", "ada\x00@b.c", "ada@b.c\x00", "ada\u200b@b.c", "ada@b.c (x)", "\xff@b.c", "x" + long, strings.Repeat("a", 1<<20),
	} {
		_, err := account.NormalizeEmail(in)
		f := fault.From(err)
		if err == nil || f.Code != "invalid_request" || len(f.Fields) != 1 || f.Fields[0].Path != "email" {
			t.Errorf("%.40q: %v", in, err)
		}
	}
	b := build(t, dbtest.Tx(t))
	if err := b.SendCode(t.Context(), "nobody"); fault.Status(err) != 422 {
		t.Error(err)
	}
	if _, err := b.Redeem(t.Context(), "nobody", "123456"); fault.Status(err) != 422 {
		t.Error(err)
	}
}

func TestOldCodesAreSweptByNewOnes(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Tx(t))
	b.send("ada@sweep.example")
	b.exec(`UPDATE codes SET expires_at = now() - interval '2 hours', created_at = now() - interval '3 hours' WHERE email = 'ada@sweep.example'`)
	b.send("eve@sweep.example")
	if n := b.count(`SELECT count(*) FROM codes WHERE email LIKE '%@sweep.example'`); n != 1 {
		t.Errorf("%d codes are left", n)
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Tx(t))
	_, err := b.Redeem(t.Context(), "x@kind.example", "")
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.Unauthorized {
		t.Errorf("%v", err)
	}
}
