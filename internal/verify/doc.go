// Package verify knows how to check a sale from what is public about it alone: the draw, and the order in which numbers
// were called. It needs neither the database nor a secret, only the JSON of GET /events/{event}/fairness and what stands
// below it; whoever does not believe this program can write another from the bytes in CONTRACT.md.
//
//	commitment  SHA-256(secret) is what was published with the sale
//	root        the leaves of the lobby make the root that was published before the seed could be known
//	seed        secret, root, size of the lobby and beacon make the seed
//	beacon      said only where the value cannot be the beacon's: its round was still to come, or has other values
//	numbers     the seed gives every arrival of the lobby its own number from 1 to its size
//	proofs      the proofs that fans get lead from their leaf to the same root
//	admissions  all steps of the line, from number 1 on without a gap, never going back in time, end at serving
//	exceptions  every other call names one of the published rules
//	unchanged   what was published at the beginning of the check stands there at its end
//
// What it cannot see: whether a leaf belongs to a person (a receipt says that), whether the secret was chosen before the
// sale with an order in mind (a beacon excludes that), and what the line did before it was written down.
//
// A sale that runs while it is checked is read twice, before and after its lists: the last step must lie between.
package verify
