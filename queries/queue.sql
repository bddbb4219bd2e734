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
       (COALESCE(s.paused_at, now()) - s.paused_total)::timestamptz AS line_at,
       EXISTS (SELECT FROM events e JOIN events r ON r.show_id = e.show_id WHERE e.id = h.event_id AND r.id <> e.id) AS several
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

-- name: HoldHead :exec
-- LockHead for one who reads it later in the transaction.
SELECT 1 FROM queue_heads h JOIN sales s ON s.event_id = h.event_id WHERE h.event_id = @event_id FOR UPDATE OF h FOR SHARE OF s;

-- name: TakeArrivals :one
-- Takes the next arrivals from a head that was locked before, if it stands where the caller believes, the sale can be
-- joined and there is room for all: else it fails with division_by_zero, and nothing of the transaction happens. Answers
-- what LockHead would.
UPDATE queue_heads h
SET arrivals = h.arrivals + sqlc.arg('many')::bigint / (CASE WHEN
    s.state IN ('lobby', 'open', 'paused') AND h.arrivals = sqlc.arg('believed')::bigint
      AND (s.max_waiting IS NULL OR s.max_waiting >= h.arrivals - h.serving + sqlc.arg('many')::bigint) THEN 1 ELSE 0 END)
FROM sales s
WHERE h.event_id = @event_id AND s.event_id = h.event_id
RETURNING h.arrivals, h.lobby_size, h.serving, h.credit, h.step, h.returns,
       GREATEST(0, EXTRACT(epoch FROM clock_timestamp() - h.credit_at))::double precision AS since,
       s.state, s.ordering, s.lobby_opens_at, s.opens_at, s.opened_at, s.closes_at, s.max_waiting, s.max_tickets_per_fan,
       s.admit_per_minute, s.max_inside, s.turn_seconds, s.visit_seconds, s.grace_seconds,
       now()::timestamptz AS at,
       (COALESCE(s.paused_at, now()) - s.paused_total)::timestamptz AS line_at,
       EXISTS (SELECT FROM events e JOIN events r ON r.show_id = e.show_id WHERE e.id = h.event_id AND r.id <> e.id) AS several;

-- name: AddSpots :exec
-- InsertSpots for accounts that are believed to have none: fails with unique_violation where one has.
INSERT INTO spots (id, event_id, account_id, arrival)
SELECT i.id, @event_id::uuid, a.account_id, i.n + @arrivals::bigint
FROM unnest(@ids::uuid[]) WITH ORDINALITY AS i (id, n)
JOIN unnest(@accounts::uuid[]) WITH ORDINALITY AS a (account_id, n) ON a.n = i.n;

-- name: SetArrivals :exec
UPDATE queue_heads SET arrivals = @arrivals WHERE event_id = @event_id;

-- name: Gone :many
-- Who left, beyond an arrival, and who asked for another turn: by whom a line is shorter or longer than its numbers say.
SELECT l.arrival, true AS gone FROM spots l WHERE l.event_id = @event_id AND l.status = 'left' AND l.arrival > @beyond::bigint
UNION ALL
SELECT a.arrival, false FROM spots a WHERE a.event_id = @event_id AND a.again IS NOT NULL;

-- name: Place :many
-- Everything the status of some fans follows from, at one moment; many who ask at once are one query.
SELECT p.id, p.account_id, p.arrival, p.joined_at, p.status, p.called_at, p.turn_ends_at, p.visit_ends_at, p.again, p.again_seq, p.again_after,
       p.absent, p.extended, p.wants, p.mail_turn,
       h.arrivals, h.serving, h.lobby_size, d.seed,
       s.state, s.ordering, s.opens_at, s.opened_at, s.admit_per_minute, s.max_tickets_per_fan, s.visit_seconds, s.grace_seconds,
       s.paused_at,
       now()::timestamptz AS at,
       (COALESCE(s.paused_at, now()) - s.paused_total)::timestamptz AS line_at,
       c.id AS claim_id, c.expires_at AS claim_expires_at,
       (SELECT count(*) FROM fan_units o WHERE o.event_id = p.event_id AND o.account_id = p.account_id) AS owned,
       (CASE WHEN p.again IS NULL THEN 0 ELSE
           (SELECT count(*) FROM spots o WHERE o.event_id = p.event_id AND o.again IS NOT NULL
            AND ((o.again = p.again AND o.again_seq < p.again_seq) OR (p.again = 'behind' AND o.again = 'redeem'))) END)::bigint AS before
FROM spots p
JOIN queue_heads h ON h.event_id = p.event_id
JOIN sales s ON s.event_id = p.event_id
LEFT JOIN draws d ON d.event_id = p.event_id
LEFT JOIN claims c ON c.event_id = p.event_id AND c.account_id = p.account_id
     AND (c.status = 'paying' OR (c.status = 'held' AND c.expires_at > now())) AND c.status IN ('held', 'paying')
WHERE p.event_id = @event_id AND p.account_id = ANY (@accounts::uuid[]);

-- name: SpotsOf :many
-- Who some accounts are in a line: what never changes, and their wishes.
SELECT id, account_id, arrival, joined_at, wants, mail_turn FROM spots WHERE event_id = @event_id AND account_id = ANY (@accounts::uuid[]);

-- name: Changed :many
-- Spots that were left, taken up again or asked for another turn in the last seconds.
SELECT event_id, arrival FROM spots
WHERE event_id = ANY (@events::uuid[]) AND changed_at > clock_timestamp() - make_interval(secs => @seconds::double precision);

-- name: LockSpot :one
-- The first lock of everything about one fan; what follows from it is read by Place afterwards.
SELECT id FROM spots WHERE event_id = @event_id AND account_id = @account_id FOR UPDATE;

-- name: LockFans :many
-- The first lock of claims: the spots of some fans in all sales of the show, because their limit counts over all of
-- them. Sale by sale: who has spots of one sale locked waits for spots of the same or of a later one only, and the steps
-- of a line, which lock spots of one sale in any order, cannot close a circle.
SELECT p.id, p.event_id, p.account_id
FROM spots p
WHERE p.account_id = ANY (@accounts::uuid[])
  AND p.event_id IN (SELECT r.id FROM events e JOIN events r ON r.show_id = e.show_id WHERE e.id = @event_id)
ORDER BY p.event_id, p.id
FOR UPDATE OF p;

-- name: EnterSpot :execrows
-- Called becomes inside while the turn runs, paused or not.
UPDATE spots p
SET status = 'inside', entered_at = now(),
    visit_ends_at = COALESCE(s.paused_at, now()) - s.paused_total + make_interval(secs => s.visit_seconds)
FROM sales s
WHERE p.id = @id AND s.event_id = p.event_id AND p.status = 'called' AND NOT p.absent AND s.state NOT IN ('draft', 'ended')
  AND p.turn_ends_at > COALESCE(s.paused_at, now()) - s.paused_total;

-- name: LockSpots :many
-- LockFans without waiting for anybody. A fan who is busy with something else, in this sale of the show or in another,
-- comes back with fewer spots than Turns counts, and is left out of the batch. (OFFSET 0, here and below, keeps the search
-- for each fan a search of its own. Of a new event, of which the planner knows nothing yet, it believed that all spots
-- are few and read every one of them for each batch: 12 ms of 50,000.)
SELECT p.account_id
FROM spots p
WHERE p.id = ANY (ARRAY(
    SELECT o.id
    FROM unnest(@accounts::uuid[]) AS f (account_id)
    CROSS JOIN (SELECT r.id FROM events e JOIN events r ON r.show_id = e.show_id WHERE e.id = @event_id) r
    CROSS JOIN LATERAL (SELECT x.id FROM spots x WHERE x.account_id = f.account_id AND x.event_id = r.id OFFSET 0) o))
ORDER BY p.event_id, p.id
FOR UPDATE OF p SKIP LOCKED;

-- name: Turns :many
-- What admission follows from, of some fans at one moment: the part of Place that a claim needs. A statement of its own,
-- after LockSpots: it sees what was committed before the locks were had.
SELECT p.id, p.account_id, p.arrival, p.status, p.turn_ends_at, p.visit_ends_at, p.absent, s.state, s.grace_seconds,
       (COALESCE(s.paused_at, now()) - s.paused_total)::timestamptz AS line_at,
       -- (EXISTS may be answered by reading every open claim there is.)
       COALESCE((SELECT true FROM claims c
                 WHERE c.event_id = p.event_id AND c.account_id = p.account_id AND c.status IN ('held', 'paying')
                   AND (c.status = 'paying' OR c.expires_at > now())), false)::boolean AS holds,
       (CASE WHEN (SELECT count(*) FROM events e JOIN events r ON r.show_id = e.show_id WHERE e.id = @event_id) = 1 THEN 1 ELSE
           (SELECT count(*) FROM events e JOIN events r ON r.show_id = e.show_id JOIN spots o ON o.event_id = r.id
            WHERE e.id = p.event_id AND o.account_id = p.account_id) END)::bigint AS spots
FROM sales s
CROSS JOIN unnest(@accounts::uuid[]) AS f (account_id)
CROSS JOIN LATERAL (SELECT x.* FROM spots x WHERE x.account_id = f.account_id AND x.event_id = s.event_id OFFSET 0) p
WHERE s.event_id = @event_id;

-- name: EnterSpots :exec
-- EnterSpot for spots that are locked and were seen to be called while their turns run, by the clock of this transaction.
-- If the sale has ended in this moment it fails with division_by_zero, and nothing of the transaction happens.
WITH entered AS (
    UPDATE spots p
    SET status = 'inside', entered_at = now(),
        visit_ends_at = COALESCE(s.paused_at, now()) - s.paused_total + make_interval(secs => s.visit_seconds)
    FROM sales s
    WHERE p.id = ANY (@ids::uuid[]) AND s.event_id = p.event_id AND s.state NOT IN ('draft', 'ended')
    RETURNING p.id
)
SELECT 1 / (count(*) = cardinality(@ids::uuid[]))::integer FROM entered;

-- name: FinishSpots :many
-- Over, in every sale of the show that allows no more units than the fan has bought in all of them; another turn that
-- was asked for is off. What is still held in one of the others is finished there first. All spots are locked already.
UPDATE spots p
SET status = 'done', again = NULL, again_seq = NULL, again_after = NULL,
    changed_at = CASE WHEN p.status = 'joined' THEN clock_timestamp() ELSE p.changed_at END
FROM events e JOIN events r ON r.show_id = e.show_id JOIN sales s ON s.event_id = r.id
WHERE e.id = @event_id AND p.event_id = r.id AND p.account_id = @account_id
  AND (p.status IN ('joined', 'called', 'inside') OR p.again IS NOT NULL)
  AND s.max_tickets_per_fan <= (SELECT count(*) FROM fan_units o
                                WHERE o.event_id = @event_id AND o.account_id = @account_id AND o.state = 'sold')
  AND (r.id = e.id OR NOT EXISTS (
      SELECT FROM claims c WHERE c.event_id = r.id AND c.account_id = p.account_id AND c.status IN ('held', 'paying')
         AND (c.status = 'paying' OR c.expires_at > now())))
RETURNING p.id, p.event_id, p.arrival, (p.called_step IS NULL)::boolean AS uncalled;

-- name: FinishBought :many
-- FinishSpots for those among some arrivals who joined after they had bought as much as this sale allows in another.
UPDATE spots p SET status = 'done', changed_at = clock_timestamp()
FROM sales s
WHERE p.event_id = @event_id AND s.event_id = p.event_id AND p.arrival = ANY (@arrivals::bigint[])
  AND p.status = 'joined' AND p.again IS NULL
  AND s.max_tickets_per_fan <= (SELECT count(*) FROM fan_units o
                                WHERE o.event_id = p.event_id AND o.account_id = p.account_id AND o.state = 'sold')
RETURNING p.id, p.arrival;

-- name: LeaveSpot :exec
UPDATE spots SET status = 'left', left_at = now(), changed_at = clock_timestamp(), again = NULL, again_seq = NULL, again_after = NULL WHERE id = @id;

-- name: UndoLeave :execrows
-- Also of a fan who was done in the lobby, because the limit was bought in another sale of the show, and has given
-- tickets back.
UPDATE spots SET status = 'joined', left_at = NULL, changed_at = clock_timestamp() WHERE id = @id AND status IN ('left', 'done');

-- name: AskAgain :exec
-- Another turn: the place in the line of returners was taken from the locked head.
UPDATE spots
SET status = 'joined', again = @again::text, again_seq = @again_seq::bigint, again_after = sqlc.narg('again_after')::bigint, left_at = NULL,
    changed_at = clock_timestamp()
WHERE id = @id;

-- name: SetReturns :exec
UPDATE queue_heads SET returns = @returns WHERE event_id = @event_id;

-- name: Begin :exec
-- Opening: who comes later is no part of the lobby, which a draw has frozen before; calling starts with one fan.
UPDATE queue_heads SET lobby_size = COALESCE(lobby_size, arrivals), credit = 1, credit_at = clock_timestamp() WHERE event_id = @event_id;

-- name: Commit :one
-- Commits a sale with a draw to its secret; no row for a sale without a draw, or one that is committed.
INSERT INTO draws (event_id, commitment, beacon_round)
SELECT s.event_id, @commitment, s.beacon_round FROM sales s WHERE s.event_id = @event_id AND s.ordering = 'draw'
ON CONFLICT (event_id) DO NOTHING
RETURNING beacon_round;

-- name: KeepSecret :exec
INSERT INTO draw_secrets (event_id, sealed) VALUES (@event_id, @sealed);

-- name: Secret :one
SELECT sealed FROM draw_secrets WHERE event_id = @event_id;

-- name: Draw :one
-- How far a draw is. A statement of its own: where it follows the lock of the head, it sees every step that was taken.
SELECT d.commitment, d.frozen_at, d.root, d.beacon_round, d.beacon_value, d.waived_at, d.secret, d.seed, d.drawn_at,
       h.lobby_size, s.state, s.beacon_name
FROM draws d JOIN sales s ON s.event_id = d.event_id JOIN queue_heads h ON h.event_id = d.event_id
WHERE d.event_id = @event_id;

-- name: FreezeLobby :execrows
-- The lobby is everybody who has come: nobody else can come into it.
UPDATE queue_heads SET lobby_size = arrivals WHERE event_id = @event_id AND lobby_size IS NULL;

-- name: Frozen :execrows
UPDATE draws SET frozen_at = now(), beacon_round = sqlc.narg('beacon_round') WHERE event_id = @event_id AND frozen_at IS NULL;

-- name: LobbySpots :many
-- The spots of arrivals from one to another. Those of a frozen lobby never change.
SELECT id, arrival FROM spots WHERE event_id = @event_id AND arrival BETWEEN @first::bigint AND @last::bigint ORDER BY arrival;

-- name: Rooted :execrows
UPDATE draws SET root = @root, rooted_at = now() WHERE event_id = @event_id AND root IS NULL AND frozen_at IS NOT NULL;

-- name: GiveBeacon :execrows
UPDATE draws SET beacon_value = @beacon_value::text
WHERE event_id = @event_id AND root IS NOT NULL AND beacon_value IS NULL AND waived_at IS NULL AND drawn_at IS NULL;

-- name: WaiveBeacon :execrows
UPDATE draws SET waived_at = now()
WHERE event_id = @event_id AND root IS NOT NULL AND beacon_value IS NULL AND waived_at IS NULL AND drawn_at IS NULL;

-- name: Drawn :execrows
UPDATE draws SET secret = @secret, seed = @seed, drawn_at = now() WHERE event_id = @event_id AND drawn_at IS NULL;

-- name: Reveal :execrows
UPDATE draws SET secret = @secret WHERE event_id = @event_id AND secret IS NULL;

-- name: Due :many
-- Sales whose next move has come by the clock, and those in the middle of one: a draw that waits for nothing but the
-- next step, and a sale that ended with its secret.
SELECT s.event_id,
       (CASE WHEN s.state = 'ended' OR s.closes_at <= now() THEN 'ended'
             WHEN s.opens_at <= now() OR d.frozen_at IS NOT NULL THEN 'open'
             ELSE 'lobby' END)::text AS to_state,
       (s.state = 'ended')::boolean AS over
FROM sales s LEFT JOIN draws d ON d.event_id = s.event_id
WHERE (s.state IN ('scheduled', 'lobby', 'open', 'paused') AND s.closes_at <= now())
   OR (s.state IN ('scheduled', 'lobby') AND (s.opens_at <= now() OR d.frozen_at IS NOT NULL)
       AND (d.root IS NULL OR s.beacon_name IS NULL OR d.beacon_value IS NOT NULL OR d.waived_at IS NOT NULL))
   OR (s.state = 'scheduled' AND s.lobby_opens_at <= now())
   OR (s.state = 'ended' AND d.commitment IS NOT NULL AND d.secret IS NULL);

-- name: Dripping :many
-- Open sales in which somebody waits or somebody's time may be over.
SELECT s.event_id
FROM sales s JOIN queue_heads h ON h.event_id = s.event_id
WHERE s.state = 'open'
  AND (h.serving < h.arrivals
       OR EXISTS (SELECT 1 FROM spots a WHERE a.event_id = s.event_id AND a.again IS NOT NULL)
       OR EXISTS (SELECT 1 FROM spots r WHERE r.event_id = s.event_id AND r.status IN ('called', 'inside')))
ORDER BY s.event_id;

-- name: TidyTurns :exec
-- Writes down which missed turns are past their grace, by the clock of the line. Nothing depends on it; it keeps the
-- index of turns small. Rows that somebody works with are left for the next time.
UPDATE spots SET status = 'done'
WHERE id IN (
    SELECT p.id FROM spots p
    WHERE p.event_id = @event_id AND p.status = 'called'
      AND p.turn_ends_at <= (SELECT COALESCE(s.paused_at, now()) - s.paused_total - make_interval(secs => s.grace_seconds + 2)
                             FROM sales s WHERE s.event_id = @event_id)
    LIMIT @most FOR UPDATE SKIP LOCKED);

-- name: TidyVisits :exec
-- The same for visits without an open claim. What has just ended may still be used.
UPDATE spots SET status = 'done'
WHERE id IN (
    SELECT p.id FROM spots p
    WHERE p.event_id = @event_id AND p.status = 'inside'
      AND p.visit_ends_at <= (SELECT COALESCE(s.paused_at, now()) - s.paused_total - interval '2 seconds'
                              FROM sales s WHERE s.event_id = @event_id)
      AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.event_id = p.event_id AND c.account_id = p.account_id
           AND c.status IN ('held', 'paying') AND (c.status = 'paying' OR c.expires_at > now() - interval '2 seconds'))
    LIMIT @most FOR UPDATE SKIP LOCKED);

-- name: LockUnserved :many
-- Turns that ran out lately, and visits that are over and not written down as that, while there is nothing to sell to
-- everybody; one spot of them or all. Rows that somebody works with are left for the next time.
SELECT p.id FROM spots p
WHERE p.event_id = @event_id
  AND ((p.status = 'called' AND NOT p.absent AND p.turn_ends_at <= @line_at::timestamptz
        AND p.turn_ends_at > @since::timestamptz)
       OR (p.status = 'inside' AND p.visit_ends_at <= @line_at::timestamptz))
  AND p.id = COALESCE(sqlc.narg('only')::uuid, p.id)
  AND NOT EXISTS (
      SELECT 1 FROM tiers t
      CROSS JOIN LATERAL (
          SELECT f.id FROM units f WHERE f.event_id = t.event_id AND f.tier_id = t.id AND f.state <> 'sold' AND f.state = 'free'
          UNION ALL
          SELECT h.id FROM units h WHERE h.event_id = t.event_id AND h.tier_id = t.id AND h.state <> 'sold' AND h.state = 'held' AND h.held_until <= now()
      ) u
      WHERE t.event_id = @event_id AND on_sale(t.opens_at, t.closes_at)
        AND NOT EXISTS (SELECT FROM presales_running r WHERE r.tier_id = t.id)
        AND NOT EXISTS (SELECT FROM presale_seats g JOIN presales_running r ON r.id = g.presale_id WHERE g.seat_id = u.id))
LIMIT @most FOR UPDATE SKIP LOCKED;

-- name: Unserved :many
-- Those among locked spots who hold nothing, claimed nothing in this turn, may buy, and have no code for what presales
-- keep. A statement of its own: it sees
-- what was committed before the locks were had.
SELECT p.id, p.arrival
FROM spots p JOIN sales s ON s.event_id = p.event_id
WHERE p.id = ANY (@ids::uuid[])
  AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.spot_id = p.id
      AND (c.status = 'paying' OR (c.status = 'held' AND c.expires_at > now())
           OR c.created_at >= p.called_at))
  AND s.max_tickets_per_fan > (SELECT count(*) FROM fan_units o
                               WHERE o.event_id = p.event_id AND o.account_id = p.account_id AND o.state = 'sold')
  AND NOT EXISTS (
      SELECT FROM presale_unlocks k JOIN presales_running r ON r.id = k.presale_id
      WHERE k.account_id = p.account_id AND r.event_id = p.event_id
        AND EXISTS (SELECT FROM units u JOIN tiers t ON t.id = u.tier_id
                    WHERE u.event_id = r.event_id AND u.state <> 'sold' AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
                      AND on_sale(t.opens_at, t.closes_at)
                      AND (u.tier_id = r.tier_id OR EXISTS (SELECT FROM presale_seats g WHERE g.seat_id = u.id AND g.presale_id = r.id))));

-- name: Reserved :one
-- How many take up the room: called while present and the turn runs, or inside while the visit runs or a claim is open.
-- A turn, visit or hold that has just ended still counts for a moment: somebody may be using its last instant in a
-- transaction that has not committed.
SELECT ((SELECT count(*) FROM spots p
         WHERE p.event_id = @event_id AND p.status = 'called' AND NOT p.absent AND p.turn_ends_at > @just_now::timestamptz)
      + (SELECT count(*) FROM spots p
         WHERE p.event_id = @event_id AND p.status = 'inside' AND p.visit_ends_at > @just_now::timestamptz)
      + (SELECT count(*) FROM spots p
         WHERE p.event_id = @event_id AND p.status = 'inside' AND p.visit_ends_at <= @just_now::timestamptz
           AND EXISTS (SELECT 1 FROM claims c WHERE c.event_id = p.event_id AND c.account_id = p.account_id
               AND c.status IN ('held', 'paying') AND (c.status = 'paying' OR c.expires_at > now() - interval '2 seconds'))))::bigint;

-- name: Claimed :one
-- How many of those who are inside, and whose visit runs or whose claim is open, have claimed in this turn: they want no
-- more of what is left.
SELECT count(*) FROM spots p
WHERE p.event_id = @event_id AND p.status = 'inside'
  AND EXISTS (SELECT 1 FROM claims c WHERE c.spot_id = p.id AND c.created_at >= p.called_at)
  AND (p.visit_ends_at > @just_now::timestamptz
       OR EXISTS (SELECT 1 FROM claims c WHERE c.event_id = p.event_id AND c.account_id = p.account_id
           AND c.status IN ('held', 'paying') AND (c.status = 'paying' OR c.expires_at > now() - interval '2 seconds')));

-- name: MeanUnits :one
-- How many units a claim had lately.
SELECT COALESCE((SELECT avg(q.n) FROM (
           SELECT (SELECT count(*) FROM claim_lines l WHERE l.claim_id = c.id) AS n
           FROM claims c WHERE c.event_id = @event_id ORDER BY c.created_at DESC LIMIT 200) q), 1)::double precision AS mean_units;

-- name: Sellable :one
-- Units that can be sold now to anybody, counted up to as many as matter: those of tiers on sale that no presale keeps.
-- What presales keep in blocks is among them.
SELECT count(*) FROM (
    SELECT 1 FROM tiers t
    CROSS JOIN LATERAL (
        SELECT 1 FROM units f WHERE f.event_id = t.event_id AND f.tier_id = t.id AND f.state <> 'sold' AND f.state = 'free'
        UNION ALL
        SELECT 1 FROM units h WHERE h.event_id = t.event_id AND h.tier_id = t.id AND h.state <> 'sold' AND h.state = 'held' AND h.held_until <= now()
    ) u
    WHERE t.event_id = @event_id AND on_sale(t.opens_at, t.closes_at)
      AND NOT EXISTS (SELECT FROM presales_running r WHERE r.tier_id = t.id)
    LIMIT @most) x;

-- name: Gates :many
-- What running presales keep: units that can be sold now to those with a code, up to as many as matter, and how many of
-- the fans who take up room and have not claimed in this turn have one. Who has several codes counts for one of them.
WITH holder AS (
    SELECT DISTINCT ON (p.id) p.id, k.presale_id
    FROM presales_running r
    JOIN presale_unlocks k ON k.presale_id = r.id
    JOIN spots p ON p.account_id = k.account_id AND p.event_id = r.event_id
    WHERE r.event_id = @event_id
      AND ((p.status = 'called' AND NOT p.absent AND p.turn_ends_at > @just_now::timestamptz)
           OR (p.status = 'inside' AND p.visit_ends_at > @just_now::timestamptz))
      AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.spot_id = p.id AND c.created_at >= p.called_at)
    ORDER BY p.id, k.presale_id
)
SELECT r.id, (r.tier_id IS NULL)::boolean AS block,
       (SELECT count(*) FROM (
            SELECT 1 FROM presale_seats g JOIN units u ON u.id = g.seat_id JOIN tiers t ON t.id = u.tier_id
            WHERE r.tier_id IS NULL AND g.presale_id = r.id AND on_sale(t.opens_at, t.closes_at)
              AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
            UNION ALL
            SELECT 1 FROM tiers t
            CROSS JOIN LATERAL (
                SELECT 1 FROM units u WHERE u.event_id = t.event_id AND u.tier_id = t.id AND u.state <> 'sold'
                  AND (u.state = 'free' OR (u.state = 'held' AND u.held_until <= now()))
            ) n
            WHERE t.id = r.tier_id AND on_sale(t.opens_at, t.closes_at)
            LIMIT 20000) x) AS units,
       (SELECT count(*) FROM holder h WHERE h.presale_id = r.id) AS wanting
FROM presales_running r
WHERE r.event_id = @event_id
ORDER BY r.id;

-- name: CodeHolders :many
-- Who waits and has a code of some presales.
SELECT p.id, p.arrival, COALESCE(p.again, '')::text AS again, COALESCE(p.again_seq, 0)::bigint AS again_seq, array_agg(k.presale_id)::uuid[] AS presales
FROM presale_unlocks k
JOIN spots p ON p.account_id = k.account_id AND p.event_id = @event_id
WHERE k.presale_id = ANY (@presales::uuid[]) AND p.status = 'joined'
GROUP BY p.id
ORDER BY p.arrival
LIMIT 100000;

-- name: Aside :exec
-- The status of these spots, which are about to be called, does not follow from their number any more.
UPDATE spots SET changed_at = clock_timestamp() WHERE id = ANY (@ids::uuid[]);

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
    absent = @absent, extended = false,
    entered_at = NULL, visit_ends_at = NULL, again = NULL, again_seq = NULL, again_after = NULL
WHERE id = ANY (@ids::uuid[]) AND status = 'joined'
RETURNING id, arrival, mail_turn;

-- name: LockAbsent :many
-- Those among some fans who were called while absent and whose turn runs.
SELECT id, arrival FROM spots
WHERE event_id = @event_id AND account_id = ANY (@accounts::uuid[])
  AND status = 'called' AND absent AND turn_ends_at > @line_at::timestamptz
ORDER BY id FOR UPDATE;

-- name: Arrive :exec
-- There is room for who was called while absent: from now on an ordinary turn.
UPDATE spots SET absent = false WHERE id = ANY (@ids::uuid[]);

-- name: Redeem :exec
-- No room for who was called while absent, or nothing left for who was called in vain: first in the next step, in this order.
UPDATE spots p
SET status = 'joined', absent = false, again = 'redeem', again_seq = i.n + @returns::bigint, again_after = NULL, changed_at = clock_timestamp()
FROM unnest(@ids::uuid[]) WITH ORDINALITY AS i (id, n)
WHERE p.id = i.id;

-- name: PublishPresence :many
-- This replica's rows, one an event. fresh: the row was not there before.
INSERT INTO presence AS r (event_id, replica, low, absent, at)
SELECT e.event_id, @replica::uuid, l.low, a.absent, clock_timestamp()
FROM unnest(@events::uuid[]) WITH ORDINALITY AS e (event_id, n)
JOIN unnest(@lows::bigint[]) WITH ORDINALITY AS l (low, n) ON l.n = e.n
JOIN unnest(@absent::bytea[]) WITH ORDINALITY AS a (absent, n) ON a.n = e.n
ON CONFLICT (event_id, replica) DO UPDATE SET low = EXCLUDED.low, absent = EXCLUDED.absent, at = EXCLUDED.at
RETURNING r.event_id, (r.xmax = 0)::boolean AS fresh;

-- name: Presence :many
-- What the replicas of the last window say, and for how many seconds they have said nothing new.
SELECT low, absent, EXTRACT(epoch FROM clock_timestamp() - at)::double precision AS age
FROM presence WHERE event_id = @event_id AND at > clock_timestamp() - make_interval(secs => @seconds::double precision);

-- name: ForgetPresence :exec
DELETE FROM presence WHERE at < clock_timestamp() - make_interval(secs => @seconds::double precision);

-- name: ExtendTurn :execrows
-- More time for a turn that runs, once.
UPDATE spots p
SET turn_ends_at = p.turn_ends_at + make_interval(secs => @seconds::double precision), extended = true
FROM sales s
WHERE p.id = @id AND s.event_id = p.event_id AND p.status = 'called' AND NOT p.absent AND NOT p.extended
  AND s.state IN ('open', 'paused') AND p.turn_ends_at > COALESCE(s.paused_at, now()) - s.paused_total;

-- name: LockWish :one
-- The spot whose wishes are about to change, and what a letter about it needs.
SELECT p.id, p.arrival, p.joined_at, p.mail_turn, p.lobby_mailed, a.email, e.name, e.slug, s.state, d.commitment
FROM spots p
JOIN accounts a ON a.id = p.account_id
JOIN events e ON e.id = p.event_id
JOIN sales s ON s.event_id = p.event_id
LEFT JOIN draws d ON d.event_id = p.event_id
WHERE p.event_id = @event_id AND p.account_id = @account_id
FOR UPDATE OF p;

-- name: SetWish :exec
UPDATE spots SET wants = @wants::smallint[], mail_turn = @mail_turn, lobby_mailed = @lobby_mailed WHERE id = @id;

-- name: TurnMails :many
-- Whom to write that their turn has come: called by a step, turn running, and they asked for it.
SELECT a.email, e.name, e.slug, e.timezone, (p.turn_ends_at + (now() - (COALESCE(s.paused_at, now()) - s.paused_total)))::timestamptz AS ends_at
FROM spots p
JOIN accounts a ON a.id = p.account_id
JOIN events e ON e.id = p.event_id
JOIN sales s ON s.event_id = p.event_id
WHERE p.event_id = @event_id AND p.status = 'called' AND p.called_step = @step::bigint AND p.mail_turn
  AND p.turn_ends_at > COALESCE(s.paused_at, now()) - s.paused_total
ORDER BY p.arrival;

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
-- The newest steps of a line that served numbers, from the ledger.
SELECT l.id, COALESCE((l.body->>'from_number')::bigint, 0)::bigint AS from_number, COALESCE((l.body->>'to_number')::bigint, 0)::bigint AS to_number, l.at
FROM ledger l
WHERE l.event_id = @event_id::uuid AND l.kind = 'called'
  AND (l.body->>'to_number')::bigint >= (l.body->>'from_number')::bigint
ORDER BY l.id DESC LIMIT @max_rows;

-- name: StepsAfter :many
-- The same, oldest first: those after a row. A line's rows are written under the lock of its head, so their ids grow as
-- they are committed, and none appears behind one that was read.
SELECT l.id, COALESCE((l.body->>'from_number')::bigint, 0)::bigint AS from_number, COALESCE((l.body->>'to_number')::bigint, 0)::bigint AS to_number, l.at
FROM ledger l
WHERE l.event_id = @event_id::uuid AND l.kind = 'called' AND l.id > @after::bigint
  AND (l.body->>'to_number')::bigint >= (l.body->>'from_number')::bigint
ORDER BY l.id LIMIT @max_rows;

-- name: Exceptions :many
-- The newest returns to a line, from the ledger. The number of somebody who came back before the draw was not known
-- when it was written.
SELECT l.id, COALESCE((l.body->>'number')::bigint, 0)::bigint AS number, COALESCE(p.arrival, 0)::bigint AS arrival, (l.body->>'rule')::text AS rule, l.at
FROM ledger l LEFT JOIN spots p ON p.id = (l.body->>'spot')::uuid
WHERE l.event_id = @event_id::uuid AND l.kind = 'returned'
ORDER BY l.id DESC LIMIT @max_rows;

-- name: ExceptionsAfter :many
-- The same, oldest first: those after a row.
SELECT l.id, COALESCE((l.body->>'number')::bigint, 0)::bigint AS number, COALESCE(p.arrival, 0)::bigint AS arrival, (l.body->>'rule')::text AS rule, l.at
FROM ledger l LEFT JOIN spots p ON p.id = (l.body->>'spot')::uuid
WHERE l.event_id = @event_id::uuid AND l.kind = 'returned' AND l.id > @after::bigint
ORDER BY l.id LIMIT @max_rows;
