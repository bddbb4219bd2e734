package queue_test

// The simulation: fans, several processes and one database, on a clock that the
// test moves.
//
//	fans ──▶ processes ──▶ one PostgreSQL, whose now() is the simulation's
//	          │  each with its own pool, memory, presence and batchers, and with the
//	          │  ticks of a server: pictures, returns, presence, and the lease's steps
//	          └─ one hub between them, as a Redis that works
//
// Both clocks are one. In a bubble of testing/synctest time.Sleep costs nothing,
// and time stands still while anybody talks to the database. The database follows
// by functions now() and clock_timestamp() that stand before PostgreSQL's own in
// the search path and read a sequence: it is set once a second, so within a second
// all its transactions have the same time. A real Redis cannot be in a bubble (a
// connection that listens keeps time from moving), so the tests with one move the
// clock of presence by hand, and the rest of a process has the machine's.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"fairqueue/internal/claim"
	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
	"fairqueue/internal/lease"
	"fairqueue/internal/ledger"
	"fairqueue/internal/live"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/shuffle"
)

// databaseClock puts a clock that the test sets before the database's own, in the columns' defaults too.
const databaseClock = `
CREATE SCHEMA sim;
CREATE SEQUENCE sim.clock;
CREATE FUNCTION sim.at() RETURNS timestamptz LANGUAGE plpgsql STABLE AS
	$$ BEGIN RETURN pg_catalog.to_timestamp(0) + pg_catalog.pg_sequence_last_value('sim.clock'::regclass) * interval '1 microsecond'; END $$;
CREATE FUNCTION sim.now() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN sim.at(); END $$;
CREATE FUNCTION sim.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN sim.at(); END $$;
DO $$ DECLARE c record; BEGIN
	FOR c IN SELECT d.adrelid::regclass AS tab, a.attname AS col FROM pg_attrdef d
		JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
		WHERE pg_get_expr(d.adbin, d.adrelid) ~ '^(now|clock_timestamp)\(\)$'
	LOOP EXECUTE format('ALTER TABLE %s ALTER %I SET DEFAULT sim.at()', c.tab, c.col); END LOOP;
	EXECUTE format('ALTER DATABASE %I SET search_path = sim, pg_catalog, public', current_database());
END $$;`

// world is one event and the processes that serve it.
type world struct {
	*line
	url   string
	pool  *pgxpool.Pool
	now   func() time.Time
	sleep func(time.Duration)
	// hub is what the processes hear each other by, unless there is a Redis.
	hub   *live.Hub
	redis string
	// lawless: every process takes itself for the leader, and nothing checks.
	lawless bool
	// every is how many seconds lie between two looks at all rows.
	every int

	mu        sync.Mutex
	processes []*process
	rng       *rand.Rand
	over      atomic.Bool
	fansGone  sync.WaitGroup

	seconds    int
	served     int64
	mostInside int64
	numbers    []uint32
}

// clocked returns the address of a database on the simulation's clock.
func clocked(t testing.TB) string {
	t.Helper()
	url := dbtest.DatabaseURL(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // nothing is in flight
	if _, err := conn.Exec(t.Context(), databaseClock); err != nil {
		t.Fatal(err)
	}
	return url
}

// simulate runs a test on a world in a bubble.
func simulate(t *testing.T, change func(*sale.NewSale), test func(t *testing.T, w *world)) {
	t.Helper()
	url := clocked(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(24 * time.Hour) // bubbles begin with the year 2000, and no sale opens before it
		w := newWorld(t, &world{url: url, now: time.Now, sleep: time.Sleep, hub: live.New(live.Config{})}, change)
		t.Cleanup(func() { w.hub.Close(context.Background()) })
		test(t, w)
		w.end()
	})
}

// newWorld publishes the sale; no process serves it yet.
func newWorld(t testing.TB, w *world, change func(*sale.NewSale)) *world {
	t.Helper()
	if w.pool == nil {
		w.pool = w.open(t, 4)
		t.Cleanup(w.pool.Close)
	}
	if w.every == 0 {
		w.every = 1
	}
	w.rng = rand.New(rand.NewPCG(uint64(dbtest.Seed()), 7)) //nolint:gosec // a simulation is not secret, and a seed is positive
	w.line = &line{t: t, db: w.pool}
	w.set()
	w.line = newLine(t, w.pool, change)
	t.Cleanup(w.halt) // also when the test ends early
	return w
}

// open connects to the database. The tests run beside many others: a statement may take long.
func (w *world) open(t testing.TB, conns int32) *pgxpool.Pool {
	t.Helper()
	pool, err := db.Open(context.Background(), db.Config{URL: w.url, MaxConns: conns, AppName: "sim", StatementTimeout: time.Minute, LockTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// set tells the database the time.
func (w *world) set() {
	w.t.Helper()
	w.exec(`SELECT setval('sim.clock', $1)`, w.now().UnixMicro())
}

// chance draws 0 ≤ n < of.
func (w *world) chance(of int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(of)
}

// second is one second of everybody's life, and then a look at the rows.
func (w *world) second() {
	w.t.Helper()
	w.sleep(time.Second)
	w.set()
	var wg sync.WaitGroup
	for _, p := range w.alive() {
		wg.Go(p.second)
	}
	wg.Wait()
	if w.seconds++; w.seconds%w.every == 0 {
		w.check()
	}
}

// until lets time pass until something holds; it fails after some seconds.
func (w *world) until(what string, most int, holds func() bool) {
	w.t.Helper()
	for range most {
		if holds() {
			return
		}
		w.second()
	}
	if !holds() {
		w.t.Fatalf("after %d seconds not: %s", most, what)
	}
}

func (w *world) pass(seconds int) {
	w.t.Helper()
	for range seconds {
		w.second()
	}
}

// end stops everything and looks at all of it.
func (w *world) end() {
	w.t.Helper()
	w.halt()
	w.check()
	w.audited()
}

// halt sends the fans home and stops the processes.
func (w *world) halt() {
	w.over.Store(true)
	w.fansGone.Wait()
	for _, p := range w.alive() {
		w.kill(p)
	}
}

// check is what must hold at every moment, from one statement's rows.
func (w *world) check() {
	w.t.Helper()
	var now struct {
		arrivals, serving, maxInside, reserved, accounts int64
		lobby                                            *int64
		seed                                             []byte
		ordering                                         string
		opened                                           bool
		arrival, step                                    []int64
		waits                                            []bool
	}
	err := w.db.QueryRow(w.t.Context(), `
		SELECT h.arrivals, h.serving, h.lobby_size, d.seed, s.ordering, s.opened_at IS NOT NULL, s.max_inside,
		       count(DISTINCT p.account_id),
		       count(*) FILTER (WHERE p.status = 'called' AND NOT p.absent AND p.turn_ends_at > l.at OR p.status = 'inside' AND (p.visit_ends_at > l.at
		           OR EXISTS (SELECT 1 FROM claims c WHERE c.spot_id = p.id AND (c.status = 'paying' OR c.status = 'held' AND c.expires_at > now())))),
		       COALESCE(array_agg(p.arrival ORDER BY p.arrival) FILTER (WHERE p.id IS NOT NULL), '{}'),
		       COALESCE(array_agg(COALESCE(p.called_step, 0) ORDER BY p.arrival) FILTER (WHERE p.id IS NOT NULL), '{}'),
		       COALESCE(array_agg(p.status = 'joined' AND p.again IS NULL ORDER BY p.arrival) FILTER (WHERE p.id IS NOT NULL), '{}')
		FROM sales s JOIN queue_heads h ON h.event_id = s.event_id
		LEFT JOIN draws d ON d.event_id = s.event_id
		CROSS JOIN LATERAL (SELECT COALESCE(s.paused_at, now()) - s.paused_total AS at) l
		LEFT JOIN spots p ON p.event_id = s.event_id
		WHERE s.event_id = $1 GROUP BY s.event_id, h.event_id, d.event_id`, w.event).Scan(
		&now.arrivals, &now.serving, &now.lobby, &now.seed, &now.ordering, &now.opened, &now.maxInside,
		&now.accounts, &now.reserved, &now.arrival, &now.step, &now.waits)
	if err != nil {
		w.t.Fatal(err)
	}
	if int64(len(now.arrival)) != now.arrivals {
		w.t.Errorf("arrival_gapless: %d spots, %d arrivals", len(now.arrival), now.arrivals)
	}
	if now.accounts != int64(len(now.arrival)) {
		w.t.Errorf("one_spot_per_fan: %d spots of %d accounts", len(now.arrival), now.accounts)
	}
	if now.serving < w.served {
		w.t.Errorf("no_overtaking: serving went back from %d to %d", w.served, now.serving)
	}
	w.served = now.serving
	w.mostInside = max(w.mostInside, now.maxInside)
	if now.reserved > w.mostInside {
		w.t.Errorf("within_limits: %d take up the room of %d", now.reserved, w.mostInside)
	}
	if w.numbers == nil && len(now.seed) == 32 && now.lobby != nil {
		w.numbers = shuffle.Table(int(*now.lobby), [32]byte(now.seed))
	}
	for i, arrival := range now.arrival {
		number := w.number(arrival)
		switch {
		case arrival != int64(i+1):
			w.t.Fatalf("arrival_gapless: arrival %d stands at %d", arrival, i+1)
		case now.ordering == string(sale.Draw) && !now.opened:
			if now.step[i] != 0 || now.serving != 0 {
				w.t.Fatalf("no_overtaking: arrival %d was called before the draw", arrival)
			}
		case number <= now.serving && now.waits[i]:
			w.t.Fatalf("no_overtaking: number %d was passed over, serving %d", number, now.serving)
		case number > now.serving && now.step[i] != 0:
			w.t.Fatalf("no_overtaking: number %d was called, serving %d", number, now.serving)
		}
	}
}

// number is what the published algorithm says of an arrival.
func (w *world) number(arrival int64) int64 {
	if arrival <= int64(len(w.numbers)) {
		return 1 + int64(w.numbers[arrival-1])
	}
	return arrival
}

// process is one server: what it knows dies with it.
type process struct {
	w       *world
	ctx     context.Context
	cancel  context.CancelFunc
	pool    *pgxpool.Pool
	clock   db.Clock
	hub     *live.Hub
	redis   *redis.Client
	sales   *sale.Service
	queue   *queue.Service
	claims  *claim.Service
	leader  *lease.Leader
	beside  sync.WaitGroup
	seconds int
	// still: the process stands still, as one that is swapped out or cut off.
	still atomic.Bool
}

// start adds a process.
func (w *world) start() *process {
	w.t.Helper()
	p := &process{w: w, pool: w.open(w.t, 6), hub: w.hub}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if w.redis != "" {
		opt, err := redis.ParseURL(w.redis)
		if err != nil {
			w.t.Fatal(err)
		}
		opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout, opt.MaxRetries = 500*time.Millisecond, 250*time.Millisecond, 250*time.Millisecond, 1
		p.redis = redis.NewClient(opt)
		p.hub = live.New(live.Config{Redis: p.redis, Prefix: "fq:"})
	}
	ring, err := keys.New("a secret of the tests, long enough")
	if err != nil {
		w.t.Fatal(err)
	}
	if err := p.clock.Sync(p.ctx, p.pool); err != nil {
		w.t.Fatal(err)
	}
	p.sales = sale.New(sale.Config{DB: p.pool, Live: p.hub, Clock: &p.clock})
	p.queue = queue.New(queue.Config{DB: p.pool, Sales: p.sales, Keys: ring, Clock: &p.clock, Issuer: "http://localhost:8080", Now: w.now})
	p.claims = claim.New(claim.Config{DB: p.pool, Sales: p.sales, Queue: p.queue, Clock: &p.clock})
	p.leader = lease.New(lease.Config{DB: p.pool, Name: "drip", Holder: uuid.NewString()})
	p.beside.Go(func() { p.sales.Listen(p.ctx) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.processes = append(w.processes, p)
	return p
}

// kill ends a process in the middle of whatever it does; it gives no lease back.
func (w *world) kill(p *process) {
	w.mu.Lock()
	w.processes = slices.DeleteFunc(w.processes, func(q *process) bool { return q == p })
	w.mu.Unlock()
	p.cancel()
	_ = p.queue.Close(p.ctx) // breaks off: the context is over
	p.beside.Wait()
	if p.redis != nil {
		p.hub.Close(p.ctx)
		_ = p.redis.Close()
	}
	p.pool.Close()
}

func (w *world) alive() []*process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.processes)
}

// any is a process that answers, or nil.
func (w *world) any() *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	ready := slices.DeleteFunc(slices.Clone(w.processes), func(p *process) bool { return p.still.Load() })
	if len(ready) == 0 {
		return nil
	}
	return ready[w.rng.IntN(len(ready))]
}

// leading is the process that leads, or nil.
func (w *world) leading() *process {
	for _, p := range w.alive() {
		if p.leader.Leading() {
			return p
		}
	}
	return nil
}

// second is what a server's ticks do each second.
func (p *process) second() {
	if p.still.Load() {
		return
	}
	p.seconds++
	err := errors.Join(p.sales.Refresh(p.ctx), p.queue.Refresh(p.ctx), p.queue.PublishPresence(p.ctx))
	if p.w.lawless {
		err = errors.Join(err, p.lead(p.ctx, nil))
	} else {
		_, lost := p.leader.RunOnce(p.ctx, p.lead)
		err = errors.Join(err, lost)
	}
	if err != nil && p.ctx.Err() == nil && !errors.Is(err, lease.ErrLost) {
		p.w.t.Errorf("second %d: %v", p.seconds, err)
	}
}

// lead is what the leader of app does each second.
func (p *process) lead(term context.Context, check func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithCancel(term)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	errs := []error{p.queue.Advance(ctx), p.queue.Drip(ctx, check)}
	if p.seconds%5 == 0 {
		errs = append(errs, p.claims.Tidy(ctx), ledger.Seal(ctx, p.pool))
	}
	return errors.Join(errs...)
}

func (p *process) picture() (*sale.Snapshot, error) { return p.sales.Get(p.ctx, p.w.event.String()) }

// wrong reports an error of a process that lives, unless it is one of the refusals.
func (p *process) wrong(what string, err error, refusals ...string) {
	if err == nil || p.ctx.Err() != nil || slices.Contains(refusals, fault.Code(err)) {
		return
	}
	p.w.t.Errorf("%s: %v (%s)", what, err, fmt.Sprintf("refusals: %s", strings.Join(refusals, ", ")))
}
