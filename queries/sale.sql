-- name: InsertSale :exec
INSERT INTO sales (event_id, ordering, lobby_opens_at, opens_at, closes_at, max_tickets_per_fan, max_waiting,
                   admit_per_minute, max_inside, turn_seconds, visit_seconds, hold_seconds, grace_seconds,
                   beacon_name, beacon_round, beacon_url,
                   channels, fees_by, tax_name, tax_basis_points, tax_number, returns, returns_until, disputes)
VALUES (@event_id, @ordering, sqlc.narg('lobby_opens_at'), @opens_at, @closes_at, @max_tickets_per_fan, sqlc.narg('max_waiting'),
        @admit_per_minute, @max_inside, @turn_seconds, @visit_seconds, @hold_seconds, @grace_seconds,
        sqlc.narg('beacon_name'), sqlc.narg('beacon_round'), sqlc.narg('beacon_url'),
        @channels, @fees_by, @tax_name, @tax_basis_points, @tax_number, @returns, sqlc.narg('returns_until'), @disputes);

-- name: InsertTier :exec
INSERT INTO tiers (id, event_id, ordinal, name, price_kobo, capacity, seated, opens_at, closes_at)
VALUES (@id, @event_id, @ordinal, @name, @price_kobo, @capacity, @seated, sqlc.narg('opens_at'), sqlc.narg('closes_at'));

-- name: LockTier :one
-- A tier that is about to grow; its row serialises those who add at once.
SELECT capacity, seated FROM tiers WHERE id = @id AND event_id = @event_id FOR NO KEY UPDATE;

-- name: SetCapacity :exec
UPDATE tiers SET capacity = @capacity WHERE id = @id;

-- name: TierNames :many
SELECT ordinal, name, seated FROM tiers WHERE event_id = @event_id ORDER BY ordinal;

-- name: TierTimes :many
SELECT id, ordinal, opens_at, closes_at FROM tiers WHERE event_id = @event_id ORDER BY ordinal;

-- name: SetTierTimes :exec
UPDATE tiers SET opens_at = sqlc.narg('opens_at'), closes_at = sqlc.narg('closes_at') WHERE id = @id;

-- name: Touch :exec
-- A picture of the sale taken from now on is newer than those before.
UPDATE sales SET version = version + 1 WHERE event_id = @event_id;

-- name: LockState :one
-- The state of a sale, which stays until the end of the transaction.
SELECT state FROM sales WHERE event_id = @event_id FOR SHARE;

-- name: Pictures :many
-- The whole picture of some sales at one moment, one row a tier: those in some states, and those asked for by id or slug.
-- Units that are not sold are counted from units_unsold alone (no heap); only holds past their time need the rows.
-- What is gated is told as of the moment from which the sale sells: its opening, or now.
SELECT e.id, e.organization_id, e.slug, e.name, e.venue, e.timezone, e.starts_at, e.created_at, e.show_id,
       ARRAY(SELECT o.id FROM events o JOIN sales z ON z.event_id = o.id
             WHERE o.show_id = e.show_id AND o.id <> e.id AND z.state <> 'draft' ORDER BY o.created_at, o.id)::uuid[] AS others,
       s.state, s.ordering, s.lobby_opens_at, s.opens_at, s.closes_at, s.max_tickets_per_fan, s.max_waiting,
       s.admit_per_minute, s.max_inside, s.turn_seconds, s.visit_seconds, s.hold_seconds, s.grace_seconds,
       s.message, s.message_at, s.beacon_name, s.beacon_round, s.beacon_url,
       s.channels, s.fees_by, s.tax_name, s.tax_basis_points, s.tax_number, s.returns, s.returns_until, s.disputes,
       s.published_at, s.opened_at, s.ended_at, s.paused_at, s.cancelled_at, s.cancel_reason, s.version,
       now()::timestamptz AS at,
       (COALESCE(s.paused_at, now()) - s.paused_total)::timestamptz AS line_at,
       h.arrivals, h.lobby_size, h.serving,
       d.commitment, d.committed_at, d.frozen_at, d.root, d.rooted_at, d.beacon_round AS draw_round, d.beacon_value, d.waived_at,
       d.secret, d.seed, d.drawn_at,
       t.id AS tier_id, t.ordinal, t.name AS tier_name, t.price_kobo, t.capacity, t.seated,
       t.opens_at AS tier_opens_at, t.closes_at AS tier_closes_at,
       u.free, u.held, u.blocked, p.past, m.selling_at, g.presales, g.gated, y.public_at AS tier_public_at,
       (CASE WHEN s.published_at IS NULL AND t.seated THEN (
            SELECT count(*) FROM seats z WHERE z.event_id = s.event_id AND z.tier_id = t.id AND z.blocked AND NOT z.elsewhere) ELSE 0 END)::bigint AS draft_blocked
FROM sales s
JOIN events e ON e.id = s.event_id
JOIN tiers t ON t.event_id = s.event_id
LEFT JOIN queue_heads h ON h.event_id = s.event_id
LEFT JOIN draws d ON d.event_id = s.event_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE n.state = 'free') AS free,
           count(*) FILTER (WHERE n.state IN ('held', 'paying')) AS held,
           count(*) FILTER (WHERE n.state = 'blocked') AS blocked
    FROM units n WHERE n.event_id = s.event_id AND n.tier_id = t.id AND n.state <> 'sold'
) u
CROSS JOIN LATERAL (
    SELECT count(*) AS past
    FROM units n WHERE n.event_id = s.event_id AND n.tier_id = t.id AND n.state <> 'sold' AND n.state = 'held' AND n.held_until <= now()
) p
CROSS JOIN LATERAL (
    SELECT (CASE WHEN s.state IN ('draft', 'scheduled', 'lobby') THEN GREATEST(s.opens_at, now()) ELSE now() END)::timestamptz AS selling_at
) m
CROSS JOIN LATERAL (
    -- Presales that keep something at that moment, and units of the tier in blocks of theirs.
    SELECT count(*) AS presales,
           COALESCE(sum((SELECT count(*) FROM presale_seats b JOIN units n ON n.id = b.seat_id
                         WHERE b.presale_id = r.id AND n.tier_id = t.id
                           AND (n.state = 'free' OR (n.state = 'held' AND n.held_until <= now()))))
                    FILTER (WHERE r.tier_id IS NULL), 0)::bigint AS gated
    FROM presales_running r WHERE r.event_id = s.event_id AND r.public_at > m.selling_at
) g
LEFT JOIN presales y ON y.tier_id = t.id AND y.ended_at IS NULL AND y.public_at > m.selling_at
WHERE s.state = ANY (@states::text[]) OR e.id = ANY (@ids::uuid[]) OR e.slug = ANY (@slugs::text[])
ORDER BY e.id, t.ordinal;

-- name: Listed :many
-- Published events in the order of the public list: those on sale first, soonest first.
SELECT e.id, e.starts_at, (s.state = 'ended')::boolean AS over
FROM events e JOIN sales s ON s.event_id = e.id
WHERE s.state <> 'draft'
  AND ((s.state = 'ended')::boolean, e.starts_at, e.id) > (@after_over::boolean, @after_starts::timestamptz, @after_id::uuid)
ORDER BY (s.state = 'ended')::boolean, e.starts_at, e.id
LIMIT @max_rows;

-- name: ListedOwn :many
SELECT id FROM events WHERE organization_id = @organization_id ORDER BY created_at DESC, id DESC LIMIT 1000;

-- name: Move :one
-- Moves a sale if it is in one of the states the table of moves allows; no row otherwise.
WITH was AS (
    SELECT w.event_id, w.state FROM sales w WHERE w.event_id = @event_id AND w.state = ANY (@from_states::text[]) FOR UPDATE
)
UPDATE sales s
SET state = @to_state::text,
    published_at = COALESCE(s.published_at, now()),
    opened_at = CASE WHEN @to_state::text = 'open' THEN COALESCE(s.opened_at, now()) ELSE s.opened_at END,
    ended_at = CASE WHEN @to_state::text = 'ended' THEN now() ELSE s.ended_at END,
    paused_total = s.paused_total + COALESCE(now() - s.paused_at, '0'),
    paused_at = CASE WHEN @to_state::text = 'paused' THEN now() END,
    version = s.version + 1
FROM was WHERE s.event_id = was.event_id
RETURNING was.state;

-- name: State :one
SELECT state FROM sales WHERE event_id = @event_id;

-- name: LockTerms :one
SELECT s.state, s.opens_at, s.opened_at, s.closes_at, s.max_tickets_per_fan, s.max_waiting, s.admit_per_minute, s.max_inside,
       s.turn_seconds, s.visit_seconds, s.hold_seconds, s.grace_seconds, s.message,
       s.channels, s.fees_by, s.tax_name, s.tax_basis_points, s.tax_number, s.returns, s.returns_until, s.disputes,
       e.starts_at, now()::timestamptz AS at
FROM sales s JOIN events e ON e.id = s.event_id WHERE s.event_id = @event_id FOR UPDATE OF s;

-- name: SetTerms :exec
UPDATE sales
SET closes_at = @closes_at, max_tickets_per_fan = @max_tickets_per_fan, max_waiting = sqlc.narg('max_waiting'), admit_per_minute = @admit_per_minute,
    max_inside = @max_inside, turn_seconds = @turn_seconds, visit_seconds = @visit_seconds, hold_seconds = @hold_seconds,
    grace_seconds = @grace_seconds,
    channels = @channels, fees_by = @fees_by, tax_name = @tax_name, tax_basis_points = @tax_basis_points, tax_number = @tax_number,
    returns = @returns, returns_until = sqlc.narg('returns_until'), disputes = @disputes,
    message_at = CASE WHEN message <> @message THEN now() ELSE message_at END,
    message = @message, version = version + 1
WHERE event_id = @event_id;

-- name: Cancel :execrows
-- The event does not take place; once said it stays so.
UPDATE sales SET cancelled_at = now(), cancel_reason = @reason, version = version + 1 WHERE event_id = @event_id AND cancelled_at IS NULL;
