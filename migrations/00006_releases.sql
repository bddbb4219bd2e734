-- +goose Up

-- catalog ------------------------------------------------------------------

-- A show is sold in one sale or in several, each an event with a line, a draw and stock of its own. It has the id of
-- its first event, and an event alone is a show of its own.
ALTER TABLE events ADD COLUMN show_id uuid;
UPDATE events SET show_id = id;
ALTER TABLE events ALTER COLUMN show_id SET NOT NULL;
CREATE INDEX events_show ON events (show_id, created_at, id);

-- What is true of the show stands in each of its events, and is changed in the first alone: the others follow, and
-- cannot differ.
ALTER TABLE events
    ADD UNIQUE (id, show_id),
    ADD CONSTRAINT events_facts UNIQUE (id, organization_id, name, venue, timezone, starts_at),
    ADD CONSTRAINT events_follow_show FOREIGN KEY (show_id, organization_id, name, venue, timezone, starts_at)
        REFERENCES events (id, organization_id, name, venue, timezone, starts_at) ON UPDATE CASCADE;

-- +goose StatementBegin
CREATE FUNCTION event_has_show() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE check_violation USING MESSAGE = 'an event stays with its show', TABLE = 'events', CONSTRAINT = 'event_has_show';
    END IF;
    NEW.show_id := COALESCE(NEW.show_id, NEW.id);
    -- A release belongs to the first event, never to another release. Neither can change later.
    IF NEW.show_id <> NEW.id AND NOT EXISTS (SELECT FROM events e WHERE e.id = NEW.show_id AND e.show_id = e.id) THEN
        RAISE check_violation USING MESSAGE = 'a show has the id of its first event', TABLE = 'events', CONSTRAINT = 'event_has_show';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER event_has_show BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION event_has_show();
CREATE TRIGGER event_keeps_show BEFORE UPDATE OF id, show_id ON events
    FOR EACH ROW WHEN (OLD.id <> NEW.id OR OLD.show_id <> NEW.show_id) EXECUTE FUNCTION event_has_show();

-- Drawn in the map of this sale, and sold in another: there is no unit of it here. It never changes.
ALTER TABLE seats ADD COLUMN elsewhere boolean NOT NULL DEFAULT false CHECK (blocked OR NOT elsewhere);

-- Which sale of a show sells a seat, for seats that the first one gave away. All sales of a show number the seats of
-- the hall in the same way, so that the key says: a seat is sold in at most one of them.
CREATE TABLE released_seats (
    show_id   uuid NOT NULL,
    number    integer NOT NULL,
    event_id  uuid NOT NULL,
    PRIMARY KEY (show_id, number),
    FOREIGN KEY (event_id, show_id) REFERENCES events (id, show_id),
    FOREIGN KEY (show_id, number) REFERENCES seats (event_id, number),
    FOREIGN KEY (event_id, number) REFERENCES seats (event_id, number)
);

-- claim --------------------------------------------------------------------

-- A unit of a seat that another sale of the show sells is blocked, and stays so.
-- +goose StatementBegin
CREATE FUNCTION seat_is_sold_here() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM seats s
               JOIN events e ON e.id = s.event_id
               LEFT JOIN released_seats r ON r.show_id = e.show_id AND r.number = s.number
               WHERE s.id = NEW.id AND s.event_id <> COALESCE(r.event_id, e.show_id)) THEN
        RAISE check_violation USING MESSAGE = 'the seat is sold in another sale of the show', TABLE = 'units', CONSTRAINT = 'seat_is_sold_here';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER seat_is_sold_here BEFORE UPDATE OF state ON units
    FOR EACH ROW WHEN (OLD.state = 'blocked' AND NEW.state <> 'blocked') EXECUTE FUNCTION seat_is_sold_here();

-- +goose StatementBegin
CREATE FUNCTION seats_are_sold_here() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM written w
               JOIN seats s ON s.id = w.id
               JOIN events e ON e.id = s.event_id
               LEFT JOIN released_seats r ON r.show_id = e.show_id AND r.number = s.number
               WHERE w.state <> 'blocked' AND s.event_id <> COALESCE(r.event_id, e.show_id)) THEN
        RAISE check_violation USING MESSAGE = 'a seat is sold in another sale of the show', TABLE = 'units', CONSTRAINT = 'seat_is_sold_here';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER seats_are_sold_here AFTER INSERT ON units
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION seats_are_sold_here();

-- Only a blocked unit gives its seat to another sale. The lock waits for whoever unblocks it at this moment.
-- +goose StatementBegin
CREATE FUNCTION released_seat_was_blocked() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    giver uuid := CASE TG_OP WHEN 'UPDATE' THEN OLD.event_id ELSE NEW.show_id END;
    was text;
BEGIN
    SELECT u.state INTO was FROM seats s JOIN units u ON u.id = s.id
    WHERE s.event_id = giver AND s.number = NEW.number FOR SHARE OF u;
    IF was IS DISTINCT FROM 'blocked' THEN
        RAISE check_violation USING MESSAGE = 'only a blocked seat can be released', TABLE = 'released_seats', CONSTRAINT = 'released_seat_was_blocked';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER released_seat_was_blocked BEFORE INSERT OR UPDATE ON released_seats
    FOR EACH ROW EXECUTE FUNCTION released_seat_was_blocked();

-- What a fan has in all sales of the show of an event: units sold, paying, or held and not past. The limit of every
-- sale counts these rows and no others.
CREATE VIEW fan_units AS
SELECT e.id AS event_id, p.account_id, c.event_id AS sold_in, c.id AS claim_id, u.id AS unit_id, u.state
FROM events e
JOIN events r ON r.show_id = e.show_id
JOIN spots p ON p.event_id = r.id
JOIN claims c ON c.spot_id = p.id
JOIN units u ON u.claim_id = c.id
WHERE u.state IN ('sold', 'paying') OR (u.state = 'held' AND u.held_until > now());

-- +goose Down
DROP VIEW fan_units;
DROP TRIGGER seat_is_sold_here ON units;
DROP TRIGGER seats_are_sold_here ON units;
DROP TABLE released_seats;
DROP FUNCTION seat_is_sold_here(), seats_are_sold_here(), released_seat_was_blocked();
ALTER TABLE seats DROP COLUMN elsewhere;
DROP TRIGGER event_has_show ON events;
DROP TRIGGER event_keeps_show ON events;
DROP FUNCTION event_has_show();
ALTER TABLE events DROP COLUMN show_id;
ALTER TABLE events DROP CONSTRAINT events_facts;
