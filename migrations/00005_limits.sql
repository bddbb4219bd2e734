-- +goose Up

-- sale ---------------------------------------------------------------------

ALTER TABLE tiers
    -- Null: with the sale.
    ADD COLUMN opens_at timestamptz,
    ADD COLUMN closes_at timestamptz,
    ADD CHECK (closes_at > opens_at);

-- Whether a tier is sold at this moment of an open sale.
CREATE FUNCTION on_sale(opens_at timestamptz, closes_at timestamptz) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (opens_at IS NULL OR opens_at <= now()) AND (closes_at IS NULL OR closes_at > now());

-- claim --------------------------------------------------------------------

-- A presale keeps a tier, or a block of seats, for those who have a code, until
-- public_at or until it is ended.
CREATE TABLE presales (
    id             uuid PRIMARY KEY,
    event_id       uuid NOT NULL REFERENCES events (id),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- Null: a block of seats.
    tier_id        uuid,
    -- How many seats it was made for; 0 for general admission.
    seats          integer NOT NULL CHECK (seats >= 0),
    public_at      timestamptz NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    ended_at       timestamptz,
    UNIQUE (id, event_id),
    FOREIGN KEY (tier_id, event_id) REFERENCES tiers (id, event_id),
    CHECK (tier_id IS NOT NULL OR seats > 0)
);
CREATE INDEX presales_open ON presales (event_id) WHERE ended_at IS NULL;
-- One at a time for a tier: what is public by the clock is ended before the next is made.
CREATE UNIQUE INDEX presales_tier ON presales (tier_id) WHERE ended_at IS NULL;

-- Those that keep something from somebody now.
CREATE VIEW presales_running AS SELECT * FROM presales WHERE ended_at IS NULL AND public_at > now();

-- The seats of a block, or of a tier with seats. A seat is in one presale; one that is over gives it up to the next.
ALTER TABLE seats ADD UNIQUE (id, event_id);
CREATE TABLE presale_seats (
    seat_id     uuid PRIMARY KEY,
    event_id    uuid NOT NULL,
    presale_id  uuid NOT NULL,
    FOREIGN KEY (seat_id, event_id) REFERENCES seats (id, event_id),
    FOREIGN KEY (presale_id, event_id) REFERENCES presales (id, event_id)
);
CREATE INDEX presale_seats_presale ON presale_seats (presale_id);

-- Only the HMAC of a code is kept. It is good for so many fans.
CREATE TABLE presale_codes (
    id          uuid PRIMARY KEY,
    presale_id  uuid NOT NULL,
    event_id    uuid NOT NULL,
    mac         bytea NOT NULL CHECK (length(mac) = 32),
    uses        integer NOT NULL CHECK (uses BETWEEN 1 AND 100000),
    FOREIGN KEY (presale_id, event_id) REFERENCES presales (id, event_id),
    UNIQUE (event_id, mac),
    UNIQUE (id, presale_id, uses)
);
CREATE INDEX presale_codes_presale ON presale_codes (presale_id);

-- Who gave a code: the nth of those that it is good for.
CREATE TABLE presale_unlocks (
    presale_id  uuid NOT NULL,
    account_id  uuid NOT NULL REFERENCES accounts (id),
    code_id     uuid NOT NULL,
    nth         integer NOT NULL CHECK (nth > 0),
    uses        integer NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (presale_id, account_id),
    UNIQUE (code_id, nth),
    CHECK (nth <= uses),
    FOREIGN KEY (code_id, presale_id, uses) REFERENCES presale_codes (id, presale_id, uses)
);

-- +goose Down
DROP TABLE presale_unlocks, presale_codes, presale_seats;
DROP VIEW presales_running;
DROP TABLE presales;
ALTER TABLE seats DROP CONSTRAINT seats_id_event_id_key;
DROP FUNCTION on_sale(timestamptz, timestamptz);
ALTER TABLE tiers DROP COLUMN opens_at, DROP COLUMN closes_at;
