-- +goose Up
-- What was written about money that waits for a person, so that nobody hears the same thing twice: the state of a refund that
-- its buyer, and the organizers of its event, were told of last.
ALTER TABLE refunds
    ADD COLUMN buyer_told        text NOT NULL DEFAULT '',
    ADD COLUMN organizer_told    text NOT NULL DEFAULT '',
    ADD COLUMN organizer_told_at timestamptz;
ALTER TABLE disputes ADD COLUMN organizer_told_at timestamptz;

-- Why an event does not take place, as its fans read it.
ALTER TABLE sales ADD COLUMN cancel_reason text NOT NULL DEFAULT '' CHECK (length(cancel_reason) <= 500);

-- +goose Down
ALTER TABLE sales DROP COLUMN cancel_reason;
ALTER TABLE disputes DROP COLUMN organizer_told_at;
ALTER TABLE refunds DROP COLUMN buyer_told, DROP COLUMN organizer_told, DROP COLUMN organizer_told_at;
