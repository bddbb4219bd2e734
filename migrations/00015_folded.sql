-- +goose Up
-- Kept folded, because folding the names of 30,000 orders for each search took a second.
ALTER TABLE accounts ADD COLUMN folded text NOT NULL GENERATED ALWAYS AS (folded(email || ' ' || name)) STORED;
ALTER TABLE tickets ADD COLUMN holder_folded text NOT NULL GENERATED ALWAYS AS (folded(holder_name)) STORED;

-- +goose Down
ALTER TABLE tickets DROP COLUMN holder_folded;
ALTER TABLE accounts DROP COLUMN folded;
