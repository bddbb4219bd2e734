// Package sandbox knows how Paystack behaves: a local Paystack with its API, its hosted checkout page, its webhooks and
// its failures, for development and tests. It holds no real money and refuses live keys and production.
//
// It is a server of its own on an origin of its own, as in life:
//
//	shop ── POST /transaction/initialize, GET /transaction/verify/{reference}, /refund … ──▶ api.go
//	buyer ── GET /checkout/{access_code}, forms ──▶ checkout.go          tester ── /_sandbox/… ──▶ control.go
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
// What Paystack leaves open or varies between samples (metadata as "", 0, null, object or JSON string; plan {} or null;
// amounts as strings in refund events …) is varied here too, chosen by a hash of seed and reference: the same seed gives
// the same bytes, and a reader that depends on one shape meets another soon.
//
// Faults (POST /_sandbox/faults): "timeout" loses the request and hangs; "500_after_work" does the work and answers 500;
// "429" refuses with Retry-After; "down" closes the connection. Together they are both sides of an unknown outcome.
package sandbox
