-- +goose Up
-- Who gave the money back: us, somebody at the provider (in its dashboard), or the buyer's bank with a dispute that was lost.
ALTER TABLE refunds ADD COLUMN made_by text NOT NULL DEFAULT 'us' CHECK (made_by IN ('us', 'provider', 'bank'));
UPDATE refunds SET made_by = 'bank' WHERE status = 'processed' AND last_error = 'The bank took the money back by a dispute.';

-- The tax in the price when the payment began: what the organizer changes later changes no receipt.
ALTER TABLE payments
    ADD COLUMN tax_name         text NOT NULL DEFAULT '',
    ADD COLUMN tax_basis_points integer NOT NULL DEFAULT 0 CHECK (tax_basis_points BETWEEN 0 AND 10000),
    ADD COLUMN tax_number       text NOT NULL DEFAULT '';
UPDATE payments p SET tax_name = s.tax_name, tax_basis_points = s.tax_basis_points, tax_number = s.tax_number
FROM sales s WHERE s.event_id = p.event_id AND s.tax_basis_points > 0;

-- +goose Down
ALTER TABLE payments DROP COLUMN tax_name, DROP COLUMN tax_basis_points, DROP COLUMN tax_number;
ALTER TABLE refunds DROP COLUMN made_by;
