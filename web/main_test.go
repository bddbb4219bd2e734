package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"fairqueue/internal/account"
	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/guard"
	"fairqueue/internal/keys"
	"fairqueue/internal/live"
	"fairqueue/internal/mail"
	"fairqueue/internal/payment"
	"fairqueue/internal/paystack"
	"fairqueue/internal/paystack/sandbox"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
	"fairqueue/web"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// stack is the product as the browser meets it, on a database of its own and
// with a Paystack sandbox of its own. Ticks are made by the test.
type stack struct {
	t        testing.TB
	pool     *pgxpool.Pool
	redis    redis.UniversalClient
	accounts *account.Service
	sales    *sale.Service
	queue    *queue.Service
	claims   *claim.Service
	payments *payment.Service
	mail     *mail.Mailer
	jobs     *river.Client[pgx.Tx]
	events   <-chan *river.Event
	web      *web.Server
	server   *httptest.Server
	provider *httptest.Server
	cfg      web.Config
	org      account.Account
	log      *logBuffer
}

// option changes the configuration of a stack.
type option func(*web.Config)

func newStack(t testing.TB, opts ...option) *stack {
	t.Helper()
	s := &stack{t: t, pool: dbtest.Pool(t), redis: dbtest.Redis(t), log: &logBuffer{}}
	log := slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))

	ring := must(keys.New("a secret of the tests, long enough"))(t)
	clock := &db.Clock{}
	if err := clock.Sync(t.Context(), s.pool); err != nil {
		t.Fatal(err)
	}
	hub := live.New(live.Config{Logger: slog.New(slog.DiscardHandler), Prefix: "t:"})
	t.Cleanup(func() { hub.Close(context.Background()) })

	// The addresses are needed before the handlers exist.
	var site, bank http.Handler
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { site.ServeHTTP(w, r) }))
	t.Cleanup(s.server.Close)
	s.provider = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bank.ServeHTTP(w, r) }))
	t.Cleanup(s.provider.Close)
	sand := must(sandbox.New(sandbox.Config{SecretKey: "sk_test_web", PublicURL: s.provider.URL, Seed: 1}))(t)
	t.Cleanup(func() { _ = sand.Close() })
	bank = sand.Handler()

	workers := river.NewWorkers()
	s.jobs = must(river.NewClient(riverpgxv5.New(s.pool), &river.Config{
		Workers: workers, Logger: slog.New(slog.DiscardHandler), TestOnly: true,
		FetchCooldown: time.Millisecond, FetchPollInterval: 20 * time.Millisecond,
		Queues: map[string]river.QueueConfig{
			mail.QueueUrgent: {MaxWorkers: 2}, mail.QueueNormal: {MaxWorkers: 1}, payment.QueueMoney: {MaxWorkers: 2},
		},
	}))(t)
	s.mail = must(mail.New(mail.Config{DB: s.pool, Keys: ring, Jobs: s.jobs, From: "FairQueue <tickets@fair.example>", Logger: log}))(t)
	s.accounts = account.New(account.Config{DB: s.pool, Keys: ring, Mail: s.mail, Clock: clock, Logger: log})
	s.sales = sale.New(sale.Config{DB: s.pool, Live: hub, Clock: clock, Logger: log})
	s.queue = queue.New(queue.Config{DB: s.pool, Sales: s.sales, Keys: ring, Clock: clock, Issuer: s.server.URL, Logger: log})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.queue.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	s.claims = claim.New(claim.Config{DB: s.pool, Sales: s.sales, Queue: s.queue, Keys: ring, Clock: clock, Logger: log})
	tickets := ticket.New(ticket.Config{DB: s.pool, Keys: ring, Logger: log})
	s.payments = payment.New(payment.Config{
		DB: s.pool, Claims: s.claims, Queue: s.queue, Sales: s.sales, Tickets: tickets, Mail: s.mail, Jobs: s.jobs,
		Provider: must(paystack.New(paystack.Config{SecretKey: "sk_test_web", BaseURL: s.provider.URL, Logger: log}))(t),
		Clock:    clock, PublicURL: s.server.URL, Logger: log,
	})
	s.mail.Register(workers)
	s.payments.Register(workers)

	cfg := web.Config{
		DB: s.pool, Pool: s.pool, Redis: s.redis,
		Accounts: s.accounts, Sales: s.sales, Queue: s.queue, Claims: s.claims, Payments: s.payments, Tickets: tickets,
		Mail: s.mail, Guard: guard.New(guard.Config{Redis: s.redis, Prefix: "t:", Logger: log}), Live: hub, Clock: clock, Logger: log,
		PublicURL: must(url.Parse(s.server.URL))(t), Env: "dev", Version: "test", PaymentOrigin: s.provider.URL,
		Ready:    func(ctx context.Context) error { return s.pool.Ping(ctx) },
		Registry: prometheus.NewRegistry(), MetricsOnMain: true,
	}
	for _, o := range opts {
		o(&cfg)
	}
	s.cfg = cfg
	s.web = must(web.New(cfg))(t)
	t.Cleanup(s.web.CloseStreams)
	site = s.web.Handler()

	s.org = must(s.accounts.Ensure(t.Context(), "org-"+uuid.NewString()+"@fair.example", "Lagos Nights"))(t)
	return s
}

// replica is another process of the same product, on the same services.
func (s *stack) replica() *stack {
	s.t.Helper()
	r := *s
	r.cfg.Registry = prometheus.NewRegistry()
	r.web = must(web.New(r.cfg))(s.t)
	s.t.Cleanup(r.web.CloseStreams)
	r.server = httptest.NewServer(r.web.Handler())
	s.t.Cleanup(r.server.Close)
	return &r
}

// work runs the jobs of the stack: mail goes out.
func (s *stack) work() {
	s.t.Helper()
	var cancel func()
	s.events, cancel = s.jobs.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobCancelled)
	s.t.Cleanup(cancel)
	if err := s.jobs.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.jobs.StopAndCancel(ctx); err != nil {
			s.t.Error(err)
		}
	})
}

var sixDigits = regexp.MustCompile(`\d{6}`)

// code waits for the one-time code number n that an address got, from 1.
func (s *stack) code(email string, n int) string {
	s.t.Helper()
	for {
		box, err := s.mail.Mailbox(s.t.Context(), email, 20)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(box) >= n {
			return sixDigits.FindString(box[len(box)-n].Text)
		}
		select {
		case <-s.events:
		case <-time.After(20 * time.Second):
			s.t.Fatalf("no code for %s", email)
		}
	}
}

// tick is one second of the leader: due moves, one step of the line, and the
// picture in memory.
func (s *stack) tick() {
	s.t.Helper()
	ctx := s.t.Context()
	for _, do := range []func() error{
		func() error { return s.queue.Advance(ctx) },
		func() error { return s.queue.Drip(ctx, func(context.Context, pgx.Tx) error { return nil }) },
		func() error { return s.sales.Refresh(ctx) },
	} {
		if err := do(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// draft makes an event that opens in the past, with one tier.
func (s *stack) draft(name string, change ...func(*sale.NewSale)) *sale.Snapshot {
	s.t.Helper()
	ctx := s.t.Context()
	org := must(s.accounts.BecomeOrganizer(ctx, s.org.ID, "Lagos Nights"))(s.t)
	now := time.Now()
	n := sale.NewSale{
		Event: catalog.NewEvent{Name: name, Venue: "National Theatre, Lagos", Timezone: "Africa/Lagos", StartsAt: now.Add(30 * 24 * time.Hour)},
		Terms: sale.DefaultTerms(),
		Tiers: []sale.NewTier{{Name: "Stands", Price: 1_250_000, Capacity: 10}},
	}
	// As fast as it goes: a test does not wait for the pace.
	n.Terms.Ordering, n.Terms.AdmitPerMinute = sale.FIFO, 600_000
	n.Terms.OpensAt, n.Terms.ClosesAt = now.Add(-time.Hour), now.Add(24*time.Hour)
	for _, f := range change {
		f(&n)
	}
	return must(s.sales.Create(ctx, org, n))(s.t)
}

// event is a draft that has been published.
func (s *stack) event(name string, change ...func(*sale.NewSale)) *sale.Snapshot {
	s.t.Helper()
	return must(s.claims.Publish(s.t.Context(), s.draft(name, change...).ID(), s.org.ID))(s.t)
}

// bankSays is what a buyer and a network would do at the provider's page.
func (s *stack) bankSays(reference, outcome string) {
	s.t.Helper()
	body := must(json.Marshal(map[string]any{"outcome": outcome, "webhook": "drop"}))(s.t)
	r := must(http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.provider.URL+"/_sandbox/transactions/"+reference, bytes.NewReader(body)))(s.t)
	resp, err := s.provider.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close() // Nothing is read of it.
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("the sandbox refused %s: %s", outcome, resp.Status)
	}
}

// count returns the only figure of a query.
func (s *stack) count(query string, args ...any) (n int) {
	s.t.Helper()
	if err := s.pool.QueryRow(s.t.Context(), query, args...).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// logBuffer collects the log of a stack.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// requests are the lines of requests so far.
func (l *logBuffer) requests() (out []map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		var m map[string]any
		if json.Unmarshal([]byte(line), &m) == nil && m["msg"] == "request" {
			out = append(out, m)
		}
	}
	return out
}

func (l *logBuffer) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func loopback(c *web.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

func path(format string, args ...any) string { return fmt.Sprintf(format, args...) }
