-- name: TakeLease :execrows
-- Takes a lease that is free or past, or renews one's own. clock_timestamp()
-- and not now(): the statement may have waited for the row.
INSERT INTO leases (name, holder, until)
VALUES (@name, @holder, clock_timestamp() + make_interval(secs => @ttl_seconds::float8))
ON CONFLICT (name) DO UPDATE
   SET holder = EXCLUDED.holder, until = clock_timestamp() + make_interval(secs => @ttl_seconds::float8)
 WHERE leases.holder = EXCLUDED.holder OR leases.until <= clock_timestamp();

-- name: CheckLease :one
-- Reports whether the holder leads at this moment. No lock: a leader that was
-- cut off in the middle of a step must not hold up the next one.
SELECT EXISTS (
    SELECT FROM leases WHERE name = @name AND holder = @holder AND until > clock_timestamp()
);

-- name: ResignLease :exec
-- Gives a lease back, so that another need not wait for its end.
DELETE FROM leases WHERE name = @name AND holder = @holder;
