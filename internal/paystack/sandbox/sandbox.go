package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config is what a Server needs. Only SecretKey is required.
type Config struct {
	// Addr is where Run listens, for example ":8090"; empty: the caller serves Handler.
	Addr string
	// SecretKey is the key the shop shows and webhooks are signed with; a live key is refused.
	SecretKey string
	// WebhookURL is where events are sent; empty: nowhere.
	WebhookURL string
	// PublicURL is the sandbox's own origin, for links to the checkout page; empty: localhost and the port of Addr.
	PublicURL string
	// Seed decides ids and the shapes of answers.
	Seed int64
	// StateFile keeps transactions across restarts; empty: in memory.
	StateFile string
	// SpeedUp is how many times faster than Paystack's the clock of retries and refunds runs; 0 means 60.
	SpeedUp float64
	// Production is true where real people pay; New refuses.
	Production bool
	// Merchant is the name on the checkout page; empty: FairQueue.
	Merchant string
	// FeesByBuyer adds Paystack's fee to what buyers pay, as a setting of the merchant's dashboard does.
	FeesByBuyer bool
	// MaxTransactions bounds memory: beyond it the oldest settled ones are forgotten; 0 means 200,000.
	MaxTransactions int
	// Transport sends webhooks; nil: a private one.
	Transport http.RoundTripper
	Logger    *slog.Logger
}

// Server is a local Paystack. Close must be called.
type Server struct {
	cfg      Config
	origin   string
	handler  http.Handler
	listener net.Listener
	client   *http.Client
	log      *slog.Logger
	done     chan struct{} // closed when Run ends: hanging requests let go
	stopOne  sync.Once

	mu       sync.Mutex
	byRef    map[string]*transaction
	byCode   map[string]*transaction
	byID     map[int64]*transaction
	order    []*transaction // oldest first
	refunds  map[int64]*transaction
	disputes map[int64]*transaction
	alarms   alarms
	wake     chan struct{}
	faults   faults
	journal  *journal
	closeOne sync.Once
}

// New returns a Server that knows the transactions of its state file and, with an Addr, already holds its port.
func New(cfg Config) (*Server, error) {
	switch {
	case cfg.Production:
		return nil, errors.New("sandbox: refuses to run in production: it takes no real money")
	case strings.HasPrefix(cfg.SecretKey, "sk_live_"):
		return nil, errors.New("sandbox: refuses a live key (sk_live_…): give it a test key, sk_test_…")
	case cfg.SecretKey == "":
		return nil, errors.New("sandbox: needs a secret key, sk_test_…")
	}
	if cfg.SpeedUp <= 0 {
		cfg.SpeedUp = 60
	}
	if cfg.MaxTransactions <= 0 {
		cfg.MaxTransactions = 200_000
	}
	if cfg.Merchant == "" {
		cfg.Merchant = "FairQueue"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Transport == nil {
		cfg.Transport = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			MaxIdleConnsPerHost: webhookSenders,
			IdleConnTimeout:     30 * time.Second,
		}
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger,
		// Only 200 counts, so a redirect is a failure and is not followed.
		client: &http.Client{Transport: cfg.Transport, Timeout: webhookTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		done:    make(chan struct{}),
		byRef:   map[string]*transaction{},
		byCode:  map[string]*transaction{},
		byID:    map[int64]*transaction{},
		refunds: map[int64]*transaction{}, disputes: map[int64]*transaction{},
		wake: make(chan struct{}, 1),
	}
	if cfg.Addr != "" {
		var lc net.ListenConfig
		l, err := lc.Listen(context.Background(), "tcp", cfg.Addr)
		if err != nil {
			return nil, fmt.Errorf("sandbox: cannot listen on %s: %w", cfg.Addr, err)
		}
		s.listener = l
	}
	if s.cfg.PublicURL == "" && s.listener != nil {
		s.cfg.PublicURL = fmt.Sprintf("http://localhost:%d", s.listener.Addr().(*net.TCPAddr).Port)
	}
	s.origin = strings.TrimRight(s.cfg.PublicURL, "/")
	if err := s.restore(); err != nil {
		if s.listener != nil {
			_ = s.listener.Close()
		}
		return nil, err
	}
	s.handler = s.routes()
	return s, nil
}

// URL is the sandbox's own origin, without a slash at the end.
func (s *Server) URL() string { return s.origin }

// Handler serves the API, the checkout page and the controls.
func (s *Server) Handler() http.Handler { return s.handler }

// Run sends webhooks, and serves if there is an Addr, until ctx ends. It returns nil then.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.deliver(ctx) })
	wg.Go(func() {
		<-ctx.Done()
		s.letGo()
	})
	if s.listener == nil {
		<-ctx.Done()
		return nil
	}
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       60 * time.Second,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		// Requests end with ctx, so that a hanging one does not hold up the stop.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	wg.Go(func() {
		<-ctx.Done()
		stop, cancelStop := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancelStop()
		if server.Shutdown(stop) != nil {
			_ = server.Close()
		}
	})
	if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("sandbox: serve: %w", err)
	}
	return nil
}

// letGo ends requests that hang because a tester asked for a time-out.
func (s *Server) letGo() { s.stopOne.Do(func() { close(s.done) }) }

// Close lets hanging requests go, writes what is to be written and gives up the port. Call it after Run has returned.
func (s *Server) Close() error {
	var err error
	s.closeOne.Do(func() {
		s.letGo()
		if s.listener != nil {
			_ = s.listener.Close()
		}
		s.client.CloseIdleConnections()
		err = s.journal.close()
	})
	return err
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /transaction/initialize", s.guarded(faultInitialize, s.initialize))
	mux.HandleFunc("GET /transaction/verify/{reference}", s.guarded(faultVerify, s.verify))
	mux.HandleFunc("GET /transaction", s.guarded(faultVerify, s.listTransactions))
	mux.HandleFunc("GET /transaction/{id}", s.guarded(faultVerify, s.getTransaction))
	mux.HandleFunc("POST /refund", s.guarded(faultRefund, s.createRefund))
	mux.HandleFunc("GET /refund", s.guarded(faultRefund, s.listRefunds))
	mux.HandleFunc("GET /refund/{id}", s.guarded(faultRefund, s.getRefund))
	mux.HandleFunc("POST /refund/retry_with_customer_details/{id}", s.guarded(faultRefund, s.retryRefund))
	mux.HandleFunc("GET /dispute", s.guarded(faultDispute, s.listDisputes))
	mux.HandleFunc("GET /dispute/transaction/{id}", s.guarded(faultDispute, s.listDisputes))
	mux.HandleFunc("GET /dispute/{id}", s.guarded(faultDispute, s.getDispute))
	mux.HandleFunc("PUT /dispute/{id}/resolve", s.guarded(faultDispute, s.resolveDispute))
	mux.HandleFunc("GET /bank", s.guarded(faultDispute, s.listBanks))

	mux.HandleFunc("GET /checkout/{code}", s.checkoutPage)
	mux.HandleFunc("POST /checkout/{code}/card", s.checkoutCard)
	mux.HandleFunc("POST /checkout/{code}/pin", s.checkoutPIN)
	mux.HandleFunc("POST /checkout/{code}/otp", s.checkoutOTP)
	mux.HandleFunc("POST /checkout/{code}/sent", s.checkoutSent)
	mux.HandleFunc("POST /checkout/{code}/cancel", s.checkoutCancel)
	mux.HandleFunc("GET /assets/checkout.css", serveCSS)
	mux.HandleFunc("GET /{$}", s.indexPage)
	mux.HandleFunc("POST /faults", s.indexFaults)
	mux.HandleFunc("GET /transactions/{reference}", s.transactionPage)
	mux.HandleFunc("POST /transactions/{reference}", s.transactionForm)

	mux.HandleFunc("POST /_sandbox/transactions/{reference}", s.controlOutcome)
	mux.HandleFunc("GET /_sandbox/transactions", s.controlList)
	mux.HandleFunc("POST /_sandbox/transactions/{reference}/webhook", s.controlResend)
	mux.HandleFunc("POST /_sandbox/transactions/{reference}/dispute", s.controlDispute)
	mux.HandleFunc("POST /_sandbox/disputes/{id}", s.controlDisputeOutcome)
	mux.HandleFunc("POST /_sandbox/refunds/{id}", s.controlRefund)
	mux.HandleFunc("GET /_sandbox/faults", s.controlFaults)
	mux.HandleFunc("POST /_sandbox/faults", s.controlSetFaults)
	mux.HandleFunc("DELETE /_sandbox/faults", s.controlClearFaults)

	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, apiError{Message: "Nothing lives at this address", Code: "route_not_found", Type: "validation_error"})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// safeURL returns the address if a browser may be sent to it, else "".
func safeURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return ""
	}
	return u.String()
}
