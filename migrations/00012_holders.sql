-- +goose Up
-- Whose names stand on the tickets, in the order of the claim's lines, as the buyer said before paying. An empty one, or none at
-- all: the buyer's.
ALTER TABLE payments ADD COLUMN holders text[] NOT NULL DEFAULT '{}' CHECK (cardinality(holders) <= 50);

-- +goose Down
ALTER TABLE payments DROP COLUMN holders;
