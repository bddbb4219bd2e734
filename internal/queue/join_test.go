package queue_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/merkle"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// rush lets every fan join times times at once, spread over the services.
func rush(t *testing.T, l *line, services []*queue.Service, fans []uuid.UUID, times int) (created map[uuid.UUID]int, spots map[uuid.UUID]queue.View) {
	t.Helper()
	snap := l.snap()
	created, spots = map[uuid.UUID]int{}, map[uuid.UUID]queue.View{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n := range times {
		for i, fan := range fans {
			wg.Go(func() {
				v, made, err := services[(i+n)%len(services)].Join(t.Context(), snap, fan)
				if err != nil {
					t.Errorf("join: %v", err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if made {
					created[fan]++
				}
				if old, ok := spots[fan]; ok && (old.SpotID != v.SpotID || old.Arrival != v.Arrival) {
					t.Errorf("one fan got arrivals %d and %d", old.Arrival, v.Arrival)
				}
				spots[fan] = v
			})
		}
	}
	wg.Wait()
	return created, spots
}

// 2,000 joins at once, from three replicas, every fan twice.
func TestArrivalGapless(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	services := []*queue.Service{l.queue, newService(t, l.db, l.sales), newService(t, l.db, l.sales)}
	fans := l.fans(dbtest.Size(1000, 7000))
	created, spots := rush(t, l, services, fans, 2)
	if len(spots) != len(fans) {
		t.Fatalf("%d of %d fans have a spot", len(spots), len(fans))
	}
	for fan, n := range created {
		if n != 1 {
			t.Errorf("fan %s was told %d times that the spot is new", fan, n)
		}
	}
	n := int64(len(fans))
	if rows := l.int(`SELECT count(*) FROM spots WHERE event_id = $1`, l.event); rows != n {
		t.Errorf("%d spots, want %d", rows, n)
	}
	if most := l.int(`SELECT max(arrival) FROM spots WHERE event_id = $1`, l.event); most != n {
		t.Errorf("the last arrival is %d, want %d", most, n)
	}
	if head := l.int(`SELECT arrivals FROM queue_heads WHERE event_id = $1`, l.event); head != n {
		t.Errorf("the head says %d arrivals, want %d", head, n)
	}
}

func TestOneSpotPerFan(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	services := []*queue.Service{l.queue, newService(t, l.db, l.sales)}
	fan := l.fans(1)
	created, spots := rush(t, l, services, fan, 200)
	if created[fan[0]] != 1 || len(spots) != 1 {
		t.Errorf("created %d times", created[fan[0]])
	}
	if n := l.int(`SELECT count(*) FROM spots WHERE event_id = $1`, l.event); n != 1 {
		t.Errorf("%d spots", n)
	}
	if n := l.int(`SELECT arrivals FROM queue_heads WHERE event_id = $1`, l.event); n != 1 {
		t.Errorf("%d arrivals", n)
	}
}

// Every arrival is in exactly one join batch of the ledger, whose root recomputes.
func TestNoLostSpot(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	services := []*queue.Service{l.queue, newService(t, l.db, l.sales)}
	rush(t, l, services, l.fans(300), 2)
	rows, err := l.db.Query(t.Context(), `SELECT (body->>'from')::bigint, (body->>'to')::bigint, body->>'root' FROM ledger
		WHERE event_id = $1 AND kind = 'joined' ORDER BY xid, id`, l.event)
	if err != nil {
		t.Fatal(err)
	}
	type batch struct {
		From, To int64
		Root     string
	}
	batches, err := pgx.CollectRows(rows, pgx.RowToStructByPos[batch])
	if err != nil {
		t.Fatal(err)
	}
	next := int64(1)
	for _, b := range batches {
		if b.From != next {
			t.Fatalf("a batch begins at %d, want %d", b.From, next)
		}
		rows, err := l.db.Query(t.Context(), `SELECT id, arrival FROM spots WHERE event_id = $1 AND arrival BETWEEN $2 AND $3 ORDER BY arrival`, l.event, b.From, b.To)
		if err != nil {
			t.Fatal(err)
		}
		var leaves [][32]byte
		var id uuid.UUID
		var arrival int64
		if _, err := pgx.ForEachRow(rows, []any{&id, &arrival}, func() error {
			leaves = append(leaves, merkle.LeafHash(fmt.Appendf(nil, "%s:%d", id, arrival)))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		root := merkle.Root(leaves)
		if hex.EncodeToString(root[:]) != b.Root || int64(len(leaves)) != b.To-b.From+1 {
			t.Errorf("the batch from %d to %d does not recompute", b.From, b.To)
		}
		next = b.To + 1
	}
	if next != 301 {
		t.Errorf("the ledger ends at %d, want 300", next-1)
	}
}

func TestJoinNeedsAnOpenLine(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), func(n *sale.NewSale) { n.Terms.OpensAt = time.Now().Add(time.Hour) })
	fan := l.fans(1)[0]
	_, _, err := l.queue.Join(t.Context(), l.snap(), fan)
	f := wantCode(t, err, "sale_not_joinable")
	at, ok := f.Extra["joinable_at"].(time.Time)
	if !ok || !at.Equal(l.snap().Terms.OpensAt) {
		t.Errorf("joinable_at = %v", f.Extra["joinable_at"])
	}
	if _, err := l.queue.Open(t.Context(), l.event, l.by); err != nil {
		t.Fatal(err)
	}
	l.join(fan)
	if _, err := l.sales.End(t.Context(), l.event, l.by); err != nil {
		t.Fatal(err)
	}
	_, _, err = l.queue.Join(t.Context(), l.snap(), fan)
	wantCode(t, err, "sale_not_joinable")
	l.is(fan, queue.Done)
}

// A stale picture of an open sale does not let anybody into an ended one: the row decides.
func TestJoinBelievesTheRow(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Tx(t), nil)
	stale := l.snap()
	fan := l.fans(1)[0]
	if _, err := l.sales.End(t.Context(), l.event, l.by); err != nil {
		t.Fatal(err)
	}
	_, _, err := l.queue.Join(t.Context(), stale, fan)
	wantCode(t, err, "sale_not_joinable")
}

func TestLineFull(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), func(n *sale.NewSale) {
		most := int64(5)
		n.Terms.MaxWaiting = &most
	})
	snap, fans := l.snap(), l.fans(20)
	var joined, full atomic.Int64
	var wg sync.WaitGroup
	for _, fan := range fans {
		wg.Go(func() {
			switch _, _, err := l.queue.Join(t.Context(), snap, fan); fault.Code(err) {
			case "":
				joined.Add(1)
			case "line_full":
				full.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if joined.Load() != 5 || full.Load() != 15 {
		t.Fatalf("%d joined, %d found it full; want 5 and 15", joined.Load(), full.Load())
	}
	// Whoever is in keeps the place; whoever leaves makes room for one.
	in := []uuid.UUID{}
	for _, fan := range fans {
		if _, err := l.queue.Status(t.Context(), snap, fan); err == nil {
			in = append(in, fan)
		}
	}
	if v := l.join(in[0]); v.Arrival > 5 {
		t.Errorf("arrival %d", v.Arrival)
	}
	if err := l.queue.Leave(t.Context(), snap, in[4]); err != nil {
		t.Fatal(err)
	}
	late := l.fans(2)
	l.join(late[0])
	_, _, err := l.queue.Join(t.Context(), snap, late[1])
	wantCode(t, err, "line_full")
}

// One bad member (an account that does not exist) does not spoil the batch.
func TestOneBadMemberSpoilsNothing(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	snap, fans := l.snap(), l.fans(50)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if _, _, err := l.queue.Join(t.Context(), snap, fans[i]); err != nil {
				t.Errorf("a good member: %v", err)
			}
		})
		if i%10 == 0 {
			wg.Go(func() {
				if _, _, err := l.queue.Join(t.Context(), snap, uuid.New()); err == nil {
					t.Error("an account that does not exist has a spot")
				}
			})
		}
	}
	wg.Wait()
	if n := l.int(`SELECT arrivals FROM queue_heads WHERE event_id = $1`, l.event); n != 50 {
		t.Errorf("%d arrivals, want 50", n)
	}
	if n := l.int(`SELECT max(arrival) FROM spots WHERE event_id = $1`, l.event); n != 50 {
		t.Errorf("last arrival %d, want 50", n)
	}
}

// A caller who goes away disturbs nobody.
func TestCancelledCallerDisturbsNobody(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	snap, fans := l.snap(), l.fans(2)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := l.queue.Join(gone, snap, fans[0])
	if err != nil {
		wantCode(t, err, "not_durable")
	}
	if v := l.join(fans[1]); v.Arrival < 1 || v.Arrival > 2 {
		t.Errorf("arrival %d", v.Arrival)
	}
	v := l.join(fans[0])
	if v.Status != queue.Waiting {
		t.Errorf("status %s", v.Status)
	}
}

// lossy loses the answer to the first commit that it is armed for.
type lossy struct {
	db.Conn
	armed atomic.Bool
}

var errLost = errors.New("connection reset by peer")

type lossyTx struct {
	pgx.Tx
	conn *lossy
}

func (c *lossy) Begin(ctx context.Context) (pgx.Tx, error) {
	tx, err := c.Conn.Begin(ctx)
	return &lossyTx{tx, c}, err
}

func (tx *lossyTx) Commit(ctx context.Context) error {
	err := tx.Tx.Commit(ctx)
	if err == nil && tx.conn.armed.CompareAndSwap(true, false) {
		return errLost
	}
	return err
}

// The transaction committed, the answer was lost: the spot is found again, told as new, and counted once.
func TestJoinAfterUnknownOutcome(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	conn := &lossy{Conn: l.db}
	s := newService(t, conn, l.sales)
	fan := l.fans(1)[0]
	snap := l.snap()
	conn.armed.Store(true)
	v, created, err := s.Join(t.Context(), snap, fan)
	if err != nil {
		t.Fatal(err)
	}
	if conn.armed.Load() {
		t.Fatal("no answer was lost")
	}
	if !created || v.Arrival != 1 || v.Status != queue.Waiting {
		t.Errorf("created %v, arrival %d, %s", created, v.Arrival, v.Status)
	}
	for sql, want := range map[string]int64{
		`SELECT arrivals FROM queue_heads WHERE event_id = $1`:                1,
		`SELECT count(*) FROM spots WHERE event_id = $1`:                      1,
		`SELECT count(*) FROM ledger WHERE event_id = $1 AND kind = 'joined'`: 1,
	} {
		if n := l.int(sql, l.event); n != want {
			t.Errorf("%s = %d, want %d", sql, n, want)
		}
	}
}

func TestClosedServiceTakesNobody(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	s := newService(t, l.db, l.sales)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Join(t.Context(), l.snap(), l.fans(1)[0])
	if f := wantCode(t, err, "not_durable"); f.RetryAfter <= 0 {
		t.Error("no Retry-After")
	}
}
