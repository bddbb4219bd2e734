-- Owner: internal/ticket (tickets).

-- name: Issue :many
-- One ticket a unit of a settled payment.
INSERT INTO tickets (id, event_id, tier_id, unit_id, claim_id, payment_id, account_id, holder_name, price_kobo, code_end)
SELECT n.id, @event_id, n.tier_id, n.unit_id, @claim_id, @payment_id, @account_id, n.holder_name, n.price_kobo, n.code_end
FROM (
    SELECT unnest(@ids::uuid[]) AS id, unnest(@tier_ids::uuid[]) AS tier_id,
           unnest(@unit_ids::uuid[]) AS unit_id, unnest(@holder_names::text[]) AS holder_name, unnest(@prices::bigint[]) AS price_kobo,
           unnest(@code_ends::text[]) AS code_end
) n
RETURNING id;

-- name: ListTickets :many
-- The tickets of an account: newest orders first, in an order by kind and place.
SELECT t.*, r.name AS tier_name, c.name AS seat_section, w.name AS seat_row, s.label AS seat_label, f.status AS refund_status, o.cancelled_at,
       CASE WHEN t.status = 'void' AND t.refund_id IS NULL
           THEN coalesce((SELECT max(d.status) FROM disputes d WHERE d.payment_id = t.payment_id AND d.status IN ('open', 'lost')), '') ELSE '' END::text AS dispute
FROM tickets t
LEFT JOIN sales o ON o.event_id = t.event_id
JOIN tiers r ON r.id = t.tier_id
JOIN units u ON u.id = t.unit_id
LEFT JOIN seats s ON s.id = t.unit_id
LEFT JOIN seat_rows w ON w.event_id = s.event_id AND w.section = s.section AND w.ordinal = s.seat_row
LEFT JOIN seat_sections c ON c.event_id = s.event_id AND c.ordinal = s.section
LEFT JOIN refunds f ON f.id = t.refund_id
WHERE t.account_id = @account_id
  AND (t.issued_at < @before_at::timestamptz
       OR t.issued_at = @before_at::timestamptz AND (r.ordinal, u.slot, t.id) > (
           SELECT last_r.ordinal, last_u.slot, last.id
           FROM tickets last JOIN tiers last_r ON last_r.id = last.tier_id JOIN units last_u ON last_u.id = last.unit_id
           WHERE last.id = @before_id::uuid AND last.account_id = @account_id))
ORDER BY t.issued_at DESC, r.ordinal, u.slot, t.id
LIMIT @max_tickets;

-- name: GetTicket :one
SELECT t.*, r.name AS tier_name, c.name AS seat_section, w.name AS seat_row, s.label AS seat_label, f.status AS refund_status, o.cancelled_at,
       CASE WHEN t.status = 'void' AND t.refund_id IS NULL
           THEN coalesce((SELECT max(d.status) FROM disputes d WHERE d.payment_id = t.payment_id AND d.status IN ('open', 'lost')), '') ELSE '' END::text AS dispute
FROM tickets t
LEFT JOIN sales o ON o.event_id = t.event_id
JOIN tiers r ON r.id = t.tier_id
LEFT JOIN seats s ON s.id = t.unit_id
LEFT JOIN seat_rows w ON w.event_id = s.event_id AND w.section = s.section AND w.ordinal = s.seat_row
LEFT JOIN seat_sections c ON c.event_id = s.event_id AND c.ordinal = s.section
LEFT JOIN refunds f ON f.id = t.refund_id
WHERE t.id = @id AND t.account_id = @account_id;

-- name: TicketsOfClaim :many
SELECT t.*, r.name AS tier_name, c.name AS seat_section, w.name AS seat_row, s.label AS seat_label, f.status AS refund_status, o.cancelled_at,
       CASE WHEN t.status = 'void' AND t.refund_id IS NULL
           THEN coalesce((SELECT max(d.status) FROM disputes d WHERE d.payment_id = t.payment_id AND d.status IN ('open', 'lost')), '') ELSE '' END::text AS dispute
FROM tickets t
LEFT JOIN sales o ON o.event_id = t.event_id
JOIN tiers r ON r.id = t.tier_id
JOIN units u ON u.id = t.unit_id
LEFT JOIN seats s ON s.id = t.unit_id
LEFT JOIN seat_rows w ON w.event_id = s.event_id AND w.section = s.section AND w.ordinal = s.seat_row
LEFT JOIN seat_sections c ON c.event_id = s.event_id AND c.ordinal = s.section
LEFT JOIN refunds f ON f.id = t.refund_id
WHERE t.claim_id = @claim_id AND t.account_id = @account_id
ORDER BY r.ordinal, u.slot, t.id;

-- name: LockTicket :one
SELECT t.account_id, t.holder_name, t.status, t.name_corrected_at, o.cancelled_at
FROM tickets t LEFT JOIN sales o ON o.event_id = t.event_id
WHERE t.id = @id AND t.event_id = @event_id
FOR NO KEY UPDATE OF t;

-- name: CorrectName :execrows
-- Once only.
UPDATE tickets SET holder_name = @holder_name, name_corrected_at = now()
WHERE id = @id AND name_corrected_at IS NULL;

-- name: NamesCorrected :one
-- How many tickets of an event had their name put right.
SELECT count(*) FROM tickets WHERE event_id = @event_id AND name_corrected_at IS NOT NULL;

-- name: LiveOfPayment :many
-- The tickets of a payment that are good, and what of their price has not been given back, in the order of their places.
SELECT t.id, t.unit_id, t.tier_id, t.status, (t.price_kobo - t.reduced_kobo)::bigint AS worth
FROM tickets t JOIN tiers r ON r.id = t.tier_id JOIN units u ON u.id = t.unit_id
WHERE t.payment_id = @payment_id AND t.status IN ('valid', 'used')
ORDER BY r.ordinal, u.slot, t.id;

-- name: EndTickets :execrows
-- Ends tickets as they were when somebody decided about them: one that was let in since is not ended.
UPDATE tickets t SET status = @status, ended_at = now(), ended_from = t.status, refund_id = sqlc.narg(refund_id)
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@was::text[]) AS was) n
WHERE t.id = n.id AND t.status = n.was AND t.status = ANY(@from_states::text[]);

-- name: ReduceTickets :execrows
-- Part of the price of tickets was given back; they stay good.
UPDATE tickets t SET reduced_kobo = t.reduced_kobo + n.kobo
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@kobo::bigint[]) AS kobo) n
WHERE t.id = n.id AND t.status = ANY(@from_states::text[]);

-- name: ReviveTickets :many
-- Tickets of a payment whose end is undone: those whose place is still their order's.
UPDATE tickets t SET status = t.ended_from, ended_at = NULL, ended_from = NULL
FROM units u
WHERE t.payment_id = @payment_id AND t.status = ANY(@from_states::text[]) AND t.ended_from IS NOT NULL AND t.refund_id IS NULL
  AND u.id = t.unit_id AND u.state = 'sold' AND u.claim_id = t.claim_id
RETURNING t.id;

-- name: VoidedOfPayment :many
-- Tickets of a payment that ended with no refund and whose places are still their order's, as they were.
SELECT t.id, t.unit_id, t.tier_id, t.ended_from::text AS status, (t.price_kobo - t.reduced_kobo)::bigint AS worth
FROM tickets t JOIN units u ON u.id = t.unit_id
WHERE t.payment_id = @payment_id AND t.status = 'void' AND t.ended_from IS NOT NULL AND t.refund_id IS NULL
  AND u.state = 'sold' AND u.claim_id = t.claim_id
ORDER BY t.tier_id, u.slot, t.id;

-- name: CodesWithoutEnd :many
-- Tickets of an event whose code's end is not written down: those from before it was.
SELECT id FROM tickets WHERE event_id = @event_id AND code_end IS NULL LIMIT @most;

-- name: WriteCodeEnds :exec
UPDATE tickets t SET code_end = n.code_end
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@code_ends::text[]) AS code_end) n
WHERE t.id = n.id AND t.code_end IS NULL;

-- name: ClaimsByCodeEnd :many
-- Orders with a ticket whose code ends so, whatever became of it, because people keep old codes.
SELECT DISTINCT claim_id FROM tickets WHERE event_id = @event_id AND code_end = @code_end::text LIMIT 100;

-- name: ClaimOfTicket :one
SELECT claim_id FROM tickets WHERE id = @id AND event_id = @event_id;
