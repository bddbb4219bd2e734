-- Owner: internal/payment (payments, webhooks, refunds, disputes, looks at the refunds of a provider).
-- Locks: payment first, then what package claim locks (spot, claim, units), refunds last.

-- name: Buyer :one
SELECT email, name FROM accounts WHERE id = @id;

-- name: EventFacts :one
SELECT name, venue, timezone, starts_at FROM events WHERE id = @id;

-- name: EventOfClaim :one
SELECT event_id FROM claims WHERE id = @id AND account_id = @account_id;

-- name: HoldSale :one
-- What became of an event, which stays so until the end of the transaction: whoever cancels it waits for what is being
-- settled, and what is settled afterwards knows. Locked after the claim, because who cancels waits for no claim.
SELECT (s.cancelled_at IS NOT NULL)::boolean AS cancelled, (s.state = 'ended' AND e.starts_at <= now())::boolean AS over
FROM sales s JOIN events e ON e.id = s.event_id WHERE s.event_id = @event_id FOR SHARE OF s;

-- name: LiveOfClaim :one
-- The attempt of a claim that is under way; there is one at most.
SELECT * FROM payments WHERE claim_id = @claim_id AND status IN ('initializing', 'pending');

-- name: CountStarts :one
-- How often the fan of a spot, or of a claim, was sent to pay in this visit, for these or other tickets, without success.
-- Attempts that never reached a page of the provider do not count.
SELECT count(*) FROM spots s JOIN claims c ON c.spot_id = s.id JOIN payments p ON p.claim_id = c.id
WHERE s.id = coalesce(sqlc.narg(spot_id)::uuid, (SELECT mine.spot_id FROM claims mine WHERE mine.id = sqlc.narg(claim_id)::uuid))
  AND p.settled_at IS NULL AND p.created_at >= COALESCE(s.entered_at, '-infinity')
  AND (p.initialized_at IS NOT NULL OR p.status IN ('initializing', 'pending'));

-- name: InsertPayment :one
-- The tax is the sale's of this moment, whatever it becomes.
INSERT INTO payments (id, claim_id, event_id, account_id, provider, reference, amount_kobo, status, channels, deadline_at, next_check_at,
                      tax_name, tax_basis_points, tax_number, holders)
SELECT @id, @claim_id, s.event_id, @account_id, @provider, @reference, @amount_kobo, 'initializing', @channels,
       now() + make_interval(secs => @open_seconds::int), now() + make_interval(secs => @check_seconds::int),
       s.tax_name, s.tax_basis_points, s.tax_number, @holders
FROM sales s WHERE s.event_id = @event_id
RETURNING *;

-- name: SetHolders :exec
-- What the buyer says about names who comes to pay once more.
UPDATE payments SET holders = @holders WHERE id = @id AND status IN ('initializing', 'pending');

-- name: GetPayment :one
SELECT * FROM payments WHERE id = @id;

-- name: PaymentOfAccount :one
SELECT * FROM payments WHERE id = @id AND account_id = @account_id;

-- name: PaymentByReference :one
SELECT * FROM payments WHERE reference = @reference;

-- name: PaymentsOfClaim :many
SELECT * FROM payments WHERE claim_id = @claim_id AND account_id = @account_id ORDER BY created_at DESC, id DESC;

-- name: OpenOfAccount :many
-- What somebody is paying for now, of all events, and what was given up while the money may still come; newest first.
SELECT * FROM payments
WHERE account_id = @account_id AND (status IN ('initializing', 'pending') OR late_expected)
ORDER BY created_at DESC, id DESC
LIMIT @max_payments;

-- name: LockPayment :one
-- The first lock of every decision about a payment.
SELECT sqlc.embed(payments), now()::timestamptz AS now FROM payments WHERE id = @id FOR UPDATE;

-- name: LeaseOpening :one
-- One at a time opens the transaction at the provider; the lease outlives every deadline of that call.
UPDATE payments
SET openings = openings + 1, opening_until = now() + make_interval(secs => @lease_seconds::int)
WHERE id = @id AND status = 'initializing' AND (opening_until IS NULL OR opening_until <= now())
RETURNING *;

-- name: EndLease :exec
UPDATE payments SET opening_until = NULL WHERE id = @id AND openings = @openings;

-- name: ToPending :one
-- The provider has opened the transaction; its time runs from here.
UPDATE payments
SET status = 'pending', authorization_url = @authorization_url, initialized_at = now(), opening_until = NULL,
    deadline_at = now() + make_interval(secs => @open_seconds::int),
    next_check_at = now() + make_interval(secs => @check_seconds::int)
WHERE id = @id AND status = ANY(@from_states::text[])
RETURNING *;

-- name: EndPayment :execrows
-- Failed or abandoned. Neither is the last word of a provider: it is asked again for a day.
UPDATE payments
SET status = @status, gateway_response = @gateway_response, opening_until = NULL, late_expected = true, checks = 0,
    next_check_at = now() + make_interval(secs => @check_seconds::int)
WHERE id = @id AND status = ANY(@from_states::text[]);

-- name: SettlePayment :execrows
-- What came, written down once.
UPDATE payments
SET status = @status, settled_at = now(), received_kobo = @received_kobo, requested_kobo = @requested_kobo,
    fees_kobo = @fees_kobo, channel = @channel, provider_id = @provider_id, gateway_response = @gateway_response,
    provider_status = 'success', late_expected = false, opening_until = NULL
WHERE id = @id AND settled_at IS NULL AND status = ANY(@from_states::text[]);

-- name: MovePayment :execrows
UPDATE payments SET status = @status WHERE id = @id AND status = ANY(@from_states::text[]);

-- name: Observe :exec
-- What the provider said when it was asked and nothing followed from it.
UPDATE payments SET provider_status = @provider_status, gateway_response = @gateway_response, checked_at = now()
WHERE id = @id AND settled_at IS NULL;

-- name: TakeCheck :one
-- The right to ask the provider now: once in a while for each payment, however often the page is loaded. That nothing was
-- paid is true only until it is asked again.
UPDATE payments SET checked_at = now(), provider_status = CASE WHEN provider_status = 'abandoned' THEN '' ELSE provider_status END
WHERE id = @id AND settled_at IS NULL
  AND (checked_at IS NULL OR checked_at <= now() - make_interval(secs => @every_seconds::int))
RETURNING *;

-- name: TakeDue :many
-- Payments to ask the provider about, those under way first; each gets its next time at once, so that two that
-- reconcile never take the same. Under way: 5 s, 10 s … 60 s. Given up: 1 min … 1 h, until a day is over.
UPDATE payments p
SET checks = p.checks + 1,
    late_expected = p.late_expected AND p.created_at > now() - interval '24 hours',
    next_check_at = now() + CASE WHEN p.late_expected
        THEN least(interval '1 hour', interval '1 minute' * power(2, least(p.checks, 10)))
        ELSE least(interval '60 seconds', interval '5 seconds' * power(2, least(p.checks, 10))) END
FROM (
    SELECT d.id FROM payments d
    WHERE (d.status IN ('initializing', 'pending') OR d.late_expected) AND d.next_check_at <= now()
    ORDER BY d.late_expected, d.next_check_at
    LIMIT @max_payments
    FOR UPDATE SKIP LOCKED
) due
WHERE p.id = due.id
RETURNING p.*;

-- name: InsertWebhook :one
-- Stores a webhook before anything is done about it; a repetition is the same row and gives none.
INSERT INTO webhooks (provider, dedupe, kind, reference, body)
VALUES (@provider, @dedupe, @kind, @reference, @body)
ON CONFLICT (dedupe) DO NOTHING
RETURNING id;

-- name: GetWebhook :one
SELECT * FROM webhooks WHERE id = @id;

-- name: WebhookDone :exec
UPDATE webhooks SET processed_at = now(), outcome = @outcome WHERE id = @id AND processed_at IS NULL;

-- name: InsertRefund :exec
INSERT INTO refunds (id, payment_id, amount_kobo, reason, status, asked_by, note, request)
VALUES (@id, @payment_id, @amount_kobo, @reason, 'due', sqlc.narg(asked_by), @note, sqlc.narg(request));

-- name: GetRefund :one
SELECT r.*, p.reference, p.event_id, p.provider
FROM refunds r
JOIN payments p ON p.id = r.payment_id
WHERE r.id = @id;

-- name: RefundsOfPayment :many
SELECT * FROM refunds WHERE payment_id = @payment_id ORDER BY created_at, id;

-- name: LockRefundsOfPayment :many
SELECT * FROM refunds WHERE payment_id = @payment_id ORDER BY created_at, id FOR UPDATE;

-- name: LeaseRefund :execrows
-- Written before the provider is called: whoever finds requested must look the refund up before asking again.
UPDATE refunds SET status = 'requested', requested_at = now(), provider_refund_id = NULL, attempts = attempts + 1
WHERE id = @id AND status = ANY(@from_states::text[])
  AND (status <> 'requested' OR requested_at <= now() - make_interval(secs => @lease_seconds::int));

-- name: MoveRefund :execrows
UPDATE refunds
SET status = @status, provider_refund_id = coalesce(sqlc.narg(provider_refund_id), provider_refund_id), last_error = @last_error,
    processed_at = CASE WHEN @status = 'processed' THEN now() END
WHERE id = @id AND status = ANY(@from_states::text[]);

-- name: ShrinkRefund :execrows
-- Part of what is owed is in another row now, or has gone back otherwise.
UPDATE refunds SET amount_kobo = amount_kobo - @part::bigint
WHERE id = @id AND amount_kobo > @part::bigint AND status = ANY(@from_states::text[]);

-- name: CoverRefund :execrows
-- What was owed has gone back, or goes, without us: by somebody at the provider, or by a bank.
UPDATE refunds
SET status = @status, made_by = @made_by, amount_kobo = @amount_kobo, last_error = @last_error,
    provider_refund_id = coalesce(sqlc.narg(provider_refund_id), provider_refund_id),
    processed_at = CASE WHEN @status = 'processed' THEN now() END
WHERE id = @id AND status = ANY(@from_states::text[]);

-- name: BeginLooks :exec
-- The refunds of a provider are looked through from the first payment on; once.
INSERT INTO refund_looks (provider, since)
SELECT @provider, coalesce(min(created_at), now()) FROM payments
HAVING NOT EXISTS (SELECT FROM refund_looks l WHERE l.provider = @provider)
ON CONFLICT (provider) DO NOTHING;

-- name: TakeLook :one
-- The right to ask the provider about refunds now, if anything is to be asked: once in a while, whoever wants to.
UPDATE refund_looks l
SET step_at = now() + make_interval(secs => @pause_seconds::int),
    began_at = CASE WHEN l.began_at IS NULL AND l.look_at <= now() THEN now() ELSE l.began_at END
WHERE l.provider = @provider AND l.step_at <= now()
  AND (l.began_at IS NOT NULL OR l.look_at <= now() OR EXISTS (SELECT FROM stray_refunds s WHERE s.look_at <= now()))
RETURNING l.*;

-- name: NextPage :exec
UPDATE refund_looks SET page = page + 1 WHERE provider = @provider AND began_at = @began_at AND page = @page;

-- name: EndLook :exec
-- All pages were seen. The next look begins a little before this one did: a list may lag, and clocks differ.
UPDATE refund_looks
SET since = greatest(since, began_at - make_interval(secs => @overlap_seconds::int)), began_at = NULL, page = 1,
    look_at = now() + make_interval(secs => @rest_seconds::int)
WHERE provider = @provider AND began_at = @began_at AND page = @page;

-- name: NoteStrays :exec
-- Refunds of a list that are of our payments and in none of our books, to be looked at a little later: ours are being
-- written down meanwhile.
INSERT INTO stray_refunds (provider_refund_id, payment_id, amount_kobo, look_at)
SELECT DISTINCT ON (n.id) n.id, p.id, n.kobo, now() + make_interval(secs => @wait_seconds::int)
FROM (SELECT unnest(@ids::text[]) AS id, unnest(@payments::text[]) AS reference, unnest(@numbers::text[]) AS number, unnest(@kobo::bigint[]) AS kobo) n
CROSS JOIN LATERAL (
    SELECT x.id FROM payments x WHERE x.provider = @provider AND x.reference = n.reference AND n.reference <> ''
    UNION
    SELECT x.id FROM payments x WHERE x.provider = @provider AND x.provider_id = n.number AND n.number <> ''
) p
WHERE NOT EXISTS (SELECT FROM refunds r WHERE r.provider_refund_id = n.id)
ORDER BY n.id, p.id
ON CONFLICT (provider_refund_id) DO NOTHING;

-- name: ForgetBooked :exec
-- Strays that are in the books by now.
DELETE FROM stray_refunds s WHERE EXISTS (SELECT FROM refunds r WHERE r.provider_refund_id = s.provider_refund_id);

-- name: TakeStrays :many
-- Strays whose turn it is, each with its next turn: 1 min … 1 h.
UPDATE stray_refunds s
SET looks = s.looks + 1, look_at = now() + least(interval '1 hour', interval '1 minute' * power(2, least(s.looks, 10)))
FROM (SELECT x.provider_refund_id AS id FROM stray_refunds x WHERE x.look_at <= now() ORDER BY x.look_at LIMIT @max_strays FOR UPDATE SKIP LOCKED) due
WHERE s.provider_refund_id = due.id
RETURNING s.payment_id;

-- name: ForgetStrays :exec
-- Strays of a payment that are none: in the books, or failed, so that nothing went; the way in which a bank took what it won;
-- of a payment that brought nothing, as far as anybody will ever know.
DELETE FROM stray_refunds s USING payments p
WHERE s.payment_id = @payment_id AND p.id = s.payment_id
  AND (EXISTS (SELECT FROM refunds r WHERE r.provider_refund_id = s.provider_refund_id)
       OR s.provider_refund_id = ANY (@failed::text[])
       OR (p.settled_at IS NULL AND p.status NOT IN ('initializing', 'pending') AND NOT p.late_expected)
       OR (EXISTS (SELECT FROM disputes d WHERE d.payment_id = p.id AND d.status = 'lost' AND d.amount_kobo >= s.amount_kobo)
           AND NOT EXISTS (SELECT FROM disputes d WHERE d.payment_id = p.id AND d.status = 'open')));

-- name: WakeStrays :exec
UPDATE stray_refunds SET look_at = now() WHERE payment_id = @payment_id;

-- name: Misfit :execrows
-- A refund of the provider that does not fit into the books; none where that is known.
INSERT INTO stray_refunds (provider_refund_id, payment_id, amount_kobo, look_at, misfit)
VALUES (@provider_refund_id, @payment_id, @amount_kobo, now() + make_interval(secs => @wait_seconds::int), true)
ON CONFLICT (provider_refund_id) DO UPDATE SET misfit = true WHERE NOT stray_refunds.misfit;

-- name: LostOfPayment :one
-- What banks have taken of a payment.
SELECT coalesce(sum(amount_kobo), 0)::bigint FROM disputes WHERE payment_id = @payment_id AND status = 'lost';

-- name: Orders :many
-- Claims of an event for which money was asked, newest first, each with its best payment; on demand only those whose
-- money waits for a person, or those that have all of some words, folded, somewhere: in the buyer's address or name, a name on
-- a ticket, the reference of a payment. Also that of exactly this number, and orders of tickets that were found otherwise.
WITH words AS MATERIALIZED (SELECT regexp_split_to_table(btrim(folded(@search)), '\s+') AS word)
SELECT c.id, a.email, c.total_kobo, c.created_at, c.paid_at,
       CASE WHEN c.status = 'held' AND c.expires_at <= now() THEN 'expired' ELSE c.status END::text AS claim_status,
       p.status AS payment_status, p.reference,
       l.quantity, l.tiers, back.kobo AS back_kobo,
       back.stuck::boolean AS stuck, (asked.banks > 0)::boolean AS disputed, asked.due_at::timestamptz AS due_at
FROM claims c
JOIN accounts a ON a.id = c.account_id
JOIN LATERAL (
    SELECT x.status, x.reference FROM payments x
    WHERE x.claim_id = c.id
    ORDER BY (x.status = 'succeeded') DESC, (x.settled_at IS NOT NULL) DESC, x.created_at DESC
    LIMIT 1
) p ON true
JOIN LATERAL (
    SELECT sum(y.n)::bigint AS quantity, string_agg(y.n || ' × ' || y.name, ', ' ORDER BY y.ordinal)::text AS tiers
    FROM (
        SELECT t.name, t.ordinal, count(*) AS n
        FROM claim_lines cl JOIN tiers t ON t.id = cl.tier_id
        WHERE cl.claim_id = c.id
        GROUP BY t.name, t.ordinal
    ) y
) l ON true
CROSS JOIN LATERAL (
    SELECT coalesce(sum(r.amount_kobo), 0)::bigint AS kobo,
           coalesce(bool_or(r.status IN ('failed', 'needs_attention')), false) AS stuck
    FROM payments x JOIN refunds r ON r.payment_id = x.id WHERE x.claim_id = c.id
) back
CROSS JOIN LATERAL (
    SELECT count(*) AS banks, coalesce(min(d.due_at), 'epoch') AS due_at
    FROM payments x JOIN disputes d ON d.payment_id = x.id WHERE x.claim_id = c.id AND d.status = 'open'
) asked
WHERE c.event_id = @event_id
  AND (c.created_at, c.id) < (@before_at::timestamptz, @before_id::uuid)
  AND (NOT @needing::boolean OR back.stuck OR asked.banks > 0)
  AND (@search::text = '' OR c.id = ANY (@found::uuid[]) OR c.id::text = lower(@search)
       OR EXISTS (SELECT FROM payments x WHERE x.claim_id = c.id AND (x.provider_id = @search OR x.id::text = lower(@search)))
       OR (SELECT bool_and(position(words.word IN h.hay) > 0)
           FROM words, (
               SELECT concat_ws(' ', a.folded, (SELECT string_agg(t.holder_folded, ' ') FROM tickets t WHERE t.claim_id = c.id),
                   (SELECT string_agg(lower(x.reference), ' ') FROM payments x WHERE x.claim_id = c.id)) AS hay OFFSET 0
           ) h))
ORDER BY c.created_at DESC, c.id DESC
LIMIT @max_orders;

-- name: OfTicket :one
-- What decides whether a ticket may be given back.
SELECT t.payment_id, t.claim_id, t.event_id, t.status, p.status AS payment_status, s.returns, s.returns_until, s.cancelled_at,
       e.starts_at, now()::timestamptz AS now,
       EXISTS (SELECT FROM disputes d WHERE d.payment_id = t.payment_id AND d.status = 'open') AS disputed
FROM tickets t
JOIN payments p ON p.id = t.payment_id
JOIN sales s ON s.event_id = t.event_id
JOIN events e ON e.id = t.event_id
WHERE t.id = @id AND t.account_id = @account_id;

-- name: DeliveredOfClaim :one
-- The payment that became the tickets of an order, whatever became of both since.
SELECT p.id FROM payments p
WHERE p.claim_id = @claim_id AND EXISTS (SELECT FROM tickets t WHERE t.payment_id = p.id);

-- name: RefundOfRequest :one
SELECT * FROM refunds WHERE payment_id = @payment_id AND request = @request::text;

-- name: DisputeOpen :one
SELECT EXISTS (SELECT FROM disputes WHERE payment_id = @payment_id AND status = 'open');

-- name: Order :one
-- An order with its buyer; its claim as it is in effect.
SELECT c.id, c.event_id, a.email, a.name, c.total_kobo, c.created_at, c.paid_at,
       CASE WHEN c.status = 'held' AND c.expires_at <= now() THEN 'expired' ELSE c.status END::text AS claim_status,
       s.cancelled_at
FROM claims c JOIN accounts a ON a.id = c.account_id JOIN sales s ON s.event_id = c.event_id
WHERE c.id = @id AND EXISTS (SELECT FROM payments p WHERE p.claim_id = c.id);

-- name: PaymentsOfOrder :many
SELECT * FROM payments WHERE claim_id = @claim_id ORDER BY created_at, id;

-- name: RefundsOfOrder :many
SELECT r.*, p.reference FROM refunds r JOIN payments p ON p.id = r.payment_id
WHERE p.claim_id = @claim_id
ORDER BY r.created_at, r.id;

-- name: DisputesOfOrder :many
SELECT d.*, p.reference FROM disputes d JOIN payments p ON p.id = d.payment_id
WHERE p.claim_id = @claim_id
ORDER BY d.opened_at, d.id;

-- name: TicketsOfOrder :many
SELECT t.id, t.payment_id, t.refund_id, t.status, t.holder_name, t.name_corrected_at, t.price_kobo, t.reduced_kobo, t.ended_at, r.name AS tier_name,
       c.name AS seat_section, w.name AS seat_row, s.label AS seat_label
FROM tickets t
JOIN tiers r ON r.id = t.tier_id
JOIN units u ON u.id = t.unit_id
LEFT JOIN seats s ON s.id = t.unit_id
LEFT JOIN seat_rows w ON w.event_id = s.event_id AND w.section = s.section AND w.ordinal = s.seat_row
LEFT JOIN seat_sections c ON c.event_id = s.event_id AND c.ordinal = s.section
WHERE t.claim_id = @claim_id
ORDER BY r.ordinal, u.slot, t.issued_at, t.id;

-- name: Trouble :one
-- What of the money of an event waits for a person.
SELECT (SELECT count(*) FROM refunds r JOIN payments p ON p.id = r.payment_id
        WHERE p.event_id = @event_id AND r.status IN ('failed', 'needs_attention')) AS refunds,
       (SELECT count(*) FROM disputes d JOIN payments p ON p.id = d.payment_id
        WHERE p.event_id = @event_id AND d.status = 'open') AS disputes;

-- name: RefundOfEvent :one
SELECT r.*, p.reference, p.event_id, p.claim_id, p.provider
FROM refunds r JOIN payments p ON p.id = r.payment_id
WHERE r.id = @id AND p.event_id = @event_id;

-- name: InsertDispute :execrows
INSERT INTO disputes (id, payment_id, provider_dispute_id, status, provider_status, category, amount_kobo, due_at)
VALUES (@id, @payment_id, @provider_dispute_id, 'open', @provider_status, @category, @amount_kobo, sqlc.narg(due_at))
ON CONFLICT (provider_dispute_id) DO NOTHING;

-- name: DisputeByProvider :one
SELECT * FROM disputes WHERE provider_dispute_id = @provider_dispute_id;

-- name: NoteDispute :exec
-- What the provider says now of a dispute that is open.
UPDATE disputes SET provider_status = @provider_status, due_at = coalesce(sqlc.narg(due_at), due_at)
WHERE id = @id AND status = 'open';

-- name: MoveDispute :execrows
-- What is lost may be less than what was asked for: the amount is the one of the end, where the provider says it.
UPDATE disputes
SET status = @status, provider_status = @provider_status, resolved_at = now(),
    amount_kobo = CASE WHEN @status = 'lost' AND @amount_kobo::bigint > 0 THEN @amount_kobo::bigint ELSE amount_kobo END
WHERE id = @id AND status = ANY(@from_states::text[]);

-- name: DisputesOfPayment :many
SELECT * FROM disputes WHERE payment_id = @payment_id ORDER BY opened_at, id;

-- name: GetDispute :one
SELECT d.*, p.provider FROM disputes d JOIN payments p ON p.id = d.payment_id WHERE d.id = @id;

-- name: RulesOfEvent :one
SELECT disputes, cancelled_at, cancel_reason FROM sales WHERE event_id = @event_id;

-- name: ToTakeBack :many
-- Payments of an event with tickets that are good, in pages; a bank may be asking for the money of one.
SELECT p.id FROM payments p
WHERE p.event_id = @event_id AND p.id > @after::uuid AND p.status = 'succeeded'
  AND NOT EXISTS (SELECT FROM disputes d WHERE d.payment_id = p.id AND d.status = 'open')
ORDER BY p.id
LIMIT @max_payments;

-- name: CancelsLeft :many
-- Events that were cancelled, and whose sale is not ended or whose money has not all gone back: of what no bank asks for.
SELECT s.event_id FROM sales s
WHERE s.cancelled_at IS NOT NULL AND (s.state <> 'ended' OR EXISTS (
    SELECT FROM payments p WHERE p.event_id = s.event_id AND p.status = 'succeeded'
      AND NOT EXISTS (SELECT FROM disputes d WHERE d.payment_id = p.id AND d.status = 'open')));

-- name: CountLive :one
-- Payments of an event whose money may still come before they are given up.
SELECT count(*) FROM payments WHERE event_id = @event_id AND status IN ('initializing', 'pending');

-- name: CancelProgress :one
-- How far the money of an event goes back once it is cancelled, by orders: those with good tickets and money left, those with
-- refunds that had not left when it was cancelled (or have not left, where it is not yet). Apart: orders with good tickets
-- and no money left, as free ones, and those of which a bank decides first.
WITH good AS (
    SELECT p.claim_id, p.received_kobo - (SELECT coalesce(sum(x.amount_kobo), 0) FROM refunds x WHERE x.payment_id = p.id)::bigint AS kept_kobo
    FROM payments p WHERE p.event_id = @event_id AND p.status = 'succeeded'
      AND NOT EXISTS (SELECT FROM disputes d WHERE d.payment_id = p.id AND d.status = 'open')
), due AS (
    SELECT p.claim_id, r.amount_kobo, r.status
    FROM refunds r JOIN payments p ON p.id = r.payment_id JOIN sales s ON s.event_id = p.event_id
    WHERE p.event_id = @event_id AND (r.processed_at IS NULL OR r.processed_at >= s.cancelled_at)
)
SELECT (SELECT count(*) FROM (SELECT claim_id FROM good WHERE kept_kobo > 0 UNION SELECT claim_id FROM due) o) AS orders,
       (SELECT count(*) FROM (SELECT claim_id FROM due EXCEPT SELECT claim_id FROM due WHERE status <> 'processed'
                              EXCEPT SELECT claim_id FROM good WHERE kept_kobo > 0) o) AS back_orders,
       (SELECT count(*) FROM good WHERE kept_kobo > 0) AS open_orders,
       (SELECT count(*) FROM good WHERE kept_kobo <= 0) AS free_orders,
       (SELECT coalesce(sum(kept_kobo), 0) FROM good)::bigint AS kept_kobo,
       (SELECT count(DISTINCT p.claim_id) FROM payments p JOIN disputes d ON d.payment_id = p.id
        WHERE p.event_id = @event_id AND d.status = 'open') AS disputed_orders,
       (SELECT count(*) FROM payments p WHERE p.event_id = @event_id AND p.status IN ('initializing', 'pending')) AS under_way,
       coalesce(sum(due.amount_kobo), 0)::bigint AS owed_kobo,
       coalesce(sum(due.amount_kobo) FILTER (WHERE due.status = 'processed'), 0)::bigint AS back_kobo,
       count(due.claim_id) AS refunds,
       count(due.claim_id) FILTER (WHERE due.status = 'processed') AS back,
       count(due.claim_id) FILTER (WHERE due.status IN ('failed', 'needs_attention')) AS stuck
FROM due;

-- name: Holders :many
-- Who holds tickets of some events that are good, or will be if a dispute is won, in pages by account.
SELECT a.id, a.email, count(*) AS tickets
FROM tickets t JOIN accounts a ON a.id = t.account_id
WHERE t.event_id = ANY (@events::uuid[]) AND a.id > @after
  AND (t.status = 'valid' OR EXISTS (SELECT FROM disputes d WHERE d.payment_id = t.payment_id AND d.status = 'open' AND t.ended_from = 'valid' AND t.refund_id IS NULL))
GROUP BY a.id
ORDER BY a.id
LIMIT @most;

-- name: CountHolders :one
-- How many people hold tickets of the show of an event, as Holders counts them.
SELECT count(DISTINCT t.account_id)
FROM tickets t JOIN events e ON e.id = t.event_id
WHERE e.show_id = (SELECT o.show_id FROM events o WHERE o.id = @event_id)
  AND (t.status = 'valid' OR EXISTS (SELECT FROM disputes d WHERE d.payment_id = t.payment_id AND d.status = 'open' AND t.ended_from = 'valid' AND t.refund_id IS NULL));

-- name: TellBuyer :execrows
-- The right to write to a buyer about a refund that is stuck: once for each way in which it is.
UPDATE refunds SET buyer_told = @status WHERE id = @id AND buyer_told <> @status;

-- name: TroubleTold :one
-- Whether something of an event waits for its organizers that they do not know of, and when they were last written to
-- about such.
SELECT (EXISTS (SELECT FROM refunds r JOIN payments p ON p.id = r.payment_id
                WHERE p.event_id = @event_id AND r.status IN ('failed', 'needs_attention') AND r.organizer_told <> r.status)
        OR EXISTS (SELECT FROM disputes d JOIN payments p ON p.id = d.payment_id
                   WHERE p.event_id = @event_id AND d.status = 'open' AND d.organizer_told_at IS NULL))::boolean AS news, greatest(
    coalesce((SELECT max(r.organizer_told_at) FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.event_id = @event_id), 'epoch'),
    coalesce((SELECT max(d.organizer_told_at) FROM disputes d JOIN payments p ON p.id = d.payment_id WHERE p.event_id = @event_id), 'epoch')
)::timestamptz AS at;

-- name: TakeStuckRefunds :many
-- Refunds of an event that wait for a person, and of which its organizers do not know yet; they do from here on.
UPDATE refunds r SET organizer_told = r.status, organizer_told_at = now()
FROM (
    SELECT x.id, a.email FROM refunds x JOIN payments p ON p.id = x.payment_id JOIN accounts a ON a.id = p.account_id
    WHERE p.event_id = @event_id AND x.status IN ('failed', 'needs_attention') AND x.organizer_told <> x.status
    ORDER BY x.id
    FOR UPDATE OF x
) due
WHERE r.id = due.id
RETURNING r.status, r.amount_kobo, due.email;

-- name: TakeOpenDisputes :many
-- The same for disputes that are open.
UPDATE disputes d SET organizer_told_at = now()
FROM (
    SELECT x.id, a.email FROM disputes x JOIN payments p ON p.id = x.payment_id JOIN accounts a ON a.id = p.account_id
    WHERE p.event_id = @event_id AND x.status = 'open' AND x.organizer_told_at IS NULL
    ORDER BY x.id
    FOR UPDATE OF x
) due
WHERE d.id = due.id
RETURNING d.amount_kobo, d.due_at, due.email;

-- name: OrganizersOf :many
SELECT a.email FROM events e JOIN members m ON m.organization_id = e.organization_id JOIN accounts a ON a.id = m.account_id
WHERE e.id = @event_id
ORDER BY a.email;

-- name: TroubleOfEvents :many
-- What of the money of some events waits for a person; events where nothing does are left out.
SELECT p.event_id, count(*) FILTER (WHERE w.refund) AS refunds, count(*) FILTER (WHERE NOT w.refund) AS disputes
FROM (
    SELECT r.payment_id, true AS refund FROM refunds r WHERE r.status IN ('failed', 'needs_attention')
    UNION ALL
    SELECT d.payment_id, false FROM disputes d WHERE d.status = 'open'
) w JOIN payments p ON p.id = w.payment_id
WHERE p.event_id = ANY (@events::uuid[])
GROUP BY p.event_id;
