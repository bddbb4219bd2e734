-- +goose Up
-- For pages that say which payments of somebody are under way.
CREATE INDEX payments_open ON payments (account_id) WHERE status IN ('initializing', 'pending') OR late_expected;

-- +goose Down
DROP INDEX payments_open;
