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
// A webhook is signed with HMAC-SHA512 over its raw body with the secret key.
package paystack
