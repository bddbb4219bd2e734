// Package sandbox knows how Paystack behaves: a local Paystack with its API, its hosted checkout page, its webhooks and
// its failures, for development and tests. It holds no real money and refuses live keys and production.
//
// It is a server of its own on an origin of its own, as in life:
//
//	shop ── POST /transaction/initialize, GET /transaction/verify/{reference}, /refund, /dispute … ──▶ api.go, refunds.go, disputes.go
//	buyer ── GET /checkout/{access_code}, forms ──▶ checkout.go          tester ── /, /transactions/…, /_sandbox/… ──▶ console.go, control.go
//	                                   │                                           │
//	                                   ▼                                           ▼
//	                      transaction (transaction.go) ── one line a change ──▶ journal (journal.go)
//	                                   │ webhooks due
//	                                   ▼
//	             Run (webhook.go): signed over the raw body, retried on Paystack's ladder ──▶ shop
//
// Everything that happens to a transaction happens under one lock by transaction.advance, which applies what is due by
// the clock: a verify that comes a moment before the timer sees the same as one that comes after it.
//
// # For another shop
//
// Any program that speaks to https://api.paystack.co can speak to this instead:
//
//	FAIRQUEUE_ENV=dev PAYSTACK_SECRET_KEY=sk_test_anything PAYSTACK_SANDBOX_ADDR=:8090 \
//	  fairqueue sandbox --webhook http://localhost:3000/paystack --merchant "My shop" --memory
//
// and then give the shop http://localhost:8090 as base URL and the same key. The addresses:
//
//	POST /transaction/initialize      GET /transaction/verify/{reference}   GET /transaction   GET /transaction/{id}
//	POST /refund   GET /refund        GET /refund/{id}                      POST /refund/retry_with_customer_details/{id}
//	GET /dispute   GET /dispute/{id}  GET /dispute/transaction/{id}         PUT /dispute/{id}/resolve
//	GET /bank
//
// Errors carry Paystack's codes and words (duplicate_reference, transaction_not_found, invalid_Key, transaction_reversed …),
// lists its meta, a 429 Retry-After and x-ratelimit-reset. What is left out: customers, plans, splits, transfers, charges
// without the hosted page, and the upload of evidence.
//
// # Webhooks
//
// charge.success, refund.pending, .processing, .processed, .failed and .needs-attention, charge.dispute.create, .remind and
// .resolve, and bank.transfer.rejected, which names no reference. Only a success of a charge sends one, as in life: what
// failed is found by asking. Only 200 counts. The ladder is that of live mode (every 3 minutes four times, then hourly for
// 72 hours), run --speed-up times as fast; so are the steps of a refund and the time a bank thinks about evidence. Dates that
// people read stay real: a dispute is due in 24 hours, and a dispute nobody answers is lost then.
//
// # Knobs
//
// Each is on the pages and in the API. A body with a field nobody knows is refused, so that a misspelt knob does not pass
// for a healthy provider.
//
//	POST /_sandbox/transactions/{reference}   {"outcome":"success|failed|abandoned|ongoing", "after_seconds", "after_minutes" (fast
//	                                          clock), "amount", "currency", "channel", "webhook":"send|drop|duplicate|late|corrupt",
//	                                          "late_seconds"}; an outcome may be changed later
//	GET  /_sandbox/transactions?reference=    what became of it, with the answers its webhooks got
//	POST /_sandbox/transactions/{reference}/webhook    charge.success once more
//	POST /_sandbox/transactions/{reference}/dispute    {"amount", "category", "due_seconds"}
//	POST /_sandbox/disputes/{id}              {"outcome":"won|lost|remind"}
//	POST /_sandbox/refunds/{id}               {"outcome":"processed|failed|needs-attention|stall", "after_seconds"}
//	POST /_sandbox/faults                     {"initialize", "verify", "refund", "dispute": a fault,
//	                                          "refund_outcome":"processed|failed|needs-attention|stall",
//	                                          "webhooks":"ok|drop|duplicate|late|reorder|corrupt", "fees":"merchant|buyer",
//	                                          "for_seconds", "share", "slow_seconds", "late_seconds", "reorder_seconds"}
//	GET, DELETE /_sandbox/faults              what is set; put everything right
//
// The faults of a request, together both sides of every unknown outcome:
//
//	timeout          lost, and nobody answers        500_after_work   done, and answered with 500
//	down             the connection breaks           gibberish        done, and answered by a page of something in between
//	429              refused, with Retry-After       slow             done after slow_seconds, whoever still waits
//	500              refused by a broken server
//
// With share, only so many of the requests meet the fault. Buyers who bear the fees ("fees":"buyer") pay what leaves the
// merchant the whole price: amount = requested_amount + fees.
//
// # One seed, one world
//
// Ids, access codes, the shapes of answers, which requests of a share fail (by number) and the order of reordered webhooks
// are a hash of the seed and of what they belong to, never of a clock or of chance: the same calls under the
// same seed give the same bytes, but for times. What Paystack leaves open or varies between samples (metadata as "", 0, null,
// object or JSON string; plan {} or null; amounts as strings in events of refunds and disputes …) is varied so, and a reader
// that depends on one shape meets another soon.
package sandbox
