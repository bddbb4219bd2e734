package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"fairqueue/internal/account"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/guard"
	"fairqueue/internal/keys"
	"fairqueue/internal/lease"
	"fairqueue/internal/ledger"
	"fairqueue/internal/live"
	"fairqueue/internal/mail"
	"fairqueue/internal/payment"
	"fairqueue/internal/paystack"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
	"fairqueue/web"
)

// stopTimeout bounds the whole stop; CONTRACT allows ten seconds.
const stopTimeout = 8 * time.Second

// App is the whole product in one process.
type App struct {
	cfg Config
	log *slog.Logger

	pool  *pgxpool.Pool
	redis redis.UniversalClient

	Accounts *account.Service
	Sales    *sale.Service
	Queue    *queue.Service
	Claims   *claim.Service
	Payments *payment.Service
	Tickets  *ticket.Service

	live     *live.Hub
	clock    *db.Clock
	provider *paystack.Client
	leader   *lease.Leader
	worker   *river.Client[pgx.Tx]
	web      *web.Server
	main     *http.Server
	ops      *http.Server
	ln       net.Listener
	opsLn    net.Listener

	stopping atomic.Bool
}

// Version returns the version of the build: the module's version or the
// revision it was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return info.Main.Version
}

// New checks the configuration, connects, applies the schema if asked to, and
// listens. Nothing is served before Run. On error nothing is left open.
func New(ctx context.Context, cfg Config, log *slog.Logger) (_ *App, err error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	a := &App{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			a.close(context.WithoutCancel(ctx))
		}
	}()

	ring, err := keys.New(cfg.Secret)
	if err != nil {
		return nil, err
	}
	if a.ln, err = listen(ctx, "FAIRQUEUE_ADDR", cfg.Addr); err != nil {
		return nil, err
	}
	if cfg.OpsAddr != "" {
		if a.opsLn, err = listen(ctx, "FAIRQUEUE_OPS_ADDR", cfg.OpsAddr); err != nil {
			return nil, err
		}
	}
	// With port 0 the address is known only now.
	if cfg.PublicURL == "" {
		a.cfg.PublicURL = Config{Addr: a.ln.Addr().String()}.Base()
	}
	publicURL, err := url.Parse(a.cfg.Base())
	if err != nil {
		return nil, fmt.Errorf("PUBLIC_URL: %w", err)
	}
	proxies, err := cfg.proxies()
	if err != nil {
		return nil, err
	}

	if a.pool, err = db.Open(ctx, db.Config{URL: cfg.DatabaseURL, AppName: "fairqueue"}); err != nil {
		return nil, err
	}
	if err := db.Migrated(ctx, a.pool); err != nil {
		return nil, err
	}
	if a.redis, err = openRedis(cfg.RedisURL); err != nil {
		return nil, err
	}
	a.clock = &db.Clock{}
	if err := a.clock.Sync(ctx, a.pool); err != nil {
		return nil, err
	}
	a.live = live.New(live.Config{Redis: a.redis, Prefix: "fq:", Logger: log})

	jobs, err := river.NewClient(riverpgxv5.New(a.pool), &river.Config{Logger: quiet(log)})
	if err != nil {
		return nil, err
	}
	mailer, err := mail.New(mail.Config{DB: a.pool, Keys: ring, Jobs: jobs, SMTPURL: cfg.SMTPURL, From: a.cfg.mailFrom(), Clock: a.clock, Logger: log})
	if err != nil {
		return nil, err
	}
	grd := guard.New(guard.Config{Redis: a.redis, Prefix: "fq:", Observe: cfg.Guard == "observe", Logger: log})
	a.Accounts = account.New(account.Config{DB: a.pool, Keys: ring, Mail: mailer, Clock: a.clock, Logger: log})
	// Before the first request: who was signed out stays signed out.
	if err := a.Accounts.RefreshRevocations(ctx); err != nil {
		return nil, err
	}
	a.Sales = sale.New(sale.Config{DB: a.pool, Live: a.live, Clock: a.clock, Logger: log})
	a.Queue = queue.New(queue.Config{
		DB: a.pool, Sales: a.Sales, Keys: ring, Clock: a.clock, Issuer: a.cfg.Base(), Mail: mailer, Jobs: jobs, Logger: log,
	})
	a.Claims = claim.New(claim.Config{DB: a.pool, Sales: a.Sales, Queue: a.Queue, Keys: ring, Clock: a.clock, Logger: log})
	a.Tickets = ticket.New(ticket.Config{DB: a.pool, Keys: ring, Logger: log})
	if a.provider, err = paystack.New(paystack.Config{
		BaseURL: cfg.PaystackBaseURL, SecretKey: cfg.PaystackSecretKey, Version: Version(), Logger: log,
	}); err != nil {
		return nil, err
	}
	if cfg.TestMode() {
		log.Error("TEST MODE: PAYSTACK_SECRET_KEY is a test key, so nobody pays and every page says so; put the live key in before selling", "env", cfg.Env)
	}
	a.Payments = payment.New(payment.Config{
		DB: a.pool, Claims: a.Claims, Queue: a.Queue, Sales: a.Sales, Tickets: a.Tickets, Mail: mailer, Jobs: jobs,
		Provider: a.provider, Clock: a.clock, PublicURL: a.cfg.Base(), Logger: log,
	})

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), a.Payments.Alerts())
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fairqueue_provider_down", Help: "1 while no payment can be opened because the provider does not answer.",
	}, func() float64 {
		if _, down := a.Payments.ProviderDown(); down {
			return 1
		}
		return 0
	}))
	if a.web, err = web.New(web.Config{
		DB: a.pool, Pool: a.pool, Redis: a.redis,
		Accounts: a.Accounts, Sales: a.Sales, Queue: a.Queue, Claims: a.Claims, Payments: a.Payments, Tickets: a.Tickets,
		Mail: mailer, Guard: grd, Live: a.live, Clock: a.clock, Logger: log,
		PublicURL: publicURL, Env: cfg.Env, TestMode: cfg.TestMode(), Version: Version(), PaymentOrigin: paymentOrigin(cfg.PaystackBaseURL),
		Ready: a.ready, Registry: registry,
		MetricsOnMain:  cfg.OpsAddr == "" && cfg.Env != Production,
		TrustedProxies: proxies,
	}); err != nil {
		return nil, err
	}

	if cfg.Has("worker") {
		workers := river.NewWorkers()
		mailer.Register(workers)
		a.Queue.Register(workers)
		a.Payments.Register(workers)
		if a.worker, err = river.NewClient(riverpgxv5.New(a.pool), &river.Config{
			Logger:  quiet(log),
			Workers: workers,
			Queues: map[string]river.QueueConfig{
				// One-time codes have workers of their own, so that no pile of
				// tickets delays a sign-in.
				mail.QueueUrgent:   {MaxWorkers: 8},
				mail.QueueNormal:   {MaxWorkers: 4},
				payment.QueueMoney: {MaxWorkers: 8},
			},
			FetchCooldown:     50 * time.Millisecond,
			FetchPollInterval: time.Second,
			JobTimeout:        time.Minute,
			// A refund must not wait an hour because the process that was at it was killed. No job is longer than JobTimeout.
			RescueStuckJobsAfter: 2 * time.Minute,
		}); err != nil {
			return nil, err
		}
		a.leader = lease.New(lease.Config{DB: a.pool, Name: "drip", Holder: holder(), Logger: log})
	}

	handler := a.web.Handler()
	if !cfg.Has("web") {
		handler = onlyProbes(handler)
	}
	a.main = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if a.opsLn != nil {
		a.ops = &http.Server{Handler: opsHandler(registry), ReadHeaderTimeout: 10 * time.Second}
	}
	return a, nil
}

// URL is the address of the main listener on this machine.
func (a *App) URL() string { return "http://" + onLocalhost(a.ln.Addr().String()) }

// Run serves until ctx ends, then stops in stages. It returns nil after a
// complete stop that was asked for.
func (a *App) Run(ctx context.Context) error {
	failed := make(chan error, 4)
	var ticks, servers sync.WaitGroup
	tickCtx, stopTicks := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTicks()

	a.tick(tickCtx, &ticks, "snapshot", time.Second, 5*time.Second, a.Sales.Refresh)
	a.tick(tickCtx, &ticks, "returns", time.Second, 5*time.Second, a.Queue.Refresh)
	a.tick(tickCtx, &ticks, "presence", time.Second, 5*time.Second, a.Queue.PublishPresence)
	a.tick(tickCtx, &ticks, "revocations", time.Second, 5*time.Second, a.Accounts.RefreshRevocations)
	a.tick(tickCtx, &ticks, "clock", 30*time.Second, 5*time.Second, func(ctx context.Context) error { return a.clock.Sync(ctx, a.pool) })
	ticks.Go(func() { a.Sales.Listen(tickCtx) })
	if a.worker != nil {
		if err := a.worker.Start(context.WithoutCancel(ctx)); err != nil {
			a.close(context.WithoutCancel(ctx))
			return fmt.Errorf("start jobs: %w", err)
		}
		ticks.Go(func() { a.lead(tickCtx) })
		// On its own, and not among the leader's work: it waits for the provider,
		// and the line waits for nobody. Two processes never take the same payment.
		a.tick(tickCtx, &ticks, "reconcile", 5*time.Second, time.Minute, a.Payments.Reconcile)
	}

	servers.Go(func() { serve(a.main, a.ln, failed) })
	if a.ops != nil {
		servers.Go(func() { serve(a.ops, a.opsLn, failed) })
	}

	var runErr error
	select {
	case <-ctx.Done():
	case runErr = <-failed:
	}

	a.stopping.Store(true)
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	stopTicks()
	ticks.Wait()
	a.web.CloseStreams()
	var errs []error
	errs = append(errs, shutdown(stopCtx, a.main))
	if a.ops != nil {
		errs = append(errs, shutdown(stopCtx, a.ops))
	}
	servers.Wait()
	if a.worker != nil {
		if err := a.worker.Stop(stopCtx); err != nil {
			errs = append(errs, a.worker.StopAndCancel(context.WithoutCancel(ctx)))
		}
	}
	a.close(stopCtx)
	if err := errors.Join(errs...); err != nil {
		a.log.Warn("some work was cut off at the stop", "err", err)
	}
	return runErr
}

func serve(s *http.Server, ln net.Listener, failed chan<- error) {
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		failed <- err
	}
}

// shutdown lets requests finish and cuts off what takes longer than its share.
func shutdown(ctx context.Context, s *http.Server) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout/2)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// tick calls work every interval until ctx ends, each call within limit. A
// failed tick is logged once a change: a database that is away for a minute is
// one line, not sixty.
func (a *App) tick(ctx context.Context, wg *sync.WaitGroup, name string, every, limit time.Duration, work func(context.Context) error) {
	wg.Go(func() {
		failing := false
		for t := time.NewTicker(every); ; {
			c, cancel := context.WithTimeout(ctx, limit)
			err := work(c)
			cancel()
			if ctx.Err() != nil {
				t.Stop()
				return
			}
			if (err != nil) != failing {
				failing = err != nil
				if failing {
					a.log.Error("tick fails", "tick", name, "err", err)
				} else {
					a.log.Info("tick works again", "tick", name)
				}
			}
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-t.C:
			}
		}
	})
}

// lead does what only one process should do at a time. Every piece is harmless
// when two do it; the lease only saves the work.
func (a *App) lead(ctx context.Context) {
	slow := 0
	a.leader.Run(ctx, func(ctx context.Context, check func(context.Context, pgx.Tx) error) error {
		errs := []error{a.Queue.Advance(ctx), a.Queue.Drip(ctx, check)}
		if slow++; slow%5 == 0 {
			errs = append(errs, a.Claims.Tidy(ctx))
		}
		errs = append(errs, ledger.Seal(ctx, a.pool))
		return errors.Join(errs...)
	})
}

// ready reports why this process should get no traffic, or nil.
func (a *App) ready(ctx context.Context) error {
	if a.stopping.Load() {
		return errors.New("stopping")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return db.Migrated(ctx, a.pool)
}

func (a *App) close(ctx context.Context) {
	if a.Claims != nil {
		if err := a.Claims.Close(ctx); err != nil {
			a.log.Warn("claims were cut off at the stop", "err", err)
		}
	}
	if a.Queue != nil {
		if err := a.Queue.Close(ctx); err != nil {
			a.log.Warn("joins were cut off at the stop", "err", err)
		}
	}
	if a.provider != nil {
		a.provider.Close()
	}
	if a.live != nil {
		a.live.Close(ctx)
	}
	if a.redis != nil {
		_ = a.redis.Close() // Nothing of worth is in flight to it.
	}
	if a.pool != nil {
		a.pool.Close()
	}
	for _, ln := range []net.Listener{a.ln, a.opsLn} {
		if ln != nil {
			_ = ln.Close() // Closed already by the server in the ordinary case.
		}
	}
}

func listen(ctx context.Context, name, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is in use by another program; stop it or set %s to a free address", name, addr, name)
	default:
		return nil, fmt.Errorf("%s: cannot listen on %s: %w", name, addr, err)
	}
}

func openRedis(addr string) (redis.UniversalClient, error) {
	// It prints raw lines for every connection that fails; whoever asks Redis
	// says what that means.
	redis.SetLogger(silent{})
	opt, err := redis.ParseURL(addr)
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	// Redis only makes things fast: a slow one must not make them slow.
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout = 500*time.Millisecond, 250*time.Millisecond, 250*time.Millisecond
	opt.MaxRetries, opt.DialerRetries = 1, 1
	opt.ContextTimeoutEnabled = true
	return redis.NewClient(opt), nil
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// paymentOrigin is where the buyer is sent: Paystack's hosted page, or that of
// a sandbox, which serves both from one origin.
func paymentOrigin(baseURL string) string {
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "api.paystack.co" {
		return "https://checkout.paystack.com"
	}
	return u.Scheme + "://" + u.Host
}

// holder names this process in the lease.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	b := make([]byte, 6)
	_, _ = rand.Read(b) // Never fails (crypto/rand).
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), hex.EncodeToString(b))
}
