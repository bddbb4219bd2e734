-- +goose Up

-- Every claim is made by the fan of its spot, in the sale of its spot: what foreign keys to accounts and events could not
-- say. They asked row by row and locked every account; one look at all rows of a statement, without locks, is enough,
-- because a spot with claims keeps its account and its sale, and an account with a spot stays. That a spot with claims stays is still
-- a foreign key.
ALTER TABLE claims DROP CONSTRAINT claims_account_id_fkey, DROP CONSTRAINT claims_event_id_fkey;

-- +goose StatementBegin
CREATE FUNCTION claims_are_of_their_spots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- OFFSET 0: one look into the index for each row, whatever the planner believes of a table without statistics.
    IF EXISTS (SELECT FROM written w WHERE NOT EXISTS (
            SELECT FROM spots s WHERE s.id = w.spot_id AND s.event_id = w.event_id AND s.account_id = w.account_id OFFSET 0)) THEN
        RAISE foreign_key_violation USING MESSAGE = 'a claim that is not of its spot', TABLE = 'claims', CONSTRAINT = 'claims_are_of_their_spots';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER claims_are_of_their_spots AFTER INSERT ON claims
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION claims_are_of_their_spots();

-- +goose StatementBegin
CREATE FUNCTION claim_stays_of_its_spot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE foreign_key_violation USING MESSAGE = 'a claim keeps its fan, its sale and its spot', TABLE = 'claims', CONSTRAINT = 'claims_are_of_their_spots';
END $$;
-- +goose StatementEnd
CREATE TRIGGER claim_stays_of_its_spot BEFORE UPDATE OF spot_id, event_id, account_id ON claims
    FOR EACH ROW WHEN (NEW.spot_id <> OLD.spot_id OR NEW.event_id <> OLD.event_id OR NEW.account_id <> OLD.account_id)
    EXECUTE FUNCTION claim_stays_of_its_spot();

-- +goose StatementBegin
CREATE FUNCTION spot_with_claims_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM claims c WHERE c.spot_id = OLD.id) THEN
        RAISE foreign_key_violation USING MESSAGE = 'a spot with claims keeps its fan and its sale', TABLE = 'spots', CONSTRAINT = 'claims_are_of_their_spots';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER spot_with_claims_stays BEFORE UPDATE OF event_id, account_id ON spots
    FOR EACH ROW WHEN (NEW.event_id <> OLD.event_id OR NEW.account_id <> OLD.account_id)
    EXECUTE FUNCTION spot_with_claims_stays();

-- +goose Down
DROP TRIGGER spot_with_claims_stays ON spots;
DROP TRIGGER claim_stays_of_its_spot ON claims;
DROP TRIGGER claims_are_of_their_spots ON claims;
DROP FUNCTION spot_with_claims_stays(), claim_stays_of_its_spot(), claims_are_of_their_spots();
ALTER TABLE claims ADD CONSTRAINT claims_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id),
    ADD CONSTRAINT claims_event_id_fkey FOREIGN KEY (event_id) REFERENCES events (id);
