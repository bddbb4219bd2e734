package web

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
)

// guards are the fixed parts of the middleware, made once.
type guards struct {
	csp     string
	origins *http.CrossOriginProtection
	proxies []netip.Prefix
	hsts    bool
}

func newGuards(cfg Config) guards {
	g := guards{origins: http.NewCrossOriginProtection(), proxies: cfg.TrustedProxies, hsts: cfg.PublicURL.Scheme == "https"}
	// Chromium applies form-action to the redirects of a form too: paying is a
	// POST to us that leads to the provider's page.
	form := "'self'"
	if cfg.PaymentOrigin != "" {
		form += " " + cfg.PaymentOrigin
	}
	g.csp = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"object-src 'none'; form-action " + form + "; base-uri 'none'; frame-ancestors 'none'"
	return g
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

// requestID gives each request an id that the answer, the log and error pages
// carry. An id from outside counts only when a trusted proxy sends it: anybody
// else could write into our log.
func (s *Server) requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := ""
		if s.guards.trusted(c.Request()) {
			id = sane(c.Request().Header.Get(echo.HeaderXRequestID))
		}
		if id == "" {
			var b [10]byte
			_, _ = rand.Read(b[:]) // Never fails (crypto/rand).
			id = hex.EncodeToString(b[:])
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		return next(c)
	}
}

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

// recovered turns a panic into an internal error, with its stack for the log.
func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v)
			default:
				err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			}
		}()
		return next(c)
	}
}

// headers says what a browser may do with our answers.
func (s *Server) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", s.guards.csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Without an origin our own forms could not be told from foreign ones.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if s.guards.hsts {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
}

// maxForm bounds the body of a form, in bytes.
const maxForm = 64 << 10

// bodyLimit reads forms before their handlers run, so that a body that is too
// large changes nothing, also where a handler would not have read it. Machines'
// routes have limits of their own.
func (s *Server) bodyLimit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if isAPI(r) || r.Method == http.MethodGet {
			return next(c)
		}
		if r.ContentLength > maxForm {
			return errBody
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
				return errBody
			}
			return fault.Wrap(err, fault.Invalid, "invalid_request", "This form could not be read. Go back, load the page again and try once more.")
		}
		return next(c)
	}
}

var errBody = fault.New(fault.TooLarge, "body_too_large", "This form is larger than we take. Shorten what you wrote and send it again.")

// sameOrigin refuses forms that other sites send in a person's name. Machines'
// routes are exempt: no cookie proves anything there.
func (s *Server) sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !isAPI(c.Request()) {
			if err := s.guards.origins.Check(c.Request()); err != nil {
				return fault.Wrap(err, fault.Forbidden, "cross_origin", "This form came from another site, so nothing was done. Open the page here and try again.")
			}
		}
		return next(c)
	}
}

const identityKey = "identity"

// identify reads the session cookie: an HMAC, no look-up.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !isAPI(c.Request()) && !hasPrefix(c.Request().URL.Path, "/static/") {
			if id, ok := s.cookieIdentity(c.Request()); ok {
				c.Set(identityKey, id)
			}
		}
		return next(c)
	}
}

// who returns who is signed in.
func who(c echo.Context) (account.Identity, bool) {
	id, ok := c.Get(identityKey).(account.Identity)
	return id, ok
}

func hasPrefix(path, prefix string) bool { return strings.HasPrefix(path, prefix) }
