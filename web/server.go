package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"fairqueue/internal/account"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/guard"
	"fairqueue/internal/live"
	"fairqueue/internal/mail"
	"fairqueue/internal/payment"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
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
	Env     string
	Version string
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
type Server struct{ cfg Config }

// New returns a Server.
func New(cfg Config) (*Server, error) { return &Server{cfg: cfg}, nil }

// Handler answers every request of the main address.
func (s *Server) Handler() http.Handler { return http.NotFoundHandler() }

// CloseStreams ends every open event stream, so that a stop need not wait for them.
func (s *Server) CloseStreams() {}
