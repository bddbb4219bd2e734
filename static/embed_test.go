package static_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"fairqueue/static"
)

var names = []string{"fq.css", "htmx.js", "fairness.js", "hold.js", "page.js", "seats.js", "waiting.js", "anton-fq.woff2", "icon.svg", "licenses.txt"}

func get(t *testing.T, method, url, encoding, etag string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	r.Header.Set("Accept-Encoding", encoding)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	return w.Result()
}

func read(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFilesAreNamedByTheirContent(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		url := static.URL(name)
		if !regexp.MustCompile(`^/static/[a-z-]+\.[0-9a-f]{10}\.[a-z0-9]+$`).MatchString(url) {
			t.Errorf("%s: address %q carries no hash", name, url)
			continue
		}
		res := get(t, "GET", url, "", "")
		if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, Cache-Control %q", name, res.StatusCode, res.Header.Get("Cache-Control"))
		}
		plain := read(t, res.Body)
		zipped := get(t, "GET", url, "br, gzip", "")
		body := read(t, zipped.Body)
		if zipped.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			body = read(t, z)
		}
		if !bytes.Equal(plain, body) {
			t.Errorf("%s: compressed content differs", name)
		}
		if again := get(t, "GET", url, "", res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: a known ETag got %d", name, again.StatusCode)
		}
		if head := get(t, "HEAD", url, "", ""); len(read(t, head.Body)) != 0 || head.Header.Get("Content-Length") == "" {
			t.Errorf("%s: HEAD sent a body or no length", name)
		}
	}
}

func TestOnlyHashedFilesAreServed(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"/static/", "/static/fq.css", "/static/../go.mod", "/static/fq.0000000000.css", "/static/embed.go", "/fq.css"} {
		if res := get(t, "GET", "http://x"+url, "", ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", url, res.StatusCode)
		}
	}
	if res := get(t, "POST", static.URL("fq.css"), "", ""); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", res.StatusCode)
	}
	if res := get(t, "GET", static.URL("fq.css"), "gzip;q=0", ""); res.Header.Get("Content-Encoding") != "" {
		t.Error("sent gzip to somebody who refuses it")
	}
}

func TestStyleSheetNamesTheFontByItsHash(t *testing.T) {
	t.Parallel()
	css := string(read(t, get(t, "GET", static.URL("fq.css"), "", "").Body))
	if !strings.Contains(css, static.URL("anton-fq.woff2")) {
		t.Error("the style sheet does not load the hashed font")
	}
	if m := regexp.MustCompile(`https?://[^)"'\s]*`).FindAllString(css, -1); len(m) > 0 {
		for _, u := range m {
			if !strings.Contains(u, "tailwindcss.com") && !strings.Contains(u, "w3.org") && !strings.Contains(u, "daisyui.com") {
				t.Errorf("the style sheet names another host: %s", u)
			}
		}
	}
}

// comments are the lines that the build leaves out.
var comments = regexp.MustCompile(`(?m)^[ \t]*//.*\n`)

// Somebody who changes a source and forgets the build is told here.
func TestDistIsBuiltFromTheSources(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{"alert.js": "js/alert.js", "hold.js": "js/hold.js", "page.js": "js/page.js", "seats.js": "js/seats.js", "waiting.js": "js/waiting.js", "icon.svg": "icons/icon.svg", "anton-fq.woff2": "fonts/anton-fq.woff2"} {
		want, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, ".js") {
			want = comments.ReplaceAll(want, nil)
		}
		if !bytes.Equal(want, read(t, get(t, "GET", static.URL(name), "", "").Body)) {
			t.Errorf("dist/%s differs from %s: run npm run build in static/", name, source)
		}
	}
}

// Bytes that a phone on a metered line pays for.
func TestSizes(t *testing.T) {
	t.Parallel()
	size := func(name string) int { return len(read(t, get(t, "GET", static.URL(name), "gzip", "").Body)) }
	if n := size("fq.css"); n > 14<<10 {
		t.Errorf("style sheet is %d bytes compressed, at most 14 kB", n)
	}
	if n := size("anton-fq.woff2"); n > 10<<10 {
		t.Errorf("font is %d bytes, at most 10 kB", n)
	}
	if n := size("page.js") + size("waiting.js"); n > 8<<10 {
		t.Errorf("our scripts are %d bytes compressed, at most 8 kB", n)
	}
	if n := size("seats.js"); n > 6<<10 {
		t.Errorf("the script of the seats is %d bytes compressed, at most 6 kB", n)
	}
	if n := size("hold.js"); n > 3<<10 {
		t.Errorf("the script of a hold is %d bytes compressed, at most 3 kB", n)
	}
}
