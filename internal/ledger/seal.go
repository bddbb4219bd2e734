package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/ledgerdb"
	"fairqueue/internal/merkle"
)

const (
	// maxRows bounds a block, and maxBlocks what one tick seals: the rest is for the next.
	maxRows   = 5_000
	maxBlocks = 10
)

// Seal puts the rows that nothing can come before any more into blocks. The leader calls it about once a second; two
// at once do no harm, the second finds its block sealed.
func Seal(ctx context.Context, conn db.Conn) error {
	for range maxBlocks {
		rows := 0
		err := db.InTx(ctx, conn, func(tx pgx.Tx) error {
			var err error
			rows, err = sealTx(ctx, tx)
			return err
		})
		if err != nil {
			return db.Fault(fmt.Errorf("ledger.Seal: %w", err))
		}
		if rows < maxRows {
			return nil
		}
	}
	return nil
}

// sealTx seals one block and says how many rows it found.
func sealTx(ctx context.Context, tx pgx.Tx) (int, error) {
	q := ledgerdb.New()
	last, err := q.LastBlock(ctx, tx)
	if db.NoRows(err) {
		last = ledgerdb.LastBlockRow{Xid: "0", Hash: make([]byte, sha256.Size)}
	} else if err != nil {
		return 0, err
	}
	rows, err := q.Unsealed(ctx, tx, last.Xid, last.ID, maxRows)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	leaves := make([][32]byte, len(rows))
	for i, r := range rows {
		leaves[i] = leaf(r)
	}
	end := rows[len(rows)-1]
	b := block{number: last.Number + 1, xid: end.Xid, id: end.ID, rows: int64(len(rows)), root: merkle.Root(leaves), previous: [32]byte(last.Hash)}
	hash, err := b.hash()
	if err != nil {
		return 0, err
	}
	_, err = q.Block(ctx, tx, ledgerdb.BlockParams{
		Number: b.number, Xid: b.xid, ID: b.id, Rows: b.rows, Root: b.root[:], Previous: b.previous[:], Hash: hash[:],
	})
	return len(rows), err
}

// leaf is the leaf hash of a row: its columns with a line each, the body as PostgreSQL writes it.
func leaf(r ledgerdb.UnsealedRow) [32]byte {
	event := ""
	if r.EventID != nil && *r.EventID != uuid.Nil {
		event = r.EventID.String()
	}
	return merkle.LeafHash(fmt.Appendf(nil, "%s\n%d\n%s\n%s\n%d\n%s", r.Xid, r.ID, event, r.Kind, r.AtMicros, r.Body))
}

// block is a link of the chain.
type block struct {
	number         int64
	xid            string
	id, rows       int64
	root, previous [32]byte
}

// hash is SHA-256 over the hash of the block before, the root, and as big-endian 64-bit numbers the block's number, its
// rows, and the (xid, id) of the last of them.
func (b block) hash() ([32]byte, error) {
	xid, err := strconv.ParseUint(b.xid, 10, 64)
	if err != nil {
		return [32]byte{}, err
	}
	buf := append(append(make([]byte, 0, 96), b.previous[:]...), b.root[:]...)
	for _, n := range []uint64{uint64(b.number), uint64(b.rows), xid, uint64(b.id)} { //nolint:gosec // none is negative
		buf = binary.BigEndian.AppendUint64(buf, n)
	}
	return sha256.Sum256(buf), nil
}

// Head returns how many blocks there are and the hash of the last one, zeros before the first.
func Head(ctx context.Context, conn db.Conn) (blocks int64, head [32]byte, err error) {
	last, err := ledgerdb.New().LastBlock(ctx, conn)
	if db.NoRows(err) {
		return 0, head, nil
	}
	if err != nil {
		return 0, head, db.Fault(fmt.Errorf("ledger.Head: %w", err))
	}
	return last.Number, [32]byte(last.Hash), nil
}
