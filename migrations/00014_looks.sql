-- +goose Up
-- How far the refunds at a provider were looked through: of those that somebody made there only a webhook tells, and a webhook
-- may be lost.
CREATE TABLE refund_looks (
    provider text PRIMARY KEY,
    -- Those made before were all seen.
    since    timestamptz NOT NULL,
    -- The look that is under way, and its next page; null: none is until look_at.
    began_at timestamptz,
    page     integer NOT NULL DEFAULT 1 CHECK (page > 0),
    look_at  timestamptz NOT NULL DEFAULT now(),
    -- Nothing is asked before, whoever wants to.
    step_at  timestamptz NOT NULL DEFAULT now()
);

-- Refunds that the provider has and our books do not: ours that are being written down, and those that somebody made there.
CREATE TABLE stray_refunds (
    provider_refund_id text PRIMARY KEY,
    payment_id         uuid NOT NULL REFERENCES payments (id),
    amount_kobo        bigint NOT NULL CHECK (amount_kobo > 0),
    seen_at            timestamptz NOT NULL DEFAULT now(),
    looks              integer NOT NULL DEFAULT 0,
    look_at            timestamptz NOT NULL,
    -- It does not fit into the books, which a person was told.
    misfit             boolean NOT NULL DEFAULT false
);
CREATE INDEX stray_refunds_payment ON stray_refunds (payment_id);
CREATE INDEX stray_refunds_due ON stray_refunds (look_at);

-- Lists of the provider name payments by its own numbers.
CREATE INDEX payments_provider_id ON payments (provider_id) WHERE provider_id IS NOT NULL;

-- +goose Down
DROP INDEX payments_provider_id;
DROP TABLE stray_refunds;
DROP TABLE refund_looks;
