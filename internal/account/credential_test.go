package account_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"fairqueue/internal/account"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
)

var kinds = []account.Kind{account.Bearer, account.Session}

func someone() account.Account { return account.Account{ID: uuid.New(), Email: "x@example.com"} }

func TestCredentialsSayWhoTheyBelongTo(t *testing.T) {
	t.Parallel()
	b := build(t, nil)
	for _, kind := range kinds {
		for _, exempt := range []bool{false, true} {
			a := someone()
			a.Exempt = exempt
			c, id := b.Issue(kind, a, time.Hour)
			got, err := b.Verify(kind, c)
			if err != nil || got != id || got.AccountID != a.ID || got.Exempt != exempt {
				t.Errorf("%c: got %+v, issued %+v, %v", kind, got, id, err)
			}
			if d := got.Expires.Sub(got.Issued); d != time.Hour {
				t.Errorf("lasts %s", d)
			}
			if strings.ContainsAny(c, " ;,\"\\=") {
				t.Errorf("%q does not fit into a cookie", c)
			}
		}
	}
	if _, id := b.Issue(account.Session, someone(), 10*account.MaxTTL); id.Expires.Sub(id.Issued) > account.MaxTTL {
		t.Error("lasts longer than a revocation of it")
	}
}

func TestAnythingElseIsUnauthorized(t *testing.T) {
	t.Parallel()
	b := build(t, nil)
	other, err := keys.New("another secret of the same length!")
	if err != nil {
		t.Fatal(err)
	}
	foreign := account.New(account.Config{Keys: other})
	a := someone()
	bearer, _ := b.Issue(account.Bearer, a, time.Hour)
	session, _ := b.Issue(account.Session, a, time.Hour)
	expired, _ := b.Issue(account.Bearer, a, 0)
	past, _ := b.Issue(account.Bearer, a, -time.Hour)
	forged, _ := foreign.Issue(account.Bearer, a, time.Hour)
	payload, mac, _ := strings.Cut(strings.TrimPrefix(bearer, "fqt_"), ".")
	bad := map[string]string{
		"empty": "", "prefix alone": "fqt_", "no prefix": payload + "." + mac, "a session": session,
		"a session under the bearer's prefix": "fqt_" + session[4:],
		"expired now":                         expired, "expired long ago": past, "of another secret": forged,
		"no mac": "fqt_" + payload, "empty mac": "fqt_" + payload + ".", "mac alone": "fqt_." + mac,
		"swapped": "fqt_" + mac + "." + payload, "padded": bearer + "=", "twice": bearer + bearer,
		"a space": bearer + " ", "a newline": bearer[:10] + "\n" + bearer[10:], "huge": strings.Repeat("A", 1<<20),
		"zero mac":          "fqt_" + payload + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 32)),
		"unkeyed mac":       "fqt_" + payload + "." + base64.RawURLEncoding.EncodeToString(hmac.New(sha256.New, nil).Sum(nil)),
		"mac of another":    "fqt_" + payload + forged[strings.IndexByte(forged, '.'):],
		"upper-case prefix": "FQT_" + bearer[4:],
	}
	for name, c := range bad {
		if id, err := b.Verify(account.Bearer, c); fault.Code(err) != "unauthorized" || fault.Status(err) != 401 || id != (account.Identity{}) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	if _, err := b.Verify(account.Session, bearer); err == nil {
		t.Error("a bearer is accepted as a session")
	}
	for i := range bearer {
		if _, err := b.Verify(account.Bearer, bearer[:i]); err == nil {
			t.Errorf("the first %d bytes are enough", i)
		}
		for bit := range 8 {
			c := []byte(bearer)
			c[i] ^= 1 << bit
			if _, err := b.Verify(account.Bearer, string(c)); err == nil {
				t.Errorf("bit %d of byte %d may be turned", bit, i)
			}
		}
	}
}

func TestARevokedCredentialEndsOnEveryReplica(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	here, there := build(t, pool), build(t, pool)
	ctx := t.Context()
	if err := there.RefreshRevocations(ctx); err != nil {
		t.Fatal(err)
	}
	a := someone()
	old, id := here.Issue(account.Session, a, time.Hour)
	renewed, id := here.Renew(account.Session, id, 30*24*time.Hour)
	other, _ := here.Issue(account.Session, a, time.Hour)
	if err := here.Revoke(ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, err := there.Verify(account.Session, renewed); err != nil {
		t.Fatal("the other replica knows without being told")
	}
	if err := there.RefreshRevocations(ctx); err != nil {
		t.Fatal(err)
	}
	late := build(t, pool) // started afterwards
	if err := late.RefreshRevocations(ctx); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*bench{"here": here, "there": there, "late": late} {
		for _, c := range []string{old, renewed} {
			if _, err := r.Verify(account.Session, c); fault.Code(err) != "unauthorized" {
				t.Errorf("%s: a signed-out cookie still works: %v", name, err)
			}
		}
		if _, err := r.Verify(account.Session, other); err != nil {
			t.Errorf("%s: signing out here signed out elsewhere: %v", name, err)
		}
	}
}

func TestAnAccountsCredentialsEndTogether(t *testing.T) {
	t.Parallel()
	b := build(t, dbtest.Pool(t))
	ctx := t.Context()
	a, stranger := someone(), someone()
	one, id := b.Issue(account.Session, a, time.Hour)
	two, _ := b.Issue(account.Bearer, a, time.Hour)
	theirs, _ := b.Issue(account.Bearer, stranger, time.Hour)
	if err := b.RevokeAccount(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Verify(account.Session, one); err == nil {
		t.Error("a session survived")
	}
	if _, err := b.Verify(account.Bearer, two); err == nil {
		t.Error("a token survived")
	}
	if _, err := b.Verify(account.Bearer, theirs); err != nil {
		t.Errorf("a stranger was signed out: %v", err)
	}
	// A replica that hears of it late has made an old session last longer by then.
	late := build(t, b.conn)
	renewed, _ := late.Renew(account.Session, account.Identity{AccountID: id.AccountID, Credential: id.Credential, Issued: id.Issued.Add(-time.Hour)}, time.Hour)
	b.exec(`UPDATE revocations SET revoked_at = revoked_at - interval '5 seconds'`)
	if err := late.RefreshRevocations(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Verify(account.Session, renewed); err == nil {
		t.Error("a session that was made to last longer survived")
	}
	later := build(t, b.conn)
	if err := later.RefreshRevocations(ctx); err != nil {
		t.Fatal(err)
	}
	again, _ := later.Issue(account.Session, a, time.Hour)
	if _, err := later.Verify(account.Session, again); err != nil {
		t.Errorf("signing in again: %v", err)
	}
}

func BenchmarkVerify(b *testing.B) {
	s := build(b, nil)
	c, _ := s.Issue(account.Bearer, someone(), time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Verify(account.Bearer, c); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheCookieIsPinnedWhereThereIsTLS(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{"https://fair.example": "__Host-fq_session", "http://localhost:8080": "fq_session"} {
		if got := account.CookieName(url); got != want {
			t.Errorf("%s: %s", url, got)
		}
	}
}
