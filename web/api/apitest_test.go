package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"fairqueue/internal/account"
	"fairqueue/internal/audit"
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
)

// stack is the API over HTTP on real services, a database of its own and the
// Paystack sandbox. Ticks happen when the test says so.
type stack struct {
	testing.TB
	api      *API
	pool     *pgxpool.Pool
	accounts *account.Service
	sales    *sale.Service
	queue    *queue.Service
	payments *payment.Service
	mailer   *mail.Mailer
	jobs     *river.Client[pgx.Tx]
	server   *httptest.Server
	sandbox  *httptest.Server
	client   *http.Client
	document *published
	logs     *logs
}

const sandboxKey = "sk_test_0123456789abcdef0123456789abcdef01234567"

// logs keeps what was logged, so that a test can look for what must not be.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newStack(t testing.TB, configure ...func(*http.Server)) *stack {
	t.Helper()
	s := &stack{TB: t, pool: dbtest.Pool(t), logs: &logs{}}
	ring, err := keys.New("a secret of the tests, long enough")
	s.must(err)
	log := slog.New(slog.NewTextHandler(s.logs, nil))
	clock := &db.Clock{}
	hub := live.New(live.Config{Logger: log})
	workers := river.NewWorkers()
	s.jobs, err = river.NewClient(riverpgxv5.New(s.pool), &river.Config{
		Logger: slog.New(slog.DiscardHandler), Workers: workers, TestOnly: true,
		Queues: map[string]river.QueueConfig{
			mail.QueueUrgent: {MaxWorkers: 2}, mail.QueueNormal: {MaxWorkers: 2}, payment.QueueMoney: {MaxWorkers: 4},
		},
	})
	s.must(err)
	s.mailer, err = mail.New(mail.Config{DB: s.pool, Keys: ring, Jobs: s.jobs, Clock: clock, Logger: log})
	s.must(err)
	s.accounts = account.New(account.Config{DB: s.pool, Keys: ring, Mail: s.mailer, Clock: clock, Logger: log})
	s.sales = sale.New(sale.Config{DB: s.pool, Live: hub, Clock: clock, Logger: log})

	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) { _ = WriteProblem(c, err) }
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set(echo.HeaderXRequestID, "request-of-the-test")
			return next(c)
		}
	})
	s.server = httptest.NewUnstartedServer(e)
	for _, f := range configure {
		f(s.server.Config)
	}
	base := "http://" + s.server.Listener.Addr().String()
	public, err := url.Parse(base)
	s.must(err)

	var bank *sandbox.Server
	s.sandbox = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bank.Handler().ServeHTTP(w, r) }))
	bank, err = sandbox.New(sandbox.Config{
		SecretKey: sandboxKey, WebhookURL: base + "/webhooks/paystack", PublicURL: "http://" + s.sandbox.Listener.Addr().String(), SpeedUp: 1000,
	})
	s.must(err)
	s.sandbox.Start()
	bankCtx, stopBank := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = bank.Run(bankCtx) })

	transport := &http.Transport{}
	provider, err := paystack.New(paystack.Config{BaseURL: s.sandbox.URL, SecretKey: sandboxKey, Logger: log, HTTP: &http.Client{Transport: transport}})
	s.must(err)
	s.queue = queue.New(queue.Config{DB: s.pool, Sales: s.sales, Keys: ring, Clock: clock, Issuer: base, Logger: log})
	claims := claim.New(claim.Config{DB: s.pool, Sales: s.sales, Queue: s.queue, Keys: ring, Clock: clock, Logger: log})
	tickets := ticket.New(ticket.Config{DB: s.pool, Keys: ring, Logger: log})
	s.payments = payment.New(payment.Config{
		DB: s.pool, Claims: claims, Queue: s.queue, Sales: s.sales, Tickets: tickets, Mail: s.mailer, Jobs: s.jobs,
		Provider: provider, Clock: clock, PublicURL: base, Logger: log,
	})
	s.mailer.Register(workers)
	s.payments.Register(workers)
	s.must(s.jobs.Start(context.Background()))

	s.api = Mount(e, Config{
		DB: s.pool, Accounts: s.accounts, Sales: s.sales, Queue: s.queue, Claims: claims, Payments: s.payments, Tickets: tickets,
		Guard: guard.New(guard.Config{Logger: log}), Clock: clock, Logger: log, PublicURL: public,
		Identify: func(r *http.Request) (account.Identity, bool) {
			c, err := r.Cookie("fq_session")
			if err != nil {
				return account.Identity{}, false
			}
			id, err := s.accounts.Verify(account.Session, c.Value)
			return id, err == nil
		},
		Invariants: func(ctx context.Context, event uuid.UUID) (map[string]int64, error) {
			results, err := audit.Run(ctx, s.pool, nil, event)
			figures := map[string]int64{}
			for _, r := range results {
				if r.Failure {
					figures[r.Name] = r.Violations
				}
			}
			return figures, err
		},
	})
	s.server.Start()
	s.client = &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		s.api.CloseStreams()
		s.client.CloseIdleConnections()
		s.server.Close()
		stopBank()
		wg.Wait()
		_ = bank.Close()
		s.sandbox.Close()
		transport.CloseIdleConnections()
		if err := s.jobs.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := s.queue.Close(ctx); err != nil {
			t.Error(err)
		}
		hub.Close(ctx)
	})
	s.document = readDocument(t, s.raw(http.MethodGet, openAPIPath, "", "", nil).body)
	return s
}

func (s *stack) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	stack  *stack
	call   string
	status int
	header http.Header
	body   []byte
	json   map[string]any
}

func (s *stack) raw(method, path, token, body string, header map[string]string) *answer {
	s.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, s.server.URL+path, rd)
	s.must(err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := s.client.Do(req)
	s.must(err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	s.must(err)
	a := &answer{stack: s, call: method + " " + path, status: res.StatusCode, header: res.Header, body: b}
	_ = json.Unmarshal(b, &a.json)
	return a
}

// do is raw that also compares the answer with the published document.
func (s *stack) do(method, path, token, body string, header ...string) *answer {
	s.Helper()
	h := map[string]string{}
	for i := 0; i+1 < len(header); i += 2 {
		h[header[i]] = header[i+1]
	}
	a := s.raw(method, path, token, body, h)
	plain, _, _ := strings.Cut(path, "?")
	for _, w := range s.document.wrong(method, plain, a.status, a.header.Get("Content-Type"), a.body) {
		s.Errorf("%s answered %d against the document: %s\n%s", a.call, a.status, w, a.body)
	}
	return a
}

// want checks the status and, for problems, the code and its form.
func (a *answer) want(status int, code string) *answer {
	t := a.stack
	t.Helper()
	if a.status != status {
		t.Fatalf("%s: got %d, want %d %s\n%s\n%s", a.call, a.status, status, code, a.body, t.logs)
	}
	if status < 400 {
		return a
	}
	if a.json["code"] != code {
		t.Fatalf("%s: code %v, want %s\n%s", a.call, a.json["code"], code, a.body)
	}
	if a.header.Get("Content-Type") != problemType || a.json["status"] != float64(status) || a.json["instance"] != "request-of-the-test" ||
		a.json["title"] == "" || !strings.HasSuffix(a.json["detail"].(string), ".") || a.json["type"] != docsPath+"#"+code {
		t.Errorf("%s: not a whole problem: %s", a.call, a.body)
	}
	if retry := a.header.Get("Retry-After"); (status == 429 || status == 503) && (retry == "" || retry == "0") {
		t.Errorf("%s: no Retry-After", a.call)
	}
	return a
}

// get reads a member by its path.
func (a *answer) get(path ...string) any {
	var v any = a.json
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			a.stack.Fatalf("%s: no %s in %s", a.call, strings.Join(path, "."), a.body)
		}
		v = m[p]
	}
	return v
}

func (a *answer) text(path ...string) string {
	s, ok := a.get(path...).(string)
	if !ok {
		a.stack.Fatalf("%s: %s is no string in %s", a.call, strings.Join(path, "."), a.body)
	}
	return s
}

// somebody is an account with a token.
func (s *stack) somebody(email string) (token string, a account.Account) {
	s.Helper()
	a, err := s.accounts.Ensure(s.Context(), email, "")
	s.must(err)
	token, _ = s.accounts.Issue(account.Bearer, a, time.Hour)
	return token, a
}

func (s *stack) organizer(email string) string {
	s.Helper()
	token, a := s.somebody(email)
	_, err := s.accounts.BecomeOrganizer(s.Context(), a.ID, "")
	s.must(err)
	return token
}

// newEventBody is a body for POST /organizer/events: open at once when published.
func newEventBody(change func(event, sale map[string]any)) string {
	now := time.Now().UTC()
	sale := map[string]any{
		"ordering": "fifo", "opens_at": now.Add(-time.Minute), "closes_at": now.Add(24 * time.Hour),
		"max_tickets_per_fan": 4, "admit_per_minute": 60000, "max_inside": 100,
		"turn_seconds": 120, "visit_seconds": 600, "hold_seconds": 600, "grace_seconds": 600,
	}
	event := map[string]any{
		"name": "Lagos Night", "venue": "Eko Convention Centre", "timezone": "Africa/Lagos", "starts_at": now.Add(48 * time.Hour),
		"sale": sale, "tiers": []map[string]any{
			{"name": "Stands", "price_kobo": 1_500_000, "capacity": 20}, {"name": "Free", "price_kobo": 0, "capacity": 5},
		},
	}
	if change != nil {
		change(event, sale)
	}
	b, _ := json.Marshal(event)
	return string(b)
}

// draft creates an event and returns its id.
func (s *stack) draft(token string, change func(event, sale map[string]any)) string {
	s.Helper()
	return s.do("POST", "/api/v1/organizer/events", token, newEventBody(change)).want(201, "").text("id")
}

// open creates and publishes an event.
func (s *stack) open(token string, change func(event, sale map[string]any)) (id string, tiers []string) {
	s.Helper()
	id = s.draft(token, change)
	a := s.do("POST", "/api/v1/organizer/events/"+id+"/publish", token, "").want(200, "")
	for _, t := range a.get("tiers").([]any) {
		tiers = append(tiers, t.(map[string]any)["id"].(string))
	}
	return id, tiers
}

// drip makes one step of every line and lets this process see it.
func (s *stack) drip() {
	s.Helper()
	s.must(s.sales.Refresh(s.Context()))
	s.must(s.queue.Drip(s.Context(), func(context.Context, pgx.Tx) error { return nil }))
	s.must(s.sales.Refresh(s.Context()))
}

// turn joins and waits until the fan is called; it returns the admission token.
func (s *stack) turn(token, event string) string {
	s.Helper()
	s.do("POST", "/api/v1/events/"+event+"/queue", token, "")
	for range 40 {
		s.drip()
		a := s.do("GET", "/api/v1/events/"+event+"/queue", token, "").want(200, "")
		if a.json["admission"] != nil {
			return a.text("admission", "token")
		}
	}
	s.Fatal("never called")
	return ""
}

func claimBody(tier string, n int) string {
	b, _ := json.Marshal(map[string]any{"tier_id": tier, "quantity": n})
	return string(b)
}

// pay tells the sandbox what the buyer does.
func (s *stack) outcome(reference, body string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.sandbox.URL+"/_sandbox/transactions/"+reference, strings.NewReader(body))
	s.must(err)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	s.must(err)
	defer func() { _ = res.Body.Close() }()
	if b, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
		s.Fatalf("sandbox: %d %s", res.StatusCode, b)
	}
}

// finished waits for the next jobs of a kind to end well.
func (s *stack) finished() (events <-chan *river.Event) {
	s.Helper()
	ch, cancel := s.jobs.Subscribe(river.EventKindJobCompleted)
	s.Cleanup(cancel)
	return ch
}

// until waits for jobs until what they do can be seen.
func (s *stack) until(jobs <-chan *river.Event, what string, seen func() bool) {
	s.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for !seen() {
		select {
		case <-jobs:
		case <-deadline.C:
			s.Fatalf("waited in vain for %s\n%s", what, s.logs)
		}
	}
}

func randomID() string { return uuid.NewString() }
