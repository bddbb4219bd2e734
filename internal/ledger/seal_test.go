package ledger_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/ledger"
	"fairqueue/internal/merkle"
)

// chain recomputes every block from the rows as doc.go says; it gives the number of sealed rows and what does not hold.
func chain(t *testing.T, pool *pgxpool.Pool) (sealed int64, broken []string) {
	t.Helper()
	ctx := t.Context()
	type block struct {
		number, id, rows     int64
		xid                  string
		root, previous, hash []byte
	}
	var blocks []block
	rows, err := pool.Query(ctx, `SELECT number, xid::text, id, rows, root, previous, hash FROM ledger_blocks ORDER BY number`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var b block
		if err := rows.Scan(&b.number, &b.xid, &b.id, &b.rows, &b.root, &b.previous, &b.hash); err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, b)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	after, previous := block{xid: "0"}, [32]byte{}
	for i, b := range blocks {
		fail := func(what string) { broken = append(broken, fmt.Sprintf("block %d: %s", b.number, what)) }
		if b.number != int64(i+1) {
			fail("number")
		}
		var leaves [][32]byte
		rows, err := pool.Query(ctx, `SELECT xid::text || E'\n' || id || E'\n' || COALESCE(event_id::text, '') || E'\n' || kind || E'\n'
			|| (extract(epoch FROM at) * 1000000)::bigint || E'\n' || body::text
			FROM ledger WHERE (xid, id) > (($1::text)::xid8, $2::bigint) AND (xid, id) <= (($3::text)::xid8, $4::bigint) ORDER BY xid, id`, after.xid, after.id, b.xid, b.id)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, merkle.LeafHash([]byte(text)))
		}
		if rows.Err() != nil {
			t.Fatal(rows.Err())
		}
		if root := merkle.Root(leaves); int64(len(leaves)) != b.rows || string(root[:]) != string(b.root) {
			fail(fmt.Sprintf("%d rows, said %d", len(leaves), b.rows))
		}
		xid, err := strconv.ParseUint(b.xid, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		buf := append(previous[:], b.root...)
		for _, n := range []uint64{uint64(b.number), uint64(b.rows), xid, uint64(b.id)} {
			buf = binary.BigEndian.AppendUint64(buf, n)
		}
		if sum := sha256.Sum256(buf); string(sum[:]) != string(b.hash) || string(previous[:]) != string(b.previous) {
			fail("hash")
		}
		sealed += b.rows
		after, previous = b, [32]byte(b.hash)
	}
	return sealed, broken
}

// sealAll seals until every row is in a block: transactions of others in the same cluster may hold it up for a while.
func sealAll(t *testing.T, pool *pgxpool.Pool, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := ledger.Seal(ctx, pool); err != nil {
			t.Fatal(err)
		}
		var n int64
		if err := pool.QueryRow(ctx, `SELECT COALESCE(sum(rows), 0) FROM ledger_blocks`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == want {
			return
		}
		if n > want {
			t.Fatalf("%d rows are sealed, there are %d", n, want)
		}
		<-tick.C
	}
}

func write(ctx context.Context, c db.Conn, i int) error {
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	if err := ledger.Write(ctx, tx, uuid.New(), ledger.Joined, map[string]int{"from": i, "to": i}); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// Ids are given out before commit: transactions that write early and commit late must not be passed by the sealing.
func TestNothingIsLostBetweenBlocks(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	ctx := t.Context()
	if n, head, err := ledger.Head(ctx, pool); err != nil || n != 0 || head != [32]byte{} {
		t.Fatalf("before the first block: %d, %x, %v", n, head, err)
	}
	const writers, each = 6, 40
	done := make(chan struct{})
	var sealing, writing sync.WaitGroup
	for range 2 { // two leaders
		sealing.Go(func() {
			for {
				if err := ledger.Seal(ctx, pool); err != nil {
					t.Error(err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				slow, err := pool.Begin(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				if err := ledger.Write(ctx, slow, uuid.Nil, ledger.SaleMoved, map[string]int{"writer": w}); err != nil {
					t.Error(err)
				}
				// Others come, commit and may be sealed before this one.
				for range 3 {
					if err := write(ctx, pool, i); err != nil {
						t.Error(err)
					}
				}
				if err := ledger.Write(ctx, slow, uuid.Nil, ledger.SaleMoved, map[string]int{"writer": w}); err != nil {
					t.Error(err)
				}
				if i%5 == 0 {
					err = slow.Rollback(ctx)
				} else {
					err = slow.Commit(ctx)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	close(done)
	sealing.Wait()
	var all int64
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM ledger`).Scan(&all); err != nil {
		t.Fatal(err)
	}
	if want := int64(writers * (each*3 + each*4/5*2)); all != want {
		t.Fatalf("%d rows were written, want %d", all, want)
	}
	sealAll(t, pool, all)
	sealed, broken := chain(t, pool)
	if sealed != all || len(broken) > 0 {
		t.Errorf("%d of %d rows are sealed; %v", sealed, all, broken)
	}
	var last []byte
	var number int64
	if err := pool.QueryRow(ctx, `SELECT number, hash FROM ledger_blocks ORDER BY number DESC LIMIT 1`).Scan(&number, &last); err != nil {
		t.Fatal(err)
	}
	if n, head, err := ledger.Head(ctx, pool); err != nil || n != number || string(head[:]) != string(last) {
		t.Errorf("head %d %x, %v", n, head, err)
	}
}

func TestAChangedRowBreaksItsBlock(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	for i := range 9 {
		if err := write(t.Context(), pool, i); err != nil {
			t.Fatal(err)
		}
		if i%3 == 2 {
			sealAll(t, pool, int64(i+1))
		}
	}
	if _, broken := chain(t, pool); len(broken) > 0 {
		t.Fatal(broken)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE ledger SET body = jsonb_set(body, '{to}', '77') WHERE id = (SELECT min(id) FROM ledger)`); err != nil {
		t.Fatal(err)
	}
	if _, broken := chain(t, pool); len(broken) == 0 {
		t.Error("nobody noticed")
	}
}

// A long ledger is sealed in blocks of bounded size.
func TestABacklogIsSealedInBlocks(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	const rows = 12_000
	if _, err := pool.Exec(t.Context(), `INSERT INTO ledger (kind, body) SELECT 'joined', jsonb_build_object('from', g, 'to', g) FROM generate_series(1, $1::int) g`, rows); err != nil {
		t.Fatal(err)
	}
	sealAll(t, pool, rows)
	var most int64
	if err := pool.QueryRow(t.Context(), `SELECT max(rows) FROM ledger_blocks`).Scan(&most); err != nil || most > 5000 {
		t.Errorf("a block holds %d rows, %v", most, err)
	}
	if sealed, broken := chain(t, pool); sealed != rows || len(broken) > 0 {
		t.Errorf("%d sealed; %v", sealed, broken)
	}
}
