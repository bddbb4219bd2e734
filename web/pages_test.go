package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/sale"
	"fairqueue/web"
)

// Every route answers with the headers that say what a browser may do, whoever
// asks and whatever the answer is.
func TestEveryRouteSendsTheHeaders(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Headers")
	stranger, fan := s.visitor(), s.fan("headers@fair.example")
	seen := 0
	for _, r := range s.web.Routes() {
		if r.Method != http.MethodGet && r.Method != http.MethodPost || strings.HasSuffix(r.Path, "/stream") {
			continue
		}
		to := fill(r.Path, e)
		for who, b := range map[string]*browser{"stranger": stranger, "fan": fan} {
			p := b.do(b.request(r.Method, to, nil))
			seen++
			h := p.Header
			script := directive(h.Get("Content-Security-Policy"), "script-src")
			// What programs read may load nothing at all where a browser shows it.
			wanted, headers := "'self'", map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}
			if strings.HasPrefix(r.Path, "/api/v1/") {
				wanted, headers = "'none'", map[string]string{"X-Content-Type-Options": "nosniff"}
			} else if h.Get("Permissions-Policy") == "" {
				t.Errorf("%s %s (%s): no Permissions-Policy", r.Method, to, who)
			}
			if script != wanted {
				t.Errorf("%s %s (%s): script-src %q", r.Method, to, who, script)
			}
			for name, want := range headers {
				if h.Get(name) != want {
					t.Errorf("%s %s (%s): %s is %q", r.Method, to, who, name, h.Get(name))
				}
			}
			if len(h.Get("X-Request-Id")) < 16 {
				t.Errorf("%s %s (%s): no request id: %v", r.Method, to, who, h)
			}
			if h.Get("Strict-Transport-Security") != "" {
				t.Errorf("%s: HSTS over http", to)
			}
			if p.StatusCode >= 500 {
				t.Errorf("%s %s (%s): %d\n%s", r.Method, to, who, p.StatusCode, s.log.text())
			}
			if p.doc != nil && len(find(p.doc, "h1")) != 1 && p.StatusCode == http.StatusOK && !strings.HasSuffix(to, "/live") {
				t.Errorf("%s (%s): %d headings", to, who, len(find(p.doc, "h1")))
			}
		}
	}
	if seen < 80 {
		t.Errorf("only %d requests", seen)
	}
}

func fill(path string, e *sale.Snapshot) string {
	for part, with := range map[string]string{
		":slug": e.Event.Slug, ":event": e.ID().String(), "{event}": e.ID().String(), ":claim": e.ID().String(), ":id": e.ID().String(),
		":name": "home", "*": "fq.css",
	} {
		path = strings.ReplaceAll(path, part, with)
	}
	return path
}

func directive(csp, name string) string {
	for d := range strings.SplitSeq(csp, ";") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(d), name+" "); ok {
			return rest
		}
	}
	return ""
}

func TestContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	csp := s.visitor().get("/").Header.Get("Content-Security-Policy")
	for name, want := range map[string]string{
		"default-src": "'self'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:", "base-uri": "'none'",
		"frame-ancestors": "'none'", "object-src": "'none'", "form-action": "'self' " + s.provider.URL,
	} {
		if got := directive(csp, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Error(csp)
	}
}

func TestOverHTTPS(t *testing.T) {
	t.Parallel()
	s := newStack(t, func(c *web.Config) {
		u := *c.PublicURL
		u.Scheme, u.Host = "https", "fair.example"
		c.PublicURL = &u
	})
	p := s.visitor().post("/theme", url.Values{"theme": {"fq-night"}, "next": {"/"}})
	if !strings.HasPrefix(p.Header.Get("Strict-Transport-Security"), "max-age=") {
		t.Error("no HSTS")
	}
	for _, c := range p.Cookies() {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %s: %+v", c.Name, c)
		}
	}
	if len(p.Cookies()) == 0 {
		t.Error("no cookie")
	}
}

// Forms of other sites do nothing; those of ours, and programs without a
// browser, do.
func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Foreign forms")
	fan := s.fan("foreign@fair.example")
	for name, headers := range map[string]map[string]string{
		"cross-site":     {"Sec-Fetch-Site": "cross-site"},
		"same-site":      {"Sec-Fetch-Site": "same-site"},
		"foreign origin": {"Origin": "https://evil.example"},
		"null origin":    {"Origin": "null"},
	} {
		r := fan.request(http.MethodPost, "/events/"+e.Event.Slug+"/queue", nil)
		for k, v := range headers {
			r.Header.Set(k, v)
		}
		if p := fan.do(r); p.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, p.StatusCode)
		}
	}
	if n := s.count(`SELECT count(*) FROM spots`); n != 0 {
		t.Fatalf("%d places from foreign forms", n)
	}
	fan.post("/events/"+e.Event.Slug+"/queue", nil).redirects("/events/" + e.Event.Slug + "/queue")
}

func TestUnknownPagesAndWrongMethods(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Known")
	b := s.visitor()
	for _, to := range []string{"/nothing", "/events/nothing-here", "/events/nothing-here/queue", "/gallery/none", "/organizer/nothing/here"} {
		p := b.get(to).status(http.StatusNotFound)
		if id := p.Header.Get("X-Request-Id"); id == "" || !strings.Contains(p.says(), id) {
			t.Errorf("%s: the page does not say its id %q:\n%s", to, id, p.says())
		}
	}
	for _, to := range []string{"/events/" + e.Event.Slug + "/enter", "/sign-out", "/theme", "/checkout/" + e.ID().String() + "/pay"} {
		p := b.look(to).status(http.StatusMethodNotAllowed)
		if !strings.Contains(p.Header.Get("Allow"), http.MethodPost) {
			t.Errorf("%s: Allow is %q", to, p.Header.Get("Allow"))
		}
		p.has("This address takes a form only")
	}
	p := b.do(b.request(http.MethodDelete, "/tickets", nil)).status(http.StatusMethodNotAllowed)
	if p.doc == nil {
		t.Error("no page")
	}
	r := b.request(http.MethodGet, "/nothing", nil)
	r.Header.Set("HX-Request", "true")
	p = b.do(r).status(http.StatusNotFound)
	if strings.Contains(p.body, "<html") {
		t.Error("htmx got a whole page")
	}
	if p := b.get("/api/v1/nothing"); p.Header.Get("Content-Type") != "application/problem+json" || p.StatusCode != http.StatusNotFound {
		t.Errorf("the API answers %d %s", p.StatusCode, p.Header.Get("Content-Type"))
	}
	b.get("/api/v1/events").status(http.StatusOK)
}

func TestLargeFormsChangeNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Large")
	fan := s.fan("large@fair.example")
	for _, chunked := range []bool{false, true} {
		r := fan.request(http.MethodPost, "/events/"+e.Event.Slug+"/queue", strings.NewReader("a="+strings.Repeat("x", 10<<20)))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if chunked {
			r.ContentLength = -1
		}
		resp, err := fan.http.Do(r)
		if err != nil {
			continue // The server closed the connection on us, which is as good.
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("chunked %v: %d", chunked, resp.StatusCode)
		}
	}
	if n := s.count(`SELECT count(*) FROM spots`); n != 0 {
		t.Errorf("%d places", n)
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.visitor()
	for _, to := range []string{"/", "/livez", "/robots.txt"} {
		p := b.do(b.request(http.MethodHead, to, nil)).status(http.StatusOK)
		if p.body != "" {
			t.Errorf("%s: a body of %d bytes", to, len(p.body))
		}
	}
}

func TestProbesAndMetrics(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.visitor()
	b.get("/livez").status(http.StatusOK)
	b.get("/readyz").status(http.StatusOK)
	b.get("/events/never-there").status(http.StatusNotFound)
	b.get("/never/there").status(http.StatusNotFound)
	b.do(b.request("BREW", "/livez", nil))
	m := b.get("/metrics").status(http.StatusOK)
	for _, line := range []string{
		`fairqueue_http_requests_total{method="GET",route="/events/:slug",status="404"} 1`,
		`fairqueue_http_request_seconds_count{method="GET",route="/livez"} 1`,
		`fairqueue_http_requests_total{method="GET",route="unmatched",status="404"} 1`,
		`fairqueue_http_requests_total{method="other",`,
		"fairqueue_http_in_flight 1", "fairqueue_http_streams 0",
	} {
		if !strings.Contains(m.body, line) {
			t.Errorf("metrics do not hold %s", line)
		}
	}
	if strings.Contains(m.body, "never") || strings.Contains(m.body, "BREW") {
		t.Error("a path is a label")
	}
	quiet := newStack(t, func(c *web.Config) { c.MetricsOnMain, c.Env = false, "production" })
	for _, to := range []string{"/metrics", "/dev/mail", "/gallery", "/gallery/home"} {
		quiet.visitor().get(to).status(http.StatusNotFound)
	}
}

// One line a request, with the pattern of the route, and nothing that a person
// typed or may keep to themselves.
func TestOneLogLineARequest(t *testing.T) {
	t.Parallel()
	s := newStack(t, loopback)
	s.work()
	e := s.event("Logged")
	fan := s.fan("logged@fair.example")
	p := fan.get("/events/" + e.Event.Slug + "/queue?x=private-query")
	fan.post("/sign-in", url.Values{"email": {"typed@fair.example"}})
	r := fan.request(http.MethodGet, "/livez", nil)
	r.Header.Set("X-Request-Id", "from-the-proxy-1")
	fan.do(r)

	lines := s.log.requests()
	if len(lines) != 3 {
		t.Fatalf("%d lines for 3 requests", len(lines))
	}
	one := lines[0]
	if one["route"] != "/events/:slug/queue" || one["method"] != "GET" || one["status"] != 200.0 ||
		one["request"] != p.Header.Get("X-Request-Id") || one["account"] != fan.acc.ID.String() || one["bytes"] == 0.0 || one["took"] == nil {
		t.Errorf("the line is %v", one)
	}
	if lines[2]["request"] != "from-the-proxy-1" {
		t.Errorf("the proxy's id is lost: %v", lines[2])
	}
	code := s.code("typed@fair.example", 1)
	text := s.log.text()
	for _, secret := range []string{"typed@fair.example", "logged@fair.example", "private-query", code, "fqs_"} {
		if strings.Contains(text, secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

func TestIdsFromStrangersAreNotBelieved(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.visitor()
	r := b.request(http.MethodGet, "/livez", nil)
	r.Header.Set("X-Request-Id", "from-a-stranger-1")
	if id := b.do(r).Header.Get("X-Request-Id"); id == "from-a-stranger-1" {
		t.Error("a stranger chose the id of a log line")
	}
}

func TestThemeIsKept(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.visitor()
	home := b.get("/").at("/")
	home = b.send(home, "/theme", "theme", "fq-night")
	if got := attr(find(home.doc, "html")[0], "data-theme"); got != "fq-night" {
		t.Errorf("theme %q", got)
	}
	b.post("/theme", url.Values{"theme": {"fq-day"}, "next": {"//evil.example"}}).redirects("/")
	b.post("/theme", url.Values{"theme": {`"><script>`}, "next": {"/help"}}).redirects("/help")
	if got := find(b.get("/help").doc, "html[data-theme]"); len(got) != 0 {
		t.Error("a strange theme was kept")
	}
}

func TestPersonalPagesAreNeverCached(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.event("Cached")
	fan, stranger := s.fan("cached@fair.example"), s.visitor()
	for _, to := range []string{"/tickets", "/events/" + e.Event.Slug + "/queue", "/organizer", "/events/" + e.Event.Slug, "/"} {
		if got := fan.get(to).Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: %q", to, got)
		}
	}
	// With a notice, too.
	early := s.event("Cached early", func(n *sale.NewSale) { n.Terms.OpensAt = time.Now().Add(time.Hour) })
	p := fan.follow(fan.post("/events/"+early.Event.Slug+"/queue", nil))
	if got := p.Header.Values("Cache-Control"); len(got) != 1 || got[0] != "no-store" {
		t.Errorf("a page with a notice: %q", got)
	}
	p = stranger.get("/events/" + e.Event.Slug)
	if got := p.Header.Get("Cache-Control"); !strings.Contains(got, "private") || !slices.Contains(p.Header.Values("Vary"), "Cookie") {
		t.Errorf("a stranger's page: %q, Vary %v", got, p.Header.Values("Vary"))
	}
}

func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.visitor()
	r := b.request(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	p := b.do(r).status(http.StatusOK)
	if p.Header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(p.body, "\x1f\x8b") {
		t.Errorf("encoding %q", p.Header.Get("Content-Encoding"))
	}
}

// A draft is nothing to anybody but its organization.
func TestDraftsAreHidden(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	e := s.draft("Hidden")
	stranger, fan, owner := s.visitor(), s.fan("curious@fair.example"), s.as(s.org)
	other := s.fan("other@fair.example")
	if _, err := s.accounts.BecomeOrganizer(t.Context(), other.acc.ID, "Others"); err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{"", "/queue", "/tickets", "/fairness", "/leave"} {
		for who, b := range map[string]*browser{"stranger": stranger, "fan": fan, "another organizer": other} {
			if p := b.get("/events/" + e.Event.Slug + more); p.StatusCode != http.StatusNotFound {
				t.Errorf("%s sees %s: %d", who, more, p.StatusCode)
			}
		}
	}
	for _, b := range []*browser{fan, other} {
		b.get("/organizer/events/" + e.ID().String()).status(http.StatusNotFound)
		b.post("/organizer/events/"+e.ID().String()+"/publish", nil).status(http.StatusNotFound)
	}
	owner.get("/events/" + e.Event.Slug).status(http.StatusOK).has("Hidden")
	if p := stranger.get("/"); strings.Contains(p.body, "Hidden") {
		t.Error("the list shows a draft")
	}
}

func TestGalleryAndTexts(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	b := s.visitor()
	index := b.get("/gallery").status(http.StatusOK)
	links := 0
	for _, a := range find(index.doc, "a") {
		if to := attr(a, "href"); strings.HasPrefix(to, "/gallery/") {
			links++
			b.get(to).status(http.StatusOK)
		}
	}
	if links < 10 {
		t.Errorf("%d views in the gallery", links)
	}
	if got := attr(find(b.get("/gallery?theme=fq-night").doc, "html")[0], "data-theme"); got != "fq-night" {
		t.Errorf("theme %q", got)
	}
	for _, to := range []string{"/help", "/privacy", "/fairness", "/robots.txt"} {
		b.get(to).status(http.StatusOK)
	}
	if p := b.get("/favicon.ico"); p.StatusCode != http.StatusOK || p.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("favicon: %d %s", p.StatusCode, p.Header.Get("Content-Type"))
	}
}
