package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/static"
	"fairqueue/views"
	"fairqueue/web/api"
)

func (s *Server) apiConfig() api.Config {
	return api.Config{
		DB: s.cfg.DB, Accounts: s.cfg.Accounts, Sales: s.cfg.Sales, Queue: s.cfg.Queue, Claims: s.cfg.Claims,
		Payments: s.cfg.Payments, Tickets: s.cfg.Tickets, Guard: s.cfg.Guard, Clock: s.cfg.Clock, Logger: s.cfg.Logger,
		PublicURL: s.cfg.PublicURL, Identify: s.cookieIdentity, Spot: s.spotCookie, Invariants: s.violations,
	}
}

// livez says that the process answers at all.
func (s *Server) livez(c echo.Context) error {
	personal(c)
	return c.String(http.StatusOK, "ok\n")
}

// readyz says whether this process should get traffic.
func (s *Server) readyz(c echo.Context) error {
	personal(c)
	if s.cfg.Ready != nil {
		if err := s.cfg.Ready(c.Request().Context()); err != nil {
			s.cfg.Logger.Warn("not ready", "err", err)
			return c.String(http.StatusServiceUnavailable, "not ready\n")
		}
	}
	return c.String(http.StatusOK, "ready\n")
}

func (s *Server) robots(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=86400")
	return c.String(http.StatusOK, "User-agent: *\nDisallow: /api/\nDisallow: /checkout/\nDisallow: /organizer\nDisallow: /sign-in\nDisallow: /tickets\nDisallow: /events/*/queue\n")
}

func (s *Server) favicon(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "public, max-age=86400")
	return c.Redirect(http.StatusFound, static.URL("icon.svg"))
}

// mailsShown bounds the development mailbox.
const mailsShown = 100

// mailbox is where mail goes in development.
func (s *Server) mailbox(c echo.Context) error {
	personal(c)
	to := strings.ToLower(strings.TrimSpace(c.QueryParam("to")))
	mails, err := s.cfg.Mail.Mailbox(c.Request().Context(), to, mailsShown)
	if err != nil {
		return err
	}
	accept := c.Request().Header.Get(echo.HeaderAccept)
	if c.QueryParam("format") == "json" || strings.Contains(accept, "application/json") {
		type sent struct {
			To      string    `json:"to"`
			Subject string    `json:"subject"`
			Text    string    `json:"text"`
			SentAt  time.Time `json:"sent_at"`
		}
		out := make([]sent, len(mails))
		for i, m := range mails {
			out[i] = sent{m.To, m.Subject, m.Text, m.SentAt.UTC()}
		}
		return c.JSON(http.StatusOK, out)
	}
	v := views.MailboxView{To: to}
	for _, m := range mails {
		v.Messages = append(v.Messages, views.MailRow{To: m.To, Subject: m.Subject, Text: m.Text, SentAt: m.SentAt, HTML: "/dev/mail/" + strconv.FormatInt(m.ID, 10)})
	}
	return s.page(c, views.MailboxPage(s.frame(c), v))
}

// mailCSP lets a message look as it was written, and do nothing at all.
const mailCSP = "default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"

// mailHTML is one message of the mailbox as a mail program shows it.
func (s *Server) mailHTML(c echo.Context) error {
	personal(c)
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return echo.ErrNotFound
	}
	html, err := s.cfg.Mail.MailHTML(c.Request().Context(), id)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Security-Policy", mailCSP)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	return c.HTML(http.StatusOK, html)
}

func (s *Server) gallery(c echo.Context) error {
	return s.page(c, views.GalleryPage(s.galleryFrame(c), views.Gallery()))
}

// galleryView is one view with canned data.
func (s *Server) galleryView(c echo.Context) error {
	for _, g := range views.Gallery() {
		if g.Name == c.Param("name") {
			return s.page(c, g.Page(s.galleryFrame(c)))
		}
	}
	return echo.ErrNotFound
}

func (s *Server) galleryFrame(c echo.Context) views.Frame {
	f := s.frame(c)
	if t := views.Theme(c.QueryParam("theme")); t == views.ThemeDay || t == views.ThemeNight {
		f.Theme = t
	}
	return f
}
