-- name: InsertEvent :execrows
-- Stores an event; no row when the slug is taken, so that the caller can try another in the same transaction.
INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at)
VALUES (@id, @organization_id, @slug, @name, @venue, @timezone, @starts_at)
ON CONFLICT (slug) DO NOTHING;

-- name: LockShow :one
-- The show of an event, so that one release at a time is made of it.
SELECT e.id, e.slug, e.name, e.venue, e.timezone, e.starts_at, (SELECT count(*) FROM events r WHERE r.show_id = e.id) AS sales
FROM events e
WHERE e.id = (SELECT o.show_id FROM events o WHERE o.id = @event_id)
FOR NO KEY UPDATE OF e;

-- name: InsertRelease :execrows
-- Another event of a show, which has its name, place and time.
INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at, show_id)
SELECT @id, e.organization_id, @slug, e.name, e.venue, e.timezone, e.starts_at, e.id FROM events e WHERE e.id = @show_id
ON CONFLICT (slug) DO NOTHING;

-- name: LockSeats :many
-- Seats whose units are about to be given to another sale, in the order in which everybody locks units.
SELECT u.id FROM units u WHERE u.id = ANY (@ids::uuid[]) ORDER BY u.tier_id, u.slot FOR UPDATE;

-- name: SeatsOfShow :many
-- Those of some seats that are of a show: where they are sold now, and whether that sale has blocked them. A draft has no
-- units.
SELECT s.id, s.number, t.name AS tier, t.price_kobo,
       (NOT s.elsewhere AND s.event_id = COALESCE(r.event_id, e.show_id))::boolean AS here,
       (u.id IS NOT NULL)::boolean AS stocked,
       COALESCE(u.state = 'blocked', false)::boolean AS blocked
FROM seats s
JOIN events e ON e.id = s.event_id
JOIN tiers t ON t.id = s.tier_id
LEFT JOIN released_seats r ON r.show_id = e.show_id AND r.number = s.number
LEFT JOIN units u ON u.id = s.id
WHERE s.id = ANY (@ids::uuid[]) AND e.show_id = @show_id
ORDER BY s.number;

-- name: ReleaseSeats :exec
-- From now on these seats of the show are sold in this event.
INSERT INTO released_seats (show_id, number, event_id)
SELECT @show_id, n.number, @event_id FROM unnest(@numbers::integer[]) AS n (number)
ON CONFLICT (show_id, number) DO UPDATE SET event_id = EXCLUDED.event_id;

-- name: InsertSeatMap :exec
INSERT INTO seat_maps (event_id, focal_x, focal_y, allow_orphans) VALUES (@event_id, @focal_x, @focal_y, @allow_orphans);

-- name: InsertSeatSections :exec
INSERT INTO seat_sections (event_id, ordinal, key, name, kind, tier_id, capacity)
SELECT @event_id, s.ordinal, s.key, s.name, s.kind, t.id, nullif(s.capacity, 0)
FROM (
    SELECT generate_subscripts(@keys::text[], 1) - 1 AS ordinal, unnest(@keys::text[]) AS key, unnest(@names::text[]) AS name,
           unnest(@kinds::text[]) AS kind, unnest(@tiers::integer[]) AS tier, unnest(@capacities::integer[]) AS capacity
) s
LEFT JOIN tiers t ON t.event_id = @event_id AND t.ordinal = s.tier AND s.kind = 'standing';

-- name: InsertSeatRows :exec
INSERT INTO seat_rows (event_id, section, ordinal, name)
SELECT @event_id, r.section, r.ordinal, r.name
FROM (
    SELECT unnest(@sections::integer[]) AS section, unnest(@ordinals::integer[]) AS ordinal, unnest(@names::text[]) AS name
) r;

-- name: InsertSeats :exec
-- All seats of a map, in its order. The nil id stands for no companion.
INSERT INTO seats (id, event_id, number, section, seat_row, tier_id, label, x, y, accessible, companion_of, restricted, blocked, aisle, elsewhere)
SELECT s.id, @event_id, s.number, s.section, s.seat_row, t.id, s.label, s.x, s.y, s.accessible,
       nullif(s.companion, '00000000-0000-0000-0000-000000000000'), s.restricted, s.blocked, s.aisle, s.elsewhere
FROM (
    SELECT generate_subscripts(@ids::uuid[], 1) - 1 AS number, unnest(@ids::uuid[]) AS id,
           unnest(@sections::integer[]) AS section, unnest(@seat_rows::integer[]) AS seat_row, unnest(@tiers::integer[]) AS tier,
           unnest(@labels::text[]) AS label, unnest(@xs::double precision[]) AS x, unnest(@ys::double precision[]) AS y,
           unnest(@accessible::boolean[]) AS accessible, unnest(@companions::uuid[]) AS companion,
           unnest(@restricted::boolean[]) AS restricted, unnest(@blocked::boolean[]) AS blocked, unnest(@aisles::boolean[]) AS aisle,
           unnest(@elsewhere::boolean[]) AS elsewhere
) s
JOIN tiers t ON t.event_id = @event_id AND t.ordinal = s.tier;

-- name: SeatMap :one
SELECT focal_x, focal_y, allow_orphans FROM seat_maps WHERE event_id = @event_id;

-- name: SeatSections :many
SELECT s.key, s.name, s.kind, COALESCE(t.ordinal, 0)::integer AS tier, COALESCE(s.capacity, 0)::integer AS capacity
FROM seat_sections s LEFT JOIN tiers t ON t.id = s.tier_id
WHERE s.event_id = @event_id
ORDER BY s.ordinal;

-- name: SeatRows :many
SELECT section, name FROM seat_rows WHERE event_id = @event_id ORDER BY section, ordinal;

-- name: Seats :many
SELECT s.id, s.section, s.seat_row, t.ordinal AS tier, s.label, s.x, s.y, s.accessible, s.companion_of, s.restricted, s.blocked, s.aisle, s.elsewhere
FROM seats s JOIN tiers t ON t.id = s.tier_id
WHERE s.event_id = @event_id
ORDER BY s.number;

-- name: Patience :exec
-- Storing the map of a large hall may take longer than an ordinary statement.
SELECT set_config('statement_timeout', '120s', true);

-- name: GivenAway :many
-- The seats of an event that another sale of its show sells, by number.
SELECT r.number FROM events e
JOIN released_seats r ON r.show_id = e.show_id AND r.event_id <> e.id
WHERE e.id = @event_id
ORDER BY r.number;

-- name: ChangeShow :many
-- What a show and all its sales have in common.
UPDATE events SET name = @name, venue = @venue, timezone = @timezone, starts_at = @starts_at
WHERE show_id = @show_id
RETURNING id;
