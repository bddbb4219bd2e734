package payment_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"fairqueue/internal/audit"
	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
	"fairqueue/internal/live"
	"fairqueue/internal/mail"
	"fairqueue/internal/money"
	"fairqueue/internal/payment"
	"fairqueue/internal/paystack"
	"fairqueue/internal/paystack/sandbox"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
)

func TestMain(m *testing.M) {
	// Each check is an evening with a database and a bank; -rapid.checks asks for more.
	if err := flag.Set("rapid.checks", "20"); err != nil {
		panic(err)
	}
	dbtest.Main(m)
}

const (
	secretKey = "sk_test_of_the_shop"
	publicURL = "https://tickets.example"
	price     = 500_000
)

// shop is an open sale, its money, and a Paystack sandbox that sends webhooks to it.
type shop struct {
	testing.TB
	pool     *pgxpool.Pool
	dbURL    string
	sales    *sale.Service
	claims   *claim.Service
	tickets  *ticket.Service
	mail     *mail.Mailer
	payments *payment.Service
	event    *sale.Snapshot
	bank     string
	http     *http.Client
	jobs     *river.Client[pgx.Tx]
	provider *counted
	// door is where the provider's webhooks go; nil: there is no process.
	door atomic.Pointer[payment.Service]
	// patience is how long a call to the provider may take: long, so that a busy machine is no provider that is silent.
	patience time.Duration
	stop     func()
}

// counted counts what the provider is asked.
type counted struct {
	payment.Provider
	verified, started, listed atomic.Int64
}

func (c *counted) Verify(ctx context.Context, ref string) (payment.Charge, error) {
	c.verified.Add(1)
	return c.Provider.Verify(ctx, ref)
}

func (c *counted) Initialize(ctx context.Context, s payment.Start) (string, error) {
	c.started.Add(1)
	return c.Provider.Initialize(ctx, s)
}

// boot starts what one process of the product has of money, on a pool and a provider's address, and makes the shop use
// it; end stops it.
func (s *shop) boot(pool *pgxpool.Pool, bank string, work bool) (end func(patience time.Duration) error) {
	s.Helper()
	ring, err := keys.New("a secret of the tests, long enough")
	s.must(err)
	clock, hub := &db.Clock{}, live.New(live.Config{})
	s.sales = sale.New(sale.Config{DB: pool, Live: hub, Clock: clock})
	line := queue.New(queue.Config{DB: pool, Sales: s.sales, Keys: ring, Clock: clock, Issuer: publicURL})
	s.claims = claim.New(claim.Config{DB: pool, Sales: s.sales, Queue: line, Clock: clock})
	s.tickets = ticket.New(ticket.Config{DB: pool, Keys: ring})
	// A client of its own: the connections of a process end with it.
	api, err := paystack.New(paystack.Config{SecretKey: secretKey, BaseURL: bank, Timeout: s.patience})
	s.must(err)
	s.provider = &counted{Provider: api}

	workers := river.NewWorkers()
	s.jobs, err = river.NewClient(riverpgxv5.New(pool), &river.Config{
		Workers: workers, Logger: slog.New(slog.DiscardHandler), TestOnly: true,
		FetchCooldown: time.Millisecond, FetchPollInterval: 20 * time.Millisecond,
		Queues: map[string]river.QueueConfig{payment.QueueMoney: {MaxWorkers: 4}, mail.QueueNormal: {MaxWorkers: 1}},
	})
	s.must(err)
	s.mail, err = mail.New(mail.Config{DB: pool, Keys: ring, Jobs: s.jobs})
	s.must(err)
	s.mail.Register(workers)
	s.payments = payment.New(payment.Config{
		DB: pool, Claims: s.claims, Queue: line, Sales: s.sales, Tickets: s.tickets, Mail: s.mail, Jobs: s.jobs,
		Provider: s.provider, Clock: clock, PublicURL: publicURL,
	})
	s.payments.Register(workers)
	s.door.Store(s.payments)
	jobs := s.jobs
	if work {
		s.must(jobs.Start(context.Background()))
	}
	return func(patience time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		var err error
		if work {
			err = jobs.StopAndCancel(ctx)
		}
		api.Close()
		err = errors.Join(err, line.Close(ctx))
		hub.Close(ctx)
		return err
	}
}

// config says what is not as usual in a shop.
type config struct {
	capacity int
	price    money.Kobo
	hold     int
	// still: no job is worked, so that a test can be between two steps.
	still bool
	// silent: the provider will not answer, and nobody wants to wait for long.
	silent bool
}

func open(t testing.TB, c config) *shop {
	t.Helper()
	if c.capacity == 0 {
		c.capacity = 10
	}
	if c.hold == 0 {
		c.hold = 600
	}
	s := &shop{TB: t, patience: 30 * time.Second}
	if c.silent {
		s.patience = 2 * time.Second
	}
	s.pool, s.dbURL = dbtest.PoolURL(t)
	hook := httptest.NewServer(http.HandlerFunc(s.webhook))
	bank, err := sandbox.New(sandbox.Config{Addr: "127.0.0.1:0", SecretKey: secretKey, WebhookURL: hook.URL, Seed: 1, SpeedUp: 3000})
	s.must(err)
	s.bank = bank.URL()
	s.http = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bank.Run(ctx) }() // waited for by stop
	end := s.boot(s.pool, s.bank, !c.still)
	s.stop = sync.OnceFunc(func() {
		if err := end(time.Minute); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		hook.Close()
		s.http.CloseIdleConnections()
		if err := bank.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { s.stop() })

	org := uuid.New()
	s.sql(`INSERT INTO organizations (id, name) VALUES ($1, 'House')`, org)
	terms := sale.DefaultTerms()
	terms.Ordering, terms.OpensAt, terms.ClosesAt = sale.FIFO, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	terms.MaxTicketsPerFan, terms.HoldSeconds = 4, c.hold
	terms.MaxInside = 100_000 // all whom a test puts inside
	s.event, err = s.sales.Create(t.Context(), org, sale.NewSale{
		Event: catalog.NewEvent{Name: "A night", Slug: "night-" + uuid.NewString(), Venue: "Hall", Timezone: "Africa/Lagos", StartsAt: time.Now().Add(48 * time.Hour)},
		Terms: terms, Tiers: []sale.NewTier{{Name: "Stands", Price: c.price, Capacity: c.capacity}},
	})
	s.must(err)
	s.event, err = s.claims.Publish(t.Context(), s.event.ID(), uuid.New())
	s.must(err)
	return s
}

func (s *shop) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *shop) sql(q string, args ...any) {
	s.Helper()
	_, err := s.pool.Exec(context.WithoutCancel(s.Context()), q, args...)
	s.must(err)
}

func (s *shop) count(q string, args ...any) (n int) {
	s.Helper()
	s.must(s.pool.QueryRow(s.Context(), q, args...).Scan(&n))
	return n
}

// webhook is the shop's door for the provider, as web/api has it.
func (s *shop) webhook(w http.ResponseWriter, r *http.Request) {
	payments := s.door.Load()
	if payments == nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		err = payments.Receive(r.Context(), r.Header.Get("X-Paystack-Signature"), body)
	}
	if err != nil {
		w.WriteHeader(fault.Status(err))
	}
}

// fan is somebody inside.
func (s *shop) fan() uuid.UUID {
	s.Helper()
	id := uuid.New()
	s.sql(`INSERT INTO accounts (id, email) VALUES ($1, $2)`, id, "ada."+id.String()+"@example.com")
	s.sql(`WITH head AS (UPDATE queue_heads SET arrivals = arrivals + 1, serving = serving + 1 WHERE event_id = $1 RETURNING arrivals)
		INSERT INTO spots (id, event_id, account_id, arrival, status, called_at, turn_ends_at, entered_at, visit_ends_at)
		SELECT gen_random_uuid(), $1, $2, arrivals, 'inside', now(), now() + interval '1 hour', now(), now() + interval '1 hour' FROM head`, s.event.ID(), id)
	return id
}

func (s *shop) hold(fan uuid.UUID, n int) claim.Claim {
	s.Helper()
	c, err := s.claims.Hold(s.Context(), s.event, fan, claim.Request{TierID: s.event.Tiers[0].ID, Quantity: n})
	s.must(err)
	return c
}

func (s *shop) start(c claim.Claim) payment.Payment {
	s.Helper()
	p, created, err := s.payments.Start(s.Context(), c.AccountID, c.ID)
	s.must(err)
	if !created {
		s.Fatal("the payment was there already")
	}
	return p
}

// buy holds n tickets for a new fan and starts the payment.
func (s *shop) buy(n int) (claim.Claim, payment.Payment) {
	s.Helper()
	c := s.hold(s.fan(), n)
	return c, s.start(c)
}

type knobs map[string]any

// bankCall uses the sandbox's controls.
func (s *shop) bankCall(method, path string, body any) map[string]any {
	s.Helper()
	raw, err := json.Marshal(body)
	s.must(err)
	req, err := http.NewRequestWithContext(s.Context(), method, s.bank+path, bytes.NewReader(raw))
	s.must(err)
	res, err := s.http.Do(req)
	s.must(err)
	defer func() { _ = res.Body.Close() }()
	out := map[string]any{}
	answer, err := io.ReadAll(res.Body)
	s.must(err)
	if res.StatusCode/100 != 2 {
		s.Fatalf("%s %s: %s", method, path, answer)
	}
	_ = json.Unmarshal(answer, &out)
	return out
}

// outcome is what the buyer and the network do.
func (s *shop) outcome(p payment.Payment, k knobs) {
	s.Helper()
	s.bankCall(http.MethodPost, "/_sandbox/transactions/"+p.Reference, k)
}

// quietly pays without a webhook.
func (s *shop) quietly(p payment.Payment) {
	s.outcome(p, knobs{"outcome": "success", "webhook": "drop"})
}

func (s *shop) faults(k knobs) { s.Helper(); s.bankCall(http.MethodPost, "/_sandbox/faults", k) }
func (s *shop) healthy()       { s.Helper(); s.bankCall(http.MethodDelete, "/_sandbox/faults", nil) }

// reconcile asks about everything that is open, whenever its turn would be.
func (s *shop) reconcile() {
	s.Helper()
	s.sql(`UPDATE payments SET next_check_at = now() - interval '1 s'`)
	s.must(s.payments.Reconcile(s.Context()))
}

// age lets the deadline of a payment be that long ago.
func (s *shop) age(p payment.Payment, d time.Duration) {
	s.Helper()
	s.sql(`UPDATE payments SET deadline_at = now() - $2 * interval '1 second' WHERE id = $1`, p.ID, int(d.Seconds()))
}

// hurry lets every job that waits be worked now.
func (s *shop) hurry() {
	s.Helper()
	s.sql(`UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE state IN ('retryable', 'scheduled')`)
}

func parsed(t testing.TB, body string) (k knobs) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &k); err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *shop) is(p payment.Payment, want payment.Status, c claim.Claim, wantClaim claim.Status) {
	s.Helper()
	got, err := s.payments.Get(s.Context(), p.AccountID, p.ID)
	s.must(err)
	held, err := s.claims.Get(s.Context(), c.AccountID, c.ID)
	s.must(err)
	if got.Status != want || held.Status != wantClaim {
		s.Fatalf("payment %s, claim %s; want %s, %s", got.Status, held.Status, want, wantClaim)
	}
}

// until waits for something that another goroutine will make true.
func (s *shop) until(what string, ok func() bool) {
	s.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(time.Duration(dbtest.Size(90, 900)) * time.Second) // a loaded machine is no failure
	defer late.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late.C:
			s.Fatal("it never happened: " + what)
		}
	}
}

func (s *shop) tickets1(c claim.Claim) []ticket.Ticket {
	s.Helper()
	list, err := s.tickets.OfClaim(s.Context(), c.AccountID, c.ID)
	s.must(err)
	return list
}

// sign is the provider's signature over a body.
func sign(body []byte) string {
	mac := hmac.New(sha512.New, []byte(secretKey))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// addsUp is money_adds_up, paid_means_ticket_or_refund and ticket_means_paid for the whole shop, to the kobo.
func (s *shop) addsUp() {
	s.Helper()
	rows, err := s.pool.Query(s.Context(), `
		SELECT p.reference, p.status, p.received_kobo,
		       coalesce((SELECT sum(t.price_kobo - t.reduced_kobo) FROM tickets t WHERE t.payment_id = p.id AND t.status IN ('valid', 'used')), 0),
		       coalesce((SELECT sum(r.amount_kobo) FROM refunds r WHERE r.payment_id = p.id), 0),
		       CASE WHEN p.received_kobo = p.amount_kobo + p.fees_kobo THEN p.fees_kobo ELSE 0 END
		FROM payments p WHERE p.settled_at IS NOT NULL`)
	s.must(err)
	defer rows.Close()
	for rows.Next() {
		var ref, status string
		var received, tickets, back, fees int64
		s.must(rows.Scan(&ref, &status, &received, &tickets, &back, &fees))
		if status != "charged_back" && received != tickets+back+fees && received != tickets+back {
			s.Errorf("%s %s: received %d, tickets %d, refunds %d, fees %d", ref, status, received, tickets, back, fees)
		}
		if status != "succeeded" && tickets != 0 {
			s.Errorf("%s %s has tickets", ref, status)
		}
	}
	s.must(rows.Err())
	if n := s.count(`SELECT count(*) FROM tickets t JOIN payments p ON p.id = t.payment_id JOIN units u ON u.id = t.unit_id
		WHERE t.status = 'valid' AND (p.status <> 'succeeded' OR u.state <> 'sold' OR u.claim_id <> t.claim_id)`); n != 0 {
		s.Errorf("%d tickets without a payment or a place", n)
	}
	if n := s.count(`SELECT count(*) FROM units u WHERE u.state = 'sold' AND NOT EXISTS (SELECT FROM tickets t WHERE t.unit_id = u.id AND t.status = 'valid')
		AND NOT EXISTS (SELECT FROM payments p WHERE p.claim_id = u.claim_id AND p.status = 'charged_back')`); n != 0 {
		s.Errorf("%d places are sold without a ticket", n)
	}
	if n := s.count(`SELECT count(*) FROM claims c WHERE (c.status = 'paying') <> EXISTS (SELECT FROM payments p WHERE p.claim_id = c.id AND p.status IN ('initializing', 'pending'))
		AND c.status NOT IN ('paid', 'refunded')`); n != 0 {
		s.Errorf("%d claims and payments disagree about who is paying", n)
	}
	// What the operator's audit says of it; the line was made by hand here.
	results, err := audit.Run(s.Context(), s.pool, nil, s.event.ID())
	s.must(err)
	for _, r := range results {
		switch r.Name {
		case "never_oversold", "within_limits", "paid_means_ticket_or_refund", "ticket_means_paid", "money_adds_up":
			if r.Violations != 0 {
				s.Errorf("%s: %d violations: %v", r.Name, r.Violations, r.Detail)
			}
		}
	}
}

// alerts is how often money needed a person.
func (s *shop) alerts() int {
	s.Helper()
	r := prometheus.NewRegistry()
	s.must(r.Register(s.payments.Alerts()))
	all, err := r.Gather()
	s.must(err)
	return int(all[0].Metric[0].Counter.GetValue())
}
