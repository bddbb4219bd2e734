// Package ledger knows what was decided about order, stock and money, in the order it was decided.
package ledger

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Kind names a decision.
type Kind string

// The decisions.
const (
	Joined        Kind = "joined"         // {"from","to","root"}
	Called        Kind = "called"         // {"step","from_number","to_number","again":[numbers]}
	SaleMoved     Kind = "sale_moved"     // {"from","to","by"}
	SaleChanged   Kind = "sale_changed"   // {"by","changes":{field:{"from","to"}}}
	ClaimGranted  Kind = "claim_granted"  // {"claim","spot","units":[…],"limit"}
	ClaimEnded    Kind = "claim_ended"    // {"claim","status"}
	ClaimPaying   Kind = "claim_paying"   // {"claim","payment"}
	ClaimHeld     Kind = "claim_held"     // {"claim","expires_at"} back from paying, or extended
	Settled       Kind = "settled"        // {"payment","claim","received","tickets":[…]}
	RefundDue     Kind = "refund_due"     // {"payment","refund","amount","reason"}
	RefundChanged Kind = "refund_changed" // {"refund","status"}
	Returned      Kind = "returned"       // {"spot","number","rule"} asked for another turn, or undone leaving
)

// Write appends one decision in the caller's transaction; body must marshal to a
// JSON object without anything personal in it.
func Write(ctx context.Context, tx pgx.Tx, event uuid.UUID, kind Kind, body any) error {
	panic("not built")
}

// LeafHash is RFC 6962's hash of a leaf, MerkleRoot its tree hash (SHA-256 of
// nothing for no leaves).
func LeafHash(leaf []byte) [32]byte { panic("not built") }

// MerkleRoot is the tree hash over leaf hashes.
func MerkleRoot(leafHashes [][32]byte) [32]byte { panic("not built") }
