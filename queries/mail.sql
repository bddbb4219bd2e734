-- name: Put :exec
INSERT INTO mailbox (recipient, subject, body) VALUES (@recipient, @subject, @body);

-- name: Newest :many
-- The newest messages first.
SELECT recipient, subject, body, sent_at FROM mailbox ORDER BY id DESC LIMIT @n;

-- name: NewestOf :many
-- The newest messages of one address first.
SELECT recipient, subject, body, sent_at FROM mailbox
WHERE recipient = @recipient ORDER BY id DESC LIMIT @n;
