-- Every table names its owner: the one package that writes it
-- (internal/layout_test.go holds the list). Instants are timestamptz, amounts
-- are kobo, durations are whole seconds.
--
-- Line time. turn_ends_at and visit_ends_at are instants on the clock of their
-- sale, which stands still while the sale is paused:
--     line time = COALESCE(paused_at, now()) - paused_total
-- so that pausing and resuming touch one row, however many fans are inside.

-- +goose Up

-- account ------------------------------------------------------------------

CREATE TABLE accounts (
    id          uuid PRIMARY KEY,
    email       text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    name        text NOT NULL DEFAULT '' CHECK (length(name) <= 200),
    -- Made by the load lab: exempt from challenges and address limits outside production.
    exempt      boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE organizations (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE members (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    account_id      uuid NOT NULL REFERENCES accounts (id),
    role            text NOT NULL CHECK (role IN ('owner')),
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, account_id)
);
CREATE INDEX members_account ON members (account_id);

-- One-time codes. Only the HMAC of a code is kept.
CREATE TABLE codes (
    id          uuid PRIMARY KEY,
    email       text NOT NULL CHECK (email = lower(email)),
    mac         bytea NOT NULL,
    tries       integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);
CREATE INDEX codes_email ON codes (email, created_at DESC);
CREATE INDEX codes_expires ON codes (expires_at);

-- What may not wait for a credential's own expiry: one credential (its digest),
-- or every credential of an account issued before revoked_at.
CREATE TABLE revocations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  uuid,
    credential  bytea,
    revoked_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    CHECK ((account_id IS NULL) <> (credential IS NULL))
);
CREATE INDEX revocations_expires ON revocations (expires_at);
CREATE INDEX revocations_revoked ON revocations (revoked_at);

-- The layout that alexedwards/scs expects.
CREATE TABLE sessions (
    token   text PRIMARY KEY,
    data    bytea NOT NULL,
    expiry  timestamptz NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expiry);

-- mail ---------------------------------------------------------------------

-- What the development mailbox shows; empty where mail goes out by SMTP.
CREATE TABLE mailbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recipient  text NOT NULL,
    subject    text NOT NULL,
    body       text NOT NULL,
    sent_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mailbox_recipient ON mailbox (recipient, id DESC);

-- lease --------------------------------------------------------------------

CREATE TABLE leases (
    name    text PRIMARY KEY,
    holder  text NOT NULL,
    until   timestamptz NOT NULL
);

-- ledger -------------------------------------------------------------------

-- Append-only record of every decision about order, stock and money. Rows are
-- read in the order of (xid, id): ids alone are given out before commit.
CREATE TABLE ledger (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid       xid8 NOT NULL DEFAULT pg_current_xact_id(),
    event_id  uuid,
    kind      text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    body      jsonb NOT NULL
);
CREATE INDEX ledger_order ON ledger (xid, id);
CREATE INDEX ledger_event ON ledger (event_id, kind, id);

-- catalog ------------------------------------------------------------------

CREATE TABLE events (
    id               uuid PRIMARY KEY,
    organization_id  uuid NOT NULL REFERENCES organizations (id),
    slug             text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) BETWEEN 1 AND 80),
    name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    venue            text NOT NULL CHECK (length(venue) BETWEEN 1 AND 200),
    timezone         text NOT NULL,
    starts_at        timestamptz NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_organization ON events (organization_id, created_at DESC);
CREATE INDEX events_starts ON events (starts_at, id);

-- sale ---------------------------------------------------------------------

CREATE TABLE sales (
    event_id              uuid PRIMARY KEY REFERENCES events (id),
    -- sold_out is not stored: it is open without an unsold unit.
    state                 text NOT NULL DEFAULT 'draft'
                          CHECK (state IN ('draft', 'scheduled', 'lobby', 'open', 'paused', 'ended')),
    ordering              text NOT NULL CHECK (ordering IN ('fifo', 'draw')),
    lobby_opens_at        timestamptz,
    opens_at              timestamptz NOT NULL,
    closes_at             timestamptz NOT NULL,
    max_tickets_per_fan   integer NOT NULL CHECK (max_tickets_per_fan BETWEEN 1 AND 50),
    max_waiting           bigint CHECK (max_waiting > 0),
    admit_per_minute      integer NOT NULL CHECK (admit_per_minute BETWEEN 1 AND 600000),
    max_inside            integer NOT NULL CHECK (max_inside BETWEEN 1 AND 100000),
    turn_seconds          integer NOT NULL CHECK (turn_seconds BETWEEN 30 AND 3600),
    visit_seconds         integer NOT NULL CHECK (visit_seconds BETWEEN 60 AND 7200),
    hold_seconds          integer NOT NULL CHECK (hold_seconds BETWEEN 60 AND 7200),
    grace_seconds         integer NOT NULL CHECK (grace_seconds BETWEEN 0 AND 86400),
    message               text NOT NULL DEFAULT '' CHECK (length(message) <= 500),
    message_at            timestamptz,
    beacon_name           text,
    beacon_round          bigint,
    beacon_url            text,
    published_at          timestamptz,
    opened_at             timestamptz,
    ended_at              timestamptz,
    paused_at             timestamptz,
    paused_total          interval NOT NULL DEFAULT '0',
    -- Grows with every change, so that a form cannot overwrite what it did not see.
    version               bigint NOT NULL DEFAULT 1,
    CHECK (closes_at > opens_at),
    CHECK (lobby_opens_at IS NULL OR lobby_opens_at < opens_at),
    CHECK ((state = 'paused') = (paused_at IS NOT NULL)),
    CHECK ((beacon_name IS NULL) = (beacon_round IS NULL))
);
CREATE INDEX sales_live ON sales (state) WHERE state IN ('scheduled', 'lobby', 'open', 'paused');

CREATE TABLE tiers (
    id          uuid PRIMARY KEY,
    event_id    uuid NOT NULL REFERENCES events (id),
    ordinal     integer NOT NULL CHECK (ordinal >= 0),
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    price_kobo  bigint NOT NULL CHECK (price_kobo BETWEEN 0 AND 1000000000000),
    capacity    integer NOT NULL CHECK (capacity BETWEEN 1 AND 200000),
    seated      boolean NOT NULL DEFAULT false,
    UNIQUE (event_id, ordinal),
    UNIQUE (event_id, name),
    UNIQUE (id, event_id)
);

-- queue --------------------------------------------------------------------

-- One narrow row an event: everything that moves when the line moves.
CREATE TABLE queue_heads (
    event_id    uuid PRIMARY KEY REFERENCES events (id),
    arrivals    bigint NOT NULL DEFAULT 0 CHECK (arrivals >= 0),
    lobby_size  bigint CHECK (lobby_size >= 0),
    serving     bigint NOT NULL DEFAULT 0 CHECK (serving >= 0),
    -- Token bucket of the drip, in fans; at most two seconds' worth.
    credit      double precision NOT NULL DEFAULT 0 CHECK (credit >= 0),
    credit_at   timestamptz NOT NULL DEFAULT now(),
    step        bigint NOT NULL DEFAULT 0,
    -- Hands out again_seq, the order among those who asked for another turn.
    returns     bigint NOT NULL DEFAULT 0,
    CHECK (serving <= arrivals),
    CHECK (lobby_size <= arrivals)
) WITH (fillfactor = 50);

CREATE TABLE spots (
    id             uuid PRIMARY KEY,
    event_id       uuid NOT NULL REFERENCES events (id),
    account_id     uuid NOT NULL REFERENCES accounts (id),
    arrival        bigint NOT NULL CHECK (arrival > 0),
    joined_at      timestamptz NOT NULL DEFAULT now(),
    -- What was decided. What a fan is told (lobby, waiting, missed, done …)
    -- follows from this, the sale and the clock: see internal/queue.
    status         text NOT NULL DEFAULT 'joined'
                   CHECK (status IN ('joined', 'called', 'inside', 'left', 'done')),
    called_at      timestamptz,
    called_step    bigint,
    turn_ends_at   timestamptz,  -- line time
    entered_at     timestamptz,
    visit_ends_at  timestamptz,  -- line time
    left_at        timestamptz,
    -- Asked for another turn: redeem (missed one, next as soon as there is
    -- room) or behind (everybody who waits).
    again          text CHECK (again IN ('redeem', 'behind')),
    again_seq      bigint,
    again_after    bigint,
    UNIQUE (event_id, account_id),
    UNIQUE (event_id, arrival),
    CHECK ((status = 'called') <= (called_at IS NOT NULL AND turn_ends_at IS NOT NULL)),
    CHECK ((status = 'inside') <= (entered_at IS NOT NULL AND visit_ends_at IS NOT NULL)),
    CHECK ((again IS NULL) = (again_seq IS NULL))
);
CREATE INDEX spots_reserved ON spots (event_id, status) WHERE status IN ('called', 'inside');
CREATE INDEX spots_again ON spots (event_id, again, again_seq) WHERE again IS NOT NULL;
CREATE INDEX spots_account ON spots (account_id);

-- claim --------------------------------------------------------------------

CREATE TABLE claims (
    id          uuid PRIMARY KEY,
    event_id    uuid NOT NULL REFERENCES events (id),
    account_id  uuid NOT NULL REFERENCES accounts (id),
    spot_id     uuid NOT NULL REFERENCES spots (id),
    status      text NOT NULL CHECK (status IN ('held', 'paying', 'paid', 'expired', 'released', 'refunded')),
    total_kobo  bigint NOT NULL CHECK (total_kobo >= 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- End of the hold. While paying it is kept only to be shown; it ends nothing.
    expires_at  timestamptz NOT NULL,
    -- No extension goes past this.
    cap_at      timestamptz NOT NULL,
    -- The limit in force when the claim was granted.
    limit_then  integer NOT NULL,
    paid_at     timestamptz,
    ended_at    timestamptz,
    CHECK (expires_at <= cap_at)
);
-- One open claim a fan and event. Claims whose hold is past are set to expired
-- by the same transaction that makes a new one.
CREATE UNIQUE INDEX claims_open ON claims (event_id, account_id) WHERE status IN ('held', 'paying');
CREATE INDEX claims_spot ON claims (spot_id);
CREATE INDEX claims_event ON claims (event_id, created_at DESC);
CREATE INDEX claims_past ON claims (expires_at) WHERE status = 'held';

-- Every sellable place is a row with one owner.
CREATE TABLE units (
    id          uuid PRIMARY KEY,
    event_id    uuid NOT NULL,
    tier_id     uuid NOT NULL,
    -- Position in the tier, from 1: the order in which units are given out.
    slot        integer NOT NULL CHECK (slot > 0),
    state       text NOT NULL DEFAULT 'free' CHECK (state IN ('free', 'held', 'paying', 'sold', 'blocked')),
    claim_id    uuid REFERENCES claims (id),
    held_until  timestamptz,
    FOREIGN KEY (tier_id, event_id) REFERENCES tiers (id, event_id),
    CHECK ((state = 'held') = (held_until IS NOT NULL)),
    CHECK ((state IN ('held', 'paying', 'sold')) = (claim_id IS NOT NULL))
) WITH (fillfactor = 70);
-- slot stands only in this partial index: ordering by the primary key would make
-- the planner walk past every sold row.
CREATE INDEX units_takeable ON units (tier_id, slot) WHERE state IN ('free', 'held');
CREATE INDEX units_unsold ON units (event_id, tier_id, state) WHERE state <> 'sold';
CREATE INDEX units_claim ON units (claim_id) WHERE claim_id IS NOT NULL;

-- What a claim was made of and at what price; outlives the units' change of owner.
CREATE TABLE claim_lines (
    claim_id    uuid NOT NULL REFERENCES claims (id),
    line        integer NOT NULL CHECK (line > 0),
    unit_id     uuid NOT NULL REFERENCES units (id),
    tier_id     uuid NOT NULL,
    price_kobo  bigint NOT NULL CHECK (price_kobo >= 0),
    PRIMARY KEY (claim_id, line),
    UNIQUE (claim_id, unit_id)
);

-- payment ------------------------------------------------------------------

CREATE TABLE payments (
    id                 uuid PRIMARY KEY,
    claim_id           uuid NOT NULL REFERENCES claims (id),
    event_id           uuid NOT NULL REFERENCES events (id),
    account_id         uuid NOT NULL REFERENCES accounts (id),
    provider           text NOT NULL CHECK (provider IN ('paystack', 'none')),
    -- Ours, and the key by which the provider knows the attempt.
    reference          text NOT NULL UNIQUE,
    amount_kobo        bigint NOT NULL CHECK (amount_kobo >= 0),
    currency           text NOT NULL DEFAULT 'NGN',
    status             text NOT NULL CHECK (status IN
                       ('initializing', 'pending', 'succeeded', 'failed', 'abandoned', 'refund_due', 'refunded', 'charged_back')),
    channels           text[] NOT NULL DEFAULT '{}',
    authorization_url  text NOT NULL DEFAULT '',
    created_at         timestamptz NOT NULL DEFAULT now(),
    initialized_at     timestamptz,
    -- Until when the provider may still take money for it; the reconciler's clock.
    deadline_at        timestamptz NOT NULL,
    -- Who opens the transaction at the provider has until then; openings counts the tries.
    opening_until      timestamptz,
    openings           integer NOT NULL DEFAULT 0,
    -- When the provider was asked last, what it said, how often, and when to ask next.
    checked_at         timestamptz,
    provider_status    text NOT NULL DEFAULT '',
    checks             integer NOT NULL DEFAULT 0,
    next_check_at      timestamptz NOT NULL DEFAULT now(),
    -- Set when the claim was given up while the outcome was unknown.
    late_expected      boolean NOT NULL DEFAULT false,
    -- What the provider said when it was settled, in kobo.
    received_kobo      bigint,
    requested_kobo     bigint,
    fees_kobo          bigint,
    channel            text,
    provider_id        text,
    gateway_response   text NOT NULL DEFAULT '',
    settled_at         timestamptz,
    CHECK ((provider = 'none') <= (amount_kobo = 0)),
    CHECK (currency = 'NGN'),
    CHECK ((status IN ('succeeded', 'refund_due', 'refunded', 'charged_back')) = (settled_at IS NOT NULL)),
    CHECK ((settled_at IS NULL) = (received_kobo IS NULL))
);
CREATE UNIQUE INDEX payments_live ON payments (claim_id) WHERE status IN ('initializing', 'pending');
CREATE UNIQUE INDEX payments_success ON payments (claim_id) WHERE status = 'succeeded';
CREATE INDEX payments_claim ON payments (claim_id, created_at);
CREATE INDEX payments_due ON payments (next_check_at)
    WHERE status IN ('initializing', 'pending') OR late_expected;
CREATE INDEX payments_event ON payments (event_id, status);

-- Everything a provider told us, word for word, before anything is done about it.
CREATE TABLE webhooks (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider      text NOT NULL,
    -- Digest that makes a repetition the same row.
    dedupe        bytea NOT NULL UNIQUE,
    kind          text NOT NULL,
    reference     text NOT NULL DEFAULT '',
    body          bytea NOT NULL,
    received_at   timestamptz NOT NULL DEFAULT now(),
    processed_at  timestamptz,
    outcome       text NOT NULL DEFAULT ''
);
CREATE INDEX webhooks_open ON webhooks (id) WHERE processed_at IS NULL;

CREATE TABLE refunds (
    id                  uuid PRIMARY KEY,
    payment_id          uuid NOT NULL REFERENCES payments (id),
    amount_kobo         bigint NOT NULL CHECK (amount_kobo > 0),
    reason              text NOT NULL,
    -- due: to be asked for; requested: asked, outcome of the call unknown.
    status              text NOT NULL CHECK (status IN
                        ('due', 'requested', 'pending', 'processing', 'processed', 'failed', 'needs_attention')),
    provider_refund_id  text,
    created_at          timestamptz NOT NULL DEFAULT now(),
    requested_at        timestamptz,
    processed_at        timestamptz,
    last_error          text NOT NULL DEFAULT ''
);
CREATE INDEX refunds_payment ON refunds (payment_id);
-- What the provider refunded once answers for one row only.
CREATE UNIQUE INDEX refunds_provider ON refunds (provider_refund_id) WHERE provider_refund_id IS NOT NULL;
CREATE INDEX refunds_open ON refunds (created_at) WHERE status NOT IN ('processed');

-- ticket -------------------------------------------------------------------

CREATE TABLE tickets (
    id           uuid PRIMARY KEY,
    event_id     uuid NOT NULL REFERENCES events (id),
    tier_id      uuid NOT NULL REFERENCES tiers (id),
    unit_id      uuid NOT NULL REFERENCES units (id),
    claim_id     uuid NOT NULL REFERENCES claims (id),
    payment_id   uuid NOT NULL REFERENCES payments (id),
    account_id   uuid NOT NULL REFERENCES accounts (id),
    holder_name  text NOT NULL DEFAULT '',
    price_kobo   bigint NOT NULL CHECK (price_kobo >= 0),
    status       text NOT NULL DEFAULT 'valid' CHECK (status IN ('valid', 'used', 'returned', 'void')),
    issued_at    timestamptz NOT NULL DEFAULT now(),
    ended_at     timestamptz,
    UNIQUE (payment_id, unit_id)
);
-- One live ticket a unit: selling a place twice cannot be written down.
CREATE UNIQUE INDEX tickets_live ON tickets (unit_id) WHERE status IN ('valid', 'used');
CREATE INDEX tickets_account ON tickets (account_id, issued_at DESC);
CREATE INDEX tickets_event ON tickets (event_id, issued_at);
CREATE INDEX tickets_claim ON tickets (claim_id);

-- +goose Down
DROP TABLE tickets, refunds, webhooks, payments, claim_lines, units, claims, spots, queue_heads, tiers, sales,
    events, ledger, leases, mailbox, sessions, revocations, codes, members, organizations, accounts;
