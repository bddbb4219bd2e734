package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"fairqueue/internal/account"
	"fairqueue/internal/app"
	"fairqueue/internal/audit"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/devstack"
	"fairqueue/internal/lab"
	"fairqueue/internal/paystack/sandbox"
)

const (
	secret      = "the secret of the end-to-end tests, long enough"
	paystackKey = "sk_test_0123456789abcdef0123456789abcdef01234567"
	// patience bounds every wait for a condition: generous, because a loaded machine is no failure.
	patience = 90 * time.Second
)

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		os.Exit(serveAndBeKilled())
	}
	if os.Getenv(listenEnv) != "" {
		os.Exit(joinAndListen())
	}
	dbtest.Main(m)
}

// product is everything that `fairqueue dev` starts, on addresses of the test's own.
type product struct {
	t       testing.TB
	cfg     app.Config
	app     *app.App
	url     string
	bankURL string
	pool    *pgxpool.Pool
	redis   *redis.Client
	// redisServer may be stopped and started again.
	redisServer *devstack.Redis
	client      *http.Client
	log         *slog.Logger
	stopApp     func()
	// given are the credentials that tests were given; no log may hold them.
	given struct {
		sync.Mutex
		all []string
	}

	once      sync.Once
	organizer string // bearer
}

// startProduct starts it and stops it at the end of the test.
func startProduct(t testing.TB) *product {
	t.Helper()
	p := prepareProduct(t)
	p.startApp()
	return p
}

// prepareProduct starts all but the app: its database, Redis and the sandbox.
func prepareProduct(t testing.TB) *product {
	t.Helper()
	pool, databaseURL := dbtest.PoolURL(t)
	redisServer := dbtest.RedisServer(t)
	redisURL := redisServer.URL
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	logs := &bytes.Buffer{}
	p := &product{t: t, pool: pool, redisServer: redisServer, redis: redis.NewClient(options),
		log: slog.New(slog.NewTextHandler(&locked{b: logs}, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	p.client = &http.Client{Transport: transport, Timeout: 60 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = p.redis.Close()
		text := logs.String()
		p.quiet(t, text)
		if t.Failed() {
			t.Logf("the end of the server's log:\n%s", text[max(0, len(text)-8000):])
		}
	})

	// Both sides must know the other's address, so both ports are taken before either runs.
	addr := dbtest.FreeAddr(t)
	p.url = "http://" + addr
	bank, err := sandbox.New(sandbox.Config{Addr: "127.0.0.1:0", SecretKey: paystackKey, WebhookURL: p.url + "/webhooks/paystack",
		Seed: 1, SpeedUp: 600, Logger: p.log})
	if err != nil {
		t.Fatal(err)
	}
	p.bankURL = bank.URL()
	run(t, "the sandbox", func(ctx context.Context) error { return errors.Join(bank.Run(ctx), bank.Close()) })

	p.cfg, err = app.Parse(map[string]string{
		"FAIRQUEUE_ENV": app.Dev, "FAIRQUEUE_ADDR": addr, "PUBLIC_URL": p.url, "DATABASE_URL": databaseURL, "REDIS_URL": redisURL,
		"FAIRQUEUE_SECRET": secret, "PAYSTACK_SECRET_KEY": paystackKey, "PAYSTACK_BASE_URL": p.bankURL, "FAIRQUEUE_DATA_DIR": t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startApp starts the app in this process.
func (p *product) startApp() {
	p.t.Helper()
	a, err := app.New(context.Background(), p.cfg, p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	p.app = a
	p.stopApp = run(p.t, "the app", a.Run)
	p.ready()
}

// ready waits until the app serves.
func (p *product) ready() {
	p.t.Helper()
	p.readyAt(p.url)
}

func (p *product) readyAt(url string) {
	p.t.Helper()
	p.until("the app is ready", func() bool {
		res, err := p.client.Get(url + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// run runs something until the end of the test, or until the function that it returns is called.
func run(t testing.TB, what string, work func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- work(ctx) }() // waited for by stop
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// locked is a log that several goroutines write.
type locked struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// until waits for a condition.
func (p *product) until(what string, ok func() bool) {
	p.t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-end.C:
			p.t.Fatalf("never: %s", what)
		case <-look.C:
		}
	}
}

// exec moves the world of the test's own database.
func (p *product) exec(sql string, args ...any) {
	p.t.Helper()
	if _, err := p.pool.Exec(context.Background(), sql, args...); err != nil {
		p.t.Fatal(err)
	}
}

// count reads one number.
func (p *product) count(sql string, args ...any) (n int) {
	p.t.Helper()
	if err := p.pool.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		p.t.Fatal(err)
	}
	return n
}

// fans makes verified fans.
func (p *product) fans(n int) []lab.Fan {
	p.t.Helper()
	out := make([]lab.Fan, 0, n)
	if err := p.app.Accounts.CreateFans(context.Background(), n, func(f account.Fan) error {
		out = append(out, lab.Fan{Token: f.Token, Email: f.Account.Email})
		return nil
	}); err != nil {
		p.t.Fatal(err)
	}
	for _, f := range out[:min(len(out), 100)] {
		p.gave(f.Token)
	}
	return out
}

// signedIn returns the bearer of an account and the value of its session cookie.
func (p *product) signedIn(email string) (bearer, cookie string) {
	p.t.Helper()
	a, err := p.app.Accounts.Ensure(context.Background(), email, "")
	if err != nil {
		p.t.Fatal(err)
	}
	bearer, _ = p.app.Accounts.Issue(account.Bearer, a, time.Hour)
	cookie, _ = p.app.Accounts.Issue(account.Session, a, time.Hour)
	p.gave(bearer, cookie)
	return bearer, cookie
}

// asOrganizer is the bearer of the organizer of all events.
func (p *product) asOrganizer() string {
	p.once.Do(func() {
		a, err := p.app.Accounts.Ensure(context.Background(), "organizer@example.test", "Organizer")
		if err == nil {
			_, err = p.app.Accounts.BecomeOrganizer(context.Background(), a.ID, "The Hall")
		}
		if err != nil {
			p.t.Fatal(err)
		}
		p.organizer, _ = p.app.Accounts.Issue(account.Bearer, a, time.Hour)
		p.gave(p.organizer)
	})
	return p.organizer
}

// show is an event of a test's own.
type show struct {
	*product
	id, slug string
	tiers    []string
}

// newShow creates and publishes an open sale; change may alter the request.
func (p *product) newShow(t testing.TB, slug string, capacity int, change func(body map[string]any)) *show {
	t.Helper()
	s := p.draft(t, slug, capacity, change)
	p.api(t, "POST", "/organizer/events/"+s.id+"/publish", p.asOrganizer(), nil).want(200)
	return s
}

func (p *product) draft(t testing.TB, slug string, capacity int, change func(body map[string]any)) *show {
	t.Helper()
	now := time.Now().UTC()
	body := map[string]any{
		"name": "Show " + slug, "slug": slug, "venue": "The Hall, Lagos", "timezone": "Africa/Lagos", "starts_at": now.Add(240 * time.Hour).Format(time.RFC3339),
		"sale": map[string]any{"ordering": "fifo", "opens_at": now.Add(-time.Second).Format(time.RFC3339), "closes_at": now.Add(200 * time.Hour).Format(time.RFC3339),
			"max_tickets_per_fan": 4, "admit_per_minute": 600000, "max_inside": 500, "turn_seconds": 600, "visit_seconds": 600, "hold_seconds": 600, "grace_seconds": 600},
		"tiers": []any{map[string]any{"name": "Standing", "price_kobo": 1500000, "capacity": capacity}},
	}
	if change != nil {
		change(body)
	}
	a := p.api(t, "POST", "/organizer/events", p.asOrganizer(), body).want(201)
	s := &show{product: p, id: a.str("id"), slug: a.str("slug")}
	for _, tier := range a.json["tiers"].([]any) {
		s.tiers = append(s.tiers, tier.(map[string]any)["id"].(string))
	}
	return s
}

// audited fails the test if an invariant of the event is broken.
func (s *show) audited(t testing.TB) {
	t.Helper()
	results, err := audit.Run(context.Background(), s.pool, s.redis, uuid.MustParse(s.id))
	if err != nil {
		t.Fatal(err)
	}
	if len(results) < 10 {
		t.Errorf("only %d invariants were checked", len(results))
	}
	for _, r := range results {
		if r.Failure && r.Violations > 0 {
			t.Errorf("%s: %d violations among %d: %s", r.Name, r.Violations, r.Checked, strings.Join(r.Detail, "; "))
		}
	}
}

// sold is how many units of the event are sold.
func (s *show) sold() int {
	return s.count(`SELECT count(*) FROM units WHERE event_id = $1 AND state = 'sold'`, s.id)
}

// outcome plays a buyer at the provider.
func (p *product) outcome(t testing.TB, reference string, body map[string]any) {
	t.Helper()
	p.request(t, "POST", p.bankURL+"/_sandbox/transactions/"+reference, "", body, nil).want(200)
}
