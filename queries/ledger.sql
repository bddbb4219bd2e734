-- name: Append :exec
-- Writes one decision down, in the transaction that makes it.
INSERT INTO ledger (event_id, kind, body) VALUES (@event_id, @kind, @body);
