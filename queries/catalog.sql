-- name: InsertEvent :execrows
-- Stores an event; no row when the slug is taken, so that the caller can try another in the same transaction.
INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at)
VALUES (@id, @organization_id, @slug, @name, @venue, @timezone, @starts_at)
ON CONFLICT (slug) DO NOTHING;

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
INSERT INTO seats (id, event_id, number, section, seat_row, tier_id, label, x, y, accessible, companion_of, restricted, blocked, aisle)
SELECT s.id, @event_id, s.number, s.section, s.seat_row, t.id, s.label, s.x, s.y, s.accessible,
       nullif(s.companion, '00000000-0000-0000-0000-000000000000'), s.restricted, s.blocked, s.aisle
FROM (
    SELECT generate_subscripts(@ids::uuid[], 1) - 1 AS number, unnest(@ids::uuid[]) AS id,
           unnest(@sections::integer[]) AS section, unnest(@seat_rows::integer[]) AS seat_row, unnest(@tiers::integer[]) AS tier,
           unnest(@labels::text[]) AS label, unnest(@xs::double precision[]) AS x, unnest(@ys::double precision[]) AS y,
           unnest(@accessible::boolean[]) AS accessible, unnest(@companions::uuid[]) AS companion,
           unnest(@restricted::boolean[]) AS restricted, unnest(@blocked::boolean[]) AS blocked, unnest(@aisles::boolean[]) AS aisle
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
SELECT s.id, s.section, s.seat_row, t.ordinal AS tier, s.label, s.x, s.y, s.accessible, s.companion_of, s.restricted, s.blocked, s.aisle
FROM seats s JOIN tiers t ON t.id = s.tier_id
WHERE s.event_id = @event_id
ORDER BY s.number;

-- name: Patience :exec
-- Storing the map of a large hall may take longer than an ordinary statement.
SELECT set_config('statement_timeout', '120s', true);
