package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"fairqueue/views"
)

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

var zippers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.DefaultCompression)
	if err != nil {
		panic(err) // The level is a constant.
	}
	return z
}}

// small answers gain nothing from compression: they fit a packet as they are.
const small = 1 << 10

// render writes a page or a part of one. It is complete before the first byte
// leaves, so that an error in a view is still a 500.
func (s *Server) render(c echo.Context, status int, page templ.Component) error {
	buf := buffers.Get().(*bytes.Buffer) //nolint:forcetypeassert // Nothing else is in the pool.
	defer buffers.Put(buf)
	buf.Reset()
	if err := page.Render(c.Request().Context(), buf); err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/html; charset=utf-8")
	h.Add(echo.HeaderVary, "Cookie")
	h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-cache")
		if _, signedIn := who(c); signedIn || status >= 400 {
			h.Set("Cache-Control", "no-store")
		}
	}
	if buf.Len() <= small || !acceptsGzip(c.Request()) {
		c.Response().WriteHeader(status)
		_, err := c.Response().Write(buf.Bytes())
		return err
	}
	h.Set(echo.HeaderContentEncoding, "gzip")
	c.Response().WriteHeader(status)
	z := zippers.Get().(*gzip.Writer) //nolint:forcetypeassert // Nothing else is in the pool.
	defer zippers.Put(z)
	z.Reset(c.Response())
	if _, err := z.Write(buf.Bytes()); err != nil {
		return err
	}
	return z.Close()
}

// acceptsGzip reads the only encoding we offer out of Accept-Encoding.
func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get(echo.HeaderAcceptEncoding), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) == "gzip" {
			q = strings.ReplaceAll(q, " ", "")
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

// page is render for an ordinary page.
func (s *Server) page(c echo.Context, page templ.Component) error {
	return s.render(c, http.StatusOK, page)
}

// see sends the browser to another page with GET: the answer to every form
// that did something, so that neither Back nor Reload sends it again.
func see(c echo.Context, to string) error { return c.Redirect(http.StatusSeeOther, to) }

// personal keeps an answer out of every cache.
func personal(c echo.Context) { c.Response().Header().Set("Cache-Control", "no-store") }

// frame is what every page knows. It never looks anything up: the name comes
// from a cookie that only the person's own pages show.
func (s *Server) frame(c echo.Context) views.Frame {
	f := views.Frame{
		Theme:     themeOf(c.Request()),
		Path:      "/",
		Now:       s.now(),
		RequestID: requestID(c),
		Dev:       s.dev(),
		TestMode:  s.cfg.TestMode,
	}
	if c.Request().Method == http.MethodGet {
		f.Path = c.Request().URL.RequestURI()
		// A part of a page comes back to the page.
		f.Path = strings.TrimSuffix(f.Path, "/live")
	}
	if id, ok := who(c); ok {
		b := s.badge(c, id)
		f.Name, f.Organizer = b.Name, b.Organizer
	}
	return f
}
