package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed dist
var dist embed.FS

// file is one embedded file, ready to send.
type file struct {
	kind   string // Content-Type
	etag   string
	plain  []byte
	gzip   []byte // nil: compressing does not help
	length string
}

type bundle struct {
	urls  map[string]string // plain name → address
	files map[string]file   // address → file
}

// The mime package would ask the machine's own tables, which differ.
var kinds = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

var load = sync.OnceValue(func() bundle {
	b := bundle{urls: map[string]string{}, files: map[string]file{}}
	entries, err := fs.ReadDir(dist, "dist")
	if err != nil {
		panic("static: dist is not embedded: " + err.Error())
	}
	// Style sheets last: they name other files, and their own name covers those.
	for _, sheets := range []bool{false, true} {
		for _, e := range entries {
			name := e.Name()
			ext := path.Ext(name)
			if kinds[ext] == "" || (ext == ".css") != sheets {
				continue
			}
			content, err := dist.ReadFile("dist/" + name)
			if err != nil {
				panic("static: " + err.Error())
			}
			if sheets {
				for other, url := range b.urls {
					content = bytes.ReplaceAll(content, []byte("./"+other), []byte(url))
				}
			}
			b.add(name, ext, content)
		}
	}
	return b
})

func (b bundle) add(name, ext string, content []byte) {
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:5])
	url := "/static/" + strings.TrimSuffix(name, ext) + "." + hash + ext
	f := file{kind: kinds[ext], etag: `"` + hash + `"`, plain: content, length: strconv.Itoa(len(content))}
	if ext != ".woff2" { // compressed already
		if z := squeeze(content); len(z) < len(content)*9/10 {
			f.gzip = z
		}
	}
	b.urls[name], b.files[url] = url, f
}

func squeeze(content []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if _, err := w.Write(content); err != nil {
		return content
	}
	if err := w.Close(); err != nil {
		return content
	}
	return out.Bytes()
}

// URL is the address of a file by its plain name, such as "fq.css". An unknown
// name gives an address that answers 404.
func URL(name string) string {
	if url, ok := load().urls[name]; ok {
		return url
	}
	return "/static/" + name
}

// Handler serves the files below /static/ by their full path. Anything else is 404.
func Handler() http.Handler {
	b := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := b.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("ETag", f.etag)
		if f.gzip != nil {
			h.Set("Vary", "Accept-Encoding")
		}
		if r.Header.Get("If-None-Match") == f.etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		body, length := f.plain, f.length
		if f.gzip != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body, length = f.gzip, strconv.Itoa(len(f.gzip))
		}
		h.Set("Content-Length", length)
		if r.Method == http.MethodGet {
			_, _ = w.Write(body)
		}
	})
}

// acceptsGzip reads the header as far as it matters: named, and not refused.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q = strings.ReplaceAll(q, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}
