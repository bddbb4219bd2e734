-- +goose Up

-- What an organizer sets about money. Channels that are empty follow the hold and the stock. The fee is the fan's only if the
-- organizer's account at the provider adds it to the price. A tax is a part of the price.
ALTER TABLE sales
    ADD COLUMN channels         text[] NOT NULL DEFAULT '{}' CHECK (channels <@ '{card,ussd,bank,qr,bank_transfer,apple_pay}'::text[]),
    ADD COLUMN fees_by          text NOT NULL DEFAULT 'organizer' CHECK (fees_by IN ('organizer', 'fan')),
    ADD COLUMN tax_name         text NOT NULL DEFAULT '',
    -- In hundredths of a percent: 750 is 7.5 %.
    ADD COLUMN tax_basis_points integer NOT NULL DEFAULT 0 CHECK (tax_basis_points BETWEEN 0 AND 10000),
    -- The number under which the organizer pays it.
    ADD COLUMN tax_number       text NOT NULL DEFAULT '',
    -- Whether fans may give a ticket back for its price, and until when (null: until the event starts).
    ADD COLUMN returns          boolean NOT NULL DEFAULT false,
    ADD COLUMN returns_until    timestamptz,
    -- What becomes of tickets whose payment a bank disputes: void while it is open, or kept until it is lost.
    ADD COLUMN disputes         text NOT NULL DEFAULT 'void' CHECK (disputes IN ('void', 'keep')),
    -- The event does not take place: all money goes back.
    ADD COLUMN cancelled_at     timestamptz;

-- Paid after the hold had ended, by equal units in place of those that were held.
ALTER TABLE claims ADD COLUMN moved boolean NOT NULL DEFAULT false;

ALTER TABLE refunds
    -- Who asked for it; null: a rule.
    ADD COLUMN asked_by    uuid REFERENCES accounts (id),
    -- What the organizer writes to the buyer about it.
    ADD COLUMN note        text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    -- Of the request, so that the same one twice is one refund.
    ADD COLUMN request     text,
    ADD COLUMN attempts    integer NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX refunds_request ON refunds (payment_id, request) WHERE request IS NOT NULL;

ALTER TABLE tickets
    -- The refund that its price went back with; null while it is good, and for what was free.
    ADD COLUMN refund_id         uuid REFERENCES refunds (id),
    -- What it was when it ended (valid or used), and is again where its end is undone.
    ADD COLUMN ended_from        text CHECK (ended_from IN ('valid', 'used')),
    -- What was given back of its price while it stayed good.
    ADD COLUMN reduced_kobo      bigint NOT NULL DEFAULT 0 CHECK (reduced_kobo BETWEEN 0 AND price_kobo),
    -- A typing error in the name is put right once, by an organizer.
    ADD COLUMN name_corrected_at timestamptz;

-- For the count on the fairness page: there are few.
CREATE INDEX tickets_corrected ON tickets (event_id) WHERE name_corrected_at IS NOT NULL;

-- A bank that asks for the money of a payment back. Money that was lost so is charged back.
CREATE TABLE disputes (
    id                   uuid PRIMARY KEY,
    payment_id           uuid NOT NULL REFERENCES payments (id),
    provider_dispute_id  text NOT NULL UNIQUE,
    status               text NOT NULL CHECK (status IN ('open', 'won', 'lost')),
    -- As the provider says it.
    provider_status      text NOT NULL DEFAULT '',
    category             text NOT NULL DEFAULT '',
    amount_kobo          bigint NOT NULL CHECK (amount_kobo >= 0),
    due_at               timestamptz,
    opened_at            timestamptz NOT NULL DEFAULT now(),
    resolved_at          timestamptz,
    CHECK ((status = 'open') = (resolved_at IS NULL))
);
CREATE INDEX disputes_payment ON disputes (payment_id);

-- What a mail program that shows HTML would show.
ALTER TABLE mailbox ADD COLUMN html text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE mailbox DROP COLUMN html;
DROP TABLE disputes;
ALTER TABLE tickets DROP COLUMN refund_id, DROP COLUMN ended_from, DROP COLUMN reduced_kobo, DROP COLUMN name_corrected_at;
ALTER TABLE claims DROP COLUMN moved;
ALTER TABLE refunds DROP COLUMN asked_by, DROP COLUMN note, DROP COLUMN request, DROP COLUMN attempts;
ALTER TABLE sales DROP COLUMN channels, DROP COLUMN fees_by, DROP COLUMN tax_name, DROP COLUMN tax_basis_points, DROP COLUMN tax_number,
    DROP COLUMN returns, DROP COLUMN returns_until, DROP COLUMN disputes, DROP COLUMN cancelled_at;
