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
-- rules are here and in claim.refusal, and nowhere else. (Scalar subqueries and OFFSET 0, so that no plan of a new event,
-- of which nothing is known yet, reads a whole table or every open claim for a batch.)
WITH ended AS (
    UPDATE claims SET status = 'expired', ended_at = now()
    WHERE id = ANY(ARRAY(
        SELECT o.id FROM unnest(@accounts::uuid[]) AS f (account_id)
        CROSS JOIN LATERAL (SELECT c.id FROM claims c
                            WHERE c.event_id = @event_id AND c.account_id = f.account_id AND c.status = 'held' AND c.expires_at <= now()
                            OFFSET 0) o)) AND ended_at IS NULL
    RETURNING id, account_id
)
SELECT f.account_id::uuid AS account_id, s.state, s.hold_seconds, s.max_tickets_per_fan, now()::timestamptz AS now,
       t.id AS tier_id, t.name AS tier_name, t.price_kobo, t.opens_at AS tier_opens_at,
       COALESCE(on_sale(t.opens_at, t.closes_at), true)::boolean AS tier_on_sale,
       -- A presale keeps the tier from the fan.
       EXISTS (SELECT FROM presales_running r WHERE r.tier_id = t.id
               AND NOT EXISTS (SELECT FROM presale_unlocks k WHERE k.presale_id = r.id AND k.account_id = f.account_id OFFSET 0)) AS gated,
       -- Where it is about seats: the presales that keep some from the fan, and whether tiers have times of their own.
       (CASE WHEN t.id IS NULL OR t.seated THEN
            ARRAY(SELECT r.id FROM presales_running r WHERE r.event_id = s.event_id
                  AND NOT EXISTS (SELECT FROM presale_unlocks k WHERE k.presale_id = r.id AND k.account_id = f.account_id OFFSET 0))
        ELSE '{}' END)::uuid[] AS locked,
       (t.id IS NULL AND EXISTS (SELECT FROM tiers x WHERE x.event_id = s.event_id AND (x.opens_at IS NOT NULL OR x.closes_at IS NOT NULL)))::boolean AS timed,
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

-- name: BySlot :exec
-- In this transaction, units are read in the order of their index. Of a new tier, of which the planner knows nothing yet,
-- it believed that all units are few, and read and sorted every one of them for each claim: 130 ms of 200,000.
SELECT set_config('enable_sort', 'off', true);

-- name: PickUnits :many
-- Locks units for the claims of a batch: whatever is free, or held and past, by slot; rows locked by others are skipped.
-- old_claim is the past claim a unit would be taken from.
SELECT u.id, u.slot, u.claim_id AS old_claim
FROM units u
WHERE u.tier_id = @tier_id AND u.slot > sqlc.arg('after')::integer
  AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
ORDER BY u.slot
LIMIT @quantity
FOR UPDATE SKIP LOCKED;

-- name: PickUnitsWaiting :many
-- As PickUnits, but waits for rows that others have locked: only this answer may be "sold out". Its caller holds LockTier.
SELECT u.id, u.slot, u.claim_id AS old_claim
FROM units u
WHERE u.tier_id = @tier_id
  AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
ORDER BY u.slot
LIMIT @quantity
FOR UPDATE;

-- name: GrantMany :exec
-- Makes the claims of a batch from units that PickUnits has locked: one statement, however many they are. The units, and
-- the claim and line of each, are lists of the same length.
WITH claim AS (
    INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, created_at, expires_at, cap_at, limit_then)
    SELECT unnest(@claim_ids::uuid[]), @event_id, unnest(@accounts::uuid[]), unnest(@spots::uuid[]), 'held', unnest(@totals::bigint[]),
           now(), sqlc.arg(expires_at)::timestamptz, @cap_at, @limit_then
), line AS (
    INSERT INTO claim_lines (claim_id, line, unit_id, tier_id, price_kobo)
    SELECT unnest(@of_claims::uuid[]), unnest(@lines::integer[]), unnest(@units::uuid[]), @tier_id, @price_kobo
)
UPDATE units u
SET state = 'held', claim_id = g.claim_id, held_until = sqlc.arg(expires_at)::timestamptz
FROM (SELECT unnest(@units::uuid[]) AS unit_id, unnest(@of_claims::uuid[]) AS claim_id) g
WHERE u.id = g.unit_id;

-- name: HeldOfTier :one
-- How many units of a tier of which nothing is left are not sold: others hold or pay for them, or did a moment ago.
SELECT count(*) FROM units u
WHERE u.event_id = @event_id AND u.tier_id = @tier_id AND u.state <> 'sold' AND u.state IN ('free', 'held', 'paying');

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
       c.total_kobo, c.created_at, c.expires_at, c.cap_at, c.moved, s.hold_seconds, now()::timestamptz AS now
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
UPDATE claims SET status = 'paid', paid_at = now(), ended_at = NULL, moved = @moved
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
-- Equal units of a tier for a success that came late, but for those that a presale keeps from the fan; its caller holds
-- LockTier.
WITH pick AS MATERIALIZED (
    SELECT u.id, u.slot, u.claim_id
    FROM units u
    WHERE u.tier_id = @tier_id
      AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
      AND u.id <> ALL(@kept::uuid[])
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

-- name: SeatStates :one
-- The seats of an event by their numbers that are not sold: free, held (and until when, in microseconds; those being paid
-- for for ever), and blocked; a seat that another sale of the show sells is blocked here. since is where SeatsSince goes on.
SELECT COALESCE(array_agg(s.number) FILTER (WHERE u.state = 'free'), '{}')::integer[] AS free,
       COALESCE(array_agg(s.number ORDER BY s.number) FILTER (WHERE u.state IN ('held', 'paying')), '{}')::integer[] AS held,
       COALESCE(array_agg(COALESCE((extract(epoch FROM u.held_until) * 1000000)::bigint, 9223372036854775807) ORDER BY s.number)
                FILTER (WHERE u.state IN ('held', 'paying')), '{}')::bigint[] AS until,
       COALESCE(array_agg(s.number) FILTER (WHERE u.state = 'blocked' OR s.elsewhere), '{}')::integer[] AS blocked,
       pg_snapshot_xmin(pg_current_snapshot())::text AS since, now()::timestamptz AS now
FROM seats s
LEFT JOIN units u ON u.id = s.id AND u.event_id = @event_id AND u.state <> 'sold'
WHERE s.event_id = @event_id;

-- name: SeatsSince :one
-- What has become of the units that decisions since a place in the ledger were about. Whatever was not seen from there
-- is of a transaction that had not ended, and those stand behind since, the place to go on from: nothing is missed, and
-- some is seen twice. whole says that this is not enough: there were too many decisions, or one that does not name its
-- units. (The ledger is read by its order and not by event, which would read all of an event's rows with a generic plan.)
WITH recent AS MATERIALIZED (
    SELECT l.event_id, l.kind, l.body
    FROM ledger l
    WHERE l.xid >= (@since::text)::xid8
    ORDER BY l.xid, l.id
    LIMIT sqlc.arg(most)::integer
), said AS (
    SELECT r.body->>'claim' AS claim, r.body->'units' AS units, r.body->'freed' AS freed
    FROM recent r WHERE r.event_id = @event_id::uuid AND r.kind <> ALL(@others::text[])
), about AS (
    SELECT l.unit_id AS id
    FROM said CROSS JOIN LATERAL (SELECT k.unit_id FROM claim_lines k WHERE k.claim_id = said.claim::uuid OFFSET 0) l
    UNION
    SELECT x.id::uuid
    FROM said CROSS JOIN LATERAL jsonb_array_elements_text(COALESCE(said.units, '[]') || COALESCE(said.freed, '[]')) AS x (id)
), now_is AS MATERIALIZED (
    SELECT u.id, u.state, COALESCE((extract(epoch FROM u.held_until) * 1000000)::bigint, 9223372036854775807) AS until
    FROM units u WHERE u.id = ANY(ARRAY(SELECT about.id FROM about))
)
SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS since, now()::timestamptz AS now,
       ((SELECT count(*) FROM recent) >= sqlc.arg(most)::integer
        OR EXISTS (SELECT FROM said WHERE said.claim IS NULL AND said.units IS NULL))::boolean AS whole,
       ARRAY(SELECT n.id FROM now_is n ORDER BY n.id)::uuid[] AS ids,
       ARRAY(SELECT n.state FROM now_is n ORDER BY n.id)::text[] AS states,
       ARRAY(SELECT n.until FROM now_is n ORDER BY n.id)::bigint[] AS until;

-- name: LockSeats :many
-- Locks units, whoever has them, and says of each whether it may be had.
SELECT u.id, u.claim_id, (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))::boolean AS takeable,
       (u.state = 'held')::boolean AS held
FROM units u
WHERE u.id = ANY(@ids::uuid[])
ORDER BY u.tier_id, u.slot
FOR UPDATE;

-- name: LockOwn :many
-- Locks the units of a claim that is held.
SELECT u.id, u.tier_id FROM units u
WHERE u.claim_id = sqlc.arg(claim_id)::uuid AND u.state = 'held'
ORDER BY u.tier_id, u.slot
FOR UPDATE;

-- name: OwnUnits :many
-- The units of a claim that is held; its row is locked, and so they stay its own.
SELECT u.id, u.tier_id FROM units u
WHERE u.claim_id = sqlc.arg(claim_id)::uuid AND u.state = 'held'
ORDER BY u.tier_id, u.slot;

-- name: FreeUnits :many
-- Units of a tier that may be had, as far as is known without waiting for anybody.
SELECT u.id FROM units u
WHERE u.tier_id = @tier_id AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
ORDER BY u.slot
LIMIT @quantity;

-- name: SwapUnits :one
-- Gives some units of a claim that is held back, and takes others for the rest of its time; all of them are locked. Its
-- caller rolls back where a figure is not that of its list.
WITH freed AS (
    UPDATE units u SET state = 'free', claim_id = NULL, held_until = NULL
    WHERE u.id = ANY(@freed::uuid[]) AND u.claim_id = sqlc.arg(claim_id)::uuid AND u.state = 'held'
    RETURNING u.id
), taken AS (
    UPDATE units u SET state = 'held', claim_id = c.id, held_until = c.expires_at
    FROM claims c
    WHERE c.id = sqlc.arg(claim_id)::uuid AND c.status = 'held' AND c.expires_at > now()
      AND u.id = ANY(@taken::uuid[]) AND u.event_id IS NOT DISTINCT FROM c.event_id
      AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
    RETURNING u.id
)
SELECT (SELECT count(*) FROM freed) AS freed, (SELECT count(*) FROM taken) AS taken;

-- name: DropLines :exec
-- The lines of a claim that is held are written anew when it is changed; the ledger keeps what they were.
DELETE FROM claim_lines l USING claims c
WHERE l.claim_id = @claim_id AND c.id = l.claim_id AND c.status = 'held';

-- name: WriteLines :execrows
-- The lines and the total of a claim from the units that it holds, with the limit in force.
WITH line AS (
    INSERT INTO claim_lines (claim_id, line, unit_id, tier_id, price_kobo)
    SELECT u.claim_id, row_number() OVER (ORDER BY t.ordinal, u.slot), u.id, u.tier_id, t.price_kobo
    FROM units u JOIN tiers t ON t.id = u.tier_id
    WHERE u.claim_id = sqlc.arg(claim_id)::uuid AND u.state = 'held'
    RETURNING price_kobo
)
UPDATE claims c SET total_kobo = (SELECT sum(line.price_kobo) FROM line), limit_then = @limit_then
WHERE c.id = sqlc.arg(claim_id)::uuid AND c.status = 'held' AND c.expires_at > now();

-- name: RegainSeats :many
-- Certain seats for a success that came late; its caller rolls back when one is missing.
WITH pick AS MATERIALIZED (
    SELECT u.id, u.claim_id
    FROM units u
    WHERE u.id = ANY(@seat_ids::uuid[]) AND u.tier_id IS NOT DISTINCT FROM @tier_id::uuid
      AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
    ORDER BY u.tier_id, u.slot
    FOR UPDATE
)
UPDATE units u SET state = 'sold', claim_id = sqlc.arg(claim_id)::uuid, held_until = NULL
FROM pick WHERE u.id = pick.id
RETURNING u.id, pick.claim_id AS old_claim;

-- name: KeptSeats :one
-- The seats of an event that running presales keep from the fan of a claim.
SELECT ARRAY(SELECT g.seat_id FROM presale_seats g JOIN presales_running r ON r.id = g.presale_id
             WHERE r.event_id = c.event_id
               AND NOT EXISTS (SELECT FROM presale_unlocks k WHERE k.presale_id = r.id AND k.account_id = c.account_id))::uuid[] AS kept
FROM claims c WHERE c.id = @claim_id;

-- name: EndPublic :exec
-- Ends presales that are public by the clock, so that what they kept may be kept again.
UPDATE presales SET ended_at = public_at WHERE event_id = @event_id AND ended_at IS NULL AND public_at <= now();

-- name: InsertPresale :execrows
-- No row where the tier is in a presale already.
INSERT INTO presales (id, event_id, name, tier_id, seats, public_at)
VALUES (@id, @event_id, @name, sqlc.narg('tier_id'), @seats, @public_at)
ON CONFLICT (tier_id) WHERE ended_at IS NULL DO NOTHING;

-- name: KeepSeats :many
-- Keeps seats of the event, named or all of a tier, for a presale. Those that another one keeps do not come back.
INSERT INTO presale_seats (seat_id, event_id, presale_id)
SELECT s.id, s.event_id, @presale_id
FROM seats s
WHERE s.event_id = @event_id AND (s.tier_id = sqlc.narg('tier_id')::uuid OR s.id = ANY(@seat_ids::uuid[]))
ORDER BY s.id
ON CONFLICT (seat_id) DO UPDATE SET presale_id = EXCLUDED.presale_id
WHERE EXISTS (SELECT FROM presales p WHERE p.id = presale_seats.presale_id AND p.ended_at IS NOT NULL)
RETURNING seat_id;

-- name: InsertCodes :many
-- Codes that are new to the event come back.
INSERT INTO presale_codes (id, presale_id, event_id, mac, uses)
SELECT unnest(@ids::uuid[]), @presale_id, @event_id, unnest(@macs::bytea[]), @uses
ON CONFLICT (event_id, mac) DO NOTHING
RETURNING id;

-- name: Presales :many
-- The presales of an event with their figures, the newest first; one of them or all.
SELECT p.id, p.name, p.tier_id, p.seats, p.public_at, p.ended_at, now()::timestamptz AS at,
       (SELECT count(*) FROM presale_codes c WHERE c.presale_id = p.id) AS codes,
       (SELECT count(*) FROM presale_unlocks u WHERE u.presale_id = p.id) AS unlocked
FROM presales p
WHERE p.event_id = @event_id AND p.id = COALESCE(sqlc.narg('id'), p.id)
ORDER BY p.created_at DESC, p.id DESC;

-- name: EndPresale :execrows
UPDATE presales SET ended_at = LEAST(now(), public_at) WHERE id = @id AND event_id = @event_id AND ended_at IS NULL;

-- name: CodeOf :one
-- The code of an event that hashes to this, and what it does for an account.
SELECT c.id, c.presale_id,
       EXISTS (SELECT FROM presale_unlocks u WHERE u.presale_id = c.presale_id AND u.account_id = @account_id) AS unlocked,
       EXISTS (SELECT FROM presales_running r WHERE r.id = c.presale_id) AS running
FROM presale_codes c
WHERE c.event_id = @event_id AND c.mac = @mac;

-- name: LockCode :exec
-- A statement of its own: who gives the code next sees who gave it before.
SELECT id FROM presale_codes WHERE id = @id FOR UPDATE;

-- name: InsertUnlock :one
-- The next use of a code that is locked. No row where it is used up, or the account has unlocked the presale meanwhile.
INSERT INTO presale_unlocks (presale_id, account_id, code_id, nth, uses)
SELECT c.presale_id, @account_id, c.id, n.nth, c.uses
FROM presale_codes c
CROSS JOIN LATERAL (SELECT COALESCE(max(u.nth), 0) + 1 AS nth FROM presale_unlocks u WHERE u.code_id = c.id) n
WHERE c.id = @code_id AND n.nth <= c.uses
ON CONFLICT (presale_id, account_id) DO NOTHING
RETURNING nth;

-- name: UnlockedBy :many
-- What is kept from others and not from this account.
SELECT p.id, p.name, p.tier_id, p.seats, p.public_at
FROM presales_running p JOIN presale_unlocks u ON u.presale_id = p.id
WHERE p.event_id = @event_id AND u.account_id = @account_id
ORDER BY p.public_at, p.id;

-- name: ShutSeats :many
-- Those of some seats that cannot be had now: their tier is not on sale, or a presale keeps them.
SELECT u.id, u.tier_id, t.opens_at, (NOT on_sale(t.opens_at, t.closes_at))::boolean AS closed,
       EXISTS (SELECT FROM presale_seats g WHERE g.seat_id = u.id AND g.presale_id = ANY(@locked::uuid[])) AS gated
FROM units u JOIN tiers t ON t.id = u.tier_id
WHERE u.id = ANY(@seat_ids::uuid[])
  AND (NOT on_sale(t.opens_at, t.closes_at)
       OR EXISTS (SELECT FROM presale_seats g WHERE g.seat_id = u.id AND g.presale_id = ANY(@locked::uuid[])));

-- name: AddUnits :one
-- New units at the end of a tier, whose row is locked.
WITH last AS (
    SELECT COALESCE(max(u.slot), 0) AS slot FROM units u WHERE u.tier_id = @tier_id
), made AS (
    INSERT INTO units (id, event_id, tier_id, slot)
    SELECT gen_random_uuid(), @event_id, @tier_id, last.slot + g.n
    FROM last CROSS JOIN generate_series(1, sqlc.arg('many')::integer) AS g (n)
)
SELECT slot::integer FROM last;

-- name: LockUnits :many
-- Units of an event that an organizer wants, waiting for those that others have locked.
SELECT u.id, u.state, u.claim_id, (u.state = 'held' AND u.held_until <= now())::boolean AS past
FROM units u
WHERE u.event_id = @event_id AND u.id = ANY(@ids::uuid[])
ORDER BY u.tier_id, u.slot
FOR UPDATE;

-- name: LockFree :many
-- So many units of a tier that are free, or held and past, waiting for those that others have locked; its caller holds
-- LockTier.
SELECT u.id, u.claim_id
FROM units u
WHERE u.tier_id = @tier_id AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
ORDER BY u.slot
LIMIT @most
FOR UPDATE;

-- name: LockBlocked :many
SELECT u.id
FROM units u
WHERE u.event_id = @event_id AND u.tier_id = @tier_id AND u.state = 'blocked'
ORDER BY u.slot
LIMIT @most
FOR UPDATE;

-- name: UnitsToBlocked :execrows
-- Out of the sale: free ones, and those whose hold is past; they are locked.
UPDATE units SET state = 'blocked', claim_id = NULL, held_until = NULL
WHERE id = ANY(@ids::uuid[]) AND state = ANY(@from_states::text[]) AND (state <> 'held' OR held_until <= now());

-- name: BlockedToFree :execrows
-- Into the sale: units that are locked.
UPDATE units SET state = 'free' WHERE id = ANY(@ids::uuid[]) AND state = 'blocked';

-- name: OpenSeats :many
-- So many seats of a tier that may be had by somebody from whom some presales keep theirs; its caller holds LockTier.
SELECT u.id
FROM units u
WHERE u.tier_id = @tier_id AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
  AND NOT EXISTS (SELECT FROM presale_seats g WHERE g.seat_id = u.id AND g.presale_id = ANY(@locked::uuid[]))
ORDER BY u.slot
LIMIT @most
FOR UPDATE;

-- name: Blocks :many
-- The blocks of seats that presales of an event keep now, as numbers of seats.
SELECT r.id, array_agg(s.number ORDER BY s.number)::integer[] AS numbers
FROM presales_running r
JOIN presale_seats g ON g.presale_id = r.id
JOIN seats s ON s.id = g.seat_id
WHERE r.event_id = @event_id AND r.tier_id IS NULL
GROUP BY r.id
ORDER BY r.id;

-- name: SoldToFree :execrows
-- Units that a claim has bought, back into the sale.
WITH own AS MATERIALIZED (
    SELECT u.id FROM units u
    WHERE u.claim_id = sqlc.arg(claim_id)::uuid AND u.id = ANY(@ids::uuid[]) AND u.state = 'sold' AND u.state = ANY(@from_states::text[])
    ORDER BY u.tier_id, u.slot
    FOR UPDATE
)
UPDATE units u SET state = 'free', claim_id = NULL, held_until = NULL FROM own WHERE u.id = own.id;

-- name: ClaimToRefunded :execrows
-- None of its tickets is good any more.
UPDATE claims SET status = 'refunded', ended_at = now()
WHERE id = @id AND status = ANY(@from_states::text[]);

-- name: HeldOfEvent :many
-- Claims of an event that are held.
SELECT id FROM claims WHERE event_id = @event_id AND status = 'held' ORDER BY created_at, id LIMIT @max_claims;
