package queue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db/queuedb"
	"fairqueue/internal/dbtest"
)

// Each of these ways of joining looks simpler than the one in join.go. The tests
// hold on to what is wrong with them, beside what join.go does in the same
// situation, so that nobody simplifies it that way.

// gaps is how many arrivals are missing below the head's.
func (l *line) gaps() int64 {
	l.t.Helper()
	return l.int(`SELECT h.arrivals - (SELECT count(*) FROM spots s WHERE s.event_id = h.event_id AND s.arrival <= h.arrivals)
		FROM queue_heads h WHERE h.event_id = $1`, l.event)
}

// blocked waits until somebody waits for a lock in this database.
func (l *line) blocked(done <-chan error) {
	l.t.Helper()
	for l.int(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		select {
		case err := <-done:
			l.t.Fatalf("it did not wait for the lock: %v", err)
		default:
			runtime.Gosched()
		}
	}
}

// One statement that locks the head, looks who is there and inserts the others: it looks with the eyes of the moment
// when it began to wait, and counts somebody as new whom the holder of the lock has just put in.
const oneStatement = `
WITH head AS MATERIALIZED (SELECT arrivals FROM queue_heads WHERE event_id = $1 FOR UPDATE),
     fresh AS MATERIALIZED (
         SELECT i.id, i.account, row_number() OVER (ORDER BY i.n) AS n
         FROM unnest($2::uuid[], $3::uuid[]) WITH ORDINALITY AS i (id, account, n)
         WHERE NOT EXISTS (SELECT 1 FROM spots s WHERE s.event_id = $1 AND s.account_id = i.account)),
     made AS (
         INSERT INTO spots (id, event_id, account_id, arrival)
         SELECT f.id, $1, f.account, h.arrivals + f.n FROM fresh f, head h
         ON CONFLICT (event_id, account_id) DO NOTHING RETURNING arrival)
UPDATE queue_heads SET arrivals = arrivals + (SELECT count(*) FROM fresh) WHERE event_id = $1`

func TestTrapOneStatementThatLocksAndLooks(t *testing.T) {
	t.Parallel()
	// first joins while it holds the head; second, which has the same fan and another, waits for it.
	race := func(second func(l *line, fans []uuid.UUID) error) *line {
		l := newLine(t, dbtest.Pool(t), nil)
		fans := l.fans(2)
		done := make(chan error, 1)
		err := pgx.BeginFunc(t.Context(), l.db, func(tx pgx.Tx) error {
			q := queuedb.New()
			head, err := q.LockHead(t.Context(), tx, l.event)
			if err != nil {
				return err
			}
			if _, err := q.InsertSpots(t.Context(), tx, l.event, head.Arrivals, []uuid.UUID{uuid.New()}, fans[:1]); err != nil {
				return err
			}
			if err := q.SetArrivals(t.Context(), tx, head.Arrivals+1, l.event); err != nil {
				return err
			}
			go func() { done <- second(l, fans) }() // waited for below
			l.blocked(done)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		return l
	}
	trap := race(func(l *line, fans []uuid.UUID) error {
		_, err := l.db.Exec(t.Context(), oneStatement, l.event, []uuid.UUID{uuid.New(), uuid.New()}, fans)
		return err
	})
	if trap.gaps() == 0 {
		t.Error("the trap is gone: one statement left no gap; join.go could be simpler")
	}
	ours := race(func(l *line, fans []uuid.UUID) error {
		snap := l.snap()
		for _, fan := range fans {
			if _, _, err := l.queue.Join(t.Context(), snap, fan); err != nil {
				return err
			}
		}
		return nil
	})
	if n := ours.gaps(); n != 0 {
		t.Errorf("join.go left %d gaps", n)
	}
}

// Bumping first and inserting after gives arrivals to those who have a spot already.
func TestTrapBumpingFirst(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	fans := l.crowd(3)
	batch := append(fans[:2:2], l.fans(2)...)
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New(), uuid.New()}
	err := pgx.BeginFunc(t.Context(), l.db, func(tx pgx.Tx) error {
		var arrivals int64
		if err := tx.QueryRow(t.Context(), `UPDATE queue_heads SET arrivals = arrivals + $2 WHERE event_id = $1 RETURNING arrivals - $2`, l.event, len(batch)).Scan(&arrivals); err != nil {
			return err
		}
		_, err := queuedb.New().InsertSpots(t.Context(), tx, l.event, arrivals, ids, batch)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if l.gaps() == 0 {
		t.Error("the trap is gone: bumping first left no gap")
	}

	ours := newLine(t, l.db, nil)
	fans = ours.crowd(3)
	for _, fan := range append(fans[:2:2], ours.fans(2)...) {
		ours.join(fan)
	}
	if n := ours.gaps(); n != 0 || ours.int(`SELECT arrivals FROM queue_heads WHERE event_id = $1`, ours.event) != 5 {
		t.Errorf("join.go left %d gaps", n)
	}
}

// Looking up first who is there: without statistics, which a new event does not have, the planner may read the whole
// line for each batch. Inserting looks into the index for exactly those who come.
const lookFirst = `SELECT a FROM unnest($2::uuid[]) AS a LEFT JOIN spots s ON s.event_id = $1 AND s.account_id = a WHERE s.id IS NULL`

func TestTrapLookingUpFirst(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	l.exec(`ALTER TABLE spots SET (autovacuum_enabled = false)`)
	l.exec(`INSERT INTO accounts (id, email) SELECT md5(i::text)::uuid, i || '@crowd.example.com' FROM generate_series(1, 60000) i`)
	l.exec(`INSERT INTO spots (id, event_id, account_id, arrival) SELECT gen_random_uuid(), $1, md5(i::text)::uuid, i FROM generate_series(1, 60000) i`, l.event)
	l.exec(`UPDATE queue_heads SET arrivals = 60000 WHERE event_id = $1`, l.event)
	fans := l.fans(512)

	plan := func(sql string, args ...any) (read float64, text string) {
		t.Helper()
		err := pgx.BeginFunc(t.Context(), l.db, func(tx pgx.Tx) error {
			var raw []byte
			if err := tx.QueryRow(t.Context(), `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) `+sql, args...).Scan(&raw); err != nil {
				return err
			}
			var plans []struct{ Plan map[string]any }
			if err := json.Unmarshal(raw, &plans); err != nil {
				return err
			}
			read, text = mostRows(plans[0].Plan), string(raw)
			return pgx.ErrTxCommitRollback // nothing of it stays
		})
		if err == nil || !strings.Contains(err.Error(), pgx.ErrTxCommitRollback.Error()) {
			t.Fatal(err)
		}
		return read, text
	}
	read, text := plan(lookFirst, l.event, fans)
	if read < 60_000 {
		t.Logf("%s", text)
		t.Error("the trap is gone: looking up first did not read the line")
	}
	ids := make([]uuid.UUID, len(fans))
	for i := range ids {
		ids[i] = uuid.New()
	}
	insert := `INSERT INTO spots (id, event_id, account_id, arrival)
		SELECT i.id, $1::uuid, a.account_id, i.n + 60000 FROM unnest($2::uuid[]) WITH ORDINALITY AS i (id, n)
		JOIN unnest($3::uuid[]) WITH ORDINALITY AS a (account_id, n) ON a.n = i.n
		ON CONFLICT (event_id, account_id) DO NOTHING RETURNING id`
	if read, text := plan(insert, l.event, ids, fans); read > 2_000 {
		t.Errorf("inserting read %.0f rows: %s", read, text)
	}
}

// mostRows is the largest number of rows that a part of a plan went through.
func mostRows(node map[string]any) float64 {
	number := func(key string) float64 { n, _ := node[key].(float64); return n }
	most := (number("Actual Rows") + number("Rows Removed by Filter")) * max(1, number("Actual Loops"))
	children, _ := node["Plans"].([]any)
	for _, c := range children {
		most = max(most, mostRows(c.(map[string]any)))
	}
	return most
}

// A line that takes no more at once says so, and when to come back: not everybody at the same moment.
func TestABoundedBacklog(t *testing.T) {
	t.Parallel()
	l := newLine(t, dbtest.Pool(t), nil)
	snap, fans := l.snap(), l.fans(3)
	hold, err := l.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // the end of the test
	if _, err := queuedb.New().LockHead(t.Context(), hold, l.event); err != nil {
		t.Fatal(err)
	}
	joined := make(chan error, 2)
	join := func(fan uuid.UUID) {
		_, _, err := l.queue.Join(t.Context(), snap, fan)
		joined <- err
	}
	go join(fans[0]) // waited for below
	l.blocked(joined)
	l.queue.SetBacklog(1)
	go join(fans[1]) // waited for below
	for l.queue.Backlog(l.event) < 1 {
		runtime.Gosched()
	}
	waits := map[string]bool{}
	for range 20 {
		_, _, err := l.queue.Join(t.Context(), snap, fans[2])
		f := wantCode(t, err, "not_durable")
		if f.RetryAfter <= 0 {
			t.Fatal("it does not say when to come back")
		}
		waits[fmt.Sprint(f.RetryAfter)] = true
	}
	if len(waits) < 10 {
		t.Errorf("20 who are refused come back at %d moments", len(waits))
	}
	if err := hold.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-joined; err != nil {
			t.Error(err)
		}
	}
}
