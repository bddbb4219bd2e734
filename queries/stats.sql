-- name: Queue :one
-- How many spots there are of each status that a fan is told, by the rules of
-- internal/queue: from what is stored, the sale, the clock of the line, and
-- open claims. Joined without another turn asked for is the lobby before the
-- sale opens, and waiting after.
WITH sale AS (
    SELECT s.event_id, s.state, COALESCE(s.paused_at, now()) - s.paused_total AS line_at,
           make_interval(secs => s.grace_seconds) AS grace
    FROM sales s WHERE s.event_id = @event_id
), told AS (
    SELECT CASE
               WHEN p.status = 'left' THEN 'left'
               WHEN sale.state = 'ended' THEN 'done'
               WHEN p.again IS NOT NULL THEN 'waiting'
               WHEN p.status = 'joined' THEN CASE WHEN sale.state IN ('scheduled', 'lobby') THEN 'lobby' ELSE 'waiting' END
               WHEN p.status = 'called' AND p.turn_ends_at > sale.line_at THEN 'called'
               WHEN p.status = 'called' AND p.turn_ends_at + sale.grace > sale.line_at THEN 'missed'
               WHEN p.status = 'inside' AND (p.visit_ends_at > sale.line_at OR EXISTS (
                   SELECT FROM claims c WHERE c.event_id = p.event_id AND c.account_id = p.account_id
                   AND c.status IN ('held', 'paying') AND (c.status = 'paying' OR c.expires_at > now()))) THEN 'inside'
               ELSE 'done'
           END AS status, p.joined_at
    FROM spots p JOIN sale ON sale.event_id = p.event_id
)
SELECT count(*) FILTER (WHERE told.status = 'lobby') AS lobby,
       count(*) FILTER (WHERE told.status = 'waiting') AS waiting,
       count(*) FILTER (WHERE told.status = 'called') AS called,
       count(*) FILTER (WHERE told.status = 'inside') AS inside,
       count(*) FILTER (WHERE told.status = 'missed') AS missed,
       count(*) FILTER (WHERE told.status = 'left') AS "left",
       count(*) FILTER (WHERE told.status = 'done') AS done,
       count(*) FILTER (WHERE told.joined_at > now() - interval '1 minute') AS joins,
       COALESCE((SELECT h.serving FROM queue_heads h WHERE h.event_id = @event_id), 0)::bigint AS serving
FROM told;

-- name: Stock :one
-- A hold past its time is free; paying counts as held. Units exist from publishing on.
SELECT COALESCE((SELECT sum(t.capacity) FROM tiers t WHERE t.event_id = @event_id), 0)::bigint AS capacity,
       count(*) FILTER (WHERE u.state = 'free' OR (u.state = 'held' AND u.held_until <= now())) AS free,
       count(*) FILTER (WHERE u.state = 'paying' OR (u.state = 'held' AND u.held_until > now())) AS held,
       count(*) FILTER (WHERE u.state = 'sold') AS sold
FROM units u WHERE u.event_id = @event_id;

-- name: Money :one
-- What came and what does not stay, by the same rules as the books of internal/audit: refunds, sent or owed, and what banks
-- took with disputes that were lost, so that came less back is what good tickets are worth and the fees that buyers bore.
-- What a bank only asks for is told apart, because it may stay. And how payments ended lately: one that failed has no time
-- of settling, it ended when the provider was asked last.
SELECT COALESCE(sum(p.received_kobo), 0)::bigint AS came,
       (COALESCE((SELECT sum(r.amount_kobo) FROM refunds r JOIN payments q ON q.id = r.payment_id
                  WHERE q.event_id = @event_id AND q.settled_at IS NOT NULL), 0)
        + COALESCE((SELECT sum(q.received_kobo - COALESCE((SELECT sum(r.amount_kobo) FROM refunds r WHERE r.payment_id = q.id), 0))
                    FROM payments q WHERE q.event_id = @event_id AND q.status = 'charged_back'
                    AND EXISTS (SELECT FROM disputes d WHERE d.payment_id = q.id AND d.status = 'lost')), 0))::bigint AS back,
       -- Of that, what banks took and nobody here sent.
       (COALESCE((SELECT sum(r.amount_kobo) FROM refunds r JOIN payments q ON q.id = r.payment_id
                  WHERE q.event_id = @event_id AND q.settled_at IS NOT NULL AND r.made_by = 'bank'), 0)
        + COALESCE((SELECT sum(q.received_kobo - COALESCE((SELECT sum(r.amount_kobo) FROM refunds r WHERE r.payment_id = q.id), 0))
                    FROM payments q WHERE q.event_id = @event_id AND q.status = 'charged_back'
                    AND EXISTS (SELECT FROM disputes d WHERE d.payment_id = q.id AND d.status = 'lost')), 0))::bigint AS lost,
       COALESCE((SELECT sum(LEAST(d.amount_kobo, q.received_kobo)) FROM disputes d JOIN payments q ON q.id = d.payment_id
                 WHERE q.event_id = @event_id AND d.status = 'open' AND q.status IN ('succeeded', 'charged_back')), 0)::bigint AS asked,
       count(*) FILTER (WHERE p.settled_at > now() - interval '1 minute') AS settled,
       count(*) FILTER (WHERE COALESCE(p.settled_at, p.checked_at) > now() - interval '10 minutes'
                        AND p.status NOT IN ('initializing', 'pending')) AS ended,
       count(*) FILTER (WHERE p.checked_at > now() - interval '10 minutes' AND p.status = 'failed') AS failed
FROM payments p WHERE p.event_id = @event_id;

-- name: Rates :one
SELECT (SELECT count(*) FROM claims c WHERE c.event_id = @event_id AND c.created_at > now() - interval '1 minute') AS claims,
       (SELECT count(*) FROM spots p WHERE p.event_id = @event_id AND p.called_at > now() - interval '1 minute') AS admitted;

-- name: TierStock :many
-- The same for each tier, with what is being paid for and what is out of the sale.
SELECT t.id, t.capacity,
       count(*) FILTER (WHERE u.state = 'free' OR (u.state = 'held' AND u.held_until <= now())) AS free,
       count(*) FILTER (WHERE u.state = 'held' AND u.held_until > now()) AS held,
       count(*) FILTER (WHERE u.state = 'paying') AS paying,
       count(*) FILTER (WHERE u.state = 'sold') AS sold,
       count(*) FILTER (WHERE u.state = 'blocked') AS blocked
FROM tiers t LEFT JOIN units u ON u.tier_id = t.id
WHERE t.event_id = @event_id
GROUP BY t.id, t.capacity, t.ordinal
ORDER BY t.ordinal;
