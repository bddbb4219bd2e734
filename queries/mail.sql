-- name: Put :exec
INSERT INTO mailbox (recipient, subject, body, html) VALUES (@recipient, @subject, @body, @html);

-- name: Newest :many
-- The newest messages first.
SELECT id, recipient, subject, body, sent_at FROM mailbox ORDER BY id DESC LIMIT @n;

-- name: NewestOf :many
-- The newest messages of one address first.
SELECT id, recipient, subject, body, sent_at FROM mailbox
WHERE recipient = @recipient ORDER BY id DESC LIMIT @n;

-- name: HTML :one
SELECT html FROM mailbox WHERE id = @id;
