-- name: LockEmail :exec
-- One sign-in request of an address at a time, so that "at most five codes" and
-- "the newest code" mean something. Ends with the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('account.code:' || @email::text, 0));

-- name: CountCodes :one
-- Codes sent to an address within the window and not redeemed: one that was
-- redeemed proves that the person reads the mail.
SELECT count(*) FROM codes
WHERE email = @email AND used_at IS NULL AND created_at > now() - make_interval(secs => @window_seconds::float8);

-- name: AddCode :exec
-- clock_timestamp and not now(): under the lock of the address the order of the
-- codes is then the order in which they were made, not in which requests began.
INSERT INTO codes (id, email, mac, created_at, expires_at)
VALUES (@id, @email, @mac, clock_timestamp(), clock_timestamp() + make_interval(secs => @ttl_seconds::float8));

-- name: SweepCodes :exec
-- Codes nobody can use any more; a few at a time, by whoever asks for one.
DELETE FROM codes WHERE id IN (
    SELECT c.id FROM codes c WHERE c.expires_at < now() - interval '1 hour'
    ORDER BY c.expires_at LIMIT 20 FOR UPDATE SKIP LOCKED);

-- name: NewestCode :one
-- Ids are UUIDv7 and break ties of codes made in one transaction.
SELECT id, mac, tries, COALESCE(expires_at > now() AND used_at IS NULL, false)::boolean AS alive FROM codes
WHERE email = @email ORDER BY created_at DESC, id DESC LIMIT 1;

-- name: CountTry :execrows
-- A try is counted before the code is compared: of any number of guesses at the
-- same moment no more than the limit get an answer.
UPDATE codes SET tries = tries + 1
WHERE id = @id AND tries < @max_tries AND used_at IS NULL AND expires_at > now();

-- name: UseCode :execrows
UPDATE codes SET used_at = now() WHERE id = @id AND used_at IS NULL;

-- name: AddAccount :exec
INSERT INTO accounts (id, email, name) VALUES (@id, @email, @name)
ON CONFLICT (email) DO NOTHING;

-- name: AccountByEmail :one
SELECT a.id, a.email, a.name, a.exempt,
       EXISTS (SELECT FROM members m WHERE m.account_id = a.id) AS organizer
FROM accounts a WHERE a.email = @email;

-- name: AccountByID :one
SELECT a.id, a.email, a.name, a.exempt,
       EXISTS (SELECT FROM members m WHERE m.account_id = a.id) AS organizer
FROM accounts a WHERE a.id = @id;

-- name: NameAccount :exec
-- Gives a name to an account that has none.
UPDATE accounts SET name = @name WHERE id = @id AND name = '';

-- name: RenameAccount :execrows
-- Gives the name that a person has written to their account.
UPDATE accounts SET name = @name WHERE id = @id AND name <> @name;

-- name: LockAccount :one
-- First lock of everything that changes an account's roles.
SELECT email, name FROM accounts WHERE id = @id FOR UPDATE;

-- name: OrganizationOf :one
SELECT organization_id FROM members WHERE account_id = @account_id
ORDER BY created_at, organization_id LIMIT 1;

-- name: OrganizationName :one
SELECT name FROM organizations WHERE id = @id;

-- name: AddOrganization :exec
INSERT INTO organizations (id, name) VALUES (@id, @name);

-- name: AddMember :exec
INSERT INTO members (organization_id, account_id, role) VALUES (@organization_id, @account_id, 'owner');

-- name: AddFans :copyfrom
INSERT INTO accounts (id, email, exempt) VALUES (@id, @email, @exempt);

-- name: RevokeCredential :exec
INSERT INTO revocations (credential, expires_at) VALUES (@credential, @expires_at);

-- name: RevokeAccount :exec
INSERT INTO revocations (account_id, expires_at)
VALUES (@account_id, now() + make_interval(secs => @ttl_seconds::float8));

-- name: SweepRevocations :exec
-- What would have ended by itself an hour ago needs no revocation any more.
DELETE FROM revocations WHERE id IN (
    SELECT r.id FROM revocations r WHERE r.expires_at < now() - interval '1 hour'
    ORDER BY r.expires_at LIMIT 20 FOR UPDATE SKIP LOCKED);

-- name: Revocations :many
-- With since_seconds the recent ones (rows become visible later than revoked_at
-- says, by the length of their transaction), with null all.
SELECT account_id, credential, revoked_at, expires_at FROM revocations
WHERE expires_at > now()
  AND (sqlc.narg(since_seconds)::float8 IS NULL
       OR revoked_at > now() - make_interval(secs => sqlc.narg(since_seconds)::float8));
