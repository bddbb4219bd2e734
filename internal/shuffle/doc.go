// Package shuffle knows the order of a draw: the swap-or-not shuffle of the Ethereum consensus specification
// (compute_shuffled_index, 90 rounds of SHA-256), whose test vectors are public.
//
// A round pairs every position with its mirror around a pivot and swaps the pairs whose bit says so. One number
// (Index, Inverse) costs two hashes a round: 17 µs, of which 15 are the hashing. A whole order (Table) goes round by
// round over the list instead, where one hash serves 256 pairs that follow each other, and swaps by a mask, since no
// branch predictor can guess a hash: 84 ms for a million people in both directions, of which 15 are the hashing
// (BenchmarkDraw, BenchmarkNumber on one core of two). Doing it number by number took 17 s.
package shuffle
