// Package e2e knows the product from outside: its tests start the whole of it (internal/app) on a real PostgreSQL and
// Redis with the Paystack sandbox beside it, and then do what people and programs do, in a real browser and over HTTP.
//
// What a test cannot wait for (the end of a hold is at least a minute away) it makes happen by moving the times in the
// test's own database; it never sleeps. Every test has an event of its own, so that all run beside each other.
//
// What the suite cannot reach: a real Paystack, a mail server that delivers, other browsers than Chromium, a real phone.
package e2e
