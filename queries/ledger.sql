-- name: Write :exec
-- Writes one decision down, in the transaction that makes it.
INSERT INTO ledger (event_id, kind, body) VALUES (@event_id, @kind, @body);

-- name: WriteAll :exec
-- Writes many decisions of one kind down, in their order.
INSERT INTO ledger (event_id, kind, body)
SELECT @event_id, @kind, b.body FROM unnest(@bodies::jsonb[]) WITH ORDINALITY AS b (body, n) ORDER BY b.n;

-- name: LastBlock :one
-- Where the sealed part ends.
SELECT b.number, b.xid::text AS xid, b.id, b.hash FROM ledger_blocks b ORDER BY b.number DESC LIMIT 1;

-- name: Unsealed :many
-- The rows behind a place in the order (xid, id), as far as nothing can come before them any more: every transaction
-- below the oldest one that still runs has ended, and what it wrote is seen. Ids alone would not do: they are given out
-- before commit.
SELECT l.id, l.xid::text AS xid, l.event_id, l.kind, (extract(epoch FROM l.at) * 1000000)::bigint AS at_micros, l.body::text AS body
FROM ledger l
WHERE (l.xid, l.id) > ((@xid::text)::xid8, @id::bigint) AND l.xid < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY l.xid, l.id
LIMIT @max_rows;

-- name: Block :execrows
-- Seals a block; no row when another process has sealed one of this number.
INSERT INTO ledger_blocks (number, xid, id, rows, root, previous, hash)
VALUES (@number, (@xid::text)::xid8, @id, @rows, @root, @previous, @hash)
ON CONFLICT (number) DO NOTHING;
