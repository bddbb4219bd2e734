-- name: InsertEvent :execrows
-- Stores an event; no row when the slug is taken, so that the caller can try another in the same transaction.
INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at)
VALUES (@id, @organization_id, @slug, @name, @venue, @timezone, @starts_at)
ON CONFLICT (slug) DO NOTHING;
