// Package paystack knows how Paystack speaks: its HTTP API and its webhooks.
//
// What it relies on stands in Paystack's public API reference
// (https://paystack.com/docs/api) and in reports of integrators. Three rules
// come from there and shape every call:
//
//   - The reference is the idempotency key, and there is no other. After a
//     time-out, a 5xx, an answer that cannot be read, or duplicate_reference the
//     work may have been done: the error is Uncertain, and only a look-up tells.
//   - Errors are told apart by code, never by status: an unknown reference is
//     404 in some places and 400 in others. Old paths give only a message.
//   - Types vary from answer to answer: amounts are numbers or strings, metadata
//     is "", 0, null, an object or a string, and dates come under two names.
//     Only the fields that are needed are read, each by a type that takes every
//     form, and a field nobody needs can never make an answer unreadable.
//
// # When it is asked again, and when not
//
// A call is made once more, after a moment and within its deadline, only where
// that is safe: a question that got a 5xx or a broken connection, a 429 that asks
// for two seconds at most, and anything that never left this machine. Initialize,
// refund and retry of a refund are never repeated after an unknown outcome: who
// called looks up first. A time-out is not repeated either, because somebody waits.
//
// Requests run in three lanes: initialize; verify; refunds with disputes. Eight
// failures in a row in one make it rest, a time-out counting as two, for 2 seconds
// at first and 10 at most, with one call trying in between (lane.go). Whoever comes meanwhile hears
// provider_resting at once: nothing was sent, so nothing has to be looked up, and
// a fan's hold runs on within its cap instead of behind a spinning page. What a
// lane does not see as failure: any answer, even a refusal, and callers who hang
// up. A resting lane says nothing about a payment: silence keeps a claim for
// twenty minutes after its deadline, as package payment has it.
//
// # Keys
//
// An answer carries domain test or live. One that is not of the key's own world
// is unreadable: money of a test buys nothing.
//
// A webhook is signed with HMAC-SHA512 over its raw body with the secret key.
package paystack
