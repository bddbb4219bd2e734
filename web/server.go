package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"fairqueue/internal/account"
	"fairqueue/internal/audit"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/guard"
	"fairqueue/internal/live"
	"fairqueue/internal/mail"
	"fairqueue/internal/payment"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
	"fairqueue/web/api"
)

// Config is what a Server needs.
type Config struct {
	DB db.Conn
	// Pool is DB where it is a pool; nil in tests that run in one transaction.
	Pool  *pgxpool.Pool
	Redis redis.UniversalClient

	Accounts *account.Service
	Sales    *sale.Service
	Queue    *queue.Service
	Claims   *claim.Service
	Payments *payment.Service
	Tickets  *ticket.Service
	Mail     *mail.Mailer
	Guard    *guard.Guard
	Live     *live.Hub
	Clock    *db.Clock
	Logger   *slog.Logger

	// PublicURL is the address people reach the site at.
	PublicURL *url.URL
	// Env is dev, staging or production.
	Env string
	// TestMode: payments go to the provider's test mode, and every page says so.
	TestMode bool
	Version  string
	// PaymentOrigin is where the buyer is sent to pay, for form-action in the CSP.
	PaymentOrigin string
	// Ready reports why this process should get no traffic, or nil.
	Ready func(ctx context.Context) error
	// Registry gets the metrics of the server; nil makes one.
	Registry *prometheus.Registry
	// MetricsOnMain serves /metrics on the main address.
	MetricsOnMain bool
	// TrustedProxies are the networks whose forwarding headers are believed.
	TrustedProxies []netip.Prefix
}

// Server is the product over HTTP.
type Server struct {
	cfg     Config
	echo    *echo.Echo
	api     *api.API
	seats   *seatHub
	flow    *scs.SessionManager
	session string // the name of the cookie that says who is signed in
	guards  guards
	metrics *metrics
	// drafts makes the same form of a new event, sent twice, one event.
	drafts *cache[uuid.UUID]
	// audits keeps the figures of the fairness pages for a while.
	audits audits
	last   lastPlaces
	rooms  rooms
	halls  halls
	// presses are the tickets that may be drawn on paper at once.
	presses presses
}

// New returns a Server.
func New(cfg Config) (*Server, error) {
	if cfg.PublicURL == nil || cfg.PublicURL.Host == "" {
		return nil, errors.New("web.New: PublicURL is missing")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	s := &Server{
		cfg:     cfg,
		session: account.CookieName(cfg.PublicURL.String()),
		echo:    echo.New(),
		drafts:  newCache[uuid.UUID](time.Minute),
		presses: make(presses, pressesMost),
	}
	s.audits.run = func(ctx context.Context, event uuid.UUID) ([]audit.Result, error) {
		return audit.Run(ctx, cfg.DB, nil, event)
	}
	s.guards = newGuards(cfg)
	s.flow = newFlow(cfg)
	s.metrics = newMetrics(cfg.Registry)

	e := s.echo
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.fail
	e.IPExtractor = ipExtractor(cfg.TrustedProxies)
	e.Use(s.around)
	s.routes(e)
	return s, nil
}

// Handler answers every request of the main address.
func (s *Server) Handler() http.Handler {
	return drained(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			// HEAD is GET without the body, which net/http leaves out by itself
			// because it looks at the request it was given.
			r = r.WithContext(api.WithoutBody(r.Context()))
			r.Method = http.MethodGet
		}
		s.echo.ServeHTTP(w, r)
	}))
}

// Routes lists every route, those of programs included.
func (s *Server) Routes() []*echo.Route { return s.echo.Routes() }

// CloseStreams ends every open event stream, so that a stop need not wait for them.
func (s *Server) CloseStreams() {
	s.api.CloseStreams()
	s.seats.close()
}

// secure reports whether people reach the site by https.
func (s *Server) secure() bool { return s.cfg.PublicURL.Scheme == "https" }

func (s *Server) dev() bool { return s.cfg.Env == "dev" }

func (s *Server) now() time.Time { return s.cfg.Clock.Now() }
