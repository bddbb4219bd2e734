package queue_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"fairqueue/internal/dbtest"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
)

// trips counts transactions that are begun and batches that are one by themselves, and loses the answer to a batch that
// it is armed for.
type trips struct {
	*pgxpool.Pool
	begun, sent atomic.Int64
	armed       atomic.Bool
}

func (c *trips) BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error) {
	c.begun.Add(1)
	return c.Pool.BeginTx(ctx, o)
}

func (c *trips) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	c.sent.Add(1)
	answers := c.Pool.SendBatch(ctx, b)
	if c.armed.CompareAndSwap(true, false) {
		return &lostAnswers{answers}
	}
	return answers
}

// lostAnswers are those of a batch that was committed before the connection broke.
type lostAnswers struct{ pgx.BatchResults }

func (a *lostAnswers) lose() error {
	if err := a.Close(); err != nil {
		return err
	}
	return errLost
}
func (a *lostAnswers) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, a.lose() }
func (a *lostAnswers) Query() (pgx.Rows, error)         { return nil, a.lose() }

// tripLine is a line with a service whose trips are counted, and another replica.
func tripLine(t *testing.T, change func(*sale.NewSale)) (l *line, conn *trips, other *queue.Service) {
	t.Helper()
	pool := dbtest.Pool(t)
	l = newLine(t, pool, change)
	conn = &trips{Pool: pool}
	other = l.queue
	l.queue = newService(t, conn, l.sales)
	return l, conn, other
}

func (l *line) gapless(n int64) {
	l.t.Helper()
	for sql, want := range map[string]int64{
		`SELECT arrivals FROM queue_heads WHERE event_id = $1`:                                                          n,
		`SELECT count(*) FROM spots WHERE event_id = $1`:                                                                n,
		`SELECT max(arrival) FROM spots WHERE event_id = $1`:                                                            n,
		`SELECT sum((body->>'to')::int - (body->>'from')::int + 1) FROM ledger WHERE event_id = $1 AND kind = 'joined'`: n,
	} {
		if got := l.int(sql, l.event); got != want {
			l.t.Errorf("%s = %d, want %d", sql, got, want)
		}
	}
}

func TestAnOrdinaryBatchIsOneTrip(t *testing.T) {
	t.Parallel()
	l, conn, _ := tripLine(t, nil)
	fans := l.fans(5)
	l.join(fans[0])
	begun, sent := conn.begun.Load(), conn.sent.Load()
	for i, fan := range fans[1:] {
		v, created, err := l.queue.Join(t.Context(), l.snap(), fan)
		if err != nil || !created || v.Arrival != int64(i+2) {
			t.Fatalf("arrival %d, created %v: %v", v.Arrival, created, err)
		}
		if row, err := l.queue.Status(t.Context(), l.snap(), fan); err != nil || !row.JoinedAt.Equal(v.JoinedAt) || row.SpotID != v.SpotID {
			t.Errorf("the row says %v, the answer said %v (%v)", row.Spot(), v.Spot(), err)
		}
	}
	if b, s := conn.begun.Load()-begun, conn.sent.Load()-sent; b != 0 || s != 4 {
		t.Errorf("4 joins: %d transactions and %d batches, want 0 and 4", b, s)
	}
	l.gapless(5)
}

// What one trip cannot know of is found out, and nothing is wrong because of it.
func TestABatchThatIsNotAsBelieved(t *testing.T) {
	t.Parallel()
	t.Run("another replica has joined fans", func(t *testing.T) {
		t.Parallel()
		l, _, other := tripLine(t, nil)
		fans := l.fans(60)
		for i, fan := range fans {
			s := l.queue
			if i%3 == 1 {
				s = other
			}
			if v, created, err := s.Join(t.Context(), l.snap(), fan); err != nil || !created || v.Arrival != int64(i+1) {
				t.Fatalf("join %d: arrival %d, created %v: %v", i+1, v.Arrival, created, err)
			}
		}
		l.gapless(60)
	})
	t.Run("after a while one trip is tried again", func(t *testing.T) {
		t.Parallel()
		l, conn, other := tripLine(t, nil)
		fans := l.fans(20)
		l.join(fans[0])
		if _, _, err := other.Join(t.Context(), l.snap(), fans[1]); err != nil {
			t.Fatal(err)
		}
		for _, fan := range fans[2:18] {
			l.join(fan)
		}
		begun := conn.begun.Load()
		l.join(fans[18])
		if n := conn.begun.Load() - begun; n != 0 {
			t.Errorf("%d transactions for a join that nothing disturbs", n)
		}
		l.gapless(19)
	})
	t.Run("a member has a spot already", func(t *testing.T) {
		t.Parallel()
		l, _, other := tripLine(t, nil)
		fans := l.fans(4)
		first := l.join(fans[0])
		if _, _, err := other.Join(t.Context(), l.snap(), fans[1]); err != nil {
			t.Fatal(err)
		}
		l.join(fans[2])
		for _, fan := range fans[:3] {
			if _, created, err := l.queue.Join(t.Context(), l.snap(), fan); err != nil || created {
				t.Errorf("created %v: %v", created, err)
			}
		}
		if again := l.join(fans[0]); again.SpotID != first.SpotID {
			t.Errorf("spot %s became %s", first.SpotID, again.SpotID)
		}
		l.join(fans[3])
		l.gapless(4)
	})
	t.Run("the line is full", func(t *testing.T) {
		t.Parallel()
		l, _, _ := tripLine(t, func(n *sale.NewSale) {
			most := int64(3)
			n.Terms.MaxWaiting = &most
		})
		fans := l.fans(5)
		for _, fan := range fans[:3] {
			l.join(fan)
		}
		for _, fan := range fans[3:] {
			_, _, err := l.queue.Join(t.Context(), l.snap(), fan)
			wantCode(t, err, "line_full")
		}
		l.gapless(3)
	})
	t.Run("the sale has ended", func(t *testing.T) {
		t.Parallel()
		l, _, _ := tripLine(t, nil)
		fans := l.fans(2)
		l.join(fans[0])
		was := l.snap()
		l.exec(`UPDATE sales SET state = 'ended', ended_at = now() WHERE event_id = $1`, l.event)
		_, _, err := l.queue.Join(t.Context(), was, fans[1])
		wantCode(t, err, "sale_not_joinable")
		l.gapless(1)
	})
	t.Run("an account is none", func(t *testing.T) {
		t.Parallel()
		l, _, _ := tripLine(t, nil)
		fans := l.fans(2)
		l.join(fans[0])
		if _, _, err := l.queue.Join(t.Context(), l.snap(), uuid.New()); err == nil {
			t.Error("somebody who is not there has a place")
		}
		if v := l.join(fans[1]); v.Arrival != 2 {
			t.Errorf("arrival %d", v.Arrival)
		}
		l.gapless(2)
	})
	t.Run("it was committed and nobody heard of it", func(t *testing.T) {
		t.Parallel()
		l, conn, _ := tripLine(t, nil)
		fans := l.fans(2)
		l.join(fans[0])
		conn.armed.Store(true)
		v, created, err := l.queue.Join(t.Context(), l.snap(), fans[1])
		if err != nil || !created || v.Arrival != 2 {
			t.Errorf("arrival %d, created %v: %v", v.Arrival, created, err)
		}
		if conn.armed.Load() {
			t.Error("no answer was lost")
		}
		l.gapless(2)
	})
}

// What a foreign key would keep.
func TestASpotHasAnAccount(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	fans := l.fans(2)
	l.join(fans[0])
	for name, sql := range map[string]string{
		"a spot of nobody":                `INSERT INTO spots (id, event_id, account_id, arrival) SELECT gen_random_uuid(), event_id, gen_random_uuid(), 2 FROM queue_heads`,
		"a spot given to nobody":          `UPDATE spots SET account_id = gen_random_uuid()`,
		"an account with a spot deleted":  `DELETE FROM accounts WHERE id = (SELECT account_id FROM spots)`,
		"an account with a spot replaced": `UPDATE accounts SET id = gen_random_uuid() WHERE id = (SELECT account_id FROM spots)`,
	} {
		if _, err := l.db.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	l.exec(`DELETE FROM accounts WHERE id = $1`, fans[1])
}
