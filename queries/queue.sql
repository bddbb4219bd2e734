-- Locks, in this order: head, sale (shared), spot, claim, units. Nothing here takes a head after a spot.

-- name: CreateHead :execrows
-- The head of a line. A sale that is published open has an empty lobby.
INSERT INTO queue_heads (event_id, lobby_size, credit)
SELECT s.event_id, CASE WHEN s.state = 'open' THEN 0 END, CASE WHEN s.state = 'open' THEN 1 ELSE 0 END
FROM sales s WHERE s.event_id = @event_id
ON CONFLICT (event_id) DO NOTHING;

-- name: LockHead :one
-- The head, a statement of its own: what follows in the transaction sees everything committed before. The sale is
-- locked against moves, so that nobody joins or is called after a move was acknowledged.
SELECT h.arrivals, h.lobby_size, h.serving, h.credit, h.step, h.returns,
       GREATEST(0, EXTRACT(epoch FROM clock_timestamp() - h.credit_at))::double precision AS since,
       s.state, s.ordering, s.lobby_opens_at, s.opens_at, s.opened_at, s.closes_at, s.max_waiting, s.max_tickets_per_fan,
       s.admit_per_minute, s.max_inside, s.turn_seconds, s.visit_seconds, s.grace_seconds,
       now()::timestamptz AS at,
       (COALESCE(s.paused_at, now()) - s.paused_total)::timestamptz AS line_at
FROM queue_heads h JOIN sales s ON s.event_id = h.event_id
WHERE h.event_id = @event_id
FOR UPDATE OF h FOR SHARE OF s;

-- name: InsertSpots :many
-- Gives the accounts the next arrivals, in their order. Accounts that have a spot come back not at all
-- and leave a gap: the caller rolls back and inserts exactly the others.
INSERT INTO spots (id, event_id, account_id, arrival)
SELECT i.id, @event_id::uuid, a.account_id, i.n + @arrivals::bigint
FROM unnest(@ids::uuid[]) WITH ORDINALITY AS i (id, n)
JOIN unnest(@accounts::uuid[]) WITH ORDINALITY AS a (account_id, n) ON a.n = i.n
ORDER BY i.n
ON CONFLICT (event_id, account_id) DO NOTHING
RETURNING id, account_id, arrival, joined_at;

-- name: SetArrivals :exec
UPDATE queue_heads SET arrivals = @arrivals WHERE event_id = @event_id;

-- name: CountWaiting :one
-- Who waits: numbers not called yet, without those who left, with those who asked for another turn.
SELECT (h.arrivals - h.serving
        - (SELECT count(*) FROM spots l WHERE l.event_id = h.event_id AND l.status = 'left' AND l.arrival > h.serving)
        + (SELECT count(*) FROM spots a WHERE a.event_id = h.event_id AND a.again IS NOT NULL AND a.arrival <= h.serving))::bigint
FROM queue_heads h WHERE h.event_id = @event_id;

-- name: Place :one
-- Everything a fan's status follows from, at one moment.
SELECT p.id, p.arrival, p.joined_at, p.status, p.called_at, p.turn_ends_at, p.visit_ends_at, p.again, p.again_seq, p.again_after,
       h.arrivals, h.serving,
       s.state, s.ordering, s.opens_at, s.opened_at, s.admit_per_minute, s.max_tickets_per_fan, s.visit_seconds, s.grace_seconds,
       s.paused_at,
       now()::timestamptz AS at,
       (COALESCE(s.paused_at, now()) - s.paused_total)::timestamptz AS line_at,
       c.id AS claim_id, c.expires_at AS claim_expires_at,
       (SELECT count(*) FROM claims k JOIN units u ON u.claim_id = k.id
        WHERE k.spot_id = p.id AND (u.state IN ('paying', 'sold') OR (u.state = 'held' AND u.held_until > now()))) AS owned,
       (CASE WHEN p.again IS NULL THEN 0 ELSE
           (SELECT count(*) FROM spots o WHERE o.event_id = p.event_id AND o.again IS NOT NULL
            AND ((o.again = p.again AND o.again_seq < p.again_seq) OR (p.again = 'behind' AND o.again = 'redeem'))) END)::bigint AS before
FROM spots p
JOIN queue_heads h ON h.event_id = p.event_id
JOIN sales s ON s.event_id = p.event_id
LEFT JOIN claims c ON c.event_id = p.event_id AND c.account_id = p.account_id
     AND (c.status = 'paying' OR (c.status = 'held' AND c.expires_at > now())) AND c.status IN ('held', 'paying')
WHERE p.event_id = @event_id AND p.account_id = @account_id;

-- name: LockSpot :one
-- The first lock of everything about one fan; what follows from it is read by Place afterwards.
SELECT id FROM spots WHERE event_id = @event_id AND account_id = @account_id FOR UPDATE;

-- name: EnterSpot :execrows
-- Called becomes inside while the turn runs, paused or not.
UPDATE spots p
SET status = 'inside', entered_at = now(),
    visit_ends_at = COALESCE(s.paused_at, now()) - s.paused_total + make_interval(secs => s.visit_seconds)
FROM sales s
WHERE p.id = @id AND s.event_id = p.event_id AND p.status = 'called' AND s.state NOT IN ('draft', 'ended')
  AND p.turn_ends_at > COALESCE(s.paused_at, now()) - s.paused_total;

-- name: FinishSpot :exec
-- Over, because the limit is bought; another turn that was asked for is off.
UPDATE spots
SET status = 'done', again = NULL, again_seq = NULL, again_after = NULL
WHERE event_id = @event_id AND account_id = @account_id AND (status IN ('called', 'inside') OR again IS NOT NULL);

-- name: LeaveSpot :exec
UPDATE spots SET status = 'left', left_at = now(), again = NULL, again_seq = NULL, again_after = NULL WHERE id = @id;

-- name: UndoLeave :execrows
UPDATE spots SET status = 'joined', left_at = NULL WHERE id = @id AND status = 'left';

-- name: AskAgain :exec
-- Another turn: the place in the line of returners was taken from the locked head.
UPDATE spots
SET status = 'joined', again = @again::text, again_seq = @again_seq::bigint, again_after = sqlc.narg('again_after')::bigint, left_at = NULL
WHERE id = @id;

-- name: SetReturns :exec
UPDATE queue_heads SET returns = @returns WHERE event_id = @event_id;

-- name: Freeze :exec
-- Opening: who is behind this is no part of the lobby; calling starts with one fan.
UPDATE queue_heads SET lobby_size = arrivals, credit = 1, credit_at = clock_timestamp() WHERE event_id = @event_id;

-- name: Due :many
-- Sales whose next move has come by the clock.
SELECT event_id,
       (CASE WHEN closes_at <= now() THEN 'ended'
             WHEN opens_at <= now() THEN 'open'
             ELSE 'lobby' END)::text AS to_state
FROM sales
WHERE (state IN ('scheduled', 'lobby', 'open', 'paused') AND closes_at <= now())
   OR (state IN ('scheduled', 'lobby') AND opens_at <= now())
   OR (state = 'scheduled' AND lobby_opens_at <= now());

-- name: Dripping :many
-- Open sales in which somebody waits or somebody's time may be over.
SELECT s.event_id
FROM sales s JOIN queue_heads h ON h.event_id = s.event_id
WHERE s.state = 'open'
  AND (h.serving < h.arrivals
       OR EXISTS (SELECT 1 FROM spots a WHERE a.event_id = s.event_id AND a.again IS NOT NULL)
       OR EXISTS (SELECT 1 FROM spots r WHERE r.event_id = s.event_id AND r.status IN ('called', 'inside')))
ORDER BY s.event_id;

-- name: TidySpots :exec
-- Writes down what is over by the clock: visits without an open claim, missed turns past their grace. Nothing depends on
-- it; it keeps the index of reserved places small. Rows that somebody works with are left for the next step.
UPDATE spots SET status = 'done'
WHERE id IN (
    SELECT p.id FROM spots p
    WHERE p.event_id = @event_id
      AND ((p.status = 'called' AND p.turn_ends_at <= @called_before::timestamptz)
        OR (p.status = 'inside' AND p.visit_ends_at <= @inside_before::timestamptz
            AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.event_id = p.event_id AND c.account_id = p.account_id
                AND c.status IN ('held', 'paying') AND (c.status = 'paying' OR c.expires_at > now() - interval '2 seconds'))))
    LIMIT 1000
    FOR UPDATE SKIP LOCKED);

-- name: Room :one
-- What the room of a step follows from. A turn, visit or hold that has just ended still counts for a moment: somebody
-- may be using its last instant in a transaction that has not committed.
WITH reserved AS MATERIALIZED (
    SELECT p.id,
           EXISTS (SELECT 1 FROM claims c WHERE c.spot_id = p.id AND c.created_at >= p.called_at) AS claimed
    FROM spots p
    WHERE p.event_id = @event_id
      AND ((p.status = 'called' AND p.turn_ends_at > @just_now::timestamptz)
        OR (p.status = 'inside' AND (p.visit_ends_at > @just_now::timestamptz
            OR EXISTS (SELECT 1 FROM claims c WHERE c.event_id = p.event_id AND c.account_id = p.account_id
                AND c.status IN ('held', 'paying') AND (c.status = 'paying' OR c.expires_at > now() - interval '2 seconds')))))
)
SELECT (SELECT count(*) FROM reserved) AS reserved,
       (SELECT count(*) FROM reserved WHERE NOT claimed) AS wanting,
       ((SELECT count(*) FROM units u WHERE u.event_id = @event_id AND u.state <> 'sold' AND u.state = 'free')
        + (SELECT count(*) FROM units u WHERE u.event_id = @event_id AND u.state <> 'sold' AND u.state = 'held' AND u.held_until <= now()))::bigint AS sellable,
       COALESCE((SELECT avg(q.n) FROM (
           SELECT (SELECT count(*) FROM claim_lines l WHERE l.claim_id = c.id) AS n
           FROM claims c WHERE c.event_id = @event_id ORDER BY c.created_at DESC LIMIT 200) q), 1)::double precision AS mean_units;

-- name: Returners :many
-- Those who asked for another turn, in the order in which they are called.
SELECT id, again::text AS again, COALESCE(again_after, 0)::bigint AS again_after
FROM spots WHERE event_id = @event_id AND again = @again::text
ORDER BY again_seq LIMIT @max_rows;

-- name: Next :many
-- The spots of some arrivals that wait for their first turn.
SELECT id, arrival FROM spots
WHERE event_id = @event_id AND arrival = ANY (@arrivals::bigint[]) AND status = 'joined' AND again IS NULL;

-- name: Call :many
-- Calls spots that still wait; those who left in this moment do not come back.
UPDATE spots
SET status = 'called', called_at = now(), called_step = @step::bigint, turn_ends_at = @turn_ends_at::timestamptz,
    entered_at = NULL, visit_ends_at = NULL, again = NULL, again_seq = NULL, again_after = NULL
WHERE id = ANY (@ids::uuid[]) AND status = 'joined'
RETURNING id, arrival;

-- name: Serve :execrows
-- The step itself, compared with the step it was computed from.
UPDATE queue_heads
SET serving = @serving, credit = @credit, credit_at = clock_timestamp(), step = step + 1
WHERE event_id = @event_id AND step = @step AND serving <= @serving;

-- name: Ours :many
-- Which of these spots exist.
SELECT id FROM spots WHERE id = ANY (@ids::uuid[]);

-- name: Places :many
-- The lines of one account that are not over, newest first.
SELECT p.event_id FROM spots p JOIN sales s ON s.event_id = p.event_id
WHERE p.account_id = @account_id AND s.state NOT IN ('draft', 'ended') AND p.status <> 'left'
ORDER BY p.joined_at DESC LIMIT 50;

-- name: Steps :many
-- The newest steps of a line, from the ledger.
SELECT COALESCE((body->>'from_number')::bigint, 0)::bigint AS from_number, COALESCE((body->>'to_number')::bigint, 0)::bigint AS to_number, at
FROM ledger WHERE event_id = @event_id::uuid AND kind = 'called' AND (body->>'to_number')::bigint >= (body->>'from_number')::bigint
ORDER BY id DESC LIMIT @max_rows;

-- name: Exceptions :many
-- The newest returns to a line, from the ledger.
SELECT COALESCE((body->>'number')::bigint, 0)::bigint AS number, (body->>'rule')::text AS rule, at
FROM ledger WHERE event_id = @event_id::uuid AND kind = 'returned'
ORDER BY id DESC LIMIT @max_rows;
