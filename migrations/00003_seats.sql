-- +goose Up

-- catalog ------------------------------------------------------------------

-- The seat map of an event, as package seatmap reads it: every seat spelled
-- out. It is written once, with the draft.
CREATE TABLE seat_maps (
    event_id       uuid PRIMARY KEY REFERENCES events (id),
    -- What everybody looks at. Lengths are in seat widths.
    focal_x        double precision NOT NULL,
    focal_y        double precision NOT NULL,
    allow_orphans  boolean NOT NULL DEFAULT false
);

CREATE TABLE seat_sections (
    event_id  uuid NOT NULL REFERENCES seat_maps (event_id),
    ordinal   integer NOT NULL CHECK (ordinal >= 0),
    key       text NOT NULL CHECK (key ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(key) <= 60),
    name      text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    kind      text NOT NULL CHECK (kind IN ('seated', 'standing')),
    -- Of a standing section.
    tier_id   uuid,
    capacity  integer CHECK (capacity > 0),
    PRIMARY KEY (event_id, ordinal),
    UNIQUE (event_id, key),
    -- One standing section a tier.
    UNIQUE (event_id, tier_id),
    FOREIGN KEY (tier_id, event_id) REFERENCES tiers (id, event_id),
    CHECK ((kind = 'standing') = (tier_id IS NOT NULL)),
    CHECK ((kind = 'standing') = (capacity IS NOT NULL))
);

CREATE TABLE seat_rows (
    event_id  uuid NOT NULL,
    section   integer NOT NULL,
    ordinal   integer NOT NULL CHECK (ordinal >= 0),
    name      text NOT NULL CHECK (length(name) BETWEEN 1 AND 20),
    PRIMARY KEY (event_id, section, ordinal),
    UNIQUE (event_id, section, name),
    FOREIGN KEY (event_id, section) REFERENCES seat_sections (event_id, ordinal)
);

-- A seat is a unit of the same id, from publishing on.
CREATE TABLE seats (
    id            uuid PRIMARY KEY,
    event_id      uuid NOT NULL,
    -- Place in the whole map, from 0: section by section, row by row.
    number        integer NOT NULL CHECK (number >= 0),
    section       integer NOT NULL,
    seat_row      integer NOT NULL,
    tier_id       uuid NOT NULL,
    label         text NOT NULL CHECK (length(label) BETWEEN 1 AND 20),
    x             double precision NOT NULL,
    y             double precision NOT NULL,
    accessible    boolean NOT NULL,
    -- The accessible seat that this one goes with.
    companion_of  uuid REFERENCES seats (id) CHECK (companion_of <> id),
    restricted    boolean NOT NULL,
    blocked       boolean NOT NULL,
    -- An aisle lies between this seat and the next of its row.
    aisle         boolean NOT NULL,
    UNIQUE (event_id, number),
    UNIQUE (event_id, section, label),
    FOREIGN KEY (event_id, section, seat_row) REFERENCES seat_rows (event_id, section, ordinal),
    FOREIGN KEY (tier_id, event_id) REFERENCES tiers (id, event_id)
);

-- +goose Down
DROP TABLE seats, seat_rows, seat_sections, seat_maps;
