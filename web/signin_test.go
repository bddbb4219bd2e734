package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"fairqueue/internal/account"
	"fairqueue/internal/guard"
)

func TestSignInWithACode(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	b := s.visitor()
	p := b.get("/tickets").at("/sign-in")
	p = b.send(p, "/sign-in", "email", " Ada@Fair.Example ").at("/sign-in/code")
	code := s.code("ada@fair.example", 1)
	if strings.Contains(p.body, code) {
		t.Fatal("the page shows the code")
	}
	p = b.submit(p, "/sign-in/code", "code", code[:3]+" "+code[3:]).redirects("/tickets")
	for _, c := range p.Cookies() {
		if c.Name == "fq_session" && (!c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge < 7*24*3600 || c.Path != "/") {
			t.Errorf("cookie: %+v", c)
		}
	}
	b.get("/tickets").at("/tickets")
	if !strings.Contains(b.get("/").body, "ada@fair.example") {
		t.Error("the page does not say who is signed in")
	}
	if b.hasCookie("fq_flow") || s.count(`SELECT count(*) FROM sessions`) != 0 {
		t.Error("the finished sign-in is still remembered")
	}

	// Signed in already: the sign-in leads on.
	b.look("/sign-in?next=/tickets").redirects("/tickets")
	// The code works once; a second click still ends where the first did.
	b.post("/sign-in/code", url.Values{"email": {"ada@fair.example"}, "code": {code}, "next": {"/tickets"}}).redirects("/tickets")

	b.post("/sign-out", nil).redirects("/")
	b.get("/tickets").at("/sign-in")
}

func TestSignOutEndsTheCredentialItself(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.visitor()
	a := must(s.accounts.Ensure(t.Context(), "out@fair.example", ""))(t)
	value, _ := s.accounts.Issue(account.Session, a, account.CodeTTL)
	b.cookie("fq_session", value)
	b.get("/tickets").at("/tickets")
	// Joining makes the session last until after the event: the same session, so
	// that the shorter copy of it ends too.
	renewed := b.post("/events/"+s.event("Signed Out").Event.Slug+"/queue", nil)
	if !slices.ContainsFunc(renewed.Cookies(), func(c *http.Cookie) bool { return c.Name == "fq_session" }) {
		t.Fatal("the session was not made longer: the test shows nothing")
	}
	b.post("/sign-out", nil).redirects("/")
	if err := s.accounts.RefreshRevocations(t.Context()); err != nil {
		t.Fatal(err)
	}
	thief := s.visitor()
	thief.cookie("fq_session", value)
	thief.get("/tickets").at("/sign-in")
}

func TestForgedCookiesAreNobody(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	a := must(s.accounts.Ensure(t.Context(), "forged@fair.example", ""))(t)
	good, _ := s.accounts.Issue(account.Session, a, account.CodeTTL)
	bearer, _ := s.accounts.Issue(account.Bearer, a, account.CodeTTL)
	past, _ := s.accounts.Issue(account.Session, a, -account.CodeTTL)
	for name, value := range map[string]string{
		"bent": good[:len(good)-2] + "xx", "cut": good[:20], "bearer": bearer, "past": past, "garbage": "hello", "long": strings.Repeat("a", 4000),
	} {
		b := s.visitor()
		b.cookie("fq_session", value)
		if p := b.look("/tickets"); p.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d", name, p.StatusCode)
		}
	}
}

func TestWrongCodes(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	b := s.visitor()
	const email = "wrong@fair.example"
	p := b.send(b.get("/sign-in?next=/tickets"), "/sign-in", "email", email).at("/sign-in/code")
	code := s.code(email, 1)
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	for range 5 {
		p = b.send(p, "/sign-in/code", "code", wrong).at("/sign-in/code")
		if len(find(p.doc, "#code[aria-invalid=true]")) != 1 {
			t.Fatalf("the field does not say that it is wrong:\n%s", p.says())
		}
		if got := attr(find(p.doc, "form[action=/sign-in/code] input[name=email]")[0], "value"); got != email {
			t.Fatalf("the e-mail is lost: %q", got)
		}
	}
	// Now even the right one does not work.
	p = b.send(p, "/sign-in/code", "code", code).at("/sign-in/code")
	if len(find(p.doc, "#code[aria-invalid=true]")) != 1 {
		t.Fatalf("the sixth try:\n%s", p.says())
	}
	// A new one does, and the way is not lost.
	p = b.send(p, "/sign-in").at("/sign-in/code")
	b.submit(p, "/sign-in/code", "code", s.code(email, 2)).redirects("/tickets")
}

func TestAnExpiredCodeSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	b := s.visitor()
	const email = "late@fair.example"
	p := b.send(b.get("/sign-in"), "/sign-in", "email", email).at("/sign-in/code")
	code := s.code(email, 1)
	if _, err := s.pool.Exec(t.Context(), `UPDATE codes SET expires_at = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	p = b.send(p, "/sign-in/code", "code", code).at("/sign-in/code")
	if len(find(p.doc, "#code[aria-invalid=true]")) != 1 || len(find(p.doc, "form[action=/sign-in] button")) != 1 {
		t.Errorf("no way to a new code:\n%s", p.says())
	}
}

func TestWrongAddresses(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.visitor()
	for _, email := range []string{"", "nobody", "a@b@c", "x\ny@fair.example", strings.Repeat("a", 300) + "@fair.example"} {
		p := b.follow(b.post("/sign-in", url.Values{"email": {email}, "next": {"/tickets"}})).at("/sign-in")
		if len(find(p.doc, "#email[aria-invalid=true]")) != 1 {
			t.Errorf("%q: the field does not say that it is wrong", email)
		}
		if got := attr(find(p.doc, "form[action=/sign-in] input[name=next]")[0], "value"); got != "/tickets" {
			t.Errorf("%q: the way is lost: %q", email, got)
		}
	}
	if n := s.count(`SELECT count(*) FROM codes`); n != 0 {
		t.Errorf("%d codes", n)
	}
	// The code page without a sign-in under way.
	b.look("/sign-in/code").redirects("/sign-in")
}

func TestTheSignInNeverLeadsAway(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	for i, next := range []string{"//evil.example", `/\evil.example`, "https://evil.example/", "/\t/evil.example"} {
		b := s.visitor()
		email := path("open-%d@fair.example", i)
		b.follow(b.post("/sign-in", url.Values{"email": {email}, "next": {next}})).at("/sign-in/code")
		b.post("/sign-in/code", url.Values{"email": {email}, "code": {s.code(email, 1)}, "next": {next}}).redirects("/")
		b.look("/sign-in?" + url.Values{"next": {next}}.Encode()).redirects("/")
	}
}

// An emptied, lying or broken Redis signs nobody out and loses no sign-in.
func TestRedisSignsNobodyOut(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	fan := s.fan("stays@fair.example")
	b := s.visitor()
	p := b.send(b.get("/sign-in?next=/tickets"), "/sign-in", "email", "redis@fair.example").at("/sign-in/code")

	keys := must(s.redis.Keys(t.Context(), "fq:session:*").Result())(t)
	if len(keys) == 0 {
		t.Fatal("nothing is cached: the test shows nothing")
	}
	for _, lie := range []func(key string) error{
		func(key string) error { return s.redis.Set(t.Context(), key, "garbage", 0).Err() },
		func(key string) error {
			return s.redis.Set(t.Context(), key, strings.Repeat("0", 64)+`{"deadline":"2099-01-01T00:00:00Z","values":{"sign-in":"{\"email\":\"evil@fair.example\"}"}}`, 0).Err()
		},
		func(key string) error {
			s.redis.Del(t.Context(), key)
			return s.redis.LPush(t.Context(), key, "a list").Err()
		},
		func(string) error { return s.redis.FlushAll(t.Context()).Err() },
		func(string) error { return s.redis.Close() },
	} {
		for _, key := range keys {
			if err := lie(key); err != nil {
				t.Fatal(err)
			}
		}
		p = b.get("/sign-in/code").at("/sign-in/code")
		if got := attr(find(p.doc, "form[action=/sign-in/code] input[name=email]")[0], "value"); got != "redis@fair.example" {
			t.Fatalf("the sign-in under way became %q", got)
		}
		fan.get("/tickets").at("/tickets")
	}
	b.submit(p, "/sign-in/code", "code", s.code("redis@fair.example", 1)).redirects("/tickets")
}

// Asking for codes is limited by address, with a page that says when to come
// back.
func TestTooManyCodes(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.visitor()
	for i := range 2 * guard.CodesPerAddress.N {
		p := b.post("/sign-in", url.Values{"email": {path("many-%d@fair.example", i)}})
		if p.StatusCode == http.StatusTooManyRequests {
			if p.Header.Get("Retry-After") == "" || p.doc == nil {
				t.Error("no Retry-After, or no page")
			}
			return
		}
	}
	t.Error("nothing ends the codes")
}

func TestTheMailboxForPrograms(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.work()
	b := s.visitor()
	b.post("/sign-in", url.Values{"email": {"box@fair.example"}})
	code := s.code("box@fair.example", 1)
	r := b.request(http.MethodGet, "/dev/mail?to=box@fair.example", nil)
	r.Header.Set("Accept", "application/json")
	for _, p := range []*page{b.do(r), b.get("/dev/mail?format=json&to=box@fair.example")} {
		for _, part := range []string{`[{"to":"box@fair.example"`, `"subject":`, `"text":`, `"sent_at":`, code} {
			if !strings.Contains(p.body, part) {
				t.Errorf("no %s in %s", part, p.body)
			}
		}
	}
	if p := b.get("/dev/mail?format=json&to=nobody@fair.example"); strings.TrimSpace(p.body) != "[]" {
		t.Errorf("nobody's mail: %s", p.body)
	}
	b.get("/dev/mail").has(code)
}
