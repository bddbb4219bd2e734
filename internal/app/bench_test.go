package app_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/app"
	"fairqueue/internal/catalog"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/sale"
)

const (
	// measured is how long a load runs; above the usual -benchtime, so that each
	// is run once. It is cut into slices that take turns with those of the limit:
	// what else the machine does meets both.
	measured = 3 * time.Second
	turns    = 5
	warmed   = 500 * time.Millisecond
	million  = 1_000_000
	// tooMany is more requests than a machine of today answers while it is measured.
	tooMany = 150_000
)

// rig is the product with its real HTTP server on a line that does not move.
type rig struct {
	b    testing.TB
	app  *app.App
	pool *pgxpool.Pool
	addr string
	slug string
	id   uuid.UUID
}

func newRig(b testing.TB, redisURL string) *rig {
	b.Helper()
	pool, dbURL := dbtest.PoolURL(b)
	// As in production: a line of JSON a request where it says something, to
	// somewhere that takes it.
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(null, nil))
	a, err := app.New(b.Context(), app.Config{
		Addr: "127.0.0.1:0", DatabaseURL: dbURL, RedisURL: redisURL, Guard: "on", Env: app.Dev, Roles: []string{"web", "worker"},
		Secret: "a secret of the benchmarks, long enough", PaystackSecretKey: "sk_test_bench", PaystackBaseURL: "http://127.0.0.1:1",
	}, log)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
		_ = null.Close()
	})
	r := &rig{b: b, app: a, pool: pool}
	u, err := url.Parse(a.URL())
	if err != nil {
		b.Fatal(err)
	}
	r.addr = "127.0.0.1:" + u.Port()
	r.sale()
	return r
}

// used gives the database what one in use has: files of its log to write again. A new one makes and zeroes 16 MB after
// each 16 MB that it wrote, and whoever commits at that moment waits 20 to 50 ms.
func (r *rig) used() {
	r.b.Helper()
	for range 40 {
		r.exec(`SELECT pg_logical_emit_message(false, 'bench', 'used')`)
		r.exec(`SELECT pg_switch_wal()`)
	}
	r.exec(`CHECKPOINT`)
}

// sale publishes a sale that is open and full, so that nobody is called.
func (r *rig) sale() {
	r.b.Helper()
	ctx := r.b.Context()
	owner, err := r.app.Accounts.Ensure(ctx, "owner@example.com", "")
	r.must(err)
	org, err := r.app.Accounts.BecomeOrganizer(ctx, owner.ID, "")
	r.must(err)
	now := time.Now()
	terms := sale.DefaultTerms()
	terms.OpensAt, terms.ClosesAt = now.Add(-time.Hour), now.Add(24*time.Hour)
	terms.AdmitPerMinute, terms.MaxInside = 1, 1
	e, err := r.app.Sales.Create(ctx, org, sale.NewSale{
		Event: catalog.NewEvent{Name: "Detty December", Venue: "Eko Hotel", Timezone: "Africa/Lagos", StartsAt: now.Add(48 * time.Hour)},
		Terms: terms, Tiers: []sale.NewTier{{Name: "Regular", Price: 1_500_000, Capacity: 5000}},
	})
	r.must(err)
	e, err = r.app.Claims.Publish(ctx, e.ID(), owner.ID)
	r.must(err)
	r.id, r.slug = e.ID(), e.Event.Slug
}

func (r *rig) must(err error) {
	r.b.Helper()
	if err != nil {
		r.b.Fatal(err)
	}
}

func (r *rig) exec(sql string, args ...any) {
	r.b.Helper()
	// Rows by the million take longer than any statement of the product may.
	conn, err := r.pool.Acquire(r.b.Context())
	r.must(err)
	defer conn.Release()
	for _, sql := range []string{"SET statement_timeout = 0", "SET session_replication_role = replica"} {
		_, err := conn.Exec(r.b.Context(), sql)
		r.must(err)
	}
	_, err = conn.Exec(r.b.Context(), sql, args...)
	r.must(err)
	_, err = conn.Exec(r.b.Context(), "RESET ALL")
	r.must(err)
}

// fans makes accounts and returns them.
func (r *rig) fans(n int) []account.Fan {
	r.b.Helper()
	fans := make([]account.Fan, 0, n)
	r.must(r.app.Accounts.CreateFans(r.b.Context(), n, func(f account.Fan) error {
		fans = append(fans, f)
		return nil
	}))
	return fans
}

// waiting puts people into the line who never ask, without telling the planner.
func (r *rig) waiting(n int) {
	r.b.Helper()
	r.exec(`ALTER TABLE spots SET (autovacuum_enabled = false)`)
	r.exec(`INSERT INTO accounts (id, email) SELECT md5($1 || i::text)::uuid, $1 || i || '@example.com' FROM generate_series(1, $2::int) i`, "crowd", n)
	r.exec(`INSERT INTO spots (id, event_id, account_id, arrival)
		SELECT gen_random_uuid(), h.event_id, md5('crowd' || i::text)::uuid, h.arrivals + i
		FROM queue_heads h, generate_series(1, $2::int) i WHERE h.event_id = $1`, r.id, n)
	r.exec(`UPDATE queue_heads SET arrivals = arrivals + $2::int WHERE event_id = $1`, r.id, n)
	r.exec(`CHECKPOINT`)
}

func (r *rig) request(method, path string, headers ...string) []byte {
	return []byte(method + " " + path + " HTTP/1.1\r\nHost: " + r.addr + "\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n")
}

func (r *rig) api() string { return "/api/v1/events/" + r.slug + "/queue" }

// joining is the joins of fans who have not come before.
func (r *rig) joining(conns int, fans []account.Fan) *load {
	reqs := make([][]byte, len(fans))
	for i, f := range fans {
		reqs[i] = r.request("POST", r.api(), "Authorization: Bearer "+f.Token, "Content-Length: 0")
	}
	return &load{addr: r.addr, conns: conns, want: []int{201}, next: once(reqs)}
}

// once hands out each request one time.
func once(reqs [][]byte) func() []byte {
	var n atomic.Int64
	return func() []byte {
		if i := n.Add(1); i <= int64(len(reqs)) {
			return reqs[i-1]
		}
		return nil
	}
}

// again hands out the requests over and over.
func again(reqs [][]byte) func() []byte {
	var n atomic.Int64
	return func() []byte { return reqs[int(n.Add(1))%len(reqs)] }
}

// polling is the polls of fans who are in the line, by bearer.
func (r *rig) polling(conns int, fans []account.Fan) *load {
	r.b.Helper()
	var reqs [][]byte
	for _, f := range fans {
		reqs = append(reqs, r.request("GET", r.api(), "Authorization: Bearer "+f.Token))
	}
	return &load{addr: r.addr, conns: conns, want: []int{200}, next: again(reqs)}
}

var part = regexp.MustCompile(`data-part="([^"]+)"`)

// browsing is the polls of pages of the waiting room on which nothing changes:
// with the cookies of session and spot, and the part that the page has.
func (r *rig) browsing(conns int, fans []account.Fan) *load {
	r.b.Helper()
	path := "/events/" + r.slug + "/queue/live"
	var reqs [][]byte
	for _, f := range fans {
		session := account.CookieName(r.app.URL()) + "=" + f.Cookie
		req, err := http.NewRequestWithContext(r.b.Context(), http.MethodGet, "http://"+r.addr+path, nil)
		r.must(err)
		req.Header.Set("Cookie", session)
		res, err := http.DefaultClient.Do(req)
		r.must(err)
		page, err := io.ReadAll(res.Body)
		r.must(err)
		r.must(res.Body.Close())
		has := part.FindSubmatch(page)
		if has == nil || len(res.Cookies()) == 0 {
			r.b.Fatalf("%d: no part or no cookie: %s", res.StatusCode, page)
		}
		for _, c := range res.Cookies() {
			session += "; " + c.Name + "=" + c.Value
		}
		reqs = append(reqs, r.request("GET", path, "HX-Request: true", "Cookie: "+session, "FQ-Part: "+string(has[1])))
	}
	return &load{addr: r.addr, conns: conns, want: []int{204, 200}, next: again(reqs)}
}

// bare is the limit: what echo alone answers over the same connections.
func bare(b testing.TB, status int, body string) string {
	b.Helper()
	e := echo.New()
	answer := func(c echo.Context) error { return c.Blob(status, "application/json", []byte(body)) }
	e.GET("/api/v1/events/:event/queue", answer)
	e.GET("/events/:slug/queue/live", answer)
	e.POST("/api/v1/events/:event/queue", answer)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	// The patience of the product's server, which costs a little with each request.
	s := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(ln) })
	b.Cleanup(func() {
		_ = s.Close()
		wg.Wait()
	})
	return ln.Addr().String()
}

// body is an answer to a poll, for the limit to send as well.
func (r *rig) body(f account.Fan) string {
	r.b.Helper()
	req, err := http.NewRequestWithContext(r.b.Context(), http.MethodGet, "http://"+r.addr+r.api(), nil)
	r.must(err)
	req.Header.Set("Authorization", "Bearer "+f.Token)
	res, err := http.DefaultClient.Do(req)
	r.must(err)
	defer res.Body.Close() //nolint:errcheck // read to the end
	raw, err := io.ReadAll(res.Body)
	r.must(err)
	if res.StatusCode != http.StatusOK {
		r.b.Fatalf("%d %s", res.StatusCode, raw)
	}
	return string(raw)
}

// line is fans who have joined.
func (r *rig) line(n int) []account.Fan {
	r.b.Helper()
	here := r.fans(n)
	r.joining(64, here).closed(r.b, time.Minute)
	return here
}

// measures are joins and polls beside bare handlers that send the same bytes, which they begin.
func (r *rig) measures(b *testing.B, here []account.Fan) (limitJoin string, joins func(name string, conns int), polls func(name string, product *load)) {
	body := r.body(here[0])
	limit, limitJoin := bare(b, 200, body), bare(b, 201, body)
	joins = func(name string, conns int) {
		product := r.joining(conns, r.fans(tooMany))
		bare := r.joining(conns, here)
		bare.addr, bare.next = limitJoin, again([][]byte{bare.next()})
		beside(b, name, "joins", product, bare)
	}
	polls = func(name string, product *load) {
		bare := *product
		bare.addr, bare.want = limit, []int{200}
		beside(b, name, "polls", product, &bare)
	}
	return limitJoin, joins, polls
}

// BenchmarkHTTPSlowRedis is joins and polls while Redis takes connections and never answers.
func BenchmarkHTTPSlowRedis(b *testing.B) {
	r := newRig(b, silent(b))
	r.used()
	here := r.line(1000)
	_, joins, polls := r.measures(b, here)
	joins("Joins512", 512)
	polls("Polls", r.polling(512, here))
}

// beside measures a load and its limit in turns. The limit is reported by a
// benchmark of its own, as the table expects it.
func beside(b *testing.B, name, unit string, product, limit *load) {
	b.Helper()
	var ours, theirs result
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			product.closed(b, warmed)
			limit.closed(b, warmed)
			ours, theirs = result{}, result{}
			for range turns {
				ours = ours.add(product.closed(b, measured/turns))
				theirs = theirs.add(limit.closed(b, measured/turns))
			}
			ours.report(b, unit)
		}
	})
	b.Run(name+"Limit", func(b *testing.B) {
		for b.Loop() { //nolint:revive // measured above
		}
		theirs.report(b, unit)
	})
}

// BenchmarkHTTP is joins and polls as a fan has them: over HTTP on real
// connections, with everything between the socket and the disk. The load shares
// the processors with the server and the database. Each Limit is a bare echo
// handler that sends the same bytes over as many connections.
func BenchmarkHTTP(b *testing.B) {
	redis := dbtest.RedisServer(b)
	r := newRig(b, redis.URL)
	r.used()
	here := r.line(1000)
	limitJoin, joins, polls := r.measures(b, here)
	joins("Joins512", 512)
	joins("Joins64", 64)
	// Longer than the others: what 1 % wait for comes once in some seconds.
	const long = 3 * measured
	offered := func(name string, l *load) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				l.paced(b, 5000, warmed)
				l.paced(b, 5000, long).report(b, "joins")
			}
		})
	}
	offered("JoinsAt5000", r.joining(512, r.fans(5000*int((warmed+long).Seconds()+1))))
	echo := r.joining(512, here)
	echo.addr, echo.next = limitJoin, again([][]byte{echo.next()})
	offered("JoinsAt5000Limit", echo)
	polls("Polls", r.polling(512, here))
	// A page on which nothing changes: while the sale is paused no time is promised.
	_, err := r.app.Sales.Pause(b.Context(), r.id, uuid.Nil)
	r.must(err)
	polls("PollsCookie", r.browsing(512, here))
	_, err = r.app.Sales.Resume(b.Context(), r.id, uuid.Nil)
	r.must(err)

	r.waiting(million)
	joins("JoinsAfterMillion", 512)
	polls("PollsAfterMillion", r.polling(512, here))

	r.must(redis.Stop(b.Context()))
	joins("JoinsWithoutRedis", 512)
	polls("PollsWithoutRedis", r.polling(512, here))
}
