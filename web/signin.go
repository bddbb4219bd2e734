package web

import (
	"errors"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
	"fairqueue/views"
)

// signInStep is what is remembered between asking for a code and typing it.
type signInStep struct {
	Email  string    `json:"email"`
	Next   string    `json:"next"`
	SentAt time.Time `json:"sent_at"`
	Again  bool      `json:"again,omitempty"`
}

const signInKey = "sign-in"

func (s *Server) signInPage(c echo.Context) error {
	personal(c)
	next := safeNext(c.QueryParam("next"))
	if _, ok := who(c); ok {
		return see(c, next)
	}
	told := s.told(c)
	v := views.SignInView{Next: next, Email: told.Form["email"], Error: told.Errors["email"], Problem: told.Problem}
	return s.page(c, views.SignInPage(s.frame(c), v))
}

// signIn sends a code to an address. What it answers does not depend on
// whether there is an account.
func (s *Server) signIn(c echo.Context) error {
	personal(c)
	email, next := strings.TrimSpace(c.FormValue("email")), safeNext(c.FormValue("next"))
	if err := s.cfg.Guard.Code(c.Request().Context(), c.RealIP()); err != nil {
		return err
	}
	if len(email) > 254 {
		email = email[:254]
	}
	if err := s.cfg.Accounts.SendCode(c.Request().Context(), email); err != nil {
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Kind != fault.Invalid {
			return err
		}
		if perr := s.put(c, "at:/sign-in", notice{
			Form: map[string]string{"email": email}, Errors: map[string]string{"email": f.Message},
		}); perr != nil {
			return perr
		}
		return see(c, signInURL(next))
	}
	step := signInStep{Email: email, Next: next, SentAt: s.now()}
	var before signInStep
	step.Again = s.peek(c, signInKey, &before) && before.Email == email
	if err := s.put(c, signInKey, step); err != nil {
		return err
	}
	return see(c, "/sign-in/code")
}

func (s *Server) codePage(c echo.Context) error {
	personal(c)
	var step signInStep
	known := s.peek(c, signInKey, &step)
	if _, ok := who(c); ok {
		return see(c, safeNext(step.Next))
	}
	if !known {
		return see(c, "/sign-in")
	}
	told := s.told(c)
	v := views.CodeView{
		Email: step.Email, Next: step.Next, SentAt: step.SentAt, ExpiresAt: step.SentAt.Add(account.CodeTTL),
		Again: step.Again, Error: told.Errors["code"], Dev: s.dev(),
	}
	return s.page(c, views.CodePage(s.frame(c), v))
}

// code exchanges a code for a session and goes on to where the person was
// going, into the line too if that was the way.
func (s *Server) code(c echo.Context) error {
	personal(c)
	var step signInStep
	known := s.peek(c, signInKey, &step)
	email, next := strings.TrimSpace(c.FormValue("email")), safeNext(c.FormValue("next"))
	if email == "" {
		email = step.Email
	}
	if err := s.cfg.Guard.Token(c.Request().Context(), c.RealIP()); err != nil {
		return err
	}
	if id, ok := who(c); ok && !known {
		// A second click on the button: the first one did it.
		return s.signedIn(c, next, id)
	}
	a, err := s.cfg.Accounts.Redeem(c.Request().Context(), email, digits(c.FormValue("code")))
	if err != nil {
		return s.wrongCode(c, signInStep{Email: email, Next: next, SentAt: step.SentAt}, err)
	}
	s.endFlow(c)
	s.issue(c, a, shortSession+slack)
	s.setBadge(c, a)
	id, _ := who(c)
	return s.signedIn(c, next, id)
}

// signedIn goes on to where the person was going.
func (s *Server) signedIn(c echo.Context, next string, id account.Identity) error {
	if done, err := s.joinAfterSignIn(c, next, id); done || err != nil {
		return err
	}
	return see(c, next)
}

// wrongCode says on the page of the code what to do about it.
func (s *Server) wrongCode(c echo.Context, step signInStep, err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Unauthorized && f.Kind != fault.TooMany && f.Kind != fault.Invalid {
		return err
	}
	if step.SentAt.IsZero() {
		step.SentAt = s.now()
	}
	if perr := s.put(c, signInKey, step); perr != nil {
		return perr
	}
	if perr := s.put(c, "at:/sign-in/code", notice{Errors: map[string]string{"code": f.Message}}); perr != nil {
		return perr
	}
	return see(c, "/sign-in/code")
}

// digits leaves out what people and mail programs put between digits.
func digits(code string) string {
	if len(code) > 64 {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' || r == '\u2009' || r == '\t' {
			return -1
		}
		return r
	}, code)
}

// signOut ends this browser's credential, everywhere and before its time.
func (s *Server) signOut(c echo.Context) error {
	personal(c)
	if id, ok := who(c); ok {
		if err := s.cfg.Accounts.Revoke(c.Request().Context(), id); err != nil {
			return err
		}
	}
	s.endFlow(c)
	s.setCookie(c, s.session, "", 0)
	s.setCookie(c, badgeCookie, "", 0)
	return see(c, "/")
}

// theme keeps the colours a person chose.
func (s *Server) theme(c echo.Context) error {
	value := views.Theme(c.FormValue("theme"))
	switch value {
	case views.ThemeDay, views.ThemeNight:
		s.setCookie(c, themeCookie, string(value), longSession)
	default:
		s.setCookie(c, themeCookie, "", 0)
	}
	return see(c, localPath(c.FormValue("next")))
}
