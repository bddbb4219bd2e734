-- Owner: internal/claim (claims, units, claim_lines).
-- Locks, everywhere in this order: the fan's spots in the sales of the show, claim, units by (tier, slot).
-- now() is the beginning of the transaction; a hold is past when its end is not after it.

-- name: PublishState :one
-- The state a draft is published into, by the database clock. A draw is held before its sale is open, also where nobody
-- has come.
SELECT CASE
         WHEN opens_at <= now() AND ordering = 'draw' THEN 'lobby'
         WHEN opens_at <= now() THEN 'open'
         WHEN lobby_opens_at <= now() THEN 'lobby'
         ELSE 'scheduled'
       END::text AS state,
       (ordering = 'draw' AND opens_at <= now())::boolean AS draws,
       ordering, opens_at, beacon_name, beacon_round, now()::timestamptz AS at
FROM sales
WHERE event_id = @event_id;

-- name: Patience :exec
-- Publishing a large hall writes many rows: it may take longer than an ordinary statement.
SELECT set_config('statement_timeout', '120s', true);

-- name: CreateUnits :execrows
-- One row for every sellable place of every tier; a seat has its own id, and the slots of a tier follow the map.
WITH places AS (
    SELECT gen_random_uuid() AS id, t.ordinal, t.id AS tier_id, g.slot, 'free' AS state
    FROM tiers t
    CROSS JOIN LATERAL generate_series(1, t.capacity) AS g (slot)
    WHERE t.event_id = @event_id AND NOT t.seated
    UNION ALL
    SELECT s.id, t.ordinal, t.id, row_number() OVER (PARTITION BY t.id ORDER BY s.number)::integer, CASE WHEN s.blocked THEN 'blocked' ELSE 'free' END
    FROM seats s JOIN tiers t ON t.id = s.tier_id
    WHERE s.event_id = @event_id AND t.seated AND NOT s.elsewhere
)
INSERT INTO units (id, event_id, tier_id, slot, state)
SELECT p.id, @event_id, p.tier_id, p.slot, p.state
FROM places p
ORDER BY p.ordinal, p.slot;

-- name: MayHold :many
-- What a grant has to know of each fan, under the locks of their spots, in one round trip: the sale, the tier (null if
-- it is of another event), the open claim, and how many units the fan has in all sales of the show (fan_units). Own holds
-- that are past are ended here, so that the unique index on open claims means what it says. One fan or a whole batch: the
-- rules are here and in claim.refusal, and nowhere else. (Scalar subqueries, so that no plan of a new event, of which
-- nothing is known yet, reads a whole table for a batch.)
WITH ended AS (
    UPDATE claims SET status = 'expired', ended_at = now()
    WHERE event_id = @event_id AND account_id = ANY(@accounts::uuid[]) AND status = 'held' AND expires_at <= now()
    RETURNING id, account_id
)
SELECT f.account_id::uuid AS account_id, s.state, s.hold_seconds, s.max_tickets_per_fan, now()::timestamptz AS now,
       t.id AS tier_id, t.name AS tier_name, t.price_kobo,
       coalesce((SELECT c.id FROM claims c
                 WHERE c.event_id = s.event_id AND c.account_id = f.account_id AND c.status IN ('held', 'paying')
                   AND (c.status = 'paying' OR c.expires_at > now())),
                '00000000-0000-0000-0000-000000000000')::uuid AS open_claim,
       (SELECT count(*) FROM fan_units o WHERE o.event_id = s.event_id AND o.account_id = f.account_id) AS own,
       (SELECT array_agg(e.id) FROM ended e WHERE e.account_id = f.account_id)::uuid[] AS ended
FROM sales s
CROSS JOIN unnest(@accounts::uuid[]) AS f (account_id)
LEFT JOIN tiers t ON t.event_id = s.event_id AND t.id = @tier_id
WHERE s.event_id = @event_id;

-- name: CountOwn :one
-- How many units the fan has in all sales of the show: sold, paying, or held and not past.
SELECT count(*) FROM fan_units o WHERE o.event_id = @event_id AND o.account_id = @account_id;

-- name: Grant :many
-- Takes units for a new claim in one statement: whatever is free, or held and past, by slot; rows locked by
-- others are skipped. old_claim is the past claim a unit was taken from.
WITH pick AS MATERIALIZED (
    SELECT u.id, u.slot, u.claim_id
    FROM units u
    WHERE u.tier_id = @tier_id
      AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
    ORDER BY u.slot
    LIMIT @quantity
    FOR UPDATE SKIP LOCKED
), claim AS (
    INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, created_at, expires_at, cap_at, limit_then)
    VALUES (@claim_id, @event_id, @account_id, @spot_id, 'held', sqlc.arg(total_kobo), now(), @expires_at, @cap_at, @limit_then)
), taken AS (
    UPDATE units u
    SET state = 'held', claim_id = @claim_id, held_until = @expires_at
    FROM pick
    WHERE u.id = pick.id
    RETURNING u.id, u.slot, pick.claim_id AS old_claim
), lines AS (
    INSERT INTO claim_lines (claim_id, line, unit_id, tier_id, price_kobo)
    SELECT sqlc.arg(claim_id), row_number() OVER (ORDER BY slot), id, sqlc.arg(tier_id), sqlc.arg(price_kobo) FROM taken
)
SELECT id, old_claim FROM taken ORDER BY slot;

-- name: GrantWaiting :many
-- As Grant, but waits for rows that others have locked: only this answer may be "sold out". Its caller holds LockTier.
WITH pick AS MATERIALIZED (
    SELECT u.id, u.slot, u.claim_id
    FROM units u
    WHERE u.tier_id = @tier_id
      AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
    ORDER BY u.slot
    LIMIT @quantity
    FOR UPDATE
), claim AS (
    INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, created_at, expires_at, cap_at, limit_then)
    VALUES (@claim_id, @event_id, @account_id, @spot_id, 'held', sqlc.arg(total_kobo), now(), @expires_at, @cap_at, @limit_then)
), taken AS (
    UPDATE units u
    SET state = 'held', claim_id = @claim_id, held_until = @expires_at
    FROM pick
    WHERE u.id = pick.id
    RETURNING u.id, u.slot, pick.claim_id AS old_claim
), lines AS (
    INSERT INTO claim_lines (claim_id, line, unit_id, tier_id, price_kobo)
    SELECT sqlc.arg(claim_id), row_number() OVER (ORDER BY slot), id, sqlc.arg(tier_id), sqlc.arg(price_kobo) FROM taken
)
SELECT id, old_claim FROM taken ORDER BY slot;

-- name: GrantSeats :many
-- Takes those of some seats that are free, or held and past, for a new claim; waits for rows that others have locked. Its
-- caller knows that they are of this event, and rolls back when one is missing. (Asked for the event as well, it took
-- 10 ms instead of 3 in a stadium from the sixth time on, when PostgreSQL may choose a generic plan.)
WITH pick AS MATERIALIZED (
    SELECT u.id, u.tier_id, u.slot, u.claim_id
    FROM units u
    WHERE u.id = ANY(@seat_ids::uuid[])
      AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
    ORDER BY u.tier_id, u.slot
    FOR UPDATE
), priced AS (
    SELECT p.id, p.tier_id, p.slot, p.claim_id, t.ordinal, t.name, t.price_kobo FROM pick p JOIN tiers t ON t.id = p.tier_id
), claim AS (
    INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, created_at, expires_at, cap_at, limit_then)
    SELECT sqlc.arg(claim_id)::uuid, @event_id, @account_id, @spot_id, 'held', COALESCE((SELECT sum(price_kobo) FROM priced), 0), now(),
           sqlc.arg(expires_at)::timestamptz, @cap_at, @limit_then
), taken AS (
    UPDATE units u
    SET state = 'held', claim_id = sqlc.arg(claim_id)::uuid, held_until = sqlc.arg(expires_at)::timestamptz
    FROM pick
    WHERE u.id = pick.id
), lines AS (
    INSERT INTO claim_lines (claim_id, line, unit_id, tier_id, price_kobo)
    SELECT sqlc.arg(claim_id)::uuid, row_number() OVER (ORDER BY ordinal, slot), id, tier_id, price_kobo FROM priced
)
SELECT id, tier_id, name AS tier_name, price_kobo, claim_id AS old_claim FROM priced ORDER BY ordinal, slot;

-- name: LockTier :exec
-- One transaction at a time may wait for units of a tier: two that waited would each hold what the other lacks.
SELECT pg_advisory_xact_lock(hashtextextended('fairqueue.tier.' || sqlc.arg(tier_id)::text, 0));

-- name: ExpirePast :many
-- Ends, as a whole, claims from which units were taken after their hold was past. What somebody else has locked is
-- left to them: waiting here, after units, would be against the order of locks.
UPDATE claims c
SET status = 'expired', ended_at = now()
FROM (
    SELECT k.id FROM claims k
    WHERE k.id = ANY(@ids::uuid[]) AND k.status = 'held' AND k.expires_at <= now()
    FOR UPDATE SKIP LOCKED
) past
WHERE c.id = past.id
RETURNING c.id, c.event_id;

-- name: FreePast :exec
-- Frees what is left of ended claims; never waits.
UPDATE units u
SET state = 'free', claim_id = NULL, held_until = NULL
FROM (
    SELECT k.id FROM units k
    WHERE k.claim_id = ANY(@claim_ids::uuid[]) AND k.state = 'held' AND k.held_until <= now()
    FOR UPDATE SKIP LOCKED
) past
WHERE u.id = past.id;

-- name: PastClaims :many
-- Holds that are past, for tidying; never waits.
UPDATE claims c
SET status = 'expired', ended_at = now()
FROM (
    SELECT k.id FROM claims k
    WHERE k.status = 'held' AND k.expires_at <= now()
    ORDER BY k.expires_at
    LIMIT @max_claims
    FOR UPDATE SKIP LOCKED
) past
WHERE c.id = past.id
RETURNING c.id, c.event_id;

-- name: ClaimView :one
-- A claim as its fan sees it: a hold past its end reads expired.
SELECT c.id, c.event_id, c.account_id,
       CASE WHEN c.status = 'held' AND c.expires_at <= now() THEN 'expired' ELSE c.status END::text AS status,
       c.total_kobo, c.created_at, c.expires_at, c.cap_at, s.hold_seconds, now()::timestamptz AS now
FROM claims c
JOIN sales s ON s.event_id = c.event_id
WHERE c.id = @id AND c.account_id = @account_id;

-- name: OpenView :one
-- The fan open claim of an event, if its hold is not past.
SELECT c.id
FROM claims c
WHERE c.event_id = @event_id AND c.account_id = @account_id
  AND (c.status = 'paying' OR (c.status = 'held' AND c.expires_at > now()));

-- name: Lines :many
-- What a claim is made of.
SELECT l.line, l.unit_id, l.tier_id, t.name AS tier_name, l.price_kobo, c.name AS seat_section, r.name AS seat_row, s.label AS seat_label
FROM claim_lines l
JOIN tiers t ON t.id = l.tier_id
LEFT JOIN seats s ON s.id = l.unit_id
LEFT JOIN seat_rows r ON r.event_id = s.event_id AND r.section = s.section AND r.ordinal = s.seat_row
LEFT JOIN seat_sections c ON c.event_id = s.event_id AND c.ordinal = s.section
WHERE l.claim_id = @claim_id
ORDER BY l.line;

-- name: SpotOf :one
-- The spot of a claim: it never changes, so it may be read before it is locked.
SELECT spot_id FROM claims WHERE id = @id;

-- name: LockSpots :many
-- The first lock of everything about a fan's units: their spots in all sales of the show, in the order of
-- queue.sql's LockFans.
SELECT o.id
FROM spots p
JOIN events e ON e.id = p.event_id
JOIN events r ON r.show_id = e.show_id
JOIN spots o ON o.event_id = r.id AND o.account_id = p.account_id
WHERE p.id = @id
ORDER BY o.event_id, o.id
FOR UPDATE OF o;

-- name: LockClaim :one
-- Locks a claim; its spot is locked already.
SELECT c.id, c.event_id, c.account_id, c.spot_id, c.status, c.total_kobo, c.created_at, c.expires_at, c.cap_at,
       s.state AS sale_state, s.hold_seconds, s.max_tickets_per_fan, now()::timestamptz AS now,
       (SELECT count(*) FROM claim_lines l WHERE l.claim_id = c.id) AS lines
FROM claims c
JOIN sales s ON s.event_id = c.event_id
WHERE c.id = @id
FOR UPDATE OF c;

-- name: ClaimToPaying :execrows
UPDATE claims SET status = 'paying'
WHERE id = @id AND status = ANY(@from_states::text[]) AND expires_at > now();

-- name: UnitsToPaying :execrows
-- Units that are paying have no end: time alone never takes a seat from somebody who is paying.
WITH own AS MATERIALIZED (
    SELECT u.id FROM units u
    WHERE u.claim_id = sqlc.arg(claim_id)::uuid AND u.state = ANY(@from_states::text[])
    ORDER BY u.tier_id, u.slot
    FOR UPDATE
)
UPDATE units u SET state = 'paying', held_until = NULL FROM own WHERE u.id = own.id;

-- name: ClaimToHeld :execrows
-- Back from paying, or extended.
UPDATE claims SET status = 'held', expires_at = @expires_at
WHERE id = @id AND status = ANY(@from_states::text[]);

-- name: UnitsToHeld :execrows
WITH own AS MATERIALIZED (
    SELECT u.id FROM units u
    WHERE u.claim_id = sqlc.arg(claim_id)::uuid AND u.state = ANY(@from_states::text[])
    ORDER BY u.tier_id, u.slot
    FOR UPDATE
)
UPDATE units u SET state = 'held', held_until = @held_until::timestamptz FROM own WHERE u.id = own.id;

-- name: EndClaim :execrows
-- Ends a claim that was not paid: expired or released.
UPDATE claims SET status = @status, ended_at = now()
WHERE id = @id AND status = ANY(@from_states::text[]);

-- name: UnitsToFree :execrows
WITH own AS MATERIALIZED (
    SELECT u.id FROM units u
    WHERE u.claim_id = sqlc.arg(claim_id)::uuid AND u.state = ANY(@from_states::text[])
    ORDER BY u.tier_id, u.slot
    FOR UPDATE
)
UPDATE units u SET state = 'free', claim_id = NULL, held_until = NULL FROM own WHERE u.id = own.id;

-- name: ClaimToPaid :execrows
UPDATE claims SET status = 'paid', paid_at = now(), ended_at = NULL
WHERE id = @id AND status = ANY(@from_states::text[]);

-- name: UnitsToSold :execrows
WITH own AS MATERIALIZED (
    SELECT u.id FROM units u
    WHERE u.claim_id = sqlc.arg(claim_id)::uuid AND u.state = ANY(@from_states::text[])
    ORDER BY u.tier_id, u.slot
    FOR UPDATE
)
UPDATE units u SET state = 'sold', held_until = NULL FROM own WHERE u.id = own.id;

-- name: RegainSame :many
-- The very units of an ended claim, if each is free, past, or still its own; sold to it.
WITH mine AS MATERIALIZED (
    SELECT u.id, u.claim_id
    FROM claim_lines l
    JOIN units u ON u.id = l.unit_id
    WHERE l.claim_id = @claim_id
      AND (u.state = 'free' OR (u.state = 'held' AND (u.held_until <= now() OR u.claim_id = l.claim_id)))
    ORDER BY u.tier_id, u.slot
    FOR UPDATE OF u
)
UPDATE units u SET state = 'sold', claim_id = sqlc.arg(claim_id)::uuid, held_until = NULL
FROM mine WHERE u.id = mine.id
RETURNING u.id, mine.claim_id AS old_claim;

-- name: NeededOfTiers :many
-- How many units of each tier a claim was made of.
SELECT tier_id, count(*) AS quantity FROM claim_lines WHERE claim_id = @claim_id GROUP BY tier_id ORDER BY tier_id;

-- name: RegainEqual :many
-- Equal units of a tier for a success that came late; its caller holds LockTier.
WITH pick AS MATERIALIZED (
    SELECT u.id, u.slot, u.claim_id
    FROM units u
    WHERE u.tier_id = @tier_id
      AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
    ORDER BY u.slot
    LIMIT @quantity
    FOR UPDATE
)
UPDATE units u SET state = 'sold', claim_id = sqlc.arg(claim_id)::uuid, held_until = NULL
FROM pick WHERE u.id = pick.id
RETURNING u.id, pick.claim_id AS old_claim;

-- name: MoveLines :exec
-- Writes the units that replaced those of the lines of a claim in a tier. Lines whose unit is among the new ones keep it.
WITH stale AS (
    SELECT l.line, row_number() OVER (ORDER BY l.line) AS n FROM claim_lines l
    WHERE l.claim_id = @claim_id AND l.tier_id = @tier_id AND l.unit_id <> ALL(@unit_ids::uuid[])
), fresh AS (
    SELECT f.unit_id, row_number() OVER (ORDER BY f.n) AS n
    FROM unnest(@unit_ids::uuid[]) WITH ORDINALITY AS f (unit_id, n)
    WHERE NOT EXISTS (SELECT FROM claim_lines l WHERE l.claim_id = @claim_id AND l.unit_id = f.unit_id)
)
UPDATE claim_lines l SET unit_id = fresh.unit_id
FROM stale JOIN fresh ON fresh.n = stale.n
WHERE l.claim_id = @claim_id AND l.line = stale.line;

-- name: LimitBought :one
-- Whether the fan has bought, in all sales of the show, as many units as one sale or another allows.
SELECT EXISTS (
    SELECT FROM events e JOIN events r ON r.show_id = e.show_id JOIN sales s ON s.event_id = r.id
    WHERE e.id = @event_id
      AND s.max_tickets_per_fan <= (SELECT count(*) FROM fan_units o
                                    WHERE o.event_id = @event_id AND o.account_id = @account_id AND o.state = 'sold'));

-- name: SeatsVersion :one
-- The newest decision about units of an event, to see that nothing has changed. Decisions that were taken earlier and
-- committed later are not seen in it: what is believed because of it is believed for a moment only.
SELECT COALESCE((
           SELECT max(l.id)
           FROM unnest(@kinds::text[]) AS k (kind)
           CROSS JOIN LATERAL (
               SELECT n.id FROM ledger n WHERE n.event_id = @event_id AND n.kind = k.kind ORDER BY n.id DESC LIMIT 1
           ) l
       ), 0)::bigint AS newest,
       now()::timestamptz AS now;

-- name: SeatStates :many
-- The seats of each tier that are not sold, by slot: free (or held and past), held or being paid for, and blocked; and
-- when the first hold will be past.
SELECT t.ordinal,
       COALESCE(array_agg(u.slot) FILTER (WHERE u.state = 'free' OR (u.state = 'held' AND u.held_until <= now())), '{}')::integer[] AS free,
       COALESCE(array_agg(u.slot) FILTER (WHERE u.state = 'paying' OR (u.state = 'held' AND u.held_until > now())), '{}')::integer[] AS held,
       COALESCE(array_agg(u.slot) FILTER (WHERE u.state = 'blocked'), '{}')::integer[] AS blocked,
       COALESCE(min(u.held_until) FILTER (WHERE u.held_until > now()), '9999-01-01')::timestamptz AS next_past
FROM units u
JOIN tiers t ON t.id = u.tier_id
WHERE u.event_id = @event_id AND u.state <> 'sold' AND t.seated
GROUP BY t.ordinal;
