-- +goose Up
-- Who comes, a name for each ticket in the order of the claim's lines, as its fan wrote them before paying; null: nobody
-- was named, and the tickets are in the buyer's name.
ALTER TABLE claims ADD COLUMN holders text[];

-- For pages that say which payments of somebody are under way.
CREATE INDEX payments_open ON payments (account_id) WHERE status IN ('initializing', 'pending') OR late_expected;

-- +goose Down
DROP INDEX payments_open;
ALTER TABLE claims DROP COLUMN holders;
