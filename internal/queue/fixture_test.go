package queue_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/audit"
	"fairqueue/internal/catalog"
	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// line is a published sale with a service on it.
type line struct {
	t      testing.TB
	db     db.Conn
	sales  *sale.Service
	queue  *queue.Service
	claims *claim.Service
	event  uuid.UUID
	by     uuid.UUID
}

// terms makes a sale that is open, fast and roomy; change narrows it.
func terms(change func(*sale.NewSale)) sale.NewSale {
	now := time.Now()
	t := sale.DefaultTerms()
	t.OpensAt, t.ClosesAt = now.Add(-time.Hour), now.Add(24*time.Hour)
	t.AdmitPerMinute, t.MaxInside = 600_000, 100_000
	n := sale.NewSale{
		Event: catalog.NewEvent{Name: "Detty December", Venue: "Eko Hotel", Timezone: "Africa/Lagos", StartsAt: now.Add(48 * time.Hour)},
		Terms: t,
		Tiers: []sale.NewTier{{Name: "Regular", Price: 1_500_000, Capacity: 200}},
	}
	if change != nil {
		change(&n)
	}
	return n
}

func newLine(t testing.TB, conn db.Conn, change func(*sale.NewSale)) *line {
	t.Helper()
	l := &line{t: t, db: conn, by: uuid.New()}
	l.sales = sale.New(sale.Config{DB: conn})
	l.queue = newService(t, conn, l.sales)
	l.claims = claim.New(claim.Config{DB: conn, Sales: l.sales, Queue: l.queue})
	organization := uuid.New()
	l.exec(`INSERT INTO organizations (id, name) VALUES ($1, 'Flytime')`, organization)
	snap, err := l.sales.Create(t.Context(), organization, terms(change))
	if err != nil {
		t.Fatal(err)
	}
	l.event = snap.ID()
	if _, err := l.claims.Publish(t.Context(), l.event, l.by); err != nil {
		t.Fatal(err)
	}
	return l
}

func newService(t testing.TB, conn db.Conn, sales *sale.Service) *queue.Service {
	t.Helper()
	return newServiceAt(t, conn, sales, "http://localhost:8080")
}

func newServiceAt(t testing.TB, conn db.Conn, sales *sale.Service, issuer string) *queue.Service {
	t.Helper()
	ring, err := keys.New("a secret of the tests, long enough")
	if err != nil {
		t.Fatal(err)
	}
	s := queue.New(queue.Config{DB: conn, Sales: sales, Keys: ring, Issuer: issuer})
	closing(t, s)
	return s
}

// closing closes a service at the end of the test.
func closing(t testing.TB, s *queue.Service) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
}

func (l *line) exec(sql string, args ...any) {
	l.t.Helper()
	if _, err := l.db.Exec(l.t.Context(), sql, args...); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) int(sql string, args ...any) (n int64) {
	l.t.Helper()
	if err := l.db.QueryRow(l.t.Context(), sql, args...).Scan(&n); err != nil {
		l.t.Fatal(err)
	}
	return n
}

// fans makes accounts.
func (l *line) fans(n int) []uuid.UUID {
	l.t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = uuid.New()
	}
	l.exec(`INSERT INTO accounts (id, email) SELECT i, i::text || '@example.com' FROM unnest($1::uuid[]) AS i`, ids)
	return ids
}

func (l *line) snap() *sale.Snapshot {
	l.t.Helper()
	s, err := l.sales.Fresh(l.t.Context(), l.event)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

func (l *line) join(account uuid.UUID) queue.View {
	l.t.Helper()
	v, _, err := l.queue.Join(l.t.Context(), l.snap(), account)
	if err != nil {
		l.t.Fatal(err)
	}
	return v
}

// crowd makes fans and lets them join one after the other.
func (l *line) crowd(n int) []uuid.UUID {
	l.t.Helper()
	ids := l.fans(n)
	for _, id := range ids {
		l.join(id)
	}
	return ids
}

func (l *line) status(account uuid.UUID) queue.View {
	l.t.Helper()
	v, err := l.queue.Status(l.t.Context(), l.snap(), account)
	if err != nil {
		l.t.Fatal(err)
	}
	return v
}

func (l *line) is(account uuid.UUID, want queue.Status) queue.View {
	l.t.Helper()
	v := l.status(account)
	if v.Status != want {
		l.t.Fatalf("arrival %d is %s, want %s", v.Arrival, v.Status, want)
	}
	return v
}

// drip makes a step with a full purse, so that only room and stock decide.
func (l *line) drip() {
	l.t.Helper()
	l.exec(`UPDATE queue_heads SET credit_at = credit_at - interval '1 minute' WHERE event_id = $1`, l.event)
	l.step()
}

func (l *line) step() {
	l.t.Helper()
	if err := l.queue.Drip(l.t.Context(), func(context.Context, pgx.Tx) error { return nil }); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) enter(account uuid.UUID) queue.View {
	l.t.Helper()
	v, err := l.queue.Enter(l.t.Context(), l.snap(), account)
	if err != nil {
		l.t.Fatal(err)
	}
	return v
}

func (l *line) hold(account uuid.UUID, quantity int) claim.Claim {
	l.t.Helper()
	snap := l.snap()
	c, err := l.claims.Hold(l.t.Context(), snap, account, claim.Request{TierID: snap.Tiers[0].ID, Quantity: quantity})
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// endTurn moves the end of a turn and of a visit into the past by d of line time.
func (l *line) endTurn(account uuid.UUID, d time.Duration) {
	l.t.Helper()
	l.exec(`UPDATE spots p SET turn_ends_at = COALESCE(s.paused_at, now()) - s.paused_total - make_interval(secs => $3),
		visit_ends_at = CASE WHEN p.visit_ends_at IS NOT NULL THEN COALESCE(s.paused_at, now()) - s.paused_total - make_interval(secs => $3) END
		FROM sales s WHERE s.event_id = p.event_id AND p.event_id = $1 AND p.account_id = $2`, l.event, account, d.Seconds())
}

// audited checks every invariant by the rows.
func (l *line) audited() {
	l.t.Helper()
	for _, b := range l.broken() {
		l.t.Error(b)
	}
}

// broken are the invariants that do not hold.
func (l *line) broken() (broken []string) {
	l.t.Helper()
	results, err := audit.Run(l.t.Context(), l.db, nil, l.event)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, r := range results {
		if r.Failure && r.Violations != 0 {
			broken = append(broken, fmt.Sprintf("%s: %v", r.Name, r.Detail))
		}
	}
	return broken
}

func wantCode(t testing.TB, err error, code string) *fault.Error {
	t.Helper()
	if fault.Code(err) != code {
		t.Fatalf("error %v, want code %s", err, code)
	}
	return fault.From(err)
}
