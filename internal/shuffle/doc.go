// Package shuffle knows the order of a draw: the swap-or-not shuffle of the Ethereum consensus specification
// (compute_shuffled_index, 90 rounds of SHA-256), whose test vectors are public.
package shuffle
