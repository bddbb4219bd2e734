-- Owner: session, the short-lived server-side state of sign-in and of messages
-- between two pages. What is read and written here is opaque to PostgreSQL.

-- FindSession returns what is stored under a token.
-- name: FindSession :one
SELECT data FROM sessions WHERE token = @token AND expiry > now();

-- SaveSession stores a session, new or changed.
-- name: SaveSession :exec
INSERT INTO sessions (token, data, expiry) VALUES (@token, @data, @expiry)
ON CONFLICT (token) DO UPDATE SET data = EXCLUDED.data, expiry = EXCLUDED.expiry;

-- DeleteSession forgets a session.
-- name: DeleteSession :exec
DELETE FROM sessions WHERE token = @token;

-- SweepSessions deletes a bounded number of sessions that are past; nothing depends on it.
-- name: SweepSessions :exec
DELETE FROM sessions WHERE token IN (
    SELECT s.token FROM sessions s WHERE s.expiry <= now() ORDER BY s.expiry LIMIT 100 FOR UPDATE SKIP LOCKED);
