package web

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
)

// guards are the fixed parts of the middleware, made once.
type guards struct {
	// The fixed headers: of every answer of a page, of those that are a document
	// besides, and of answers to programs. The values are shared by all answers and
	// never changed: who sets a header replaces them.
	always   []header
	document map[string][]string
	plain    []header
	origins  *http.CrossOriginProtection
	proxies  []netip.Prefix
}

type header struct {
	name   string
	values []string
}

func newGuards(cfg Config) guards {
	g := guards{origins: http.NewCrossOriginProtection(), proxies: cfg.TrustedProxies}
	// Chromium applies form-action to the redirects of a form too: paying is a
	// POST to us that leads to the provider's page.
	form := "'self'"
	if cfg.PaymentOrigin != "" {
		form += " " + cfg.PaymentOrigin
	}
	csp := "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"object-src 'none'; form-action " + form + "; base-uri 'none'; frame-ancestors 'none'"
	g.always = []header{{"X-Content-Type-Options", []string{"nosniff"}}}
	if cfg.PublicURL.Scheme == "https" {
		g.always = append(g.always, header{"Strict-Transport-Security", []string{"max-age=31536000"}})
	}
	// An answer of JSON that a browser shows as a page may load nothing.
	g.plain = append(slices.Clone(g.always), header{"Content-Security-Policy", []string{"default-src 'none'; script-src 'none'; frame-ancestors 'none'"}})
	g.document = map[string][]string{
		"Content-Security-Policy": {csp},
		"X-Frame-Options":         {"DENY"},
		// Without an origin our own forms could not be told from foreign ones.
		"Referrer-Policy":            {"same-origin"},
		"Permissions-Policy":         {"camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
		"Cross-Origin-Opener-Policy": {"same-origin"},
	}
	return g
}

// give gives an answer some fixed headers.
func give(h http.Header, fixed []header) {
	for _, f := range fixed {
		h[f.name] = f.values
	}
}

// trusted reports whether the peer of a request is one of our own proxies.
func (g guards) trusted(r *http.Request) bool {
	if len(g.proxies) == 0 {
		return false
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, p := range g.proxies {
		if p.Contains(ap.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// ipExtractor finds the address of a person: the peer, or what trusted proxies
// say about it. Anybody else's forwarding headers are not believed.
func ipExtractor(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	opts := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range proxies {
		opts = append(opts, echo.TrustIPRange(&net.IPNet{
			IP:   p.Masked().Addr().AsSlice(),
			Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(opts...)
}

// around is everything that surrounds a handler, as one function: echo wraps each
// middleware anew for each request.
func (s *Server) around(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		s.giveID(c)
		start := time.Now()
		s.metrics.inFlight.Inc()
		err := s.guarded(c, next)
		if err != nil {
			s.fail(err, c)
		}
		s.metrics.inFlight.Dec()
		s.observe(c, time.Since(start), err)
		return nil
	}
}

// guarded answers a request that may be answered; a panic is an internal error,
// with its stack for the log.
func (s *Server) guarded(c echo.Context, next echo.HandlerFunc) (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	r := c.Request()
	if hasPrefix(r.URL.Path, "/api/v1/") {
		give(c.Response().Header(), s.guards.plain)
		return next(c)
	}
	give(c.Response().Header(), s.guards.always)
	maps.Copy(c.Response().Header(), s.guards.document)
	if isAPI(r) {
		return next(c)
	}
	if err := s.limitBody(c); err != nil {
		return err
	}
	if err := s.guards.origins.Check(r); err != nil {
		// A form that another site sent in a person's name.
		return fault.Wrap(err, fault.Forbidden, "cross_origin", "This form came from another site, so nothing was done. Open the page here and try again.")
	}
	s.identify(c)
	return next(c)
}

// giveID gives a request an id that the answer, the log and error pages carry.
// An id from outside counts only when a trusted proxy sends it: anybody else
// could write into our log.
func (s *Server) giveID(c echo.Context) {
	id := ""
	if s.guards.trusted(c.Request()) {
		id = sane(c.Request().Header.Get(echo.HeaderXRequestID))
	}
	if id == "" {
		var b [16]byte
		binary.NativeEndian.PutUint64(b[:], rand.Uint64())  //nolint:gosec // it must be one of its kind, and need not be secret
		binary.NativeEndian.PutUint32(b[8:], rand.Uint32()) //nolint:gosec // as above
		var text [20]byte
		hex.Encode(text[:], b[:10])
		id = string(text[:])
	}
	// One of its own, with the name as net/http spells it.
	c.Response().Header()[headerID] = []string{id}
}

// headerID is echo.HeaderXRequestID as net/http writes it.
var headerID = http.CanonicalHeaderKey(echo.HeaderXRequestID)

// sane returns an id from a proxy if it is one, else "".
func sane(id string) string {
	if len(id) < 8 || len(id) > 64 {
		return ""
	}
	for _, r := range id {
		ok := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' || r == '.'
		if !ok {
			return ""
		}
	}
	return id
}

func requestID(c echo.Context) string { return c.Response().Header().Get(echo.HeaderXRequestID) }

// maxForm bounds the body of a form, in bytes.
const maxForm = 64 << 10

// limitBody reads a form before its handler runs, so that a body that is too
// large changes nothing, also where a handler would not have read it. Machines'
// routes have limits of their own.
func (s *Server) limitBody(c echo.Context) error {
	r := c.Request()
	if r.Method == http.MethodGet {
		return nil
	}
	most := int64(maxForm)
	if r.URL.Path == newEventPath && hasPrefix(r.Header.Get(echo.HeaderContentType), "multipart/form-data") {
		most = maxMapForm // Read by its handler, once it is known who sends it.
	}
	if r.ContentLength > most {
		return errBody
	}
	r.Body = http.MaxBytesReader(c.Response(), r.Body, most)
	if err := r.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return errBody
		}
		return fault.Wrap(err, fault.Invalid, "invalid_request", "This form could not be read. Go back, load the page again and try once more.")
	}
	return nil
}

var errBody = fault.New(fault.TooLarge, "body_too_large", "This form is larger than we take. Shorten what you wrote and send it again.")

const identityKey = "identity"

// identify reads the session cookie: an HMAC, no look-up.
func (s *Server) identify(c echo.Context) {
	if hasPrefix(c.Request().URL.Path, "/static/") {
		return
	}
	if id, ok := s.cookieIdentity(c.Request()); ok {
		c.Set(identityKey, id)
	}
}

// who returns who is signed in.
func who(c echo.Context) (account.Identity, bool) {
	id, ok := c.Get(identityKey).(account.Identity)
	return id, ok
}

func hasPrefix(path, prefix string) bool { return strings.HasPrefix(path, prefix) }
