package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

const (
	// shortSession is how long a sign-in lasts at least.
	shortSession = 7 * 24 * time.Hour
	// longSession is as long as browsers keep a cookie.
	longSession = 400 * 24 * time.Hour
	// afterEvent is how long past the event's start a session of a fan in its
	// line lasts.
	afterEvent = 24 * time.Hour
	// slack keeps a session from being issued again for seconds.
	slack = time.Hour
)

// cookieIdentity verifies the session cookie of a request, without a look-up.
func (s *Server) cookieIdentity(r *http.Request) (account.Identity, bool) {
	id, err := s.cfg.Accounts.Verify(account.Session, signedCookie(r, s.session))
	return id, err == nil
}

// signedCookie returns the first cookie of a name; empty: none. Unlike Request.Cookie it parses no other cookie and keeps
// nothing, which each poll of a page would pay for twice, and it leaves a value as it was sent: the signature says whether
// it is one of ours.
func signedCookie(r *http.Request, name string) string {
	for _, line := range r.Header["Cookie"] {
		for part := range strings.SplitSeq(line, ";") {
			if value, ok := strings.CutPrefix(strings.TrimSpace(part), name); ok && hasPrefix(value, "=") {
				return value[1:]
			}
		}
	}
	return ""
}

// setCookie gives the browser a cookie for some time, or until it is closed
// with an age of zero; an empty value takes it away.
func (s *Server) setCookie(c echo.Context, name, value string, age time.Duration) {
	ck := &http.Cookie{ //nolint:gosec // Secure wherever the site is https.
		Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.secure(),
	}
	if value == "" {
		ck.MaxAge = -1
	}
	// One answer sets a cookie once: the last value is the one that counts.
	h := c.Response().Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(old string) bool { return hasPrefix(old, name+"=") })
	c.SetCookie(ck)
}

// issue signs a person in on this browser.
func (s *Server) issue(c echo.Context, a account.Account, ttl time.Duration) {
	value, id := s.cfg.Accounts.Issue(account.Session, a, ttl)
	s.setCookie(c, s.session, value, ttl)
	c.Set(identityKey, id)
}

// lastUntil makes the session of somebody in a line last until a day after the
// event, so that nobody is signed out on the way to the door.
func (s *Server) lastUntil(c echo.Context, id account.Identity, event *sale.Snapshot) {
	now := s.now()
	need := event.Event.StartsAt.Add(afterEvent)
	if most := now.Add(longSession - shortSession); need.After(most) {
		need = most
	}
	if id.Expires.After(need) {
		return
	}
	// The same credential with a later end: signing out ends every copy of it.
	ttl := need.Add(slack).Sub(now)
	value, renewed := s.cfg.Accounts.Renew(account.Session, id, ttl)
	s.setCookie(c, s.session, value, ttl)
	c.Set(identityKey, renewed)
}

// required returns who is signed in, or the way to the sign-in and back to
// next, a path of ours.
func required(c echo.Context, next string) (account.Identity, error) {
	id, ok := who(c)
	if !ok {
		return id, signInFirstError{next: next}
	}
	return id, nil
}

// requiredHere is required for a page that is its own way back.
func requiredHere(c echo.Context) (account.Identity, error) {
	personal(c)
	id, ok := who(c)
	if !ok {
		return id, signInFirstError{next: c.Request().URL.RequestURI()}
	}
	return id, nil
}

func signInURL(next string) string {
	if next == "" || next == "/" {
		return "/sign-in"
	}
	return "/sign-in?" + url.Values{"next": {next}}.Encode()
}

// toSignIn leads somebody who is not signed in to the sign-in and back.
func (s *Server) toSignIn(c echo.Context, next string) {
	personal(c)
	if !fromHTMX(c.Request()) {
		_ = see(c, signInURL(next)) // Only an invalid code fails.
		return
	}
	// A part of a page cannot ask who one is: the whole page goes there.
	c.Response().Header().Set("HX-Redirect", signInURL(strings.TrimSuffix(next, "/live")))
	if err := s.render(c, http.StatusUnauthorized, views.ErrorFragment(s.frame(c), views.ErrorView{
		Status: http.StatusUnauthorized, Title: "You are signed out", Text: "Sign in again to go on. Your place is safe.",
		Label: "Sign in", URL: signInURL(strings.TrimSuffix(next, "/live")),
	})); err != nil {
		s.cfg.Logger.Warn("answer was not written", "err", err, "request", requestID(c))
	}
}

// badge is what the navigation shows about the person. It lives in a cookie
// because 50,000 first pages must not be 50,000 look-ups, and it decides
// nothing: it is shown to nobody but its browser.
type badge struct {
	ID        string `json:"i"` // whose badge it is
	Name      string `json:"n"`
	Organizer bool   `json:"o,omitempty"`
}

const (
	badgeCookie = "fq_badge"
	badgeKey    = "badge"
)

// badge returns the badge of the person signed in, as far as the browser has it.
func (s *Server) badge(c echo.Context, id account.Identity) badge {
	if b, ok := c.Get(badgeKey).(badge); ok && b.ID == id.AccountID.String() {
		return b
	}
	if ck, err := c.Request().Cookie(badgeCookie); err == nil && len(ck.Value) < 2048 {
		var b badge
		raw, err := base64.RawURLEncoding.DecodeString(ck.Value)
		if err == nil && json.Unmarshal(raw, &b) == nil && b.ID == id.AccountID.String() && b.Name != "" {
			return b
		}
	}
	return badge{Name: "Signed in"}
}

// setBadge gives the browser the badge of an account.
func (s *Server) setBadge(c echo.Context, a account.Account) {
	b := badge{ID: a.ID.String(), Name: a.Name, Organizer: slices.Contains(a.Roles, "organizer")}
	if b.Name == "" {
		b.Name = a.Email
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return // Strings and a bool always marshal.
	}
	c.Set(badgeKey, b)
	s.setCookie(c, badgeCookie, base64.RawURLEncoding.EncodeToString(raw), longSession)
}

// knowBadge looks the person up where the browser has no badge, on pages that
// are not asked for by everybody at once.
func (s *Server) knowBadge(c echo.Context) {
	id, ok := who(c)
	if !ok || s.badge(c, id).ID != "" {
		return
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), 2*time.Second)
	defer cancel()
	if a, err := s.cfg.Accounts.Get(ctx, id.AccountID); err == nil {
		s.setBadge(c, a)
	}
}

// email returns the person's address, for sentences like "tickets go to …".
func (s *Server) email(c echo.Context, id account.Identity) string {
	a, err := s.cfg.Accounts.Get(c.Request().Context(), id.AccountID)
	if err != nil {
		return ""
	}
	return a.Email
}

const themeCookie = "theme"

func themeOf(r *http.Request) views.Theme {
	ck, err := r.Cookie(themeCookie)
	if err != nil {
		return views.ThemeAuto
	}
	switch t := views.Theme(ck.Value); t {
	case views.ThemeDay, views.ThemeNight:
		return t
	}
	return views.ThemeAuto
}

// safeNext returns next if it is a page of this site where somebody may go
// after the sign-in, else "/".
func safeNext(next string) string {
	next = localPath(next)
	for _, own := range []string{"/sign-in", "/sign-out", "/theme", "/api/", "/webhooks/"} {
		if hasPrefix(next, own) {
			return "/"
		}
	}
	return next
}

// localPath returns next if it is a path of this site, else "/". Browsers read
// "//host", "/\host" and control characters as other sites.
func localPath(next string) string {
	if len(next) == 0 || len(next) > 512 || next[0] != '/' || strings.HasPrefix(next, "//") {
		return "/"
	}
	for _, r := range next {
		if r < ' ' || r == '\\' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return "/"
		}
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return next
}
