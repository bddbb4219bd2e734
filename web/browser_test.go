package web_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"fairqueue/internal/account"
)

// browser is one person's browser without JavaScript.
type browser struct {
	t    testing.TB
	s    *stack
	http *http.Client
	acc  account.Account
}

// page is what the browser shows.
type page struct {
	*http.Response
	t    testing.TB
	body string
	doc  *html.Node
}

// visitor opens a browser in which nobody is signed in.
func (s *stack) visitor() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{t: s.t, s: s, http: &http.Client{
		Jar: jar, Transport: s.server.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// fan opens a browser in which an address is signed in.
func (s *stack) fan(email string) *browser {
	s.t.Helper()
	a, err := s.accounts.Ensure(s.t.Context(), email, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return s.as(a)
}

func (s *stack) as(a account.Account) *browser {
	s.t.Helper()
	b := s.visitor()
	b.acc = a
	value, _ := s.accounts.Issue(account.Session, a, account.CodeTTL*100)
	b.cookie("fq_session", value)
	return b
}

func (b *browser) cookie(name, value string) {
	u, err := url.Parse(b.s.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}}) //nolint:gosec // Of the browser, not of the server.
}

func (b *browser) cookies() (names []string) {
	u, err := url.Parse(b.s.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(u) {
		names = append(names, c.Name)
	}
	return names
}

func (b *browser) do(r *http.Request) *page {
	b.t.Helper()
	resp, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	raw, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		b.t.Fatal(err)
	}
	p := &page{Response: resp, t: b.t, body: string(raw)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		if p.doc, err = html.Parse(strings.NewReader(p.body)); err != nil {
			b.t.Fatal(err)
		}
	}
	return p
}

func (b *browser) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.s.server.URL + path
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// get loads a page and follows where it leads.
func (b *browser) get(path string) *page {
	b.t.Helper()
	return b.follow(b.do(b.request(http.MethodGet, path, nil)))
}

// look loads a page and follows nothing.
func (b *browser) look(path string) *page {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

// post sends a form and follows nothing.
func (b *browser) post(path string, form url.Values) *page {
	b.t.Helper()
	r := b.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.s.server.URL)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

func (b *browser) follow(p *page) *page {
	b.t.Helper()
	for range 6 {
		to := p.Header.Get("Location")
		if p.StatusCode < 300 || p.StatusCode > 399 || to == "" {
			return p
		}
		if strings.HasPrefix(to, "http") && !strings.HasPrefix(to, b.s.server.URL) {
			return p // Another site.
		}
		p = b.do(b.request(http.MethodGet, to, nil))
	}
	b.t.Fatal("redirects in a circle")
	return nil
}

// submit fills in the form with an action that stands on a page and sends it,
// as a browser without JavaScript does; it follows nothing.
func (b *browser) submit(p *page, action string, fields ...string) *page {
	b.t.Helper()
	forms := find(p.doc, "form[action="+action+"]")
	if len(forms) == 0 {
		b.t.Fatalf("no form for %s on the page %q:\n%s", action, p.title(), words(p.doc))
	}
	if attr(forms[0], "method") != "post" {
		b.t.Fatalf("the form for %s does not post", action)
	}
	values := url.Values{}
	names := map[string]bool{}
	for _, kind := range []string{"input", "textarea", "select", "button"} {
		for _, in := range find(forms[0], kind) {
			name := attr(in, "name")
			names[name] = true
			switch {
			case name == "" || kind == "button":
			case kind == "textarea":
				values.Set(name, words(in))
			case kind == "select":
				for _, o := range find(in, "option[selected]") {
					values.Set(name, attr(o, "value"))
				}
			case attr(in, "type") == "radio" || attr(in, "type") == "checkbox":
				if has(in, "checked") {
					values.Set(name, attr(in, "value"))
				}
			default:
				values.Set(name, attr(in, "value"))
				if attr(in, "autocomplete") == "name" && has(in, "required") && attr(in, "value") == "" {
					values.Set(name, "Adaeze Obi") // whom a browser would not let go without a name
				}
			}
		}
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if !names[fields[i]] {
			b.t.Fatalf("the form for %s has no field %s", action, fields[i])
		}
		values.Set(fields[i], fields[i+1])
	}
	return b.post(action, values)
}

// send is submit, and follows.
func (b *browser) send(p *page, action string, fields ...string) *page {
	b.t.Helper()
	return b.follow(b.submit(p, action, fields...))
}

func (p *page) title() string {
	if p.doc == nil {
		return p.Status
	}
	if h := find(p.doc, "h1"); len(h) > 0 {
		return words(h[0])
	}
	return ""
}

// at fails unless the page is the one at a path, and fine.
func (p *page) at(path string) *page {
	p.t.Helper()
	if got := p.Request.URL.Path; got != path || p.StatusCode != http.StatusOK {
		p.t.Fatalf("on %s (%d), want %s; the page says:\n%s", got, p.StatusCode, path, p.says())
	}
	return p
}

func (p *page) says() string {
	if p.doc == nil {
		return p.body
	}
	if m := find(p.doc, "main"); len(m) > 0 {
		return words(m[0])
	}
	return words(p.doc)
}

// has fails unless the page says every text.
func (p *page) has(texts ...string) *page {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.says(), text) {
			p.t.Fatalf("the page at %s does not say %q:\n%s", p.Request.URL.Path, text, p.says())
		}
	}
	return p
}

// redirects fails unless the answer is 303 to a path.
func (p *page) redirects(to string) *page {
	p.t.Helper()
	if p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != to {
		p.t.Fatalf("%s %s: %d to %q, want 303 to %q\n%s", p.Request.Method, p.Request.URL.Path, p.StatusCode, p.Header.Get("Location"), to, p.says())
	}
	return p
}

// status fails unless the answer has a status.
func (p *page) status(want int) *page {
	p.t.Helper()
	if p.StatusCode != want {
		p.t.Fatalf("%s %s: %d, want %d\n%s", p.Request.Method, p.Request.URL.Path, p.StatusCode, want, p.says())
	}
	return p
}

func (b *browser) hasCookie(name string) bool { return slices.Contains(b.cookies(), name) }
