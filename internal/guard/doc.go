// Package guard knows how much one caller may ask for.
//
// Rare requests (codes, sign-in, exports) are counted in Redis too, so that all
// replicas count together; frequent ones (joins, polls) only in the process,
// because no join may wait for Redis. Redis makes the count shared, never the product
// dependent on it: when it is down, slower than 50 ms, or answers with
// something that no count can be (a key of another type, a wait longer than the
// window), the process counts alone for a second and then asks again. No
// answer of Redis becomes an error for a fan.
//
// Keys hold a digest of the caller's address, never the address. Memory is
// bounded: the least recently seen callers are forgotten first.
//
// A client of Redis given to Config should have ContextTimeoutEnabled, else a
// cluster's own time-outs, not the 50 ms, end a silent connection.
package guard
