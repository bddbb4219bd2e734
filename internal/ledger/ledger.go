package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/ledgerdb"
)

// Kind names a decision.
type Kind string

// The decisions.
const (
	Joined        Kind = "joined"         // {"from","to","root"}: arrivals, and the Merkle root of their leaves
	Called        Kind = "called"         // {"step","from_number","to_number","again":[numbers]}; to below from: only returners
	SaleMoved     Kind = "sale_moved"     // {"from","to","by"}
	SaleChanged   Kind = "sale_changed"   // {"by","changes":{field:{"from","to"}}}
	ClaimGranted  Kind = "claim_granted"  // {"claim","spot","units":[…],"limit"}
	ClaimChanged  Kind = "claim_changed"  // {"claim","units":[…],"freed":[…],"limit"} other units for the same hold
	ClaimEnded    Kind = "claim_ended"    // {"claim","status"}
	ClaimPaying   Kind = "claim_paying"   // {"claim","payment"}
	ClaimHeld     Kind = "claim_held"     // {"claim","expires_at"} back from paying, or extended
	Settled       Kind = "settled"        // {"payment","claim","received","tickets":[…]}
	RefundDue     Kind = "refund_due"     // {"payment","refund","amount","reason"}
	RefundChanged Kind = "refund_changed" // {"refund","status"}
	Returned      Kind = "returned"       // {"spot","number","rule"} asked for another turn, or undone leaving
	Released      Kind = "released"       // {"by","show","seats":[numbers]}: another sale of the show, and the seats that it sells
	Finished      Kind = "finished"       // {"spot"}: over before it was called, because the fan bought the limit in another sale of the show
)

// The decisions of an organizer about stock, and what codes opened.
const (
	StockAdded      Kind = "stock_added"      // {"by","tier","added","capacity"}: the capacity after it
	StockBlocked    Kind = "stock_blocked"    // {"by","units":[…]}
	StockUnblocked  Kind = "stock_unblocked"  // {"by","units":[…]}
	PresaleMade     Kind = "presale_made"     // {"presale","by","tier" or "seats":[…],"public_at","codes","uses_per_code"}
	PresaleEnded    Kind = "presale_ended"    // {"presale","by"}: before public_at
	PresaleUnlocked Kind = "presale_unlocked" // {"presale","code","use"}
)

// The decisions about tickets that were sold, and about the event itself.
const (
	TicketsEnded   Kind = "tickets_ended"   // {"payment","tickets":[…],"status","why","units":[…]}: units are free again
	NameCorrected  Kind = "name_corrected"  // {"ticket","by"}
	Disputed       Kind = "disputed"        // {"payment","dispute","status"}
	EventCancelled Kind = "event_cancelled" // {"by"}
	EventChanged   Kind = "event_changed"   // {"by","changes":{field:{"from","to"}}}
)

// The decisions of a draw. None says the secret before it is revealed.
const (
	DrawCommitted  Kind = "draw_committed"  // {"commitment","beacon":{"name","round"}}
	DrawFrozen     Kind = "draw_frozen"     // {"lobby_size","round","by"}: the round that counts
	DrawRooted     Kind = "draw_rooted"     // {"lobby_size","root"}
	BeaconGiven    Kind = "beacon_given"    // {"value","by"}
	BeaconWaived   Kind = "beacon_waived"   // {"by"}
	SecretRevealed Kind = "secret_revealed" // {"secret"}
	Drawn          Kind = "drawn"           // {"lobby_size","seed"}
)

// Write appends one decision in the caller's transaction; body must marshal to a
// JSON object without anything personal in it. The zero event is none.
func Write(ctx context.Context, tx pgx.Tx, event uuid.UUID, kind Kind, body any) error {
	raw, err := object(kind, body)
	if err != nil {
		return err
	}
	if err := ledgerdb.New().Write(ctx, tx, eventOf(event), string(kind), raw); err != nil {
		return db.Fault(fmt.Errorf("ledger.Write: %s: %w", kind, err))
	}
	return nil
}

// WriteAll is Write for many decisions of one kind, in one statement.
func WriteAll(ctx context.Context, tx pgx.Tx, event uuid.UUID, kind Kind, bodies []any) error {
	raw := make([][]byte, len(bodies))
	for i, body := range bodies {
		var err error
		if raw[i], err = object(kind, body); err != nil {
			return err
		}
	}
	if err := ledgerdb.New().WriteAll(ctx, tx, eventOf(event), string(kind), raw); err != nil {
		return db.Fault(fmt.Errorf("ledger.WriteAll: %s: %w", kind, err))
	}
	return nil
}

func object(kind Kind, body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("ledger: %s: %w", kind, err)
	}
	if !bytes.HasPrefix(raw, []byte("{")) {
		return nil, fmt.Errorf("ledger: %s: the body is no JSON object", kind)
	}
	return raw, nil
}

func eventOf(event uuid.UUID) *uuid.UUID {
	if event == uuid.Nil {
		return nil
	}
	return &event
}
