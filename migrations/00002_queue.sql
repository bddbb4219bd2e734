-- +goose Up

-- queue --------------------------------------------------------------------

-- The draw of a sale, all of it public; written once step by step: committed at
-- publish, frozen and rooted at opening, drawn with the beacon's value or
-- without one. What stands in a column never changes afterwards.
CREATE TABLE draws (
    event_id       uuid PRIMARY KEY REFERENCES events (id),
    commitment     bytea NOT NULL CHECK (length(commitment) = 32),
    committed_at   timestamptz NOT NULL DEFAULT now(),
    -- The head's lobby_size is set in the same transaction.
    frozen_at      timestamptz,
    -- Merkle root (RFC 6962) over the spots of arrivals 1..lobby_size.
    root           bytea CHECK (length(root) = 32),
    rooted_at      timestamptz,
    -- The round that counts: the one named at publish, or a later one where the
    -- freeze came too late for it.
    beacon_round   bigint CHECK (beacon_round > 0),
    beacon_value   text CHECK (length(beacon_value) BETWEEN 1 AND 1000),
    -- When an organizer went on without the beacon that was named.
    waived_at      timestamptz,
    -- Revealed with the draw, or when the sale ends before it.
    secret         bytea CHECK (length(secret) = 32),
    seed           bytea CHECK (length(seed) = 32),
    drawn_at       timestamptz,
    CHECK ((root IS NULL) = (rooted_at IS NULL)),
    CHECK ((rooted_at IS NULL) OR (frozen_at IS NOT NULL)),
    CHECK ((seed IS NULL) = (drawn_at IS NULL)),
    CHECK ((seed IS NULL) OR (root IS NOT NULL AND secret IS NOT NULL)),
    CHECK ((beacon_value IS NULL) OR (rooted_at IS NOT NULL AND waived_at IS NULL))
);

-- The secrets behind the commitments, sealed; read by the draw alone.
CREATE TABLE draw_secrets (
    event_id  uuid PRIMARY KEY REFERENCES events (id),
    sealed    bytea NOT NULL
);

-- Who was not seen: each replica writes its row once a second. What it tells is
-- lost with a crash, and then everybody counts as present.
CREATE UNLOGGED TABLE presence (
    event_id  uuid NOT NULL,
    replica   uuid NOT NULL,
    -- Bit i, counted from the most significant bit of the first byte, is set
    -- when number low + i was watched for a whole window without a sign.
    low       bigint NOT NULL CHECK (low > 0),
    absent    bytea NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (event_id, replica)
);

ALTER TABLE spots
    -- Called while absent: holds no room until the fan shows up.
    ADD COLUMN absent boolean NOT NULL DEFAULT false,
    -- The turn was made longer once.
    ADD COLUMN extended boolean NOT NULL DEFAULT false,
    -- Wants a mail when the turn comes.
    ADD COLUMN mail_turn boolean NOT NULL DEFAULT false,
    -- The letter about the lobby was sent; there is one.
    ADD COLUMN lobby_mailed boolean NOT NULL DEFAULT false,
    -- Ordinals of the tiers the fan wants; empty: any.
    ADD COLUMN wants smallint[] NOT NULL DEFAULT '{}',
    -- When the spot was left, taken up again or asked for another turn: from then
    -- on its status does not follow from its number alone.
    ADD COLUMN changed_at timestamptz;
-- What a join costs PostgreSQL, by more than a quarter: one index serves both
-- (event, account) and the lines of an account, and the event of a spot is that of
-- the head that is locked while spots are inserted, which refers to it.
ALTER TABLE spots
    DROP CONSTRAINT spots_event_id_fkey,
    DROP CONSTRAINT spots_event_id_account_id_key,
    ADD CONSTRAINT spots_event_id_account_id_key UNIQUE (account_id, event_id);
DROP INDEX spots_account;
CREATE INDEX spots_changed ON spots (event_id, changed_at) WHERE changed_at IS NOT NULL;
CREATE INDEX spots_left ON spots (event_id, arrival) WHERE status = 'left';
-- Turns and visits by their end, so that a step reads those that run and no others.
CREATE INDEX spots_turns ON spots (event_id, turn_ends_at) WHERE status = 'called';
CREATE INDEX spots_visits ON spots (event_id, visit_ends_at) WHERE status = 'inside';
DROP INDEX spots_reserved;

-- ledger -------------------------------------------------------------------

-- The ledger in blocks, each with the hash of the one before.
CREATE TABLE ledger_blocks (
    number    bigint PRIMARY KEY CHECK (number > 0),
    -- The last row in it, in the order (xid, id).
    xid       xid8 NOT NULL,
    id        bigint NOT NULL,
    rows      bigint NOT NULL CHECK (rows > 0),
    root      bytea NOT NULL CHECK (length(root) = 32),
    previous  bytea NOT NULL CHECK (length(previous) = 32),
    hash      bytea NOT NULL CHECK (length(hash) = 32),
    at        timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE ledger_blocks, presence, draw_secrets, draws;
CREATE INDEX spots_account ON spots (account_id);
ALTER TABLE spots
    DROP CONSTRAINT spots_event_id_account_id_key,
    ADD UNIQUE (event_id, account_id),
    ADD FOREIGN KEY (event_id) REFERENCES events (id);
DROP INDEX spots_visits, spots_turns, spots_left, spots_changed;
CREATE INDEX spots_reserved ON spots (event_id, status) WHERE status IN ('called', 'inside');
ALTER TABLE spots DROP COLUMN absent, DROP COLUMN extended, DROP COLUMN mail_turn, DROP COLUMN lobby_mailed, DROP COLUMN wants, DROP COLUMN changed_at;
