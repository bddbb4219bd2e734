-- Read only, all in one snapshot. Each check gives how much was looked at, how
-- many violations there are, and the first twenty in words without anything
-- personal. at is the clock after the snapshot was taken: whatever the snapshot
-- shows as taken over had ended before it.

-- name: Patience :exec
-- An audit of a large event may take longer than a statement of the product.
SELECT set_config('statement_timeout', '300s', true);

-- name: Moment :one
SELECT e.id, clock_timestamp()::timestamptz AS at, s.state, s.ordering,
       COALESCE(h.arrivals, 0)::bigint AS arrivals, COALESCE(h.serving, 0)::bigint AS serving
FROM events e JOIN sales s ON s.event_id = e.id LEFT JOIN queue_heads h ON h.event_id = e.id
WHERE e.id = @event_id;

-- name: NeverOversold :one
WITH tier AS (
    SELECT t.name, t.capacity, count(u.id) AS places,
           count(u.id) FILTER (WHERE u.state IN ('held', 'paying', 'sold')) AS taken
    FROM tiers t LEFT JOIN units u ON u.tier_id = t.id
    WHERE t.event_id = @event_id GROUP BY t.id
), bad AS (
    SELECT format('tier %s: %s units held, paying or sold, %s units in all, capacity %s', name, taken, places, capacity) AS detail
    FROM tier WHERE taken > capacity OR places > capacity
    UNION ALL
    SELECT format('tier %s: capacity %s, the ledger says %s', t.name, t.capacity, added.capacity)
    FROM tiers t
    CROSS JOIN LATERAL (SELECT (l.body->>'capacity')::bigint AS capacity FROM ledger l
                        WHERE l.event_id = @event_id::uuid AND l.kind = 'stock_added' AND (l.body->>'tier')::uuid = t.id
                        ORDER BY (l.body->>'capacity')::bigint DESC LIMIT 1) added
    WHERE t.event_id = @event_id AND t.capacity <> added.capacity
    UNION ALL
    SELECT format('tier %s: place %s exists %s times', u.tier_id, u.slot, count(*))
    FROM units u WHERE u.event_id = @event_id GROUP BY u.tier_id, u.slot HAVING count(*) > 1
    UNION ALL
    SELECT format('unit %s has %s live tickets', k.unit_id, count(*))
    FROM tickets k WHERE k.event_id = @event_id AND k.status IN ('valid', 'used') GROUP BY k.unit_id HAVING count(*) > 1
    UNION ALL
    SELECT format('unit %s has a live ticket of claim %s, but is %s by %s', u.id, k.claim_id, u.state, COALESCE(u.claim_id::text, 'nobody'))
    FROM tickets k JOIN units u ON u.id = k.unit_id
    WHERE k.event_id = @event_id AND k.status IN ('valid', 'used') AND (u.state <> 'sold' OR u.claim_id IS DISTINCT FROM k.claim_id)
    UNION ALL
    SELECT format('unit %s is %s by claim %s, and claim %s is %s with it', u.id, u.state, COALESCE(u.claim_id::text, 'nobody'), c.id, c.status)
    FROM claims c JOIN claim_lines l ON l.claim_id = c.id JOIN units u ON u.id = l.unit_id
    WHERE c.event_id = @event_id AND (c.status = 'paying' OR (c.status = 'held' AND c.expires_at > @at))
      AND (u.claim_id IS DISTINCT FROM c.id OR u.state <> c.status)
    UNION ALL
    SELECT format('unit %s is %s by claim %s, which is %s', u.id, u.state, c.id, c.status)
    FROM units u JOIN claims c ON c.id = u.claim_id
    WHERE u.event_id = @event_id
      AND ((u.state = 'sold' AND c.status NOT IN ('paid', 'refunded')) OR (u.state = 'paying' AND c.status <> 'paying'))
)
SELECT (SELECT COALESCE(sum(places), 0) FROM tier)::bigint AS checked,
       (SELECT count(*) FROM bad) AS violations,
       ARRAY(SELECT detail FROM bad LIMIT 20)::text[] AS detail;

-- name: OneSpotPerFan :one
WITH fan AS (
    SELECT p.account_id, count(*) AS spots FROM spots p WHERE p.event_id = @event_id GROUP BY p.account_id
)
SELECT (SELECT count(*) FROM fan) AS checked,
       (SELECT count(*) FROM fan WHERE spots > 1) AS violations,
       ARRAY(SELECT format('account %s has %s spots', account_id, spots) FROM fan WHERE spots > 1 LIMIT 20)::text[] AS detail;

-- name: ArrivalGapless :one
WITH seen AS (
    SELECT p.arrival, count(*) AS n FROM spots p WHERE p.event_id = @event_id GROUP BY p.arrival
), bad AS (
    SELECT format('arrival %s is nobody''s', g.arrival) AS detail
    FROM generate_series(1, @arrivals::bigint) AS g (arrival)
    WHERE NOT EXISTS (SELECT FROM seen WHERE seen.arrival = g.arrival)
    UNION ALL
    SELECT format('arrival %s was given %s times', arrival, n) FROM seen WHERE n > 1
    UNION ALL
    SELECT format('arrival %s, but only %s came', arrival, @arrivals::bigint) FROM seen WHERE arrival > @arrivals::bigint
)
SELECT (SELECT COALESCE(sum(n), 0) FROM seen)::bigint AS checked,
       (SELECT count(*) FROM bad) AS violations,
       ARRAY(SELECT detail FROM bad LIMIT 20)::text[] AS detail;

-- name: Spots :many
-- The line in the order of arrival, with what tells who was called when. Who is done without a call has bought the limit
-- in another sale of the show.
SELECT p.id, p.arrival, p.called_step, p.status,
       (p.status = 'left' OR p.again IS NOT NULL OR (p.status = 'done' AND p.called_step IS NULL AND EXISTS (
            SELECT FROM ledger f WHERE f.event_id = p.event_id AND f.kind = 'finished' AND f.body->>'spot' = p.id::text)))::boolean AS passable
FROM spots p WHERE p.event_id = @event_id ORDER BY p.arrival, p.id;

-- name: Decisions :many
-- The ledger's rows of a kind, oldest first.
SELECT id, body FROM ledger WHERE event_id = @event_id AND kind = @kind::text ORDER BY id;

-- name: DrawFacts :one
-- What stands written about a draw.
SELECT s.ordering, s.state, s.beacon_name, s.opened_at, h.lobby_size,
       (d.event_id IS NOT NULL)::boolean AS committed, d.commitment, d.committed_at, d.frozen_at, d.root, d.rooted_at,
       d.beacon_value, d.waived_at, d.secret, d.seed, d.drawn_at
FROM sales s LEFT JOIN queue_heads h ON h.event_id = s.event_id LEFT JOIN draws d ON d.event_id = s.event_id
WHERE s.event_id = @event_id;

-- name: WithinLimits :one
-- Of claims: what was granted, or last exchanged for, with the tickets the fan
-- had then, against the limit that the claim records; and what each fan has now,
-- against the highest limit there ever was; both over all sales of the show. A ticket that ended within a minute of the grant may
-- have ended before it: a transaction's time is that of its beginning.
-- Of the room: everybody's visit as far as the rows tell, cut short wherever
-- they tell too little (it ends with line time, leaving, or the purchase; line
-- time is never ahead of the clock), against the highest max_inside there ever
-- was. A fan called again has only the last visit on record. So what is counted
-- really happened, and not everything that happened is counted.
WITH show AS (
    SELECT r.id FROM events e JOIN events r ON r.show_id = e.show_id WHERE e.id = @event_id
), changed AS (
    SELECT b.body->'changes' AS c FROM ledger b WHERE b.event_id = @event_id AND b.kind = 'sale_changed'
), changed_in_show AS (
    SELECT b.body->'changes' AS c FROM ledger b JOIN show ON b.event_id = show.id WHERE b.kind = 'sale_changed'
), force AS (
    SELECT GREATEST((SELECT max(o.max_tickets_per_fan) FROM sales o JOIN show ON o.event_id = show.id),
               (SELECT max(v) FROM changed_in_show, LATERAL (SELECT CASE WHEN jsonb_typeof(x) = 'number' THEN (x)::bigint END AS v
                    FROM unnest(ARRAY[c->'max_tickets_per_fan'->'from', c->'max_tickets_per_fan'->'to']) AS x) n)) AS per_fan,
           GREATEST(s.max_inside,
               (SELECT max(v) FROM changed, LATERAL (SELECT CASE WHEN jsonb_typeof(x) = 'number' THEN (x)::bigint END AS v
                    FROM unnest(ARRAY[c->'max_inside'->'from', c->'max_inside'->'to']) AS x) n)) AS inside
    FROM sales s WHERE s.event_id = @event_id
), swapped AS (
    SELECT (b.body->>'claim')::uuid AS claim_id, max(b.at) AS swapped_at
    FROM ledger b WHERE b.event_id = @event_id AND b.kind = 'claim_changed' GROUP BY 1
), granted AS (
    SELECT c.id, c.account_id, c.limit_then,
           (c.status = 'paying' OR (c.status = 'held' AND c.expires_at > @at)) AS open,
           (SELECT count(*) FROM claim_lines l WHERE l.claim_id = c.id) AS units,
           (SELECT count(*) FROM tickets k
            WHERE k.account_id = c.account_id AND k.event_id IN (SELECT show.id FROM show) AND k.claim_id <> c.id AND k.issued_at <= COALESCE(w.swapped_at, c.created_at)
              AND (k.ended_at IS NULL OR k.ended_at > COALESCE(w.swapped_at, c.created_at) + interval '1 minute')) AS had
    FROM claims c
    LEFT JOIN swapped w ON w.claim_id = c.id
    WHERE c.event_id = @event_id
), fan AS (
    SELECT g.account_id FROM granted g
    UNION
    SELECT k.account_id FROM tickets k WHERE k.event_id = @event_id AND k.status IN ('valid', 'used')
), owns AS (
    SELECT o.account_id, sum(o.n)::bigint AS units, sum(o.opened)::bigint AS opened
    FROM (SELECT g.account_id, g.units AS n, 1 AS opened FROM granted g WHERE g.open
          UNION ALL
          SELECT c.account_id, (SELECT count(*) FROM claim_lines l WHERE l.claim_id = c.id), 0
          FROM claims c JOIN show ON show.id = c.event_id JOIN fan ON fan.account_id = c.account_id
          WHERE c.event_id <> @event_id AND (c.status = 'paying' OR (c.status = 'held' AND c.expires_at > @at))
          UNION ALL
          SELECT k.account_id, 1, 0 FROM tickets k JOIN show ON show.id = k.event_id JOIN fan ON fan.account_id = k.account_id
          WHERE k.status IN ('valid', 'used')) o
    GROUP BY o.account_id
), visit AS (
    SELECT p.id, p.entered_at,
           LEAST(p.visit_ends_at, p.left_at,
                 CASE WHEN p.status = 'done' THEN (SELECT max(c.paid_at) FROM claims c WHERE c.spot_id = p.id) END) AS ended_at
    FROM spots p WHERE p.event_id = @event_id AND p.entered_at IS NOT NULL
), step AS (
    SELECT m.id, m.at, m.delta, sum(m.delta) OVER (ORDER BY m.at, m.delta, m.id) AS inside
    FROM (SELECT v.id, v.entered_at AS at, 1 AS delta FROM visit v WHERE v.ended_at > v.entered_at
          UNION ALL
          SELECT v.id, v.ended_at, -1 FROM visit v WHERE v.ended_at > v.entered_at) m
), bad AS (
    SELECT format('claim %s: %s units granted to a fan with %s tickets, limit %s', id, units, had, limit_then) AS detail
    FROM granted WHERE units + had > limit_then
    UNION ALL
    SELECT format('account %s has %s units, the limit was never above %s', account_id, units, per_fan)
    FROM owns, force WHERE units > per_fan
    UNION ALL
    SELECT format('account %s has %s open claims', account_id, opened) FROM owns WHERE opened > 1
    UNION ALL
    SELECT format('spot %s entered as number %s of those inside, max_inside was never above %s', step.id, step.inside, force.inside)
    FROM step, force WHERE step.delta > 0 AND step.inside > force.inside
)
SELECT ((SELECT count(*) FROM granted) + (SELECT count(*) FROM visit))::bigint AS checked,
       (SELECT count(*) FROM bad) AS violations,
       ARRAY(SELECT detail FROM bad LIMIT 20)::text[] AS detail;

-- name: PaidMeansTicketOrRefund :one
-- Every payment that came in: a live ticket for each unit of its claim, or
-- refunds (on their way or done) for what has none; a free ticket that ended
-- has nothing to give back. Charged-back money has gone its own way.
WITH paid AS (
    SELECT p.id, p.status, p.received_kobo,
           (CASE WHEN p.fees_kobo > 0 AND p.received_kobo = p.amount_kobo + p.fees_kobo THEN p.fees_kobo ELSE 0 END)::bigint AS fees,
           (SELECT count(*) FROM claim_lines l WHERE l.claim_id = p.claim_id) AS units,
           (SELECT count(*) FROM tickets k WHERE k.payment_id = p.id) AS tickets,
           (SELECT count(*) FROM tickets k WHERE k.payment_id = p.id AND k.status IN ('valid', 'used')) AS live,
           (SELECT COALESCE(sum(k.price_kobo - k.reduced_kobo), 0) FROM tickets k WHERE k.payment_id = p.id AND k.status IN ('valid', 'used'))::bigint AS worth,
           (SELECT COALESCE(sum(r.amount_kobo), 0) FROM refunds r WHERE r.payment_id = p.id)::bigint AS refunds
    FROM payments p
    WHERE p.event_id = @event_id AND p.status IN ('succeeded', 'refund_due', 'refunded')
), bad AS (
    SELECT format('payment %s (%s): %s kobo received, %s of %s tickets live, %s kobo of refunds', id, status, received_kobo, live, units, refunds) AS detail
    FROM paid
    WHERE NOT (status = 'succeeded' AND units > 0 AND live = units)
      AND NOT (received_kobo > 0 AND worth + refunds + CASE WHEN live > 0 THEN fees ELSE 0 END >= received_kobo)
      AND NOT (received_kobo = 0 AND units > 0 AND tickets = units)
)
SELECT (SELECT count(*) FROM paid) AS checked,
       (SELECT count(*) FROM bad) AS violations,
       ARRAY(SELECT detail FROM bad LIMIT 20)::text[] AS detail;

-- name: TicketMeansPaid :one
WITH live AS (
    SELECT k.id, k.claim_id, k.price_kobo, k.account_id AS holder, c.status AS claim_status, c.account_id AS buyer,
           p.id AS payment_id, p.claim_id AS paid_claim, p.status AS payment_status, p.provider, p.received_kobo,
           (SELECT count(*) FROM payments q WHERE q.claim_id = k.claim_id AND q.status = 'succeeded') AS successes,
           sum(k.price_kobo - k.reduced_kobo) OVER (PARTITION BY k.payment_id) AS worth
    FROM tickets k
    LEFT JOIN payments p ON p.id = k.payment_id
    LEFT JOIN claims c ON c.id = k.claim_id
    WHERE k.event_id = @event_id AND k.status IN ('valid', 'used')
), bad AS (
    SELECT format('ticket %s of claim %s (%s): payment %s is %s with %s kobo for tickets worth %s, %s successes in all',
               id, claim_id, COALESCE(claim_status, 'gone'), COALESCE(payment_id::text, 'none'), COALESCE(payment_status, 'gone'),
               COALESCE(received_kobo, 0), worth, successes) AS detail
    FROM live
    WHERE payment_status IS DISTINCT FROM 'succeeded' OR paid_claim IS DISTINCT FROM claim_id OR successes <> 1
       OR claim_status IS DISTINCT FROM 'paid' OR buyer IS DISTINCT FROM holder
       OR COALESCE(received_kobo, 0) < worth OR (provider = 'none' AND price_kobo > 0)
)
SELECT (SELECT count(*) FROM live) AS checked,
       (SELECT count(*) FROM bad) AS violations,
       ARRAY(SELECT detail FROM bad LIMIT 20)::text[] AS detail;

-- name: Money :many
-- A line for every payment that brought money, or has a refund, with whatever is wrong about it. What came is the price of
-- good tickets (less what was given back of it while they stayed good), the fees that the buyer bore (received is above what
-- was asked by exactly the provider's fee; they stay as long as a ticket is good), refunds, and what a bank took back; other
-- fees are the organizer's and part of the price.
WITH back AS (
    SELECT r.payment_id, count(*) AS refunds,
           COALESCE(sum(r.amount_kobo) FILTER (WHERE r.status = 'processed'), 0)::bigint AS refunded,
           COALESCE(sum(r.amount_kobo) FILTER (WHERE r.status <> 'processed'), 0)::bigint AS due
    FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.event_id = @event_id GROUP BY r.payment_id
), had AS (
    SELECT k.payment_id,
           count(*) FILTER (WHERE k.status IN ('valid', 'used')) AS good,
           COALESCE(sum(k.price_kobo - k.reduced_kobo) FILTER (WHERE k.status IN ('valid', 'used')), 0)::bigint AS worth,
           count(*) FILTER (WHERE k.status IN ('returned', 'void') AND k.price_kobo > k.reduced_kobo
                            AND r.payment_id IS DISTINCT FROM k.payment_id) AS lost
    FROM tickets k LEFT JOIN refunds r ON r.id = k.refund_id WHERE k.event_id = @event_id GROUP BY k.payment_id
), disputed AS (
    SELECT d.payment_id, bool_or(d.status = 'lost') AS lost, bool_or(d.status <> 'won') AS against
    FROM disputes d JOIN payments p ON p.id = d.payment_id WHERE p.event_id = @event_id GROUP BY d.payment_id
), stray AS (
    -- What the provider sent back, as it said itself, and what does not fit into the books.
    SELECT f.payment_id, sum(f.amount_kobo)::bigint AS kobo, string_agg(f.provider_refund_id, ', ' ORDER BY f.provider_refund_id) AS ids
    FROM stray_refunds f JOIN payments p ON p.id = f.payment_id
    WHERE p.event_id = @event_id AND p.settled_at IS NOT NULL AND f.misfit
      AND NOT EXISTS (SELECT FROM refunds r WHERE r.provider_refund_id = f.provider_refund_id)
    GROUP BY f.payment_id
), line AS (
    SELECT p.id, p.claim_id, p.reference, p.status, p.created_at, COALESCE(p.received_kobo, 0)::bigint AS received,
           COALESCE(had.worth, 0)::bigint AS worth, COALESCE(back.refunded, 0)::bigint AS refunded, COALESCE(back.due, 0)::bigint AS due,
           (CASE WHEN p.status = 'charged_back' THEN p.received_kobo - COALESCE(back.refunded + back.due, 0) ELSE 0 END)::bigint AS charged_back,
           (CASE WHEN had.good > 0 AND p.fees_kobo > 0 AND p.received_kobo = p.amount_kobo + p.fees_kobo THEN p.fees_kobo ELSE 0 END)::bigint AS fees,
           COALESCE(stray.kobo, 0)::bigint AS strayed, stray.ids AS stray_ids, COALESCE(had.lost, 0) AS ended_for_nothing, COALESCE(disputed.lost, false) AS dispute_lost, COALESCE(disputed.against, false) AS disputed
    FROM payments p
    LEFT JOIN back ON back.payment_id = p.id LEFT JOIN had ON had.payment_id = p.id LEFT JOIN disputed ON disputed.payment_id = p.id
    LEFT JOIN stray ON stray.payment_id = p.id
    WHERE p.event_id = @event_id AND (p.settled_at IS NOT NULL OR back.refunds > 0)
)
SELECT claim_id, reference, status, received, worth, fees, refunded, due, charged_back,
       (received - worth - fees - refunded - due - charged_back - strayed)::bigint AS difference,
       array_remove(ARRAY[
           CASE WHEN received - worth - fees - refunded - due - charged_back <> 0 THEN format(
               'received %s, tickets %s, fees passed on %s, refunded %s, refunds due %s, charged back %s', received, worth, fees, refunded, due, charged_back) END,
           CASE WHEN strayed > 0 THEN format('the provider sent %s back that are not in the books (its refund %s)', strayed, stray_ids) END,
           CASE WHEN refunded + due > received THEN format('%s go back of %s that came', refunded + due, received) END,
           CASE WHEN status = 'refunded' AND (due > 0 OR refunded < received) THEN format('it is called refunded, and %s of %s are back', refunded, received) END,
           CASE WHEN status = 'refund_due' AND due = 0 THEN 'it waits for a refund, and none is due' END,
           CASE WHEN status = 'charged_back' AND NOT disputed THEN 'it is charged back without a dispute' END,
           CASE WHEN status = 'succeeded' AND dispute_lost THEN 'a dispute about it was lost, and it is called succeeded' END,
           CASE WHEN status <> 'charged_back' AND ended_for_nothing > 0 THEN format('%s of its tickets ended, and no refund of it is for them', ended_for_nothing) END
       ], NULL)::text[] AS wrong
FROM line ORDER BY created_at, id;
